"""What a configuration file decided, in a line: a reader sees at once that one was obeyed, and whether it came with what it is about."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from hubkit.validate.finding import Severity
from hubkit.validate.report import Ignored, Report
from hubkit.validate.rule import REGISTRY
from hubkit.validate.selection import ON_THE_COMMAND_LINE
from hubkit.words import many

STALE, STALE_SHOWN = "stale", 4


def configuration(report: Report) -> str:
    """`hubkit.toml (ignores SEC001, CFG012 in old/*; THR010 counts as note)`."""
    ignores = ", ".join(dict.fromkeys(_name(one) for one in _of_file(report)))
    changed = [f"{code} counts as {severity.word}" for code, severity in sorted(report.severities.items())]
    said = "; ".join([*([f"ignores {ignores}"] if ignores else []), *changed, *report.config_narrows])
    return f"{report.config} ({said})" if said else str(report.config)


def set_aside(report: Report) -> str:
    """What a file in the target itself takes from the grave: errors and secrets, ignored, counted as less or not asked. Empty where there is no such thing."""
    if not report.config or not _is_within(report.config, report.folder):
        return ""
    ignored = [
        f"{_name(one)} ({'not asked' if one.suppressed is None else many(one.suppressed, 'finding')})"
        for one in _of_file(report)
        if one.suppressed != 0 and _is_grave(one.code)
    ]
    lowered = [
        f"{code} (counts as {severity.word})"
        for code, severity in sorted(report.severities.items())
        if severity < Severity.ERROR and _is_grave(code)
    ]
    what = ", ".join([*ignored, *lowered])
    said = [*([f"sets aside {what}"] if what else []), *report.config_narrows]
    return f"{report.config} of this very folder {' and '.join(said)}" if said else ""


def accepted(report: Report) -> Iterator[tuple[str, str]]:
    """What does not count, and who said so: what it is by a word, and the sentence. STALE are lines of the baseline that no longer hold."""
    for one in report.ignored:
        count = "not asked" if one.suppressed is None else many(one.suppressed, "finding")
        yield "ignored", f"{_name(one)}: {count}; {one.reason}"
    for code, severity in sorted(report.severities.items()):
        yield "changed", f"{code} counts as {severity.word}"
    if report.baseline:
        stale = len(report.baseline.stale)
        yield "baseline", f"{many(report.baseline.suppressed, 'known finding')} ({report.baseline.path})"
        if stale:
            drops = f"--write-baseline drops {'it' if stale == 1 else 'them'}"
            yield "", f"{many(stale, 'line')} no longer true; {drops}"
        for known in report.baseline.stale[:STALE_SHOWN]:
            yield STALE, f"{known.code} {known.sae_id or ''}: {known.message}"


def _of_file(report: Report) -> list[Ignored]:
    return [one for one in report.ignored if one.reason != ON_THE_COMMAND_LINE]


def _name(one: Ignored) -> str:
    return one.code + "".join(f" in {glob}" for glob in (one.path, one.sae_id) if glob)


def _is_grave(code: str) -> bool:
    """Whether a code, or the beginning of one, is of an error or of what must never be published."""
    return any(
        name.startswith(code) and (rule.severity is Severity.ERROR or name.startswith("SEC"))
        for name, rule in REGISTRY.items()
    )


def _is_within(file: str, folder: str | None) -> bool:
    """Both as they are seen from the working directory; a path that is not below it is absolute."""
    if folder is None:
        return False
    return not Path(file).is_absolute() if folder == "." else Path(file).is_relative_to(folder)
