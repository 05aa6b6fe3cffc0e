"""HOOK006: hooks by their names, against those that there are."""

from __future__ import annotations

from collections.abc import Iterator

from hubkit.models.names import is_placeholder
from hubkit.models.sites import misnamed
from hubkit.validate.facts import SaeFacts
from hubkit.validate.finding import Found, Severity
from hubkit.validate.need import Need
from hubkit.validate.rule import sae_rule

KEYS = ("hook_name", "hf_hook_name", "hook_name_out", "hf_hook_name_out")


@sae_rule("HOOK006", Severity.WARNING, Need.CFG)
def no_such_hook(sae: SaeFacts) -> Iterator[Found]:
    """There is no such hook: a slip in its name, or a place that the architecture does not have.

    `blocks.5.hook_resid_posts`, `block.5.hook_resid_post`, `model.layer.5`: HookedSAETransformer logs a warning and attaches nothing, a forward hook
    cannot be registered. Blocks whose attention and MLP are parallel (Pythia and GPT-NeoX, GPT-J, Phi) have no `hook_resid_mid`. An error where the base
    model is in hubkit's table (with `--base-model`: in any case), so that the hook is known to be missing. Names of other libraries, and whatever is not
    all but a name of TransformerLens's or transformers' own, are left alone, and a doubt about another family's words is a note; a name of neither form is CFG013's.
    """
    shape = sae.base.shape if sae.base else None
    seen: set[str] = set()
    for key in KEYS:
        name: str | None = getattr(sae.sae, key)
        if not name or is_placeholder(name) or name in seen:
            continue
        seen.add(name)
        found = misnamed(name.strip(), shape, sae.base.name if sae.base else "")
        if found is not None:
            yield Found(
                f"{key} is {name!r}: {found.why}",
                f"write {found.instead}" if found.instead else "write the hook that was trained on",
                severity=Severity.ERROR if found.certain else None if sae.is_saelens else Severity.NOTE,
                confidence="high" if found.certain else "medium",
                **sae.where(key),
                identity=key,
            )
