"""`hubkit adopt OWNER/REPO` and `--pr`: read by ranges, proposed, main untouched, and the same again."""

from __future__ import annotations

import html
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from adopt.handmade import repository
from huggingface_hub import HfApi, close_session
from markdown_it import MarkdownIt
from typer.testing import CliRunner

from hubkit.adopt.adoption import adopt
from hubkit.adopt.difference import Difference
from hubkit.cli.main import app
from hubkit.errors import UsageError
from hubkit.localhub import User, serving
from hubkit.localhub.seeding import seed
from hubkit.localhub.server import RunningHub
from hubkit.publish.mend import open_pull_request
from hubkit.publish.propose_card import _table, proposing
from hubkit.repo.hub import open_repo
from hubkit.validate.run import validate

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning", "ignore::UserWarning")
NAME = "owner/gpt2-saes"
Case = tuple[RunningHub, HfApi, str]


@pytest.fixture
def case(tmp_path: Path) -> Iterator[Case]:
    """The hand-made repository, and a stranger."""
    files = {}
    for path, data in repository().files.items():
        files[path] = tmp_path / "source" / path
        files[path].parent.mkdir(parents=True, exist_ok=True)
        files[path].write_bytes(data)
    (tmp_path / "hub").mkdir()
    seed(tmp_path / "hub", NAME, files, any_card=True)
    with serving(
        tmp_path / "hub", users=(User("owner", "owner-token"), User("stranger", "stranger-token"))
    ) as hub:
        head = HfApi(endpoint=hub.endpoint, token="owner-token").model_info(NAME).sha or ""
        hub.clear_requests()
        yield hub, HfApi(endpoint=hub.endpoint, token="stranger-token"), head
    close_session()


def test_the_pull_request_has_the_card_and_main_stays(case: Case) -> None:
    hub, api, head = case
    for _ in range(2):  # the same plan is the same pull request
        found = adopt(open_repo(NAME, None, api), {})
        assert found is not None
        with proposing(found, api) as proposal:
            assert {file.path for file in proposal.plan.files} == {"README.md", "evidence.yaml"}
            pushed, proof = open_pull_request(proposal, api)
        assert pushed.pull_request == f"{hub.endpoint}/{NAME}/discussions/1"
        assert proof.differing == ()
    assert api.model_info(NAME).sha == head
    assert not any("/commit/main" in request.path for request in hub.requests)
    assert len(list(api.get_repo_discussions(NAME))) == 1
    details = api.get_discussion_details(NAME, 1)
    assert (details.status, details.title) == (
        "open",
        "Correct the card: 3 statements that the files contradict",
    )
    there = validate(open_repo(NAME, "refs/pr/1", api))
    assert not [one for one in there.findings if one.code.startswith("CARD") and one.severity.word == "error"]
    assert adopt(open_repo(NAME, "refs/pr/1", api), {}) is None


def test_its_text_shows_each_claim_with_the_evidence(case: Case) -> None:
    found = adopt(open_repo(NAME, None, case[1]), {})
    assert found is not None
    with proposing(found, case[1]) as proposal:
        text = html.unescape(proposal.plan.description)
    for words in (
        "| 12 | This repository contains 3 sparse autoencoders for GPT-2 small. | CARD004: the card says 3 SAEs, the repository has 2 |",
        "3 before, 0 after",
        "7 numbers in `evidence.yaml`",
        f"hubkit adopt {NAME}@{case[2][:12]} --into adopted",
    ):
        assert words in text, words


def test_a_claim_is_no_markdown() -> None:
    evil = "@victim ![x](https://evil/p.png) [a](https://evil) <img src=x> a | b ~~c~~"
    text = "\n".join(_table("Kept", [Difference(3, "CARD004", evil, evil, evil, "kept")]))
    inline = [
        token
        for block in MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text)
        for token in block.children or ()
    ]
    assert {token.type for token in inline} == {"text"}
    assert sum("\u2060victim" in token.content for token in inline) == 3
    assert not any("@victim" in token.content for token in inline)


def test_a_folder_has_nobody_to_propose_to(tmp_path: Path, case: Case) -> None:
    del tmp_path
    found = adopt(repository(repo=None), {"repo_id": NAME})
    assert found is not None
    with pytest.raises(UsageError, match="not a repository on the Hub"), proposing(found, case[1]):
        pass


def test_the_command(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub, _, head = case
    monkeypatch.setenv("HF_ENDPOINT", hub.endpoint)
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", hub.endpoint)
    monkeypatch.chdir(tmp_path)
    run = CliRunner().invoke
    shown = run(app, ["adopt", NAME, "--dry-run"])
    assert shown.exit_code == 1, shown.output
    assert "the files  the card says 3 SAEs, the repository has 2" in shown.stdout
    assert not (tmp_path / "gpt2-saes-adopted").exists()
    written = run(app, ["adopt", NAME])
    assert written.exit_code == 0, written.output
    assert sorted(path.name for path in (tmp_path / "gpt2-saes-adopted").iterdir()) == [
        "README.md",
        "card.yaml",
        "evidence.yaml",
    ]
    plan = run(app, ["adopt", NAME, "--pr", "--dry-run", "--format", "json"])
    assert json.loads(plan.stdout)["plan"]["pull_request"] is True
    assert HfApi(endpoint=hub.endpoint, token="owner-token").model_info(NAME).sha == head


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["source", "--pr"], "is a folder"),
        ([f"{NAME}@main", "--pr"], "goes to main"),
        ([NAME, "--write"], "--write is for a folder"),
        (["source", "--write", "--into", "x"], "choose one"),
        (["source", "--license", "not a licence"], "--license not a licence"),
    ],
)
def test_options_that_do_not_go_together(
    arguments: list[str], words: str, case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del case
    monkeypatch.chdir(tmp_path)
    outcome = CliRunner().invoke(app, ["adopt", *arguments])
    assert isinstance(outcome.exception, UsageError)
    assert words in outcome.exception.message
