"""EVL: evaluation files that carry hubkit's `$schema`. Others are not judged."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from packaging.version import Version

from hubkit.errors import UsageError
from hubkit.formats import architectures
from hubkit.measures.catalogue import CATALOGUE
from hubkit.readme.prose import prose_lines
from hubkit.release.layout import EVALUATION, EVIDENCE, METRICS, README
from hubkit.validate.facts import RepoFacts, SaeFacts
from hubkit.validate.finding import Found, Severity, natural
from hubkit.validate.measured_values import Value, hubkit_files
from hubkit.validate.need import Need
from hubkit.validate.rule import repo_rule
from hubkit.validate.rules.errata import training_version

if TYPE_CHECKING:
    from hubkit.release.evidence_text import EvidenceText


METRIC_FILES = {METRICS, "evals.json", "eval.json", EVALUATION, "eval_results.json"}
MAXIMUM = re.compile(r"(?:^|_)(?:max|maximum|best|peak|top)(?:_|$)")
RELATIVE_TO_ZERO = (Version("5.8.0"), Version("6.45.0"))
STATED_VARIANCE = re.compile(
    r"(?:explained[ _]variance|variance[ _]explained|\bEV\b)[^\n]{0,40}?\d", re.IGNORECASE
)
AGAIN = "measure it again: hubkit evaluate STUDY.yaml"
DEAD = "num_dead_features"
SPLITS = {"train", "crossfit", "held_out", "control"}


@repo_rule("EVL001", Severity.NOTE, Need.TREE)
def no_metrics(repo: RepoFacts) -> Iterator[Found]:
    """SAEs without metrics.

    Nothing beside them, and neither evaluation.json nor evidence.yaml at the root: a reader cannot tell whether they reconstruct anything. Said once for the
    repository.
    """
    if repo.view.entry(EVALUATION) is not None or repo.view.entry(EVIDENCE) is not None:
        return
    ours = [sae for sae in repo.saes if sae.is_saelens]
    bare = [sae.sae_id for sae in ours if not METRIC_FILES & sae.files.keys()]
    if bare:
        shown = ", ".join(bare[:3]) + (f" and {len(bare) - 3} more" if len(bare) > 3 else "")
        yield Found(
            f"{len(bare)} of {len(ours)} SAEs have no metrics: {shown}",
            "write what you measured, wherever that was, into evidence.yaml (its form: hubkit schema evidence), and build the card again; SAEs of a hubkit study are measured by hubkit evaluate STUDY.yaml",
            path=EVALUATION,
        )


@repo_rule("EVL002", Severity.ERROR, Need.CFG | Need.EVALUATION)
def impossible_value(repo: RepoFacts) -> Iterator[Found]:
    """A value that its measure cannot have.

    By the bounds of hubkit's catalogue: a balanced accuracy outside [0, 1], an explained variance above 1, an L0 above d_sae, a TopK's L0 above its k,
    NaN, or NaN written as -1. `metadata.l0` and `metadata.num_dead_features`, which SAELens's training writes, and any other key of `metadata` that is called
    like a measure, have the same bounds: no more latents are dead than there are. A file with hubkit's `$schema` that is no strict JSON counts too: a missing value is null with a reason.
    """
    saes = {sae.sae_id: sae for sae in repo.saes}
    for file in hubkit_files(repo):
        if file.fault:
            yield Found(
                f"not strict JSON: {file.fault.message}",
                "write null and a reason where a value is missing",
                path=file.path,
                line=file.fault.line,
            )
    for value in repo.values:
        number = value.number
        if number is not None and (
            reason := impossible(
                value.measure, number, saes.get(value.sae_id or ""), value.raw.get("version")
            )
        ):
            hint = "correct it, or take it out" if value.stated else AGAIN
            told = {"measure": value.measure, "value": number}
            yield Found(f"{value.owner}: {reason}", hint, **_place(value), sae_id=value.sae_id, measured=told)
    yield from _of_trainings(repo)


def _of_trainings(repo: RepoFacts) -> Iterator[Found]:
    """What a training left in cfg.json."""
    for sae in repo.saes:
        for key, number in sae.cfg.metadata.items() if sae.cfg else ():
            if isinstance(number, bool) or not isinstance(number, int | float):
                continue
            if reason := _of_training(sae, key, float(number)):
                yield Found(
                    f"metadata.{key} is {number:g}, {reason}",
                    "write what the training counted, or take it out",
                    **sae.at(f"/metadata/{key}"),
                    sae_id=sae.sae_id,
                    measured={"value": number},
                    identity=key,
                )


def _of_training(sae: SaeFacts, key: str, number: float) -> str | None:
    d_sae = sae.sae.d_sae
    if key not in {"l0", DEAD}:
        measure = CATALOGUE.get(key)
        reason = measure.impossible(number, d_sae=d_sae) if measure else None
        return reason.split(", ", 1)[1] if reason else None
    k = sae.sae.k if sae.architecture in architectures.TOPK else None
    if number < 0:
        return "below 0"
    if d_sae and number > d_sae:
        return f"more than the {d_sae:,} latents that there are"
    return f"above the k = {k} of a TopK" if key == "l0" and k is not None and number > k + 1e-6 else None


def impossible(name: str, number: float, sae: SaeFacts | None, version: object = None) -> str | None:
    """Why the SAE cannot have this value of a measure of the catalogue; None where it can, or where the definition is not known here."""
    measure = CATALOGUE.get(name)
    if measure is None or _is_newer(version, measure.version):
        return None
    cfg = sae.cfg if sae else None
    reason = measure.impossible(number, d_sae=cfg.integer("d_sae") if cfg else None)
    if reason:
        return reason + (" (NaN written as -1?)" if number == -1 else "")
    if number == -1 and measure.lower is None:
        return f"{measure.name} is exactly -1: NaN written as -1?"
    k = cfg.integer("k") if cfg and cfg.architecture in architectures.TOPK else None
    if measure.name == "l0" and k is not None and number > k + 1e-6:
        return f"l0 is {number:g}, above the k = {k} of a TopK"
    return None


def _is_newer(version: object, known: int) -> bool:
    """Whether a definition is not known here; the bounds of a measure are those of its earlier definitions too."""
    return version is not None and not (isinstance(version, int) and version <= known)


@repo_rule("EVL003", Severity.WARNING, Need.EVALUATION)
def bare_value(repo: RepoFacts) -> Iterator[Found]:
    """A value without definition version, n, split or interval.

    A number can be compared with another only when both say by which definition, on how many rows, on which side of the split, and how uncertain
    they are. A value that is null needs a reason and nothing else. What an author states in evidence.yaml is under that file's own rules (EVL009).
    """
    groups: dict[tuple[str, str], list[Value]] = defaultdict(list)
    for value in repo.values:
        if value.number is not None and not value.stated and (lacking := _lacking(value)):
            groups[value.measure, " and ".join(lacking)].append(value)
    for (measure, what), values in groups.items():
        yield Found(
            f"{measure} has no {what} for {_owners(values)}",
            f"{AGAIN}; or write what is missing beside the value",
            **_place(values[0], identity=f"{measure} {what}"),
        )


def _lacking(value: Value) -> list[str]:
    found = [] if isinstance(value.raw.get("version"), int) else ["definition version"]
    found += [] if value.n else ["n"]
    found += [] if value.split in SPLITS else ["split"]
    return found + ([] if isinstance(value.raw.get("interval"), list) else ["interval"])


@repo_rule("EVL004", Severity.WARNING, Need.EVALUATION)
def not_held_out(repo: RepoFacts) -> Iterator[Found]:
    """Measured on rows it was trained on, probed without cross-fitting, or on fewer rows than d_in.

    An SAE that saw a row remembers it: on labels of pure noise a probe reads membership and reaches 0.61 to 0.68 where chance is 0.5. A value on training
    rows is all right beside one on rows that were not, and where it says of other seeds what they make of the same rows. On fewer rows than dimensions any probe separates anything.
    """
    values = [value for value in repo.values if value.number is not None]
    seen = [value for value in values if value.split == "train"]
    probes = [value for value in seen if value.measure.startswith("probe_")]
    elsewhere = {(value.owner, value.measure) for value in values if value.split in {"crossfit", "held_out"}}
    alone = [
        value
        for value in seen
        if value not in probes
        and (value.owner, value.measure) not in elsewhere
        and not _on_training_rows_alone(value)
    ]
    widths = {sae.sae_id: sae.cfg.integer("d_in") for sae in repo.saes if sae.cfg}
    few = [
        value
        for value in values
        if (width := widths.get(value.sae_id or "")) and value.n and value.n < width and _counts_rows(value)
    ]
    groups = (
        (
            probes,
            "probed on rows that the SAE was trained on",
            "train one more SAE per fold and probe there: hubkit train STUDY.yaml --folds 5, then hubkit evaluate STUDY.yaml",
            "probe",
        ),
        (
            alone,
            "measured on the rows of the training and on no others",
            "measure on held-out rows, or cross-fit: hubkit train STUDY.yaml --folds 5, then hubkit evaluate STUDY.yaml",
            "train",
        ),
        (few, "measured on fewer rows than d_in", "collect at least d_in rows and measure again", "few"),
    )
    for group, what, hint, identity in groups:
        if group:
            least = min(value.n or 0 for value in group)
            rows = f" (n = {least})" if identity == "few" else ""
            names = ", ".join(sorted({value.measure for value in group}))
            yield Found(
                f"{_owners(group)}: {what}{rows}: {names}", hint, **_place(group[0], identity=identity)
            )


def _on_training_rows_alone(value: Value) -> bool:
    """Whether its measure is one of the training rows alone: what other seeds make of them."""
    known = CATALOGUE.get(value.measure)
    return known is not None and (known.of_seeds or known.splits == ("train",))


def _counts_rows(value: Value) -> bool:
    """Whether its n are rows, and not seeds, documents or runs of the base model."""
    known = CATALOGUE.get(value.measure)
    return known is None or not (known.of_seeds or known.of_spliced or known.of_paired)


@repo_rule("EVL005", Severity.WARNING, Need.EVALUATION)
def maximum_without_null(repo: RepoFacts) -> Iterator[Found]:
    """A maximum over features, SAEs or layers without its null or its correction.

    The best of 2,304 features reaches well above chance on pure noise; without what the maximum would be under no effect, the number says nothing.
    """
    for value in repo.values:
        known = CATALOGUE.get(value.measure)
        overlap = (
            known is not None and known.of_paired is not None
        )  # of the latents at the top, and no maximum
        if value.number is None or overlap or not MAXIMUM.search(value.measure):
            continue
        if value.raw.get("null") is None and value.raw.get("correction") is None:
            yield Found(
                f"{value.owner}: {value.measure} is a maximum and has neither a null nor a correction",
                'write the value under permuted labels beside it, as "null": {"kind": "permutation", "value": ...}',
                **_place(value),
            )


@repo_rule("EVL006", Severity.NOTE, Need.CFG | Need.README)
def variance_relative_to_zero(repo: RepoFacts) -> Iterator[Found]:
    """The card states an explained variance, and SAELens's was relative to zero when these SAEs were trained.

    From 5.8.0 to 6.45.0 its `explained_variance` left out the mean of the activations (issue 443, PRs 659 and 665): where the mean is large it shows 0.98 for a
    true 0.78. Numbers of that time are not comparable with others. Silent where an evaluation.json gives the definitions.
    """
    low, high = RELATIVE_TO_ZERO
    versions = {sae.sae_id: training_version(sae.cfg) for sae in repo.saes if sae.cfg}
    hit = [sae_id for sae_id, version in versions.items() if version and low <= version <= high]
    if repo.card is None or not hit or repo.view.entry(EVALUATION) is not None:
        return
    line = next((number for number, text in prose_lines(repo.card) if STATED_VARIANCE.search(text)), None)
    if line is not None:
        yield Found(
            f"an explained variance is stated, and {len(hit)} of {len(repo.saes)} SAEs were trained with SAELens {versions[hit[0]]}, whose definition was relative to zero",
            "measure it again with SAELens 6.46 or later, and publish an evaluation.json that has the definition",
            path=README,
            line=line,
            confidence="low",
        )


@repo_rule("EVL009", Severity.ERROR, Need.EVALUATION)
def evidence_that_says_nothing(repo: RepoFacts) -> Iterator[Found]:
    """evidence.yaml is not what such a file holds, or speaks of an SAE that is not here.

    Each value there has a `measure` of hubkit's catalogue or a `name` in words, an `n` (`null` where nobody knows it any more), and a `source` where it can be
    looked up; `sae_id` or `layer` say what it is of. Unknown keys, aliases and keys that stand twice are refused: they hide what is stated. Judged is a file
    with hubkit's `$schema`.
    """
    file = repo.evidence
    if file is None or not file.is_ours:
        return
    from hubkit.release.evidence import read_evidence  # pydantic takes longer than most validations

    try:
        evidence = read_evidence(file.text, file.path, CATALOGUE)
    except UsageError as error:
        first, _, rest = error.message.partition("\n")
        message = "; ".join(line.strip() for line in rest.splitlines()[:3]) or first
        message += _without_source(file, message)
        yield Found(
            message,
            "hubkit schema evidence",
            path=file.path,
            line=file.fault.line if file.fault else 1,
            identity="form",
        )
        return
    here = {sae.sae_id for sae in repo.saes}
    named = {one.sae_id for _, _, one in evidence.statements() if getattr(one, "sae_id", None) is not None}
    if strangers := sorted(named - here, key=natural):
        shown = ", ".join(strangers[:3]) + (f" and {len(strangers) - 3} more" if len(strangers) > 3 else "")
        yield Found(
            f"states values of SAEs that are not here: {shown}",
            "correct the sae_id, or take them out",
            path=file.path,
            line=1,
            identity="strangers",
        )


def _without_source(file: EvidenceText, message: str) -> str:
    """What the form asks once all fields are there: a source of each value, or of the file."""
    raw = file.raw if isinstance(file.raw, Mapping) else {}
    lacking = [position for position, one in file.values() if not one.get("source")]
    if raw.get("source") or not lacking or "has no source" in message:
        return ""
    return f"; values.{lacking[0]} has no source, and the file has none for all"


def _owners(values: list[Value]) -> str:
    owners = sorted({value.owner for value in values}, key=natural)
    return ", ".join(owners[:3]) + (f" and {len(owners) - 3} more" if len(owners) > 3 else "")


def _place(value: Value, identity: str | None = None) -> dict[str, Any]:
    """No pointer: its index changes whenever another SAE is added, and with it the fingerprint."""
    own = f"{value.owner} {value.measure} {value.split}"
    return {"path": value.path, "line": value.line, "identity": own if identity is None else identity}
