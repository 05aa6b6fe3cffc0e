"""What was not judged must not look like nothing wrong: weights files that belong to no SAE that was recognised, and folders that are not listed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from hubkit.formats.folder import PARTS, may_be_weights
from hubkit.repo.local import LocalView, is_never_published
from hubkit.repo.part import lies_in

if TYPE_CHECKING:
    from hubkit.repo.view import Entry, RepoView
    from hubkit.validate.facts import RepoFacts


def passed_over(repo: RepoFacts) -> list[Entry]:
    """The files that may hold weights and are no SAE's; checkpoints inside an SAE's own folder are its."""
    used = {tensor.path for sae in repo.saes for tensor in sae.sae.tensors.values()}
    used |= {path for sae in repo.saes for path in (sae.sae.weights, *sae.sae.files) if path}
    own = {sae.folder.path for sae in repo.saes}
    return [
        entry
        for entry in repo.entries
        if may_be_weights(entry) and entry.path not in used and not _is_part(entry, own)
    ]


def not_listed(view: RepoView) -> Iterator[str]:
    """What the report says of folders that tools make, of links that lead out, and of pipes: they are not listed."""
    if not isinstance(view, LocalView):
        return
    never: list[str] = []
    looked: list[str] = []
    for folder in view.skipped:
        if not lies_in(f"{folder}/", view.left_out):
            (never if is_never_published(folder) else looked).append(f"{folder}/")
    for folders, what in (
        (
            looked,
            "made by tools and not judged; only pickles were looked for. hubkit push does not send it, other tools may",
        ),
        (never, "not looked into: no tool of the Hub sends it"),
        (
            [link for link in view.outward if not lies_in(link, view.left_out)],
            "not looked at, as a link that leads out of the folder. hubkit push does not send it, other tools may",
        ),
        (
            [link for link in view.unfollowed if not lies_in(link, view.left_out)],
            "not looked at, as a link to a folder, or one that leads nowhere. hubkit push does not send it, other tools may",
        ),
        (
            [one for one in view.odd if not lies_in(one, view.left_out)],
            "not looked at, as it is neither a file nor a folder (a pipe, a socket, a device): nobody can publish it",
        ),
    ):
        if folders:
            more = f" and {len(folders) - 5} more" if len(folders) > 5 else ""
            yield f"{', '.join(sorted(folders)[:5])}{more}: {what}"


def _is_part(entry: Entry, own: set[str]) -> bool:
    outer, _, last = entry.folder.rpartition("/")
    return last in PARTS and (outer or ".") in own
