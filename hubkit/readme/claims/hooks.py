"""What a card says about `hook_name`: in words, or in the code that reads it. Other names of hooks are examples of something else."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hubkit.readme.claims.kinds import Claim, HookForm
from hubkit.readme.page import Page

LAYER = r"(?:\{\w{1,20}\}|<\w{1,20}>|\d{1,3}|N|L|n|l)"
NAME = rf"[\"'`]?((?:[A-Za-z_]\w*\.){{1,6}}{LAYER}(?:\.[A-Za-z_][\w.]*)?)[\"'`]?"
SAID = (
    re.compile(rf"(?<![\w])hook_name format\W{{1,4}}{NAME}", re.IGNORECASE),
    re.compile(rf"cfg\[[\"']hook_name[\"']\]\s*==\s*{NAME}"),
    re.compile(rf"(?<![\w])hook_name\s*=\s*cfg\[[\"']hook_name[\"']\]\s*#\s*e\.g\.\s*{NAME}"),
    re.compile(rf"(?<![\w])hook_name in (?:each )?cfg\.json \(e\.g\.,? {NAME}"),
    re.compile(rf"^hook_name\s*[:|]\s*{NAME}(?:\s|$)"),
)
LAYER_PART = re.compile(rf"\.{LAYER}(?=\.|$)")


def read(page: Page) -> Iterator[Claim]:
    """Every statement about the form of `hook_name`."""
    for line in page.lines:
        seen: set[str] = set()
        for pattern in SAID:
            for match in pattern.finditer(line.text[:2000]):
                name = match.group(1).rstrip(".")
                if name not in seen:
                    seen.add(name)
                    yield HookForm(line=line.number, quote=line.quote, name=name, form=form_of(name))


def form_of(name: str) -> str:
    """Equal for names that differ only in layer and site: `blocks.N.hook_`, `transformer.h.N`, `model.layers.N.hook_`."""
    before, *after = LAYER_PART.split(name, maxsplit=1)
    rest = after[0] if after else ""
    return f"{before}.N" + (".hook_" if "hook_" in rest else "")
