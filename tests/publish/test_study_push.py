"""The four seed-shaped releases (54, 39, 54 and 1 SAE), the index and the collection, published together, and the sources compared bit for bit.

Quick: three layers of each, with vectors 64 times shorter. Full: all SAEs, one release at its real size (574 MB).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from huggingface_hub import HfApi, close_session, snapshot_download
from publish.releases import SEEDS, Shape, make_release, scaled

from hubkit.errors import HubkitError, UsageError
from hubkit.localhub.server import RunningHub
from hubkit.publish import flow, render
from hubkit.publish.collection import CollectionItem, keep_collection
from hubkit.publish.flow import Choices, Outcome
from hubkit.publish.rehearse import local_hub
from hubkit.publish.verify import verify_repository
from hubkit.release.digests import sha256_of_file
from hubkit.repo.local import open_folder
from hubkit.study import publish as studies
from hubkit.study.several import StudyFile, load_study_file

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning", "ignore::UserWarning")
NAMES = [
    "me/seeds-tiny-smollm2-135m",
    "me/seeds-tiny-nanochat-d32",
    "me/seeds-tiny-tinyllama-1-1b-chat-v1-0",
    "me/seeds-tiny-gemma-4-e2b-it",
]
COUNTS = [54, 39, 54, 1]
FEW = [18, 15, 18, 1]
"""SAEs of the quick form."""
Hub = tuple[RunningHub, HfApi]


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    with local_hub(tmp_path_factory.mktemp("study-hub")) as running:
        yield running
    close_session()


def few(shape: Shape, count: int) -> Shape:
    """Its first three layers, so that it has `count` SAEs, with short vectors."""
    return scaled(replace(shape, layers=shape.layers[:3], count=count), 64)


def write_quick(folder: Path) -> StudyFile:
    return write_study(folder, [few(shape, count) for shape, count in zip(SEEDS, FEW, strict=True)])


def write_study(folder: Path, shapes: list[Shape]) -> StudyFile:
    for shape, name in zip(shapes, NAMES, strict=True):
        make_release(folder / shape.name, shape, name)
    study = {
        "name": "seeds",
        "publish": {
            "owner": "me",
            "index": {"repo_id": "me/seeds", "license": "mit", "title": "All the SAEs"},
            "collection": {"title": "Seed SAEs", "description": "Four base models."},
        },
        "releases": [{"name": shape.name, "folder": shape.name} for shape in SEEDS],
    }
    (folder / "study.yaml").write_text(yaml.safe_dump(study), encoding="utf-8")
    return load_study_file(folder / "study.yaml")


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> StudyFile:
    return write_quick(tmp_path_factory.mktemp("study"))


def pushed(study: StudyFile, api: HfApi, *, code: bool = False, rehearse: bool = True) -> Outcome:
    folder, choices = study.path.parent, Choices(run_code=code, rehearse=rehearse)
    afterwards = studies.afterwards(study, folder)
    prepared = flow.prepare(studies.targets(study, folder), api, choices)
    rehearsals = flow.rehearse(prepared, choices, afterwards=afterwards)
    return flow.publish(prepared, api, choices, rehearsals, afterwards=afterwards)


def equal_to_source(repo_id: str, source: Path, hub: Hub, cache: Path) -> int:
    """How many files a fresh download has, all of them with the source's bytes."""
    running, api = hub
    there = Path(snapshot_download(repo_id, endpoint=running.endpoint, token=api.token, cache_dir=cache))
    names = {entry.path for entry in open_folder(source).list()} - {"card.yaml"}
    for name in names:
        assert sha256_of_file(there / name) == sha256_of_file(source / name), name
    return len(names)


@pytest.fixture(scope="module")
def first(hub: Hub, study: StudyFile) -> Outcome:
    return pushed(study, hub[1])


def test_everything_is_published_proven_and_found_again(
    hub: Hub, study: StudyFile, first: Outcome, tmp_path: Path
) -> None:
    (running, api), outcome = hub, first
    assert [one.pushed.repo_id for one in outcome.releases] == NAMES
    assert [len(one.verification.report.saes) for one in outcome.releases] == FEW
    for one in outcome.releases:
        assert one.verification.ok
        assert one.verification.differing == ()
        files = equal_to_source(one.pushed.repo_id, one.prepared.release, hub, tmp_path / "cache")
        assert files == one.verification.compared
        alone = verify_repository(one.pushed.repo_id, one.pushed.commit, api)
        assert (alone.ok, alone.differing, alone.unlisted) == (True, (), ())
        commits = [
            r for r in running.requests if f"/{one.pushed.repo_id}/commit/" in r.path and r.status == 200
        ]
        assert len(commits) == 1
    card = (study.path.parent / "seeds" / "README.md").read_text(encoding="utf-8")
    for one in outcome.releases:
        assert one.pushed.repo_id in card
        assert one.pushed.commit in card
    assert str(sum(FEW)) in card
    assert outcome.finished.collection is not None
    items = api.get_collection(outcome.finished.collection.slug).items
    assert [item.item_id for item in items] == ["me/seeds", *NAMES]
    assert f"{FEW[0]} SAEs" in (items[1].note or "")
    json.dumps(render.outcome_json(outcome))
    for name in NAMES:
        assert name in render.outcome_lines(outcome)


def test_again_changes_nothing_and_sends_nothing(hub: Hub, study: StudyFile, first: Outcome) -> None:
    running, api = hub
    running.clear_requests()
    again = pushed(study, api, rehearse=False)
    assert [one.pushed.commit for one in again.releases] == [one.pushed.commit for one in first.releases]
    assert again.finished.index is not None
    assert first.finished.index is not None
    assert again.finished.index.pushed.commit == first.finished.index.pushed.commit
    assert again.finished.collection is not None
    assert (
        again.finished.collection.made,
        again.finished.collection.added,
        again.finished.collection.changed,
    ) == (False, (), ())
    # where large files lie is asked with a POST, and only that
    asked = {r.path.rpartition("/")[2] for r in running.requests if r.method not in {"GET", "HEAD"}}
    assert asked <= {"batch"}


def test_a_person_s_own_items_stay_in_the_collection(hub: Hub) -> None:
    api = hub[1]
    for name in ("me/one", "me/two", "me/mine"):
        api.create_repo(name, exist_ok=True)
    items = [CollectionItem("me/one", "the first"), CollectionItem("me/two", "the second")]
    slug = keep_collection(api, "me", "Mine", items, description="before").slug
    api.add_collection_item(slug, "me/mine", "model", note="my own")
    item = next(one for one in api.get_collection(slug).items if one.item_id == "me/mine")
    api.update_collection_item(slug, item.item_object_id, position=0)
    changed = [CollectionItem("me/one", "the first"), CollectionItem("me/two", "better")]
    again = keep_collection(api, "me", "Mine", changed, description="after")
    assert (again.slug, again.made, again.added) == (slug, False, ())
    found = api.get_collection(slug)
    assert found.description == "after"
    assert [(one.item_id, one.note) for one in found.items] == [
        ("me/one", "the first"),
        ("me/two", "better"),
        ("me/mine", "my own"),
    ]


def test_one_release_that_is_refused_stops_all_of_them(hub: Hub, tmp_path: Path) -> None:
    running, api = hub
    study = write_quick(tmp_path / "bad")
    (tmp_path / "bad" / SEEDS[1].name / "README.md").unlink()
    (tmp_path / "bad" / SEEDS[3].name / "extra.pt").write_bytes(b"PK")
    running.clear_requests()
    with pytest.raises(HubkitError) as refused:
        pushed(study, api)
    assert "CARD-NONE" in refused.value.message
    assert "PICKLE" in refused.value.message
    assert {request.method for request in running.requests} <= {"GET", "HEAD"}


def test_the_pattern_and_the_card_must_agree(hub: Hub, tmp_path: Path) -> None:
    study = write_quick(tmp_path / "named")
    card = tmp_path / "named" / SEEDS[0].name / "card.yaml"
    card.write_text(card.read_text(encoding="utf-8").replace(NAMES[0], "me/other"), encoding="utf-8")
    with pytest.raises(UsageError, match="by the study's pattern it is me/seeds-tiny-smollm2-135m"):
        studies.targets(study, tmp_path / "named")


@pytest.mark.train
def test_saelens_loads_every_sae_of_the_rehearsal_with_equal_outputs(
    study: StudyFile, tmp_path: Path
) -> None:
    """On a Hub that has none of it: the code of a card that is published already, with all its files, is not run again."""
    choices = Choices()
    with local_hub(tmp_path / "fresh") as (_, api):
        prepared = flow.prepare(studies.targets(study, study.path.parent), api, choices)
    outcomes = flow.rehearse(prepared[-1:], choices, afterwards=studies.afterwards(study, study.path.parent))
    (run,) = [outcome.snippet for outcome in outcomes.values()]
    assert run is not None
    assert run.ok
    assert (run.checked["loaded"], run.checked["max_difference"]) == (1, 0.0)


@pytest.mark.full
@pytest.mark.train
def test_at_real_size_with_saelens(tmp_path: Path) -> None:
    study = write_study(tmp_path / "real", [SEEDS[0], *(scaled(shape, 16) for shape in SEEDS[1:])])
    with local_hub(tmp_path / "hub") as hub:
        outcome = pushed(study, hub[1], code=True)
        assert "148" in (study.path.parent / "seeds" / "README.md").read_text(encoding="utf-8")
        for one, count in zip(outcome.releases, COUNTS, strict=True):
            assert len(one.verification.report.saes) == count
            assert one.verification.ok
            assert one.rehearsal is not None
            assert one.rehearsal.snippet is not None
            assert one.rehearsal.snippet.checked["loaded"] == count
            assert one.rehearsal.snippet.checked["max_difference"] == 0.0
            equal_to_source(one.pushed.repo_id, one.prepared.release, hub, tmp_path / "cache")
        assert outcome.releases[0].prepared.plan.total_bytes > 570_000_000
    close_session()


def test_a_dry_run_says_what_comes_after_the_releases(study: StudyFile) -> None:
    after = studies.afterwards(study, study.path.parent)
    assert after is not None
    assert after.in_words() == ["the index me/seeds", "the collection 'Seed SAEs' of me"]
    assert studies.afterwards(replace(study, publish=None), study.path.parent) is None
