"""CARD005 of what only whole weights, or the details of a training, say: tied weights, unit norms, coefficients; and of "the SAE" beside several."""

from __future__ import annotations

import json

import numpy as np
import pytest
from builders import README, cfg, tensors, view
from safetensors.numpy import save

from hubkit.readme.claims import values
from hubkit.repo.memory import MemoryView
from hubkit.validate.run import Selection, validate

DECODER = tensors("standard")["W_dec"]
UNIT = DECODER / np.linalg.norm(DECODER, axis=1, keepdims=True)


def told(
    text: str, *, deep: bool = True, code: str = "CARD005", metadata: object = None, **weights: np.ndarray
) -> list[str]:
    repository = view(
        cfg("standard", metadata=metadata),
        tensors("standard", **weights),
        readme=f"{README}## The SAE\n\n{text}\n",
    )
    report = validate(repository, Selection(), deep=deep)
    assert not report.crashes, report.crashes[0].traceback
    return [one.message for one in report.findings if one.code == code]


TIED = [
    "Encoder and decoder weights are tied.", "W_enc is the transpose of W_dec.", "The encoder is the transpose of the decoder.", "The weights are tied.", "We use tied weights.", "| Tied weights | yes |\n|---|---|",
    "- **Tied weights**: true",
]  # fmt: skip
UNTIED = [
    "Encoder and decoder are untied.",
    "The encoder and decoder weights are not tied.",
    "The SAE has untied weights.",
    "- **Tied weights**: no",
]


@pytest.mark.parametrize(
    ("text", "tied"), [*((text, True) for text in TIED), *((text, False) for text in UNTIED)]
)
def test_tied_weights_are_read_from_the_weights(text: str, tied: bool) -> None:
    transposed = np.ascontiguousarray(DECODER.T)
    there, not_there = {"W_enc": transposed}, {}
    wrong, right = (not_there, there) if tied else (there, not_there)
    ((message),) = told(text, **wrong)
    assert (
        f"tied_weights is {str(not tied).lower()} in the weights, the card says {str(tied).lower()}"
        in message
    )
    assert told(text, **right) == []
    assert told(text, deep=False, **wrong) == []


def test_what_one_clause_denies_another_may_state() -> None:
    assert told("Decoder rows have unit norm; the encoder is not centred.", W_dec=UNIT) == []
    assert len(told("Decoder rows have unit norm, the encoder is not centred.", W_dec=DECODER)) == 1


def test_norms_that_were_folded_leave_weights_tied() -> None:
    assert (
        told(
            TIED[0],
            W_enc=np.ascontiguousarray(DECODER.T * np.linspace(0.5, 3, len(DECODER), dtype=np.float32)),
        )
        == []
    )


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("Each decoder row has unit norm.", True), ("The decoder is normalised to unit norm.", True), ("Decoder vectors are unit-norm.", True), ("All decoder directions have norm 1.", True),
        ("The SAE has a unit-norm decoder.", True), ("- **Normalized decoder**: yes", True), ("The decoder rows are not normalised.", False), ("Decoder norms are not unit norm.", False),
    ],
)  # fmt: skip
def test_norms_of_the_decoder_are_read_from_the_weights(text: str, unit: bool) -> None:
    wrong, right = (DECODER, UNIT) if unit else (UNIT, DECODER)
    (message,) = told(text, W_dec=wrong)
    assert "unit_norm_decoder" in message
    assert told(text, W_dec=right) == []
    assert told(text, W_dec=wrong, deep=False) == []


@pytest.mark.parametrize(
    "text",
    [
        "The encoder is initialised as the transpose of the decoder.", "During training the decoder rows are normalised to unit norm.", "Unlike other SAEs, ours has no tied weights.",
        "The decoder bias is not normalised.", "Decoder rows are normalised by their mean.", "Results are tied to the layer.", "If the weights are tied, encode is cheaper.",
    ],
)  # fmt: skip
def test_what_is_said_of_a_training_or_of_others_is_left_alone(text: str) -> None:
    assert told(text) == []


@pytest.mark.parametrize(
    "metadata",
    [
        {"l1_coefficient": 5.0, "lr": 5e-5},
        {"training_architecture_details": {"l1_coefficient": 5.0, "lr": 5e-5}},
    ],
)
@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("Trained with an L1 coefficient of 8.", "Trained with an L1 coefficient of 5."), ("- **L1 penalty:** 8e-4", "- **L1 penalty:** 5.0"), ("The learning rate was 3e-4.", "The learning rate was 5e-5."),
        ("| Learning rate | 3 × 10⁻⁴ |\n|---|---|", "| Learning rate | 5 × 10⁻⁵ |\n|---|---|"), ("- lr: 0.0003", "- lr: 0.00005"),
    ],
)  # fmt: skip
def test_coefficients_are_those_of_the_training(metadata: dict[str, object], wrong: str, right: str) -> None:
    assert len(told(wrong, metadata=metadata, deep=False)) == 1
    assert told(right, metadata=metadata, deep=False) == []
    assert told(wrong, deep=False) == []


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [("5", 5, 5), ("3e-4", 3e-4, 3e-4), ("8.0e-5", 7.95e-5, 8.05e-5), ("0.0003", 3e-4, 3e-4), ("3x10^-4", 3e-4, 3e-4), ("3 × 10⁻⁴", 3e-4, 3e-4), ("1.5 × 10^{-3}", 1.45e-3, 1.55e-3)],
)  # fmt: skip
def test_small_numbers(text: str, low: float, high: float) -> None:
    assert values.Real().read(text) == pytest.approx((low, high))


@pytest.mark.parametrize("text", ["", "many", "1e-4 to 1e-3", "3e-4 decayed", "-1", "1,000"])
def test_what_is_no_small_number(text: str) -> None:
    assert values.Real().read(text) is None


def several(text: str, layers: tuple[int, ...] = (2, 3, 4)) -> list[str]:
    files = {"README.md": f"{README}## The SAEs\n\n{text}\n".encode(), "evaluation.json": b"{}"}
    for layer in layers:
        metadata = {"hook_name": f"blocks.{layer}.hook_resid_post"}
        files |= {
            f"L{layer}/cfg.json": json.dumps(cfg(metadata=metadata)).encode(),
            f"L{layer}/sae_weights.safetensors": save(tensors()),
        }
    report = validate(MemoryView(name="memory", files=files), Selection(select=("CARD004", "CARD005")))
    return [one.message for one in report.findings]


@pytest.mark.parametrize(
    "text",
    [
        "The SAE reads block 5.", "This SAE has 64 latents.", "The one SAE in this repository has 32 latents.", "The only SAE here is at layer 3.", "This repository contains a single sparse autoencoder.",
        "We publish a pair of SAEs.", "Both SAEs are JumpReLU SAEs.", "The single SAE is a JumpReLU SAE.", "There is only one SAE here.",
    ],
)  # fmt: skip
def test_the_sae_beside_several_is_one_of_them(text: str) -> None:
    assert len(several(text)) == 1


@pytest.mark.parametrize(
    "text",
    [
        "The SAE reads block 3.", "This SAE has 32 latents.", "The SAE decomposes activations.", "The only SAE that learned its thresholds is that of layer 3.", "Both SAEs of layer 3 were retrained.",
        "Two of them were retrained. Both SAEs are JumpReLU SAEs.", "We publish three SAEs.", "A single SAE takes an hour.", "Each SAE is a single file.", "The one SAE per layer is enough.",
    ],
)  # fmt: skip
def test_what_may_be_true_of_one_of_several(text: str) -> None:
    assert several(text) == []


def test_one_alone_is_the_one() -> None:
    for text in (
        "The one SAE in this repository has 32 latents.",
        "This repository contains a single sparse autoencoder.",
        "The SAE reads block 2.",
    ):
        assert several(text, (2,)) == []
