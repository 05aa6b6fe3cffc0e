"""The gate sees what `validate` sees: secrets however they are written, and a card that is none."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest

from hubkit.cards.build import build_card
from hubkit.errors import HubkitError, UsageError
from hubkit.publish import conditions_of_files
from hubkit.publish.gate import check_gate
from hubkit.repo.local import open_folder
from hubkit.validate.run import validate

TOKEN = "hf_" + "a1B2c3D4" * 5
SECRETS: dict[str, bytes] = {
    ".env": b"DB_PASSWORD=hunter2\n",
    "wide.env": f"HF_TOKEN={TOKEN}\n".encode("utf-16-le"),
    "run.ipynb": ('{"t": "' + TOKEN.replace("h", "\\u0068", 1) + '"}').encode(),
    "train.log": b"\0 step\n" + TOKEN.encode(),
    "train.log.gz": gzip.compress(TOKEN.encode()),
    "x.env.bin": TOKEN.encode(),
    f"{TOKEN}.csv": b"x",
}


def test_a_secret_is_seen_however_it_is_written(release: Path) -> None:
    """As `validate` sees it: there is one reader. Settings, escapes, encodings, what is packed, and names."""
    for name, data in SECRETS.items():
        (release / name).write_bytes(data)
    with pytest.raises(HubkitError) as refused:
        check_gate(release)
    message = refused.value.message
    for name in SECRETS.keys() - {f"{TOKEN}.csv"}:
        assert f"SECRET      {name}: " in message, name
    assert "in the name of hf_a....csv" in message
    assert TOKEN not in message
    assert "hunter2" not in message
    told = {f.path for f in validate(open_folder(release)).findings if f.code == "SEC002"}
    assert told == {*SECRETS.keys() - {f"{TOKEN}.csv"}, None}


def test_a_card_in_another_encoding_or_no_file_at_all(release: Path) -> None:
    card = (release / "README.md").read_text("utf-8")
    (release / "README.md").write_bytes(card.encode("utf-16"))
    with pytest.raises(HubkitError, match=r"CARD002 +README.md: the card is saved as UTF-16") as refused:
        check_gate(release)
    assert "save the file as UTF-8" in refused.value.message
    assert "LICENSE" not in refused.value.message
    with pytest.raises(UsageError, match="saved as UTF-16"):
        build_card(release)
    (release / "README.md").unlink()
    (release / "README.md").mkdir()
    with pytest.raises(HubkitError, match=r"CARD-NONE +README.md is a folder, expected a file"):
        check_gate(release)
    with pytest.raises(UsageError, match="a folder, expected a file"):
        build_card(release)
    (release / "README.md").rmdir()  # as the hint says
    build_card(release)
    check_gate(release)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names")
def test_a_card_that_is_a_pipe(release: Path) -> None:
    (release / "README.md").unlink()
    os.mkfifo(release / "README.md")
    (found,) = [f for f in validate(open_folder(release)).findings if f.code == "CARD001"]
    assert found.message == "README.md is a pipe, expected a file: there is no card"
    assert "move it away" in found.hint
    with pytest.raises(HubkitError, match=r"README\.md is a pipe"):
        check_gate(release)


def test_what_only_packed_could_hide_needs_a_reason(release: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (release / "rows.txt.gz").write_bytes(gzip.compress(b"a" * 5_000_000))
    build_card(release, force=True)
    check_gate(release)
    monkeypatch.setattr(conditions_of_files, "MOST_UNPACKED", 1_000_000)
    with pytest.raises(HubkitError, match=r"rows\.txt\.gz: not all that is packed in it"):
        check_gate(release)
    check_gate(release, {"SECRET": "rows of a public set"})
