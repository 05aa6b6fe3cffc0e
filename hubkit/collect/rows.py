"""From judged completions to the rows of a pool, and their activations to files. Needs torch."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

from hubkit.collect.activations import (
    Passage,
    finished_batches,
    pool_outputs,
    pool_states,
    refuse_small_disk,
    write_rows,
)
from hubkit.collect.row_files import RowFile
from hubkit.inference.prompts import Prompts
from hubkit.inference.site import RESID_POST
from hubkit.inference.tokens import prompt_ids
from hubkit.release.digests import sha256_of_file
from hubkit.release.pool import PoolLayer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from hubkit.collect.activations import Rows
    from hubkit.collect.completions import Completion
    from hubkit.collect.manifest import Pooled
    from hubkit.collect.plan import CollectPlan, Pooling
    from hubkit.collect.sampling import Sampling
    from hubkit.engine.events import Progress
    from hubkit.inference.load import BaseModel
    from hubkit.inference.structure import Place


@dataclass(frozen=True)
class Taking:
    """Batches of passages, and what gives the rows of one."""

    places: Sequence[Place]
    """What is taken; two may be the output of one module."""
    sizes: Sequence[int]
    """Rows of each batch."""
    rows_of: Callable[[int], Rows]


def afterwards(
    plan: CollectPlan,
    base: BaseModel,
    completions: Sequence[Completion],
    pooled: Pooled,
    *,
    places: Sequence[Place],
    batch_size: int,
) -> Taking:
    """Run the stored tokens of the decisive completions once more."""
    passages = _passages(plan, base, completions, pooled)
    return run_again(base, passages, plan.pooling, places=places, batch_size=batch_size)


def run_again(
    base: BaseModel,
    passages: Sequence[Passage],
    pooling: Pooling,
    *,
    places: Sequence[Place],
    batch_size: int,
) -> Taking:
    """The rows of passages in their order, from one run of their tokens."""
    batches = [passages[start : start + batch_size] for start in range(0, len(passages), batch_size)]
    paths, prompts = [place.hf_hook_name for place in places], Prompts(base)

    def rows_of(number: int) -> Rows:
        return pool_outputs(base, paths, batches[number], pooling, prompts)

    return Taking(places, _sizes(pooling, batches), rows_of)


def while_sampling(
    plan: CollectPlan,
    base: BaseModel,
    completions: Sequence[Completion],
    pooled: Pooled,
    *,
    places: Sequence[Place],
    sampling: Sampling,
) -> Taking:
    """Pool what was kept of every token while it was drawn."""
    passages = {one.completion_id: one for one in _passages(plan, base, completions, pooled)}
    batches, kept = [], []
    for number, start in enumerate(range(0, len(completions), sampling.how.batch_size)):
        drawn = completions[start : start + sampling.how.batch_size]
        begins = [0, *accumulate(len(one.token_ids) for one in drawn)]
        if any(one.decisive for one in drawn):
            batches.append([passages[one.completion_id] for one in drawn if one.decisive])
            offsets = [begin for one, begin in zip(drawn, begins, strict=False) if one.decisive]
            kept.append((number, offsets))

    def rows_of(at: int) -> Rows:
        number, offsets = kept[at]
        return pool_states(sampling.states(number), batches[at], offsets, plan.pooling)

    return Taking(places, _sizes(plan.pooling, batches), rows_of)


def _sizes(pooling: Pooling, batches: Sequence[Sequence[Passage]]) -> list[int]:
    return [sum(one.rows(pooling) for one in batch) for batch in batches]


def write_layers(taking: Taking, folder: Path, d_in: int, digest: str, report: Progress) -> list[PoolLayer]:
    """Write a file for each layer, in memory that does not grow with the number of rows; what a killed run wrote stays.

    Raises HubkitError where the disk has not the room.
    """
    sizes, total = taking.sizes, sum(taking.sizes)
    files = [(place, RowFile(folder / _file_name(place), (total, d_in), digest)) for place in taking.places]
    outputs = [(place.hf_hook_name, file) for place, file in files]
    first = finished_batches(outputs, sizes)
    refuse_small_disk(folder, 4 * sum(sizes[first:]) * d_in * len(files))
    batches = (taking.rows_of(number) for number in range(first, len(sizes)))
    write_rows(outputs, batches, sizes[:first], total, report)
    for stale in set(folder.glob("layer_*")) - {file.path for _, file in files}:
        stale.unlink()
    return [
        PoolLayer(
            layer=place.layer,
            hook_name=place.hook_name,
            hf_hook_name=place.hf_hook_name,
            file=file.path.name,
            sha256=sha256_of_file(file.path),
        )
        for place, file in files
    ]


def _file_name(place: Place) -> str:
    site = "" if place.site == RESID_POST else f"_{place.site}"
    return f"layer_{place.layer:02d}{site}.safetensors"


def prompts_of(plan: CollectPlan, base: BaseModel) -> dict[tuple[str, str], tuple[int, ...]]:
    """The tokens of each prompt, by scenario and variant."""
    return {
        (one.scenario_id, one.variant): tuple(prompt_ids(base.tokenizer, one, chat=plan.chat))
        for one in plan.scenarios
    }


def _passages(
    plan: CollectPlan, base: BaseModel, completions: Sequence[Completion], pooled: Pooled
) -> list[Passage]:
    prompts = prompts_of(plan, base)
    return [
        Passage(
            one.completion_id, prompts[one.scenario_id, one.variant], one.token_ids, pooled[one.completion_id]
        )
        for one in completions
        if one.decisive
    ]
