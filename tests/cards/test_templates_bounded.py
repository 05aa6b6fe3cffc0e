"""An author's templates and prose are programs of somebody: they reach no file outside their folder, and end within limits."""

from __future__ import annotations

import os
import re
import sys
import time
from pathlib import Path

import pytest
from cards.shapes import write
from cards.test_author import SETTINGS, release_of, with_prose

from hubkit.cards import authored
from hubkit.cards.authored import Job, is_simple
from hubkit.cards.build import build_card, draft_card
from hubkit.errors import UsageError

SECRET = "the secret of this machine"


@pytest.fixture
def release(tmp_path: Path) -> Path:
    (tmp_path / "secret.md.j2").write_text(SECRET, encoding="utf-8")
    (tmp_path / "summary.md.j2").write_text(SECRET, encoding="utf-8")
    (tmp_path / "secret.txt").write_text(SECRET, encoding="utf-8")
    return write(release_of(), tmp_path / "release", small=True)


def with_templates(release: Path, folder: str = "templates", **files: str) -> str:
    (release / "templates").mkdir(exist_ok=True)
    for name, text in files.items():
        (release / "templates" / f"{name}.md.j2").write_text(text, encoding="utf-8")
    return build_card(release, SETTINGS.model_copy(update={"templates": folder})).text


@pytest.mark.parametrize(
    "folder", ["/", "..", "../..", "templates/../..", "../release/..", "/etc", "~", "\\\\host\\share"]
)
def test_a_folder_outside_is_refused(release: Path, folder: str) -> None:
    with pytest.raises(UsageError, match=r"outside|no such folder") as error:
        with_templates(release, folder)
    assert "card.yaml" in f"{error.value} {error.value.hint}"
    assert not (release / "README.md").exists()


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_a_link_to_a_folder_outside_is_refused(release: Path) -> None:
    (release / "linked").symlink_to(release.parent)
    with pytest.raises(UsageError, match="outside"):
        with_templates(release, "linked")


OUTSIDE = (
    "{% include '../../secret.md.j2' %}",
    "{% import '/etc/passwd' as a %}{{ a }}",
    "{% include 'notes.txt' %}",
    "{% include 'linked.md.j2' %}",
)
MORE_OUTSIDE = (
    "{% include '../../../secret.txt' %}", "{% extends '../../secret.md.j2' %}", "{% include 'file:///etc/passwd' %}", "{% include 'deep/linked.md.j2' %}",
    "{% from '../../secret.md.j2' import a %}",
)  # fmt: skip


@pytest.mark.parametrize(
    "text", [*OUTSIDE, *(pytest.param(one, marks=pytest.mark.full) for one in MORE_OUTSIDE)]
)
def test_nothing_outside_is_included(release: Path, text: str) -> None:
    folder = release / "templates"
    (folder / "deep").mkdir(parents=True)
    (folder / "notes.txt").write_text(SECRET, encoding="utf-8")
    if sys.platform != "win32":
        for name in ("linked.md.j2", "deep/linked.md.j2"):
            (folder / name).symlink_to(release.parent / "secret.md.j2")
    with pytest.raises(UsageError, match=r"summary\.md\.j2"):
        with_templates(release, summary=text)


@pytest.mark.skipif(sys.platform == "win32", reason="links need rights there")
def test_a_template_that_is_a_link_outside_is_not_taken(release: Path) -> None:
    (release / "templates").mkdir()
    (release / "templates" / "summary.md.j2").symlink_to(release.parent / "summary.md.j2")
    with pytest.raises(UsageError, match="only"):
        with_templates(release)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes of POSIX")
def test_a_template_that_is_a_pipe_is_told(release: Path) -> None:
    (release / "templates").mkdir()
    os.mkfifo(release / "templates" / "summary.md.j2")
    with pytest.raises(UsageError, match="a pipe, expected a regular file"):
        with_templates(release)


HOSTILE = {
    "a power": "{{ 9**(9**9) }}",
    "a long text": "{{ 'x' * 10**10 }}",
    "a long text, often": "{% for i in range(1000) %}{{ 'x' * 10**7 }}{% endfor %}",
    "a long range": "{% for i in range(10**9) %}x{% endfor %}",
    "nested loops": "{% for a in range(99999) %}{% for b in range(99999) %}{% for c in range(99999) %}{% endfor %}{% endfor %}{% endfor %}",
    "recursion": "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "much output": "{% for i in range(90000) %}{{ 'x' * 1000 }}{% endfor %}",
    "centred": "{{ 'a' | center(10**10) }}",
    "indented": "{{ 'a\\nb' | indent(10**10) }}",
    "formatted": "{{ '%09999999999d' | format(1) }}",
    "str.format": "{{ '{:>9999999999}'.format(1) }}",
    "digits": "{{ facts.count | num(10**9) }}",
    "lorem ipsum": "{{ lipsum(n=10**8) }}",
    "a list": "{{ ([1] * 10**10) | length }}",
    "deep brackets": "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
    "a long sum": "{{ " + "1+" * 20000 + "1 }}",
    "many quotations": "{{ facts.count }}" * 50000,
    "joined": "{{ ('a' * 10**6).join(['b'] * 10**6) }}",
    "replaced": "{{ ('a' * 10**6).replace('a', 'b' * 10**6) }}",
    "a power of a power, modulo nothing": "{{ (7 ** (7 ** 9)) % 10 }}",
}  # fmt: skip
QUICK = {"a power", "a long text", "a long range", "recursion", "much output", "digits"}


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three seconds in place of twenty."""
    monkeypatch.setattr(authored, "TIMEOUT", 3.0)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name in QUICK else [pytest.mark.full]) for name in HOSTILE]
)
@pytest.mark.usefixtures("impatient")
def test_prose_without_end_is_stopped_and_told(release: Path, name: str) -> None:
    begun = time.monotonic()
    try:
        text = with_prose(release, uses=HOSTILE[name])
    except UsageError as error:
        assert "the author's text" in error.message
        assert len(error.message) < 1000
        assert not (release / "README.md").exists()
    else:
        assert len(text) < authored.MOST_OUTPUT + 100_000
    assert time.monotonic() - begun < 20


@pytest.mark.usefixtures("impatient")
def test_a_template_without_end_is_stopped_and_told(release: Path) -> None:
    with pytest.raises(UsageError, match=r"were stopped|memory"):
        with_templates(release, summary=HOSTILE["a power"])


INNER = ("{{ facts.__class__ }}", "{{ lipsum.__globals__ }}", "{{ facts.update({}) }}")
MORE_INNER = (
    "{{ facts.count.__class__.__mro__ }}", "{{ ''.__class__.__subclasses__() }}", "{{ self.__init__.__globals__ }}", "{{ cycler.__init__.__globals__.os }}",
    "{{ facts.count.source.__module__ }}",
)  # fmt: skip


@pytest.mark.parametrize("text", [*INNER, *(pytest.param(one, marks=pytest.mark.full) for one in MORE_INNER)])
def test_nothing_of_pythons_inner_life_is_reached(release: Path, text: str) -> None:
    with pytest.raises(UsageError, match="the author's text"):
        with_prose(release, uses=text)


def test_what_is_given_to_templates_offers_no_file(release: Path) -> None:
    """The models that the facts hold can save and load themselves; a template may not ask them to."""
    target = release.parent / "written.json"
    for call in (
        f"evaluation.save('{target}')",
        "evaluation.load('x')",
        "release.model_dump()",
        "facts.report.to_json()",
    ):
        names = {"facts": None}
        job = Job(
            names,
            (),
            (("summary", {"evaluation": _artefact(), "release": _artefact(), "facts": names}),),
            _folder(release, call),
        )
        with pytest.raises(UsageError, match=r"summary\.md\.j2"):
            authored.render(job)
    assert not target.exists()


def _folder(release: Path, call: str) -> Path:
    folder = release / "templates"
    folder.mkdir(exist_ok=True)
    (folder / "summary.md.j2").write_text("{{ " + call + " }}", encoding="utf-8")
    return folder


def _artefact() -> object:
    from hubkit.release.metrics import LayerProfile

    return LayerProfile(layer=1, hook_name="a", values=[])


@pytest.mark.parametrize(
    ("text", "simple"),
    [
        ("plain", True), ("a {b} %", True), ("{{ facts.count }}", True), ("{{ facts.best_sae['l0'] | num(2) }} x", True), ("{{ facts.a | pct }}", True),
        ("{{ facts.a | num(99) }}", False), ("{{ facts.a | num(-1) }}", False), ("{{ 2 ** 3 }}", False), ("{{ facts.a() }}", False), ("{{ 'a' * 3 }}", False),
        ("{% if facts.a %}b{% endif %}", False), ("{{ facts.a | center(9) }}", False), ("{{ facts[facts.a] }}", False), ("{{ a | num(digits=3) }}", False),
        ("{{", False), ("{# a #}", True), ("{{ 'a' }}", False), ("{{ facts.a | num(*b) }}", False), ("{{ facts.a }}" * 400, False), ("{{ a ~ b }}", False),
    ],
)  # fmt: skip
def test_only_quotations_are_rendered_in_this_process(text: str, simple: bool) -> None:
    assert is_simple(text) is simple


def test_the_good_twin_loops_and_computes_as_before(release: Path) -> None:
    prose = (
        "{% for name, one in facts.sae.items() %}- {{ name }}: {{ one.balanced_accuracy | pct }}\n{% endfor %}"
        "{% set half = facts.count.value / 2 %}Half is {{ half | num(1) }}; {{ 'ab'.upper() }}, {{ range(3) | join('+') }}."
    )
    text = with_prose(release, uses=prose)
    assert "- lab_topk_L2_mixed: 81.2 %" in text
    assert "Half is 2.0; AB, 0+1+2." in text


def test_hubkits_own_templates_give_the_same_card_in_the_process_apart(release: Path) -> None:
    """With an empty folder of templates every section is rendered there: same facts, same bytes, but for what the settings are known by."""
    (release.parent / ".git").mkdir()
    (release.parent / "templates").mkdir()
    apart = draft_card(release, SETTINGS.model_copy(update={"templates": "../templates"})).text
    known = re.compile(r"(?:settings|text)_sha256: \w+")
    assert known.sub("", apart) == known.sub("", draft_card(release, SETTINGS).text)


def test_a_macro_of_a_neighbour_in_the_folder_can_be_imported(release: Path) -> None:
    text = with_templates(
        release, summary="{% from 'parts/tool.md.j2' import twice %}# {{ title }}\n\n{{ twice('ab') }} of {{ count }}",
    ) if _tool(release) else ""  # fmt: skip
    assert "abab of 4" in text


def _tool(release: Path) -> bool:
    (release / "templates" / "parts").mkdir(parents=True)
    (release / "templates" / "parts" / "tool.md.j2").write_text(
        "{% macro twice(a) %}{{ a }}{{ a }}{% endmacro %}", encoding="utf-8"
    )
    return True


def test_in_one_working_tree_the_folder_may_stand_beside(release: Path) -> None:
    (release.parent / ".git").mkdir()
    (release.parent / "templates").mkdir()
    (release.parent / "templates" / "summary.md.j2").write_text("# Ours of {{ count }}", encoding="utf-8")
    assert "# Ours of 4" in with_templates(release, "../templates")


def test_a_downloaded_folder_brings_only_what_is_in_itself(release: Path) -> None:
    (release.parent / ".git").mkdir()
    (release.parent / "templates").mkdir()
    (release / ".cache" / "huggingface" / "download").mkdir(parents=True)
    with pytest.raises(UsageError, match="outside"):
        with_templates(release, "../templates")


def test_the_quick_way_starts_no_process(release: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(authored, "_apart", lambda job: pytest.fail(f"a process for {job.prose}"))
    assert "of 4 SAEs" in with_prose(
        release, uses="The best of {{ facts.count }} SAEs: {{ facts.best_sae.balanced_accuracy | pct }}"
    )
