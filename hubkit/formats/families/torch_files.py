"""SAEs published as bare torch files, one file each and no configuration: what they are stands in their names and in the card."""

from __future__ import annotations

import re
from collections.abc import Callable

from hubkit.formats.family import Family


def _any(pattern: str) -> Callable[[frozenset[str]], bool]:
    compiled = re.compile(pattern)
    return lambda names: any(compiled.fullmatch(name) for name in names)


QWEN_SCOPE = Family(
    name="qwen_scope",
    loader="SAELens by release name (converter qwen_scope); k, width and model stand in the repository's name",
    detect_files=_any(r"layer\d+\.sae\.pt"),
)

DEEPSEEK_R1 = Family(
    name="deepseek_r1",
    loader="SAELens by release name (converter deepseek_r1)",
    detect_files=_any(r"DeepSeek-R1-.*-SAE-l\d+\.pt"),
)

GOODFIRE = Family(
    name="goodfire",
    loader="SAELens by release name (converter goodfire)",
    detect_files=_any(r".+-SAE-l\d+\.pth?"),
)
"""After DEEPSEEK_R1, whose files are named in the same way."""

CONNOR_ROB_HOOK_Z = Family(
    name="connor_rob_hook_z",
    loader="SAELens by release name (converter connor_rob_hook_z)",
    detect=lambda cfg: {"act_name", "act_size", "dict_size"} <= cfg.keys(),
    detect_files=lambda names: any(
        name.endswith(".pt") and f"{name.removesuffix('.pt')}_cfg.json" in names for name in names
    ),
)
