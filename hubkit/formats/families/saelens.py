"""SAELens: `cfg.json` + `sae_weights.safetensors`, in the layouts of versions 2 to 6 (`hubkit.formats.saelens` has what its loader does)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from hubkit.formats.family import Family
from hubkit.formats.foreign import sizes_of
from hubkit.formats.sae import Origin, Sae, Tensor, Threshold, Training
from hubkit.formats.saelens import LEGACY_MARKS, read_cfg
from hubkit.formats.tensor_names import common_prefix, shards_of
from hubkit.release.layout import METRICS, WEIGHTS
from hubkit.release.sae_record import KEY, SaeRecord
from hubkit.tensors.dtypes import CFG_NAMES

if TYPE_CHECKING:
    from hubkit.formats.cfg import Cfg
    from hubkit.formats.folder import Folder, Head
    from hubkit.repo.view import Entry

OTHER_NAMES = ("sae.safetensors", "sae_weights.pt")
"""Names that people give the weights; SAELens opens none of them (WTS001)."""
OWN_TENSORS = {"W_enc", "W_dec", "b_dec"}
MARKS_OF_TRAINING = (
    "training_architecture", "training_architecture_details", "l0", "num_dead_features", "sae_lens_training_version", "training_condition",
)  # fmt: skip

DTYPES = {name: key for key, name in CFG_NAMES.items()}
"""The configuration's name of a number format to that of safetensors."""


def _is_cfg(keys: Mapping[str, Any]) -> bool:
    sized = bool({"d_in", "d_sae"} & keys.keys())
    if "metadata" in keys:
        return sized or "architecture" in keys
    return sized and bool(LEGACY_MARKS & keys.keys())


def _has_its_tensors(head: Head) -> bool:
    """Its own name and its own tensors: a folder whose cfg.json is missing, or cannot be parsed."""
    return head.entry.name == WEIGHTS and head.shapes.keys() >= OWN_TENSORS


def read(family: Family, folder: Folder) -> Iterator[Sae]:
    """The one SAE of a folder."""
    raw = folder.keys
    cfg = read_cfg(raw) if raw else None
    weights = _weights(folder)
    shards = _shards(folder, weights)
    tensors = _tensors(folder, shards or ([weights] if weights else []))
    config = folder.config
    path = config.path if config else ""
    stated = _stated(cfg, path, trained=METRICS in folder.files) if cfg else _measured(tensors)
    yield Sae(
        folder.path,
        family,
        cfg.layout if cfg else "weights only",
        weights=weights.path if weights else None,
        files=tuple(entry.path for entry in shards),
        tensors=tensors,
        threshold=_threshold(tensors, stated.get("dtype")),
        cfg=cfg,
        **stated,
    )


def _weights(folder: Folder) -> Entry | None:
    """SAELens's own name first, then whatever may hold them."""
    for name in (WEIGHTS, *OTHER_NAMES):
        if name in folder.files:
            return folder.files[name]
    return next(iter(folder.candidates()), None)


def _shards(folder: Folder, weights: Entry | None) -> list[Entry]:
    """All parts of a state that was split over several files; SAELens opens none of them (WTS001)."""
    names, _ = shards_of(weights.name, folder.files) if weights else ([], 0)
    return [folder.files[name] for name in names]


def _tensors(folder: Folder, entries: list[Entry]) -> dict[str, Tensor]:
    """By SAELens's names; a prefix that all of them have is none of the SAE's (WTS004)."""
    found: dict[str, Tensor] = {}
    for entry in entries:
        header = folder.head(entry).header
        for name, info in header.tensors.items() if header else ():
            found.setdefault(name, Tensor(entry.path, info))
    prefix = common_prefix(found)
    return {name.removeprefix(prefix): tensor for name, tensor in found.items()}


def _threshold(tensors: Mapping[str, Tensor], dtype: object) -> Threshold | None:
    """One value a latent, cast to the configuration's dtype. A scalar loads nowhere (WTS006); its value is judged all the same."""
    tensor = tensors.get("threshold")
    if tensor is None or 0 in tensor.shape:
        return None
    return Threshold("values", tensor.origin, tensor, loaded_as=DTYPES.get(str(dtype), "F32"))


def _stated(cfg: Cfg, path: str, *, trained: bool) -> dict[str, Any]:
    """What the configuration says, as SAELens loads it."""
    hook, model = cfg.text("hook_name"), cfg.text("model_name")
    dtype = cfg.effective.get("dtype")
    return {
        "architecture": cfg.architecture,
        "d_in": cfg.integer("d_in"),
        "d_sae": cfg.integer("d_sae"),
        "d_out": cfg.integer("d_out"),
        "k": cfg.integer("k"),
        "hook_name": hook,
        "hook_name_out": cfg.text("hook_name_out"),
        "hf_hook_name": cfg.text("hf_hook_name"),
        "hf_hook_name_out": cfg.text("hf_hook_name_out"),
        "stated_layer": _layer(cfg),
        "model_name": model,
        "dtype": str(dtype).removeprefix("torch.") if isinstance(dtype, str) else None,
        "training": _training(cfg, trained=trained),
        "origins": _origins(cfg, path),
    }


def _measured(tensors: Mapping[str, Tensor]) -> dict[str, Any]:
    """Of weights without a configuration: what the tensors say."""
    sizes = sizes_of(tensors)
    return {"d_in": sizes.d_in, "d_sae": sizes.d_sae}


def _layer_keys(cfg: Cfg) -> list[tuple[Mapping[str, Any], str]]:
    """Where a layer is stated beside hook_name: at the top as the older layouts have it, or in `metadata`, where it was carried along."""
    places = ((cfg.raw, "hook_layer"), (cfg.raw, "hook_point_layer"), (cfg.metadata, "hook_layer"))
    return [(place, key) for place, key in places if key in place]


def _layer(cfg: Cfg) -> int | None:
    value = next((place[key] for place, key in _layer_keys(cfg)), None)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _training(cfg: Cfg, *, trained: bool) -> Training:
    stated = cfg.text("training_architecture")
    return Training(
        architecture=stated,
        threshold_init=_init(cfg),
        evidence=trained or any(cfg.metadata.get(key) is not None for key in MARKS_OF_TRAINING),
        condition=cfg.text("training_condition"),
        record=SaeRecord.read(cfg.metadata.get(KEY)),
    )


def _init(cfg: Cfg) -> float | None:
    """`jumprelu_init_threshold`, at the top or in the details of the training."""
    for source in (cfg.raw, cfg.training_details):
        value = source.get("jumprelu_init_threshold")
        if isinstance(value, int | float) and not isinstance(value, bool):
            return float(value)
    return None


def _origins(cfg: Cfg, path: str) -> dict[str, Origin]:
    """Where each field is written: in `metadata` of the v6 layout, at the top of the others, there under its older name as well."""
    inside = "/metadata" if cfg.layout == "v6" else ""
    keys = {key: f"/{key}" for key in ("architecture", "d_in", "d_sae", "d_out", "k", "dtype")}
    keys |= {
        key: f"{inside}/{key}"
        for key in ("hook_name", "hook_name_out", "hf_hook_name", "hf_hook_name_out", "model_name")
    }
    if "hook_name" not in cfg.raw and "hook_point" in cfg.raw and cfg.layout == "legacy":
        keys["hook_name"] = "/hook_point"
    kwargs = cfg.raw.get("activation_fn_kwargs")
    if "k" not in cfg.raw and isinstance(kwargs, Mapping) and "k" in kwargs:
        keys["k"] = "/activation_fn_kwargs/k"
    stated = next(iter(_layer_keys(cfg)), (cfg.raw, "hook_point_layer"))
    keys["layer"] = f"/{stated[1]}" if stated[0] is cfg.raw else f"/metadata/{stated[1]}"
    return {field: Origin(path, pointer) for field, pointer in keys.items()}


FAMILY = Family(
    "saelens", "SAELens (SAE.from_pretrained, SAE.load_from_disk)", read, detect=_is_cfg, detect_head=_has_its_tensors, turn="last",
)  # fmt: skip
