"""A plan, a gate and a proof as a person reads them: markup of the console's kind, text from files escaped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hubkit.publish.flow import Outcome, Published
from hubkit.publish.plan import Action, PlannedFile, PushPlan
from hubkit.publish.rehearse import Prepared, Rehearsal
from hubkit.publish.verify import Verification, pinned
from hubkit.validate.finding import Severity
from hubkit.validate.reporters.text import escape
from hubkit.words import human_bytes, many

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hubkit.publish.mend import Mending

SIGN: dict[Action, str] = {
    "add": "[green]+[/]",
    "modify": "[yellow]~[/]",
    "delete": "[bold red]-[/]",
    "unchanged": "[dim]=[/]",
}
FOLDED = 3
"""Folders of the same shape in a row that are shown before the rest is counted."""


def plan_tree(plan: PushPlan, *, whole: bool = False) -> str:
    """The plan as a tree; equal folders are folded unless `whole`."""
    lines = [f"[bold]{escape(plan.repo_id)}[/]  [dim]{escape(_where(plan))}[/]", f"  {_counts(plan)}"]
    lines += [f"  [dim]commit:[/] {escape(plan.message)}", ""]
    folders: dict[str, list[PlannedFile]] = {}
    for file in sorted(plan.files, key=lambda f: ("/" in f.path, f.path)):
        folders.setdefault(file.path.rpartition("/")[0], []).append(file)
    shapes: dict[Any, int] = {}
    hidden: dict[Any, list[PlannedFile]] = {}
    for folder, files in folders.items():
        shape = tuple((file.path.rpartition("/")[2], file.action) for file in files)
        shapes[shape] = shapes.get(shape, 0) + 1
        if whole or not folder or shapes[shape] <= FOLDED:
            lines += _folder(folder, files)
        else:
            hidden.setdefault(shape, []).extend(files)
    for shape, files in hidden.items():
        count, size = shapes[shape] - FOLDED, sum(file.size for file in files)
        signs = " ".join(dict.fromkeys(SIGN[action] for _, action in shape))
        lines.append(f"  {signs} {many(count, 'more folder')} like these  [dim]{human_bytes(size)}[/]")
    lines += [f"  [dim]  {escape(path)}  only there; it stays[/]" for path in plan.kept]
    lines += [f"[yellow]note[/] {escape(note)}" for note in plan.notes]
    return "\n".join(lines)


def _folder(folder: str, files: list[PlannedFile]) -> list[str]:
    lines = [f"    [bold]{escape(folder)}/[/]"] if folder else []
    indent = "    " if folder else "  "
    for file in files:
        name = escape(file.path.rpartition("/")[2])
        lines.append(
            f"  {indent if folder else ''}{SIGN[file.action]} {name}  [dim]{human_bytes(file.size)}[/]"
        )
    return lines


def _where(plan: PushPlan) -> str:
    target = plan.target
    if plan.parent is None:
        kinds = [
            "new",
            *(["private"] if target.private else []),
            *([f"gated ({target.gated})"] if target.gated else []),
        ]
        head = f"a {', '.join(kinds)} repository"
    else:
        head = f"at {plan.parent[:12]}"
    if target.pull_request:
        return f"{head}, as a pull request"
    branch = (
        f", {'new ' if plan.begins_branch else ''}branch {target.revision}"
        if target.revision != "main"
        else ""
    )
    return head + branch + (f", tag {target.tag}" if target.tag else "")


def _counts(plan: PushPlan) -> str:
    words: tuple[tuple[Action, str], ...] = (
        ("add", "to add"), ("modify", "to change"), ("delete", "to delete"), ("unchanged", "unchanged"),
    )  # fmt: skip
    parts = [f"{plan.count(action)} {word}" for action, word in words if plan.count(action)]
    how = "one commit" if plan.changes else "nothing to do"
    return f"{', '.join(parts)}; {human_bytes(plan.total_bytes)} to send, {how}"


def gate_line(prepared: Prepared) -> str:
    """What the gate saw."""
    gate = prepared.gate
    report = gate.report
    seen = [
        many(len(report.saes), "SAE"),
        f"{many(report.count(Severity.ERROR), 'error')}, {many(report.count(Severity.WARNING), 'warning')}",
        f"licence {gate.license}" if gate.license else "",
        f"base model {gate.base_model}" if gate.base_model else "",
        f"provenance agrees with {many(gate.proven, 'file')}" if gate.proven else "no provenance.json",
        f"let through: {', '.join(sorted(prepared.allowed))}" if prepared.allowed else "",
    ]
    return f"[green]ok[/] gate       {escape('; '.join(filter(None, seen)))}"


def card_lines(prepared: Prepared) -> Iterator[str]:
    """How much of each card was held against the files, and which lines were held against nothing: the same words as in the commit."""
    for one in prepared.gate.report.coverage:
        if one.statements:
            yield f"   card       {escape(one.sentence())}"


def rehearsal_line(outcome: Rehearsal) -> str:
    """What the rehearsal showed."""
    proof, run = outcome.verification, outcome.snippet
    text = f"{many(proof.compared, 'file')} equal on a Hub on this machine, {many(len(proof.report.saes), 'SAE')} validated by ranges"
    if run is None:
        code = f"the card's code was not run ({outcome.not_run})"
    else:
        loaded = (
            f", {many(run.checked['loaded'], 'SAE')} loaded by SAELens" if run.checked.get("loaded") else ""
        )
        left = (
            f"; {many(len(run.not_run), 'statement')} left out ({run.not_run[0].reason})"
            if run.not_run
            else ""
        )
        code = f"the card's code ran ({many(run.blocks, 'block')}, {run.seconds:.0f} s{loaded}){left}"
    return f"[green]ok[/] rehearsal  {escape(text)}; {escape(code)}"


def published_lines(done: Published) -> list[str]:
    """What was sent, and how it was proven."""
    pushed, plan = done.pushed, done.prepared.plan
    if not pushed.new_commit:
        sent = "nothing was new"
    else:
        saved = plan.total_bytes - pushed.sent_bytes
        large = sum(file.size for file in plan.sent if file.git_oid is None)
        there = (
            f", {human_bytes(saved)} of it was there already or small" if pushed.sent_bytes < large else ""
        )
        sent = f"{many(len(plan.sent), 'file')}, {human_bytes(plan.total_bytes)} in {pushed.seconds:.1f} s{there}"
    lines = [f"[green]ok[/] pushed     {escape(sent)}"]
    if pushed.pull_request:
        lines.append(f"[green]ok[/] request    {escape(pushed.pull_request)}")
    if plan.target.tag:
        lines.append(f"[green]ok[/] tag        {escape(plan.target.tag)}")
    return [*lines, verified_line(done.verification)]


def verified_line(proof: Verification) -> str:
    """The proof in a line."""
    io = proof.report
    head = "[green]ok[/]" if proof.ok else "[bold red]no[/]"
    equal = proof.compared - len(proof.differing)
    run = proof.snippet
    code = (
        f"; the card's code was not run: {proof.code_not_run}"
        if run is None and proof.code_not_run
        else ""
        if run is None
        else "; the card's code ran there"
        if run.ok
        else f"; the card's code fails there: {run.reason}"
    )
    text = (
        f"{equal} of {many(proof.compared, 'file')} equal to {proof.against}, {many(len(io.saes), 'SAE')}, "
        f"{many(io.count(Severity.ERROR), 'error')} ({many(io.requests, 'request')}, {human_bytes(io.bytes_read)} read){code}"
    )
    return f"{head} verified   {escape(text)}"


def mended_line(found: Mending, proof: Verification) -> str:
    """What a pull request that mends a repository was compared with, and what is left after it."""
    before, after = found.before.count(Severity.ERROR), found.after.count(Severity.ERROR)
    left = sorted({one.code for one in found.after.findings if one.severity is Severity.ERROR})
    rest = f" ({', '.join(left)}: left alone)" if left else ""
    text = f"{many(proof.compared, 'file')} equal to what was proposed; {many(before, 'error')} before, {after} after{rest}"
    return f"[green]ok[/] proposed   {escape(text)}"


def pinned_lines(proof: Verification) -> str:
    """The commit, and, where it is proven, the code that loads from it."""
    lines = [f"[bold]{escape(proof.repo_id)}[/]@[bold]{proof.commit}[/]"]
    if proof.ok and proof.first_sae is not None:
        lines += ["", f"[cyan]{escape_lines(pinned(proof.repo_id, proof.commit, proof.first_sae))}[/]"]
    return "\n".join(lines)


def escape_lines(text: str) -> str:
    """As `escape`, line by line."""
    return "\n".join(escape(line) for line in text.split("\n"))


def verification_json(proof: Verification) -> dict[str, Any]:
    """For `--format json`."""
    run = proof.snippet
    return {
        "repo_id": proof.repo_id, "commit": proof.commit, "against": proof.against, "ok": proof.ok, "compared": proof.compared,
        "differing": list(proof.differing), "unlisted": list(proof.unlisted), "allowed": sorted(proof.allowed),
        "code": None if run is None else {"ok": run.ok, "blocks": run.blocks, "reason": run.reason},
        "load": pinned(proof.repo_id, proof.commit, proof.first_sae) if proof.first_sae else None,
        "report": proof.report.to_json(),
    }  # fmt: skip


def published_json(done: Published) -> dict[str, Any]:
    """For `--format json`."""
    pushed, proof = done.pushed, verification_json(done.verification)
    summary = proof.pop("report")["summary"]
    return proof | {
        "new_commit": pushed.new_commit, "pull_request": pushed.pull_request, "bytes": done.prepared.plan.total_bytes,
        "sent_bytes": pushed.sent_bytes, "seconds": round(pushed.seconds, 2), "summary": summary,
        "files": proof["compared"], "rehearsed": done.rehearsal is not None,
    }  # fmt: skip


def outcome_json(outcome: Outcome) -> dict[str, Any]:
    """A study, for `--format json`."""
    index, collection = outcome.finished.index, outcome.finished.collection
    return {
        "releases": [published_json(one) for one in outcome.releases],
        "index": {"repo_id": index.pushed.repo_id, "commit": index.pushed.commit} if index else None,
        "collection": collection.slug if collection else None,
    }


def outcome_lines(outcome: Outcome) -> str:
    """A study, for a person: where everything is, and how to load from exactly there."""
    index, collection = outcome.finished.index, outcome.finished.collection
    lines = ["[bold]published and proven[/]", ""]
    lines += [f"  [bold]{escape(one.pushed.repo_id)}[/]@{one.pushed.commit}" for one in outcome.releases]
    if index:
        lines.append(f"  [bold]{escape(index.pushed.repo_id)}[/]@{index.pushed.commit}  [dim]the index[/]")
    if collection:
        lines.append(f"  {escape(collection.url)}")
    proof = outcome.releases[0].verification
    return "\n".join([*lines, "", "[dim]one of them, at exactly this commit:[/]", "", pinned_lines(proof)])
