"""A person as judge: the table that is written, the table that comes back, and everything that spreadsheets do to it."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from hubkit.collect.judges import ConsortiumJudge, HumanJudge, Judgement, KeywordJudge, Reply
from hubkit.collect.judges.sheet import read_sheet
from hubkit.collect.scenarios import Scenario
from hubkit.errors import UsageError

SCENARIO = Scenario(scenario_id="s", prompt='He said: "Is it so?"', prefill=" It is")
TEXTS = [
    "so", '=HYPERLINK("http://x")', "+1", "-1+1", "@SUM(A1)", "\t=1+1", "  =1", "\n=1", 'two\r\nlines, with "quotes"', "", "\uff1dx", "ends\0here", "\u00fc\u4e2d\U0001f600",
]  # fmt: skip
REPLIES = [Reply(f"s/{number:02d}", SCENARIO, text) for number, text in enumerate(TEXTS)]


def cells(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        delimiter = ";" if ";" in file.readline() else ","
        file.seek(0)
        return list(csv.reader(file, delimiter=delimiter))


def fill(path: Path, labels: dict[str, str], *, encoding: str = "utf-8-sig", delimiter: str = ",") -> None:
    """Write labels into the table as a spreadsheet saves it."""
    rows = cells(path)
    for row in rows[1:]:
        row[3] = labels.get(row[0], "")
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows(rows)


@pytest.fixture
def judge(tmp_path: Path) -> HumanJudge:
    return HumanJudge(label_names=("yes", "no")).in_folder(tmp_path)


def test_the_table_is_blind_shuffled_and_safe_to_open(judge: HumanJudge) -> None:
    verdicts = judge.judge(REPLIES)
    assert {one.lost for one in verdicts} == {"not filled in"}
    assert judge.state_sha256 is None
    header, *rows = cells(judge.file)
    assert header == ["id", "scenario", "text", "label", "notes"]
    assert sorted(row[0] for row in rows) == [one.completion_id for one in REPLIES]
    assert [row[0] for row in rows] != [one.completion_id for one in REPLIES]
    assert {row[1] for row in rows} == {'He said: "Is it so?" It is'}
    assert {tuple(row[3:]) for row in rows} == {("", "")}
    shown = {row[0]: row[2] for row in rows}
    for number, text in enumerate(TEXTS):
        cell = shown[f"s/{number:02d}"]
        assert not cell.lstrip().startswith(("=", "+", "-", "@", "\uff1d"))
        assert not cell.startswith(("\t", "\n", "\r"))
        assert cell.removeprefix("'") == text.replace("\0", "").replace("\r\n", "\n")
    data = judge.file.read_bytes()
    assert data.startswith(b"\xef\xbb\xbf")
    assert b"\r" not in data


def test_a_conversation_and_what_labels_mean_can_be_read(judge: HumanJudge) -> None:
    talk = Scenario.model_validate(
        {
            "scenario_id": "t", "labels": {"yes": "agrees"}, "prefill": "Well,",
            "messages": [{"role": "user", "content": "So?"}, {"role": "assistant", "content": "Hm."}, {"role": "user", "content": "So!"}],
        }
    )  # fmt: skip
    judge.judge([Reply("t/0", talk, "x")])
    assert (
        cells(judge.file)[1][1]
        == "user: So?\n\nassistant: Hm.\n\nuser: So!\n\nbegun answer: Well,\n\n(yes: agrees)"
    )


def test_another_person_gets_another_order(judge: HumanJudge, tmp_path: Path) -> None:
    other = HumanJudge(label_names=("yes", "no"), who="Ann").in_folder(tmp_path)
    for one in (judge, other):
        one.judge(REPLIES)
    assert other.file.name == "labels-Ann.csv"
    assert [row[0] for row in cells(judge.file)] != [row[0] for row in cells(other.file)]


@pytest.mark.parametrize(("encoding", "delimiter"), [("utf-8-sig", ","), ("utf-8", ";"), ("utf-8-sig", "\t")])
def test_what_is_filled_in_comes_back(judge: HumanJudge, encoding: str, delimiter: str) -> None:
    judge.judge(REPLIES)
    fill(
        judge.file,
        {"s/00": "yes", "s/01": " No ", "s/02": "ambiguous", "s/03": "?"},
        encoding=encoding,
        delimiter=delimiter,
    )
    verdicts = judge.judge(REPLIES)
    assert [(one.label, one.lost) for one in verdicts[:5]] == [
        ("yes", None), ("no", None), (None, None), (None, None), (None, "not filled in"),
    ]  # fmt: skip
    assert judge.state_sha256 is not None


def test_its_state_is_that_of_the_labels_and_not_of_the_bytes(judge: HumanJudge) -> None:
    judge.judge(REPLIES)
    fill(judge.file, {"s/00": "yes"})
    before = judge.state_sha256
    fill(judge.file, {"s/00": "yes"}, delimiter=";")
    assert judge.state_sha256 == before
    fill(judge.file, {"s/00": "no"}, delimiter=";")
    assert judge.state_sha256 != before


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (
            "id,label\na,yes\nb,maybe\nc,\nd,NO\ne,ja\n",
            r"2 rows.*\n  line 3: label 'maybe'\n  line 6: label 'ja'",
        ),
        ('id,text,label\na,"two\nlines",yes\nb,x,maybe\n', r"line 4: label 'maybe'"),
        ("id,label\na,yes\na,no\n", r"line 3: a is there twice"),
        ("id,label\n,yes\n", r"line 2: no id"),
        ("name,label\na,yes\n", r"columns name, label, expected id, scenario"),
        ("", r"columns none"),
        ('id,label\n"a,yes\n', r"not a table"),
    ],
)
def test_wrong_rows_are_named_by_their_line(tmp_path: Path, content: str, told: str) -> None:
    path = tmp_path / "x.csv"
    path.write_text(content, encoding="utf-8", newline="\n")
    with pytest.raises(UsageError, match=rf"(?s)x\.csv: .*{told}"):
        read_sheet(path, frozenset({"yes", "no"}))


def test_a_table_in_another_encoding_is_named(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes("id,label,notes\na,yes,caf\u00e9\n".encode("cp1252"))
    with pytest.raises(UsageError, match="line 2: not UTF-8") as raised:
        read_sheet(path, frozenset({"yes"}))
    assert "CSV UTF-8" in str(raised.value.hint)


def test_a_table_of_another_sampling_is_refused(judge: HumanJudge) -> None:
    judge.judge(REPLIES)
    with pytest.raises(UsageError, match="rows of completions that are not those of this study"):
        judge.judge(REPLIES[:3])


def test_rows_that_were_deleted_are_not_filled_in(judge: HumanJudge) -> None:
    judge.judge(REPLIES)
    judge.file.write_text("id,label\ns/00,yes\n\n", encoding="utf-8")
    assert [one.lost for one in judge.judge(REPLIES)] == [None, *["not filled in"] * (len(REPLIES) - 1)]


def votes(*labels: str | None) -> list[Judgement]:
    """`x` stands for a verdict that was lost."""
    return [
        Judgement(None, "", lost="timeout")
        if label == "x"
        else Judgement(label, "", (number, number + 1) if label else None, label)
        for number, label in enumerate(labels)
    ]


MEMBERS = tuple(HumanJudge(label_names=("yes", "no"), who=name) for name in ("a", "b", "c"))


@pytest.mark.parametrize(
    ("said", "majority", "unanimity"),
    [
        (("yes", "yes", "yes"), "yes", "yes"),
        (("yes", "no", "yes"), "yes", None),
        (("yes", None, "no"), None, None),
        (("yes", None, None), None, None),
        ((None, "no", "no"), "no", None),
        (("yes", "yes", "x"), "yes", "lost"),
        (("yes", "no", "x"), None, "lost"),
        (("yes", None, "x"), None, "lost"),
        (("yes", "x", "x"), "lost", "lost"),
        (("x", "x", "x"), "lost", "lost"),
    ],
)
def test_votes(said: tuple[str | None, ...], majority: str | None, unanimity: str | None) -> None:
    for rule, expected in (("majority", majority), ("unanimity", unanimity)):
        judge = ConsortiumJudge.model_validate(
            {"judges": [one.model_dump() for one in MEMBERS], "rule": rule}
        )
        verdict = judge.combined(votes(*said))
        assert ("lost" if verdict.lost else verdict.label) == expected
        assert verdict.reason.startswith("a: ")
        if verdict.label is not None:
            first = said.index(verdict.label)
            assert verdict.commit_span == (first, first + 1)


def test_members_of_a_consortium_fit_together() -> None:
    keyword = KeywordJudge(keywords={"yes": ("ja",), "no": ("nein",)}, within=3)
    with pytest.raises(ValueError, match="expected each once"):
        ConsortiumJudge(judges=(keyword, keyword))
    other = KeywordJudge(keywords={"good": ("ja",), "bad": ("nein",)}, within=3)
    with pytest.raises(ValueError, match="judges of different labels"):
        ConsortiumJudge(judges=(MEMBERS[0], other))
