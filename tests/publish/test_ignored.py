"""Files that a `.gitignore` names: the Hub says so, the client leaves them out without a word, and hubkit says it before anything is sent."""

from __future__ import annotations

from pathlib import Path

import pytest
from builders import FOLDER
from huggingface_hub import HfApi

from hubkit.cards.build import build_card
from hubkit.errors import HubkitError, UsageError
from hubkit.localhub.server import RunningHub
from hubkit.publish import upload
from hubkit.publish.flow import Choices, Released, prepare, publish, rehearse
from hubkit.publish.gate import check_gate
from hubkit.publish.plan import Target, make_plan
from hubkit.publish.push import push

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning", "ignore::UserWarning")
NAME = "owner/release"
WEIGHTS = f"{FOLDER}/sae_weights.safetensors"
Hub = tuple[RunningHub, HfApi]


def ignore(release: Path, text: str) -> None:
    (release / ".gitignore").write_text(text, encoding="utf-8")
    build_card(release)


@pytest.mark.parametrize(
    ("text", "named"), [("*.safetensors\n", WEIGHTS), (f"/{FOLDER}/\n", FOLDER), ("*\n!README.md\n", WEIGHTS)]
)
def test_the_gate_names_them_before_anything_is_sent(hub: Hub, release: Path, text: str, named: str) -> None:
    ignore(release, text)
    with pytest.raises(HubkitError, match=r"IGNORED.*the Hub would leave out") as refused:
        prepare([Released(release, Target(NAME))], hub[1])
    assert named in refused.value.message
    assert "a release needs none" in refused.value.message
    assert hub[0].requests == ()
    with pytest.raises(HubkitError, match="IGNORED"):
        check_gate(release, {"IGNORED": "never mind"})


def test_a_gitignore_that_names_nothing_of_the_release_is_published_with_it(hub: Hub, release: Path) -> None:
    ignore(release, "*.ckpt\n/wandb/\n")
    prepared = prepare([Released(release, Target(NAME))], hub[1])
    no_code = Choices(run_code=False)
    rehearsals = rehearse(prepared, no_code)
    assert rehearsals[NAME].ok
    (done,) = publish(prepared, hub[1], no_code, rehearsals).releases
    assert done.verification.ok
    assert {".gitignore", WEIGHTS} <= set(hub[1].list_repo_files(NAME))


def test_one_that_is_there_already_is_told_with_the_plan(hub: Hub, release: Path) -> None:
    api = hub[1]
    api.create_repo(NAME)
    api.upload_file(path_or_fileobj=b"*.safetensors\n", path_in_repo=".gitignore", repo_id=NAME)
    head = api.model_info(NAME).sha
    with pytest.raises(UsageError, match=f"its .gitignore makes the Hub leave out 1 file.*{WEIGHTS}") as told:
        make_plan(release, Target(NAME), api)
    assert "hf repos delete-files owner/release .gitignore" in (told.value.hint or "")
    assert api.model_info(NAME).sha == head
    api.upload_file(path_or_fileobj=b"*.ckpt\n", path_in_repo=".gitignore", repo_id=NAME)
    push(make_plan(release, Target(NAME), api), release, api)
    assert WEIGHTS in api.list_repo_files(NAME)


def test_the_releases_own_takes_the_place_of_the_one_that_is_there_for_every_batch(
    hub: Hub, release: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = hub[1]
    monkeypatch.setattr(upload, "BATCH_FILES", 1)
    api.create_repo(NAME)
    api.upload_file(path_or_fileobj=b"*.safetensors\n", path_in_repo=".gitignore", repo_id=NAME)
    ignore(release, "*.ckpt\n")
    push(make_plan(release, Target(NAME), api), release, api)
    assert WEIGHTS in api.list_repo_files(NAME)


def test_what_the_hub_leaves_out_in_the_end_stops_the_push(hub: Hub, release: Path) -> None:
    api = hub[1]
    api.create_repo(NAME)
    head = api.model_info(NAME).sha
    ignore(release, "*.safetensors\n")  # the gate is not asked here
    with pytest.raises(UsageError, match=r"the Hub leaves out 1 file.*nothing was committed"):
        push(make_plan(release, Target(NAME), api), release, api)
    assert api.model_info(NAME).sha == head
    assert not [one for one in hub[0].requests if one.method == "PUT"]
