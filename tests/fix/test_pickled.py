"""`.pt` weights into safetensors, in a process of its own."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from builders import GONE, cfg, tensors
from fix.folders import codes, contents, fixed, sae, zero

pytestmark = pytest.mark.train


def pickled(place: Path, value: object, name: str = "sae_weights.pt") -> Path:
    import torch

    torch.save(value, place / name)
    return place / name


def as_torch(values: dict[str, np.ndarray]) -> dict[str, object]:
    import torch

    return {name: torch.from_numpy(value) for name, value in values.items()}


@pytest.mark.parametrize("nested", [False, True])
def test_the_tensors_are_the_same_bits_in_a_file_that_runs_nothing(tmp_path: Path, nested: bool) -> None:
    import torch
    from safetensors.torch import load_file

    values = as_torch(tensors("jumprelu"))
    values["W_dec"] = values["W_dec"].T.contiguous().T  # type: ignore[attr-defined]  # not contiguous in the file
    values["b_enc"][3] = float("nan")  # type: ignore[index]
    place = sae(tmp_path, cfg(), GONE)
    source = pickled(place, {"state_dict": values, "step": 3} if nested else values)
    before = source.read_bytes()
    plan = fixed(tmp_path, "WTS014")
    assert plan.refused == []
    new = load_file(place / "sae_weights.safetensors")
    assert new.keys() == values.keys()
    for name, value in values.items():
        assert torch.equal(new[name].view(torch.uint8), value.contiguous().view(torch.uint8))  # type: ignore[attr-defined]
    assert source.read_bytes() == before
    assert fixed(tmp_path).fixes == []


def test_bfloat16_and_a_shared_storage(tmp_path: Path) -> None:
    import torch
    from safetensors.torch import load_file

    shared = torch.arange(64, dtype=torch.bfloat16)
    place = sae(tmp_path, cfg(), GONE)
    pickled(place, {"a": shared[:32], "b": shared[16:48], "c": shared})
    fixed(tmp_path, "WTS014")
    if not (place / "sae_weights.safetensors").exists():
        pytest.fail(str(fixed(tmp_path, "WTS014").refused))
    new = load_file(place / "sae_weights.safetensors")
    assert torch.equal(new["b"], shared[16:48])


class Runs:
    """What a malicious file does when it is unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.mkdir, ("RAN",)


def test_code_in_the_pickle_is_not_run(tmp_path: Path) -> None:
    place = sae(tmp_path, cfg(), GONE)
    pickled(place, {"W": Runs()})
    before = contents(tmp_path)
    plan = fixed(tmp_path, "WTS014")
    assert plan.fixes == []
    assert "torch does not read it" in plan.refused[0].reason
    assert contents(tmp_path) == before
    assert not Path("RAN").exists()


@pytest.mark.parametrize("value", [[1, 2], {"W_enc": 3}, {}])
def test_anything_but_tensors_by_name_is_refused(tmp_path: Path, value: object) -> None:
    place = sae(tmp_path, cfg(), GONE)
    pickled(place, value)
    plan = fixed(tmp_path, "WTS014")
    assert plan.fixes == []
    assert not (place / "sae_weights.safetensors").exists()


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    place = sae(tmp_path, cfg(), GONE)
    (place / "sae_weights.pt").write_bytes(pickle.dumps({"a": 1})[:-3])
    before = contents(tmp_path)
    assert fixed(tmp_path, "WTS014").fixes == []
    assert contents(tmp_path) == before


def test_a_dead_jumprelu_in_a_pickle_goes_the_whole_way_in_one_run(tmp_path: Path) -> None:
    place = sae(tmp_path, cfg(), GONE)
    pickled(place, as_torch(zero()))
    plan = fixed(tmp_path, unsafe=True)
    assert plan.fixes[0].codes == ("WTS014", "THR001")
    assert [Path(path).name for path, _ in plan.fixes[0].steps] == [
        "sae_weights.safetensors",
        "cfg.json",
        "sae_weights.safetensors",
    ]
    assert "THR001" not in codes(tmp_path)
    assert {path.name for path in place.iterdir()} == {
        "cfg.json",
        "sae_weights.safetensors",
        "sae_weights.pt",
    }
