"""WTS: the tensors, from the header of the weights file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from hubkit.formats import saelens
from hubkit.tensors.dtypes import CFG_NAMES
from hubkit.tensors.header import TensorInfo
from hubkit.validate.facts import WEIGHTS, SaeFacts
from hubkit.validate.finding import Found, Severity
from hubkit.validate.rule import sae_rule

SCALING = "scaling_factor"
WIDER_BY_RIGHT = {"threshold", "topk_threshold"}
"""SAELens keeps these in float32 and float64 beside narrower weights."""
FOREIGN_TENSORS = {"encoder.weight", "encoder.bias", "decoder.weight", "w_enc", "w_dec"}


@sae_rule("WTS001", Severity.ERROR, "T")
def configuration_without_weights(sae: SaeFacts) -> Iterator[Found]:
    """The folder has a configuration and no weights.

    SAELens looks for `sae_weights.safetensors` and nothing else.
    """
    if sae.cfg_path is None or not sae.is_saelens or WEIGHTS in sae.files:
        return
    if sae.weights is None:
        yield Found(
            "cfg.json has no weights beside it", f"add {WEIGHTS}, or remove the folder", path=sae.cfg_path
        )
    elif sae.weights.name.endswith(".safetensors"):
        yield Found(
            f"the weights are called {sae.weights.name}; SAELens looks for {WEIGHTS}",
            f"rename the file to {WEIGHTS}",
            path=sae.weights.path,
        )
    else:
        yield Found(
            f"the weights are {sae.weights.name}; SAELens looks for {WEIGHTS}",
            f"convert them to {WEIGHTS}",
            path=sae.weights.path,
        )


def _shapes(sae: SaeFacts) -> dict[str, tuple[int, ...]] | None:
    return saelens.shapes_of(sae.cfg) if sae.cfg else None


def _tensors(sae: SaeFacts) -> Mapping[str, TensorInfo]:
    return sae.header.tensors if sae.header else {}


@sae_rule("WTS004", Severity.ERROR, "H C")
def tensor_missing(sae: SaeFacts) -> Iterator[Found]:
    """A tensor that the architecture needs is missing: loading raises "Missing key(s) in state_dict"."""
    shapes = _shapes(sae)
    if shapes is None or sae.header is None or sae.weights is None:
        return
    missing = [name for name in shapes if name not in sae.header.tensors]
    if not missing:
        return
    other = FOREIGN_TENSORS & sae.header.tensors.keys()
    hint = (
        f"the file has {', '.join(sorted(other))}: another library's names; rename the tensors"
        if other
        else "export the SAE again for this architecture"
    )
    if missing == ["threshold"] and "log_threshold" in sae.header.tensors:
        hint = "SAELens before 6.48 trained log_threshold: save exp(log_threshold) as threshold"
    yield Found(
        f"{sae.architecture} needs {', '.join(missing)}; the file has {', '.join(sae.header.tensors) or 'no tensors'}",
        hint,
        **sae.in_weights(missing[0]),
    )


@sae_rule("WTS005", Severity.ERROR, "H C S")
def tensor_unexpected(sae: SaeFacts) -> Iterator[Found]:
    """A tensor is there that makes loading raise "Unexpected key(s) in state_dict".

    SAELens loads strictly: `b_enc` in gated, `threshold` in standard or topk, `b_dec_out`, `log_threshold`, `topk_threshold`, names with a prefix.
    SAELens 2 and 3 wrote a `scaling_factor`: load_from_disk takes it out where every value is 1, and raises where one is not.
    """
    shapes = _shapes(sae)
    if shapes is None or sae.weights is None:
        return
    extra = [name for name in _tensors(sae) if name not in shapes and name != SCALING]
    if sae.scaling is not None and SCALING not in shapes and not np.allclose(sae.scaling, 1.0):
        yield Found(
            f"{SCALING} is not all ones ({np.min(sae.scaling):.4g} to {np.max(sae.scaling):.4g}): loading raises",
            "fold it into W_dec if the training used it, and remove the tensor from the file",
            **sae.in_weights(SCALING),
            identity=SCALING,
        )
    if not extra:
        return
    if sae.stored_k is not None and extra == ["k"]:
        yield _stored_k(sae, sae.stored_k)
        return
    hint = "remove the tensor from the file"
    if extra == ["threshold"] and sae.architecture == "standard":
        hint = "if it was trained as a JumpReLU, say architecture jumprelu; else remove the tensor"
    yield Found(
        f"{', '.join(extra)}: a {sae.architecture} has no such tensor",
        hint,
        **sae.in_weights(extra[0]),
    )


def _stored_k(sae: SaeFacts, stored: int) -> Found:
    """A buffer that other libraries keep beside the weights; whether it may go depends on what cfg.json says."""
    stated = sae.sae.k
    if stated is not None and stated != stored:
        message = f"a tensor k says {stored}, cfg.json says {stated}; loading raises"
        hint = "find out which of the two the SAE was trained with, write it into cfg.json, and save the weights without the tensor"
    else:
        message = f"a tensor k ({stored}): a {sae.architecture} of SAELens has none, loading raises"
        hint = "save the weights without it" + ("" if stated else ', and write "k" into cfg.json')
    return Found(message, hint, **sae.in_weights("k"), measured={"tensor": stored, "cfg": stated})


@sae_rule("WTS006", Severity.ERROR, "H C", fix="safe")
def shape_contradicts(sae: SaeFacts) -> Iterator[Found]:
    """A tensor's shape contradicts d_in, d_sae or d_out of the configuration: loading raises "size mismatch".

    A scalar or [1] threshold counts: SAELens wants one for every latent. Transposed weights are WTS007; a transcoder without d_out is CFG005.
    """
    shapes = _shapes(sae)
    if shapes is None or sae.weights is None:
        return
    if sae.architecture in saelens.TRANSCODERS and "d_out" not in sae.raw:
        return
    wrong = {
        n: (i.shape, shapes[n])
        for n, i in _tensors(sae).items()
        if n in shapes and i.shape != shapes[n] and not _transposed(i.shape, shapes[n])
    }
    if not wrong:
        return
    agreed = agreed_sizes(_tensors(sae))
    hint = "hubkit fix --select WTS006" if agreed else "export the SAE again, or correct d_in and d_sae"
    text = "; ".join(
        f"{name} has shape {list(found)}, expected {list(expected)}"
        for name, (found, expected) in wrong.items()
    )
    says = f" (all tensors say d_in {agreed[0]}, d_sae {agreed[1]})" if agreed else ""
    yield Found(
        text + says,
        hint,
        **sae.in_weights(next(iter(wrong))),
        fix="safe" if agreed else None,
    )


def agreed_sizes(tensors: Mapping[str, TensorInfo]) -> tuple[int, int] | None:
    """(d_in, d_sae) where W_enc, W_dec and the biases that are there agree on them, in SAELens's orientation; else None."""
    if not {"W_enc", "W_dec", "b_dec"} <= tensors.keys() or len(tensors["W_enc"].shape) != 2:
        return None
    d_in, d_sae = tensors["W_enc"].shape
    wide = [
        tensors[name].shape for name in ("b_enc", "b_gate", "b_mag", "r_mag", "threshold") if name in tensors
    ]
    fits = (
        tensors["W_dec"].shape == (d_sae, d_in)
        and tensors["b_dec"].shape == (d_in,)
        and all(shape == (d_sae,) for shape in wide)
    )
    return (d_in, d_sae) if fits and wide else None


def _transposed(found: tuple[int, ...], expected: tuple[int, ...]) -> bool:
    return len(expected) == 2 and expected[0] != expected[1] and found == expected[::-1]


@sae_rule("WTS007", Severity.ERROR, "H C", fix="unsafe")
def transposed(sae: SaeFacts) -> Iterator[Found]:
    """The weights are transposed: W_enc is [d_sae, d_in] or W_dec is [d_in, d_sae].

    nn.Linear keeps its weights this way. Where d_in equals d_sae nothing can tell, and a transposed SAE loads in silence.
    """
    shapes = _shapes(sae)
    if shapes is None or sae.weights is None:
        return
    turned = [
        name
        for name, info in _tensors(sae).items()
        if name in shapes and _transposed(info.shape, shapes[name])
    ]
    if turned:
        name = turned[0]
        message = "; ".join(
            f"{n} has shape {list(_tensors(sae)[n].shape)}, expected {list(shapes[n])}" for n in turned
        )
        yield Found(
            f"transposed: {message}",
            f"save {', '.join(turned)} transposed (.T.contiguous())",
            fix="unsafe",
            **sae.in_weights(name),
        )
    elif shapes.get("W_enc", (0, 1))[0] == shapes.get("W_enc", (0, 1))[1] and "W_enc" in _tensors(sae):
        yield Found(
            "d_in equals d_sae: a transposed W_enc or W_dec could not be told from the shapes",
            "check that one reconstruction is right",
            **sae.in_weights("W_enc"), severity=Severity.NOTE, confidence="low",
        )  # fmt: skip


@sae_rule("WTS008", Severity.WARNING, "H C", fix="safe")
def dtype_contradicts(sae: SaeFacts) -> Iterator[Found]:
    """The tensors' dtype is not the configuration's: cast on load without a word.

    A float32 threshold beside bfloat16 weights is right (SAELens trains it so) and no finding.
    """
    cfg = sae.cfg
    if (
        cfg is None
        or not sae.header
        or sae.weights is None
        or not isinstance(cfg.effective.get("dtype"), str)
    ):
        return
    if integer_weights(sae):
        return  # WTS018
    stated = str(cfg.effective["dtype"]).removeprefix("torch.")
    found = {
        name: CFG_NAMES.get(i.dtype, i.dtype)
        for name, i in sae.header.tensors.items()
        if name not in WIDER_BY_RIGHT or i.dtype not in {"F32", "F64"}
    }
    kinds = sorted(set(found.values()))
    if stated not in saelens.DTYPES or kinds in ([], [stated]):
        return
    place = sae.in_weights("dtype")
    if len(kinds) == 1:
        yield Found(
            f"the tensors are {kinds[0]}, cfg.json says {stated}: they are cast on load",
            f'write "dtype": "{kinds[0]}" into cfg.json',
            fix="safe",
            **place,
        )
    else:
        yield Found(
            f"tensors of mixed dtypes ({', '.join(kinds)}), cfg.json says {stated}",
            "save all of them in one dtype",
            **place,
        )


INTEGERS = {"I8", "U8", "I16", "U16", "I32", "U32", "I64", "U64", "BOOL"}


def integer_weights(sae: SaeFacts) -> list[str]:
    """The matrices that are stored as whole numbers."""
    tensors = sae.sae.tensors
    return [
        name
        for name in ("W_enc", "W_dec", "W_skip")
        if name in tensors and tensors[name].info.dtype in INTEGERS
    ]


@sae_rule("WTS018", Severity.ERROR, "H")
def weights_are_integers(sae: SaeFacts) -> Iterator[Found]:
    """The matrices are stored as integers: nothing can be computed from them without their scales.

    A quantized weight is an integer times a scale (and a zero point) that lie in tensors of their own. SAELens casts the integers to cfg's dtype and computes
    with them as they are, without a word.
    """
    names = integer_weights(sae)
    if names:
        kinds = " and ".join(sorted({sae.sae.tensors[name].info.dtype for name in names}))
        yield Found(
            f"{', '.join(names)} are stored as {kinds}: without their scales no number of them means anything",
            "save the weights as the floating-point numbers that were trained or dequantized",
            **sae.in_weights(names[0]),
        )
