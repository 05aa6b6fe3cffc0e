"""`hubkit push` and `hubkit verify` as a person types them, against a local Hub: once from end to end in processes of their own."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import Result
from huggingface_hub import HfApi
from typer.testing import CliRunner

from hubkit.cards.build import build_card
from hubkit.cli.main import app
from hubkit.errors import ExitCode, HubkitError, UsageError
from hubkit.localhub import serving
from hubkit.localhub.server import RunningHub

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning", "ignore::UserWarning")
NAME = "owner/release"
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def typed(tmp_path: Path) -> Iterator[tuple[RunningHub, Run]]:
    with serving(tmp_path / "hub", token="a-token") as hub:
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("HF_", "HUGGING"))
        }
        environment |= {
            "HF_ENDPOINT": hub.endpoint, "HF_TOKEN": "a-token", "HF_HOME": str(tmp_path / "home"), "HF_HUB_DISABLE_TELEMETRY": "1"
        }  # fmt: skip

        def run(*arguments: str) -> subprocess.CompletedProcess[str]:
            return subprocess.run(
                [sys.executable, "-W", "ignore", "-m", "hubkit", *arguments],
                env=environment, capture_output=True, text=True, encoding="utf-8", check=False, timeout=120, stdin=subprocess.DEVNULL,
            )  # fmt: skip

        yield hub, run


def test_from_dry_run_to_proof(typed: tuple[RunningHub, Run], release: Path) -> None:
    hub, run = typed
    planned = run("push", str(release), "--dry-run", "--format", "json")
    assert planned.returncode == 0, planned.stderr
    plan = json.loads(planned.stdout)
    assert "ok gate       1 SAE; 0 errors" in planned.stderr
    assert re.search(
        r"card       \d+ statements? of README.md agrees? with the files",
        " ".join(planned.stderr.split("\n")),
    ), planned.stderr
    assert "nothing was sent" in planned.stderr
    assert {request.method for request in hub.requests} == {"GET"}

    pushed = run("push", str(release), "--no-code", "--tag", "v1", "--format", "json")
    assert pushed.returncode == 0, pushed.stderr
    answer = json.loads(pushed.stdout)
    assert (answer["ok"], answer["rehearsed"], answer["new_commit"]) == (True, True, True)
    assert answer["compared"] == len(plan["files"])
    for words in ("ok gate", "ok rehearsal", "ok pushed", "ok verified"):
        assert words in pushed.stderr

    plain = run("verify", f"{NAME}@v1", "--against", str(release))
    assert plain.returncode == 0, plain.stderr
    assert f'revision="{answer["commit"]}"' in plain.stdout
    assert "a-token" not in pushed.stdout + pushed.stderr + plain.stdout + plain.stderr

    (release / "config.json").write_text("{}", encoding="utf-8")
    other = run("verify", NAME, "--against", str(release))
    assert other.returncode == 1
    assert "differs  config.json" in other.stdout
    assert "load_from_disk" not in other.stdout  # nothing is offered to be loaded that is not proven


def test_prune_asks_and_a_refusal_names_its_code(
    hub: tuple[RunningHub, HfApi], release: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In this process: what nobody answers is decided before anything is started."""
    running, api = hub
    monkeypatch.setattr("hubkit.publish.client.client", lambda: api)

    def typed(*options: str) -> Result:
        return CliRunner().invoke(app, ["push", str(release), "--no-rehearse", "--no-code", *options])

    extra = release / "extra.txt"
    extra.write_text("only once\n", encoding="utf-8")
    build_card(release)
    assert typed().exit_code == 0
    extra.unlink()
    build_card(release)
    running.clear_requests()
    asked = typed("--prune")
    assert isinstance(asked.exception, UsageError)
    assert "extra.txt" in asked.stderr
    assert asked.exception.hint == "--prune --yes"
    assert {request.method for request in running.requests} == {"GET"}
    assert typed("--prune", "--yes").exit_code == 0
    assert "extra.txt" not in api.list_repo_files(NAME)
    (release / "README.md").unlink()
    refused = typed().exception
    assert isinstance(refused, HubkitError)
    assert refused.exit_code is ExitCode.FINDINGS
    assert "CARD-NONE" in refused.message
    assert f"hubkit build-cards {release}" in refused.message


def test_fix_says_how_a_repository_is_mended(typed: tuple[RunningHub, Run]) -> None:
    done = typed[1]("fix", "owner/somewhere")
    assert done.returncode == 2
    assert "hubkit fix owner/somewhere --pr --dry-run" in done.stderr
