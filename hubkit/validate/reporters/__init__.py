"""One file per output; each renders the same Report. What a file imports is paid for only by those who ask for it."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hubkit.validate.report import Report

PLAIN = ("json", "sarif", "github", "markdown", "html")
"""Formats that are data, or a page; `text` is for a person and is markup of the console's kind."""


def render(report: Report, name: str, *, notes: bool = False) -> str:
    """The report in one of the PLAIN formats, ending in a newline. Those for programs have every note; the others only with `notes`."""
    if name not in PLAIN:
        raise ValueError(f"{name!r} is none of {', '.join(PLAIN)}")
    rendered: str = import_module(f"hubkit.validate.reporters.{name}").render(report, notes=notes)
    return rendered
