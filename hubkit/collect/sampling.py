"""Sampling the completions of a plan, batch by batch, each on disk before the next begins. torch is imported when there is something to draw."""

from __future__ import annotations

import json
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from hubkit.collect.completions import Completion, as_completion
from hubkit.collect.judges import NoisyJudge, Reply, TextJudge
from hubkit.collect.scenarios import completion_seed
from hubkit.engine.events import Event, Progress
from hubkit.errors import IncompleteError
from hubkit.inference.tokens import prompt_ids
from hubkit.release.pool import SampledHow, Smaller
from hubkit.release.writing import replacing, write_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import numpy as np

    from hubkit.collect.plan import CollectPlan
    from hubkit.inference.generate import Sampled
    from hubkit.inference.load import BaseModel
    from hubkit.inference.prompts import Prompts

FOLDER = "sampling"
"""The finished batches, while others are still to be drawn."""
HOW = "how.json"


@dataclass(frozen=True)
class Place:
    """Which completion: the number of its scenario in the plan, and its own number there."""

    position: int
    index: int


def batches_of(plan: CollectPlan, how: SampledHow) -> list[list[Place]]:
    """What is drawn together: neighbours in the order of the plan, whatever their scenarios."""
    places = [
        Place(position, index)
        for position in range(len(plan.scenarios))
        for index in range(plan.samples_of(position))
    ]
    return [[places[number] for number in batch] for batch in how.batches(len(places))]


class Sampling:
    """The completions of a plan below a work folder: what is there, and what is still to be drawn."""

    def __init__(self, plan: CollectPlan, base: BaseModel, out: Path, sampled_as: str) -> None:
        """`sampled_as` is the digest of the sampling; batches of another one that lie there are drawn anew."""
        from hubkit.inference.prompts import Prompts

        self.plan, self.base, self.folder, self.sampled_as = plan, base, out / FOLDER, sampled_as
        self.prompts = [tuple(prompt_ids(base.tokenizer, one, chat=plan.chat)) for one in plan.scenarios]
        self._begun: Prompts = Prompts(base)
        self.how = self._recorded() or self._decide()
        self.batches = batches_of(plan, self.how)

    def run(self, module_paths: Sequence[str], report: Progress) -> list[Completion]:
        """Every completion, unjudged, in the order of the plan; with `module_paths` the states of their tokens are kept (`states`)."""
        completions: list[Completion] = []
        pace = _Pace(self.plan, report)
        with _threads(self.how.threads):
            while (number := pace.batches) < len(self.batches):
                found = self._read(number, module_paths)
                fresh = found is None
                if found is None:
                    found = self._draw(number, module_paths)
                if found is None:
                    self._take_fewer(number)
                    continue
                completions.extend(found)
                pace.tell(found, fresh=fresh)
        return completions

    @property
    def seconds(self) -> float:
        """What drawing took, in all runs together."""
        parts = [json.loads(self._file(number).read_bytes()) for number in range(len(self.batches))]
        return sum(float(part["seconds"]) for part in parts)

    def states(self, number: int) -> dict[str, np.ndarray]:
        """Module path -> (tokens of all completions of batch `number`, d) float32."""
        from safetensors.numpy import load_file

        return load_file(self._file(number).with_suffix(".safetensors"))

    def draw_again(self, number: int) -> list[Sampled]:
        """The completions of batch `number`, drawn anew from their seeds."""
        from hubkit.inference.generate import sample

        with _threads(self.how.threads):
            return sample(self.base, [self._asked(place) for place in self.batches[number]], self._begun)

    def _recorded(self) -> SampledHow | None:
        """What a killed run of the same sampling decided."""
        try:
            found = json.loads((self.folder / HOW).read_bytes())
            return (
                SampledHow.model_validate(found["how"])
                if found["sampled_sha256"] == self.sampled_as
                else None
            )
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _decide(self) -> SampledHow:
        """Once, before anything is drawn: it is written down, and holds for the runs that go on."""
        import torch

        from hubkit.inference.prompts import PADDING
        from hubkit.inference.room import batch_size_for

        longest = max(map(len, self.prompts))
        most = max(one.decoding(self.plan.decoding).max_new_tokens for one in self.plan.scenarios)
        how = SampledHow(
            batch_size=self.plan.batch_size or batch_size_for(self.base, longest, most),
            threads=torch.get_num_threads(),
            padding=PADDING,
            device=str(self.base.model.device),
        )
        for stale in self.folder.glob("*") if self.folder.is_dir() else ():
            stale.unlink()
        self.folder.mkdir(parents=True, exist_ok=True)
        self._write(how)
        return how

    def _write(self, how: SampledHow) -> None:
        written = {"sampled_sha256": self.sampled_as, "how": how.model_dump(mode="json")}
        write_bytes(self.folder / HOW, json.dumps(written).encode())

    def _take_fewer(self, number: int) -> None:
        """Draw from batch `number` on with half as many at once: written down before they are, and what was drawn stays. Raises HubkitError."""
        from hubkit.inference.prompts import Prompts
        from hubkit.inference.room import halved

        self._begun = Prompts(self.base)  # keys and values of prompts take room, too
        size = halved(self.base, len(self.batches[number]))
        for later in range(number, len(self.batches)):
            self._file(later).unlink(missing_ok=True)
        smaller = Smaller(completion=sum(map(len, self.batches[:number])), batch_size=size)
        self.how = self.how.model_copy(update={"smaller": [*self.how.smaller, smaller]})
        self._write(self.how)
        self.batches = batches_of(self.plan, self.how)

    def _asked(self, place: Place) -> Any:
        from hubkit.inference.generate import Draw

        scenario = self.plan.scenarios[place.position]
        seed = completion_seed(self.plan.seed, scenario.key, place.index)
        return Draw(self.prompts[place.position], seed, scenario.decoding(self.plan.decoding))

    def _draw(self, number: int, module_paths: Sequence[str]) -> list[Completion] | None:
        """None where an accelerator has no room for the batch."""
        import torch

        from hubkit.inference.generate import sample

        begun = time.monotonic()
        places = self.batches[number]
        asked = [self._asked(place) for place in places]
        try:
            drawn = sample(self.base, asked, self._begun, module_paths=module_paths)
        except torch.OutOfMemoryError:
            return None
        found = [self._completion(place, one) for place, one in zip(places, drawn, strict=True)]
        if module_paths:
            self._keep_states(number, module_paths, drawn)
        part = {
            "seconds": time.monotonic() - begun,
            "module_paths": list(module_paths),
            "completions": [asdict(completion) for completion in found],
        }
        write_bytes(self._file(number), json.dumps(part).encode())  # last: what it says is there is there
        return found

    def _completion(self, place: Place, one: Sampled) -> Completion:
        scenario = self.plan.scenarios[place.position]
        return Completion(
            completion_id=f"{scenario.key}/{place.index:04d}",
            scenario_id=scenario.scenario_id,
            variant=scenario.variant,
            text=one.text,
            token_ids=one.token_ids,
            seed=one.seed,
            control=scenario.control,
            ended=one.ended,
        )

    def _keep_states(self, number: int, module_paths: Sequence[str], drawn: list[Sampled]) -> None:
        import torch
        from safetensors.torch import save_file

        kept = {
            path: torch.cat(
                [one.states[path] for one in drawn if one.token_ids] or [torch.zeros(0, self.base.d_in)]
            )
            for path in module_paths
        }
        with replacing(self._file(number).with_suffix(".safetensors")) as temporary:
            save_file(kept, temporary)

    def _read(self, number: int, module_paths: Sequence[str]) -> list[Completion] | None:
        """A finished batch, if it is there with the states that are asked for."""
        try:
            part = json.loads(self._file(number).read_bytes())
            if not set(module_paths) <= set(part["module_paths"]):
                return None
            return [as_completion(row) for row in part["completions"]]
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError) as error:
            raise IncompleteError(
                f"{self._file(number)}: not a batch of completions: {error}",
                hint="delete it: it is then drawn again",
            ) from error

    def _file(self, number: int) -> Path:
        return self.folder / f"{number:06d}.json"


class _Pace:
    """Tells how fast completions come, what they say, and how long it will take."""

    def __init__(self, plan: CollectPlan, report: Progress) -> None:
        self.plan, self.report = plan, report
        self.begun, self.done, self.fresh, self.batches = time.monotonic(), 0, 0, 0
        self.labels: Counter[str | None] = Counter()
        self.scenarios = {(one.scenario_id, one.variant): one for one in plan.scenarios}
        self.judges_at_once = isinstance(plan.judge, TextJudge | NoisyJudge)

    def tell(self, found: list[Completion], *, fresh: bool) -> None:
        self.done += len(found)
        self.batches += 1
        self.fresh += len(found) * fresh
        told = [] if fresh else ["there from before"]
        if self.judges_at_once:
            replies = [
                Reply(one.completion_id, self.scenarios[one.scenario_id, one.variant], one.text)
                for one in found
                if not one.control
            ]
            self.labels.update(verdict.label for verdict in self.plan.judge.judge(replies))
            told += [f"{self.labels[name]} {name or 'undecided'}" for name in (*self.plan.labels, None)]
        if self.fresh:
            rate = self.fresh / max(time.monotonic() - self.begun, 1e-9)
            left = (self.plan.total - self.done) / rate
            told += [
                f"{rate:.1f} completions/s",
                f"{left / 60:.0f} min left" if left >= 90 else f"{left:.0f} s left",
            ]
        self.report(Event("sample", self.done, self.plan.total, ", ".join(told)))


@contextmanager
def _threads(number: int) -> Iterator[None]:
    """As many as the first batch was drawn with: a sum in other parts rounds otherwise."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)
