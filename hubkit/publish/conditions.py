"""The conditions of the gate, one function each: a subject in, the problems out.

The validator's errors keep their codes; what only a publisher must know has a word: SAE-NONE, CARD-NONE, CARD-STALE, CARD-EDITED, PROVENANCE, POOL, SECRET, PICKLE,
UNREAD, CODE, LICENSE, BASE-MODEL, IGNORED, SNIPPET. A secret, two base models, or files that the Hub would leave out, are never let through.
"""

from __future__ import annotations

from itertools import groupby

from hubkit.cards.build import recorded_digest
from hubkit.cards.figures import FIGURES
from hubkit.cards.init import license_in_files
from hubkit.models.names import hub_id
from hubkit.publish.conditions_of_files import (
    no_other_code,
    no_pickle,
    no_secret,
    no_unread_file,
    nothing_is_ignored,
    pool_is_meant,
)
from hubkit.publish.subject import Condition, Problem, Subject, concerns
from hubkit.readme.generated import edited_by_hand, recorded
from hubkit.release.card_digest import figures_digest
from hubkit.release.layout import CARD_SETTINGS, PROVENANCE, README
from hubkit.release.layout import FIGURES as FIGURES_FOLDER
from hubkit.repo.local import open_folder
from hubkit.small_files import instead_of_file
from hubkit.validate.finding import Finding, Severity

NEVER = {"SEC001", "SEC002"}
"""What no reason lets through: code that runs on load, and secrets."""


def finding_problems(subject: Subject) -> list[Problem]:
    """The validator's errors, one problem a code."""
    errors = [f for f in subject.report.findings if f.severity is Severity.ERROR and concerns(subject, f)]
    by_code = groupby(sorted(errors, key=lambda f: f.code), key=lambda f: f.code)
    return [_of_findings(subject, code, list(found)) for code, found in by_code]


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
