"""What a plan says and refuses: targets, branches, tags, deletions."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from huggingface_hub import HfApi

from hubkit.errors import UsageError
from hubkit.localhub.server import RunningHub
from hubkit.publish.plan import Target, make_plan
from hubkit.publish.push import push
from hubkit.publish.render import plan_tree

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning", "ignore::UserWarning")
NAME = "owner/release"
Hub = tuple[RunningHub, HfApi]


def test_deletions_are_in_the_plan_only_when_asked_for(hub: Hub, release: Path) -> None:
    api = hub[1]
    push(make_plan(release, Target(NAME), api), release, api)
    api.upload_file(path_or_fileobj=b"old", path_in_repo="old/notes.txt", repo_id=NAME)
    kept = make_plan(release, Target(NAME), api)
    assert (kept.deleted, kept.kept, kept.changes) == ((), ("old/notes.txt",), False)
    assert "--prune" in kept.notes[0]
    pruned = make_plan(release, Target(NAME), api, prune=True)
    assert pruned.deleted == ("old/notes.txt",)
    assert "- notes.txt" in plan_tree(pruned).replace("[bold red]-[/]", "-")
    commit = push(pruned, release, api).commit
    assert set(api.list_repo_files(NAME)) == {file.path for file in pruned.local} | {".gitattributes"}
    assert make_plan(release, Target(NAME), api, prune=True).parent == commit


@pytest.mark.parametrize(
    "name",
    [
        "foo",
        "a/b/c",
        "a b/c",
        "/x",
        "owner/",
        "owner/a--b",
        "owner/x.git",
        "-a/b",
        "owner/ä",
        "owner/" + "a" * 99,
    ],
)
def test_names_that_no_hub_takes_are_refused_before_anything_is_asked(name: str) -> None:
    with pytest.raises(UsageError, match="not the name of a repository"):
        Target(name)


@pytest.mark.parametrize(
    "name",
    ["bad tag", "-v1", "v1..2", "a//b", "/a", "a/", "v1.", "a.lock", "a~1", "a:b", "", "a@{1}", "v\n1"],
)
def test_names_that_git_does_not_take_are_refused_before_anything_is_asked(name: str) -> None:
    with pytest.raises(UsageError, match="--tag"):
        Target(NAME, tag=name)
    with pytest.raises(UsageError, match="--branch"):
        Target(NAME, revision=name)


@pytest.mark.parametrize("name", ["v1", "v1.0", "feature/a_b-c", "2026-11-20", "refs/pr/3", "ü"])
def test_names_that_git_takes(name: str) -> None:
    assert Target(NAME, revision=name, tag=name).tag == name


def test_a_new_branch_begins_at_main_and_leaves_it_alone(hub: Hub, release: Path) -> None:
    api = hub[1]
    push(make_plan(release, Target(NAME), api), release, api)
    main = api.model_info(NAME).sha
    (release / "config.json").write_text("{}\n", encoding="utf-8")
    target = Target(NAME, revision="dev/next", tag="v2")
    plan = make_plan(release, target, api)
    assert (plan.parent, plan.begins_branch) == (main, True)
    assert {file.path for file in plan.sent} == {"config.json"}
    pushed = push(plan, release, api)
    assert api.model_info(NAME).sha == main
    refs = api.list_repo_refs(NAME)
    assert {branch.name: branch.target_commit for branch in refs.branches}["dev/next"] == pushed.commit
    assert {tag.name: tag.target_commit for tag in refs.tags} == {"v2": pushed.commit}


def test_a_tag_never_moves(hub: Hub, release: Path) -> None:
    api = hub[1]
    target = Target(NAME, tag="v1")
    first = push(make_plan(release, target, api), release, api)
    again = push(make_plan(release, target, api), release, api)
    assert (again.commit, again.new_commit) == (first.commit, False)
    (release / "config.json").write_text("{}\n", encoding="utf-8")
    with pytest.raises(UsageError, match="a tag never moves"):
        make_plan(release, target, api)


def test_private_and_gated_are_for_new_repositories(hub: Hub, release: Path) -> None:
    api = hub[1]
    push(make_plan(release, Target(NAME, private=True, gated="auto"), api), release, api)
    info = api.model_info(NAME)
    assert (info.private, info.gated) == (True, "auto")
    push(make_plan(release, Target("owner/open"), api), release, api)
    with pytest.raises(UsageError, match="is public already"):
        make_plan(release, Target("owner/open", private=True), api)


@pytest.mark.parametrize(
    ("target", "words"),
    [
        (Target(NAME, pull_request=True), "no such repository"),
        (Target(NAME, pull_request=True, tag="v1"), "no commit to tag"),
        (Target(NAME, pull_request=True, revision="dev"), "goes to main"),
    ],
)
def test_what_cannot_be_meant(hub: Hub, release: Path, target: Target, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        make_plan(release, target, hub[1])


def test_the_same_plan_as_json_and_as_a_tree(hub: Hub, release: Path) -> None:
    plan = make_plan(release, Target(NAME, private=True), hub[1])
    data = json.loads(json.dumps(plan.to_json()))
    assert data["bytes"] == sum((release / one["path"]).stat().st_size for one in data["files"])
    assert {one["action"] for one in data["files"]} == {"add"}
    tree = plan_tree(plan)
    assert "a new, private repository" in tree
    for one in data["files"]:
        assert one["path"].rpartition("/")[2] in tree
    assert plan.digest == make_plan(release, Target(NAME, private=True), hub[1]).digest
