"""Every family on folders that its own code, or its documented layout, made: what it is, that it is clean, and that planted defects are found.

`families/EXPECTED.json` says what each folder is; `families/make_*.py` made them (CI runs none of it, and installs no peer).
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from families import CASES, EXPECTED, FOLDERS, HERE, files_of, planted, plants

from hubkit.formats.detect import all_families, detect, read_saes
from hubkit.formats.folder import folders_of
from hubkit.formats.sae import Sae
from hubkit.repo.local import open_folder
from hubkit.repo.memory import MemoryView
from hubkit.validate.finding import Severity
from hubkit.validate.report import Report
from hubkit.validate.run import validate

OBJECTS = {"overcomplete/jump", "overcomplete/topk"}
"""Pickles of whole objects: SEC001 is right there."""
PICKLED = {"WTS014"}


def saes_of(folder: Path) -> dict[str, Sae]:
    return {sae.sae_id: sae for one in folders_of(open_folder(folder)).values() for sae in read_saes(one)}


@pytest.mark.parametrize("folder", FOLDERS)
def test_what_each_folder_holds_is_read(folder: str) -> None:
    found = saes_of(HERE / folder)
    expected = {one["sae_id"]: one for one in EXPECTED if one["folder"] == folder}
    assert found.keys() == expected.keys()
    for sae_id, one in expected.items():
        sae = found[sae_id]
        assert sae.family.name == one["family"]
        assert sae.family.loader
        if not one["judged"]:
            continue
        assert (sae.architecture, sae.d_in, sae.d_sae, sae.size("d_out"), sae.k) == tuple(
            one[key] for key in ("architecture", "d_in", "d_sae", "d_out", "k")
        )
        assert (sae.layout, sae.hook_name, sae.layer, sae.model_name) == tuple(
            one[key] for key in ("layout", "hook", "layer", "model")
        )
        assert (sae.threshold.kind if sae.threshold else None) == one["threshold"]


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_healthy_folder_has_nothing_above_a_note_but_that_it_is_a_pickle(folder: str) -> None:
    report = validate(open_folder(HERE / folder), deep=True)
    assert not report.crashes, report.crashes[0].traceback
    above = {finding.code for finding in report.findings if finding.severity > Severity.NOTE} - {"CARD001"}
    assert above <= PICKLED | ({"SEC001"} if folder in OBJECTS else set())
    assert report.complete
    assert len(report.saes) == sum(one["folder"] == folder for one in EXPECTED)
    assert any(finding.code == "WTS015" for finding in report.findings)


def test_all_families_are_asked_and_have_a_folder_here() -> None:
    names = {family.name for family in all_families()}
    assert names - {one["family"] for one in EXPECTED} == {"saelens", "unnamed", "openmoss_molt"}
    assert all(family.loader for family in all_families())


@pytest.mark.parametrize(
    "keys",
    [
        {}, {"model_type": "llama", "architectures": ["LlamaForCausalLM"]}, {"metadata": {}}, {"trainer": "adam"}, {"trainer": {"lr": 1}},
        {"k": 4}, {"d_in": 4}, {"sae": {"x": 1}}, {"hook_point_in": "x"}, {"name": "x", "metadata": {"total_size": 3}},
    ],
)  # fmt: skip
def test_a_configuration_of_something_else_is_nobodys(keys: dict[str, Any]) -> None:
    assert detect(keys) is None


def found(report: Report) -> set[str]:
    assert not report.crashes, report.crashes[0].traceback
    return {finding.code for finding in report.findings if finding.severity > Severity.NOTE}


@pytest.mark.parametrize("case", CASES)
def test_planted_defects_are_found(case: str) -> None:
    folder, weights, config, names, widths = CASES[case]
    missed, tried = [], 0
    for what, change, expected in plants(names, widths, log="log" in names.get("threshold", "")):
        code = expected
        tried += 1
        if case == "circuit_tracer" and what == "W_enc is one short":
            code = "CFG021"  # a transcoder may read another width than it writes; not another than its neighbours
        if code not in found(
            validate(planted(folder, weights, config, change), deep=code in {"WTS011", "WTS013"})
        ):
            missed.append(f"{what}: {code}")
    assert not missed
    assert tried >= 10


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[: len(data) // 2],
        lambda data: data[:-30],
        lambda data: bytes(range(256)) * 8,
        lambda data: b"\0" * len(data),
        lambda data: b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 12\n",
    ],
)
def test_weights_that_cannot_be_opened_are_never_clean(case: str, damage: Callable[[bytes], bytes]) -> None:
    folder, weights, *_ = CASES[case]
    files = files_of(folder)
    files[weights] = damage(files[weights])
    report = validate(MemoryView(name=folder, files=files))
    codes = found(report)
    assert codes & {"WTS001", "WTS002", "WTS003", "WTS014", "WTS016", "WTS017"}, codes
    assert any(finding.path == weights for finding in report.findings if finding.severity > Severity.NOTE)


def test_a_wrong_checksum_inside_an_npz_is_found() -> None:
    folder, weights, *_ = CASES["gemma_scope"]
    files = files_of(folder)
    with zipfile.ZipFile(io.BytesIO(files[weights])) as archive:
        at = archive.getinfo("threshold.npy").header_offset
    data = bytearray(files[weights])
    data[at + 300] ^= 0xFF
    files[weights] = bytes(data)
    report = validate(MemoryView(name=folder, files=files))
    assert not report.complete or "WTS017" in found(report)


@pytest.mark.parametrize(
    "hidden", ["torch_files/goodfire", "sparsify/sae_run", "gemma_scope/pt_res", "crosscoder/two_models"]
)
def test_fix_leaves_what_it_does_not_know_alone(hidden: str, tmp_path: Path) -> None:
    from hubkit.fix.run import planned

    for path, data in files_of(hidden).items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(data)
    (tmp_path / "README.md").write_text("---\nlicense: mit\n---\n# SAEs\n", encoding="utf-8")
    with planned(open_folder(tmp_path), unsafe=True) as plan:
        assert not plan.fixes


@pytest.mark.parametrize(
    ("folder", "said", "fires"),
    [
        ("circuit_tracer/relu", "activation: jump_relu", True),
        ("circuit_tracer/relu", "activation: gelu", True),
        ("circuit_tracer/relu", "activation: [topk]", True),
        ("circuit_tracer/relu", "activation: relu", False),
        ("circuit_tracer/relu", "k: 4", False),
        ("circuit_tracer/jumprelu", "activation: jump_relu", False),
        ("circuit_tracer/jumprelu_skip", "activation: whatever", False),
    ],
)
def test_circuit_tracer_makes_a_relu_of_what_it_does_not_know(folder: str, said: str, *, fires: bool) -> None:
    files = files_of(folder)
    files["config.yaml"] += f"{said}\n".encode()
    report = validate(MemoryView(name=folder, files=files))
    assert ("CFG022" in found(report)) == fires
    assert all("runs a ReLU" in f.message for f in report.findings if f.code == "CFG022")


@pytest.mark.parametrize(
    ("value", "fires"),
    [
        ("gelu", True),
        (["topk"], True),
        (None, True),
        (4, True),
        ("TopK", False),
        ("topk", False),
        ("layertopk", False),
    ],
)
def test_an_act_fn_that_openmoss_has_not(value: Any, *, fires: bool) -> None:
    folder, weights, config, *_ = CASES["openmoss_topk"]

    def change(_: Any, keys: dict[str, Any]) -> None:
        keys["act_fn"] = value

    report = validate(planted(folder, weights, config, change))
    told = [f for f in report.findings if f.code == "CFG022"]
    assert [f.pointer for f in told] == ["/act_fn"] * fires, told
