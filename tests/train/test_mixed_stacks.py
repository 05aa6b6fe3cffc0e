"""SAEs of different row counts, batch sizes and lengths in one stack: each is what it is alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from train.equality import TOLERANCE, difference, members_of, ours_of
from train.specs import grid
from train.test_equality import CASES as EQUALITY

from hubkit.engine.threads import one_thread
from hubkit.errors import HubkitError
from hubkit.train.member import Diverged, Member, Snapshot, Trained
from hubkit.train.plan import CrossFit, TrainingFolders, batches, plan
from hubkit.train.spec import ARCHITECTURES, SaeSpec, Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from hubkit.release.pool import PoolManifest
    from hubkit.train.mapped import MappedStack

pytestmark = pytest.mark.train

CASES: dict[str, dict[str, Any]] = EQUALITY | {
    "matryoshka_batchtopk with dead latents": {"architecture": "matryoshka_batchtopk", "dead_window": 4},
    "jumprelu, Gaussian": {"architecture": "jumprelu", "ste": "gaussian + input"},
    "jumprelu, naive": {"architecture": "jumprelu", "recipe": "naive"},
}
OWN: list[dict[str, Any]] = [
    {"steps": 100, "batch_size": 24, "lr": 1e-3},
    {"steps": 60, "batch_size": 16, "lr": 3e-3, "sparsity_coefficient": 0.5},
    {"steps": 83, "batch_size": 11, "lr": 1e-3, "lr_decay_steps": 20, "sparsity_warm_up_steps": 30},
]
"""What each of three SAEs has for itself; their rows are others too, and not as many."""


@pytest.fixture(autouse=True)
def _small_matrices_on_one_thread() -> Iterator[None]:
    with one_thread():
        yield


def mixed(case: dict[str, Any], own: list[dict[str, Any]] = OWN) -> list[Member]:
    """Three SAEs of `case` with `own`; of one batch size where the architecture asks for it."""
    alike = {"batch_size": 24} if ARCHITECTURES[case["architecture"]].mixes_rows else {}
    return [changed(member, each | alike) for member, each in zip(members_of(case), own, strict=False)]


def changed(member: Member, changes: dict[str, Any]) -> Member:
    spec = SaeSpec.model_validate(member.spec.model_dump(exclude_none=True) | changes)
    return Member(member.key, spec, member.rows)


def stacked(members: list[Member], dtype: torch.dtype) -> MappedStack:
    from hubkit.train.mapped import MappedStack

    return MappedStack(ours_of(members, dtype, written_out=False), "cpu")


def step(stack: MappedStack) -> torch.Tensor:
    """One step; which latents were on."""
    (rows,), (settings,) = stack.rows(1), stack.settings(1)
    found: torch.Tensor = stack.take(stack.batch(rows), settings)[2] != 0
    return found


def everything(stack: MappedStack, index: int) -> dict[str, torch.Tensor]:
    """All that may move of one SAE: weights, running thresholds, Adam's moments and counts, the dead windows."""
    found = {name: tensor[index] for name, tensor in (stack.weights | stack.buffers).items()}
    adam = stack.optimiser
    (group,) = (number for number, group in enumerate(adam.groups) if index in group)
    several = len(adam.groups) > 1
    place = adam.groups[group].index(index)
    for kind, parts in (("average", adam.averages), ("square", adam.squares), ("steps", adam.steps)):
        for number, name in enumerate(stack.weights):
            part = parts[group]
            one_each = several or kind == "steps"
            at = part[place * len(stack.weights) + number] if several else part[number]
            found[f"{kind} of {name}"] = at if one_each else at[index]
    return {name: tensor.clone() for name, tensor in (found | {"quiet": stack.quiet[index]}).items()}


def equal(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(tensor, b[name]) for name, tensor in a.items())


@pytest.mark.parametrize("case", CASES)
def test_an_sae_of_a_mixed_stack_is_the_one_it_is_alone_and_moves_no_more_when_it_is_done(case: str) -> None:
    """To rounding; and to the bit, with weights, Adam's moments and counts, running thresholds, dead windows."""
    members = mixed(CASES[case])
    together, alone = stacked(members, torch.float64), [stacked([one], torch.float64) for one in members]
    together.advance(60, range(3))
    together.project()  # as before a step, and at the end
    at_its_end, moving = everything(together, 1), everything(together, 0)
    together.advance(40, range(3))
    assert equal(everything(together, 1), at_its_end)
    assert not equal(everything(together, 0), moving)
    for index, (one, member) in enumerate(zip(alone, members, strict=True)):
        one.advance(member.spec.steps or 0, [0])
        found, expected = everything(together, index), everything(one, 0)
        for name, tensor in expected.items():
            assert difference(found[name].double(), tensor.double()) <= 1e-12, (index, name)
        assert float(expected["steps of W_dec"]) == member.spec.steps
    if "dead_window" in CASES[case]:
        assert bool((together.quiet > 4).any()), "the auxiliary loss had work"


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_and_in_float32_until_rounding_picks_another_latent(architecture: str) -> None:
    """A selection is a jump, as in test_equality.py; until then they agree."""
    members = mixed({"architecture": architecture})
    together, alone = stacked(members, torch.float32), [stacked([one], torch.float32) for one in members]
    comparing, agreed = {0, 1, 2}, 0
    for number in range(100):
        on = step(together)
        for index in sorted(comparing):
            one, size = alone[index], alone[index].trainers[0].order.size
            if number >= one.trainers[0].steps or not torch.equal(on[index, :size], step(one)[0]):
                comparing.discard(index)
                continue
            agreed += 1
            for name, expected in one.weights.items():
                assert difference(together.weights[name][index], expected[0]) <= TOLERANCE[torch.float32], (
                    name
                )
    assert agreed >= 0.4 * sum(one["steps"] for one in OWN), f"{agreed} steps were compared"


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_it_is_the_same_to_the_bit_whoever_else_is_in_a_stack_of_that_shape(architecture: str) -> None:
    case = {"architecture": architecture}
    members, others = mixed(case), [changed(one, {"seed": 7}) for one in members_of(case)]
    alike = {"batch_size": members[2].spec.batch_size}
    another = [
        members[2],
        changed(others[5], {"steps": 40, "batch_size": 24, "lr": 2e-3}),
        changed(others[4], {"steps": 30} | alike),
    ]
    first, second = stacked(members, torch.float32), stacked(another, torch.float32)
    for stack in (first, second):
        stack.advance(50, range(3))
    assert equal(everything(first, 2), everything(second, 0))


@pytest.mark.parametrize("form", ["threads", "mapped"])
def test_one_that_diverges_leaves_its_neighbours_as_they_were(
    form: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hubkit.train import cpu_trainer
    from hubkit.train.stack import train_stack

    def build(spec: SaeSpec, mean: torch.Tensor, steps: int) -> Any:
        sae = started(spec, mean, steps)
        if broken and spec.seed == 1:
            sae.b_enc.data[0] = torch.inf
        return sae

    started, broken = cpu_trainer.build, False
    monkeypatch.setattr(cpu_trainer, "build", build)
    members = mixed({"architecture": "jumprelu"})
    expected = train_stack(members, form=form)
    broken = True
    found = train_stack(members, form=form)
    assert isinstance(found[1], Diverged)
    for index in (0, 2):
        assert equal(state(found[index]), state(expected[index]))


def state(trained: Any) -> dict[str, torch.Tensor]:
    assert isinstance(trained, Trained), trained
    found: dict[str, torch.Tensor] = trained.sae.state_dict()
    return found


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_on_threads_it_is_the_same_to_the_bit_as_alone_and_so_is_its_curve(architecture: str) -> None:
    from hubkit.train.stack import train_stack

    members, every = mixed({"architecture": architecture}), [9, 20, 7]
    seen: list[Snapshot] = []
    together = train_stack(members, every=every, watch=seen.append)
    for one, member, own in zip(together, members, every, strict=True):
        curve: list[Snapshot] = []
        (alone,) = train_stack([member], every=own, watch=curve.append)
        assert equal(state(one), state(alone))
        points = [(look.step, at) for look in seen for at in look.members if at.key == member.key]
        assert points == [(look.step, look.members[0]) for look in curve]
        assert points[-1][0] == points[-1][1].steps == member.spec.steps


def test_both_forms_say_the_same_of_each_at_its_own_steps() -> None:
    from hubkit.train.stack import train_stack

    members, seen = mixed({"architecture": "topk"}), {}
    for form in ("threads", "mapped"):
        looks: list[Snapshot] = []
        train_stack(members, form=form, every=[10, 25, 7], watch=looks.append)  # type: ignore[arg-type]
        seen[form] = {(look.step, at.key): at for look in looks for at in look.members}
    assert seen["threads"].keys() == seen["mapped"].keys()
    assert {step for step, key in seen["mapped"] if key == "sae1"} == {25, 50, 60}
    for key, ours in seen["threads"].items():
        theirs = seen["mapped"][key]
        assert (ours.steps, ours.batch) == (theirs.steps, theirs.batch)
        assert ours.dead_share == pytest.approx(theirs.dead_share, abs=0.02)
        assert ours.l0 == pytest.approx(theirs.l0, rel=1e-3)
        assert ours.loss == pytest.approx(theirs.loss, rel=1e-4)
        assert ours.explained_variance == pytest.approx(theirs.explained_variance, rel=1e-4)


def test_rows_that_fill_up_count_for_nothing_and_another_mean_is_refused() -> None:
    from hubkit.train.padded import TrueRows, filled, shares_of

    assert shares_of([4, 4], torch.float32) is None
    shares = shares_of([4, 2], torch.float64)
    assert shares is not None
    assert shares.tolist() == [[0.25] * 4, [0.5, 0.5, 0.0, 0.0]]
    assert filled(torch.tensor([[5, 6]]), 4).tolist() == [[5, 6, 5, 5]]
    per_row = torch.tensor([1.0, 3.0, 70.0, 70.0])
    with TrueRows(shares[1]):
        assert float(per_row.mean()) == float(torch.mean(per_row)) == 2.0
        for mean in (
            lambda: torch.ones(3, 4).mean(),
            lambda: torch.ones(3, 4).mean(0),
            lambda: per_row.mean(dim=0),
        ):
            with pytest.raises(HubkitError, match=r"a mean over \(.+\), expected one over the 4 rows"):
                mean()
    assert float(per_row.mean()) == 36.0


def test_the_real_grid_becomes_a_handful_of_stacks(
    tmp_path: Path, make_pool: Callable[..., PoolManifest]
) -> None:
    """studies/smollm2-135m.yaml on one device, with the SAEs of five folds: 324 of 576 -> 2304."""
    from hubkit.release.folds import rows_of
    from hubkit.train.chunks import chunks

    folders = TrainingFolders(tmp_path / "pool", tmp_path / "release", tmp_path / "work")
    manifest = make_pool(folders.pool, 181, 16, layers=(3, 4, 5, 6, 9, 12, 15, 18, 21), folds=5)
    settings = Settings(d_sae=2304, k=64, epochs=300, batch_size=128)
    conditions = ["mixed", "deceptive_only", "honest_only"]
    specs = grid(
        [entry.layer for entry in manifest.layers],
        ["topk", "jumprelu"],
        conditions,
        prefix="smollm2",
        settings=settings,
    )

    def stacks(crossfit: CrossFit, memory: int) -> tuple[int, int, list[int]]:
        units = plan(specs, manifest, folders, crossfit)
        members = [
            Member(unit.key, unit.spec, torch.empty(int(rows.sum()), 576))
            for unit in units
            for rows in [rows_of(manifest, unit.spec.condition, unit.draw)]
        ]
        sizes = [(len(one.rows), one.spec) for one in members]
        before = {(spec.architecture, spec.batch_for(n), spec.steps_for(n)) for n, spec in sizes}
        (topk, jumprelu) = batches(units, workers=1, device="cuda")
        assert {unit.spec.architecture for unit in topk.units} == {"topk"}
        assert len(topk.units) == len(jumprelu.units)
        return len(units), len(before), [len(chunk) for chunk in chunks(members, memory=memory)]

    large, small = int(0.8 * 80e9), int(0.8 * 4 * 2**30)
    assert stacks(CrossFit(folds=0), large) == (54, 6, [27, 27])
    assert stacks(CrossFit(folds=0), small) == (54, 6, [27, 27])
    folds = CrossFit(scenarios=False, control=False)
    assert stacks(folds, large) == (324, 30, 2 * [66, 96])
    assert stacks(folds, small) == (324, 30, 2 * [32, 32, 32, 32, 32, 2])
