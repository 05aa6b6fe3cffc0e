"""Values as Markdown: the filters of the templates. What was not measured never comes out as a number."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from hubkit.measures.catalogue import CATALOGUE
from hubkit.measures.measure import OnCard
from hubkit.release.metrics import MetricValue

if TYPE_CHECKING:
    from hubkit.release.evidence import StatedValue

MISSING = "not measured"
GAP = "–"
DECIMALS = OnCard().decimals
ADDRESS = re.compile(r"\b\d+\b")
MARKED = re.compile(r"[\[\]`*]|__|https?:|www\.")
"""What makes a text more than a text."""
BACKTICKS = re.compile("`+")
WORD = re.compile(r"[\w.+-]{0,80}")
LONGEST_NAME = 60


def number(value: float | None, digits: int = 3) -> str:
    """A number with a fixed count of digits after the point, or "not measured"."""
    return MISSING if value is None else f"{value:,.{digits}f}"


def percent(value: float | None, digits: int = 1) -> str:
    """A share as a percentage."""
    return MISSING if value is None else f"{100 * value:.{digits}f} %"


def points(value: float) -> str:
    """A difference of shares in percentage points, signed."""
    return f"{100 * value:+.1f}"


def p_value(value: float) -> str:
    """With its sign: two digits, or that it is below a thousandth."""
    return "< 0.001" if value < 0.001 else f"= {value:.2g}"


def digits(value: float) -> str:
    """A number of any size with three digits that matter: 0.995, 16, 2,843, 0.0169."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def plain(value: object) -> str:
    """A number as it was written: 0.001, 300, 1e-05."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def interval(metric: MetricValue | None, digits: int = DECIMALS) -> str:
    """`0.812 [0.760, 0.861]`, or why there is no number."""
    if metric is None:
        return MISSING
    if metric.value is None:
        return f"{MISSING} ({cell(metric.reason or 'no reason given')})"
    value = f"{metric.value:,.{digits}f}"
    bounds = [f"{edge:,.{digits}f}" for edge in metric.interval or ()]
    if set(bounds) == {value}:  # a TopK's L0: nothing varies
        return _shortest(metric.value)
    return f"{value} [{', '.join(bounds)}]" if bounds else value


def _shortest(value: float) -> str:
    return f"{value:,.0f}" if value == round(value) else digits(value)


def short(metric: MetricValue | None) -> str:
    """As `interval`, for a table with many gaps."""
    if metric is None or metric.value is None:
        return GAP
    if metric.interval is None:
        return digits(metric.value)
    measure = CATALOGUE.get(metric.measure)
    return interval(metric, measure.on_card.decimals if measure else DECIMALS)


def stated_value(value: StatedValue) -> str:
    """`0.778 [0.723, 0.833]`, `0.475 (0.215, standard deviation over 5 folds)`: as far as the author states it."""
    spread = f" ({value.spread.value:.3g}, {value.spread.kind})" if value.spread else ""
    if value.written is not None:
        return cell(value.written)
    if value.interval is None:
        return cell(digits(value.value) + spread)
    method = f" ({value.interval_method})" if value.interval_method else ""
    return cell(
        f"{digits(value.value)} [{digits(value.interval[0])}, {digits(value.interval[1])}]{method}{spread}"
    )


def cell(value: object) -> str:
    """Text inside a table: no bar, no line end, no HTML."""
    return (
        str(value)
        .replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace("|", "\\|")
        .replace("\r", " ")
        .replace("\n", " ")
    )


def inline(value: object) -> str:
    """Text of others in a sentence: no line end, no HTML."""
    return " ".join(str(value).replace("&", "&amp;").replace("<", "&lt;").split())


def foreign(value: object) -> str:
    """A value out of somebody's file, in a table or a sentence: as code where Markdown would make a link, an image or an emphasis of it."""
    text = str(value)
    return code(text) if MARKED.search(text) else cell(text)


def word(name: str) -> str:
    """A name out of somebody's file: one word as it is, anything else as code."""
    return name if WORD.fullmatch(name) else code(name[:LONGEST_NAME])


def code(value: object) -> str:
    """Inline code, also for text that holds a backtick, and inside a table."""
    text = str(value).replace("\r", "").replace("\n", "⏎").replace("|", "\\|")
    if "`" not in text:
        return f"`{text}`"
    fence = "`" * (1 + max(map(len, BACKTICKS.findall(text))))
    return f"{fence} {text} {fence}"


def literal(value: object) -> str:
    """A string as Python code has it: whatever it holds, it ends where it ends."""
    text = str(value)
    return f'"{text}"' if text.isprintable() and '"' not in text and "\\" not in text else repr(text)


def sentence(text: str) -> str:
    """With a capital and a full stop."""
    text = text.strip()
    ended = text if text.endswith((".", "!", "?", ":")) else f"{text}."
    return ended[:1].upper() + ended[1:]


def capital(text: str) -> str:
    """With a capital."""
    return text[:1].upper() + text[1:]


def uncapital(text: str) -> str:
    """Without a capital, where the first word is an ordinary one: `SAE`, `I` and `E2B-IT` stay."""
    return text[:1].lower() + text[1:] if re.match(r"[A-Z][a-z]|A ", text) else text


def reference(text: str) -> str:
    """What an SAE is compared with: an id as code, words as they are."""
    return code(text) if " " not in text else text


def hook_pattern(names: Iterable[str]) -> str:
    """Names that differ in one number as first to last, others as a list: `blocks.3.hook_resid_post` to `blocks.21.hook_resid_post`."""
    ordered = sorted(set(names), key=lambda name: ([int(n) for n in ADDRESS.findall(name)], name))
    if len(ordered) > 2 and len({ADDRESS.sub("", name) for name in ordered}) == 1:
        return f"{code(ordered[0])} to {code(ordered[-1])}"
    return ", ".join(code(name) for name in ordered) or "no hook is recorded"


FILTERS: dict[str, Callable[..., Any]] = {
    one.__name__: one
    for one in (
        number, percent, points, p_value, digits, plain, interval, short, stated_value, cell, foreign, inline, code, sentence, capital, uncapital, reference,
        hook_pattern, literal,
    )
}  # fmt: skip
