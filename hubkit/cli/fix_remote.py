"""`hubkit fix OWNER/REPO --pr`: what the verb does where its target is a repository on the Hub."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import typer

from hubkit.console import Console
from hubkit.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hubkit.publish.earlier import Earlier
    from hubkit.publish.mend import Mending


def fix_repository(
    target: str,
    select: tuple[str, ...],
    console: Console,
    *,
    unsafe: bool,
    dry_run: bool,
    as_json: bool,
    whole: bool = False,
) -> None:
    """Read, prove, and (unless `dry_run`) open the pull request; `whole` shows equal diffs too. Ends the command with its exit code."""
    import json

    from hubkit.publish.client import check_login, client
    from hubkit.publish.earlier import MEND, earlier_pulls
    from hubkit.publish.mend import mending, open_pull_request
    from hubkit.publish.render import mended_line
    from hubkit.repo.target import HUB
    from hubkit.validate.reporters.text import escape

    match = HUB.fullmatch(target)
    if match is None or match["revision"]:
        raise UsageError(
            f"{target}: a pull request goes to main of OWNER/REPO", hint="hubkit fix OWNER/REPO --pr"
        )
    api = client()
    with ExitStack() as stack:
        with console.progress() as report:
            found = stack.enter_context(mending(match["repo"], api, select, unsafe=unsafe, report=report))
        if found.plan is None or dry_run:
            if as_json:
                console.data(json.dumps(found.to_json(), indent=2, ensure_ascii=False))
            else:
                _show(found, console, whole=whole)
            raise typer.Exit(int(ExitCode.FINDINGS if found.plan else ExitCode.CLEAN))
        check_login(api, found.repo_id)
        there = earlier_pulls(found.repo_id, MEND, api)
        with console.progress() as report:
            pushed, proof = open_pull_request(found, api, report)
    earlier = [one for one in there if one.url != pushed.pull_request]
    console.say(mended_line(found, proof))
    for one in found.fixes.broken:
        console.say(f"[yellow]change too[/] {escape(one.words)}")
    said_next(MEND, found.repo_id, console, earlier)
    answer = {
        "pull_request": pushed.pull_request,
        "commit": pushed.commit,
        "open_beside": [one.to_json() for one in earlier],
        **found.to_json(),
    }
    console.data(
        json.dumps(answer, indent=2, ensure_ascii=False) if as_json else pushed.pull_request or pushed.commit
    )


def said_next(purpose: str, repo_id: str, console: Console, earlier: Sequence[Earlier] = ()) -> None:
    """What else is open, and in which order pull requests are merged."""
    from hubkit.publish.earlier import ORDER
    from hubkit.validate.reporters.text import escape

    for one in earlier:
        console.say(f"[yellow]open[/] {escape(one.words)}")
    console.say(f"[dim]next: {escape(ORDER[purpose].format(repo_id))}[/]")


def _show(found: Mending, console: Console, *, whole: bool) -> None:
    """The diff, equal changes once, then the pull request's own text."""
    from hubkit.fix.fold import folded
    from hubkit.publish.earlier import MEND

    if found.plan is None:
        from hubkit.fix.render import nothing_fixed

        where = f" in {found.repo_id}@{found.commit[:12]}"
        console.say(nothing_fixed(found.before.findings, where))
        if found.fixes.offered:
            codes = ", ".join(sorted({code for _, code in found.fixes.offered}))
            console.say(f"[dim]{len(found.fixes.offered)} more with --unsafe-fixes ({codes})[/]")
        return
    console.data(found.diff if whole else folded(found.diffs))
    console.data(f"# {found.plan.message}\n\n{found.plan.description}")
    if not whole and len(found.diffs) > 1:
        console.say("[dim]equal changes are shown once; --pr --diff shows every file[/]")
    console.say("[dim]nothing was sent: without --dry-run this pull request is opened[/]")
    said_next(MEND, found.repo_id, console)
