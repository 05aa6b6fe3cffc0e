"""A stack as a whole: each SAE for itself, failures by name, what is said while it runs, how much memory it takes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from hubkit.engine.threads import one_thread
from hubkit.errors import HubkitError, UsageError
from hubkit.train.architecture import all_architectures
from hubkit.train.member import Diverged, Member, Snapshot, Trained
from hubkit.train.spec import SaeSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.train

FORMS = ["threads", "mapped"]
ARCHITECTURES = sorted(all_architectures())


@pytest.fixture(autouse=True)
def _small_matrices_on_one_thread() -> Iterator[None]:
    with one_thread():
        yield


@pytest.fixture
def make(make_activations: Callable[..., np.ndarray]) -> Callable[..., Member]:
    """A member; its number is its seed and changes its rows and how many there are."""

    def member(number: int, **changes: Any) -> Member:
        fields = {
            "sae_id": f"sae{number}",
            "architecture": "topk",
            "layer": 0,
            "condition": "mixed",
            "d_sae": 64,
            "k": 6,
            "steps": 30,
            "batch_size": 16,
            "seed": number,
        }
        rows = torch.from_numpy(make_activations(40 + 5 * number, 16, number))
        return Member(f"sae{number}", SaeSpec.model_validate(fields | changes), rows)

    return member


def state(trained: Any) -> dict[str, torch.Tensor]:
    assert isinstance(trained, Trained), trained
    found: dict[str, torch.Tensor] = trained.sae.state_dict()
    return found


def same(a: Any, b: Any) -> bool:
    return all(torch.equal(value, state(b)[name]) for name, value in state(a).items())


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_an_sae_does_not_depend_on_its_neighbours_nor_on_who_watches(
    architecture: str, form: Any, make: Callable[..., Member]
) -> None:
    from hubkit.train.stack import train_stack

    members = [make(number, architecture=architecture) for number in range(4)]
    together = train_stack(members, form=form)
    alone = train_stack([members[2]], form=form, every=7, watch=lambda _: None)[0]
    (_, paired) = train_stack([members[3], members[2]], form=form, every=11)
    assert same(together[2], alone)
    assert same(together[2], paired)
    assert not same(together[2], together[1])


def test_threads_change_nothing(make: Callable[..., Member]) -> None:
    from hubkit.train.stack import train_stack

    members = [make(number) for number in range(3)]
    single = train_stack(members)
    torch.set_num_threads(2)
    double = train_stack(members)
    assert torch.get_num_threads() == 2, "the setting is given back"
    assert all(same(a, b) for a, b in zip(single, double, strict=True))


@pytest.mark.parametrize("form", FORMS)
def test_one_that_diverges_is_named_and_hurts_nobody(
    form: Any, make: Callable[..., Member], monkeypatch: pytest.MonkeyPatch
) -> None:
    from hubkit.train import cpu_trainer
    from hubkit.train.stack import train_stack

    def build(spec: SaeSpec, mean: torch.Tensor, steps: int) -> Any:
        sae = started(spec, mean, steps)
        if spec.sae_id == "sae9":
            sae.b_enc.data[0] = torch.inf
        return sae

    started = cpu_trainer.build
    monkeypatch.setattr(cpu_trainer, "build", build)
    members = [make(number) for number in range(3)]
    expected = train_stack(members, form=form)
    broken = Member("huge", make(9).spec, members[1].rows)
    missing = Member("nan", members[1].spec, torch.full((40, 16), torch.nan))
    snapshots: list[Snapshot] = []
    found = train_stack(
        [members[0], broken, missing, members[2]], form=form, every=10, watch=snapshots.append
    )
    assert same(found[0], expected[0])
    assert same(found[3], expected[2])
    assert isinstance(found[1], Diverged)
    assert found[1].key == "huge"
    assert found[1].step == 10
    assert "sae9: diverged" in found[1].reason
    assert isinstance(found[2], Diverged)
    assert (found[2].key, found[2].step) == ("nan", 0)
    assert "mean norm of its activations is nan" in found[2].reason
    assert {seen.key for seen in snapshots[-1].members} == {"sae0", "sae2"}


def test_snapshots_say_where_each_sae_stands(make: Callable[..., Member]) -> None:
    from hubkit.train.stack import train_stack

    seen: list[Snapshot] = []
    (trained,) = train_stack([make(0)], every=12, watch=seen.append)
    assert [snapshot.step for snapshot in seen] == [12, 24, 30]
    assert all(snapshot.steps_per_second > 0 for snapshot in seen)
    assert all((at.steps, at.batch) == (30, 16) for snapshot in seen for at in snapshot.members)
    first, last = seen[0].members[0], seen[-1].members[0]
    assert last.loss < first.loss
    assert last.l0 == pytest.approx(6, abs=0.5)
    assert 0 <= last.dead_share < 1
    assert first.explained_variance < last.explained_variance <= 1
    assert isinstance(trained, Trained)


def test_threads_and_mapped_say_the_same(make: Callable[..., Member]) -> None:
    """Rounding apart: one writes gradients out, the other has SAELens's."""
    from hubkit.train.stack import train_stack

    seen: dict[str, list[Snapshot]] = {"threads": [], "mapped": []}
    for form, snapshots in seen.items():
        train_stack([make(0), make(1)], form=form, every=10, watch=snapshots.append)  # type: ignore[arg-type]
    for ours, theirs in zip(seen["threads"], seen["mapped"], strict=True):
        for a, b in zip(ours.members, theirs.members, strict=True):
            assert (a.key, a.dead_share) == (b.key, b.dead_share)
            assert a.loss == pytest.approx(b.loss, rel=1e-4)
            assert a.explained_variance == pytest.approx(b.explained_variance, rel=1e-4)


def test_batches_are_permutations_end_to_end_and_do_not_depend_on_how_they_are_taken() -> None:
    from hubkit.train.sampling import Order

    whole = Order(10, 4, seed=3).take(10)
    for epoch in whole.view(-1)[:40].view(4, 10):
        assert sorted(epoch.tolist()) == list(range(10))
    order = Order(10, 4, seed=3)
    assert torch.equal(torch.cat([order.take(count) for count in (1, 3, 6)]), whole)
    assert not torch.equal(Order(10, 4, seed=4).take(10), whole)


@pytest.mark.parametrize("rows", [torch.zeros(1, 4), torch.zeros(5, 4), torch.full((5, 4), torch.nan)])
def test_rows_that_cannot_be_trained_on_are_refused(rows: torch.Tensor) -> None:
    from hubkit.train.sampling import input_scale

    with pytest.raises(HubkitError, match="sae: "):
        input_scale(rows, "sae")


def test_rows_from_a_file_larger_than_what_is_read_at_once(
    tmp_path: Path, make: Callable[..., Member], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory-mapped rows give the SAE that rows in memory give, their scale and mean found block by block."""
    from hubkit.train import sampling
    from hubkit.train.stack import train_stack

    in_memory = make(2)
    path = tmp_path / "rows.npy"
    np.save(path, in_memory.rows.numpy())
    monkeypatch.setattr(sampling, "BLOCK", 7 * 16)
    scale = sampling.input_scale(in_memory.rows, "sae")
    assert scale == pytest.approx(4 / float(in_memory.rows.double().norm(dim=1).mean()), rel=1e-12)
    assert torch.allclose(sampling.mean_of(in_memory.rows), in_memory.rows.mean(dim=0), rtol=1e-5)
    mapped = torch.from_numpy(np.load(path, mmap_mode="c"))
    assert same(train_stack([in_memory])[0], train_stack([Member(in_memory.key, in_memory.spec, mapped)])[0])
    del mapped


def test_what_cannot_be_stacked_is_not(make: Callable[..., Member]) -> None:
    from hubkit.train.stack import chunks, compatible, train_stack

    first, longer, gated = make(0), make(1, steps=31), make(2, architecture="gated")
    tiny = Member("tiny", make(3).spec, make(3).rows[:10])
    epochs = make(4, steps=None, epochs=3)
    own = make(5, lr=0.1, lr_decay_steps=3, sparsity_coefficient=2.0, condition="honest_only", layer=3)
    for other in (longer, tiny, epochs, own):
        assert compatible(first, other)
    wide, dead = make(6, d_sae=65), make(7, dead_window=4)
    for other in (gated, wide, dead, make(8, k=5), make(8, autocast=True)):
        assert not compatible(first, other)
    assert compatible(dead, make(9, dead_window=9))
    mixing = make(3, architecture="batchtopk")
    assert compatible(mixing, make(5, architecture="batchtopk", steps=31))
    assert not compatible(mixing, Member("tiny", mixing.spec, tiny.rows)), (
        "its k B of a batch are those of B rows"
    )
    with pytest.raises(UsageError, match="sae2 cannot be stacked with sae0"):
        train_stack([first, gated])
    members = [first, longer, make(8), gated, make(9)]
    assert [[m.key for m in chunk] for chunk in chunks(members, memory=1 << 40)] == [
        ["sae1", "sae0", "sae8", "sae9"],
        ["sae2"],
    ]


def test_where_there_are_too_many_the_longest_stay_together(make: Callable[..., Member]) -> None:
    from hubkit.train.chunks import chunks, memory_per_sae

    members = [make(number, steps=steps) for number, steps in enumerate((20, 30, 20, 30, 10))]
    wide = memory_per_sae(make(0, batch_size=32))
    found = chunks([*members, make(5, steps=10, batch_size=32)], memory=2 * wide)
    assert [[one.spec.steps for one in chunk] for chunk in found] == [[30, 30], [20, 20], [10, 10]]
    assert len(chunks(members, memory=2 * wide)) < 3, "batches are as wide as the widest of the stack"


def test_chunks_fit_the_memory(make: Callable[..., Member]) -> None:
    from hubkit.train.chunks import chunks, free_memory, memory_per_sae

    members = [make(number) for number in range(7)]
    each = memory_per_sae(members[0])
    assert [len(chunk) for chunk in chunks(members, memory=3 * each + 1)] == [3, 3, 1]
    assert [len(chunk) for chunk in chunks(members, memory=1)] == [1] * 7
    assert free_memory("cpu") > each
    assert chunks([]) == []


def test_memory_per_sae_of_the_study() -> None:
    """54 SAEs of 576 -> 2304 in a 4 GB GPU: about 104 MB each, so two chunks of 27 fit it."""
    from hubkit.train.chunks import memory_per_sae

    spec = SaeSpec(
        sae_id="a", architecture="jumprelu", layer=0, condition="mixed", d_sae=2304, k=64, batch_size=128
    )
    each = memory_per_sae(Member("a", spec, torch.empty(181, 576)))
    assert 27 * each < 0.8 * 3.6e9
    assert each > 90e6, "measured: 93 MB (jumprelu) and 104 MB (topk)"


def test_members_share_one_copy_of_their_rows() -> None:
    from hubkit.train.pooled import Pools

    shared, own = torch.arange(12.0).view(6, 2), torch.arange(8.0).view(4, 2) + 100
    pools = Pools([shared, own, shared], torch.device("meta"), torch.float32)
    assert pools.resident is not None
    assert pools.resident.shape == (10, 2)
    assert pools.starts.tolist() == [0, 6, 0]
    on_host = Pools([shared, own, shared], torch.device("cpu"), torch.float32)
    rows = torch.tensor([[1, 0], [3, 3], [5, 1]])
    expected = torch.stack([shared[[1, 0]], own[[3, 3]], shared[[5, 1]]])
    assert torch.equal(on_host.batch(on_host.place(rows[None])[0]), expected)
