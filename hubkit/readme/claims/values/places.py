"""Places in the base model: layers, and names of hooks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from hubkit.models.hooks import parse_hook, same_place
from hubkit.readme.claims.values.kind import BRACKETS, Value

I = re.IGNORECASE  # noqa: E741 - as short as it is common here
HOOK_NAME = re.compile(
    r"(?:blocks\.\d{1,3}\.(?:\w{1,30}\.){0,2}hook_\w{1,30}|(?:[A-Za-z_]\w{0,30}\.){1,4}\d{1,3}(?:\.[A-Za-z_]\w{0,30}){0,3})"
)


LAYER = re.compile(
    r"(?:L|layer )?(\d{1,3})(?: ?(?:of|/|out of) ?(?:the )?\d{1,3}(?: layers)?)?(?: (?:residual stream|resid_post|resid post))?(?: ?\([^()]{0,120}\))?[.;]?",
    I,
)


@dataclass(frozen=True)
class Layer:
    """One layer: `6`, `L6`, `6 of 12`, `6/12 (middle)`."""

    def read(self, text: str) -> Value | None:
        """Its number, counted from 0 as far as anybody can tell."""
        match = LAYER.fullmatch(text.strip(" `"))
        return int(match.group(1)) if match else None

    def agrees(self, stated: Value, true: Any) -> bool | None:
        """Equal."""
        return int(stated) == true if isinstance(true, int) else None

    def shown(self, stated: Value) -> str:
        """The number."""
        return str(stated)


@dataclass(frozen=True)
class Hook:
    """The name of a hook, of either form, with its layer."""

    def read(self, text: str) -> Value | None:
        """The name, where the text is nothing else."""
        match = HOOK_NAME.fullmatch(BRACKETS.sub("", text).strip(" .;`"))
        return match.group() if match else None

    def agrees(self, stated: Value, true: Any) -> bool | None:
        """Equal; of names of two forms only the layer can be compared."""
        if not isinstance(true, str) or not true:
            return None
        ours, theirs = parse_hook(stated), parse_hook(true)
        if ours.form == theirs.form or "unknown" in (ours.form, theirs.form):
            return str(stated) == true
        places = same_place(ours), same_place(theirs)
        return bool(places[0] & places[1]) if all(places) else None

    def shown(self, stated: Value) -> str:
        """The name."""
        return str(stated)
