"""`hubkit verify` of a release that was made elsewhere: no provenance.json, but a card of hubkit's, whose digests speak for the files."""

from __future__ import annotations

from pathlib import Path

import pytest
from builders import README
from huggingface_hub import HfApi

from hubkit.errors import UsageError
from hubkit.localhub.server import RunningHub
from hubkit.publish.plan import Target, make_plan
from hubkit.publish.push import push
from hubkit.publish.verify import Verification, verify_repository
from hubkit.publish.verify_card import AGAINST

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning", "ignore::UserWarning")
NAME = "owner/release"
Hub = tuple[RunningHub, HfApi]
FILES = {"README.md", "lab_L2_mixed/cfg.json", "lab_L2_mixed/sae_weights.safetensors", "evaluation.json"}


@pytest.fixture
def pushed(hub: Hub, release: Path) -> HfApi:
    api = hub[1]
    plan = make_plan(release, Target(NAME), api)
    assert "provenance.json" not in {file.path for file in plan.files}
    push(plan, release, api)
    return api


def changed(api: HfApi, path: str, data: bytes) -> Verification:
    api.upload_file(path_or_fileobj=data, path_in_repo=path, repo_id=NAME)
    return verify_repository(NAME, None, api)


def test_what_was_just_pushed_is_proven_by_its_card(pushed: HfApi) -> None:
    proof = verify_repository(NAME, None, pushed)
    assert (proof.ok, proof.against, proof.differing, proof.unlisted) == (True, AGAINST, (), ())
    assert proof.compared == len(FILES)


def test_a_file_beside_it_is_told_and_nothing_differs(pushed: HfApi) -> None:
    proof = changed(pushed, "notes.txt", b"mine")
    assert (proof.ok, proof.differing, proof.unlisted) == (True, (), ("notes.txt",))
    assert proof.compared == len(FILES)


def test_other_weights_and_other_configurations_differ(pushed: HfApi, release: Path) -> None:
    weights = release / "lab_L2_mixed" / "sae_weights.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    push(make_plan(release, Target(NAME), pushed), release, pushed)
    proof = verify_repository(NAME, None, pushed)
    assert not proof.ok
    assert proof.differing == ("lab_L2_mixed/sae_weights.safetensors",)
    cfg = (release / "lab_L2_mixed" / "cfg.json").read_bytes()
    proof = changed(pushed, "lab_L2_mixed/cfg.json", cfg + b"\n")
    assert proof.differing == (
        "evaluation.json",
        "lab_L2_mixed/cfg.json",
        "lab_L2_mixed/sae_weights.safetensors",
    )


def test_a_card_that_was_edited_differs(pushed: HfApi, release: Path) -> None:
    text = (
        (release / "README.md").read_text(encoding="utf-8").replace("license: mit", "license: apache-2.0", 1)
    )
    assert changed(pushed, "README.md", text.encode()).differing == ("README.md",)


def test_a_card_of_somebody_elses_proves_nothing(pushed: HfApi) -> None:
    with pytest.raises(UsageError, match=r"neither provenance\.json nor a card of hubkit's"):
        changed(pushed, "README.md", README.encode())
