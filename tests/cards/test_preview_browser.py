"""The preview in a real browser: what a reader sees, what a hostile card cannot do, and that the page follows the file."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cards.chromium import Page, artifacts, browsing, needs_chromium
from cards.preview_cards import CARD, HOSTILE

from hubkit.cards.preview import previewing

pytestmark = needs_chromium


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with browsing() as tab:
        yield tab


@pytest.fixture
def release(tmp_path: Path) -> Path:
    (tmp_path / "figures").mkdir()
    picture = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 20" width="40" height="20"><rect width="40" height="20"/></svg>'
    (tmp_path / "figures" / "a.svg").write_text(picture, encoding="utf-8")
    (tmp_path / "README.md").write_text(CARD, encoding="utf-8")
    return tmp_path


def test_headings_tables_figures_chips_and_collapsed_rows(page: Page, release: Path) -> None:
    page.look()
    with previewing(release) as address:
        page.go(address)
        assert page.run(
            "[...document.querySelectorAll('article h1, article h2')].map(h => h.textContent)"
        ) == ["SAEs of a model", "All SAEs", "Loading"]
        assert page.run("document.querySelectorAll('article table tbody tr').length") == 14
        assert page.run("getComputedStyle(document.querySelector('td:nth-child(2)')).textAlign") == "right"
        assert page.run("(i => i.complete && i.naturalWidth)(document.querySelector('article img'))") == 40
        assert page.run("document.querySelector('article img').alt") == "a figure"
        assert "base model google/gemma-2-2b" in page.run(
            "document.querySelector('.chips').innerText.replace(/\\s+/g, ' ')"
        )
        assert page.run("document.querySelector('section').innerText").startswith("Evaluation results")
        visible = "document.querySelector('details table').getBoundingClientRect().height > 0 && document.querySelector('details').open"
        assert page.run(visible) is False
        page.run("document.querySelector('summary').click()")
        assert page.run(visible) is True
        page.run("document.querySelector('summary').click()")
        assert page.run(visible) is False
        assert page.run("document.querySelectorAll('pre .k-kn').length") > 0
        assert page.run("document.getElementById('loading').tagName") == "H2"
        assert page.complaints() == []


def test_light_dark_and_narrow(page: Page, release: Path, tmp_path: Path) -> None:
    folder = artifacts(tmp_path / "pictures")
    ground = "getComputedStyle(document.body).backgroundColor"
    with previewing(release) as address:
        page.look()
        page.go(address)
        page.run("document.querySelector('details').open = true")
        assert page.run(ground) == "rgb(255, 255, 255)"
        page.picture(folder / "preview-light.png")
        page.look(dark=True)
        assert page.run(ground) == "rgb(20, 23, 27)"
        page.picture(folder / "preview-dark.png")
        page.look(width=480)
        assert page.run("document.documentElement.scrollWidth") <= 480, "a table pushes the page wide"
        assert page.run(
            "document.querySelector('details .wide').scrollWidth > document.querySelector('details .wide').clientWidth"
        )
        page.picture(folder / "preview-narrow.png")
    assert all(
        (folder / f"preview-{name}.png").stat().st_size > 10_000 for name in ("light", "dark", "narrow")
    )


def test_a_hostile_card_shows_as_text_and_does_nothing(page: Page, release: Path) -> None:
    (release / "README.md").write_text(HOSTILE, encoding="utf-8")
    page.look()
    with previewing(release) as address:
        page.go(address)
        assert page.run("typeof window.owned") == "undefined"
        assert "<script>window.owned = 1</script>" in page.run("document.querySelector('article').innerText")
        assert (
            page.run(
                "document.querySelectorAll('article script, article iframe, article style, article form, article svg').length"
            )
            == 0
        )
        attributes = "[...document.querySelectorAll('main *')].flatMap(e => [...e.attributes]).map(a => a.name + '=' + a.value)"
        names = page.run(attributes)
        assert not [
            one
            for one in names
            if one.startswith("on") or "javascript:" in one.lower() or "data:text" in one.lower()
        ]
        assert page.run("[...document.querySelectorAll('article a[href]')].map(a => a.href)") == []
        page.run("document.querySelectorAll('article a, summary').forEach(a => a.click())")
        assert page.run("typeof window.owned") == "undefined"
        assert page.run("document.querySelector('section').closest('article')") is None
        assert page.run("document.querySelector('.columns').children.length") == 2, (
            "an unclosed tag swallowed the page"
        )


def test_five_megabytes_of_table_show_as_text(page: Page, release: Path) -> None:
    row = "| a | b |\n"
    (release / "README.md").write_text(
        "| x | y |\n|---|---|\n" + row * (5_000_000 // len(row)), encoding="utf-8"
    )
    begun = time.monotonic()
    with previewing(release) as address:
        page.go(address)
        assert page.run("document.querySelectorAll('article table').length") == 0
        assert page.run("document.querySelector('article pre').textContent.length") > 4_900_000
    assert time.monotonic() - begun < 30


def test_the_page_follows_the_file_and_keeps_what_is_open(page: Page, release: Path) -> None:
    page.look()
    with previewing(release) as address:
        page.go(address)
        page.run("document.querySelector('details').open = true")
        time.sleep(1.0)
        (release / "README.md").write_text(
            CARD.replace("# SAEs of a model", "# Another title"), encoding="utf-8"
        )
        page.until("document.querySelector('article h1').textContent === 'Another title'")
        assert page.run("document.querySelector('details').open") is True
    page.until("document.body.classList.contains('gone')")
