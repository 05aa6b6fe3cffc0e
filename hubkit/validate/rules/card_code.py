"""CARD009: the card's code, without running it."""

from __future__ import annotations

from collections.abc import Iterator

from hubkit.readme.code import Beside, faults_of
from hubkit.readme.page import shortened
from hubkit.readme.saelens_api import release_for
from hubkit.validate.card import CARD
from hubkit.validate.facts import RepoFacts
from hubkit.validate.finding import Found, Severity
from hubkit.validate.need import Need
from hubkit.validate.rule import repo_rule


@repo_rule("CARD009", Severity.ERROR, Need.TREE | Need.README | Need.CFG)
def broken_code(repo: RepoFacts) -> Iterator[Found]:
    """A code block does not parse, or does what SAELens cannot do.

    Python blocks only; prompts, notebook magics and a block that the end of the text cuts off are no faults. Held against a table of sixteen releases from
    3.0.0 to 6.54.12, read from the wheels, are modules and names imported from `sae_lens`, methods of SAE, their arguments, and what is read from a variable
    that a loader filled: attributes of the SAE by its architecture (a TopK has no `threshold`), of its configuration (`sae.cfg.hook_name` is
    `sae.cfg.metadata.hook_name` since 6.0.0), and of the values beside it. The release is the newest that the card asks for (`sae-lens==6.18.0`,
    `sae-lens<6`), else the newest of all, which is what a reader installs. `load_from_disk` of a repository, an address where an id belongs, and `AutoModel`
    on a repository of SAEs fail as well. Taking what `from_pretrained` returns apart as a tuple still works, and is a note. Nothing is imported or run. With
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


def _beside(repo: RepoFacts) -> Beside:
    """What the card's code loads from."""
    paths = {entry.path for entry in repo.entries} | {entry.folder for entry in repo.entries}
    kinds = {sae.sae_id: sae.architecture for sae in repo.saes if sae.is_saelens and sae.architecture}
    complete = len(kinds) == len(repo.saes)
    return Beside(repo.repository, frozenset(paths), kinds if complete else {})
