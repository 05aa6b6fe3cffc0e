"""Where hubkit once disagreed with SAELens (docs/oracle.md): what it now reports, and the like of it that is right."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from builders import D_IN, D_SAE, FOLDER, GONE, README, cfg, check, codes, tensors, view

from hubkit.formats.saelens import read_cfg, shapes_of
from hubkit.validate.finding import Severity
from hubkit.validate.run import validate

LEGACY: dict[str, Any] = {
    "architecture": "standard", "d_in": 8, "d_sae": 32, "dtype": "float32", "activation_fn_str": "relu", "activation_fn_kwargs": {},
    "apply_b_dec_to_input": True, "normalize_activations": "none", "prepend_bos": True, "model_name": "lab/tiny",
    "hook_name": "blocks.2.hook_resid_post", "hook_layer": 2,
}  # fmt: skip


def temporal(**changes: Any) -> dict[str, Any]:
    """A temporal SAE as SAELens writes it; GONE removes a key."""
    heads = {
        "n_heads": 4,
        "n_attn_layers": 1,
        "bottleneck_factor": 4,
        "sae_diff_type": "topk",
        "kval_topk": 4,
    }
    return cfg("temporal", **{**heads, "tied_weights": True, **changes})


def attention(configuration: dict[str, Any]) -> dict[str, np.ndarray]:
    """Tensors for it."""
    shapes = shapes_of(read_cfg(configuration))
    assert shapes is not None
    return {name: np.ones(shape, np.float32) for name, shape in shapes.items()}


def found(configuration: Any, weights: Any = None, select: str = "") -> list[tuple[str, str]]:
    """(code, severity) of what is found."""
    report = check(view(configuration, weights), select)
    return sorted((f.code, f.severity.word) for f in report.findings)


def test_a_good_temporal_sae_and_matching_pursuit_have_no_finding() -> None:
    for configuration in (temporal(), temporal(tied_weights=False), temporal(n_attn_layers=2)):
        assert found(configuration, attention(configuration)) == []
    pursuit = cfg("matching_pursuit", residual_threshold=0.5, max_iterations=None)
    assert found(pursuit) == []


def test_shapes_of_a_temporal_sae() -> None:
    shapes = shapes_of(read_cfg(temporal(n_attn_layers=2, tied_weights=False)))
    assert shapes is not None
    assert shapes["W_enc"] == (D_IN, D_SAE)
    assert shapes["attn_layers.1.k_ctx.weight"] == (D_SAE // 4, D_SAE)
    assert shapes["attn_layers.1.c_proj.bias"] == (D_SAE,)
    assert len(shapes) == 3 + 2 * 8
    assert shapes_of(read_cfg(temporal(n_heads=3))) is None
    assert shapes_of(read_cfg(temporal(bottleneck_factor="4"))) is None


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"n_heads": GONE}, [("CFG005", "warning")]),
        ({"n_heads": GONE, "bottleneck_factor": 8}, [("CFG005", "error")]),
        ({"bottleneck_factor": GONE}, [("CFG005", "error")]),
        ({"kval_topk": GONE}, [("CFG005", "error")]),
        ({"kval_topk": GONE, "sae_diff_type": "relu"}, []),
        ({"n_heads": 3}, [("CFG003", "error")]),
        ({"sae_diff_type": "batchtopk"}, [("CFG003", "error")]),
        ({"tied_weights": "false"}, [("CFG003", "error")]),
        ({"tied_weights": 1}, [("CFG003", "warning")]),
        ({"activation_normalization_factor": "20"}, [("CFG003", "warning")]),
    ],
)
def test_cfg005_and_cfg003_of_a_temporal_sae(
    changes: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    assert found(temporal(**changes), attention(temporal()), "CFG") == expected


def test_wts004_to_wts006_of_a_temporal_sae() -> None:
    weights = attention(temporal())
    assert codes(view(temporal(n_attn_layers=2), weights), "WTS") == ["WTS004"]
    assert codes(view(temporal(tied_weights=False), weights), "WTS") == ["WTS004"]
    assert codes(view(temporal(), attention(temporal(tied_weights=False))), "WTS") == ["WTS005"]
    assert codes(view(temporal(bottleneck_factor=8), weights), "WTS") == ["WTS006"]


def test_cfg005_what_matching_pursuit_guesses() -> None:
    guessed = cfg("matching_pursuit")
    assert found(guessed) == [("CFG005", "warning"), ("CFG005", "warning")]


def test_cfg001_and_cfg008_in_every_layout() -> None:
    for layout, severity in ((LEGACY, "error"), (cfg("standard", metadata=None), "error")):
        broken = layout | {"sae_lens_version": "latest"}
        assert ("CFG008", severity) in found(broken, tensors("standard"), "CFG008")
    assert found(LEGACY | {"sae_lens_version": "4.1.0"}, tensors("standard"), "CFG008") == []
    above = check(view(cfg(sae_lens_version="latest")), "CFG008").findings
    assert [(f.pointer, f.fix) for f in above] == [("/sae_lens_version", None)]
    assert "InvalidVersion" in above[0].message


@pytest.mark.parametrize(
    ("changes", "severity"),
    [
        ({"device": None}, "warning"),
        ({"device": 0}, "warning"),
        ({"apply_b_dec_to_input": 0}, "warning"),
        ({"apply_b_dec_to_input": 0.5}, "error"),
        ({"apply_b_dec_to_input": "false"}, "error"),
        ({"reshape_activations": "heads"}, "warning"),
        ({"d_in": -8}, "error"),
        ({"d_sae": "32"}, "error"),
    ],
)
def test_cfg003_weighs_by_the_consequence_and_stands_alone(changes: dict[str, Any], severity: str) -> None:
    assert found(cfg(**changes), tensors(), "CFG,WTS") == [("CFG003", severity)]


@pytest.mark.parametrize(
    ("changes", "severity"),
    [
        ({"context_size": "128"}, "warning"),
        ({"prepend_bos": "true"}, "warning"),
        ({"hook_layer": "2"}, "warning"),
        ({"model_name": 5}, "warning"),
        ({"hook_name": ["blocks.2.hook_resid_post"]}, "warning"),
        ({"hook_name": 2}, "error"),
        ({"activation_fn_kwargs": None}, "warning"),
        ({"activation_fn_kwargs": None, "activation_fn_str": "topk"}, "error"),
        ({"activation_fn_str": 5}, "warning"),
    ],
)
def test_cfg003_of_legacy_fields_that_saelens_does_not_read(changes: dict[str, Any], severity: str) -> None:
    assert ("CFG003", severity) in found(LEGACY | changes, tensors("standard"), "CFG003")


def test_a_transcoder_without_a_usable_d_out_is_said_once() -> None:
    wide = tensors("transcoder") | {
        "W_dec": np.ones((D_SAE, 24), np.float32),
        "b_dec": np.ones(24, np.float32),
    }
    assert found(cfg("transcoder", d_out=GONE), wide, "CFG,WTS") == [("CFG005", "error")]
    assert found(cfg("transcoder", d_out="24"), wide, "CFG,WTS") == [("CFG003", "error")]
    assert found(cfg("transcoder", d_out=24), wide, "CFG,WTS") == []


def test_cfg006_and_cfg007_take_the_k_of_the_kwargs_for_any_topk() -> None:
    topk = LEGACY | {"architecture": "topk", "activation_fn_kwargs": {"k": 4}}
    assert found(topk, tensors("topk"), "CFG006,CFG007") == []
    null = topk | {"activation_fn_kwargs": {"k": None}}
    assert found(null, tensors("topk"), "CFG006,CFG007") == [("CFG007", "error")]
    assert found(null | {"k": 4}, tensors("topk"), "CFG006,CFG007") == [("CFG007", "error")]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.ones(D_SAE), []),
        (np.ones(D_SAE) + 1e-6, []),
        (np.full(D_SAE, 2.0), ["WTS005"]),
        (np.where(np.arange(D_SAE) == 3, np.nan, 1.0), ["WTS005"]),
    ],
)
def test_wts005_scaling_factor_by_its_values(values: Any, expected: list[str]) -> None:
    weights = tensors(scaling_factor=values.astype(np.float32))
    assert codes(view(weights=weights), "WTS005") == expected
    both = weights | {"feature_scale": np.ones(D_SAE, np.float32)}
    assert codes(view(weights=both), "WTS005") == [*expected, "WTS005"]


def test_cfg010_whitening_and_the_scale_of_a_temporal_sae() -> None:
    whitened = cfg(normalize_activations="covariance_whitening")
    assert [f.severity for f in check(view(whitened), "CFG010").findings] == [Severity.WARNING]
    stored = view(whitened, files={f"{FOLDER}/activation_whitening.safetensors": b""})
    assert [f.severity for f in check(stored, "CFG010").findings] == [Severity.NOTE]
    scaled = temporal(normalize_activations="constant_scalar_rescale")
    assert codes(view(scaled, GONE), "CFG003,CFG010") == ["CFG010"]
    assert codes(view(scaled | {"activation_normalization_factor": 0.05}, GONE), "CFG003,CFG010") == []
    refused = check(view(temporal(normalize_activations="covariance_whitening"), GONE), "CFG010").findings
    assert [f.severity for f in refused] == [Severity.ERROR]


def test_cfg011_is_silent_where_metadata_is_no_object_and_an_error_where_the_migration_raises() -> None:
    null = json.dumps(cfg() | {"metadata": None}).encode()
    assert codes(view(null), "CFG008,CFG011") == ["CFG008"]
    for key in ("hook_name", "hook_point"):
        written = {k: v for k, v in LEGACY.items() if k != "hook_name"} | {key: None}
        (finding,) = check(view(written, tensors("standard")), "CFG003,CFG011").findings
        assert (finding.code, finding.severity) == ("CFG011", Severity.ERROR)
    number = check(view(LEGACY | {"hook_name": 2}, tensors("standard")), "CFG003,CFG011").findings
    assert [(f.code, f.severity) for f in number] == [("CFG003", Severity.ERROR)]


def test_cfg016_a_field_of_another_architecture() -> None:
    (finding,) = check(view(cfg("standard", k=4)), "CFG016").findings
    assert "a standard has no such field" in finding.message
    assert codes(view(cfg("standard", n_heads=4)), "CFG016") == ["CFG016"]
    assert codes(view(cfg("standard", d_out=D_IN)), "CFG016,CFG017") == ["CFG017"]
    assert codes(view(cfg("topk", k=4)), "CFG016") == []
    assert codes(view(LEGACY | {"k": 4}, tensors("standard")), "CFG016") == []


def test_cfg017_zero_is_false_to_saelens() -> None:
    found = check(view(cfg("transcoder", apply_b_dec_to_input=0)), "CFG003,CFG017").findings
    assert [(f.code, f.severity) for f in found] == [("CFG003", Severity.WARNING)]
    one = check(view(cfg("transcoder", apply_b_dec_to_input=1)), "CFG003,CFG017").findings
    assert [(f.code, f.severity) for f in one] == [("CFG017", Severity.ERROR)]


@pytest.mark.parametrize(
    ("configuration", "severity"),
    [
        (cfg("standard", activation_fn_str="topk", activation_fn_kwargs={"k": 4}), Severity.ERROR),
        (cfg("jumprelu", activation_fn_str="topk", activation_fn_kwargs={"k": 4}), Severity.WARNING),
        (cfg("topk", activation_fn_str="topk"), None),
        (cfg("standard", activation_fn_str="relu"), None),
        (LEGACY | {"activation_fn_str": "topk"}, Severity.ERROR),
        (LEGACY | {"activation_fn_str": "tanh-relu"}, Severity.ERROR),
        (LEGACY | {"architecture": "gated", "activation_fn_str": "tanh-relu"}, Severity.ERROR),
        (LEGACY | {"activation_fn_str": "gelu"}, Severity.WARNING),
        (LEGACY | {"architecture": "jumprelu", "activation_fn_str": "jumprelu"}, None),
        (LEGACY | {"activation_fn_str": None}, None),
    ],
)
def test_cfg019_activations_that_saelens_does_not_follow(
    configuration: dict[str, Any], severity: Severity | None
) -> None:
    found = check(view(configuration, tensors(configuration["architecture"])), "CFG019").findings
    assert [f.severity for f in found] == ([severity] if severity else [])


@pytest.mark.parametrize(
    ("hook", "module", "fires"),
    [
        ("blocks.6.hook_resid_post", "model.layers.9", True),
        ("blocks.6.hook_resid_post", "model.layers.6", False),
        ("blocks.6.hook_resid_pre", "model.layers.5", False),
        ("blocks.6.hook_resid_pre", "model.layers.6", False),
        ("blocks.6.hook_resid_pre", "model.layers.4", True),
        ("blocks.6.hook_mlp_out", "model.layers.6.mlp", False),
        ("hook_embed", "model.embed_tokens", False),
    ],
)
def test_cfg012_the_module_that_readers_hook_against_the_hook(hook: str, module: str, fires: bool) -> None:
    configuration = cfg(metadata={"hook_name": hook, "hf_hook_name": module})
    found = check(view(configuration, folder="x"), "CFG012").findings
    assert [(f.code, f.severity.word) for f in found] == ([("CFG012", "error")] if fires else [])


@pytest.mark.parametrize(
    ("trained", "architecture", "fires"),
    [
        ("jumprelu", "standard", True),
        ("topk", "standard", True),
        ("abstopk", "topk", True),
        ("batchtopk", "topk", True),
        ("batchtopk", "jumprelu", False),
        ("matryoshka_batchtopk", "jumprelu", False),
        ("jumprelu", "jumprelu_skip_transcoder", False),
        ("standard", "skip_transcoder", False),
        ("jumprelu", "transcoder", True),
        ("a loss of our own", "standard", False),
    ],
)
def test_cfg021_the_architecture_against_that_of_the_training(
    trained: str, architecture: str, fires: bool
) -> None:
    configuration = cfg(architecture, metadata={"training_architecture": trained})
    assert codes(view(configuration, folder="x_L2"), "CFG021") == (["CFG021"] if fires else [])
    disclosed = cfg(
        architecture,
        metadata={
            "training_architecture": trained,
            "hubkit": {"rewritten": {"rule": "THR001", "from": "jumprelu", "to": "standard"}},
        },
    )
    assert codes(view(disclosed, folder="x_L2"), "CFG021") == []


@pytest.mark.parametrize(
    "text",
    [
        "The SAE has 32 latents.",
        "The SAE has 64 latents.",
        "| Latents | 32 |\n|---|---|\n| d_in | 8 |",
        "The SAE, 8 -> 32.",
        "The expansion factor is 4.",
    ],
)
def test_where_weights_and_configuration_disagree_a_card_is_held_against_neither(text: str) -> None:
    """Whoever followed CARD005 would write the wrong one of the two into the card."""
    report = validate(view(cfg(d_sae=64), readme=f"{README}\n{text}\n"), coverage=True)
    assert [one.code for one in report.findings if one.code in {"WTS006", "CARD005"}] == ["WTS006"]
    assert report.coverage[0].agree == 1, "the precision"


def test_where_they_agree_it_is() -> None:
    report = validate(view(readme=f"{README}\nThe SAE has 64 latents.\n"))
    assert [one.code for one in report.findings if one.code in {"WTS006", "CARD005"}] == ["CARD005"]
