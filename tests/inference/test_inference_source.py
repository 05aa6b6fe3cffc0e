"""Models as a user names them: folders, ids, GGUF files, and GGUF files of installed packages; what is none of them, by what was found."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from hubkit.errors import INSTALL_QUANT, IncompleteError, UsageError
from hubkit.inference.source import find_model

if TYPE_CHECKING:
    from collections.abc import Callable

GGUF = b"GGUF\x03\x00\x00\x00"


def test_an_id_a_folder_a_file(tmp_path: Path) -> None:
    (tmp_path / "a.gguf").write_bytes(GGUF)
    assert find_model("HuggingFaceTB/SmolLM2-135M").hub_id == "HuggingFaceTB/SmolLM2-135M"
    assert find_model("unsloth/x-GGUF", "x-Q4_1.gguf").gguf_file == "x-Q4_1.gguf"
    assert find_model("unsloth/x-GGUF", "x-Q4_1.gguf").gguf_path is None
    assert find_model(str(tmp_path)).gguf_path is None
    assert find_model(str(tmp_path), "a.gguf").gguf_path == tmp_path / "a.gguf"
    file = find_model(str(tmp_path / "a.gguf"))
    assert (file.folder, file.gguf_file, file.where) == (tmp_path, "a.gguf", str(tmp_path))


def test_the_file_of_a_package_is_found_without_importing_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    package = tmp_path / "carries_a_model"
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('imported')\n", encoding="utf-8")
    (package / "one.gguf").write_bytes(GGUF)
    monkeypatch.syspath_prepend(str(tmp_path))
    assert find_model("package:carries_a_model").gguf_path == package / "one.gguf"
    (package / "two.gguf").write_bytes(GGUF)
    with pytest.raises(UsageError, match=r"2 GGUF files in the package \(one.gguf, two.gguf\)"):
        find_model("package:carries_a_model")
    assert find_model("package:carries_a_model", "two.gguf").gguf_file == "two.gguf"
    for name in ("carries_a_model.inside", "carries_a_model/..", ""):
        with pytest.raises(UsageError, match="no name of a package"):
            find_model(f"package:{name}")
    assert "carries_a_model" not in sys.modules


def test_what_is_not_there_or_is_something_else(tmp_path: Path) -> None:
    (tmp_path / "a.gguf").write_bytes(GGUF)
    (tmp_path / "zip.gguf").write_bytes(b"PK\x03\x04 something")
    (tmp_path / "model.bin").write_bytes(b"")
    with pytest.raises(IncompleteError, match="no package not_installed_here") as caught:
        find_model("package:not_installed_here")
    assert caught.value.hint == "name an installed package, or a .gguf file"
    with pytest.raises(UsageError, match="0 GGUF files in the package"):
        find_model("package:json")
    with pytest.raises(IncompleteError, match=r"b\.gguf: there is no such file") as caught:
        find_model(str(tmp_path / "b.gguf"))
    assert caught.value.hint == "in this folder there are: a.gguf, zip.gguf"
    for name, begin in (("zip.gguf", r"b'PK\\x03\\x04'"), ("model.bin", "b''")):
        with pytest.raises(UsageError, match=f"begins with {begin}, expected b'GGUF'"):
            find_model(str(tmp_path / name))
    with pytest.raises(UsageError, match="two files, expected one"):
        find_model(str(tmp_path / "a.gguf"), "b.gguf")


@pytest.mark.train
def test_a_damaged_file_is_incomplete(tiny_gguf: Callable[[str], Path], tmp_path: Path) -> None:
    """Cut at any place, or with a length that is none: no traceback, no hours, no memory."""
    from hubkit.inference.gguf_file import read_tensors

    whole = tiny_gguf("Q8_0").read_bytes()
    damaged = [whole[:length] for length in (4, 12, 24, 60, 300, len(whole) // 2, len(whole) - 9)]
    damaged += [whole[:8] + b"\xff" * 8 + whole[16:], whole[:16] + b"\xff" * 8 + whole[24:], whole[:24] + b"\xff" * 8 + whole[32:]]  # fmt: skip
    for number, data in enumerate(damaged):
        file = tmp_path / f"{number}.gguf"
        file.write_bytes(data)
        with pytest.raises(IncompleteError, match=file.name):
            read_tensors(file)


@pytest.mark.train
@pytest.mark.parametrize(("package", "precision"), [("bitsandbytes", "nf4"), ("gguf", "Q4_0")])
def test_a_missing_package_is_named_with_the_command_that_helps(
    monkeypatch: pytest.MonkeyPatch, random_model: Callable[[str], Path], package: str, precision: str
) -> None:
    from hubkit.inference import extras
    from hubkit.inference.load import load_model

    monkeypatch.setattr(extras, "find_spec", lambda name: None if name == package else name)
    with pytest.raises(UsageError, match=f"needs the package {package}, which is not installed") as caught:
        load_model(str(random_model("llama")), precision=precision)
    assert caught.value.hint == INSTALL_QUANT


@pytest.mark.train
def test_a_gguf_file_in_every_way_of_naming_it(tiny_gguf: Callable[[str], Path]) -> None:
    from hubkit.inference.load import load_model

    file = tiny_gguf("Q8_0")
    for one in (load_model(str(file)), load_model(str(file.parent), gguf_file=file.name)):
        assert (one.class_name, one.n_layers, one.d_in) == ("LlamaForCausalLM", 3, 32)
        assert one.tokenizer("hello ab").input_ids == [73, 70, 77, 77, 80, 96, 97]
        assert one.precision == "Q8_0 -> float32"


@pytest.mark.train
def test_a_gguf_file_of_an_architecture_that_transformers_has_not_is_named(
    tiny_gguf: Callable[[str], Path], tmp_path: Path
) -> None:
    from hubkit.inference.load import load_model

    file = tmp_path / "other.gguf"
    file.write_bytes(tiny_gguf("Q8_0").read_bytes().replace(b"llama", b"lloma"))
    with pytest.raises(IncompleteError, match="architecture lloma"):
        load_model(str(file))


@pytest.mark.train
def test_bitsandbytes_brings_no_code_from_the_hub(tmp_path: Path) -> None:
    """Where the package `kernels` is installed, its import would download and load a compiled one on processors with AVX512-BF16."""
    import os
    import subprocess
    import sys

    (tmp_path / "kernels.py").write_text("raise SystemExit('kernels was imported')\n", encoding="utf-8")
    program = "from hubkit.inference.quantize import _import_bitsandbytes; _import_bitsandbytes(); import sys; assert 'kernels' not in sys.modules"
    path = os.pathsep.join([str(tmp_path), *filter(None, sys.path)])
    ran = subprocess.run(
        [sys.executable, "-c", program], env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (ran.returncode, ran.stderr) == (0, "")
