"""The action's steps in bash, as the runner runs them, on releases made on the spot; and the files of CI themselves."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).parent
ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
STEPS = {step["id"]: step for step in ACTION["runs"]["steps"]}
BASH = shutil.which("bash")
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
needs_bash = pytest.mark.skipif(BASH is None, reason="bash is not installed")


@pytest.fixture(scope="session")
def releases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`good` and `broken`: two JumpReLUs of gpt2, and the same with thresholds that never left 0."""
    folder = tmp_path_factory.mktemp("workspace")
    for name, arguments in (("good", []), ("broken", ["--broken"])):
        subprocess.run(
            [sys.executable, str(HERE / "make_release.py"), str(folder / name), *arguments], check=True
        )
    return folder


class Ran:
    """One step as it was run."""

    def __init__(self, done: subprocess.CompletedProcess[bytes], output: Path, summary: Path) -> None:
        self.code = done.returncode
        self.log = done.stdout.decode("utf-8") + done.stderr.decode("utf-8")
        self.outputs = parse_outputs(output.read_text(encoding="utf-8"))
        self.summary = summary.read_text(encoding="utf-8")


def parse_outputs(text: str) -> dict[str, str]:
    """GITHUB_OUTPUT as the runner reads it: `name=value` or a heredoc."""
    found, lines = {}, iter(text.splitlines())
    for line in lines:
        if match := re.fullmatch(r"([^=<]+)<<(.+)", line):
            value: list[str] = []
            for inner in lines:
                if inner == match.group(2):
                    break
                value.append(inner)
            found[match.group(1)] = "\n".join(value)
        else:
            name, _, value_ = line.partition("=")
            found[name] = value_
    return found


def evaluate(value: str, inputs: dict[str, str]) -> str:
    """The two kinds of expression that the action has in `env`."""

    def replaced(match: re.Match[str]) -> str:
        kind, _, name = match.group(1).strip().partition(".")
        return (
            inputs.get(name, str(ACTION["inputs"][name]["default"])) if kind == "inputs" else sys.executable
        )

    return re.sub(r"\$\{\{(.+?)\}\}", replaced, value)


def run_action(workspace: Path, tmp_path: Path, known: dict[str, str] | None = None, **inputs: str) -> Ran:
    """The step as the runner runs it; names of inputs have `_` for `-`, `known` is of the job's environment."""
    assert BASH is not None
    step, given = STEPS["hubkit"], {name.replace("_", "-"): value for name, value in inputs.items()}
    assert set(given) <= set(ACTION["inputs"])
    files = {name: tmp_path / name.lower() for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
    for file in files.values():
        file.write_text("", encoding="utf-8")
    script = tmp_path / "script.sh"
    script.write_text(step["run"], encoding="utf-8", newline="\n")
    environment = {
        **os.environ,
        "GITHUB_WORKSPACE": str(workspace),
        "GITHUB_ACTION_PATH": str(ROOT),
        "RUNNER_TEMP": str(tmp_path),
        "HF_HUB_OFFLINE": "1",
        **{name: str(file) for name, file in files.items()},
        **{name: evaluate(value, given) for name, value in step["env"].items()},
        **(known or {}),
    }
    done = subprocess.run(
        [BASH, "--noprofile", "--norc", "-eo", "pipefail", str(script)],
        cwd=workspace, env=environment, capture_output=True, check=False,
    )  # fmt: skip
    return Ran(done, files["GITHUB_OUTPUT"], files["GITHUB_STEP_SUMMARY"])


@needs_bash
def test_a_good_release(releases: Path, tmp_path: Path) -> None:
    ran = run_action(releases, tmp_path, target="good", base_model="auto")
    assert ran.code == 0, ran.log
    assert ran.outputs["exit-code"] == "0"
    assert (ran.outputs["errors"], ran.outputs["warnings"]) == ("0", "0"), ran.log
    assert "::error" not in ran.log
    report = json.loads(Path(ran.outputs["report-path"]).read_text(encoding="utf-8"))
    assert report["summary"]["saes"] == 2
    assert "hubkit validate" in ran.summary


@needs_bash
def test_a_broken_release(releases: Path, tmp_path: Path) -> None:
    ran = run_action(releases, tmp_path, target="broken")
    assert ran.code == 1
    assert ran.outputs["exit-code"] == "1"
    assert int(ran.outputs["errors"]) >= 1
    assert re.search(r"^::error file=broken/gpt2_L8/[^,]+,.*title=THR001", ran.log, re.MULTILINE), ran.log
    assert "THR001" in ran.summary
    assert Path(ran.outputs["html-path"]).read_text(encoding="utf-8").startswith("<!doctype html>")
    sarif = json.loads(Path(ran.outputs["sarif-path"]).read_text(encoding="utf-8"))
    assert sarif["version"] == "2.1.0"
    results = sarif["runs"][0]["results"]
    (result,) = [one for one in results if one["ruleId"] == "THR001"]
    place = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert place == "broken/gpt2_L8/sae_weights.safetensors"


@needs_bash
def test_every_input_reaches_the_validation(releases: Path, tmp_path: Path) -> None:
    (tmp_path / "hubkit.toml").write_text(
        'ignore = { THR001 = "they are being retrained" }\n', encoding="utf-8"
    )
    config = str(tmp_path / "hubkit.toml")
    assert run_action(releases, tmp_path, target="broken", select="CFG, wts").code == 0
    assert run_action(releases, tmp_path, target="broken", select="THR").code == 1
    assert run_action(releases, tmp_path, target="broken", ignore="THR, wts,CARD").code == 0
    assert run_action(releases, tmp_path, target="broken", select="THR", config=config).code == 0
    assert run_action(releases, tmp_path, target="good", base_model="pythia-1b", select="HOOK").code == 1
    assert run_action(releases, tmp_path, target="good", fail_on="note", notes="true").code == 1
    deep = run_action(releases, tmp_path, target="good", deep="true")
    assert (
        json.loads(Path(deep.outputs["report-path"]).read_text(encoding="utf-8"))["io"]["bytes"] > 9_000_000
    )


@needs_bash
@pytest.mark.parametrize(
    ("inputs", "code", "words"),
    [
        ({"target": "not-there"}, 2, "no such folder"),
        ({"target": ""}, 2, "target is empty"),
        ({"target": "-"}, 2, "target is empty"),
        ({"target": "good", "mode": "publish"}, 2, "expected validate, verify or push"),
        ({"target": "good", "mode": "verify"}, 2, "expected OWNER/REPO"),
        ({"target": "good", "deep": "maybe"}, 2, "expected true or false"),
        ({"target": "good", "fail_on": "everything"}, 2, "expected error, warning or note"),
        ({"target": "good", "config": "nowhere.toml"}, 2, "nowhere.toml"),
        ({"target": "good", "base_model": "./nowhere"}, 2, "--base-model"),
    ],
)
def test_inputs_that_mean_nothing(
    releases: Path, tmp_path: Path, inputs: dict[str, str], code: int, words: str
) -> None:
    ran = run_action(releases, tmp_path, **inputs)
    assert ran.code == code, ran.log
    assert ran.outputs["exit-code"] == str(code)
    assert ran.outputs["report-path"] == ""
    assert ran.log.startswith("::error title=hubkit::")
    assert words in ran.log


HOSTILE = [
    "$(touch hacked)",
    "`touch hacked`",
    "good; touch hacked",
    "good && touch hacked",
    "good' ; touch hacked ; '",
    'good" ; touch hacked ; "',
    "good\ntouch hacked",
    "good\n::error::injected",
    "good\r\nexit-code=0",
    "--write-baseline=hacked",
    "-c touch",
    "%0A::warning::injected",
]


ELSEWHERE = ("mode", "select", "config", "base_model", "fail_on", "deep")


@needs_bash
@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("target", value) for value in HOSTILE),
        *((name, value) for name in ELSEWHERE for value in HOSTILE[:2]),
    ],
)
def test_no_input_is_executed(releases: Path, tmp_path: Path, name: str, value: str) -> None:
    ran = run_action(releases, tmp_path, **{"target": "good", name: value})
    assert not list(releases.rglob("hacked"))
    assert not list(tmp_path.rglob("hacked"))
    assert ran.code in (1, 2)
    assert ran.outputs["exit-code"] == str(ran.code)
    assert not [line for line in ran.log.splitlines() if re.match(r"::(error|warning)::injected", line)]


@needs_bash
def test_a_folder_with_spaces_and_a_module_of_our_name_beside_it(releases: Path, tmp_path: Path) -> None:
    workspace = tmp_path / "work space $(x)"
    shutil.copytree(releases / "good", workspace / "my release")
    for trap in ("hubkit", "numpy"):
        (workspace / trap).mkdir()
        (workspace / trap / "__init__.py").write_text("raise SystemExit('imported from the checkout')\n")
    (workspace / "json.py").write_text("raise SystemExit('imported from the checkout')\n")
    ran = run_action(workspace, tmp_path, target="my release")
    assert ran.code == 0, ran.log
    assert ran.outputs["errors"] == "0"


def test_inputs_only_go_through_the_environment() -> None:
    for step in ACTION["runs"]["steps"]:
        assert "${{" not in step["run"]
    used = " ".join(STEPS["hubkit"]["env"].values())
    assert all(f"inputs.{name} }}}}" in used for name in ACTION["inputs"])
    for workflow in WORKFLOWS:
        for job in yaml.safe_load(workflow.read_text(encoding="utf-8"))["jobs"].values():
            assert not [step for step in job["steps"] if "${{" in step.get("run", "")], workflow


def test_what_is_used_is_pinned_by_its_commit() -> None:
    uses = [
        match
        for file in (ROOT / "action.yml", *WORKFLOWS)
        for match in re.findall(r"uses: (\S+)", file.read_text(encoding="utf-8"))
    ]
    assert uses
    assert all(one == "./" or re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", one) for one in uses)


def test_the_outputs_are_those_of_the_step() -> None:
    assert set(ACTION["outputs"]) == {
        "exit-code",
        "errors",
        "warnings",
        "report-path",
        "sarif-path",
        "html-path",
        "commit-url",
    }
    for name, output in ACTION["outputs"].items():
        assert output["value"] == f"${{{{ steps.hubkit.outputs.{name} }}}}"


@needs_bash
def test_the_install_step_is_bash() -> None:
    assert BASH is not None
    subprocess.run([BASH, "-n"], input=STEPS["install"]["run"].encode(), check=True)
    assert '"$GITHUB_ACTION_PATH"' in STEPS["install"]["run"]


def test_a_long_summary_stays_below_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from hubkit.validate import runner

    summary = tmp_path / "summary.md"
    summary.write_text("x" * 100, encoding="utf-8")
    monkeypatch.setattr(runner, "SUMMARY_LIMIT", 150)
    runner.summarise("y" * 51, {"GITHUB_STEP_SUMMARY": str(summary)})
    assert summary.stat().st_size == 100
    runner.summarise("y" * 50, {"GITHUB_STEP_SUMMARY": str(summary)})
    assert summary.stat().st_size == 150


def tool(name: str) -> str:
    """A program, or the test is skipped."""
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def test_schemas() -> None:
    program = tool("check-jsonschema")
    for schema, files in (("github-actions", [ROOT / "action.yml"]), ("github-workflows", WORKFLOWS)):
        done: subprocess.CompletedProcess[Any] = subprocess.run(
            [program, "--builtin-schema", f"vendor.{schema}", *map(str, files)],
            capture_output=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout.decode()


def test_the_workflows_of_the_guide_are_workflows_and_name_inputs_that_there_are(tmp_path: Path) -> None:
    program = tool("check-jsonschema")
    text = (ROOT / "docs" / "guides" / "ci.md").read_text(encoding="utf-8")
    blocks = [one for one in re.findall(r"```yaml\n(.+?)```", text, re.DOTALL) if "\njobs:" in one]
    files = [tmp_path / f"{number}.yml" for number in range(len(blocks))]
    modes = set()
    for file, block in zip(files, blocks, strict=True):
        file.write_text(block, encoding="utf-8")
        (job,) = yaml.safe_load(block)["jobs"].values()
        (given,) = [step["with"] for step in job["steps"] if step["uses"].startswith("OWNER/hubkit")]
        assert set(given) <= set(ACTION["inputs"])
        modes.add(given.get("mode", ACTION["inputs"]["mode"]["default"]))
    assert modes == {"validate", "verify", "push"}
    done = subprocess.run(
        [program, "--builtin-schema", "vendor.github-workflows", *map(str, files)],
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout.decode()


def test_zizmor() -> None:
    files = [str(ROOT / "action.yml"), *map(str, WORKFLOWS)]
    done = subprocess.run(
        [tool("zizmor"), "--offline", "--no-progress", "--format", "plain", *files],
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()


def test_the_workflow_runs_the_action_on_the_examples_with_the_outcomes_that_it_expects() -> None:
    text = (ROOT / ".github" / "workflows" / "example-release.yml").read_text(encoding="utf-8")
    targets = re.findall(r"target: (\S+)", text)
    assert targets == ["examples/repaired", "examples/broken"]
    codes = [
        subprocess.run(
            [sys.executable, "-m", "hubkit", "validate", target, "-q", "--no-config"],
            cwd=ROOT,
            capture_output=True,
            check=False,
        ).returncode
        for target in targets
    ]
    assert codes == [0, 1]
