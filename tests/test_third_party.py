"""No code comes from the Hub on import, and the one warning that there is none is kept back, that one alone: in the program and in every process that it starts."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from hubkit.cli.main import main
from hubkit.engine.local import Local
from hubkit.engine.work import Unit
from hubkit.third_party import KERNEL_LOGGER, NO_KERNEL, _tells, settle, without_kernels

LINE = f"{NO_KERNEL}: %s. Please make sure you already `pip install kernels` and the kernels >= 0.11.1"


@pytest.fixture
def logger(monkeypatch: pytest.MonkeyPatch) -> Iterator[logging.Logger]:
    """As it is in a new process: what other packages configure for themselves may have switched it off in this one."""
    found = logging.getLogger(KERNEL_LOGGER)
    found.removeFilter(_tells)
    parts = KERNEL_LOGGER.split(".")
    for one in (logging.getLogger(".".join(parts[:count])) for count in range(1, len(parts) + 1)):
        monkeypatch.setattr(one, "disabled", False)
        monkeypatch.setattr(one, "propagate", True)
        monkeypatch.setattr(one, "level", logging.NOTSET)
    monkeypatch.setattr(logging.getLogger().manager, "disable", logging.NOTSET)
    yield found
    found.removeFilter(_tells)


def test_that_line_is_kept_back_and_every_other_is_heard(
    logger: logging.Logger, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    logger.warning(LINE, "No module named 'kernels'")
    assert caplog.messages == [LINE % "No module named 'kernels'"], "it is there to be heard"
    settle()
    settle()
    caplog.clear()
    logger.warning(LINE, "No module named 'kernels'")
    logger.warning("Some tensors are not aligned")
    logging.getLogger("bitsandbytes").warning(NO_KERNEL)
    assert caplog.messages == ["Some tensors are not aligned", NO_KERNEL]


def test_the_program_keeps_it_back(logger: logging.Logger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["hubkit", "explain", "THR"])
    with pytest.raises(SystemExit):
        main()
    assert _tells in logger.filters


def filters(_: object, report: object) -> bool:
    return _tells in logging.getLogger(KERNEL_LOGGER).filters


def test_the_processes_that_it_starts_keep_it_back(logger: logging.Logger) -> None:
    assert Local(workers=2).run([Unit("a", None), Unit("b", None)], filters, stage="s").done == {
        "a": True,
        "b": True,
    }


@pytest.mark.train
def test_saelens_brings_no_code_from_the_hub(tmp_path: Path) -> None:
    """Not in the program and in no process that it starts, not even where the worker's module imports it: `kernels` says on import that it was."""
    (tmp_path / "kernels.py").write_text("raise SystemExit('kernels was imported')\n", encoding="utf-8")
    (tmp_path / "training.py").write_text(
        "import sae_lens, sys\n\n\ndef work(_, report):\n    return 'sae_lens' in sys.modules and sys.modules['kernels'] is None\n",
        encoding="utf-8",
    )
    program = (
        "from hubkit.engine.local import Local\nfrom hubkit.engine.work import Unit\nfrom hubkit.third_party import settle\n"
        "if __name__ == '__main__':\n    settle()\n    from training import work\n    units = [Unit('a', None), Unit('b', None)]\n"
        "    print(work(None, None), sorted(Local(workers=2).run(units, work, stage='s').done.items()))\n"
    )
    (tmp_path / "program.py").write_text(program, encoding="utf-8")
    path = os.pathsep.join([str(tmp_path), *filter(None, sys.path)])
    ran = subprocess.run(
        [sys.executable, str(tmp_path / "program.py")], env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (ran.stdout, ran.returncode) == ("True [('a', True), ('b', True)]\n", 0), ran.stderr


def test_a_package_that_somebody_has_imported_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = ModuleType("kernels")
    monkeypatch.setitem(sys.modules, "kernels", theirs)
    settle()
    with without_kernels():
        assert sys.modules["kernels"] is theirs
    assert sys.modules["kernels"] is theirs
