"""Facts to README.md: each section's context into its template, joined, with the front matter before them. Same facts, same bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined

from hubkit import __version__
from hubkit.cards import sections
from hubkit.cards.facts import Facts
from hubkit.release.metrics import MetricValue

Section = Callable[[Facts], "dict[str, Any] | None"]


def render_card(facts: Facts) -> str:
    """The whole card. A section whose function answers None does not apply and leaves no trace."""
    environment = Environment(
        loader=PackageLoader("hubkit.cards"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=False,
        autoescape=False,  # noqa: S701 - Markdown, whose values `cell` and `code` escape
    )
    environment.filters |= {
        "percent": percent,
        "number": number,
        "cell": cell,
        "interval": interval,
        "code": code,
    }
    parts = []
    for name, section in sections.ALL.items():
        context = section(facts)
        if context is not None:
            parts.append(environment.get_template(f"{name}.md.j2").render(context).strip() + "\n")
    body = "\n".join(parts)
    return front_matter(facts, body) + "\n" + body


def front_matter(facts: Facts, body: str) -> str:
    """What the Hub reads: library, base model, licence, tags; and two digests, which tell a stale card and one edited by hand."""
    settings = facts.settings
    data: dict[str, Any] = {
        "library_name": "saelens",
        "base_model": settings.base_model,
        "license": settings.license,
        "tags": ["sparse-autoencoder", "saelens", "interpretability", *settings.tags],
    }
    if settings.datasets:
        data["datasets"] = list(settings.datasets)
    data["hubkit"] = {"version": __version__, "facts_sha256": facts.digest, "body_sha256": body_digest(body)}
    return "---\n" + yaml.safe_dump(data, sort_keys=False, allow_unicode=True) + "---\n"


def body_digest(body: str) -> str:
    """The digest of a card's text below its front matter."""
    return hashlib.sha256(body.strip().encode("utf-8")).hexdigest()


def number(value: float | None, digits: int = 3) -> str:
    """A number with a fixed count of digits after the point, or "not measured"."""
    return "not measured" if value is None else f"{value:,.{digits}f}"


def percent(value: float | None) -> str:
    """A share as a percentage with one digit."""
    return "not measured" if value is None else f"{100 * value:.1f} %"


def interval(metric: MetricValue | None, digits: int = 3) -> str:
    """`0.812 [0.760, 0.861]`, or why there is no number."""
    if metric is None:
        return "not measured"
    if metric.value is None:
        return f"not measured ({cell(metric.reason or 'no reason given')})"
    bounds = (
        f" [{metric.interval[0]:,.{digits}f}, {metric.interval[1]:,.{digits}f}]" if metric.interval else ""
    )
    return f"{metric.value:,.{digits}f}{bounds}"


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


def code(value: object) -> str:
    """Inline code, also for text that holds a backtick."""
    text = str(value).replace("\n", " ")
    return f"`` {text} ``" if "`" in text else f"`{text}`"
