"""28 cards that people wrote: nothing of them is lost, the new card has no error more, and its words are the author's. Nothing of them is committed."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
from adopt.cards28 import SEEDS, corpus, of_corpus
from adopt.sentences import lost
from corpus import THERE

from hubkit.adopt.adoption import adopt
from hubkit.adopt.contradicted import ALSO
from hubkit.adopt.outcome import Adoption
from hubkit.adopt.shown import errors
from hubkit.adopt.write import write
from hubkit.repo.memory import MemoryView

pytestmark = pytest.mark.skipif(not THERE, reason="HUBKIT_CORPUS is not set")
GIVEN = {"license": "mit", "repo_id": "owner/saes"}
NAMES = [*SEEDS, *(corpus() if THERE else ())]


def of_name(name: str) -> MemoryView:
    return SEEDS[name]() if name in SEEDS else of_corpus(corpus()[name])


@cache
def adopted(name: str) -> Adoption:
    return adopt_again(name)


def adopt_again(name: str) -> Adoption:
    found = adopt(of_name(name), GIVEN)
    assert found is not None
    return found


def test_there_are_28() -> None:
    assert len(NAMES) == 28


@pytest.mark.parametrize("name", NAMES)
def test_no_sentence_is_lost(name: str) -> None:
    found = adopted(name)
    assert found.built.card, found.built.why
    assert lost(found.source.text, found) == []


@pytest.mark.parametrize("name", NAMES)
def test_no_error_more_than_before_and_none_on_the_author_s_words(name: str) -> None:
    found = adopted(name)
    assert found.after is not None
    before, after = errors(found)
    assert after <= before
    assert [
        f.message for f in found.after.findings if f.severity.word == "error" and f.code.startswith("CARD")
    ] == []


@pytest.mark.parametrize("name", NAMES)
def test_a_second_run_changes_nothing(name: str, tmp_path: Path) -> None:
    found = adopted(name)
    assert write(found, tmp_path, beside=False).written
    assert write(adopt_again(name), tmp_path, beside=False).written == ()
    there = of_name(name)
    there.files |= {path: text.encode() for path, text in found.files.items()}
    assert adopt(there, GIVEN) is None


@pytest.mark.parametrize("name", NAMES)
def test_every_contradiction_is_in_the_difference(name: str) -> None:
    found = adopted(name)
    shown = {(row.code, row.files) for row in found.differences}
    for finding in found.before.findings:
        if finding.code.startswith("CARD") and finding.severity.word != "note":
            assert any(code == finding.code and files in finding.message for code, files in shown), (
                finding.message
            )


@pytest.mark.parametrize("name", NAMES)
def test_the_lines_that_a_reason_names_are_those_that_the_difference_names(name: str) -> None:
    found = adopted(name)
    shown = {line for row in found.differences for line in also(row.files)} | {
        row.line for row in found.differences
    }
    assert {line for one in found.settings.get("withdrawn", ()) for line in also(one["reason"])} <= shown
    assert {row.line for row in found.differences if row.outcome == "withdrawn"} == {
        one["line"] for one in found.settings.get("withdrawn", ())
    }


def also(text: str) -> set[int]:
    return {int(line) for lines in ALSO.findall(text) for line in lines.split(", ")}
