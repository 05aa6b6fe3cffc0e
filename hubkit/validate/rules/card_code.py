"""CARD009: the card's code, without running it."""

from __future__ import annotations

from collections.abc import Iterator

from hubkit.readme.code import faults_of
from hubkit.readme.page import shortened
from hubkit.readme.saelens_api import release_for
from hubkit.validate.card import CARD
from hubkit.validate.facts import RepoFacts
from hubkit.validate.finding import Found, Severity
from hubkit.validate.rule import repo_rule


@repo_rule("CARD009", Severity.ERROR, "D")
def broken_code(repo: RepoFacts) -> Iterator[Found]:
    """A code block does not parse, or calls what SAELens does not have.

    Python blocks only; prompts, notebook magics and a block that the end of the text cuts off are no faults. Names imported from `sae_lens`, methods of SAE,
    what is read from a variable that `SAE.from_pretrained` filled, and arguments are held against a table of nine releases from 3.0.0 to 6.54.12, read from the wheels: the release that the card pins
    (`sae-lens==6.18.0`), else the newest, which is what a reader installs. Nothing is imported or run. With --run-snippets the code is run as well, and
    must work.
    """
    if repo.readme is None:
        return
    release = release_for(repo.readme.text)
    seen: set[tuple[str, str]] = set()
    for fault in faults_of(repo.readme.code_blocks, release):
        quote = shortened(fault.quote)
        if (fault.message, quote) not in seen:
            seen.add((fault.message, quote))
            yield Found(
                f'{fault.message}: "{quote}"',
                "run the block as a reader would; hubkit build-cards writes one that was run",
                path=CARD,
                line=fault.line,
                identity=f"{fault.message} {quote}",
            )
