"""Keys that the card's code takes from a cfg.json: found where they moved, and nothing said where it cannot be told."""

from __future__ import annotations

import json

import pytest
from builders import FOLDER, README, cfg, view

from hubkit.readme.cfg_reads import where_now
from hubkit.repo.memory import MemoryView
from hubkit.validate.finding import Finding
from hubkit.validate.run import Selection, validate

START = "import json\nfrom pathlib import Path\n"
READ = {
    "open": 'cfg = json.load(open("lab_L2_mixed/cfg.json"))\nprint(cfg["hook_name"])',
    "one line": 'cfg = json.load(open("lab_L2_mixed/cfg.json")); print(cfg["hook_name"])',
    "at once": 'hook = json.load(open("cfg.json"))["hook_name"]',
    "with": 'with open(f"{folder}/cfg.json") as file:\n    cfg = json.load(file)\nhook = cfg["hook_name"]',
    "loads": 'cfg = json.loads((Path(folder) / "cfg.json").read_text())\nhook = cfg["hook_name"]',
    "path": 'cfg = json.loads(Path(folder, "cfg.json").read_text(encoding="utf-8"))\nhook = cfg["hook_name"]',
    "path open": 'with Path(folder).joinpath("x", "cfg.json").open() as file:\n    pass\ncfg = json.load(Path("cfg.json").open("r"))\nhook = cfg["hook_name"]',
    "join": 'cfg = json.load(open(os.path.join(folder, "cfg.json")))\nhook = cfg["hook_name"]',
    "downloaded": 'path = hf_hub_download("me/saes", f"{sae_id}/cfg.json")\ncfg = json.load(open(path))\nhook = cfg["hook_name"]',
    "subfolder": 'path = hf_hub_download(repo_id="me/saes", filename="cfg.json", subfolder="lab_L2_mixed")\ncfg = json.load(open(path))\nhook = cfg["hook_name"]',
    "address": 'cfg = requests.get("https://huggingface.co/me/saes/resolve/main/lab_L2_mixed/cfg.json").json()\nhook = cfg["hook_name"]',
    "formatted": 'cfg = json.load(open(f"{sae_id}/cfg.json"))\nprint(f"Hook: {cfg[\'hook_name\']}")',
    "function": 'def load(folder):\n    cfg = json.load(open(f"{folder}/cfg.json"))\n    return cfg["hook_name"]',
}
SILENT = {
    "get": 'cfg = json.load(open("cfg.json"))\nhook = cfg.get("hook_name")',
    "right": 'cfg = json.load(open("cfg.json"))\nhook = cfg["metadata"]["hook_name"]',
    "there": 'cfg = json.load(open("cfg.json"))\nprint(cfg["d_in"])',
    "nowhere": 'cfg = json.load(open("cfg.json"))\nprint(cfg["never_written"])',
    "unknown": 'print(cfg["hook_name"])',
    "unknown loader": 'cfg = load_cfg("lab_L2_mixed")\nprint(cfg["hook_name"])',
    "other file": 'cfg = json.load(open("config.json"))\nprint(cfg["hook_name"])',
    "ends alike": 'cfg = json.load(open("train_cfg.json"))\nprint(cfg["hook_name"])',
    "asked": 'cfg = json.load(open("cfg.json"))\nhook = cfg["hook_name"] if "hook_name" in cfg else cfg["metadata"]["hook_name"]',
    "tried": 'cfg = json.load(open("cfg.json"))\ntry:\n    hook = cfg["hook_name"]\nexcept KeyError:\n    hook = ""',
    "flattened": 'cfg = json.load(open("cfg.json"))\ncfg.update(cfg["metadata"])\nprint(cfg["hook_name"])',
    "joined": 'cfg = json.load(open("cfg.json"))\ncfg = {**cfg, **cfg["metadata"]}\nprint(cfg["hook_name"])',
    "rebound": 'cfg = json.load(open("cfg.json"))["metadata"]\nprint(cfg["hook_name"])',
    "written": 'cfg = json.load(open("cfg.json"))\ncfg["hook_name"] = "x"\nprint(cfg["hook_name"])',
    "argument": 'cfg = json.load(open("cfg.json"))\ndef hook(cfg):\n    return cfg["hook_name"]',
    "of another": 'cfg = json.load(open(hf_hub_download("you/saes", "cfg.json")))\nprint(cfg["hook_name"])',
    "folder of another": 'folder = snapshot_download("you/saes")\ncfg = json.load(open(f"{folder}/cfg.json"))\nprint(cfg["hook_name"])',
    "address of another": 'cfg = requests.get("https://huggingface.co/you/saes/resolve/main/cfg.json").json()\nprint(cfg["hook_name"])',
    "another revision": 'cfg = json.load(open(hf_hub_download("me/saes", "cfg.json", revision="v1")))\nprint(cfg["hook_name"])',
}


def asked(text: str, **changes: object) -> list[Finding]:
    there = view(cfg(**changes), readme=f"{README}\n```python\n{START}{text}\n```\n")
    there = MemoryView(name="me/saes", repository="me/saes", files=there.files)
    report = validate(there, Selection(select=("CARD009",)))
    assert not report.crashes, report.crashes[0].traceback
    return report.findings


@pytest.mark.parametrize("name", sorted(READ))
def test_a_key_that_stands_below_metadata_is_found(name: str) -> None:
    (found,) = asked(READ[name])
    assert "hook_name" in found.message
    assert '["metadata"]["hook_name"]' in found.hint
    text = f"{README}\n```python\n{START}{READ[name]}\n```\n".split("\n")
    assert "hook_name" in text[(found.line or 0) - 1]


@pytest.mark.parametrize("name", sorted(SILENT))
def test_nothing_is_said_where_it_works_or_cannot_be_told(name: str) -> None:
    assert asked(SILENT[name]) == []


@pytest.mark.parametrize("name", sorted(READ))
def test_nothing_is_said_where_the_key_is_at_the_top(name: str) -> None:
    assert asked(READ[name], hook_name="blocks.2.hook_resid_post") == []


def test_one_configuration_that_has_it_is_enough_to_be_silent() -> None:
    there = view(readme=f"{README}\n```python\n{START}{READ['with']}\n```\n")
    old = json.loads(there.files[f"{FOLDER}/cfg.json"]) | {"hook_name": "blocks.2.hook_resid_post"}
    there.files["other/cfg.json"] = json.dumps(old).encode()
    assert validate(there, Selection(select=("CARD009",))).findings == []


def test_the_place_is_the_only_one_below_metadata() -> None:
    assert where_now({"metadata": {"hubkit": {"legacy": {"x": 1}}}}, "x") == (
        "metadata",
        "hubkit",
        "legacy",
        "x",
    )
    assert where_now({"metadata": {"a": {"x": 1}, "b": {"x": 2}}}, "x") is None
    assert where_now({"x": 1}, "x") is None
