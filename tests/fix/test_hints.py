"""Every hint is taken at its word: on the bad twin of every rule its command is run, or its words are done; then the finding is gone and nothing worse has come."""

from __future__ import annotations

import json
import re
import shlex
from collections import Counter
from pathlib import Path

import pytest
from fix.followed import ANNOUNCED, ELSEWHERE, FOLLOWED, TOLD
from fix.hint_twins import TWINS as OWN
from fix.more_twins import MORE
from fix.side_twins import SIDES
from typer.testing import CliRunner
from validate import card_twins, test_rules_hook, twins

from hubkit.cli.main import app
from hubkit.repo.local import open_folder
from hubkit.repo.memory import MemoryView
from hubkit.repo.view import RepoView
from hubkit.validate import base_model
from hubkit.validate.finding import Finding, Severity
from hubkit.validate.report import Report
from hubkit.validate.rule import REGISTRY
from hubkit.validate.run import validate

BAD = {
    name: pair[0]
    for table in (twins.TWINS, twins.MORE, card_twins.CARD_TWINS, card_twins.MORE_CARD_TWINS)
    for name, pair in table.items()
} | {
    name: pair[0] for name, pair in test_rules_hook.TWINS.items() if name in {"HOOK001", "HOOK002", "HOOK003"}
}
GIVEN = MORE | SIDES
"""Twins that have their steps beside them."""
WALK = BAD | OWN | {name: bad for name, (bad, _) in GIVEN.items()}
STEPS = FOLLOWED | {name: follow for name, (_, follow) in GIVEN.items() if follow is not None}
GOOD_CARDS = {
    name: pair[1]
    for table in (card_twins.CARD_TWINS, card_twins.MORE_CARD_TWINS)
    for name, pair in table.items()
}
"""Beside the same files a card that is right: what a person writes who is told what the files say."""
WRITE = re.compile(r"write '?([a-z][\w./-]*)'?(?: or |$)")
COMMAND = re.compile(r"hubkit fix FOLDER --select [A-Z]+\d+(?: --unsafe-fixes)?")


@pytest.fixture(autouse=True)
def _toys_of_other_libraries(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are narrower than the models that they name, which HOOK003 would say of what is written."""
    if any(name in request.node.name for name in ("WTS014", "CARD016", "HOOK006 annotation", "HOOK006 neox")):
        monkeypatch.setattr(base_model, "known_config", lambda _: None)


def judged(view: RepoView, code: str) -> Report:
    report = validate(view, deep=True, base_model="auto" if code.startswith("HOOK") else None)
    assert not report.crashes, report.crashes[0].traceback
    return report


def put(view: MemoryView, finding: Finding) -> None:
    """Write what a hint says (`write blocks.2.hook_resid_post`) where the finding points."""
    match = WRITE.match(finding.hint)
    assert match is not None
    assert finding.path is not None
    assert finding.pointer is not None
    value = json.loads(view.files[finding.path])
    *way, key = finding.pointer.strip("/").split("/")
    inner = value
    for part in way:
        inner = inner[part]
    inner[key] = match[1]
    view.files[finding.path] = json.dumps(value).encode()


def of(report: Report, code: str) -> list[Finding]:
    return [finding for finding in report.findings if finding.code == code]


def serious(report: Report) -> Counter[str]:
    return Counter(f.code for f in report.findings if f.severity >= Severity.WARNING)


def on_disk(view: MemoryView, root: Path) -> Path:
    for path, data in view.files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(data)
    return root


@pytest.mark.parametrize("name", sorted(WALK))
def test_a_hint_that_is_followed_works(name: str, tmp_path: Path) -> None:
    code = name.split(maxsplit=1)[0]
    if reason := TOLD.get(name, TOLD.get(code)):
        pytest.skip(reason)
    view = WALK[name]()
    before = judged(view, code)
    found = of(before, code)
    assert found, "the twin is not bad"
    command = next((match.group() for one in found if (match := COMMAND.search(one.hint)) and one.fix), None)
    if name not in STEPS and name in GOOD_CARDS and not command:
        good, changed = GOOD_CARDS[name](), WALK[name]()
        mended = {path for path in good.files if good.files[path] != changed.files.get(path)}
        assert all(path == "README.md" or path.endswith("/cfg.json") for path in mended), mended
        changed.files |= {path: good.files[path] for path in mended}
        after = judged(changed, code)
    elif (
        name not in GIVEN
        and (told := [one for one in found if one.pointer and WRITE.match(one.hint)])
        and not command
    ):
        changed = WALK[name]()
        for one in told:
            put(changed, one)
        after = judged(changed, code)
    elif name in STEPS or not command:
        assert name in STEPS or code in STEPS, f"nobody follows the hint of {name}: {found[0].hint}"
        changed = WALK[name]()
        STEPS[name if name in STEPS else code](changed)
        after = judged(changed, code)
    else:
        folder = on_disk(view, tmp_path / "release")
        assert of(judged(open_folder(folder), code), code)
        done = CliRunner().invoke(app, shlex.split(command.replace("FOLDER", shlex.quote(str(folder))))[1:])
        assert done.exit_code == 0, done.output
        after = judged(open_folder(folder), code)
    assert not of(after, code), of(after, code)[0].message
    came = {one: count for one, count in serious(after).items() if count > serious(before)[one]}
    assert set(came) <= ANNOUNCED.get(name, set()), came


def test_no_table_hides_a_twin_of_another() -> None:
    assert not SIDES.keys() & (BAD.keys() | OWN.keys() | MORE.keys() | FOLLOWED.keys())


def test_every_rule_is_in_the_walk() -> None:
    walked = {name.split()[0] for name in WALK}
    missing = set(REGISTRY) - walked - set(TOLD)
    assert missing == set()


def test_only_a_note_may_be_told_and_not_mended() -> None:
    for name in TOLD:
        code = name.split()[0]
        assert (
            code in ELSEWHERE
            or code == "RUN001"
            or all(one.severity is Severity.NOTE for one in of(judged(WALK[name](), code), code))
        )


def test_what_is_followed_elsewhere_is_followed_there() -> None:
    for file, words in ELSEWHERE.values():
        assert words in (Path(__file__).parents[1] / file).read_text("utf-8")
