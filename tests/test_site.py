"""The documentation site builds strictly, without a network, and has a page for every rule and an entry for every measure."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path
from pkgutil import iter_modules

import pytest

from hubkit.measures import families
from hubkit.measures.catalogue import CATALOGUE
from hubkit.validate.catalogue import all_rules

ROOT = Path(__file__).parents[1]
FETCHED = re.compile(
    r"""<(?:script|img|iframe|source)[^>]*\ssrc="(https?:)?//|<link[^>]*\shref="(https?:)?//(?![^>]*canonical)|url\(["']?(https?:)?//"""
)
"""What a browser would ask another machine for."""


@cache
def pages_module(name: str) -> object:
    if str(ROOT) not in sys.path:
        sys.path.append(str(ROOT))
    return importlib.import_module(f"pages.{name}")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site, its Python kept from the network."""
    if not importlib.util.find_spec("mkdocs") or not importlib.util.find_spec("material"):
        pytest.skip("mkdocs-material is not installed: pip install -e '.[docs]'")
    folder = tmp_path_factory.mktemp("site")
    offline = folder / "offline"
    offline.mkdir()
    (offline / "sitecustomize.py").write_text(
        "import socket\n\ndef refuse(*_, **__):\n    raise OSError('the site is built without a network')\n\nsocket.socket.connect = refuse\nsocket.getaddrinfo = refuse\n",
        encoding="utf-8",
    )
    surroundings = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(offline), str(ROOT)]),
        "NO_MKDOCS_2_WARNING": "1",
    }
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", folder / "built"],
        cwd=ROOT, env=surroundings, capture_output=True, encoding="utf-8", check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "built"


def test_every_rule_has_its_page(site: Path) -> None:
    for rule in all_rules():
        text = (site / "rules" / rule.code / "index.html").read_text(encoding="utf-8")
        assert "How often" in text
        assert "The fix" in text
    listed = (site / "rules" / "index.html").read_text(encoding="utf-8")
    assert 'href="THR001/"' in listed
    assert 'id="thr001"' not in listed, "the pages have the rules' text"


def test_nothing_is_fetched_from_elsewhere(site: Path) -> None:
    read = [*site.rglob("*.html"), *site.rglob("*.css"), *site.rglob("*.svg")]
    assert len(read) > 100
    assert [
        (path.relative_to(site).as_posix(), found[0])
        for path in read
        if (found := FETCHED.search(path.read_text(encoding="utf-8")))
    ] == []
    assert FETCHED.search('<link rel="stylesheet" href="https://fonts.googleapis.com/css?family=Roboto">')


def test_a_rule_shows_an_example_before_and_after() -> None:
    """Those that have none are asked with an option, or by the run itself."""
    made = pages_module("rule_pages").made(ROOT)  # type: ignore[attr-defined]
    without = {code for code, text in made.items() if "## Before" not in text}
    assert without <= {"RUN001", "RUN002", "CARD015", "HOOK001", "HOOK004", "HOOK005", "LOAD001", "LOAD002"}
    assert "- threshold  float32 [32]  min 0, max 0\n+ threshold" in made["THR001"]
    assert "| all 0 | jumprelu | **differs**" in made["THR001"]


def test_every_measure_says_what_it_is_without_an_effect_and_what_it_cannot_say() -> None:
    module = pages_module("measure_page")
    text = module.as_markdown()  # type: ignore[attr-defined]
    assert [name for name in CATALOGUE if f"{{: #{name} }}" not in text] == []
    modules = {name for names in module.SECTIONS.values() for name in names}  # type: ignore[attr-defined]
    assert modules == {one.name for one in iter_modules(families.__path__)}, "each has its place on the page"
    assert [one.name for one in CATALOGUE.values() if not one.without_effect or not one.cannot_say] == []


def test_the_drawing_is_what_its_script_makes() -> None:
    """When this fails: python -m pages.drawing"""
    module = pages_module("drawing")
    assert module.FILE.read_text(encoding="utf-8") == module.drawn()  # type: ignore[attr-defined]
    rooms = {
        path.name
        for path in (ROOT / "hubkit").iterdir()
        if (path / "__init__.py").exists() and not path.name.startswith("_")
    }
    assert [room for room in sorted(rooms) if f">{room}</text>" not in module.drawn()] == []  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ["validate", "explain", "fix"])
def test_the_pictures_are_what_the_commands_print(name: str) -> None:
    """When this fails: python -m pages.pictures"""
    module = pages_module("pictures")
    assert (ROOT / "docs" / "pictures" / f"{name}.svg").read_text(encoding="utf-8") == module.taken(name)  # type: ignore[attr-defined]
    assert name in module.TAKEN  # type: ignore[attr-defined]
