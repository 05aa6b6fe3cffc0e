"""The comparison: every family's definition against formulas written latent by latent, and what it must notice, with SAELens's formulas in numpy in its place."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from convert.saes import D_IN, FAMILIES, PLACES, flat, numbers, sparsify

from hubkit.convert.compare import Compared, Loaded, against_given, compared, source_outputs
from hubkit.convert.explained import Refused, Stated
from hubkit.convert.inputs import Inputs, inputs_for
from hubkit.convert.plan import Planned, planned
from hubkit.convert.run import NEEDS, _tensors
from hubkit.formats.architectures import TOPK
from hubkit.formats.forward import forward
from hubkit.repo.local import LocalView, open_folder
from hubkit.tensors.arrays import whole
from hubkit.validate.gather import gather

MODEL = "me/base"


def plan_of(root: Path, stated: Stated | None = None, sae_id: str | None = None) -> tuple[LocalView, Planned]:
    view = open_folder(root)
    facts = next(one for one in gather(view, NEEDS).saes if sae_id in (None, one.sae_id))
    hooks = {"hook": "blocks.{layer}.hook_resid_post", "hook_out": "blocks.{layer}.hook_mlp_out"}
    given = stated or Stated(
        model=None if facts.sae.model_name else MODEL,
        hook=None if facts.sae.hook_name else hooks["hook"],
        hook_out=None if facts.sae.hook_name_out else hooks["hook_out"],
    )
    return view, planned(facts, view, given)


def judged(
    view: LocalView, plan: Planned, cfg: dict[str, Any] | None = None, changed: Any = None
) -> Compared:
    """The verdict on an SAE of SAELens with `cfg` and the tensors that `changed` makes of the right ones."""
    own, w = _tensors(view, plan)
    inputs = inputs_for(plan.cfg, w, "F32")
    return verdict(inputs, plan, own, w, cfg or dict(plan.cfg), changed(w) if changed else w)


def verdict(inputs: Inputs, plan: Planned, own: Any, w: Any, cfg: dict[str, Any], theirs: Any) -> Compared:
    source = source_outputs(plan.definition, own, inputs.rows, plan.sae.k)
    latents, out = forward(cfg, theirs, inputs.rows)
    arrays = {
        "latents": latents, "out": out, "native_latents": latents[inputs.plain], "native_out": out[inputs.plain],
    }  # fmt: skip
    loaded = Loaded("0", "float32", arrays, latents.shape[1])
    every = (
        source_outputs(plan.definition, own, inputs.rows, latents.shape[1])[0]
        if plan.cfg["architecture"] in TOPK
        else None
    )
    return compared(inputs, source, loaded, w, every)


@pytest.mark.parametrize("sae_id", sorted(PLACES))
def test_a_definition_is_the_formula_of_its_library_and_saelens_has_the_same(sae_id: str) -> None:
    family, kind = sae_id.split("/")[:2]
    inner = "/".join(sae_id.split("/")[2:]) or "."
    view, plan = plan_of(FAMILIES / family / kind, sae_id=inner)
    weights, reference, architecture = PLACES[sae_id]
    assert plan.cfg["architecture"] == architecture
    assert plan.sae.weights is not None
    assert plan.sae.weights.endswith(weights.removeprefix("../"))
    own = {t.info.name: whole(view, t.path, t.info) for t in plan.sae.tensors.values()}
    x = np.random.default_rng(5).standard_normal((6, plan.sae.d_in or 0)) * 2
    latents, out = source_outputs(plan.definition, own, x, plan.sae.k)
    for row, one, other in zip(x, latents, out, strict=True):
        expected, rebuilt = reference(own, row, plan.sae.k or 0)
        np.testing.assert_allclose(one, expected, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(other, rebuilt, rtol=1e-9, atol=1e-12)
    found = judged(view, plan)
    assert found.boundary >= 20
    assert found.largest_latents < 1e-12
    if architecture != "gated":  # its magnitude is a product of its own
        assert found.on_threshold > 0


def test_the_bias_on_the_wrong_side_is_refused(tmp_path: Path) -> None:
    """apply_b_dec_to_input is the one key that decides it."""
    view, plan = plan_of(sparsify(tmp_path / "layers.6").parent)
    assert judged(view, plan).ties >= 0
    with pytest.raises(Refused, match="the latents would differ on") as refused:
        judged(view, plan, {**plan.cfg, "apply_b_dec_to_input": False})
    assert refused.value.measured["rows"] > 30
    assert refused.value.measured["own"] != refused.value.measured["saelens"]


@pytest.mark.parametrize(
    ("kind", "change", "word"),
    [
        ("topk", {"k": 5}, "latents"),
        ("topk", {"k": 3}, "latents"),
        ("topk", {"architecture": "standard"}, "latents"),
        ("jumprelu", {"architecture": "standard"}, "latents"),
        ("jumprelu", {"normalize_activations": "layer_norm"}, "latents"),
        ("standard", {"normalize_activations": "layer_norm"}, "latents"),
    ],
)
def test_another_configuration_is_refused(
    tmp_path: Path, kind: str, change: dict[str, Any], word: str
) -> None:
    flat(tmp_path / "L5.safetensors", kind)
    view, plan = plan_of(
        tmp_path, Stated(model=MODEL, hook="blocks.5.hook_resid_post", architecture=kind, k=4, subtracts=True)
    )
    judged(view, plan)
    with pytest.raises(Refused, match=f"the {word} would differ"):
        judged(view, plan, {**plan.cfg, **change})


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("threshold", lambda t: np.nextafter(t, -np.inf)),
        ("threshold", np.zeros_like),
        ("W_dec", lambda t: t * np.linspace(0.5, 1.5, len(t))[:, None]),
        ("W_dec", lambda t: t[::-1]),
        ("W_enc", lambda t: t.astype(np.float16).astype(np.float64)),
        ("b_dec", lambda t: t * (1 + 1e-6)),
        ("b_enc", lambda t: -t),
    ],
)
def test_another_tensor_is_refused(tmp_path: Path, name: str, change: Any) -> None:
    """A threshold that is one bit lower lets an input through that lies on it: so does >= for >."""
    flat(tmp_path / "L5.safetensors", "jumprelu")
    view, plan = plan_of(tmp_path, Stated(model=MODEL, hook="blocks.5.hook_resid_post", subtracts=False))
    judged(view, plan)
    with pytest.raises(Refused):
        judged(view, plan, None, lambda w: w | {name: change(w[name])})


def test_a_matrix_the_wrong_way_round_is_seen_where_both_sides_are_equal(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    square = {name: rng.standard_normal((D_IN, D_IN)).astype(np.float32) for name in ("W_enc", "W_dec")}
    flat(tmp_path / "L5.safetensors", "standard", **square, b_enc=np.zeros(D_IN, np.float32))
    told = Stated(model=MODEL, hook="blocks.5.hook_resid_post", architecture="standard", subtracts=True)
    view, plan = plan_of(tmp_path, told)
    judged(view, plan)
    for name in square:
        with pytest.raises(Refused):
            judged(view, plan, None, lambda w, name=name: w | {name: w[name].T})


def test_of_equal_latents_at_k_either_may_be_kept(tmp_path: Path) -> None:
    """Two latents are one twice: which of them torch.topk keeps, nobody says. The same values of other latents are no tie."""
    w = numbers()
    w["W_enc"][:, 1], w["b_enc"][1] = w["W_enc"][:, 0], w["b_enc"][0]
    flat(tmp_path / "L5.safetensors", "topk", W_enc=w["W_enc"], b_enc=w["b_enc"])
    told = Stated(model=MODEL, hook="blocks.5.hook_resid_post", architecture="topk", k=1, subtracts=True)
    view, plan = plan_of(tmp_path, told)
    own, good = _tensors(view, plan)
    first = good["W_enc"][:, 0] * 10 + good["b_dec"]
    inputs = Inputs(np.stack([first] * 2), ("random", "tie"))
    source = source_outputs(plan.definition, own, inputs.rows, 1)
    other = source[0].copy()
    other[:, [0, 1]] = other[:, [1, 0]]
    assert other.any()
    out = other @ good["W_dec"] + good["b_dec"]
    arrays = {"latents": other, "out": out, "native_latents": source[0][:1], "native_out": source[1][:1]}
    loaded = Loaded("0", "float32", arrays, 40)
    every = source_outputs(plan.definition, own, inputs.rows, 40)[0]
    assert compared(inputs, source, loaded, good, every).ties == 2
    wrong = replace(loaded, outputs=arrays | {"latents": np.roll(other, 3, axis=1)})
    for one, full in ((wrong, every), (loaded, None)):
        with pytest.raises(Refused):
            compared(inputs, source, one, good, full)


def test_what_a_narrow_format_rounds_is_told_and_what_it_cannot_is_refused(tmp_path: Path) -> None:
    view, plan = plan_of(sparsify(tmp_path / "layers.6").parent)
    own, w = _tensors(view, plan)
    inputs = inputs_for(plan.cfg, w, "F32")
    source = source_outputs(plan.definition, own, inputs.rows, plan.sae.k)
    plain = [part[inputs.plain] for part in source]
    arrays = {
        "latents": source[0], "out": source[1], "native_latents": plain[0] * (1 + 1e-6), "native_out": plain[1],
    }  # fmt: skip
    loaded = Loaded("0", "float32", arrays, 40)
    assert compared(inputs, source, loaded, w).as_loaded == pytest.approx(1e-6, rel=0.1)
    for native in (plain[0] * 1.01, np.roll(plain[0], 1, axis=1)):
        with pytest.raises(Refused, match="more than"):
            compared(inputs, source, replace(loaded, outputs=arrays | {"native_latents": native}), w)


def test_a_row_that_overflows_a_narrow_format_is_no_difference(tmp_path: Path) -> None:
    """65,504 is soon reached by a sum of float16: infinities there are the format's, and not of what was converted."""
    big = {name: value * np.float32(300) for name, value in numbers().items() if name in {"W_enc", "W_dec"}}
    flat(tmp_path / "L5.safetensors", "standard", **big)
    told = Stated(model=MODEL, hook="blocks.5.hook_resid_post", architecture="standard", subtracts=True)
    view, plan = plan_of(tmp_path, told)
    own, w = _tensors(view, plan)
    inputs = inputs_for(plan.cfg, w, "F16")
    source = source_outputs(plan.definition, own, inputs.rows, None)
    with np.errstate(over="ignore"):
        native = [part[inputs.plain].astype(np.float16).astype(np.float64) for part in source]
    assert np.isinf(native[1]).any()
    arrays = {"latents": source[0], "out": source[1], "native_latents": native[0], "native_out": native[1]}
    assert compared(inputs, source, Loaded("0", "float16", arrays, 40), w).as_loaded < 1e-3
    with pytest.raises(Refused, match="more than"):
        compared(inputs, source, Loaded("0", "float16", arrays | {"native_out": native[1] * 1.1}, 40), w)


@pytest.mark.parametrize("dtype", ["F16", "BF16", "F32", "F64"])
def test_inputs_reach_the_ends_of_the_format_and_overflow_nowhere(tmp_path: Path, dtype: str) -> None:
    view, plan = plan_of(sparsify(tmp_path / "layers.6").parent)
    own, w = _tensors(view, plan)
    inputs = inputs_for(plan.cfg, w, dtype)
    limit = inputs.rows[[kind == "limit" for kind in inputs.kinds]]
    largest = {"F16": 65504.0, "BF16": 3.38e38, "F32": 3.4e38, "F64": 1e150}[dtype]
    _, out = source_outputs(plan.definition, own, limit, plan.sae.k)
    assert largest / 1e4 < np.abs(out).max() < largest
    assert 0 < np.abs(limit).min() < {"F16": 1e-7, "BF16": 1e-40, "F32": 1e-44, "F64": 1e-300}[dtype]
    assert {"random", "zero", "large", "limit", "threshold", "tie"} == set(inputs.kinds)
    narrow = {"F16": np.float16, "BF16": np.float32, "F32": np.float32, "F64": np.float64}[dtype]
    plain = inputs.rows[inputs.plain]
    assert (plain.astype(narrow).astype(np.float64) == plain).all()


def test_outputs_that_a_person_gives_tell_a_wrong_convention(tmp_path: Path) -> None:
    """Of bare tensors nothing else can: the files do not say whether b_dec is taken off."""
    flat(tmp_path / "L5.safetensors")
    x = np.random.default_rng(2).standard_normal((5, D_IN))

    def planned_with(subtracts: bool) -> tuple[Any, Any]:
        told = Stated(
            model=MODEL, hook="blocks.5.hook_resid_post", architecture="topk", k=4, subtracts=subtracts
        )
        view, plan = plan_of(tmp_path, told)
        return plan, _tensors(view, plan)[0]

    plan, own = planned_with(True)
    latents, out = source_outputs(plan.definition, own, x, 4)
    given = {"x": x, "latents": latents.astype(np.float32), "reconstruction": out.astype(np.float32)}
    assert against_given(plan.definition, own, 4, given) < 1e-6
    wrong, own = planned_with(False)
    with pytest.raises(Refused, match="--apply-b-dec-to-input"):
        against_given(wrong.definition, own, 4, given)


def test_weights_that_give_no_numbers_are_refused(tmp_path: Path) -> None:
    flat(tmp_path / "L5.safetensors", "standard", b_enc=np.full(40, np.nan, np.float32))
    told = Stated(model=MODEL, hook="blocks.5.hook_resid_post", architecture="standard", subtracts=True)
    view, plan = plan_of(tmp_path, told)
    with pytest.raises(Refused, match="infinities or NaN"):
        judged(view, plan)
