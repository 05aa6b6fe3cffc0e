"""Conditions of the gate on files, one function each: nothing is sent that may run, that is secret, that nobody could read, or that nobody meant."""

from __future__ import annotations

from hubkit.localhub.gitignore import GITIGNORE, ignored_by
from hubkit.publish.files import some_files
from hubkit.publish.subject import Problem, Subject, concerns, is_description
from hubkit.release.layout import PROVENANCE, PUBLISHED_POOL
from hubkit.release.provenance import Provenance
from hubkit.repo.local import open_folder
from hubkit.tensors.endings import PICKLES
from hubkit.tensors.view_file import Allowance
from hubkit.validate.finding import Severity
from hubkit.validate.pickles import danger
from hubkit.validate.secret_kinds import masked
from hubkit.validate.secret_texts import secrets_in_file, secrets_of_names

MOST_UNPACKED = 1 << 30
"""Bytes that come out of the packed files of a release, in search of secrets: 1 GiB."""


def pool_is_meant(subject: Subject) -> list[Problem]:
    """No pool that its author did not ask for: completions are texts, and nothing that was published can be taken back."""
    files = [file.path for file in subject.files if file.path.startswith(f"{PUBLISHED_POOL}/")]
    record = Provenance.load_ours(subject.release / PROVENANCE)
    if not files or (record is not None and record.published_pool is not None):
        return []
    message = (
        f"{some_files(files)}: a pool, and {PROVENANCE} records neither its licence nor why it may be public"
    )
    hint = f"publish: pool: in the study file and hubkit run STUDY.yaml, or remove {subject.release / PUBLISHED_POOL}"
    return [Problem("POOL", message, hint, len(files))]


def no_secret(subject: Subject) -> list[Problem]:
    """No token or key in any file of the release or its name, searched to its end, also where that is too long for the validator."""
    told = {finding.path for finding in subject.report.findings if finding.code == "SEC002"}
    view, allowance = open_folder(subject.release), Allowance(0, 0, MOST_UNPACKED)
    found = []
    for path in (file.path for file in subject.files):
        secrets, cut = list(secrets_of_names([path])), list[str]()
        if not (is_description(path) and path in told):
            inside, cut = secrets_in_file(view, path, allowance)
            secrets += inside
        first = {one.kind: one for one in reversed(secrets)}
        found += [
            Problem(
                "SECRET",
                f"{masked(path)}: {kind} {one.place}".rstrip(),
                "revoke it now, then remove it",
                allowable=False,
            )
            for kind, one in reversed(first.items())
        ]
        if cut:
            message = f"{path}: not all that is packed in it could be searched for secrets"
            found.append(Problem("SECRET", message, "unpack it, or --allow SECRET --reason TEXT"))
    return found


def no_pickle(subject: Subject) -> list[Problem]:
    """No pickle, by its name or by its bytes, whatever it imports: the message names the worst, and what that may do."""
    found = subject.searched.pickles
    pickles = [
        file.path
        for file in subject.files
        if file.path.lower().endswith(PICKLES) or ((pickle := found.get(file.path)) and pickle.places)
    ]
    if not pickles:
        return []
    pickles.sort(key=lambda path: -danger(found.get(path))[0])  # stable: of equals the first
    more = f" and {len(pickles) - 1} more" if len(pickles) > 1 else ""
    message = f"{pickles[0]}{more}: {danger(found.get(pickles[0]))[1]}"
    return [Problem("PICKLE", message, _about_pickles(subject, pickles))]


def _about_pickles(subject: Subject, pickles: list[str]) -> str:
    """Weights are written as safetensors first; what is no weights, or is written already, only has to go."""
    weights = {one.path for one in subject.report.findings if one.code == "WTS014" and one.fix}
    remove = f"remove {', '.join(pickles[:3])}{' and the others' if len(pickles) > 3 else ''}"
    if weights & set(pickles):
        return f"hubkit fix {subject.typed} --select WTS014 writes safetensors; then {remove}"
    if any(one.code == "SEC001" and one.severity is Severity.ERROR for one in subject.report.findings):
        return remove  # SEC001 passes for no reason, whatever PICKLE may
    return f"{remove}, or --allow PICKLE --reason TEXT"


def no_unread_file(subject: Subject) -> list[Problem]:
    """No file that nobody could look into: of no kind that hubkit knows, or packed in a way that is not undone here."""
    unread = {one.partition(": ")[0] for one in subject.searched.unknown}
    unread |= {path for path, one in subject.searched.pickles.items() if one.unread and not one.places}
    files = sorted(unread & {file.path for file in subject.files})
    if not files:
        return []
    what = (
        "a file that hubkit does not know how to read"
        if len(files) == 1
        else "files that hubkit does not know how to read"
    )
    hint = "take it out, write numbers as safetensors, or --allow UNREAD --reason TEXT"
    return [Problem("UNREAD", f"{some_files(files)}: {what}", hint, len(files))]


def no_other_code(subject: Subject) -> list[Problem]:
    """No program, and nothing that names code for a loader to run: SEC004's warnings."""
    found = [
        one
        for one in subject.report.findings
        if one.code == "SEC004" and one.severity is Severity.WARNING and concerns(subject, one)
    ]
    if not found:
        return []
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    hint = "remove it, or --allow CODE --reason TEXT"
    return [Problem("CODE", f"{found[0].path}: {found[0].message}{more}", hint, len(found))]


def nothing_is_ignored(subject: Subject) -> list[Problem]:
    """No file that the release's own `.gitignore` names: the Hub goes by it, and the client leaves such files out without an error."""
    if not any(file.path == GITIGNORE for file in subject.files):
        return []
    text = (subject.release / GITIGNORE).read_text(encoding="utf-8", errors="replace")
    ignored = ignored_by(text, [file.path for file in subject.files])
    if not ignored:
        return []
    message = f"{GITIGNORE}: the Hub would leave out {some_files(ignored)}"
    hint = f"take them out of {subject.release / GITIGNORE}, or delete it: a release needs none"
    return [Problem("IGNORED", message, hint, len(ignored), allowable=False)]
