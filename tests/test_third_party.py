"""One warning of bitsandbytes is kept back, that one alone, in the program and in every process that it starts."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from hubkit.cli.main import main
from hubkit.engine.local import Local
from hubkit.engine.work import Unit
from hubkit.third_party import KERNEL_LOGGER, NO_KERNEL, _tells, hush

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
    hush()
    hush()
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
