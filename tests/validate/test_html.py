"""The page of a report: it says what the text says, needs nothing but itself, and whatever a repository holds stays text."""

from __future__ import annotations

import base64
import hashlib
import re
import subprocess
import sys
from dataclasses import replace

import pytest
from builders import view
from hypothesis import given
from hypothesis.strategies import text as text_strategy
from validate.pages import EVIL, Parsed, hostile, large, small

from hubkit.texts import printable
from hubkit.validate.baseline import apply_baseline
from hubkit.validate.report import Known, Report
from hubkit.validate.reporters import page, page_data, render, text
from hubkit.validate.reporters.verdict import closing
from hubkit.validate.rule import REGISTRY
from hubkit.validate.run import validate

SHELL = 100_000
"""Bytes that a page may have beside its data."""


@pytest.fixture(scope="module")
def report() -> Report:
    return small()


def test_it_says_what_the_text_says(report: Report) -> None:
    parsed = Parsed(render(report, "html"))
    data = parsed.data("report")
    assert data["said"] == closing(report) != ""
    assert data["said"] in parsed.text, "the verdict stands without the script, too"
    assert data["counted"] == text.without_markup(text.counted(report, notes=True))
    assert data["remarks"] == list(report.remarks)
    assert [card["said"] for card in data["cards"]] == [one.sentence() for one in report.coverage]
    assert data["accepted"] == [["ignored", "CFG012: 0 findings; the folders are numbered by hand"]]
    assert text.without_markup(text.render(report)) in parsed.text, "the whole text where no script runs"
    shown = {(rule["code"], rule["severity"]): sum(len(group["items"]) for group in rule["groups"]) for rule in data["rules"]}  # fmt: skip
    assert sum(shown.values()) == len(report.findings)
    assert shown["THR001", "error"] == 1
    assert [sae[0] for sae in data["saes"]] == [sae.sae_id for sae in report.saes]


def test_every_rule_that_fired_is_explained_in_the_page(report: Report) -> None:
    docs = Parsed(render(report, "html")).data("rules")
    assert docs.keys() == {finding.code for finding in report.findings}
    rule = docs["THR001"]
    assert rule["title"] == REGISTRY["THR001"].title
    assert "straight-through" in "".join(rule["why"])
    assert dict(rule["about"])["accept"].endswith('THR001 = "the reason" }')


def test_what_was_not_read_is_told_first() -> None:
    repository = view()
    weights = next(path for path in repository.files if path.endswith("safetensors"))
    repository.unreadable[weights] = len(repository.files.pop(weights))
    report = validate(repository)
    parsed = Parsed(render(report, "html"))
    data = parsed.data("report")
    assert data["state"] == "doubt"
    assert data["counted"].startswith("incomplete")
    assert "Nothing found does not mean clean" in parsed.text
    assert sum(int(checks.split()[0]) for _, checks in data["unchecked"]) == len(report.skipped)


@pytest.mark.parametrize(
    ("state", "of"), [("none", lambda r: replace(r, saes=[], findings=[])), ("good", lambda r: replace(r, findings=[])), ("bad", lambda r: r)]
)  # fmt: skip
def test_the_colour_is_that_of_the_verdict(report: Report, state: str, of: object) -> None:
    data = Parsed(render(of(report), "html")).data("report")  # type: ignore[operator]
    assert data["state"] == state
    assert {"none": "no SAE", "good": "clean: no findings", "bad": "error"}[state] in data["counted"]


def test_the_baseline_and_its_stale_lines_are_there(report: Report) -> None:
    (known,) = [f for f in report.findings if f.code == "THR001"]
    lines = [
        Known(known.fingerprint, known.code, known.sae_id, known.message),
        Known("0" * 16, "CFG003", "gone", "of old"),
    ]
    data = Parsed(render(apply_baseline(report, lines, "known.json"), "html")).data("report")
    assert ["baseline", "1 known finding (known.json)"] in data["accepted"]
    assert ["", "CFG003 gone: of old"] in data["accepted"]
    assert "THR001" not in {rule["code"] for rule in data["rules"]}


def test_equal_findings_are_one_group_and_a_page_about_5000_saes_is_small() -> None:
    html = render(large(), "html")
    data = Parsed(html).data("report")
    assert [(rule["code"], len(rule["groups"])) for rule in data["rules"]] == [("THR001", 1), ("THR008", 1)]
    assert [len(rule["groups"][0]["items"]) for rule in data["rules"]] == [1667, 5000]
    assert len(html) < 5000 * 1100


def test_it_needs_nothing_but_itself(report: Report) -> None:
    html = render(report, "html")
    parsed = Parsed(html)
    assert [pair for pair in parsed.attributes if pair[1] in ("src", "srcset", "action", "style") or pair[1].startswith("on")] == []  # fmt: skip
    assert [(tag, value) for tag, name, value in parsed.attributes if name == "href" and tag == "link" and not value.startswith("data:")] == []  # fmt: skip
    style = (page.FOLDER / "page.css").read_text(encoding="utf-8")
    assert not re.search(r"url\(|@import", style)
    script = (page.FOLDER / "page.js").read_text(encoding="utf-8")
    assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|fetch\(|XMLHttp|eval\(|new Function|import\(", script)  # fmt: skip


def test_the_policy_names_what_runs_and_nothing_else(report: Report) -> None:
    html = render(report, "html")
    parsed = Parsed(html)
    (policy,) = (value for tag, name, value in parsed.attributes if name == "content" and value and "default-src" in value)  # fmt: skip
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    assert "trusted-types 'none'" in policy
    assert html.index("Content-Security-Policy") < html.index("<style>") < html.index("<script>")
    running = [content for attributes, content in parsed.scripts if "type" not in attributes]
    digests = [base64.b64encode(hashlib.sha256(one.encode()).digest()).decode() for one in running]
    assert re.findall(r"script-src ([^;]*)", policy) == [" ".join(f"'sha256-{one}'" for one in digests)]


def test_the_shell_is_small_and_so_is_a_small_page(report: Report) -> None:
    nothing = replace(report, saes=[], findings=[], evidence={}, coverage=())
    assert len(render(nothing, "html").encode()) < SHELL
    assert len(render(report, "html").encode()) < SHELL


def test_the_same_report_is_the_same_bytes(report: Report) -> None:
    assert render(report, "html") == render(report, "html")
    assert "\r" not in render(report, "html")


def test_hostile_text_stays_text() -> None:
    report = hostile()
    html = render(report, "html")
    parsed = Parsed(html)
    assert len(report.findings) > 5
    plain = Parsed(render(small(), "html"))
    assert parsed.tags == plain.tags, "a text made an element"
    assert parsed.comments == []
    assert [a for a, _ in parsed.scripts] == [a for a, _ in plain.scripts]
    assert [c for a, c in parsed.scripts if "type" not in a] == [
        c for a, c in plain.scripts if "type" not in a
    ]
    data = parsed.data("report")
    assert data["target"] == printable(EVIL)
    assert "</script><script>window.owned=1</script>" in data["target"]
    assert any("window.owned" in sae[0] for sae in data["saes"])
    assert any("window.owned" in group["message"] for rule in data["rules"] for group in rule["groups"])
    for raw in ("\u202e", "\u2028", "\udcff", "\x1b"):
        assert raw not in html
    html.encode("utf-8")


@given(text_strategy())
def test_no_text_ends_a_block_or_becomes_markup(piece: str) -> None:
    assert not set(page.block("x", piece).removeprefix('<script type="application/json" id="x">').removesuffix("</script>\n")) & set("<>&")  # fmt: skip
    assert not set(page.text(piece)) & set("<>\"'")
    found = Parsed(page.block("x", {"a": printable(piece)}))
    assert found.data("x") == {"a": printable(piece)}


def test_links_lead_to_the_commit_that_was_read_and_nowhere_else(report: Report) -> None:
    remote = replace(report, target="lab/small@main", revision="c" * 40)
    data = Parsed(render(remote, "html")).data("report")
    links = {item[4] for rule in data["rules"] for group in rule["groups"] for item in group["items"]}
    assert f"https://huggingface.co/lab/small/blob/{'c' * 40}/dead_L2/sae_weights.safetensors" in links
    assert all(not link or link.startswith("https://huggingface.co/lab/small/blob/") for link in links)
    assert '"hubkit fix lab/small --pr --select THR001' in render(remote, "html")
    near = Parsed(render(report, "html")).data("report")
    assert {item[4] for rule in near["rules"] for group in rule["groups"] for item in group["items"]} == {""}


@pytest.mark.parametrize("path", ["javascript:alert(1)", "//evil.example/x", "../../x", "a b#?.json"])
def test_a_path_never_leads_a_link_elsewhere(report: Report, path: str) -> None:
    finding = replace(report.findings[0], path=path)
    remote = replace(report, revision="c" * 40, findings=[finding])
    link = page_data._link(remote, finding)
    assert link.startswith(f"https://huggingface.co/lab/small/blob/{'c' * 40}/")
    assert not set(link.removeprefix("https://huggingface.co").partition("#L")[0]) & set(" #?:")


def test_commands_are_only_promised_where_there_is_a_fix(report: Report) -> None:
    data = page_data.of_report(report)
    commands = {rule["code"]: [group["commands"] for group in rule["groups"]] for rule in data["rules"]}
    assert commands["THR001"] == [["hubkit fix lab/small --select THR001 --unsafe-fixes"]]
    for finding in report.findings:
        if finding.fix is None:
            assert commands[finding.code] == [[]] * len(commands[finding.code])
    assert data["mend"]["command"].startswith("hubkit fix lab/small --diff")
    listed = page_data.of_report(replace(report, target="-"))
    assert listed["mend"] is None


def test_no_other_format_pays_for_it() -> None:
    code = (
        "import sys; from hubkit.validate.reporters import render, text; from hubkit.validate.run import validate; from hubkit.repo.memory import MemoryView\n"
        "r = validate(MemoryView(name='x', files={}))\n"
        "for name in ('json', 'sarif', 'github', 'markdown'): render(r, name)\n"
        "text.render(r); print([m for m in sys.modules if 'reporters.page' in m or 'reporters.html' in m or m.startswith('jinja2')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
