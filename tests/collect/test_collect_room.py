"""No room: a GPU that cannot hold the batch, a disk that fills up while something is written."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

from hubkit.collect import rows
from hubkit.collect.plan import CollectPlan
from hubkit.collect.row_files import RowFile
from hubkit.collect.run import collect
from hubkit.collect.sampling import Sampling
from hubkit.errors import HubkitError
from hubkit.lab.model import LabModel
from hubkit.lab.study import plan
from hubkit.release.digests import sha256_of_file
from hubkit.release.layout import TIMES
from hubkit.release.pool import SampledHow, Smaller
from hubkit.release.writing import naming, replacing

pytestmark = pytest.mark.train


def small(lab: LabModel, **changes: Any) -> CollectPlan:
    return plan(lab, samples=48, layers=(1, 4)).model_copy(update={"batch_size": 16, **changes})


def digests(out: Path) -> dict[str, str]:
    return {
        file.relative_to(out).as_posix(): sha256_of_file(file)
        for file in sorted(out.rglob("*"))
        if file.is_file() and file.name != TIMES
    }


def no_room_for_more_than(most: int, whole: Any, size: Any) -> Any:
    """`whole`, on a device whose memory takes `most` at once."""
    import torch

    def run(*args: Any, **named: Any) -> Any:
        if size(args) > most:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return whole(*args, **named)

    return run


def test_a_batch_that_a_gpu_cannot_hold_is_halved_and_this_is_recorded(
    lab: LabModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hubkit.inference import generate

    collect(small(lab), tmp_path / "whole")
    with monkeypatch.context() as patch:
        patch.setattr(
            generate, "sample", no_room_for_more_than(7, generate.sample, lambda args: len(args[1]))
        )
        patch.setattr(
            rows, "pool_outputs", no_room_for_more_than(3, rows.pool_outputs, lambda args: len(args[2]))
        )
        manifest = collect(small(lab), tmp_path / "halved")
    assert manifest.sampled_how is not None
    assert manifest.sampled_how.batch_size == 16
    assert manifest.sampled_how.smaller == [
        Smaller(completion=0, batch_size=8),
        Smaller(completion=0, batch_size=4),
    ]
    assert manifest.activations is not None
    assert manifest.activations.smaller == [Smaller(completion=0, batch_size=2)]
    names = [f"activations/layer_0{layer}.safetensors" for layer in (1, 4)]
    for name in names:
        found, expected = (load_file(tmp_path / out / name)["activations"] for out in ("halved", "whole"))
        np.testing.assert_allclose(found, expected, atol=2e-5)
    assert collect(small(lab), tmp_path / "halved") == manifest


def test_what_was_drawn_before_the_memory_ran_out_stays(
    lab: LabModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The third batch has no room; killed while the smaller ones are drawn, the next run keeps to their composition."""
    import torch

    from hubkit.inference import generate

    whole, drawn = generate.sample, []

    def sample(base: Any, draws: Any, *args: Any, **named: Any) -> Any:
        if len(drawn) >= 2 and len(draws) > 8:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory")
        if len(drawn) == 3:
            raise KeyboardInterrupt
        drawn.append([one.seed for one in draws])
        return whole(base, draws, *args, **named)

    with monkeypatch.context() as patch:
        patch.setattr(generate, "sample", sample)
        with pytest.raises(KeyboardInterrupt):
            collect(small(lab), tmp_path)
    assert list(map(len, drawn)) == [16, 16, 8]
    manifest = collect(small(lab), tmp_path)
    assert manifest.sampled_how is not None
    assert manifest.sampled_how.smaller == [Smaller(completion=32, batch_size=8)]
    assert [len(batch) for batch in manifest.sampled_how.batches(48)] == [16, 16, 8, 8]


def test_no_room_for_a_single_completion_says_what_helps(
    lab: LabModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hubkit.inference import generate

    monkeypatch.setattr(generate, "sample", no_room_for_more_than(0, generate.sample, lambda _: 1))
    with pytest.raises(HubkitError, match="cpu: out of memory with a single completion at a time") as raised:
        collect(small(lab), tmp_path)
    assert "max_new_tokens" in str(raised.value.hint)


@pytest.mark.parametrize(
    ("smaller", "expected"),
    [
        ([], [(0, 4), (4, 8), (8, 10)]),
        ([(4, 2)], [(0, 4), (4, 6), (6, 8), (8, 10)]),
        ([(0, 2), (0, 1), (9, 1)], [(n, n + 1) for n in range(10)]),
        ([(8, 1)], [(0, 4), (4, 8), (8, 9), (9, 10)]),
    ],
)
def test_batches_by_what_is_recorded(smaller: Any, expected: Any) -> None:
    how = SampledHow(
        batch_size=4,
        threads=1,
        padding="",
        device="cuda",
        smaller=[Smaller(completion=number, batch_size=size) for number, size in smaller],
    )
    assert [(one.start, one.stop) for one in how.batches(10)] == expected


def full() -> OSError:
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))  # Python's write knows no name


def test_a_disk_that_fills_up_is_named_and_nothing_is_lost(
    lab: LabModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """First while a batch of completions is written, then in the middle of a row; afterwards the pool is what it would have been."""
    collect(small(lab), tmp_path / "whole")
    out = tmp_path / "full"
    with monkeypatch.context() as patch:
        written = Path.write_bytes

        def write_bytes(path: Path, data: bytes) -> int:
            if "000001.json" in path.name:
                written(path, data[: len(data) // 2])
                raise full()
            return written(path, data)

        patch.setattr(Path, "write_bytes", write_bytes)
        with pytest.raises(OSError, match="No space left on device") as raised:
            collect(small(lab), out)
    assert Path(raised.value.filename).name == "000001.json"
    assert sorted(file.name for file in (out / "sampling").iterdir()) == ["000000.json", "how.json"]
    with monkeypatch.context() as patch:

        def append(self: RowFile, found: Any) -> None:
            with naming(self.path), self.part.open("ab") as file:
                file.write(np.ascontiguousarray(found).tobytes()[:100])
                raise full()

        patch.setattr(RowFile, "append", append)
        with pytest.raises(OSError, match="No space left on device") as raised:
            collect(small(lab), out)
    assert Path(raised.value.filename).name == "layer_01.safetensors"
    monkeypatch.setattr(Sampling, "_draw", None)  # nothing is drawn again
    collect(small(lab), out)
    assert digests(out) == digests(tmp_path / "whole")


def test_a_writer_in_rust_is_named_too(tmp_path: Path) -> None:
    """As safetensors says it of a real full disk; whatever else goes wrong keeps its own words."""
    from safetensors import SafetensorError

    path = tmp_path / "layer.safetensors"
    said = f"Error while serializing: I/O error: {os.strerror(errno.ENOSPC)} (os error {errno.ENOSPC})"
    with pytest.raises(OSError, match="No space left on device") as raised, replacing(path):
        raise SafetensorError(said)
    assert (raised.value.errno, raised.value.filename) == (errno.ENOSPC, str(path))
    for other in (SafetensorError("invalid header"), ValueError(said), OSError("no number")):
        with pytest.raises(type(other)) as found, naming(path):
            raise other
        assert found.value is other
    assert list(tmp_path.iterdir()) == []
