"""The conditions of the gate, one function each: a subject in, the problems out.

The validator's errors keep their codes; what only a publisher must know has a word: SAE-NONE, CARD-NONE, CARD-STALE, CARD-EDITED, PROVENANCE, POOL, SECRET, PICKLE,
UNREAD, CODE, LICENSE, BASE-MODEL, IGNORED, SNIPPET. A secret, two base models, or files that the Hub would leave out, are never let through.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Any

from hubkit.cards.build import recorded_digest
from hubkit.cards.checksums import is_digested
from hubkit.cards.figures import FIGURES
from hubkit.cards.init import license_in_files
from hubkit.formats.folder import CONFIG_NAMES
from hubkit.localhub.gitignore import GITIGNORE, ignored_by
from hubkit.models.names import hub_id
from hubkit.publish.files import LocalFile, some_files
from hubkit.readme.document import parse_readme, read_readme
from hubkit.readme.generated import edited_by_hand, recorded
from hubkit.release.card_digest import figures_digest
from hubkit.release.digests import sha256_of_json
from hubkit.release.layout import CARD_SETTINGS, EVALUATION, PROVENANCE, PUBLISHED_POOL, README, is_left_out
from hubkit.release.layout import FIGURES as FIGURES_FOLDER
from hubkit.release.provenance import Provenance
from hubkit.repo.local import open_folder
from hubkit.small_files import instead_of_file
from hubkit.tensors.endings import PICKLES
from hubkit.tensors.view_file import Allowance
from hubkit.validate.finding import Finding, Severity
from hubkit.validate.pickle_search import Searched, search
from hubkit.validate.pickles import danger
from hubkit.validate.report import Report
from hubkit.validate.secret_kinds import masked
from hubkit.validate.secret_texts import secrets_in_file, secrets_of_names

MOST_UNPACKED = 1 << 30
"""Bytes that come out of the packed files of a release, in search of secrets: 1 GiB."""
NEVER = {"SEC001", "SEC002"}
"""What no reason lets through: code that runs on load, and secrets."""


@dataclass(frozen=True)
class Problem:
    """Something that stands in the way."""

    code: str
    message: str
    hint: str
    """What to type next."""
    count: int = 1
    allowable: bool = True
    """Whether `--allow CODE --reason TEXT` lets it through."""


@dataclass(frozen=True)
class Subject:
    """What the conditions look at."""

    release: Path
    files: tuple[LocalFile, ...]
    report: Report

    @property
    def typed(self) -> str:
        """Its path as one types it in a command."""
        return shlex.quote(str(self.release))

    @cached_property
    def card(self) -> str | None:
        """The text of README.md."""
        path = self.release / README
        return read_readme(path.read_bytes()).text if path.is_file() else None

    @property
    def has_settings(self) -> bool:
        """Whether there is a card.yaml to build a card from."""
        return (self.release / CARD_SETTINGS).is_file()

    @cached_property
    def front_matter(self) -> dict[str, Any]:
        """Of the card; empty where there is none."""
        return dict(parse_readme(self.card).front_matter or {}) if self.card is not None else {}

    @cached_property
    def searched(self) -> Searched:
        """What the files hold in search of pickles; those alone that are sent count."""
        return search(open_folder(self.release))

    @property
    def base_model(self) -> str | None:
        """As the card names it."""
        return _text(self.front_matter.get("base_model"))

    @property
    def license(self) -> str | None:
        """As the card names it."""
        return _text(self.front_matter.get("license"))

    @property
    def digest(self) -> str:
        """What a current card of these files carries: the digest of `cards.checksums`, from the hashes that are known already."""
        return sha256_of_json({file.path: file.sha256 for file in self.files if is_digested(file.path)})

    @cached_property
    def recorded(self) -> dict[str, str]:
        """Path to sha256, as provenance.json has it; empty where hubkit wrote none."""
        record = Provenance.load_ours(self.release / PROVENANCE)
        return dict(record.files) if record else {}


Condition = Callable[[Subject], list[Problem]]


def _text(value: object) -> str | None:
    return value.strip() or None if isinstance(value, str) else None


def finding_problems(subject: Subject) -> list[Problem]:
    """The validator's errors, one problem a code."""
    errors = [f for f in subject.report.findings if f.severity is Severity.ERROR and _concerns(subject, f)]
    by_code = groupby(sorted(errors, key=lambda f: f.code), key=lambda f: f.code)
    return [_of_findings(subject, code, list(found)) for code, found in by_code]


def _concerns(subject: Subject, finding: Finding) -> bool:
    """Whether it speaks of what is sent, and no condition of the gate says it: not of a file that is left out, nor of a secret in one that `no_secret`
    searches to its end.
    """
    if finding.code == "SEC002" and not _is_description(finding.path or ""):
        return False
    sent = finding.path is None or not is_left_out(finding.path)
    return sent or any(file.path == finding.path for file in subject.files)


def _of_findings(subject: Subject, code: str, found: list[Finding]) -> Problem:
    first = found[0]
    place = f"{first.path or first.sae_id or '.'}: "
    more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    by_hand = next((finding for finding in found if finding.fix is None), None)
    unsafe = " --unsafe-fixes" if any(finding.fix == "unsafe" for finding in found) else ""
    mend = f"hubkit fix {subject.typed} --select {code}{unsafe}"
    hint = (by_hand.hint or f"hubkit explain {code}") if by_hand else mend
    return Problem(code, f"{place}{first.message}{more}", hint, len(found), code not in NEVER)


def saes_are_there(subject: Subject) -> list[Problem]:
    """At least one SAE that hubkit recognises: of anything else the gate can promise nothing."""
    if subject.report.saes:
        return []
    passed = next((finding for finding in subject.report.findings if finding.code == "WTS016"), None)
    message = "no SAE was recognised" + (f"; {passed.message}" if passed else "")
    return [Problem("SAE-NONE", message, f"hubkit validate {subject.release}", allowable=False)]


def card_is_there(subject: Subject) -> list[Problem]:
    """A card, and one that is not older than the files that it describes."""
    if what := instead_of_file(subject.release / README):
        hint = f"move it away or rename it, then hubkit build-cards {subject.typed}"
        return [Problem("CARD-NONE", f"{README} is {what}, expected a file", hint)]
    if subject.card is None:
        return [Problem("CARD-NONE", "there is no README.md", _builds(subject))]
    recorded = recorded_digest(subject.card)
    if recorded is not None and recorded != subject.digest:
        message = f"{README}: the card is older than the files it describes"
        return [Problem("CARD-STALE", message, f"hubkit build-cards {subject.typed}")]
    if recorded is not None and edited_by_hand(subject.card):
        message = f"{README}: the card says that hubkit wrote it, and was edited by hand since"
        hint = f"hubkit build-cards {subject.typed} --diff shows the edits: move them into card.yaml or an author's region"
        return [Problem("CARD-EDITED", message, hint)]
    return _other_figures(subject)


def _other_figures(subject: Subject) -> list[Problem]:
    """The pictures that hubkit drew for the card, and no others under their names; cards of before their digest was kept say nothing of them."""
    stated = (recorded(subject.card) or {}).get("figures_sha256") if subject.card is not None else None
    names = {f"{FIGURES_FOLDER}/{name}.svg" for name in FIGURES}
    if stated is None or stated == figures_digest(
        {file.path: file.sha256 for file in subject.files if file.path in names}
    ):
        return []
    message = f"{FIGURES_FOLDER}/: a figure is not as hubkit drew it for this card"
    hint = f"hubkit build-cards {subject.typed} draws them anew; a picture of your own goes under another name, and into your own text"
    return [Problem("CARD-EDITED", message, hint)]


def _builds(subject: Subject) -> str:
    """What writes a card; without card.yaml nothing but `init` can begin one."""
    build = f"hubkit build-cards {subject.typed}"
    return build if subject.has_settings else f"hubkit init {subject.typed} writes card.yaml; then {build}"


def _sets(subject: Subject, key: str, example: str) -> str:
    """Where a key of the front matter is written: in card.yaml where the card is built from it, else in the card that somebody wrote."""
    if subject.has_settings and (subject.card is None or recorded_digest(subject.card) is not None):
        return f"set {key} in {subject.release / CARD_SETTINGS} and run hubkit build-cards {subject.typed}"
    return f"write `{key}: {example}` between the lines of dashes at the top of {subject.release / README}"


def licence_is_set(subject: Subject) -> list[Problem]:
    """Without a licence nobody may use it, and with two nobody knows under which."""
    if subject.card is None:
        return []
    if subject.license:
        return _other_licence(subject, subject.license)
    hint = _sets(subject, "license", "mit") + ", or whichever licence it has"
    return [Problem("LICENSE", f"{README}: the front matter has no license", hint)]


def _other_licence(subject: Subject, stated: str) -> list[Problem]:
    """A file LICENSE whose text is that of another licence than the front matter's."""
    file, name = license_in_files(open_folder(subject.release)) or ("", stated)
    if stated in {name, "other"}:
        return []
    message = f"{README}: license is {stated}, the text of {file} is that of {name}"
    return [
        Problem(
            "LICENSE",
            message,
            f"name the licence that the SAEs are under in both: `license: {name}`, or another {file}",
        )
    ]


def base_model_is_set(subject: Subject) -> list[Problem]:
    """One base model, named: the Hub links its page, and a reader needs it to use the SAEs."""
    several = [finding for finding in subject.report.findings if finding.code == "REL001"]
    if several:
        hint = "one folder for each base model; a study file publishes them together"
        return [Problem("BASE-MODEL", several[0].message, hint, allowable=False)]
    value = subject.front_matter.get("base_model")
    if isinstance(value, list) and len(value) > 1:
        message = f"{README}: base_model names {len(value)} models: {', '.join(map(str, value[:3]))}"
        return [Problem("BASE-MODEL", message, "one folder for each base model", allowable=False)]
    if subject.card is None or subject.base_model or (isinstance(value, list) and value):
        return []
    named = {hub_id(name) for sae in subject.report.saes if (name := sae.model_name)}
    hint = _sets(subject, "base_model", (len(named) == 1 and named.pop()) or "OWNER/MODEL")
    return [Problem("BASE-MODEL", f"{README}: the front matter has no base_model", hint)]


def provenance_agrees(subject: Subject) -> list[Problem]:
    """Every checksum of provenance.json is that of the file beside it: the weights' too, which the validator does not hash."""
    if any(finding.code == "REL004" for finding in subject.report.findings):
        return []  # the validator says it with more detail
    have = {file.path: file.sha256 for file in subject.files}
    wrong = sorted(path for path, digest in subject.recorded.items() if have.get(path) != digest)
    if not wrong:
        return []
    shown = ", ".join(wrong[:3]) + (f" and {len(wrong) - 3} more" if len(wrong) > 3 else "")
    message = f"{PROVENANCE}: {len(wrong)} of {len(subject.recorded)} files are not what it recorded: {shown}"
    hint = f"hubkit validate {subject.typed} --deep names them; hubkit run STUDY.yaml writes the record again from the files"
    return [Problem("PROVENANCE", message, hint)]


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
        if not (_is_description(path) and path in told):
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


def _is_description(path: str) -> bool:
    """Whether it is a small file that the validator reads whole, whatever is in it: SEC002 speaks of it."""
    return path in {README, EVALUATION} or path.rpartition("/")[2] in CONFIG_NAMES


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
        if one.code == "SEC004" and one.severity is Severity.WARNING and _concerns(subject, one)
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


CONDITIONS: tuple[Condition, ...] = (
    saes_are_there,
    card_is_there,
    licence_is_set,
    base_model_is_set,
    provenance_agrees,
    pool_is_meant,
    no_secret,
    no_pickle,
    no_unread_file,
    no_other_code,
    nothing_is_ignored,
)
"""In the order in which they are told."""
