"""The outputs: one report, told to a person, to GitHub, to code scanning; nothing from a repository is ever taken for markup."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from builders import D_SAE, README, cfg, tensors, view
from hypothesis import given
from hypothesis.strategies import text as text_strategy
from rich.console import Console as RichConsole

from hubkit.repo.memory import MemoryView
from hubkit.validate.baseline import apply_baseline
from hubkit.validate.finding import Found, Severity
from hubkit.validate.need import Need
from hubkit.validate.report import Known, Report, below, joined
from hubkit.validate.reporters import PLAIN, github, markdown, render, sarif, text
from hubkit.validate.reporters.verdict import closing
from hubkit.validate.rule import REGISTRY, Rule
from hubkit.validate.run import Selection, validate
from hubkit.validate.selection import Ignore

EVIL = "a,b:c%[red]x[/] \n::error::`*_|<b>&\x1b[2J:key:\\"


def many(count: int = 9, name: str = "sae_{}") -> MemoryView:
    files: dict[str, bytes] = {}
    for i in range(count):
        one = view(cfg("topk", k="8"), tensors("topk"), folder=name.format(i), readme=None)
        files |= one.files
    return MemoryView(name="many", files=files)


def evil() -> Report:
    """Names and values that are markup, commands and control characters."""
    one = view(cfg("topk", k=EVIL), tensors("topk"), folder="x/" + EVIL.replace("\n", ""), readme=None)
    return validate(MemoryView(name=EVIL, files=one.files))


def on_screen(markup: str, width: int) -> list[str]:
    """What a terminal without colours shows."""
    console = RichConsole(width=width, highlight=False, color_system=None, emoji=False)
    with console.capture() as captured:
        console.print(markup, soft_wrap=True)
    return captured.get().rstrip("\n").split("\n")


def test_what_helps_stands_below_what_it_helps_with() -> None:
    report = validate(view(readme="# SAEs\n"), Selection(select=("CARD003",)))
    lines = [line.strip() for line in on_screen(text.render(report), 120)]
    missing = [i for i, line in enumerate(lines) if "is missing" in line]
    assert [lines[i + 2].split(" into ")[0] for i in missing] == [
        "try: write `base_model: lab/tiny`",
        "try: write `library_name: saelens`",
    ]


@pytest.mark.parametrize("width", [60, 80, 120])
def test_text_keeps_to_the_width_and_paths_stay_whole(width: int) -> None:
    view_ = many(3, "a_long_folder_name_that_a_person_wants_to_copy_{}_from_the_terminal")
    report = validate(view_, Selection(ignore=("WTS010",)))
    lines = on_screen(text.render(report, width=width - 1), width)
    paths = [line.strip() for line in lines if "cfg.json:" in line]
    assert paths == [f"a_long_folder_name_that_a_person_wants_to_copy_{i}_from_the_terminal/cfg.json:1" for i in range(3)]  # fmt: skip
    assert all(len(line) <= width for line in lines if line.strip() not in paths)
    title = next(i for i, line in enumerate(lines) if "CFG003" in line)
    assert lines[title + 1].startswith(" " * 9)


def test_text_shows_what_it_was_given_and_nothing_acts() -> None:
    report = evil()
    shown = "\n".join(on_screen(text.render(report, width=4000), 4000))
    assert "\x1b" not in shown
    assert "[red]x[/]" in shown
    assert "\\x1b[2J" in shown
    assert text.without_markup(text.render(report, width=4000)) == shown


@pytest.mark.parametrize("piece", ["[", "\\", "\\[", "[a", "a]", "[/]", "\\\\[b]", "C:\\", "[link=x]"])
def test_escaped_text_comes_back_as_it_was(piece: str) -> None:
    for whole in (piece, f"x{piece}", f"{piece} y]"):
        shown = on_screen(f"[bold]{text.escape(whole)}[/]", 80)
        assert [line.replace(text.LIKE_A_SLASH, "\\") for line in shown] == [whole]
        assert text.without_markup(f"[bold]{text.escape(whole)}[/]") == shown[0]


@given(text_strategy())
def test_no_text_becomes_markup_or_a_command(piece: str) -> None:
    shown = on_screen(f"[bold]{text.escape(piece)}[/]", 80)
    assert [line.replace(text.LIKE_A_SLASH, "\\") for line in shown] == [
        text.printable(piece).replace(text.LIKE_A_SLASH, "\\")
    ]
    escaped = github._property(piece)
    assert not set(escaped) & set(":,\r\n\x1b")
    assert not set(markdown.escape(piece)) & set("<>`*_[]|\n")


def test_text_folds_what_differs_only_in_numbers() -> None:
    files = {}
    for i in range(7):
        files |= view(cfg("topk", k=100 + i), tensors("topk"), folder=f"sae_{i}", readme=None).files
    shown = text.render(validate(MemoryView(name="x", files=files), Selection(select=("CFG007",))))
    assert "7 times" in shown
    assert "their numbers differ" in shown
    assert "and 3 more" in shown
    assert shown.count("k = 10") + shown.count("k is 10") <= 1


def test_text_always_shows_what_could_not_be_read_in_one_line_a_reason() -> None:
    repository = view()
    weights = next(path for path in repository.files if path.endswith("safetensors"))
    repository.unreadable[weights] = len(repository.files.pop(weights))
    report = validate(repository)
    (finding,) = [f for f in report.findings if f.code == "RUN002"]
    assert f"{len(report.skipped)} checks could not be made" in finding.message
    assert "THR001" not in finding.message
    assert "RUN002" in text.render(report, notes=False)
    assert "incomplete" in text.render(report)


def test_natural_order_puts_layer_2_before_layer_11() -> None:
    report = validate(many(12, "L{}"), Selection(select=("CFG003",)))
    assert [f.sae_id for f in report.findings] == [f"L{i}" for i in range(12)]


def sarif_run(report: Report) -> dict[str, Any]:
    log = json.loads(sarif.render(report))
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    assert isinstance(run, dict)
    return run


def test_sarif_has_what_code_scanning_needs() -> None:
    report = validate(many(2))
    run = sarif_run(report)
    rules = run["tool"]["driver"]["rules"]
    assert len(run["results"]) == len(report.findings)
    for result, finding in zip(run["results"], report.findings, strict=True):
        rule = rules[result["ruleIndex"]]
        assert rule["id"] == result["ruleId"] == finding.code
        assert rule["help"]["text"] == REGISTRY[finding.code].documentation
        assert result["level"] == finding.severity.word
        assert result["partialFingerprints"] == {"hubkit/v1": finding.fingerprint}
        assert result["message"]["text"].startswith(finding.message)
        place = result["locations"][0]["physicalLocation"]
        assert place["artifactLocation"]["uri"]
        assert place.get("region", {}).get("startLine") == finding.line
    assert run["invocations"][0]["executionSuccessful"] is True


def test_sarif_has_suppressed_findings_with_their_reason() -> None:
    report = validate(many(1), Selection(ignore=(Ignore("CFG003", "for the paper"),)))
    card = next(f for f in report.findings if f.code == "CARD001")
    report = apply_baseline(report, [Known(card.fingerprint, card.code, None, card.message)], "known.json")
    results = sarif_run(report)["results"]
    assert {r["ruleId"]: r["suppressions"][0]["justification"] for r in results} == {
        "CFG003": "ignore: for the paper",
        "CARD001": "baseline: known.json",
    }


@pytest.mark.parametrize(
    ("folder", "uri"),
    [
        (None, "a%20b%25/x%3A.json"),
        (".", "a%20b%25/x%3A.json"),
        ("rel", "rel/a%20b%25/x%3A.json"),
        ("/abs", "file:///abs/a%20b%25/x%3A.json"),
        ("C:/x", "file:///C:/x/a%20b%25/x%3A.json"),
    ],
)
def test_sarif_uris(folder: str | None, uri: str) -> None:
    from dataclasses import replace

    report = validate(many(1), Selection(select=("CFG003",)))
    finding = replace(report.findings[0], path="a b%/x:.json")
    run = sarif_run(replace(report, findings=[finding], folder=folder))
    assert run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == uri


def test_a_crash_and_a_gap_are_in_sarif(monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(_: object) -> Iterator[Found]:
        """Crashes."""
        raise ZeroDivisionError("by design")

    monkeypatch.setitem(REGISTRY, "CFG999", Rule("CFG999", Severity.ERROR, Need.CFG, "sae", crash, None))
    invocation = sarif_run(validate(many(1)))["invocations"][0]
    assert invocation["executionSuccessful"] is False
    assert "by design" in invocation["toolExecutionNotifications"][0]["message"]["text"]


def unescape(value: str) -> str:
    """As the runner does it."""
    for code, char in (("%3A", ":"), ("%2C", ","), ("%0D", "\r"), ("%0A", "\n"), ("%25", "%")):
        value = value.replace(code, char)
    return value


def test_github_commands_are_one_line_each_and_come_back_as_they_were() -> None:
    report = evil()
    lines = github.render(report).splitlines()
    told = [line for line in lines[:-1] if not line.startswith("hubkit: ")]
    commands = [re.fullmatch(r"::(error|warning|notice) ([^:]*)::(.*)", line) for line in told]
    assert len(commands) == len([f for f in report.findings if f.severity > Severity.NOTE])
    for match, finding in zip(commands, report.findings, strict=False):
        assert match is not None
        assert match[1] == {"error": "error", "warning": "warning", "note": "notice"}[finding.severity.word]
        properties = dict(pair.split("=", 1) for pair in match[2].split(","))
        assert unescape(properties["title"]).startswith(finding.code)
        if finding.path:
            assert unescape(properties["file"]) == text.printable(finding.path)
        assert unescape(match[3]).startswith(
            text.printable(finding.message).replace("\\n", "\n").split("\n")[0]
        )
    assert not lines[-1].startswith("::")
    assert "\x1b" not in "".join(lines)


def test_github_names_files_from_the_working_directory() -> None:
    report = below(validate(many(1)), "releases/a")
    assert "file=releases/a/sae_0/cfg.json,line=1," in github.render(report)


def test_markdown_has_a_table_by_rule_and_escapes() -> None:
    shown = markdown.render(evil())
    rows = [line for line in shown.splitlines() if line.startswith("| ")]
    assert len({line.count("|") for line in rows}) == 1
    assert re.search(r"\| error \| CFG003 \|", shown)
    assert "<b>" not in shown
    assert "[red]" not in shown
    assert "\x1b" not in shown
    assert shown.count("<details>") == shown.count("</details>") > 0


def test_markdown_ends_below_the_limit_and_says_so() -> None:
    report = validate(many(200))
    whole = markdown.render(report)
    assert markdown.CUT not in whole
    cut = markdown.render(report, limit=5000)
    assert len(cut.encode()) < 5000
    assert cut.rstrip().endswith(markdown.CUT)
    assert cut.count("<details>") == cut.count("</details>")


def test_every_plain_format_renders_every_report() -> None:
    reports = [validate(view()), validate(many()), evil(), validate(MemoryView(name="empty"))]
    for name in PLAIN:
        for report in reports:
            shown = render(report, name, notes=True)
            assert shown.endswith("\n")
            assert render(report, name, notes=True) == shown
    with pytest.raises(ValueError, match="xml"):
        render(reports[0], "xml")


def test_several_folders_join_into_one_report() -> None:
    one, two = below(validate(many(1)), "a"), below(validate(many(2)), "b")
    report = joined([one, two], "-")
    assert [sae.sae_id for sae in report.saes] == ["a/sae_0", "b/sae_0", "b/sae_1"]
    assert report.count(Severity.ERROR) == 3
    assert report.findings[0].path == "a/sae_0/cfg.json"
    assert report.bytes_read == one.bytes_read + two.bytes_read


def naive(extra: str = "", *, saes: int = 2) -> Report:
    """JumpReLUs whose thresholds are 0, under a card with `extra`."""
    zero = np.zeros(D_SAE, np.float32)
    files: dict[str, bytes] = {}
    for i in range(saes):
        files |= view(cfg(), tensors(threshold=zero), folder=f"sae_{i}", readme=README + extra).files
    files |= view(cfg("topk"), tensors("topk"), folder="topk", readme=README + extra).files
    return validate(MemoryView(name="o/r", files=files))


FALSE = '9 sparse autoencoders.\n\n| Property | Value |\n|---|---|\n| d_in | 9 |\n| d_sae | 64 |\n\n```python\nfrom sae_lens import SAE\n\nSAE.from_pretrained("o/r", "gone")\n```\n'


def test_what_an_sae_computes_comes_before_what_is_said_of_it() -> None:
    report = naive(FALSE)
    lines = on_screen(text.render(report), 120)
    told = [line.split()[1] for line in lines if line.startswith(("error", "warning"))]
    assert told[0] == "THR001"
    assert "CARD" in told
    assert not any(code.startswith("CARD0") for code in told)


def test_the_card_takes_five_lines_beside_the_saes() -> None:
    lines = on_screen(text.render(naive(FALSE)), 100)
    at = next(i for i, line in enumerate(lines) if " CARD " in line)
    block = lines[at : lines.index("", at)]
    assert len(block) == 5
    assert block[-1].strip() == "all of them: hubkit validate o/r --select CARD"
    assert all(len(line) <= 100 for line in block)
    for releases, name in (((), "."), (("my-saes",), "my-saes"), (("a", "b"), ".")):
        listed = replace(naive(FALSE), target="-", releases=releases)
        assert f"all of them: hubkit validate {name} --select CARD" in "\n".join(
            on_screen(text.render(listed), 100)
        )


def test_a_card_alone_is_shown_whole() -> None:
    report = validate(view(readme=README + FALSE), Selection(select=("CARD",)))
    shown = text.render(report)
    assert "CARD004" in shown
    assert "all of them" not in shown
    assert closing(report).startswith("the card contradicts the files on line")


@pytest.mark.parametrize(
    ("extra", "sentence"),
    [
        ("", "2 of 2 jumprelu SAEs are plain ReLU"),
        (
            "9 sparse autoencoders.\n",
            "2 of 2 jumprelu SAEs are plain ReLU; the card contradicts the files on line 11",
        ),
    ],
)
def test_the_last_sentence_can_be_repeated(extra: str, sentence: str) -> None:
    report = naive(extra)
    assert closing(report) == sentence
    assert on_screen(text.render(report), 120)[-2] == sentence
    assert f"{markdown.escape(sentence)}." in markdown.render(report)


def test_one_of_several_is_one() -> None:
    assert closing(naive(saes=1)) == "1 of 1 jumprelu SAE is plain ReLU"


def test_a_clean_release_needs_no_sentence() -> None:
    report = validate(view())
    assert closing(report) == ""


def test_every_rule_gives_a_sentence() -> None:
    """Also where nobody wrote a phrase for it."""
    base = naive()
    for code, rule in REGISTRY.items():
        one = replace(base.findings[0], code=code, severity=Severity.ERROR, sae_id=None, line=7)
        said = closing(replace(base, findings=[one]))
        assert said, code
        assert not said.endswith("."), (code, rule.title)
