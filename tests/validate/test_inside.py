"""One verdict: however a folder is typed, and wherever a release lies in what is typed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from builders import FOLDER, README, cfg, tensors, view

from hubkit.errors import ExitCode, UsageError
from hubkit.repo.local import open_folder
from hubkit.repo.memory import MemoryView
from hubkit.repo.target import open_target
from hubkit.validate.finding import Finding, Severity
from hubkit.validate.inside import split_of
from hubkit.validate.report import Report, below
from hubkit.validate.request import Request, answer
from hubkit.validate.run import Selection, validate

CODE = '```python\nfrom sae_lens import SAE\nsae = SAE.from_pretrained("{}", "{}")\n```\n'
WRONG = README + "This release has 7 SAEs.\n\n" + CODE.format("bob/jump-saes", "lab_L9_mixed")
PLAIN = "# A code base\n\nIt trains 40 SAEs. TODO: more.\n"


def release(readme: str | None = WRONG, **files: bytes) -> dict[str, bytes]:
    """A release with one broken SAE and a wrong card."""
    found = view(cfg("topk", k="8"), tensors("topk"), readme=readme).files
    return found | {name.replace("__", "."): data for name, data in files.items()}


def write(folder: Path, files: dict[str, bytes]) -> Path:
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return folder


def told(report: Report) -> list[tuple[str, str | None, str | None, str, str]]:
    return sorted((f.code, f.sae_id or "", f.path or "", f.message, f.fingerprint) for f in report.findings)


def under(report: Report, folder: str) -> list[Finding]:
    return [
        f for f in report.findings if (f.path or f.sae_id or "").startswith(f"{folder}/") or f.path == folder
    ]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder `releases/bob__jump-saes`, whose path has the form of a repository's name."""
    write(tmp_path / "releases" / "bob__jump-saes", release())
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


WAYS: dict[str, Callable[[Path], tuple[str, str]]] = {
    "from above": lambda root: (".", "releases/bob__jump-saes"),
    "a slash at the end": lambda root: (".", "releases/bob__jump-saes/"),
    "a dot before": lambda root: (".", "./releases/bob__jump-saes"),
    "from beside": lambda root: ("releases", "bob__jump-saes"),
    "from inside": lambda root: ("releases/bob__jump-saes", "."),
    "from an SAE": lambda root: (f"releases/bob__jump-saes/{FOLDER}", ".."),
    "by the parent's name": lambda root: ("releases/bob__jump-saes", "../bob__jump-saes"),
    "absolute": lambda root: (".", str(root / "releases" / "bob__jump-saes")),
    "through another folder": lambda root: (".", "other/../releases/bob__jump-saes"),
    "two slashes": lambda root: (".", "releases//bob__jump-saes"),
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_one_verdict_however_it_is_typed(place: Path, monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    expected = told(validate(open_folder(place / "releases" / "bob__jump-saes")))
    assert {"CARD004", "CARD006", "CFG003"} <= {one[0] for one in expected}
    folder, typed = WAYS[way](place)
    monkeypatch.chdir(place / folder)
    assert told(answer(Request(typed)).report) == expected


@pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege there")
def test_a_link_is_what_it_leads_to(place: Path) -> None:
    (place / "a").mkdir()
    (place / "a" / "b").symlink_to(place / "releases" / "bob__jump-saes")
    expected = answer(Request("releases/bob__jump-saes"))
    found = answer(Request("a/b"))
    assert told(found.report) == told(expected.report)
    assert found.report.folder == "releases/bob__jump-saes"


@pytest.mark.skipif(sys.platform != "win32", reason="a separator only there")
def test_windows_separators(place: Path) -> None:
    expected = told(answer(Request("releases/bob__jump-saes")).report)
    assert told(answer(Request(r"releases\bob__jump-saes")).report) == expected


@pytest.mark.skipif(sys.platform == "win32", reason="a separator there")
def test_windows_separators_elsewhere_are_explained(place: Path) -> None:
    with pytest.raises(UsageError) as caught:
        open_target(r"releases\bob__jump-saes")
    assert caught.value.hint == "try releases/bob__jump-saes"
    with pytest.raises(UsageError, match="no such folder"):
        open_target(r"no\where")


def test_a_file_that_cannot_be_read_has_one_fingerprint_too(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = Path.open

    def refuse(self: Path, *rest: object, **more: object) -> object:
        if self.name == "cfg.json":
            raise PermissionError(13, "Permission denied")
        return opened(self, *rest, **more)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", refuse)
    ways = [
        told(answer(Request(way)).report)
        for way in ("releases/bob__jump-saes", str(place / "releases/bob__jump-saes"))
    ]
    assert ways[0] == ways[1]
    assert "RUN002" in {one[0] for one in ways[0]}


@pytest.mark.parametrize(
    ("declared", "named", "fires"),
    [
        (b"", "bob/jump-saes", True),
        (b"", "someone/else", True),  # nobody says what this folder is: any name may be meant
        (b"repo_id: bob/jump-saes\nlicense: mit\n", "bob/jump-saes", True),
        (b"license: mit\r\nrepo_id: 'bob/jump-saes'  # mine\r\n", "Bob/Jump-SAEs", True),
        (b"repo_id: bob/jump-saes\n", "someone/else", False),
        (b"repo_id: [\n", "someone/else", True),
        (b"prose: {x: 'repo_id: a/b'}\n", "someone/else", True),
    ],
)
def test_the_name_that_a_folder_declares_is_its_name(declared: bytes, named: str, fires: bool) -> None:
    # another repository's SAEs have names of their own: what is called as those here was copied from elsewhere
    card = README + CODE.format(named, "lab_L9_mixed" if fires else "theirs")
    files = release(card, **({"card__yaml": declared} if declared else {}))
    found = {f.code for f in validate(MemoryView(name="x/y", files=files)).findings}
    assert ("CARD006" in found) is fires


def test_provenance_may_declare_it_and_the_hub_knows_it() -> None:
    card = README + CODE.format("someone/else", "theirs")
    files = release(card, provenance__json=b'{"repo_id": "bob/jump-saes"}')
    assert "CARD006" not in {f.code for f in validate(MemoryView(name="m", files=files)).findings}
    there = MemoryView(name="m", files=release(card), repository="bob/jump-saes")
    assert "CARD006" not in {f.code for f in validate(there).findings}


@pytest.mark.parametrize(
    ("declared", "more", "fires"),
    [
        (b"repo_id: bob/jump-saes\n", "", True),
        (
            b"repo_id: bob/jump-saes\n",
            CODE.format("bob/jump-saes", FOLDER),
            False,
        ),  # the other stands beside it
        (b"repo_id: someone/else\n", "", False),
        (b"license: mit\n", "", False),
    ],
)
def test_code_that_loads_its_saes_from_another_repository(declared: bytes, more: str, *, fires: bool) -> None:
    card = README + CODE.format("someone/else", FOLDER) + more
    files = release(card, card__yaml=declared)
    found = [f for f in validate(MemoryView(name="x/y", files=files)).findings if f.code == "CARD006"]
    assert [f.hint for f in found] == (["load it from bob/jump-saes"] if fires else [])
    there = MemoryView(name="m", files=release(card), repository="bob/jump-saes")
    severities = {f.severity.name for f in validate(there).findings if f.code == "CARD006"}
    assert severities == (set() if more else {"ERROR"})


@pytest.mark.parametrize(
    ("other", "severity"),
    [
        ("someone/else", "ERROR"),
        ("bob/other", "ERROR"),
        ("alice/jump-saes", "WARNING"),
        ("bob/jump-saes", None),
    ],
)
def test_a_folder_and_its_twin_on_the_hub_get_one_verdict(other: str, severity: str | None) -> None:
    card = README + CODE.format(other, FOLDER)
    folder = MemoryView(name="x/y", files=release(card, card__yaml=b"repo_id: bob/jump-saes\n"))
    far = MemoryView(name="m", files=release(card), repository="bob/jump-saes")
    for one in (folder, far):
        found = [f.severity.name for f in validate(one).findings if f.code == "CARD006"]
        assert found == ([severity] if severity else [])


def around(**cards: str | None) -> dict[str, bytes]:
    """A checkout: a code base's README, a script, and releases below."""
    files = {"README.md": PLAIN.encode(), "train.py": b"print()\n", "docs/README.md": b"# Words\n"}
    for name, card in cards.items():
        files |= {f"releases/{name}/{path}": data for path, data in release(card).items()}
    return files


def both(tmp_path: Path, files: dict[str, bytes]) -> list[Report]:
    """On disk and in memory: the parts of a folder are folders, those of anything else are views of it."""
    return [validate(open_folder(write(tmp_path, files))), validate(MemoryView(name="m", files=files))]


def test_a_release_below_is_judged_as_if_it_was_named(tmp_path: Path) -> None:
    alone = validate(MemoryView(name="m", files=release()))
    for report in both(tmp_path, around(bob=WRONG, eve=WRONG.replace("7 SAEs", "9 SAEs"))):
        mine = under(report, "releases/bob")
        assert told(replace(report, findings=mine)) == told(below(alone, "releases/bob"))
        assert {"CARD004", "CARD006"} <= {f.code for f in under(report, "releases/eve")}
        assert [sae.sae_id for sae in report.saes] == [f"releases/bob/{FOLDER}", f"releases/eve/{FOLDER}"]
        outside = [
            f
            for f in report.findings
            if f not in under(report, "releases/bob") + under(report, "releases/eve")
        ]
        assert {f.code for f in outside} <= {"SEC004"}  # the README of a code base is no card
        assert "2 releases inside, validated as if named alone: releases/bob, releases/eve" in report.remarks
        assert report.complete


def test_a_checkout_with_one_release_loses_none_of_its_errors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, around(bob=WRONG))
    monkeypatch.chdir(tmp_path)
    whole = answer(Request(".")).report
    alone = answer(Request("releases/bob")).report
    assert whole.count(Severity.ERROR) == alone.count(Severity.ERROR) > 2
    assert {whole.file(f.path or "") for f in whole.findings if f.code == "CARD004"} == {
        "releases/bob/README.md"
    }
    assert whole.exit_code(Severity.ERROR) is ExitCode.FINDINGS


def test_what_is_a_release_inside() -> None:
    sae = {"s/cfg.json": b"{}", "s/sae_weights.safetensors": b"x"}

    def split(root: dict[str, bytes], **inner: dict[str, bytes]) -> tuple[str, ...]:
        files = dict(root)
        for name, more in inner.items():
            files |= {f"{name}/{path}": data for path, data in {**sae, **more}.items()}
        return split_of(MemoryView(name="m", files=files)).releases

    card, plain = {"README.md": b"---\nlicense: mit\n---\n"}, {"README.md": b"# words\n"}
    assert split({}, a=card, b=card) == ("a", "b")
    assert split({}, a={}, b={}) == ()  # groups of SAEs: nothing tells that they are releases
    assert split({}, a=plain) == ("a",)
    assert split(card, a=plain) == ()  # notes on a group of SAEs in a release
    assert split(card, a=card) == ("a",)
    assert split({"provenance.json": b"{}"}, a=plain, b=card) == ("b",)
    assert split(card, a={"provenance.json": b"{}"}, b={"card.yaml": b"x: 1"}) == ("a", "b")
    assert split({}, **{"a/b/c": card}) == ("a/b/c",)
    assert split({}, a=card | {f"sub/{path}": data for path, data in {**sae, **card}.items()}) == ("a",)
    assert split(sae | {"s/README.md": card["README.md"]}) == ()  # the card of an SAE's own folder
    assert split({"docs/README.md": card["README.md"]}) == ()
    assert split({}, a={"README.md": b"\xef\xbb\xbf---\n"}) == ("a",)


def test_a_release_inside_a_release_is_judged_too() -> None:
    inner = {f"old/{path}": data for path, data in release().items()}
    report = validate(
        MemoryView(name="m", files={f"a/{p}": d for p, d in {**release(README), **inner}.items()})
    )
    assert [sae.sae_id for sae in report.saes] == [f"a/{FOLDER}", f"a/old/{FOLDER}"]
    assert "CARD004" in {f.code for f in under(report, "a/old")}
    assert "CARD004" not in {f.code for f in report.findings if f.path == "a/README.md"}


def test_an_index_card_is_held_against_everything_below_it() -> None:
    def index(text: str) -> set[str]:
        files = {f"{name}/{path}": data for name in ("a", "b") for path, data in release(README).items()}
        return {
            f.code
            for f in validate(
                MemoryView(name="m", files={**files, "README.md": (README + text).encode()})
            ).findings
            if f.path == "README.md"
        }

    assert "CARD004" in index("The repository has 5 SAEs.\n")
    assert "CARD004" not in index("The repository has 2 SAEs.\n")
    assert "CARD006" in index(CODE.format("me/a", "lab_L7_mixed"))
    assert "CARD006" not in index(CODE.format("me/a", FOLDER))
    assert "CARD006" not in index(CODE.format("me/study", f"a/{FOLDER}"))


def test_a_count_may_be_meant_of_all_or_of_those_outside_the_releases_inside() -> None:
    files = release(README + "It has 1 SAE.\n") | {
        f"extra/{path}": data for path, data in release(README).items()
    }

    def counted(text: str) -> bool:
        card = {"README.md": (README + text).encode()}
        report = validate(MemoryView(name="m", files=files | card))
        return any(f.code == "CARD004" and f.path == "README.md" for f in report.findings)

    assert [counted(f"The repository has {n} SAEs.\n") for n in (1, 2, 3)] == [False, False, True]


def test_the_cards_of_the_releases_are_held_against_each_other() -> None:
    total = "Part of a study (9 models, {} total SAEs).\n"
    files = {f"x/a/{p}": d for p, d in release(README + total.format(348)).items()}
    files |= {f"x/b/{p}": d for p, d in release(README + total.format(366)).items()}
    found = [f for f in validate(MemoryView(name="m", files=files)).findings if f.code == "CARD015"]
    assert [f.path for f in found] == ["x/b/README.md"]


def test_a_repository_on_the_hub_with_releases_inside_names_them_by_their_path() -> None:
    def files(sae_id: str) -> dict[str, bytes]:
        card = README + CODE.format("me/all", sae_id)
        return {f"{name}/{path}": data for name in ("a", "b") for path, data in release(card).items()}

    good = validate(MemoryView(name="me/all", repository="me/all", files=files(f"a/{FOLDER}")))
    assert [f.path for f in good.findings if f.code == "CARD006"] == ["b/README.md"]  # there it is b's
    bad = validate(MemoryView(name="me/all", repository="me/all", files=files("a/lab_L9_mixed")))
    assert [f.path for f in bad.findings if f.code == "CARD006"] == ["a/README.md", "b/README.md"]


def test_ignores_reach_into_releases_by_the_path_from_the_target(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, around(bob=WRONG, eve=WRONG))
    (tmp_path / "hubkit.toml").write_text(
        '[per_path_ignore."releases/bob/*"]\nCARD = "an old card"\nCFG003 = "kept"\n', encoding="utf-8"
    )
    monkeypatch.chdir(tmp_path)
    report = answer(Request(".")).report
    assert not under(report, "releases/bob")
    assert {"CARD004", "CFG003"} <= {f.code for f in under(report, "releases/eve")}
    assert sum(one.suppressed or 0 for one in report.ignored) == len(report.suppressed)
    assert not answer(Request("releases/bob")).report.findings


def test_a_baseline_knows_in_which_release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Equal findings of two releases have one fingerprint: a line for one of them must not silence the other."""
    write(tmp_path, around(bob=None, eve=README))
    monkeypatch.chdir(tmp_path)
    for name in ("bob", "eve"):
        (tmp_path / "releases" / name / "provenance.json").write_text("{}", encoding="utf-8")
    known = tmp_path / "known.json"
    assert answer(Request(".", write_baseline=known)).report.findings == []
    assert answer(Request(".", baseline=known)).report.exit_code(Severity.NOTE) is ExitCode.CLEAN
    (tmp_path / "releases" / "eve" / "README.md").unlink()  # now it has the finding that bob's is known for
    again = answer(Request(".", baseline=known)).report
    assert [(f.code, f.path) for f in again.findings if f.code == "CARD001"] == [
        ("CARD001", "releases/eve/README.md")
    ]
    for folder, target in ((".", "releases/bob"), ("releases", "bob"), ("releases/bob", ".")):
        monkeypatch.chdir(tmp_path / folder)
        alone = answer(Request(target, baseline=known)).report
        assert alone.findings == []
        assert alone.baseline is not None
        assert not alone.baseline.stale
    monkeypatch.chdir(tmp_path)
    assert "CARD001" in {f.code for f in answer(Request("releases/eve", baseline=known)).report.findings}
    answer(Request("releases/bob", write_baseline=tmp_path / "bob.json"))
    joined = answer(Request(".", baseline=tmp_path / "bob.json")).report
    assert {f.path for f in joined.findings if f.code == "CARD001"} == {
        f"releases/{n}/README.md" for n in ("bob", "eve")
    }


def test_a_mended_card_leaves_a_stale_line_also_around_a_code_base(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, around(bob=WRONG))
    monkeypatch.chdir(tmp_path)
    known = tmp_path / "known.json"
    answer(Request(".", write_baseline=known))
    (tmp_path / "releases" / "bob" / "README.md").write_text(README, encoding="utf-8")
    use = answer(Request(".", baseline=known)).report.baseline
    assert use is not None
    assert {"CARD004", "CARD006"} <= {line.code for line in use.stale}


def test_a_rule_that_is_named_and_would_not_be_asked_is_no_clean_run(tmp_path: Path) -> None:
    folder = str(write(tmp_path, view().files))
    for select in (("WTS011",), ("LOAD",), ("HOOK004",), ("CFG", "WTS011")):
        with pytest.raises(UsageError, match=r"without another option"):
            answer(Request(folder, select=select))
    with pytest.raises(UsageError, match="is no rule"):
        answer(Request(folder, select=("CFG999",)))
    for good in (
        {"select": ("WTS",)},
        {"select": ("WTS011",), "deep": True},
        {"select": ("WTS011",), "ignore": ("WTS",)},
    ):
        answer(Request(folder, **good))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["README.md", "evaluation.json"])
def test_a_needed_file_that_cannot_be_read_is_incomplete(name: str) -> None:
    repository = view()
    repository.unreadable[name] = len(repository.files.pop(name))
    report = validate(repository, Selection(select=("EVL", "CARD")))
    assert report.exit_code(Severity.ERROR) is ExitCode.INCOMPLETE
    assert report.shortfall is not None
    assert name in report.shortfall


@pytest.mark.parametrize("name", ["cfg.json", "hyperparams.json", "layer.safetensors"])
def test_what_may_be_an_sae_and_cannot_be_read_is_incomplete(name: str) -> None:
    """Nothing recognised must not read as nothing there."""
    there = MemoryView(name="m", files={"README.md": README.encode()}, unreadable={f"sae/{name}": 200})
    report = validate(there)
    assert report.exit_code(Severity.ERROR) is ExitCode.INCOMPLETE
    assert any(f"sae/{name}" in one.reason for one in report.skipped)


def test_nothing_found_says_what_was_passed_over() -> None:
    report = validate(MemoryView(name="m", files={"README.md": b"x", "a/model.bin": b"y", "b.PT": b"z"}))
    assert report.exit_code(Severity.ERROR) is ExitCode.NOTHING_FOUND
    assert (
        report.remarks[-1]
        == "passed over: 3 files, weights of no format that hubkit knows: a/model.bin, b.PT"
    )
    assert report.shortfall is not None
    assert "exit code 3" in report.shortfall


def test_deep_and_links_go_into_the_parts(tmp_path: Path) -> None:
    write(tmp_path, around(bob=WRONG))
    report = validate(open_folder(tmp_path), deep=True)
    assert report.bytes_read > validate(open_folder(tmp_path)).bytes_read
    assert report.total_bytes == sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file())


def test_the_command_of_a_hint_names_the_release_inside_and_mends_it(tmp_path: Path) -> None:
    import re
    import shlex

    from typer.testing import CliRunner

    from hubkit.cli.main import app

    card = README.replace("library_name: saelens\n", "")
    files = {f"releases/bob/{path}": data for path, data in view(readme=card).files.items()}
    files |= {f"releases/eve/{path}": data for path, data in view().files.items()}
    folder = write(tmp_path / "a b", files)
    (found,) = [one for one in validate(open_folder(folder)).findings if one.code == "CARD003"]
    command = re.search(r"hubkit fix .*CARD003", found.hint)
    assert command is not None
    typed = shlex.split(command.group())
    assert Path(typed[2]) == folder / "releases" / "bob"
    assert CliRunner().invoke(app, typed[1:]).exit_code == 0
    assert [one for one in validate(open_folder(folder)).findings if one.code == "CARD003"] == []
