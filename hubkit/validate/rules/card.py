"""CARD: README.md against the repository."""

from __future__ import annotations

from collections.abc import Iterator

from hubkit.card_metadata import listed
from hubkit.models.names import hub_id, is_hub_id
from hubkit.readme.frontmatter import faults
from hubkit.readme.generated import edited_by_hand, recorded
from hubkit.readme.mojibake import find_mojibake
from hubkit.readme.regions import template_lines
from hubkit.readme.voice import speaks_as_hubkit
from hubkit.release.layout import CARD_SETTINGS, README
from hubkit.texts import Lines
from hubkit.validate.author import Author
from hubkit.validate.card import front_line
from hubkit.validate.facts import RepoFacts
from hubkit.validate.finding import FOLDER, Found, Severity, mend
from hubkit.validate.need import Need
from hubkit.validate.rule import repo_rule

NO_RELATION = (
    "take base_model_relation out: an SAE is no adapter, finetune, merge or quantized copy of its base model"
)


@repo_rule("CARD001", Severity.WARNING, Need.TREE)
def no_card(repo: RepoFacts) -> Iterator[Found]:
    """The repository has no README.md.

    Nobody can tell what the SAEs were trained on, what they are good for, or how to load them. A folder around several releases needs none: each of them
    is judged by itself.
    """
    if not repo.saes or repo.view.entry(README) is not None:
        return
    if what := repo.view.instead_of(README):
        yield Found(
            f"{README} is {what}, expected a file: there is no card",
            f"move it away or rename it, then hubkit build-cards {FOLDER} can write the card",
            path=README,
        )
    else:
        first = (
            ""
            if repo.view.entry(CARD_SETTINGS)
            else f"hubkit init {FOLDER} asks for what the files do not say, then "
        )
        yield Found(
            "there is no README.md at the root",
            f"{first}hubkit build-cards {FOLDER} writes it",
            path=README,
        )


@repo_rule("CARD002", Severity.ERROR, Need.README)
def front_matter(repo: RepoFacts) -> Iterator[Found]:
    """The front matter is not what the Hub takes.

    Not YAML, a key twice, Python objects (`!!python/tuple`), NaN, or a value of the wrong kind: licence identifier, base_model, datasets, tags, language (a code of
    ISO 639 in lower case: not `en-US`, not `english`), model-index (a configuration or a revision that is a number). The Hub refuses the upload, often after the
    weights went up, or drops the metadata in silence; of a card in UTF-16 it reads nothing. What is well formed and not among what is known here (a licence, `pt-br`) is a warning.
    """
    if repo.card and repo.card.encoding:
        name = repo.card.encoding.upper()[:6]
        yield Found(
            f"the card is saved as {name}: the Hub reads UTF-8, and shows neither its text nor its front matter",
            "save the file as UTF-8",
            path=README,
            line=1,
            identity="encoding",
        )
    for fault in faults(repo.card) if repo.card else ():
        yield Found(
            fault.message,
            NO_RELATION
            if fault.key == "base_model_relation" and repo.saes
            else "correct the front matter; https://huggingface.co/docs/hub/model-cards has the keys",
            path=README,
            pointer=f"/{fault.key}" if fault.key else None,
            line=fault.line,
            severity=Severity.WARNING if fault.doubt else None,
            confidence="medium" if fault.doubt else "high",
            identity=fault.message,
        )


@repo_rule("CARD012", Severity.WARNING, Need.README, fix="safe")
def mojibake(repo: RepoFacts) -> Iterator[Found]:
    """Mojibake: text that was decoded with the wrong code page.

    UTF-8 that was read as cp1252 or latin-1 and saved again, as on Windows without `encoding="utf-8"`. Undoing the mistake gives the text back exactly,
    which is how it is found: text that is right does not survive the way back. Said once for each broken piece.
    """
    text = repo.card.text if repo.card else ""
    seen: dict[str, int] = {}
    places, lines = list(find_mojibake(text)), Lines(text)
    for place in places:
        seen[place.broken] = seen.get(place.broken, 0) + 1
    for place in places:
        times = seen.pop(place.broken, 0)
        if times:
            often = f", {times} times" if times > 1 else ""
            yield Found(
                f"{place.broken!r} is {place.repaired!r} in the wrong code page{often}",
                f"write {place.repaired!r}, and save the file as UTF-8: {mend('CARD012')}",
                path=README,
                line=lines.at(place.start),
                identity=place.repaired,
                fix="safe",
            )


@repo_rule("CARD003", Severity.WARNING, Need.TREE | Need.README, fix="safe")
def library_or_base_model(repo: RepoFacts) -> Iterator[Found]:
    """SAELens's format, but the card's front matter lacks `library_name: saelens` or `base_model`.

    The Hub finds SAELens repositories by `saelens` (not `sae_lens`), shows its loading snippet, and links the base model by `base_model`, which must be its id there: `gpt2-small` and `gemma-2-2b` are
    names of TransformerLens, and link to nothing. Where some of the SAEs are
    another family's, the card may name that family's library.
    """
    if repo.card is None or repo.card.fault or not any(sae.is_saelens for sae in repo.saes):
        return
    front = repo.card.front_matter or {}
    library = front.get("library_name")
    if library != "saelens" and all(sae.is_saelens for sae in repo.saes):
        yield Found(f"library_name is {library!r}, expected 'saelens'" if library else "library_name is missing, expected 'saelens'",
                    f"write `library_name: saelens` into the front matter: {mend('CARD003')}", path=README, pointer="/library_name", line=1, fix="safe")  # fmt: skip
    if not front.get("base_model"):
        known = one_base_model(repo)
        yield Found(
            "base_model is missing: the model's page does not link here",
            f"write `base_model: {known}` into the front matter: {mend('CARD003')}"
            if known
            else "write `base_model: OWNER/MODEL` into the front matter, with the model's id on the Hub",
            path=README,
            pointer="/base_model",
            line=1,
            fix="safe" if known else None,
        )
    yield from _no_id(repo, front.get("base_model"))


def _no_id(repo: RepoFacts, stated: object) -> Iterator[Found]:
    """Names under `base_model` that are no ids of the Hub, where it is known what the Hub calls the model."""
    for name in listed(stated):
        if not isinstance(name, str) or not name.strip() or "/" in name or is_hub_id(name.strip()):
            continue
        if known := hub_id(name) or (one_base_model(repo) if len(listed(stated)) == 1 else None):
            yield Found(
                f"base_model {name.strip()} is no id of the Hub: the model's page does not link here",
                f"write `base_model: {known}` into the front matter",
                path=README,
                pointer="/base_model",
                line=front_line(repo, "base_model"),
                identity=f"base_model {name.strip()}",
            )


def one_base_model(repo: RepoFacts) -> str | None:
    """The Hub's id of the model that every SAE names, by whatever of its names; None where one names none, or another, or nobody knows the id."""
    ids = {hub_id(name) if (name := sae.sae.model_name) else None for sae in repo.saes}
    return next(iter(ids)) if len(ids) == 1 else None


@repo_rule("CARD017", Severity.ERROR, Need.README | Need.EVALUATION, against="voice")
def speaks_as_hubkit_does(repo: RepoFacts) -> Iterator[Found]:
    """The author's text says that hubkit checked, measured or computed something.

    Only cards that hubkit writes can say so: there the sentence comes with the version and with what was found, and stands under the digest of the text. In a card that was
    written by hand, in an author's region, in card.yaml or evidence.yaml, nobody knows what was checked, or when. A card of hubkit's that was edited since is a warning: build it again.
    """
    yield from _voice_of_evidence(repo)
    if repo.page is None:
        return
    author = Author(repo)
    ours = recorded(repo.page.readme.text) is not None
    checked = (
        template_lines(repo.page.readme.text) if ours and not edited_by_hand(repo.page.readme.text) else set()
    )
    for line in repo.page.prose:
        if (
            line.number in checked
        ):  # the words that a template changed were looked at when the card was written
            continue
        for sentence in line.sentences():
            if (words := speaks_as_hubkit(sentence)) and author.wrote(line.number, line.number, sentence):
                yield Found(
                    f'"{words}" is not for the author to say: "{line.quote}"',
                    f"take the sentence out; hubkit build-cards {FOLDER} writes what was checked, hubkit adopt {FOLDER} keeps a card's own words",
                    path=README,
                    line=line.number,
                    severity=Severity.WARNING if ours else None,
                    identity=f"voice {line.quote}",
                )
                break


def _voice_of_evidence(repo: RepoFacts) -> Iterator[Found]:
    """evidence.yaml is the author's from its first word to the last, and the card shows it."""
    if repo.evidence is None or not repo.evidence.is_ours:
        return
    for number, line in enumerate(repo.evidence.text.split("\n"), 1):
        if words := speaks_as_hubkit(line):
            yield Found(
                f'"{words}" is not for the author to say',
                "name who measured it, or take the words out: what hubkit computes stands in evaluation.json",
                path=repo.evidence.path,
                line=number,
                identity=f"voice {words}",
            )
