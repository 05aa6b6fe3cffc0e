"""A fix that moves a key which the card's own code reads says so, and equal changes are shown once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from builders import D_IN, D_SAE, README, cfg, tensors
from fix.folders import sae, zero
from typer.testing import CliRunner

from hubkit.cli.main import app
from hubkit.fix.fold import folded
from hubkit.fix.render import diffs
from hubkit.fix.run import planned
from hubkit.repo.local import open_folder
from hubkit.validate.run import Selection, validate

CODE = '```python\nimport json\ncfg = json.load(open("{}/cfg.json")); print(cfg["{}"])\n```\n'


def legacy(layer: int, **more: object) -> dict[str, object]:
    return {
        "architecture": "standard", "d_in": D_IN, "d_sae": D_SAE, "dtype": "float32", "device": "cpu", "model_name": "lab/tiny",
        "hook_name": f"blocks.{layer}.hook_resid_post", "hook_layer": layer, "apply_b_dec_to_input": True,
        "normalize_activations": "none", "prepend_bos": True, "context_size": 128, "dataset_path": "lab/text", **more,
    }  # fmt: skip


def release(root: Path, text: str = "", layers: range = range(6)) -> Path:
    for layer in layers:
        sae(root, legacy(layer), tensors("standard"), f"lab_L{layer}", README + "\n" + text)
    return root


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, list(arguments))
    return int(getattr(result.exception, "exit_code", result.exit_code)), result.stdout


def test_how_fix_ends(tmp_path: Path) -> None:
    """0 with what is mended, or nothing to mend; 1 with a difference that was only shown; 3 where no SAE is."""
    root = sae(
        tmp_path / "release", legacy(0), tensors("standard"), "lab_L0", README.replace("saelens", "sae_lens")
    )
    assert [run("fix", str(root), *more)[0] for more in (("--diff",), (), (), ("--diff",))] == [1, 0, 0, 0]
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "notes.txt").write_text("none", encoding="utf-8")
    assert run("fix", str(tmp_path / "empty"))[0] == 3
    assert run("fix", str(tmp_path / "gone"))[0] == 2


def card_faults(root: Path) -> list[str]:
    return [one.message for one in validate(open_folder(root), Selection(select=("CARD009",))).findings]


@pytest.mark.parametrize("key", ["hook_name", "hook_layer"])
def test_the_line_of_the_card_is_named_with_what_to_write(tmp_path: Path, key: str) -> None:
    release(tmp_path, CODE.format("lab_L2", key))
    with planned(open_folder(tmp_path), ("CFG014",)) as plan:
        assert len(plan.fixes) == 6
        assert not plan.refused
        (one,) = plan.broken
    written = json.loads(json.dumps(one.to_json()))
    assert written["reads"] == f'cfg["{key}"]'
    assert written["write"].startswith('cfg["metadata"]')
    assert written["write"].endswith(f'["{key}"]')
    line = (tmp_path / "README.md").read_text(encoding="utf-8").split("\n")[one.line - 1]
    assert f'cfg["{key}"]' in line
    code, out = run("fix", str(tmp_path), "--select", "CFG014", "-q")
    assert code == 0
    assert one.words in out
    assert card_faults(tmp_path)  # and the validator says it, too, as long as nobody changed the card
    text = (tmp_path / "README.md").read_text(encoding="utf-8").replace(one.reads, one.write or "")
    (tmp_path / "README.md").write_text(text, encoding="utf-8")
    assert not card_faults(tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "",
        CODE.format("lab_L2", "d_in"),
        CODE.format("other_L9", "hook_name"),
        CODE.format("lab_L2", "hook_name").replace('["hook_name"]', '.get("hook_name")'),
    ],
)
def test_nothing_is_said_of_code_that_still_runs(tmp_path: Path, text: str) -> None:
    release(tmp_path, text)
    with planned(open_folder(tmp_path), ("CFG014",)) as plan:
        assert len(plan.fixes) == 6
        assert plan.broken == []


def test_equal_changes_are_one_line_and_quiet_is_quiet(tmp_path: Path) -> None:
    release(tmp_path)
    code, out = run("fix", str(tmp_path), "--select", "CFG014")
    assert code == 0
    assert out.count("\n") == 1
    assert "6 SAEs: CFG014 (lab_L0, lab_L1" in out
    release(tmp_path)
    assert run("fix", str(tmp_path), "--select", "CFG014", "-q") == (0, "")


def test_what_is_left_for_a_person_is_named_at_the_end(tmp_path: Path) -> None:
    sae(tmp_path, {**cfg("jumprelu"), "architecture": "JumpReLU"}, zero(), "a")
    said = CliRunner().invoke(app, ["fix", str(tmp_path)]).stderr.splitlines()
    assert said[-1].startswith("left: THR001")
    assert said[-1].endswith(f"; hubkit validate {tmp_path} says what a person can do")
    assert "left:" not in CliRunner().invoke(app, ["fix", str(tmp_path), "-q"]).stderr
    assert "left:" not in CliRunner().invoke(app, ["fix", str(tmp_path), "--diff"]).stderr, (
        "nothing was done yet"
    )


def test_equal_diffs_are_shown_once_and_others_each(tmp_path: Path) -> None:
    release(tmp_path)
    one = legacy(6, normalize_activations="expected_average_only_in")
    sae(tmp_path, one, tensors("standard"), "lab_L6", None)
    view = open_folder(tmp_path)
    with planned(view, ("CFG014",)) as plan:
        every = [one for fix in plan.fixes for one in diffs(view, fix)]
        text = folded(every)
    assert len(every) == 7
    assert text.count("+++ ") == 1 + (1 if "lab_L6/cfg.json" in text else 0)
    assert "= the same change in 5 more SAEs" in text or "= the same change in 6 more SAEs" in text
    code, out = run("fix", str(tmp_path), "--select", "CFG014", "--diff")
    assert code == 1
    assert out.count("+++ ") == 7


def test_another_value_is_another_change(tmp_path: Path) -> None:
    for name, wrong in (("a", "JumpReLU"), ("b", "JumpReLU"), ("c", "TopK")):
        right = "topk" if wrong == "TopK" else "jumprelu"
        changed = {**cfg(right), "architecture": wrong}
        sae(tmp_path, changed, tensors(right), name)
    view = open_folder(tmp_path)
    with planned(view, ("CFG004",)) as plan:
        text = folded([one for fix in plan.fixes for one in diffs(view, fix)])
    assert text.count("+++ ") == 2
    assert "1 more SAE: b" in text
