"""The configuration: where it is found, what it may say, and that a repository cannot silence its own audit."""

from __future__ import annotations

from pathlib import Path

import pytest
from builders import FOLDER, cfg, tensors, view

from hubkit.errors import ExitCode, UsageError
from hubkit.repo import target as target_module
from hubkit.repo.memory import MemoryView
from hubkit.validate import request as request_module
from hubkit.validate.config import find_config, load_config
from hubkit.validate.finding import Severity
from hubkit.validate.reporters import markdown
from hubkit.validate.reporters import text as text_reporter
from hubkit.validate.request import Answer, Request, answer
from hubkit.validate.run import validate
from hubkit.validate.selection import ON_THE_COMMAND_LINE, Ignore, Selection


def write(folder: Path, repository: MemoryView | None = None) -> Path:
    """The broken TopK of these tests, on disk: CFG003 (error) and CARD001 (warning)."""
    for path, data in (repository or broken()).files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return folder


def broken() -> MemoryView:
    return view(cfg("topk", k="8"), tensors("topk"), readme=None)


def asked(folder: Path, **changes: object) -> Answer:
    return answer(Request(str(folder), **changes))  # type: ignore[arg-type]


def codes(found: Answer) -> set[str]:
    return {finding.code for finding in found.report.findings}


@pytest.fixture
def release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A release inside a repository; it is the working directory, as after `cd`."""
    (tmp_path / "repo" / ".git").mkdir(parents=True)
    found = write(tmp_path / "repo" / "releases" / "mine")
    monkeypatch.chdir(found)
    return found


def test_an_ignore_has_a_reason_and_shows_with_its_count(release: Path) -> None:
    (release / "hubkit.toml").write_text('ignore = { CFG003 = "kept for the paper" }', encoding="utf-8")
    found = asked(release)
    assert codes(found) == {"CARD001"}
    (ignored,) = found.report.ignored
    assert (ignored.code, ignored.reason, ignored.suppressed) == ("CFG003", "kept for the paper", 1)
    assert found.report.config is not None
    assert found.report.config.endswith("hubkit.toml")
    assert codes(asked(release, no_config=True)) == {"CFG003", "CARD001"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('ignore = ["CFG003"]', "ignore: an ignore needs a reason"),
        ('ignore = "CFG003"', "ignore: an ignore needs a reason"),
        ('ignore = { CFG003 = "" }', "an ignore needs a reason"),
        ('[[ignore]]\ncode = "CFG003"', "an ignore needs a reason"),
        ('[[ignore]]\ncode = "CFG003"\nreason = "  "', "an ignore needs a reason"),
        ('[per_path_ignore."a/*"]\nCFG003 = ""', "per_path_ignore"),
        ('selct = ["CFG"]', "selct: there is no such key"),
        ('select = ["ZZZ"]', "select: 'ZZZ'"),
        ('ignore = { ZZZ = "x" }', "ignore: 'ZZZ'"),
        ('severity = { CFG003 = "fatal" }', "severity.CFG003"),
        ("notes = 1", "notes"),
        ('fail_on = "never"', "fail_on"),
        ("select = [", "not TOML"),
    ],
)
def test_a_mistake_in_the_file_names_the_file_and_the_key(release: Path, text: str, message: str) -> None:
    (release / "hubkit.toml").write_text(text, encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        asked(release)
    assert message in caught.value.message
    assert "hubkit.toml" in caught.value.message
    assert caught.value.exit_code is ExitCode.USAGE


def test_a_misspelt_key_gets_its_suggestion(release: Path) -> None:
    (release / "hubkit.toml").write_text('fail-on = "note"', encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        asked(release)
    assert caught.value.hint == "did you mean fail_on?"


def test_the_nearest_file_up_to_the_repository_root_counts(release: Path, tmp_path: Path) -> None:
    (tmp_path / "hubkit.toml").write_text("", encoding="utf-8")  # above the repository
    assert find_config() is None
    (tmp_path / "repo" / "pyproject.toml").write_text("[tool.hubkit]\nnotes = true\n", encoding="utf-8")
    assert find_config() == tmp_path / "repo" / "pyproject.toml"
    assert asked(release).notes
    (release.parent / "pyproject.toml").write_text("[tool.ruff]\n", encoding="utf-8")  # has no say
    (release.parent / "hubkit.toml").write_text("", encoding="utf-8")
    assert find_config() == release.parent / "hubkit.toml"


def test_without_a_repository_the_folder_and_the_one_above_it_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "a" / "b" / "c"
    folder.mkdir(parents=True)
    (tmp_path / "a" / "hubkit.toml").write_text("", encoding="utf-8")
    monkeypatch.chdir(folder)
    assert find_config() is None
    monkeypatch.chdir(folder.parent)
    assert find_config() == tmp_path / "a" / "hubkit.toml"


SILENCING = 'ignore = { CFG = "nothing to see here" }'


@pytest.mark.parametrize(
    "place", ["hubkit.toml", "pyproject.toml", f"{FOLDER}/hubkit.toml", "../hubkit.toml"]
)
@pytest.mark.parametrize(
    "typed", ["clones/mine", "clones/mine/", "./clones/mine", "clones/../clones/mine", "absolute"]
)
def test_what_lies_in_the_target_is_named_and_not_obeyed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, typed: str
) -> None:
    """A clone brings its own configuration: typed from outside, it has no say, in whatever way the folder is typed."""
    clone = write(tmp_path / "clones" / "mine")
    (clone / ".git").mkdir()
    text = SILENCING if place.endswith("hubkit.toml") else f"[tool.hubkit]\n{SILENCING}"
    (clone / place).write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    found = answer(Request(str(clone) if typed == "absolute" else typed))
    assert "CFG003" in codes(found)
    assert found.report.config is None
    (remark,) = [one for one in found.report.remarks if "not obeyed" in one]
    shown = (clone / place).resolve().relative_to(tmp_path.resolve()).as_posix()
    assert remark.startswith(f"{shown} lies in what is validated")
    assert "CFG003" not in codes(
        answer(Request(typed if typed != "absolute" else str(clone), config=clone / place))
    )


def test_the_working_directorys_own_is_obeyed_and_not_named(release: Path) -> None:
    (release / "hubkit.toml").write_text('ignore = { CFG003 = "kept" }', encoding="utf-8")
    for target in (".", str(release), "../mine"):
        found = answer(Request(target))
        assert codes(found) == {"CARD001"}
        assert not [one for one in found.report.remarks if "not obeyed" in one]


def test_a_glob_may_be_meant_from_the_target_or_from_the_file(
    release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path / "repo")
    config = tmp_path / "repo" / "hubkit.toml"
    for glob, hides in (
        (f"{FOLDER}/*", True),
        (f"releases/mine/{FOLDER}/*", True),
        ("releases/yours/*", False),
    ):
        config.write_text(f'[per_path_ignore."{glob}"]\nCFG003 = "kept"\n', encoding="utf-8")
        for target in ("releases/mine", "releases", "."):
            assert ("CFG003" not in codes(answer(Request(target)))) is (
                hides and (glob[0] == "r" or target == "releases/mine")
            ), (glob, target)


def test_a_remote_target_and_a_download_never_bring_their_own(
    release: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    silencing = b'ignore = { CFG = "nothing to see here" }'
    remote = broken()
    remote.files["hubkit.toml"] = silencing
    remote.repository = "o/r"
    monkeypatch.setattr(request_module, "open_target", lambda _, **__: remote)
    found = asked(release)
    assert "CFG003" in codes(found)
    assert "hubkit.toml lies in what is validated: it is not obeyed" in found.report.remarks
    monkeypatch.setattr(request_module, "open_target", target_module.open_target)

    (release / "hubkit.toml").write_bytes(silencing)
    assert "CFG003" not in codes(asked(release))  # typed in it
    (release / ".cache" / "huggingface" / "download").mkdir(parents=True)
    assert "CFG003" in codes(asked(release))

    snapshot = release.parent / "models--x" / "snapshots" / "0123"
    (release.parent / "models--x" / "blobs").mkdir(parents=True)
    write(snapshot)
    (snapshot / "hubkit.toml").write_bytes(silencing)
    assert "CFG003" in codes(asked(snapshot))
    monkeypatch.chdir(snapshot / FOLDER)
    assert "CFG003" in codes(asked(Path("..")))


def test_the_working_directory_counts_for_a_remote_target(
    release: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(request_module, "open_target", lambda _, **__: broken())
    Path("hubkit.toml").write_text('ignore = { CFG003 = "known" }', encoding="utf-8")
    assert codes(asked(release)) == {"CARD001"}


def test_the_command_line_wins(release: Path) -> None:
    (release / "hubkit.toml").write_text(
        'select = ["CARD"]\nfail_on = "note"\nignore = { CFG003 = "known" }', encoding="utf-8"
    )
    assert codes(asked(release)) == {"CARD001"}
    assert asked(release).fail_on is Severity.NOTE
    assert asked(release, fail_on=Severity.ERROR).fail_on is Severity.ERROR
    named = asked(release, select=("CFG003",))
    assert codes(named) == {"CFG003"}  # named outright, so it is shown
    assert not named.report.ignored
    assert codes(asked(release, select=("CFG",))) == set()  # a whole area does not lift an ignore
    added = asked(release, ignore=("CARD",))
    assert {(one.code, one.reason) for one in added.report.ignored} == {
        ("CFG003", "known"),
        ("CARD", "--ignore"),
    }


def test_config_takes_a_file_and_excludes_no_config(release: Path, tmp_path: Path) -> None:
    other = tmp_path / "strict.toml"
    other.write_text('ignore = { CARD = "no card yet" }', encoding="utf-8")
    assert codes(asked(release, config=other)) == {"CFG003"}
    with pytest.raises(UsageError, match="contradict"):
        asked(release, config=other, no_config=True)
    with pytest.raises(UsageError, match="no such configuration"):
        asked(release, config=tmp_path / "missing.toml")


def test_ignores_by_path_and_sae_cover_only_those() -> None:
    files = {}
    for name in ("old/a", "new/b"):
        repository = view(cfg("topk", k="8"), tensors("topk"), folder=name, readme=None)
        files |= repository.files
    repository = MemoryView(name="two", files=files)
    for ignore in (Ignore("CFG003", "old", path="old/*"), Ignore("CFG", "old", sae_id="old/*")):
        report = validate(repository, Selection(ignore=(ignore,)))
        assert [f.sae_id for f in report.findings if f.code == "CFG003"] == ["new/b"]
        assert report.ignored[0].suppressed == 1


def test_per_path_ignores_are_ignores_with_a_path(tmp_path: Path) -> None:
    path = tmp_path / "hubkit.toml"
    path.write_text('[per_path_ignore]\n"old/**" = { cfg012 = "before the rename" }', encoding="utf-8")
    assert load_config(path).ignore == (Ignore("CFG012", "before the rename", "old/**"),)


def test_severities_change_and_the_longest_prefix_wins() -> None:
    selection = Selection(severity={"C": Severity.NOTE, "CFG003": Severity.WARNING})
    report = validate(broken(), selection)
    assert {f.code: f.severity for f in report.findings} == {
        "CFG003": Severity.WARNING,
        "CARD001": Severity.NOTE,
    }
    assert report.exit_code(Severity.ERROR) is ExitCode.CLEAN
    assert report.to_json()["severities"] == {"C": "note", "CFG003": "warning"}


def test_an_ignored_rule_costs_no_read_and_then_says_that_it_was_not_asked() -> None:
    repository = broken()
    report = validate(repository, Selection(select=("CFG002", "THR"), ignore=("THR",)))
    assert repository.bytes_read == len(repository.files[f"{FOLDER}/cfg.json"])
    assert [one.suppressed for one in report.ignored] == [None]


@pytest.mark.parametrize(
    ("text", "head", "last"),
    [
        ('ignore = { CFG003 = "kept" }', "hubkit.toml (ignores CFG003)", "sets aside CFG003 (1 finding)"),
        ('ignore = { SEC001 = "mine" }', "hubkit.toml (ignores SEC001)", ""),
        ('per_path_ignore = { "lab*" = { CFG = "kept" } }', "hubkit.toml (ignores CFG in lab*)", "sets aside CFG in lab* (1 finding)"),
        ('severity = { CFG003 = "note" }', "hubkit.toml (CFG003 counts as note)", "sets aside CFG003 (counts as note)"),
        ('ignore = { CARD001 = "none yet" }', "hubkit.toml (ignores CARD001)", ""),
        ('fail_on = "error"', "hubkit.toml", ""),
        ('select = ["CARD"]', "hubkit.toml (asks only CARD)", "asks only CARD"),
        ('baseline = "known.json"', "hubkit.toml (takes what known.json lists as known)", "takes what known.json lists as known"),
    ],
)  # fmt: skip
def test_what_the_working_directorys_own_decides_is_said(
    release: Path, text: str, head: str, last: str
) -> None:
    """After `cd stranger` its configuration is obeyed, as every linter does; it is never obeyed in silence."""
    (release / "hubkit.toml").write_text(text, encoding="utf-8")
    answer(Request(".", no_config=True, write_baseline=release / "known.json"))
    for target in (".", str(release)):
        report = answer(Request(target, ignore=("CFG001",))).report
        shown = text_reporter.render(report, width=400)
        assert f"\nconfiguration: {head}\n" in shown
        assert f"configuration: {markdown.escape(head)}\n" in markdown.render(report)
        said = shown.splitlines()[-2]
        assert (
            said.endswith(f"hubkit.toml of this very folder {last}[/]")
            if last
            else "very folder" not in shown
        )


def test_a_file_above_the_target_sets_aside_openly_and_is_no_part_of_it(
    release: Path, tmp_path: Path
) -> None:
    (tmp_path / "repo" / "hubkit.toml").write_text('ignore = { CFG003 = "kept" }', encoding="utf-8")
    shown = text_reporter.render(asked(release).report, width=400)
    assert "hubkit.toml (ignores CFG003)" in shown
    assert "very folder" not in shown
    assert "configuration" not in text_reporter.render(asked(release, no_config=True).report)


def test_a_file_cannot_say_that_its_ignore_was_typed(release: Path) -> None:
    (release / "hubkit.toml").write_text(f'ignore = {{ CFG003 = "{ON_THE_COMMAND_LINE}" }}', encoding="utf-8")
    with pytest.raises(UsageError, match="reason"):
        asked(release)
