"""Publishing against the local Hub with the real client: the plan, the gate, one commit, proof."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from builders import tensors
from huggingface_hub import HfApi, snapshot_download

from hubkit.cards.build import build_card
from hubkit.errors import HubkitError, IncompleteError, NothingFound, UsageError
from hubkit.localhub.server import RunningHub
from hubkit.publish.gate import check_gate
from hubkit.publish.plan import Target, make_plan
from hubkit.publish.push import push
from hubkit.publish.rehearse import carry_out
from hubkit.publish.verify import verify

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning", "ignore::UserWarning")
TARGET = Target("owner/release")


def test_plan_push_verify_and_again(hub: tuple[RunningHub, HfApi], release: Path, tmp_path: Path) -> None:
    running, api = hub
    plan = make_plan(release, TARGET, api)
    assert plan.parent is None
    assert {f.action for f in plan.files} == {"add"}
    assert {
        "README.md",
        "evaluation.json",
        "lab_L2_mixed/cfg.json",
        "lab_L2_mixed/sae_weights.safetensors",
    } <= {f.path for f in plan.files}
    assert "card.yaml" not in {f.path for f in plan.files}
    pushed = push(plan, release, api)
    proof = verify(plan, pushed.commit, api)
    assert (proof.ok, proof.compared, proof.differing) == (True, len(plan.files), ())
    downloaded = Path(
        snapshot_download(
            "owner/release", endpoint=running.endpoint, token=api.token, cache_dir=tmp_path / "cache"
        )
    )
    for file in plan.files:
        assert (downloaded / file.path).read_bytes() == (release / file.path).read_bytes()

    running.clear_requests()
    again = make_plan(release, TARGET, api)
    assert again.sent == ()
    assert push(again, release, api).commit == pushed.commit
    assert not [r for r in running.requests if r.method in {"PUT", "POST"}]


def test_a_dry_run_sends_nothing(hub: tuple[RunningHub, HfApi], release: Path) -> None:
    plan = make_plan(release, TARGET, hub[1])
    json.dumps(plan.to_json())
    assert all(request.method in {"GET", "HEAD"} for request in hub[0].requests)
    assert not list(hub[1].list_models(author="owner"))


def test_only_what_changed_is_sent_and_foreign_files_stay(
    hub: tuple[RunningHub, HfApi], release: Path
) -> None:
    api = hub[1]
    push(make_plan(release, TARGET, api), release, api)
    api.upload_file(path_or_fileobj=b"mine", path_in_repo="notes.txt", repo_id="owner/release")
    values = tensors()
    values["threshold"] = values["threshold"] + 1
    from safetensors.numpy import save_file

    save_file(values, release / "lab_L2_mixed" / "sae_weights.safetensors")
    build_card(release)
    plan = make_plan(release, TARGET, api)
    assert {f.path for f in plan.sent} == {"README.md", "lab_L2_mixed/sae_weights.safetensors"}
    assert plan.kept == ("notes.txt",)
    pushed = push(plan, release, api)
    assert verify(plan, pushed.commit, api).ok
    assert "notes.txt" in api.list_repo_files("owner/release")


def test_a_commit_that_came_in_between_stops_the_push_and_changes_nothing(
    hub: tuple[RunningHub, HfApi], release: Path
) -> None:
    api = hub[1]
    api.create_repo("owner/release")
    plan = make_plan(release, TARGET, api)
    api.upload_file(path_or_fileobj=b"first", path_in_repo="other.txt", repo_id="owner/release")
    head = api.model_info("owner/release").sha
    with pytest.raises(IncompleteError, match="another commit came in between"):
        push(plan, release, api)
    assert api.model_info("owner/release").sha == head
    fresh = make_plan(release, TARGET, api)
    assert verify(fresh, push(fresh, release, api).commit, api).ok


def test_a_file_that_changed_since_the_plan_stops_the_push(
    hub: tuple[RunningHub, HfApi], release: Path
) -> None:
    plan = make_plan(release, TARGET, hub[1])
    (release / "README.md").write_text("something else", encoding="utf-8")
    with pytest.raises(UsageError, match="changed since the plan"):
        push(plan, release, hub[1])
    assert not list(hub[1].list_models(author="owner"))


def test_verify_names_the_file_that_differs(hub: tuple[RunningHub, HfApi], release: Path) -> None:
    api = hub[1]
    plan = make_plan(release, TARGET, api)
    push(plan, release, api)
    tampered = api.upload_file(
        path_or_fileobj=b"{}", path_in_repo="lab_L2_mixed/cfg.json", repo_id="owner/release"
    )
    proof = verify(plan, tampered.oid, api)
    assert not proof.ok
    assert proof.differing == ("lab_L2_mixed/cfg.json",)
    assert "CFG005" in {finding.code for finding in proof.report.findings}


def test_the_gate_refuses_errors_a_missing_card_and_a_stale_one(release: Path) -> None:
    assert check_gate(release).allowed == ()
    weights = release / "lab_L2_mixed" / "sae_weights.safetensors"
    cfg = weights.with_name("cfg.json")
    cfg.write_text(cfg.read_text(encoding="utf-8").replace('"d_in": 8', '"d_in": 8 '), encoding="utf-8")
    with pytest.raises(HubkitError, match="CARD-STALE"):
        check_gate(release)
    values = tensors()
    values["threshold"] = values["threshold"] * 0
    from safetensors.numpy import save_file

    save_file(values, weights)
    with pytest.raises(HubkitError, match=r"2 errors \(THR001, CARD-STALE\); nothing was sent"):
        check_gate(release)
    build_card(release)
    assert [problem.code for problem in check_gate(release, allow={"THR001": "a test"}).allowed] == ["THR001"]
    (release / "README.md").unlink()
    with pytest.raises(HubkitError, match="CARD-NONE"):
        check_gate(release, allow={"THR001": "a test"})


def test_an_empty_folder_is_nothing_to_publish(hub: tuple[RunningHub, HfApi], tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(NothingFound, match="nothing to publish"):
        make_plan(tmp_path / "empty", Target("owner/empty"), hub[1])


def test_a_wrong_token_is_told_in_words(hub: tuple[RunningHub, HfApi], release: Path) -> None:
    stranger = HfApi(endpoint=hub[0].endpoint, token="wrong")
    plan = make_plan(release, TARGET, HfApi(endpoint=hub[0].endpoint, token=False))
    with pytest.raises(UsageError, match="does not know this token"):
        push(plan, release, stranger)


def test_a_rehearsal_without_running_code(hub: tuple[RunningHub, HfApi], release: Path) -> None:
    outcome = carry_out(make_plan(release, TARGET, hub[1]), release, hub[1], code=None)
    assert outcome.ok
    assert outcome.snippet is None
    assert outcome.verification.report.revision == outcome.pushed.commit
