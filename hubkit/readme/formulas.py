"""Formulas in a card, `$d_{\\text{sae}} = 2^{14}$`, as the words that they stand for: `d_sae = 2^14`."""

from __future__ import annotations

import re

FORMULA = re.compile(
    r"\$\$(?=\S)([^$\n]{1,300}?)(?<=\S)\$\$|(?<![\\\w$])\$(?=\S)([^$\n]{1,300}?)(?<=\S)\$(?!\d)|\\\((.{1,300}?)\\\)"
)
"""As Pandoc has it: a dollar before a blank, or one that a digit follows, is money."""
NAMES = {
    "times": "x", "cdot": "x", "to": "→", "rightarrow": "→", "longrightarrow": "→", "mapsto": "→", "approx": "~", "sim": "~", "ell": "layer", "leq": "≤", "le": "≤", "geq": "≥", "ge": "≥",
    "ldots": "...", "dots": "...", "mathbb": "", "quad": " ", "qquad": " ", "lVert": "‖", "rVert": "‖",
}  # fmt: skip
SPACED = (
    (r"{,}", ","),
    (r"\,", "\u2009"),
    (r"\;", " "),
    (r"\ ", " "),
    (r"\%", "%"),
    (r"\_", "_"),
    (r"\#", "#"),
    (r"\&", "&"),
)
FONT = re.compile(
    r"\\(?:text|textrm|textbf|textit|mathrm|mathbf|mathit|mathsf|mathtt|operatorname)\{([^{}]{0,100})\}"
)
COMMAND = re.compile(r"\\([A-Za-z]{1,20})(?![A-Za-z])")
SUBSCRIPT = re.compile(r"_\{([^{}]{1,40})\}|\b([Ll])_(\d)")
RAISED = re.compile(r"\^\{(\d{1,3})\}")


def without_formulas(text: str) -> str:
    """`text` with every formula in words. Linear in its length."""
    if "$" not in text and "\\(" not in text:
        return text
    return FORMULA.sub(lambda match: _words(next(filter(None, match.groups()), "")), text)


def _words(formula: str) -> str:
    for sign, word in SPACED:
        formula = formula.replace(sign, word)
    formula = FONT.sub(r"\1", formula)
    formula = COMMAND.sub(lambda match: NAMES.get(match.group(1), match.group(1)), formula)
    formula = SUBSCRIPT.sub(
        lambda match: f"_{match.group(1)}" if match.group(1) else f"{match.group(2)}{match.group(3)}", formula
    )
    return RAISED.sub(r"^\1", formula)
