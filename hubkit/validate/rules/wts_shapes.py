"""WTS: shapes and number formats of the tensors against the configuration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from hubkit.formats import architectures, saelens
from hubkit.formats.foreign import sizes_of
from hubkit.formats.sae import BATCH_TOPK
from hubkit.tensors.dtypes import BITS, CFG_NAMES
from hubkit.tensors.header import TensorInfo
from hubkit.validate.facts import SaeFacts
from hubkit.validate.finding import FixKind, Found, Severity, mend
from hubkit.validate.need import Need
from hubkit.validate.rule import sae_rule
from hubkit.validate.rules.wts import integer_threshold, integer_weights, shapes_of, tensors_of

WIDER_BY_RIGHT = {"threshold", "topk_threshold"}
"""SAELens keeps these in float32 and float64 beside narrower weights."""


@sae_rule("WTS006", Severity.ERROR, Need.CFG | Need.HEADER, fix="safe")
def shape_contradicts(sae: SaeFacts) -> Iterator[Found]:
    """A tensor's shape contradicts d_in, d_sae or d_out of the configuration: loading raises "size mismatch".

    A scalar or [1] threshold counts: SAELens wants one for every latent. An axis of length 1 too many (`b_dec [1, d_in]`) holds the same values: the fix takes
    it off. Transposed weights are WTS007; a transcoder without d_out is CFG005.
    """
    shapes = shapes_of(sae)
    if shapes is None or sae.weights is None:
        return
    if sae.architecture in architectures.TRANSCODERS and "d_out" not in sae.raw:
        return
    wrong = {
        n: (i.shape, shapes[n])
        for n, i in tensors_of(sae).items()
        if n in shapes and i.shape != shapes[n] and not _transposed(i.shape, shapes[n])
    }
    if not wrong:
        return
    text = "; ".join(
        f"{name} has shape {list(found)}, expected {list(expected)}"
        for name, (found, expected) in wrong.items()
    )
    agreed = agreed_sizes(tensors_of(sae))
    says = f" (all tensors say d_in {agreed[0]}, d_sae {agreed[1]})" if agreed else ""
    kind: FixKind | None = "safe" if agreed else how_reshaped(sae)
    yield Found(
        text + says,
        _about_shapes(sae, wrong, kind, agreed),
        **sae.in_weights(next(iter(wrong))),
        fix=kind,
    )


Wrong = Mapping[str, tuple[tuple[int, ...], tuple[int, ...]]]


def _about_shapes(sae: SaeFacts, wrong: Wrong, kind: FixKind | None, agreed: tuple[int, int] | None) -> str:
    """The command where one helps; else which of the two is wrong, with the numbers that the tensors say."""
    command = mend("WTS006", unsafe=kind == "unsafe")
    if agreed:
        return f"{command} writes these sizes into cfg.json"
    if kind is not None:
        scalar = any(is_scalar(name, found) for name, (found, _) in wrong.items())
        how = (
            "gives every latent the one threshold"
            if scalar
            else "saves the same values in the shapes that are expected"
        )
        return f"{command} {how}"
    sizes = sizes_of(sae.sae.tensors)
    others = {"d_in": sizes.d_in, "d_sae": sizes.d_sae}
    stated = {key: sae.cfg.integer(key) for key in others} if sae.cfg else {}
    odd = {key: size for key, size in others.items() if size is not None and size != stated.get(key)}
    again = _listed({name: expected for name, (_, expected) in wrong.items()})
    if not odd:
        return f"save {again} again: the other tensors have the sizes of cfg.json"
    said = ", ".join(f'"{key}": {size}' for key, size in odd.items())
    rest = _left(sae, odd)
    then = f", and save {_listed(rest)}" if rest else ""
    return f"write {said}{then} if the other tensors are right, as they say; else save {again} again"


def _listed(shapes: Mapping[str, tuple[int, ...]]) -> str:
    """`b_enc as [32], W_dec as [32, 8]`."""
    return ", ".join(f"{name} as {list(shape)}" for name, shape in shapes.items())


def _left(sae: SaeFacts, sizes: Mapping[str, int]) -> dict[str, tuple[int, ...]]:
    """The tensors that other sizes in cfg.json would not make right, with the shapes that they then must have."""
    cfg = replace(sae.cfg, effective={**sae.cfg.effective, **sizes}) if sae.cfg else None
    shapes = (saelens.shapes_of(cfg) if cfg else None) or {}
    there = tensors_of(sae)
    return {name: shape for name, shape in shapes.items() if name in there and there[name].shape != shape}


def is_scalar(name: str, shape: tuple[int, ...]) -> bool:
    """One threshold for all latents."""
    return name == "threshold" and shape in {(), (1,)}


def without_ones(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Without the axes of length 1, which hold no order."""
    return tuple(size for size in shape if size != 1)


def how_reshaped(sae: SaeFacts) -> FixKind | None:
    """Whether the tensors that have a wrong shape hold the right values in it: axes of length 1 too many, or one threshold for all latents.

    A BatchTopK's inference compares with one number by its definition, and SAELens's own export repeats it. What another code did with a scalar is a
    likely guess.
    """
    shapes = shapes_of(sae) or {}
    kind: FixKind | None = None
    for name, info in tensors_of(sae).items():
        expected = shapes.get(name, info.shape)
        if info.shape == expected or _transposed(info.shape, expected):
            continue
        if is_scalar(name, info.shape):
            kind = "safe" if sae.sae.training.architecture in BATCH_TOPK and kind != "unsafe" else "unsafe"
        elif without_ones(info.shape) == without_ones(expected):
            kind = kind or "safe"
        else:
            return None
    return kind


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


@sae_rule("WTS007", Severity.ERROR, Need.CFG | Need.HEADER, fix="unsafe")
def transposed(sae: SaeFacts) -> Iterator[Found]:
    """The weights are transposed: W_enc is [d_sae, d_in] or W_dec is [d_in, d_sae].

    nn.Linear keeps its weights this way. Where d_in equals d_sae nothing can tell, and a transposed SAE loads in silence.
    """
    shapes = shapes_of(sae)
    if shapes is None or sae.weights is None:
        return
    turned = [
        name
        for name, info in tensors_of(sae).items()
        if name in shapes and _transposed(info.shape, shapes[name])
    ]
    if turned:
        name = turned[0]
        message = "; ".join(
            f"{n} has shape {list(tensors_of(sae)[n].shape)}, expected {list(shapes[n])}" for n in turned
        )
        yield Found(
            f"transposed: {message}",
            f"save {', '.join(turned)} transposed (.T.contiguous()): {mend('WTS007', unsafe=True)}",
            fix="unsafe",
            **sae.in_weights(name),
        )
    elif shapes.get("W_enc", (0, 1))[0] == shapes.get("W_enc", (0, 1))[1] and "W_enc" in tensors_of(sae):
        yield Found(
            "d_in equals d_sae: a transposed W_enc or W_dec could not be told from the shapes",
            "nothing to do where one reconstruction is right (explained variance near 1); else transpose W_enc and W_dec",
            **sae.in_weights("W_enc"), severity=Severity.NOTE, confidence="low",
        )  # fmt: skip


@sae_rule("WTS008", Severity.WARNING, Need.CFG | Need.HEADER, fix="safe")
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
    known = shapes_of(sae) or {}
    told = {"threshold"} if integer_threshold(sae) else set()  # by WTS018 too
    found = {
        name: info.dtype
        for name, info in tensors_of(sae).items()
        if (name in known or not known)
        and name not in told
        and (name not in WIDER_BY_RIGHT or info.dtype not in {"F32", "F64"})
    }
    kinds = sorted({CFG_NAMES.get(dtype, dtype) for dtype in found.values()})
    if stated not in saelens.DTYPES or kinds in ([], [stated]):
        return
    hint, fix = _about_dtypes(stated, set(found.values()))
    several = f"tensors of mixed dtypes ({', '.join(kinds)}), cfg.json says {stated}"
    one = f"the tensors are {kinds[0]}, cfg.json says {stated}: they are cast on load"
    yield Found(one if len(kinds) == 1 else several, hint, fix=fix, **sae.in_weights("dtype"))


def _about_dtypes(stated: str, dtypes: set[str]) -> tuple[str, FixKind | None]:
    """What helps, and whether the fix does it: widening loses nothing; what is wider than cfg says is for a person."""
    wide = next(name for name, cfg_name in CFG_NAMES.items() if cfg_name == stated)
    others = dtypes - {wide}
    if others <= CFG_NAMES.keys() and all(BITS[dtype] < BITS[wide] for dtype in others):
        return f"{mend('WTS008')} saves them as {stated}: the same numbers", "safe"
    floats = [dtype for dtype in dtypes if dtype in CFG_NAMES]
    if len(floats) < len(dtypes):
        odd = ", ".join(sorted(dtypes - set(floats)))
        return f"save the {odd} tensors as {stated}, after undoing whatever scaling they need", None
    widest = CFG_NAMES[max(floats, key=lambda dtype: BITS[dtype])]
    every = "" if len(dtypes) == 1 else f"save all tensors as {widest} and "
    return f'{every}write "dtype": "{widest}" into cfg.json: nothing is rounded on loading then', None
