"""The fix of private paths: the part that names a person or a machine becomes `~`, the rest of the path stays."""

from __future__ import annotations

import re

from hubkit.fix.card import card_text
from hubkit.fix.content import Text
from hubkit.fix.registry import Change, Subject, repo_fix, sae_fix
from hubkit.models.names import is_placeholder
from hubkit.release.layout import EVALUATION, EVIDENCE, README
from hubkit.validate.facts import RepoFacts
from hubkit.validate.rules.sec import NOBODY, PRIVATE_PATH


@sae_fix("SEC003", "unsafe")
def in_configuration(subject: Subject) -> Change | None:
    r"""`C:\Users\name\data` and `/home/name/data` become `~/data` in the configuration.

    Unsafe: the file then no longer says where on the machine of its author something was.
    """
    sae = subject.sae
    if sae.cfg_path is None or sae.document is None or not (sae.is_saelens or sae.sae.is_judged):
        return None
    after = without_private_paths(sae.cfg_text)
    return Change({sae.cfg_path: Text(after.encode("utf-8"))}) if after != sae.cfg_text else None


@repo_fix("SEC003", "unsafe")
def in_root_files(repo: RepoFacts) -> Change | None:
    """The same in README.md, evaluation.json and evidence.yaml."""
    stated = repo.evidence.text if repo.evidence else None
    texts = {README: card_text(repo), EVALUATION: repo.evaluation_text, EVIDENCE: stated}
    changed = {
        path: Text(after.encode("utf-8"))
        for path, text in texts.items()
        if text is not None and (after := without_private_paths(text)) != text
    }
    return Change(changed) if changed else None


def without_private_paths(text: str) -> str:
    """`text` with every private beginning of a path as `~`; stand-ins such as /home/user are nobody's and stay."""
    return PRIVATE_PATH.sub(_hidden, text)


def _hidden(match: re.Match[str]) -> str:
    name = match["unix"] or match["windows"] or "root"
    nobody = name.lower() in NOBODY or name.startswith(("$", "<", "{", "%")) or is_placeholder(name)
    return match.group() if nobody else "~"
