"""`hubkit adopt` a second time: its own files that nobody edited are written over, what a person edited is not; the first run says what to type."""

from __future__ import annotations

import html
import json
from dataclasses import replace
from pathlib import Path

import pytest
from adopt.handmade import CARD, repository
from adopt.test_adopt import adopted
from typer.testing import CliRunner

from hubkit.adopt.adoption import adopt
from hubkit.adopt.difference import besides
from hubkit.adopt.outcome import Adoption
from hubkit.adopt.pieces import Piece
from hubkit.adopt.shown import remaining
from hubkit.adopt.write import write
from hubkit.cards.settings import load_settings
from hubkit.cli.main import app
from hubkit.errors import UsageError
from hubkit.publish.propose_card import text_of
from hubkit.validate.finding import Finding, Severity

UNLICENSED = CARD.replace("license: mit\n", "")


def half(**given: str) -> Adoption:
    found = adopt(repository(UNLICENSED), given)
    assert found is not None
    return found


def test_what_an_earlier_run_wrote_is_written_over(tmp_path: Path) -> None:
    write(half(), tmp_path, beside=False)
    put = write(half(license="mit"), tmp_path, beside=False)
    assert {path.name for path in put.written} == {"card.yaml", "README.md"}
    assert put.copies == ()
    assert load_settings(tmp_path / "card.yaml").license == "mit"
    third = write(half(license="apache-2.0"), tmp_path, beside=False)
    assert {path.name for path in third.written} == {"card.yaml", "README.md"}
    assert write(half(license="apache-2.0"), tmp_path, beside=False).written == ()


def test_line_ends_of_windows_are_no_edit(tmp_path: Path) -> None:
    write(half(), tmp_path, beside=False)
    for path in tmp_path.iterdir():
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert write(half(license="mit"), tmp_path, beside=False).copies == ()


@pytest.mark.parametrize("edit", ["above", "below", "record", "evidence"])
def test_what_a_person_edited_is_not(edit: str, tmp_path: Path) -> None:
    write(half(), tmp_path, beside=False)
    path = tmp_path / ("evidence.yaml" if edit == "evidence" else "card.yaml")
    text = path.read_text(encoding="utf-8")
    changed = {
        "above": text.replace("The SAEs saw English only.", "The SAEs saw English."),
        "below": f"{text}study: mine\n",
        "record": text.replace("# card.yaml ", "# no.yaml "),
        "evidence": text.replace("0.913", "0.914"),
    }[edit]
    assert changed != text
    path.write_bytes(changed.encode())
    after = replace(half(license="mit"), evidence_text="values: []\n")
    with pytest.raises(UsageError, match=rf"{path.name}: is there already"):
        write(after, tmp_path, beside=False)
    assert path.read_text(encoding="utf-8") == changed
    assert path.name in {
        one.name.rstrip("~") for one in write(after, tmp_path, beside=False, force=True).copies
    }


def test_a_file_without_a_record_is_somebody_s(tmp_path: Path) -> None:
    (tmp_path / "evidence.yaml").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="is there already"):
        write(half(), tmp_path, beside=False)


def test_the_first_run_names_the_option(tmp_path: Path) -> None:
    files = repository(UNLICENSED, repo=None).files
    for path, data in files.items():
        (tmp_path / "saes" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "saes" / path).write_bytes(data)
    run = CliRunner().invoke
    folder, new = str(tmp_path / "saes"), str(tmp_path / "new")
    first = run(app, ["adopt", folder, "--into", new, "--repo-id", "a/b"])
    assert first.exit_code == 0, first.output
    assert f"--license ID --into {new}" in "".join(first.output.split("\n")).replace("  ", " ")
    second = run(app, ["adopt", folder, "--into", new, "--repo-id", "a/b", "--license", "mit"])
    assert second.exit_code == 0, second.output
    assert (tmp_path / "new" / "README.md").is_file()
    assert "--license" not in second.output


def test_beside_the_saes_a_second_run_goes_on_too(tmp_path: Path) -> None:
    for path, data in repository(UNLICENSED, repo=None).files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(data)
    run = CliRunner().invoke
    assert run(app, ["adopt", str(tmp_path), "--write", "--repo-id", "a/b"]).exit_code == 0
    second = run(app, ["adopt", str(tmp_path), "--write", "--repo-id", "a/b", "--license", "mit"])
    assert second.exit_code == 0, second.output
    assert load_settings(tmp_path / "card.yaml").license == "mit"
    assert (tmp_path / "README.md").read_text(encoding="utf-8") != UNLICENSED


def test_errors_that_remain_are_named_everywhere() -> None:
    found = adopted()
    assert (remaining(found), found.to_json()["remaining"]) == ([], [])
    assert "still an error" not in text_of(found)
    assert found.after is not None
    left = Finding(
        code="CARD005",
        message="d_in is 8, not 9",
        path="README.md",
        line=7,
        severity=Severity.ERROR,
        fingerprint="0",
    )
    worse = replace(found, after=replace(found.after, findings=[*found.after.findings, left]))
    assert remaining(worse) == ["still an error: CARD005, line 7 of the new card: d_in is 8, not 9"]
    assert json.loads(json.dumps(worse.to_json()["remaining"])) == [
        {"code": "CARD005", "line": 7, "message": "d_in is 8, not 9"}
    ]
    assert "1 after.\n  - still an error: CARD005, line 7 of the new card" in html.unescape(text_of(worse))


@pytest.mark.parametrize(
    ("text", "message", "rest"),
    [
        (
            "54 SAEs trained on activations (a tiny Llama), capturing signals of deception.",
            "the card says 54 SAEs, the repository has 53",
            "a tiny Llama; capturing signals of deception",
        ),
        ("**54 SAEs** across 9 layers (L3, L4)", "the card says 54 SAEs, the repository has 53", "L3, L4"),
        (
            "54 SAEs of a GPT-NeoX model (L4, L9), all tiny.",
            "the card says 54 SAEs|the model type is x, the card says gpt_neox|there is no SAE of layer 9",
            "all tiny",
        ),
        ("It has 54 SAEs.", "the card says 54 SAEs, the repository has 53", ""),
        ("It has many SAEs (all tiny).", "the card says 54 SAEs, the repository has 53", ""),
        (
            "d_sae is 16,384; nobody tried more.",
            "the card says d_sae 16384, the configurations 8192 (also on line 9)",
            "nobody tried more",
        ),
    ],
)
def test_what_else_a_withdrawn_sentence_said_is_told(text: str, message: str, rest: str) -> None:
    assert besides([Piece(text, 1, 1)], message.split("|")) == rest


def test_the_difference_tells_it() -> None:
    text = CARD.replace("for GPT-2 small.", "for GPT-2 small (124M), capturing what it knows.")
    row = next(row for row in adopted(text).differences if row.line == 12 and row.outcome == "withdrawn")
    assert row.besides == "124M; capturing what it knows"
    assert all(not row.besides for row in adopted().differences if row.outcome == "withdrawn")
