"""CARD009: the card's code, without running it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from hubkit.readme.cfg_reads import cfg_reads, where_now
from hubkit.readme.code import Beside, faults_of
from hubkit.readme.page import shortened
from hubkit.readme.saelens_api import release_for
from hubkit.release.layout import CFG
from hubkit.validate.card import CARD
from hubkit.validate.facts import RepoFacts
from hubkit.validate.finding import Found, Severity
from hubkit.validate.need import Need
from hubkit.validate.rule import repo_rule

MOVED_KEY = "moved_key"
"""In the evidence of a finding: where the key is that the card's code looks for at the top level."""


@repo_rule("CARD009", Severity.ERROR, Need.TREE | Need.README | Need.CFG, against="code")
def broken_code(repo: RepoFacts) -> Iterator[Found]:
    """A code block does not parse, or does what SAELens cannot do.

    Python blocks only; prompts, notebook magics and a block that the end of the text cuts off are no faults. Held against a table of sixteen releases from
    3.0.0 to 6.54.12, read from the wheels, are modules and names imported from `sae_lens`, methods of SAE, their arguments, and what is read from a variable
    that a loader filled: attributes of the SAE by its architecture (a TopK has no `threshold`), of its configuration (`sae.cfg.hook_name` is
    `sae.cfg.metadata.hook_name` since 6.0.0), and of the values beside it. The release is the newest that the card asks for (`sae-lens==6.18.0`,
    `sae-lens<6`), else the newest of all, which is what a reader installs. `load_from_disk` of a repository, an address where an id belongs, and `AutoModel`
    on a repository of SAEs fail as well; so does a key that the code takes from a cfg.json at the top level (`cfg["hook_name"]`) and that every cfg.json of the
    repository has below `metadata`. Taking what `from_pretrained` returns apart as a tuple still works, and is a note. Nothing is imported or run. With
    --run-snippets the code is run as well, and must work.
    """
    if repo.card is None:
        return
    release = release_for(repo.card.text)
    seen: set[tuple[str, str]] = set()
    for fault in faults_of(repo.card.code_blocks, release, _beside(repo)):
        quote = shortened(fault.quote)
        if (fault.message, quote) not in seen:
            seen.add((fault.message, quote))
            yield Found(
                f'{fault.message}: "{quote}"',
                fault.hint,
                path=CARD,
                line=fault.line,
                identity=f"{fault.message} {quote}",
                severity=Severity.NOTE if fault.works else None,
            )
    yield from _moved_keys(repo)


def _moved_keys(repo: RepoFacts) -> Iterator[Found]:
    """`json.load(open("L2/cfg.json"))["hook_name"]`, where every cfg.json that it may be has the key below `metadata`."""
    configs = [one for one in repo.configs if PurePosixPath(one.path).name == CFG]
    if repo.card is None or not configs or any(one.fault or one.document is None for one in configs):
        return
    if any(sae.unread for sae in repo.saes):
        return
    seen: set[str] = set()
    for read in cfg_reads(repo.card.code_blocks):
        places = {
            where_now(one.value, read.key) for one in configs if read.may_read(one.path, repo.repository)
        }
        place = places.pop() if len(places) == 1 else None
        if place is None or any(read.key in one.value for one in configs) or read.quote in seen:
            continue
        seen.add(read.quote)
        yield Found(
            f'no cfg.json here has {read.key} at the top level: "{shortened(read.quote)}" ends in a KeyError',
            f"it is {read.written(place)}",
            path=CARD,
            line=read.line,
            identity=f"cfg.json {read.key} {read.quote}",
            measured={MOVED_KEY: "/".join(place)},
        )


def _beside(repo: RepoFacts) -> Beside:
    """What the card's code loads from."""
    paths = {entry.path for entry in repo.entries} | {entry.folder for entry in repo.entries}
    kinds = {sae.sae_id: sae.architecture for sae in repo.saes if sae.is_saelens and sae.architecture}
    complete = len(kinds) == len(repo.saes)
    kept = [
        {key for key, value in sae.cfg.metadata.items() if value is not None} for sae in repo.saes if sae.cfg
    ]
    metadata = frozenset.intersection(*map(frozenset, kept)) if kept and len(kept) == len(repo.saes) else None
    return Beside(repo.repository, frozenset(paths), kinds if complete else {}, metadata)
