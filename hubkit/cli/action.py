"""What the steps of `action.yml` run: `python -I -m hubkit.cli.action`. Everything comes from the environment, so that no input meets a shell.

HUBKIT_MODE says what is done: `validate` (`hubkit.validate.action`), `verify` (a repository against what it recorded of itself), or `push` (validate, and what
passes is published). The exit code is that of the verb.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from hubkit.cli.push import push_release
from hubkit.cli.verify import exit_code
from hubkit.console import Console, use_utf8
from hubkit.errors import ExitCode, HubkitError, UsageError
from hubkit.repo.target import HUB
from hubkit.third_party import settle
from hubkit.validate import action as validation
from hubkit.validate.base_ref import base_of, event_of
from hubkit.validate.reporters.markdown import escape
from hubkit.validate.reporters.text import without_markup
from hubkit.validate.runner import NO_REPORT, annotate, failed, output, publish_report, summarise
from hubkit.words import many

if TYPE_CHECKING:
    from huggingface_hub import HfApi

    from hubkit.publish.flow import Published
    from hubkit.publish.verify import Verification

URL = "commit-url"
LISTED = 50
"""Files that a summary names one by one."""


def main(environment: Mapping[str, str]) -> ExitCode:
    """Do what the mode says; the exit code. What is wrong with the inputs is an annotation, too."""
    output({URL: ""}, environment)
    mode = environment.get("HUBKIT_MODE", "").strip().lower() or "validate"
    if mode not in MODES:
        wrong = UsageError(
            f"mode is {mode!r}, expected {', '.join(list(MODES)[:-1])} or {list(MODES)[-1]}",
            hint="leave it out to validate",
        )
        return _nothing("validate", "nothing was done", wrong, environment)
    return MODES[mode](environment)


def _verify(environment: Mapping[str, str]) -> ExitCode:
    """Hold the repository against what it recorded of itself, and validate it there."""
    from hubkit.publish.client import client
    from hubkit.publish.verify import verify_repository
    from hubkit.repo.deadline import LIMIT, Deadline

    try:
        target = environment.get("HUBKIT_TARGET", "").strip()
        match = HUB.fullmatch(target)
        if match is None:
            raise UsageError(
                f"target is {target!r}, expected OWNER/REPO or OWNER/REPO@revision: mode verify is of what is on the Hub",
                hint="mode: validate, for a folder",
            )
        api = client()
        with Console().progress() as report:
            proof = verify_repository(
                match["repo"], match["revision"], api, report=report, deadline=Deadline(LIMIT)
            )
    except HubkitError as error:
        return _nothing("verify", "nothing was verified", error, environment)
    code = exit_code(proof)
    url = _address(proof, api)
    summarise("\n".join(_proof_in_markdown(proof, url)) + "\n\n", environment)
    for path in proof.differing[:LISTED]:
        annotate(f"{path}: differs from what {proof.against} recorded")
    outputs = publish_report(proof.report, environment)
    output({"exit-code": str(int(code)), **outputs, URL: url}, environment)
    return code


def _push(environment: Mapping[str, str]) -> ExitCode:
    """Validate, and publish what passes. What is not merged is not published."""
    from hubkit.publish.client import client

    try:
        _refuse_unmerged(environment)
    except UsageError as error:
        return _nothing("push", "nothing was pushed", error, environment)
    code = validation.main(environment)
    if code is not ExitCode.CLEAN:
        summarise("## hubkit push\n\n**Nothing was pushed: what is above comes first.**\n", environment)
        return code
    folder = Path(environment["HUBKIT_TARGET"])
    try:
        repo_id = _repository(folder, environment)
        keyless = _go_keyless(repo_id, environment)
        done = push_release(folder, repo_id, Console())
    except HubkitError as error:
        code = failed("push", "not pushed, or not proven", error, environment)
        output({"exit-code": str(int(code))}, environment)
        return code
    url = _address(done.verification, client())
    deep = validation.request_of(environment).deep
    summarise("\n".join(_push_in_markdown(done, url, keyless=keyless, deep=deep)) + "\n", environment)
    output({"exit-code": "0", URL: url}, environment)
    return ExitCode.CLEAN


MODES = {"validate": validation.main, "verify": _verify, "push": _push}


def _nothing(verb: str, what: str, error: HubkitError, environment: Mapping[str, str]) -> ExitCode:
    """An end without a report."""
    code = failed(verb, what, error, environment)
    output({"exit-code": str(int(code)), **NO_REPORT}, environment)
    return code


def _refuse_unmerged(environment: Mapping[str, str]) -> None:
    """Raise UsageError on a run for a pull request (a fork's code, where it says pull_request_target, with this repository's secrets) or a merge queue."""
    event = environment.get("GITHUB_EVENT_NAME", "")
    trigger = event_of(environment).get("workflow_run")
    begun_by = str(trigger.get("event", "")) if isinstance(trigger, dict) else ""
    unmerged = [one for one in (event, begun_by) if one.startswith("pull_request") or one == "merge_group"]
    if unmerged or base_of(environment):
        raise UsageError(
            f"this run is for {unmerged[0] if unmerged else 'a pull request'}, and what is not merged is not published",
            hint="mode: push on push, release or workflow_dispatch; mode: validate on pull_request",
        )


def _repository(folder: Path, environment: Mapping[str, str]) -> str:
    """Where it goes: the input `to`, else what card.yaml says. Raises UsageError."""
    from hubkit.cards.settings import NAME, load_settings

    if not folder.is_dir():
        raise UsageError(
            f"{folder}: mode push is of a release's folder", hint="mode: verify, for a repository"
        )
    return environment.get("HUBKIT_TO", "").strip() or load_settings(folder / NAME).repo_id


def _go_keyless(repo_id: str, environment: Mapping[str, str]) -> bool:
    """Let the client trade the job's identity for a token of this repository, where the job has one and there is no token; whether it will."""
    from huggingface_hub import get_token

    if environment.get("HF_OIDC_RESOURCE"):
        return True
    if not environment.get("ACTIONS_ID_TOKEN_REQUEST_URL") or get_token():
        return False
    os.environ["HF_OIDC_RESOURCE"] = repo_id  # where huggingface_hub looks, each time that it needs a token
    return True


def _address(proof: Verification, api: HfApi) -> str:
    return f"{api.endpoint}/{proof.repo_id}/commit/{proof.commit}"


def _push_in_markdown(done: Published, url: str, *, keyless: bool, deep: bool) -> Iterator[str]:
    """What was done, where it is, what was checked and what was not."""
    from hubkit.publish import render

    proof, prepared = done.verification, done.prepared
    yield from ("## hubkit push", "", f"**{escape(proof.repo_id)} is at [{proof.commit[:12]}]({url})**", "")
    said = [render.gate_line(prepared), *render.card_lines(prepared)]
    said += [render.rehearsal_line(done.rehearsal)] if done.rehearsal else []
    for line in (*said, *render.published_lines(done)):
        yield f"- {_plain(line)}"
    yield f"- logged in {'by the identity of this job: no token is stored' if keyless else 'by a token'}"
    yield from ("", "**Not checked:**", "")
    run = done.rehearsal.snippet if done.rehearsal else None
    if run is None:
        why = done.rehearsal.not_run if done.rehearsal else "nothing was new, and nothing was rehearsed"
        yield f"- the card's own code was not run: {escape(why)}"
    elif run.not_run:
        yield f"- {many(len(run.not_run), 'statement')} of the card's code: {escape(run.not_run[0].reason)}"
    if not deep:
        yield "- whole weights (`deep: true` reads them before); headers, shapes and thresholds were"
    yield from _unproven(proof)
    yield from _pinned(proof)


def _proof_in_markdown(proof: Verification, url: str) -> Iterator[str]:
    from hubkit.publish import render

    yield from ("## hubkit verify", "", f"**{_plain(render.verified_line(proof))}**", "")
    yield f"{escape(proof.repo_id)} at [{proof.commit[:12]}]({url})"
    yield ""
    yield from (f"- differs: {escape(path)}" for path in proof.differing[:LISTED])
    if (more := len(proof.differing) - LISTED) > 0:
        yield f"- and {more} more that differ"
    yield from (
        "",
        "**Not checked:**",
        "",
        "- the card's own code was not run: this action installs no torch",
    )
    yield "- whole weights: they are compared by the checksums that the Hub keeps, and of their numbers thresholds are read"
    yield from _unproven(proof)
    yield from _pinned(proof)


def _unproven(proof: Verification) -> Iterator[str]:
    for path in proof.unlisted[:LISTED]:
        yield f"- {escape(path)}: nothing speaks for it"
    if (more := len(proof.unlisted) - LISTED) > 0:
        yield f"- {more} more files that nothing speaks for"


def _pinned(proof: Verification) -> Iterator[str]:
    from hubkit.publish.verify import pinned

    if proof.ok and proof.first_sae is not None and "\n" not in proof.first_sae:
        yield from ("", "```python", *pinned(proof.repo_id, proof.commit, proof.first_sae).split("\n"), "```")


def _plain(line: str) -> str:
    """A line of the console in Markdown."""
    return escape(" ".join(without_markup(line).split()))


if __name__ == "__main__":
    use_utf8()
    settle()
    try:
        sys.exit(int(main(os.environ)))
    except KeyboardInterrupt:
        sys.exit(int(ExitCode.INTERRUPTED))
