"""The audit's page: worst first, each repository with its report, what was not reached, and nobody's name as markup."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from audit.repositories import sae_files
from cards.chromium import Page, browsing, needs_chromium
from huggingface_hub import HfApi
from validate.pages import EVIL, Parsed

from hubkit.audit import html, run
from hubkit.audit.listing import Candidate
from hubkit.audit.output import pieces
from hubkit.audit.run import audit
from hubkit.audit.targets import Folder
from hubkit.texts import printable
from hubkit.validate.reporters.page import block

NOWHERE = HfApi(endpoint="http://127.0.0.1:9", token="none")


def release(folder: Path, zero: int = 0) -> Folder:
    for path, data in sae_files(2, zero).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return Folder(folder)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> list[Folder]:
    place = tmp_path_factory.mktemp("shelf")
    (place / "empty").mkdir()
    return [release(place / "good"), Folder(place / "gone"), Folder(place / "empty"), release(place / "bad", zero=1)]  # fmt: skip


@pytest.fixture(scope="module")
def written(folders: list[Folder]) -> str:
    with closing(audit(folders, NOWHERE, targets=["good", "gone", "empty", "bad"])) as store:
        return "".join(pieces(store, "html"))


def rows(parsed: Parsed) -> list[dict[str, object]]:
    count = sum((attributes.get("id") or "").startswith("row-") for attributes, _ in parsed.scripts)
    return [parsed.data(f"row-{number}") for number in range(count)]


def test_the_rows_are_those_of_the_table_worst_first(written: str) -> None:
    parsed = Parsed(written)
    assert [(Path(str(row["target"])).name, row["state"], row["errors"]) for row in rows(parsed)] == [
        ("bad", "errors", 1), ("good", "warnings", 0), ("gone", "unread", 0), ("empty", "nothing found", 0),
    ]  # fmt: skip
    (bad, _, gone, _) = rows(parsed)
    assert bad["codes"]["THR001"] == ["error", 1]  # type: ignore[index]
    assert (bad["never"], bad["jumprelu"], bad["saes"]) == (1, 1, 2)
    assert "there is no such folder" in str(gone["failure"])
    assert "; 1 could not be read, or not wholeIncomplete: nothing found does not mean clean." in parsed.text
    assert "audit of good, gone, empty, bad" in parsed.text


def test_each_repository_has_its_report_and_every_rule_its_text(written: str, folders: list[Folder]) -> None:
    parsed = Parsed(written)
    bad = parsed.data("report-0")
    assert bad["said"].startswith("1 of 1 jumprelu SAE is plain ReLU")
    assert bad["target"] == str(folders[3].path)
    assert [sae[7]["thresholds"]["zero"] for sae in bad["saes"] if sae[2] == "jumprelu"] == [32]
    assert bad["rules"][0]["code"] == "THR001"
    fired = {rule["code"] for n in (0, 1, 3) for rule in parsed.data(f"report-{n}")["rules"]}
    assert parsed.data("rules").keys() == fired


def test_what_does_not_fit_keeps_its_row(
    folders: list[Folder], written: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(html, "MOST", 1 + len(block("report-0", Parsed(written).data("report-0"))))
    with closing(audit(folders, NOWHERE)) as store:
        parsed = Parsed("".join(pieces(store, "html")))
    blocks = [attributes["id"] for attributes, _ in parsed.scripts if attributes.get("id")]
    assert "report-0" in blocks, "the worst comes first"
    assert "report-1" not in blocks
    assert {"row-1", "row-2", "row-3", "rules"} <= set(blocks)


def test_hostile_names_and_reasons_stay_text(monkeypatch: pytest.MonkeyPatch, written: str) -> None:
    bad = Candidate(EVIL, EVIL, "failed", failure=EVIL)
    monkeypatch.setattr(run, "candidates", lambda sources, api: iter([bad]))
    with closing(audit([], NOWHERE, targets=[EVIL])) as store:
        page = "".join(pieces(store, "html"))
    parsed = Parsed(page)
    assert set(parsed.tags) == set(Parsed(written).tags)
    assert parsed.tags.count("script") == 6
    assert parsed.comments == []
    assert (rows(parsed)[0]["target"], rows(parsed)[0]["failure"]) == (printable(EVIL), printable(EVIL))
    assert "\u202e" not in page


def test_the_command_writes_it_beside_the_table(folders: list[Folder], tmp_path: Path) -> None:
    typed = [
        sys.executable,
        "-m",
        "hubkit",
        "audit",
        str(folders[3].path),
        "-f",
        "json",
        "--html",
        "page.html",
    ]
    done = subprocess.run(typed, cwd=tmp_path, capture_output=True, text=True, encoding="utf-8", check=False)
    assert done.returncode == 1, done.stderr
    (row,) = json.loads(done.stdout)
    assert "written to page.html" in done.stderr
    data = (tmp_path / "page.html").read_bytes()
    assert b"\r" not in data
    (shown,) = rows(Parsed(data.decode("utf-8")))
    assert (shown["target"], shown["errors"]) == (row["target"], row["error"])


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory, written: str) -> Iterator[Page]:
    file = tmp_path_factory.mktemp("pages") / "audit.html"
    file.write_text(written, encoding="utf-8", newline="\n")
    with browsing() as tab:
        tab.look()
        tab.go(file.as_uri())
        yield tab


@needs_chromium
def test_in_a_browser_a_repository_opens_to_its_findings(page: Page) -> None:
    names = "[...document.querySelectorAll('.repositories > tbody > .row th button')].map(b => b.textContent.split('/').pop())"
    status = "document.querySelector('.bar .status').textContent"
    assert page.run(names) == ["bad", "good", "gone", "empty"]
    assert page.complaints() == []
    page.run("document.querySelector('.repositories .row button').click()")
    assert page.run("document.querySelector('.inner .findings .row button').textContent") == "THR001"
    page.run("document.querySelector('.inner .findings .row button').click()")
    assert "all 32 thresholds are 0" in page.run("document.querySelector('.inner .detail').innerText")
    page.run("(s => { s.value = 'unread'; s.dispatchEvent(new Event('change')); })(document.querySelector('select'))")  # fmt: skip
    assert page.run(names) == ["gone"]
    assert page.run(status).startswith("1 of 4")
    assert "there is no such folder" in page.run("document.querySelector('.repositories').innerText")
    page.run("(s => { s.value = ''; s.dispatchEvent(new Event('change')); })(document.querySelector('select'))")  # fmt: skip
    page.run("(i => { i.value = 'thr001'; i.dispatchEvent(new Event('input')); })(document.querySelector('input[type=search]'))")  # fmt: skip
    page.until(f"{status}.startsWith('1 of 4')")
    assert page.run(names) == ["bad"]
    page.look(width=420)
    assert page.run("document.documentElement.scrollWidth") <= 420
    page.run("document.querySelectorAll('[aria-expanded=false]').forEach((button) => button.click())")
    ids = page.run("[...document.querySelectorAll('[id]')].map((one) => one.id)")
    assert len(ids) == len(set(ids)), "the script's own ids are those of the data"
    landmarks = page.run("[...document.querySelectorAll('[role=search]')].map((one) => one.ariaLabel)")
    assert len(landmarks) == len(set(landmarks)) > 1
    assert [event for event in page.events if event["method"] == "Runtime.exceptionThrown"] == []
