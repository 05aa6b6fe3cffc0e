"""What is seen of long work: plain lines where there is no terminal, a table where there is one."""

from __future__ import annotations

import io

import pytest
from rich.console import Console as RichConsole

from hubkit.console import Console, _Overview, _PlainLines
from hubkit.engine.events import Event, Line

CELLS = {"step": "8/400", "loss": 55.912, "L0": 16.0, "EV": 0.0499, "dead %": 0.0, "rows/s": 23236.4}


def test_a_line_says_where_the_first_of_the_things_in_the_works_stands(
    capsys: pytest.CaptureFixture[str],
) -> None:
    lines = _PlainLines()
    lines(Event("train", 3, 9, lines=(Line("a", CELLS, share=0.02), Line("b", CELLS))))
    lines(Event("train", 4, 9, "too soon after the first"))
    lines(Event("train", 4, 9, note="b: its process ended; tried again"))
    lines(Event("train", 9, 9, "c"))
    first, note, last = capsys.readouterr().err.splitlines()
    assert (
        first
        == "train      3/9  a and 1 more: step 8/400  loss 55.9  L0 16.0  EV 0.0499  dead % 0.00  rows/s 23,236"
    )
    assert note == "train      b: its process ended; tried again"
    assert last.startswith("train      9/9")
    assert last.endswith("  c")


def test_bytes_are_shown_as_such(capsys: pytest.CaptureFixture[str]) -> None:
    _PlainLines()(Event("sending", 3_100_000, 574_700_000, "a/weights", unit="bytes"))
    assert capsys.readouterr().err == "sending    3.1/574.7 MB  a/weights\n"


def shown(overview: _Overview) -> str:
    overview.console.print(overview)
    file = overview.console.file
    assert isinstance(file, io.StringIO)
    text = file.getvalue()
    file.truncate(0)
    return text


def overview(height: int) -> _Overview:
    return _Overview(RichConsole(file=io.StringIO(), width=120, height=height, force_terminal=False))


def test_the_table_has_what_is_in_the_works_and_no_more() -> None:
    live = overview(30)
    live(Event("train", 0, 2, lines=(Line("one", CELLS, share=0.5), Line("two", CELLS, share=0.1)), part=0.6))
    text = shown(live)
    assert text.index("two") < text.index("one"), "the least finished first"
    assert all(name in text for name in CELLS)
    assert "0/2" in text
    live(Event("train", 1, 2, "two", lines=(Line("two", finished=True),)))
    assert "two" not in shown(live).partition("\n")[2]
    live(Event("train", 2, 2, "one", lines=(Line("one", finished=True),)))
    assert "loss" not in shown(live)


def test_a_table_higher_than_the_terminal_is_cut_and_counted() -> None:
    live = overview(16)
    live(Event("train", 0, 54, lines=tuple(Line(f"sae{number}", CELLS) for number in range(54))))
    text = shown(live)
    assert text.count("sae") == 16 - 1 - 6
    assert "and 45 more" in text


def test_a_note_stays_above_and_markup_in_names_is_text() -> None:
    live = overview(20)
    live(Event("train", 0, 1, "[bold]x", note="[red]failed: why"))
    text = shown(live)
    assert "[red]failed: why" in text
    assert "[bold]x" in text


def test_what_is_warned_of_many_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    rows = "trained on 438 rows, fewer than d_in = 576"
    Console().warn({f"sae{i}": [rows] for i in range(5)} | {"sae1": [rows, "never fires"], "pool": [rows]})
    assert capsys.readouterr().err.splitlines() == [
        f"warning sae0, sae1, sae2 and 3 more: {rows}",
        "warning sae1: never fires",
    ]
