"""What is no part of a release is named, and not sent unless asked for; what is sent is searched to its end."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from huggingface_hub import HfApi

from hubkit.cards.build import build_card
from hubkit.errors import HubkitError, UsageError
from hubkit.localhub.server import RunningHub
from hubkit.publish.files import hash_release, left_out
from hubkit.publish.gate import check_gate
from hubkit.publish.plan import Target, make_plan
from hubkit.release.layout import is_left_out
from hubkit.repo.local import open_folder
from hubkit.validate import secret_bytes
from hubkit.validate.run import validate

Hub = tuple[RunningHub, HfApi]
TOKEN = "hf_" + "aB3" * 12
JUNK = {
    ".DS_Store": b"\0",
    "sae/.DS_Store": b"\0",
    "wandb/run-1/files/wandb-metadata.json": b'{"host": "me"}',
    "wandb/latest-run": b"x",
    "slurm-77.out": f"token {TOKEN}".encode(),
    ".ipynb_checkpoints/a-checkpoint.ipynb": b"{}",
    "tools/x.pyc": b"\0",
    ".venv/bin/python": b"x",
    "__pycache__/a.pyc": b"x",
    ".cache/huggingface/token": TOKEN.encode(),
    ".git/config": f"url = https://u:{TOKEN}@hf.co".encode(),
}


def litter(release: Path) -> None:
    for path, data in JUNK.items():
        (release / path).parent.mkdir(parents=True, exist_ok=True)
        (release / path).write_bytes(data)


def test_it_is_named_and_not_sent(hub: Hub, release: Path) -> None:
    before = {file.path for file in hash_release(release)}
    assert left_out(release) == ()
    litter(release)
    plan = make_plan(release, Target("owner/release"), hub[1])
    assert {file.path for file in plan.files} == before
    (note,) = plan.notes
    assert ".cache/" in left_out(release)
    for name in (".DS_Store", ".git/", ".ipynb_checkpoints/", ".venv/", "__pycache__/", "slurm-77.out and"):
        assert name in note or name.removesuffix(" and") in left_out(release)
    assert "wandb/" in left_out(release)
    assert "card.yaml" not in left_out(release)
    assert "--include" in note


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
def test_a_link_that_leads_out_is_named_by_both(
    hub: Hub, release: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    outside = tmp_path_factory.mktemp("outside")
    (outside / "state.pkl").write_bytes(b"\x80\x02cos\nsystem\n)R.")
    before = {file.path for file in hash_release(release)}
    (release / "inside.md").symlink_to(release / "README.md")
    assert make_plan(release, Target("owner/release"), hub[1]).notes == ()
    assert not any("leads out" in remark for remark in validate(open_folder(release)).remarks)
    (release / "state.pkl").symlink_to(outside / "state.pkl")
    (release / "more").symlink_to(outside)
    plan = make_plan(release, Target("owner/release"), hub[1])
    assert {file.path for file in plan.files} == {*before, "inside.md"}
    (release / "own").mkdir()
    (release / "specs").symlink_to(release / "own")
    (release / "gone").symlink_to(release / "nothing")
    (note,) = [one for one in make_plan(release, Target("owner/release"), hub[1]).notes if "specs" in one]
    assert "gone" in note
    told = [*plan.notes, *(one for one in validate(open_folder(release)).remarks if "leads out" in one)]
    assert len(told) == 2
    assert all("state.pkl" in one and "more" in one for one in told)


def test_the_gate_is_not_moved_by_it(release: Path) -> None:
    """Neither by a token in a file that stays at home, nor by a card that does not describe it."""
    check_gate(release)
    litter(release)
    check_gate(release)
    assert not build_card(release).changed


def test_what_is_asked_for_is_sent_and_judged(hub: Hub, release: Path) -> None:
    litter(release)
    files = {f.path for f in hash_release(release, include=("wandb", ".DS_Store"))}
    assert {".DS_Store", "wandb/latest-run", "wandb/run-1/files/wandb-metadata.json"} <= files
    assert "sae/.DS_Store" not in files
    assert "sae/.DS_Store" in {f.path for f in hash_release(release, include=("*.DS_Store",))}
    with pytest.raises(HubkitError, match="SECRET"):
        check_gate(release, files=hash_release(release, include=("slurm-*.out",)))
    plan = make_plan(release, Target("owner/release"), hub[1], include=("wandb/",))
    assert "wandb/latest-run" in {file.path for file in plan.files}


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("nothing", "nothing that is left out fits it"),
        (".git", ".git/ is never sent"),
        ("README.md", "nothing"),
    ],
)
def test_an_include_that_means_nothing(release: Path, pattern: str, words: str) -> None:
    litter(release)
    with pytest.raises(UsageError, match=words):
        hash_release(release, include=(pattern,))


@pytest.mark.parametrize(
    ("path", "left"),
    [
        ("wandb/x", True), ("a/wandb/b/c", True), ("wandb.md", False), ("a/.DS_Store", True), ("slurm-1_2.err", True), ("slurm.out", False), (".ssh/config", True), ("a/.aws/credentials", True), ("nohup.out", True), ("my-nohup.out.md", False), ("rclone.conf", True), ("ssh/config", False), (".bash_history", True), ("history.md", False),
        ("x.tmp", True), ("x.tmpl", False), ("notes~", True), ("a/b.py", False), (".env", False), (".gitattributes", False), ("._x", True),
    ],
)  # fmt: skip
def test_the_list(path: str, left: bool) -> None:
    assert is_left_out(path) is left


@pytest.mark.parametrize("at", [0, 63, 64, 90, 126, 500])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le"])
def test_a_long_text_is_searched_to_its_end(
    release: Path, monkeypatch: pytest.MonkeyPatch, at: int, encoding: str
) -> None:
    """Also where the secret stands across two pieces."""
    monkeypatch.setattr(secret_bytes, "PIECE", 128)
    monkeypatch.setattr(secret_bytes, "OVERLAP", 96)
    bom = b"\xff\xfe" if encoding == "utf-16-le" else b""
    (release / "train.log").write_bytes(bom + ("x " * (at // 2) + TOKEN + " y" * 300).encode(encoding))
    with pytest.raises(HubkitError, match=r"SECRET +train\.log: a Hugging Face token"):
        check_gate(release)


def test_what_a_killed_fix_left_is_no_part_of_a_release(release: Path) -> None:
    (release / ".sae_weights.safetensors.0123abcd.hubkit-fix").write_bytes(b"half")
    (release / "notes.hubkit-fix").write_bytes(b"a file of one's own")
    assert left_out(release) == (".sae_weights.safetensors.0123abcd.hubkit-fix",)
