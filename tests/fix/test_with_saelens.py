"""The fixes held against SAELens itself: what it loads before and after computes the same bits."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from builders import GONE, cfg, tensors
from fix.folders import SAE, fixed, sae, zero

from hubkit.fix.equivalence import outputs
from hubkit.fix.legacy import migrated_to_v6
from hubkit.fix.proof import NEEDS
from hubkit.formats.architectures import ALL, TRAINING_KEYS
from hubkit.repo.local import open_folder
from hubkit.validate.gather import gather
from hubkit.validate.rules.vocabulary import keys_of

pytestmark = [pytest.mark.train, pytest.mark.filterwarnings("ignore")]
HOOK = "blocks.2.hook_resid_post"


def computed(place: Path, dtype: str | None = None) -> tuple[Any, Any, dict[str, Any]]:
    """Latents, reconstruction and metadata as SAELens has them."""
    import sae_lens
    import torch

    found = sae_lens.SAE.load_from_disk(place, dtype=dtype)
    x = torch.from_numpy(np.random.default_rng(1).standard_normal((32, found.cfg.d_in))).to(found.dtype)
    with torch.no_grad():
        return found.encode(x), found(x), found.cfg.metadata.to_dict()


def assert_same(one: tuple[Any, Any, Any], other: tuple[Any, Any, Any]) -> None:
    import torch

    for before, after in zip(one[:2], other[:2], strict=True):
        assert before.dtype == after.dtype
        assert torch.equal(before.view(torch.uint8), after.view(torch.uint8))


def legacy(architecture: str, /, **changes: Any) -> dict[str, Any]:
    kwargs = (
        {"activation_fn_str": "topk", "activation_fn_kwargs": {"k": 4}}
        if architecture == "topk"
        else {"activation_fn_str": "relu"}
    )
    return {
        "architecture": architecture, "d_in": 8, "d_sae": 32, "dtype": "float32", "device": "cpu", "model_name": "gpt2", "hook_name": HOOK,
        "hook_layer": 2, "context_size": 128, "dataset_path": "a/b", "normalize_activations": "none", "sae_lens_training_version": "5.1.0",
        **kwargs,
    } | changes  # fmt: skip


@pytest.mark.parametrize("architecture", ["standard", "topk", "gated", "jumprelu"])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"normalize_activations": "layer_norm"},
        {"apply_b_dec_to_input": False},
        {"normalize_activations": None},
        {"dtype": "torch.float32"},
    ],
)
def test_legacy_to_v6_loads_as_the_same_sae(
    tmp_path: Path, architecture: str, changes: dict[str, Any]
) -> None:
    place = sae(tmp_path, legacy(architecture, **changes), tensors(architecture))
    before = computed(place)
    plan = fixed(tmp_path, "CFG014")
    assert [fix.codes for fix in plan.fixes] == [("CFG014",)]
    after = computed(place)
    assert_same(before, after)
    ours = after[2].pop("hubkit")
    assert ours["legacy"]["hook_layer"] == 2
    # SAELens stamps its own version on what has none; the layout's is all that this file can say
    assert before[2].pop("sae_lens_version")
    assert after[2].pop("sae_lens_version") == "6.0.0"
    assert before[2] == after[2]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"sae_lens_training_version": None},
        {"hook_name": "blocks.2.attn.hook_z"},
        {"architecture": "standard", "activation_fn_str": "topk"},
    ],
)
def test_our_migration_is_that_of_saelens_key_by_key(changes: dict[str, Any]) -> None:
    from sae_lens.loading.pretrained_sae_loaders import handle_config_defaulting

    raw = legacy("topk", **changes)
    theirs, ours = handle_config_defaulting(dict(raw)), migrated_to_v6(raw)
    metadata = {
        key: value for key, value in ours["metadata"].items() if key not in ("hubkit", "sae_lens_version")
    }
    assert metadata == {key: value for key, value in theirs["metadata"].items() if key != "sae_lens_version"}
    assert {key: ours[key] for key in theirs if key != "metadata"} == {
        key: value for key, value in theirs.items() if key != "metadata"
    }


@pytest.mark.parametrize("architecture", ["jumprelu", "jumprelu_transcoder", "jumprelu_skip_transcoder"])
@pytest.mark.parametrize("form", ["float32", "bfloat16", "float64"])
def test_thr001_computes_the_same_bits_in_saelens(tmp_path: Path, architecture: str, form: str) -> None:
    values = zero(architecture)
    if form == "float64":
        values = {name: value.astype(np.float64) for name, value in values.items()}
    place = sae(tmp_path, cfg(architecture, dtype=form), values)
    before = computed(place), computed(place, "float32")
    plan = fixed(tmp_path, "THR001", unsafe=True)
    assert plan.refused == []
    assert_same(before[0], computed(place))
    assert_same(before[1], computed(place, "float32"))
    assert computed(place)[2]["hubkit"]["rewritten"]["from"] == architecture


def test_wts008_is_exact_for_both_ways_of_loading_and_changing_cfg_instead_would_not_be(
    tmp_path: Path,
) -> None:
    import torch

    narrow = {name: value.astype(np.float16) for name, value in tensors("jumprelu").items()}
    place = sae(tmp_path, cfg(), narrow)
    before = computed(place), computed(place, "float32"), computed(place, "float16")
    shutil.copytree(tmp_path, tmp_path / "other")
    sae(tmp_path / "other", cfg(dtype="float16"), narrow)
    fixed(tmp_path, "WTS008")
    for old, form in zip(before, (None, "float32", "float16"), strict=True):
        assert_same(old, computed(place, form))
    other = computed(tmp_path / "other" / SAE)
    assert not torch.equal(other[1].to(torch.float32), before[0][1])


@pytest.mark.parametrize(
    ("code", "change"),
    [("CFG009", {"apply_b_dec_to_input": GONE}), ("CFG015", {"jumprelu_bandwidth": 0.05}), ("CFG016", {"condition": "x"}),
     ("CFG013", {"metadata": {"hook_name": "model.layers.2.hook_resid_post"}})],
)  # fmt: skip
def test_the_other_configuration_fixes_keep_the_bits(
    tmp_path: Path, code: str, change: dict[str, Any]
) -> None:
    place = sae(tmp_path, cfg(**change))
    before = computed(place)
    assert fixed(tmp_path, code, unsafe=True).fixes
    assert_same(before, computed(place))


def test_what_could_not_be_loaded_loads(tmp_path: Path) -> None:
    good = tensors("jumprelu")
    turned = good | {"W_enc": np.ascontiguousarray(good["W_enc"].T)}
    place = sae(
        tmp_path / "a", cfg("JumpReLU", d_in=GONE, dtype=GONE, metadata={"sae_lens_version": GONE}), turned
    )
    sae(tmp_path / "b", cfg(), good)
    # without the widths nothing says which way round W_enc is meant
    with pytest.raises(Exception):  # noqa: B017, PT011 - whatever SAELens stumbles over first
        computed(place)
    (place / "sae_weights.safetensors").write_bytes(
        (tmp_path / "b" / SAE / "sae_weights.safetensors").read_bytes()
    )
    assert fixed(tmp_path / "a").refused == []
    assert_same(computed(place), computed(tmp_path / "b" / SAE))


def test_the_numpy_reference_is_saelens_within_rounding(tmp_path: Path) -> None:
    import sae_lens
    import torch

    for architecture in ("standard", "jumprelu", "transcoder", "skip_transcoder", "jumprelu_skip_transcoder"):
        place = sae(tmp_path, cfg(architecture), tensors(architecture))
        x = np.random.default_rng(2).standard_normal((8, 8))
        view = open_folder(tmp_path)
        acts, out = outputs(view, gather(view, NEEDS).saes[0], x)
        theirs = sae_lens.SAE.load_from_disk(place)
        with torch.no_grad():
            given = torch.from_numpy(x).to(torch.float32)
            np.testing.assert_allclose(acts, theirs.encode(given).numpy(), rtol=1e-4, atol=1e-5)
            np.testing.assert_allclose(out, theirs(given).numpy(), rtol=1e-4, atol=1e-4)


def test_the_vocabulary_is_that_of_saelens() -> None:
    from dataclasses import fields

    from sae_lens.registry import SAE_CLASS_REGISTRY, SAE_TRAINING_CLASS_REGISTRY

    assert {one.name for one in ALL if one.first} == set(SAE_CLASS_REGISTRY)
    assert set(TRAINING_KEYS) == set(SAE_TRAINING_CLASS_REGISTRY)
    inference_of = {one.name: one.saved_as or one.name for one in ALL}
    for name, (_, config) in SAE_TRAINING_CLASS_REGISTRY.items():
        assert config(d_in=4, d_sae=8).get_inference_config_class().architecture() == inference_of[name]
        inference = config(d_in=4, d_sae=8).get_inference_config_class()
        only = {field.name for field in fields(config)} - {field.name for field in fields(inference)}
        assert TRAINING_KEYS[name] == only, name
    for name, (_, config) in SAE_CLASS_REGISTRY.items():
        assert keys_of(name) == {field.name for field in fields(config)} | {"architecture"}, name


@pytest.mark.parametrize("code", ["WTS001", "WTS004", "WTS005", "WTS006"])
def test_names_parts_and_shapes_that_saelens_refused_load_as_the_good_sae(tmp_path: Path, code: str) -> None:
    from safetensors.numpy import save_file

    architecture = "topk" if code == "WTS005" else "jumprelu"
    good = tensors(architecture)
    bad = {
        "WTS001": good,
        "WTS004": {f"_orig_mod.{name}": one for name, one in good.items()},
        "WTS005": good | {"k": np.array(4, np.int64)},
        "WTS006": good | {"b_dec": good["b_dec"][None], "b_enc": good["b_enc"][:, None]},
    }[code]
    place = sae(tmp_path / "bad", cfg(architecture), bad)
    if code == "WTS001":
        (place / "sae_weights.safetensors").unlink()
        for number, names in enumerate((("W_enc", "b_enc"), ("W_dec", "b_dec", "threshold")), 1):
            save_file({name: good[name] for name in names}, place / f"model-{number:05}-of-00002.safetensors")
    with pytest.raises(Exception):  # noqa: B017, PT011 - whatever SAELens stumbles over
        computed(place)
    assert fixed(tmp_path / "bad", code).refused == []
    assert_same(computed(place), computed(sae(tmp_path / "good", cfg(architecture), good)))


@pytest.mark.parametrize("trained", [None, "batchtopk"])
def test_one_threshold_for_all_latents_is_what_saelens_own_export_repeats(
    tmp_path: Path, trained: str | None
) -> None:
    metadata = {"training_architecture": trained} if trained else {}
    place = sae(tmp_path / "one", cfg(metadata=metadata), tensors(threshold=np.float32([0.3])))
    fixed(tmp_path / "one", "WTS006", unsafe=trained is None)
    every = sae(tmp_path / "all", cfg(), tensors(threshold=np.full(32, 0.3, np.float32)))
    assert_same((*computed(place)[:2], {}), (*computed(every)[:2], {}))
