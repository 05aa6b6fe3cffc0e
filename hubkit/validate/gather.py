"""Reads the facts, once, in the cheapest order: tree, configurations, headers, thresholds, card, whole weights."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TYPE_CHECKING

from hubkit.engine.events import Event, Progress, silent
from hubkit.errors import IncompleteError
from hubkit.formats.detect import read_saes
from hubkit.formats.folder import folders_of
from hubkit.readme.claims import import_grammar
from hubkit.readme.document import read_readme
from hubkit.release.card_digest import recorded_digests
from hubkit.release.layout import EVALUATION, METRICS, POOL_REPORT, PROVENANCE, README
from hubkit.validate import reading
from hubkit.validate.code_exports import search_exports
from hubkit.validate.code_files import search_code
from hubkit.validate.code_packed import search_packed
from hubkit.validate.facts import RepoFacts, SaeFacts
from hubkit.validate.identity import declared_name
from hubkit.validate.need import HEADERS, Need
from hubkit.validate.passed_over import not_listed
from hubkit.validate.pickle_search import find_pickles
from hubkit.validate.prefetch import first_wants, what_follows
from hubkit.validate.secret_texts import search

if TYPE_CHECKING:
    from hubkit.formats.folder import Folder
    from hubkit.formats.sae import Sae
    from hubkit.repo.view import RepoView


def gather(
    view: RepoView, needs: Need, report: Progress = silent, releases: tuple[str, ...] = ()
) -> RepoFacts:
    """Read what `needs` asks for; `report` hears of every SAE that is read whole. Raises HubkitError only when the listing itself fails."""
    with ThreadPoolExecutor(1) as meanwhile:
        facts = RepoFacts(view, view.list(), [], folders_of(view, heads=bool(needs & HEADERS)))
        facts.releases = releases
        if Need.README in needs and view.entry(README):
            meanwhile.submit(import_grammar)
        if Need.EVALUATION in needs and view.repository and view.entry(EVALUATION):
            meanwhile.submit(import_models)
        view.prefetch(
            first_wants(view, facts.folders, needs),
            lambda path: what_follows(view, facts.folders, path, needs),
        )
    _read_saes(facts, needs)
    _read_texts(facts, needs)
    # of a far repository, pickles and code are looked for in what the search of texts brought
    if needs & (Need.TEXTS | Need.CODE):
        _search_texts(facts)
    if needs & (Need.HEADER | Need.PICKLES):
        find_pickles(facts)
        facts.remarks += not_listed(view)
    if Need.WEIGHTS in needs:
        _read_weights(facts, report)
    if Need.CODE in needs:
        _search_code(facts)
    if Need.TWINS in needs:
        reading.hash_lookalikes(view, facts.saes, facts.unread)
    if Need.LOAD in needs:
        _load(facts)
    view.settle()
    return facts


def _read_saes(facts: RepoFacts, needs: Need) -> None:
    """Every folder's SAEs, several folders at a time where that saves waiting."""
    found: dict[str, list[SaeFacts]] = {}

    def read(folder: Folder) -> None:
        found[folder.path] = [_facts(folder, sae, needs) for sae in read_saes(folder)]

    facts.view.each(read, facts.folders.values())
    for path, folder in facts.folders.items():
        facts.saes += found[path]
        facts.configs += folder.files_read()
        if not found[path]:
            _note_unread(facts, folder)


def _note_unread(facts: RepoFacts, folder: Folder) -> None:
    """A folder in which no SAE was found, and not everything could be read: there may be one."""
    if folder.unread is not None:
        facts.unread.setdefault(Need.CFG, folder.unread)
    unread = next((head.unread for head in folder.known_heads() if head.unread is not None), None)
    if unread is not None:
        facts.unread.setdefault(Need.HEADER, unread)


def _facts(folder: Folder, sae: Sae, needs: Need) -> SaeFacts:
    """An SAE with what its folder knows of it, and its small tensors."""
    entry = folder.view.entry(sae.weights) if sae.weights else None
    facts = SaeFacts(sae, folder, entry, folder.head(entry) if entry else None)
    facts.weights_sha256 = entry.sha256 if entry else None
    if folder.unread is not None:
        facts.unread[Need.CFG] = folder.unread
    if facts.head is not None and facts.head.unread is not None:
        facts.unread |= dict.fromkeys((Need.HEADER, Need.THRESHOLD, Need.WEIGHTS), facts.head.unread)
    if Need.THRESHOLD in needs:
        reading.read_thresholds(folder.view, facts)
    return facts


def _read_weights(facts: RepoFacts, report: Progress) -> None:
    """Every file of weights whole, some at a time. Hashed is only what has a checksum in provenance.json or the card, or looks like another file."""
    card = recorded_digests(facts.readme.front_matter if facts.readme else None)
    digest = facts.provenance is not None or card.weights is not None
    with ThreadPoolExecutor(facts.view.at_once) as pool:
        jobs = {pool.submit(reading.read_whole, facts.view, sae, digest=digest): sae for sae in facts.saes}
        for done, job in enumerate(as_completed(jobs), 1):
            job.result()
            report(Event("weights", done, len(facts.saes), jobs[job].sae_id))


def _search_texts(facts: RepoFacts) -> None:
    read = [file.path for file in (*facts.configs, facts.evaluation, facts.evidence) if file]
    if not facts.view.near:  # what did not come is not asked for again
        read += [folder.config_entry.path for folder in facts.folders.values() if folder.config_entry]
    heads = (head for folder in facts.folders.values() for head in folder.known_heads() if head.header)
    weights = [head.entry.path for head in heads if head.entry.path.lower().endswith(".safetensors")]
    found = search(facts.view, {*read, *weights, *([README] if facts.readme else [])})
    facts.secrets = tuple(found.secrets)
    facts.remarks += found.remarks
    if found.unread is not None:
        facts.unread[Need.TEXTS] = found.unread


def _search_code(facts: RepoFacts) -> None:
    for found in (search_code(facts.view), search_packed(facts.view), search_exports(facts.view)):
        facts.code += found.found
        facts.code_unread += found.unread
        facts.remarks += found.remarks


def import_models() -> None:
    """What EVL007 will want, while the network is waited for."""
    import hubkit.release.metrics  # noqa: F401


def _load(facts: RepoFacts) -> None:
    """Ask SAELens for every SAE of its own format."""
    from hubkit.validate.load import load_all

    ours = [sae for sae in facts.saes if sae.is_saelens]
    try:
        found = load_all(facts.view, [sae.sae for sae in ours])
    except IncompleteError as error:
        for sae in ours:
            sae.unread[Need.LOAD] = error.message
        return
    for sae in ours:
        sae.loaded = found.get(sae.sae_id)


def _read_texts(facts: RepoFacts, needs: Need) -> None:
    view = facts.view
    if Need.README in needs:
        file = reading.read_text(view, README, facts.unread, Need.README)
        facts.readme = read_readme(file) if file is not None else None
        if facts.card is not facts.readme:
            facts.remarks.append(
                "README.md is that of a code repository, without front matter: it was not judged as a card"
            )
        facts.card_settings = reading.read_settings(view)
        for entry in reading.inner_cards(facts.entries, facts.releases):
            inner = reading.read_text(view, entry.path, facts.unread, Need.README)
            if inner is not None:
                facts.cards[entry.path] = read_readme(inner)
    if Need.EVALUATION in needs:
        facts.evaluation = reading.read_json(view, EVALUATION, facts.unread, Need.EVALUATION)
        facts.evidence = reading.read_evidence(view, facts.unread)
        if Need.WEIGHTS in needs or view.near:  # on the Hub each is a request
            paths = [sae.files[METRICS].path for sae in facts.saes if METRICS in sae.files]
            found = (reading.read_json(view, path, facts.unread, Need.EVALUATION) for path in paths)
            facts.metrics = [file for file in found if file]
    if Need.PROVENANCE in needs:
        facts.provenance = reading.read_json(view, PROVENANCE, facts.unread, Need.PROVENANCE)
        facts.pool_report = reading.read_json(view, POOL_REPORT, facts.unread, Need.PROVENANCE)
    facts.repository = view.repository
    if facts.repository is None and Need.README in needs:
        facts.repository = declared_name(view, facts.provenance)
