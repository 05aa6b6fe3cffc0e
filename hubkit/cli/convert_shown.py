"""What `hubkit convert` says: each SAE, what it becomes and how equal it is, or why it does not."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubkit.words import many

if TYPE_CHECKING:
    from hubkit.convert.compare import Compared
    from hubkit.convert.run import Converted, Left, Outcome

SHOWN_KEYS = ("architecture", "d_in", "d_out", "d_sae", "k", "dtype", "apply_b_dec_to_input")


def lines(outcome: Outcome, *, dry_run: bool) -> Iterator[str]:
    """Markup, an SAE at a time, and the count."""
    from hubkit.validate.reporters.text import escape

    for one in outcome.converted:
        verb = "[bold]would write[/]" if dry_run else "[green]converted[/]"
        yield f"{verb} {escape(one.sae_id)} -> {escape(str(one.place))}"
        yield from (f"      {escape(line)}" for line in _about(one))
        yield from (f"      [yellow]note[/] {escape(note)}" for note in one.notes)
    for left in outcome.left:
        yield f"[red]{'not read' if left.unread else 'refused'}[/] {escape(left.sae_id)}: {escape(left.reason)}"
    yield _count(outcome, dry_run=dry_run)


def _about(one: Converted) -> Iterator[str]:
    cfg = one.plan.cfg
    metadata = cfg["metadata"]
    was = f"{one.plan.sae.family.name} {one.plan.sae.architecture}"
    yield f"{was}: " + ", ".join(f"{key} {_plain(cfg[key])}" for key in SHOWN_KEYS if key in cfg)
    to = f" -> {metadata['hook_name_out']}" if "hook_name_out" in metadata else ""
    yield f"{metadata['model_name']} at {metadata['hook_name']}{to}"
    yield "from " + ", ".join(f"{name} (sha256 {digest[:12]})" for name, digest in one.plan.sources.items())
    if one.compared is not None:
        yield from _compared(one.compared)


def _compared(found: Compared) -> Iterator[str]:
    whole = "all" if found.latents == found.of_latents else f"{found.latents:,} of {found.of_latents:,}"
    yield (
        f"equal on {found.rows} inputs, {found.boundary} of them on boundaries, {whole} latents: largest difference {found.largest_latents:.1e} of the latents, "
        f"{found.largest_reconstruction:.1e} of the reconstruction (SAELens {found.saelens} in float64)"
    )
    flipped = f", {found.flipped:.2%} of the latents decided otherwise by rounding" if found.flipped else ""
    yield f"as it is loaded, in {found.as_loaded_dtype}: {found.as_loaded:.1e}{flipped}"
    if found.ties:
        yield f"{many(found.ties, 'input')} with equal latents at k, of which the two keep different ones"
    if found.given is not None:
        yield f"the outputs that were given differ by at most {found.given:.1e}"


def _count(outcome: Outcome, *, dry_run: bool) -> str:
    done = f"{many(len(outcome.converted), 'SAE')} {'would be converted' if dry_run else 'converted'}"
    return f"[bold]{done}[/]" + (f", [bold red]{len(outcome.left)} not[/]" if outcome.left else "")


def next_step(out: Path) -> str:
    """What comes after."""
    from hubkit.validate.reporters.text import escape

    return escape(f"next: hubkit validate {shlex.quote(str(out))}, then hubkit init and build-cards")


def as_json(target: Path, outcome: Outcome, *, dry_run: bool) -> dict[str, Any]:
    """For `--format json`."""
    return {
        "schema_version": "1",
        "target": str(target),
        "to": "saelens",
        "dry_run": dry_run,
        "converted": [_converted(one) for one in outcome.converted],
        "refused": [_left(one) for one in outcome.left],
        "complete": not any(one.unread for one in outcome.left),
    }


def _converted(one: Converted) -> dict[str, Any]:
    return {
        "sae_id": one.sae_id,
        "out": str(one.place),
        "family": one.plan.sae.family.name,
        "architecture": one.plan.sae.architecture,
        "cfg": dict(one.plan.cfg),
        "sources": dict(one.plan.sources),
        "stated": dict(one.plan.said),
        "notes": list(one.notes),
        "compared": one.compared.to_json() if one.compared else None,
    }


def _left(one: Left) -> dict[str, Any]:
    measured: Mapping[str, Any] = one.measured
    return {"sae_id": one.sae_id, "reason": one.reason, "measured": dict(measured), "unread": one.unread}


def _plain(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
