"""Windows of SAELens versions with a known defect, by the version that trained the SAE.

From SAELens's changelog and the threads named; hubkit has not re-run them, hence the low confidence of CFG018. Defects of loaders and of
metrics are not here: they do not touch what was published.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from packaging.version import Version

from hubkit.formats.architectures import TRANSCODERS
from hubkit.formats.cfg import Cfg
from hubkit.formats.sae import BATCH_TOPK

BOS_IS_ZERO = re.compile(r"pythia|gpt-neox|stablelm|redpajama", re.IGNORECASE)
"""Models of the GPT-NeoX tokenizer, whose BOS token has the id 0."""


@dataclass(frozen=True)
class Erratum:
    """One defect of SAELens."""

    key: str
    until: Version
    """The first version without it."""
    defect: str
    threads: tuple[int, ...]
    """Issues and pull requests of the SAELens repository."""
    touches: Callable[[Cfg], bool]


def trained_as(cfg: Cfg) -> str:
    """The architecture in training, as far as the configuration says."""
    return cfg.text("training_architecture") or cfg.architecture


def _is(*names: str) -> Callable[[Cfg], bool]:
    return lambda cfg: trained_as(cfg) in names


def _scaled(cfg: Cfg) -> bool:
    return cfg.effective.get("normalize_activations") == "expected_average_only_in"


def _sequence_bos(cfg: Cfg) -> bool:
    return cfg.metadata.get("disable_concat_sequences") is True and cfg.metadata.get("prepend_bos") is True


def _bos_zero(cfg: Cfg) -> bool:
    name = cfg.text("model_name")
    return cfg.metadata.get("prepend_bos") is True and bool(name and BOS_IS_ZERO.search(name))


def _bfloat16(cfg: Cfg) -> bool:
    return trained_as(cfg) == "jumprelu" and "bfloat16" in str(cfg.effective.get("dtype"))


ERRATA = tuple(
    Erratum(key, Version(until), defect, threads, touches)
    for key, until, defect, threads, touches in (
        ("b-dec-folding", "4.0.10", "folding the activation norm does not divide b_dec", (354, 355), lambda _: True),
        ("jumprelu-encode", "4.3.3", "JumpReLU's encode, and its saving and loading", (373,), _is("jumprelu")),
        ("decoder-norm-penalty", "4.3.4", "scale_sparsity_penalty_by_decoder_norm is not passed on: the decoder norm can grow to cheat the L1", (377,), _is("standard")),
        ("unfolded-checkpoint", "5.0.0", "intermediate checkpoints are saved unfolded, without their factor", (381, 395), _scaled),
        ("threshold-folding", "5.3.2", "folding the decoder norm does not scale the JumpReLU threshold", (404,), _is("jumprelu")),
        ("k-aux", "5.6.1", "the auxiliary loss of TopK takes its k from d_sae", (432,), _is("topk")),
        ("norm-estimate", "5.9.2", "the activation norm is estimated from one sample a batch", (467,), _scaled),
        ("transcoder-b-dec", "6.5.3", "b_dec is applied to the transcoder's input", (516,), lambda cfg: cfg.architecture in TRANSCODERS),
        ("sequence-bos", "6.13.1", "prepend_bos is ignored with disable_concat_sequences", (559,), _sequence_bos),
        ("matryoshka-sync", "6.16.3", "the matryoshka levels are not kept in step", (571,), _is("matryoshka_batchtopk")),
        ("topk-aux-bias", "6.36.2", "the auxiliary loss of TopK includes b_dec", (644,), _is("topk", *BATCH_TOPK)),
        ("log-threshold", "6.48.0", "the JumpReLU threshold is trained as its logarithm, which Adam hardly moves", (494, 382, 718), _is("jumprelu")),
        ("bfloat16-threshold", "6.49.3", "training in bfloat16 stops the threshold from learning", (728,), _bfloat16),
        ("bos-zero", "6.49.2", "a BOS token with id 0 is taken for none", (724,), _bos_zero),
        ("batchtopk-threshold", "6.54.9", "the BatchTopK threshold is not folded with the activation norm, where there was one", (764,), _is(*BATCH_TOPK)),
        ("matching-pursuit", "6.54.10", "matching pursuit", (771,), _is("matching_pursuit")),
    )
)  # fmt: skip


def training_version(cfg: Cfg) -> Version | None:
    """The SAELens version that trained the SAE, where the configuration has one that can be read."""
    stated = cfg.text("sae_lens_training_version")
    try:
        return Version(stated) if stated else None
    except ValueError:  # InvalidVersion, or a number of thousands of digits
        return None


def errata_of(cfg: Cfg) -> list[Erratum]:
    """The defects whose window the SAE was trained in and whose kind it is."""
    version = training_version(cfg)
    return [one for one in ERRATA if version and version < one.until and one.touches(cfg)]
