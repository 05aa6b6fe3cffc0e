"""The plan of a study as a person reads it: `hubkit run --dry-run`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hubkit.console import Console
    from hubkit.study.forecast import Forecast
    from hubkit.study.study import Study
    from hubkit.train.plan import CrossFit


def show_plan(console: Console, studies: Sequence[Study], crossfit: CrossFit, workers: int) -> None:
    """Every release, then all of them. Raises UsageError where a grid needs a width that is not known here."""
    from hubkit.study.forecast import duration, forecast
    from hubkit.words import human_bytes

    found = [forecast(one, crossfit, workers) for one in studies]
    for one in found:
        _show(console, one, workers)
    if len(found) > 1:
        known = [one.trained for one in found if one.trained]
        together = sum(one.seconds for one in known) + sum(one.collecting or 0 for one in found)
        some = ";" if len(known) == len(found) else f"; of {len(known)} releases whose width is known"
        console.show(
            f"[bold]{sum(one.saes for one in found):,} SAEs in {len(found)} releases[/], {sum(one.units for one in found):,} trained with those of folds, controls and other seeds"
            f"{some} weights {human_bytes(sum(one.published for one in known))}, work on disk {human_bytes(sum(one.disk for one in known))}, about {duration(together)} here"
        )
    console.say(
        "[dim]nothing was run; times are of a quiet machine, every completion decided, dense products[/]"
    )


def _show(console: Console, one: Forecast, workers: int) -> None:
    from rich.markup import escape

    from hubkit.study.forecast import duration
    from hubkit.words import human_bytes, many

    console.show(
        f"[bold]{escape(one.name)}[/]: {many(one.saes, 'SAE')} of {escape(one.base_model)} to {escape(one.repo_id)}"
    )
    console.show(
        f"  layers {', '.join(map(str, one.layers))}; {escape(', '.join(one.conditions))}; {one.completions:,} completions in {escape(one.precision)}"
    )
    for (architecture, k, d_in, d_sae), count in one.kinds.items():
        expansion = f" ({d_sae / d_in:g}x)" if d_in else ""
        target = f", k {k}" if k is not None else ""
        console.show(f"  {count:>4} {escape(architecture)}{target}: {d_in or '?'} -> {d_sae}{expansion}")
    collecting = duration(one.collecting) if one.collecting is not None else "not known"
    held = human_bytes(one.model_memory) if one.model_memory is not None else "not known"
    if one.trained:
        console.show(
            f"  weights {human_bytes(one.trained.published)}; {one.units:,} SAEs with folds and controls, {human_bytes(one.trained.disk)} on disk"
        )
    time = duration(one.trained.seconds) if one.trained else "not known"
    memory = human_bytes(one.trained.memory) if one.trained else "not known"
    console.show(
        f"  time here: collecting {collecting}, training {time}; memory: base model {held}, training {memory} in {'1 process' if workers == 1 else f'{workers} processes'}"
    )
    for note in one.notes:
        console.show(f"  [yellow]note[/] {escape(note)}")
