"""`hubkit.api`: each function gives what its verb gives, raises what the verb tells, prints nothing, and imports nothing before it is called."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import HfApi
from typer.testing import CliRunner

from hubkit import api
from hubkit.cards.build import EditedError
from hubkit.cli.main import app
from hubkit.errors import ExitCode, HubkitError, IncompleteError, NothingFound, UsageError
from hubkit.localhub.server import RunningHub
from hubkit.publish.flow import Published
from hubkit.validate.finding import Severity

ROOT = Path(__file__).parents[2]
BROKEN, GOOD = ROOT / "examples" / "broken", ROOT / "examples" / "repaired"
MEASURED = ROOT / "docs" / "examples" / "smollm2-135m-instruct-q4"
Hub = tuple[RunningHub, HfApi]
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")


def typed(*arguments: str) -> Any:
    done = CliRunner().invoke(app, [*map(str, arguments)])
    return json.loads(done.stdout)


def python(code: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(autouse=True)
def _prints_nothing(capfd: pytest.CaptureFixture[str]) -> Any:
    yield
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("first", ["import hubkit", "import hubkit.api"])
def test_importing_it_imports_nothing_else_of_hubkit(first: str) -> None:
    python(
        f"import sys\n{first}\nseen = {{name for name in sys.modules if name.startswith('hubkit')}}\nassert seen <= {{'hubkit', 'hubkit.api'}}, seen\n"
        "assert not {'numpy', 'pydantic', 'huggingface_hub', 'torch', 'rich', 'typer', 'yaml', 'dataclasses'} & sys.modules.keys()"
    )


@pytest.mark.parametrize(
    ("name", "arguments"), [("validate", '"no/such/folder/"'), ("audit", '[], filters=["x=y"]')]
)
@pytest.mark.parametrize("function_first", [True, False])
def test_packages_stay_packages_and_functions_functions_whatever_is_imported_first(
    name: str, arguments: str, function_first: bool
) -> None:
    function, package = f"from hubkit.api import {name} as function", f"import hubkit.{name}.run"
    python(
        "import inspect\n"
        + "\n".join((function, package) if function_first else (package, function))
        + f"""
import hubkit.errors
try:
    function({arguments})
except hubkit.errors.UsageError:
    pass
from hubkit import {name} as seen
assert inspect.ismodule(seen) and seen is hubkit.{name} and inspect.ismodule(seen.run)
assert inspect.isfunction(function) and function is hubkit.api.{name}
"""
    )


def test_all_that_is_public_is_documented_and_typed() -> None:
    for name in api.__all__:
        one = getattr(api, name)
        assert one.__doc__
        if inspect.isfunction(one):
            assert "return" in one.__annotations__
    page = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    assert all(f"`{name}" in page or f" {name}(" in page for name in api.__all__)


def test_a_report_is_that_of_the_verb() -> None:
    report = api.validate(BROKEN, select=["THR", "CARD005"], ignore=["THR007"])
    said = typed(
        "validate", BROKEN, "--select", "THR,CARD005", "--ignore", "THR007", "--format", "json", "--no-config"
    )
    assert report.to_json() | {"io": None, "target": ""} == said | {"io": None, "target": ""}
    assert report.exit_code() is ExitCode.FINDINGS
    assert api.validate(GOOD).exit_code(Severity.WARNING) is ExitCode.CLEAN


def test_no_configuration_is_looked_for_and_one_that_is_named_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "hubkit.toml").write_text('select = ["CARD"]\n', encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert api.validate(BROKEN).count(Severity.ERROR) == 8
    named = api.validate(BROKEN, config=tmp_path / "hubkit.toml")
    assert {one.code[:4] for one in named.findings} == {"CARD"}
    assert {row.errors for row in api.audit([BROKEN]).rows} == {8}
    assert {row.errors for row in api.audit([BROKEN], config="hubkit.toml").rows} == {5}


@pytest.mark.parametrize("call", [api.validate, api.load_release, api.build_card, api.plan_push, api.push])
def test_a_folder_that_is_not_there_is_the_error_that_the_verb_tells(call: Any) -> None:
    with pytest.raises(UsageError) as raised:
        call("no/such/folder")
    assert "no/such/folder" in raised.value.message


def test_an_audit_is_that_of_the_verb_and_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = api.audit([BROKEN, GOOD, tmp_path / "missing"], jobs=1)
    assert [row.errors for row in found.rows] == [8, 0, 0]
    assert [row.failure != "" for row in found.rows] == [False, True, False]
    assert found.exit_code() is ExitCode.INCOMPLETE
    assert (found.totals.saes, list(tmp_path.iterdir())) == (6, [])
    rows = api.audit([BROKEN, GOOD], reports=True).rows
    said = typed("audit", BROKEN, GOOD, "--format", "json", "--reports")
    volatile = {"seconds", "read_at", "report"}
    for row, verb in zip(rows, said, strict=True):
        ours = row.to_json()
        assert {key: ours[key] for key in ours.keys() - volatile} == {
            key: verb[key] for key in ours.keys() - volatile
        }
        assert ours["report"]["findings"] == verb["report"]["findings"]


def test_an_audit_over_a_store_goes_on_where_it_was(
    hub: Hub, release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hubkit.publish.client.client", lambda: hub[1])
    api.push(release, rehearse=False, run_code=False)
    store = tmp_path / "kept.sqlite"
    first, second = (api.audit(["owner/release"], store=store).rows[0] for _ in range(2))
    assert (first.read_now, second.read_now) == (1, 0)
    assert first.saes == second.saes == 1


def test_a_release_is_its_saes_and_what_was_computed_of_them() -> None:
    release = api.load_release(BROKEN)
    assert [one.sae_id for one in release.saes] == [
        "smollm2_jumprelu_ste_L9", "smollm2_jumprelu_ste_L18", "smollm2_topk_L18",
    ]  # fmt: skip
    assert (release.evaluation, release.revision, release.metrics("smollm2_topk_L18")) == (None, None, None)
    sae = release.sae("smollm2_jumprelu_ste_L9")
    assert sae.threshold is not None
    assert not sae.threshold.read(release.view).any()
    with pytest.raises(KeyError):
        release.sae("smollm2_topk_L19")


def test_a_release_that_is_none_or_cannot_be_read_is_no_empty_release(tmp_path: Path) -> None:
    with pytest.raises(NothingFound):
        api.load_release(tmp_path)
    sae = tmp_path / "a"
    sae.mkdir()
    (sae / "cfg.json").write_bytes((BROKEN / "smollm2_topk_L18" / "cfg.json").read_bytes())
    (sae / "sae_weights.safetensors").write_bytes(
        (BROKEN / "smollm2_topk_L18" / "sae_weights.safetensors").read_bytes()
    )
    assert [one.sae_id for one in api.load_release(tmp_path).saes] == ["a"]
    (tmp_path / "evaluation.json").write_text("{", encoding="utf-8")
    with pytest.raises(IncompleteError, match=r"evaluation\.json"):
        api.load_release(tmp_path)


def test_a_card_is_built_or_only_shown(release: Path) -> None:
    card = release / "README.md"
    before = card.read_bytes()
    assert not api.build_card(release, write=False).changed
    card.write_bytes(before + b"\nby hand\n")
    shown = api.build_card(release, write=False)
    assert (shown.changed, "-by hand" in shown.diff, card.read_bytes()) == (
        True,
        True,
        before + b"\nby hand\n",
    )
    with pytest.raises(EditedError):
        api.build_card(release, run_code=False)
    assert api.build_card(release, force=True, run_code=False).changed
    assert card.read_bytes() == before


def test_a_push_is_planned_then_made_and_proven(
    hub: Hub, release: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hubkit.publish.client.client", lambda: hub[1])
    plan = api.plan_push(release, "owner/other", private=True, allow={"CARD013": "the name is another"}).plan
    assert (plan.repo_id, plan.target.private, len(plan.deleted)) == ("owner/other", True, 0)
    assert not hub[1].repo_exists("owner/release")
    done = api.push(release, tag="v1", run_code=False, message="as it should be")
    assert isinstance(done, Published)
    assert done.verification.ok
    assert hub[1].repo_info("owner/release", revision="v1").sha == done.pushed.commit
    assert hub[1].list_repo_commits("owner/release")[0].title == "as it should be"
    assert not api.plan_push(release).plan.changes
    assert [one.sae_id for one in api.load_release(release).saes] == ["layer_0"] or api.load_release(
        release
    ).saes


def test_a_push_that_the_gate_refuses_sends_nothing(
    hub: Hub, release: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hubkit.publish.client.client", lambda: hub[1])
    (release / "README.md").write_text("# another\n", encoding="utf-8")
    with pytest.raises(HubkitError) as raised:
        api.push(release, run_code=False)
    assert raised.value.exit_code is ExitCode.FINDINGS
    assert not hub[1].repo_exists("owner/release")


@pytest.mark.full
def test_a_program_that_uses_it_is_checked_strictly(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "from hubkit.api import audit, build_card, load_release, plan_push, push, validate\n"
        "from hubkit.validate.finding import Finding\n\n"
        "findings: list[Finding] = validate('x').findings\n"
        "names: list[str] = [one.sae_id for one in load_release('x').saes]\n"
        "errors: int = audit(['x']).totals.errors\n"
        "text: str = build_card('x', write=False).text\n"
        "deleted = plan_push('x', private=True).plan.deleted\n"
        "commit: str = push('x', tag='v1').pushed.commit\n"
        "push('x', privat=True)  # type: ignore[call-arg]\n"
        "validate(1)  # type: ignore[arg-type]\n",
        encoding="utf-8",
    )
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--config-file", str(ROOT / "pyproject.toml"), str(program)],
        cwd=ROOT, capture_output=True, text=True, encoding="utf-8", check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
