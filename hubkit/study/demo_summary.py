"""What the demo proved, in words and in numbers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hubkit.cards.render import interval
from hubkit.release.folds import scenario_folds
from hubkit.study.demo import Demo, weights_bytes
from hubkit.validate.finding import Severity
from hubkit.validate.reporters.text import escape
from hubkit.words import human_bytes


def holds(demo: Demo) -> bool:
    """Whether everything that the demo is there to show was so."""
    return all(ok for _, ok, _ in proofs(demo))


def proofs(demo: Demo) -> list[tuple[str, bool, str]]:
    """(what, whether it holds, the evidence) for each claim of the demo."""
    snippet, verification, clean = demo.rehearsal.snippet, demo.rehearsal.verification, demo.clean_report
    errors = clean.count(Severity.ERROR)
    worst = snippet.checked.get("max_difference") if snippet else None
    codes = sorted({finding.code for finding in demo.naive_report.findings})
    learned = [sae for sae in clean.saes if sae.architecture == "jumprelu"]
    bad = {finding.sae_id for finding in clean.findings if finding.code.startswith("THR")}
    return [
        ("the SAEs validate", errors == 0 and clean.complete, f"{len(clean.saes)} SAEs, {errors} errors, {clean.count(Severity.WARNING)} warnings"),
        ("the JumpReLU thresholds have learned", not bad, f"{len(learned) - len(bad)} of {len(learned)}"),
        ("the naive JumpReLU is caught", "THR001" in codes, f"{', '.join(codes)}; the gate refused to publish it"),
        ("one commit equals the folder", verification.ok, f"{verification.compared} files at {verification.commit[:12]}, {len(verification.differing)} differ"),
        ("the card's own code ran", snippet is not None and snippet.ok, f"{snippet.blocks} blocks, {snippet.seconds:.0f} s" if snippet else "not run"),
        ("SAELens loads them from that Hub with equal outputs", worst == 0, f"{snippet.checked.get('loaded', 0) if snippet else 0} SAEs, largest difference {worst}"),
    ]  # fmt: skip


def as_markup(demo: Demo, seconds: float) -> str:
    """For a person."""
    lines = ["", f"[bold]What was proved[/]  [dim]({seconds:.0f} s)[/]"]
    lines += [
        f"  {'[green]ok[/]    ' if ok else '[bold red]FAILED[/]'}  {escape(what)}: [dim]{escape(evidence)}[/]"
        for what, ok, evidence in proofs(demo)
    ]
    lines += [
        "",
        "[bold]What was measured[/]  [dim](balanced accuracy within scenarios, on rows that neither probe nor SAE has seen; chance .5, ceiling .85)[/]",
    ]
    lines += [
        f"  layer {layer.layer}  raw activations {interval(layer.get('probe_balanced_accuracy'))}"
        for layer in demo.outcome.evaluation.layers
    ]
    lines += ["", *_comparison(demo), "", "[bold]Where it is[/]"]
    return "\n".join(
        [*lines, *(f"  [cyan]{escape(str(path))}[/]  {escape(what)}" for path, what in _places(demo))]
    )


def _places(demo: Demo) -> list[tuple[Path, str]]:
    """What lies where, and what to type to use it."""
    release = demo.outcome.folders.release
    size = human_bytes(weights_bytes(release))
    hub, study = demo.folder / "hub", demo.folder / "study.yaml"
    beside = len(demo.clean_report.saes) * len(set(scenario_folds(demo.outcome.pool)))
    return [
        (release, f"the release: README.md, {len(demo.clean_report.saes)} SAEs ({size} of weights), evaluation.json, provenance.json"),
        (demo.naive, "the naive release"),
        (hub, f"the local Hub: hubkit hub serve {_typed(hub)}"),
        (study, f"the study: hubkit run --rows-only {_typed(study)} finds it done; without --rows-only {beside:,} more SAEs are trained, those of whole-scenario folds, which takes minutes"),
    ]  # fmt: skip


def _typed(path: Path) -> str:
    """A path as it can be pasted into a shell."""
    return f'"{path}"' if " " in str(path) else str(path)


def _comparison(demo: Demo) -> list[str]:
    comparisons = demo.outcome.evaluation.comparisons
    judged = [c.difference.interval for c in comparisons if c.difference.interval]
    above, below = sum(low > 0 for low, _ in judged), sum(high < 0 for _, high in judged)
    alone = len(comparisons) - len(judged)
    return [
        f"  of {len(judged)} SAE probes {above} are above the raw activations of their layer and {below} below (95 %); {len(judged) * 0.025:.1f} on either side would be chance; {alone} SAEs of one label are compared with nothing"
    ]


def as_json(demo: Demo, seconds: float) -> str:
    """For programs, and for the tests."""
    data: dict[str, Any] = {
        "seconds": round(seconds, 1),
        "holds": holds(demo),
        "proofs": [{"claim": what, "holds": ok, "evidence": evidence} for what, ok, evidence in proofs(demo)],
        "release": str(demo.outcome.folders.release),
        "naive": str(demo.naive),
        "commit": demo.rehearsal.pushed.commit,
        "refusal": demo.refusal,
        "layers": {
            str(layer.layer): layer.model_dump(mode="json")["values"]
            for layer in demo.outcome.evaluation.layers
        },
        "snippet": {"error": demo.rehearsal.snippet.error, "output": demo.rehearsal.snippet.output}
        if demo.rehearsal.snippet
        else None,
    }
    return json.dumps(data, indent=2, ensure_ascii=False)
