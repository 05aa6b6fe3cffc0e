"""Taking the rows that are kept beside a pool, set by set, with their manifest written last. Needs torch where there is something to take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hubkit.collect.extras import AskedSet, extra_sets
from hubkit.errors import IncompleteError
from hubkit.release.digests import sha256_of_file
from hubkit.release.layout import ACTIVATIONS, EXTRAS
from hubkit.release.pool import Activations
from hubkit.release.pool_extras import ExtraSet, PoolExtras, forget_extras

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from hubkit.collect.completions import Completion
    from hubkit.collect.plan import CollectPlan
    from hubkit.engine.events import Progress
    from hubkit.inference.load import BaseModel
    from hubkit.inference.structure import Place
    from hubkit.release.pool import PoolManifest


def extras_are_there(plan: CollectPlan, out: Path, manifest: PoolManifest) -> bool:
    """Whether what the plan asks for beside the pool lies in `out`, whole. What nobody asks for is taken away."""
    folder = out / ACTIVATIONS
    if not asks_for_extras(plan):
        forget_extras(folder)
        return True
    try:
        extras = PoolExtras.load(folder / EXTRAS)
        return extras.inputs_sha256 == plan.extras_sha256(manifest.inputs_sha256) and all(
            sha256_of_file(folder / entry.file) == entry.sha256
            for kept in extras.sets
            for entry in kept.layers
        )
    except (IncompleteError, OSError):
        return False


def asks_for_extras(plan: CollectPlan) -> bool:
    """Whether anything is to be kept beside the pool."""
    also = plan.also
    controls = also.controls and plan.control_samples and any(one.control for one in plan.scenarios)
    return bool(controls or also.distances or also.word)


@dataclass(frozen=True)
class Taker:
    """What runs the model for the rows beside a pool."""

    plan: CollectPlan
    base: BaseModel
    places: Sequence[Place]
    batch_size: int
    report: Progress

    def take(self, out: Path, manifest: PoolManifest, completions: Sequence[Completion]) -> PoolExtras:
        """Run what the plan asks for, in memory that does not grow with it. Killed, it goes on with the set and the batch at which it stopped."""
        folder, digest = out / ACTIVATIONS, self.plan.extras_sha256(manifest.inputs_sha256)
        (folder / EXTRAS).unlink(missing_ok=True)  # what it says is about to become untrue
        asked = extra_sets(self.plan, self.base.tokenizer, completions)
        extras = PoolExtras(
            pool_sha256=manifest.inputs_sha256,
            d_in=self.base.d_in,
            distances=sorted(self.plan.also.distances),
            activations=Activations(
                dtype=self.plan.precision.compute,
                device=str(self.base.model.device),
                batch_size=self.batch_size,
                taken="afterwards",
            ),
            sets=[self._taken(one, folder, digest) for one in asked],
            inputs_sha256=digest,
        )
        forget_extras(folder, but={one.name for one in asked})
        extras.save(folder / EXTRAS)
        return extras

    def _taken(self, asked: AskedSet, folder: Path, digest: str) -> ExtraSet:
        from hubkit.collect.activations import Passage
        from hubkit.collect.rows import prompts_of, run_again, write_layers

        prompts = prompts_of(self.plan, self.base)
        passages = [
            Passage(
                one.completion.completion_id,
                prompts[one.completion.scenario_id, one.completion.variant],
                one.token_ids,
                one.kept,
            )
            for one in asked.asked
        ]
        pooling = "all" if asked.each else self.plan.pooling
        taking = run_again(self.base, passages, pooling, places=self.places, batch_size=self.batch_size)
        layers = write_layers(taking, folder / asked.name, self.base.d_in, digest, self.report)
        return ExtraSet(
            name=asked.name,
            rows=[row for one in asked.asked for row in one.rows],
            without=asked.without,
            layers=[entry.model_copy(update={"file": f"{asked.name}/{entry.file}"}) for entry in layers],
        )
