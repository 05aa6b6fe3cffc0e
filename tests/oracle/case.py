"""What a case is: an SAE that SAELens wrote, one thing done to it, and what must come of it."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from functools import reduce
from typing import TYPE_CHECKING, Any, Literal

from oracle.saes import Meant, build

if TYPE_CHECKING:
    from pathlib import Path

README = "---\nlibrary_name: saelens\nbase_model: lab/tiny\nlicense: mit\n---\n\n# Sparse autoencoders\n"
SAE_ID = "L2_mixed"
GONE: Any = object()
"""As a value: the key is left out."""


@dataclass
class Draft:
    """One SAE folder on its way to the disk."""

    cfg: Any
    tensors: dict[str, Any]
    sae_id: str = SAE_ID
    cfg_bytes: bytes | None = None
    """Written instead of `cfg`."""
    weights_bytes: bytes | None = None
    names: dict[str, str] = field(
        default_factory=lambda: {"cfg": "cfg.json", "weights": "sae_weights.safetensors"}
    )
    """An empty name: the file is not written."""
    files: dict[str, bytes] = field(default_factory=dict)

    def write(self, root: Path) -> None:
        """Write the repository: a README and the SAE's folder."""
        from safetensors.torch import save

        folder = root / self.sae_id
        folder.mkdir(parents=True, exist_ok=True)
        (root / "README.md").write_bytes(README.encode())
        cfg = self.cfg_bytes if self.cfg_bytes is not None else json.dumps(self.cfg).encode()
        weights = self.weights_bytes
        if weights is None:
            weights = save({name: tensor.contiguous() for name, tensor in self.tensors.items()})
        found = {self.names["cfg"]: cfg, self.names["weights"]: weights, **self.files}
        for name, content in found.items():
            if name:
                (folder / name).write_bytes(content)


Mutate = Callable[[Draft], None]


@dataclass(frozen=True)
class Case:
    """One row of the oracle."""

    name: str
    base: str
    """A name in `saes.SPECS`."""
    mutate: Mutate
    ways: str = "==="
    """What A, B and C give: `=` equal to what was meant, `~` differs, `!` raises, `^` loads and raises in encode."""
    expect: str = ""
    """What hubkit must say, as in `error CFG008, warning CFG011`; `|` between codes of which one is enough. Empty: it must be silent."""
    lost: str = ""
    """The ways on which hook_name or model_name is None after loading."""
    meant: Literal["base", "file"] = "base"
    """Whether the author meant the SAE as built, or the tensors in the file."""
    gap: str = ""
    """Why hubkit has no way of knowing what SAELens gets wrong here."""
    quick: bool = False
    """Whether the quick form has it."""

    def draft(self) -> Draft:
        """The folder, with the one thing done to it."""
        built = build(self.base)
        draft = Draft(deepcopy(built.cfg), {name: tensor.clone() for name, tensor in built.tensors.items()})
        self.mutate(draft)
        return draft

    def author_meant(self, draft: Draft) -> Meant:
        """The SAE that the outputs are compared with."""
        meant = build(self.base).meant
        if self.meant == "base":
            return meant
        return Meant(meant.architecture, meant.options, draft.tensors, meant.original, meant.dtype)


def nothing(_: Draft) -> None:
    """Leave it as SAELens wrote it."""


def every(*steps: Mutate) -> Mutate:
    """One after the other."""

    def mutate(draft: Draft) -> None:
        for step in steps:
            step(draft)

    return mutate


def put(**changes: Any) -> Mutate:
    """Set keys of the configuration; GONE removes one."""

    def mutate(draft: Draft) -> None:
        draft.cfg = {key: value for key, value in {**draft.cfg, **changes}.items() if value is not GONE}

    return mutate


def meta(**changes: Any) -> Mutate:
    """Set keys of `metadata`; GONE removes one."""

    def mutate(draft: Draft) -> None:
        merged = {**draft.cfg["metadata"], **changes}
        draft.cfg["metadata"] = {key: value for key, value in merged.items() if value is not GONE}

    return mutate


def flat(**changes: Any) -> Mutate:
    """No metadata: hook_name, model_name and what is asked for stand at the top level."""

    def mutate(draft: Draft) -> None:
        kept = {key: draft.cfg["metadata"][key] for key in ("hook_name", "model_name")}
        put(metadata=GONE, **kept)(draft)
        put(**changes)(draft)

    return mutate


def drop(*keys: str) -> Mutate:
    """Remove keys of the configuration."""
    return put(**dict.fromkeys(keys, GONE))


def tensor(name: str, change: Callable[[Any], Any]) -> Mutate:
    """Replace one tensor by what `change` makes of it."""

    def mutate(draft: Draft) -> None:
        draft.tensors[name] = change(draft.tensors[name])

    return mutate


def each(change: Callable[[Any], Any]) -> Mutate:
    """Replace every tensor."""

    def mutate(draft: Draft) -> None:
        draft.tensors = {name: change(value) for name, value in draft.tensors.items()}

    return mutate


def rename(**names: str | None) -> Mutate:
    """Rename tensors; None removes one."""

    def mutate(draft: Draft) -> None:
        renamed = {names.get(old, old): value for old, value in draft.tensors.items()}
        draft.tensors = {name: value for name, value in renamed.items() if name is not None}

    return mutate


def extra(name: str, like: str, change: Callable[[Any], Any] = lambda t: t) -> Mutate:
    """A tensor more, made from another one."""

    def mutate(draft: Draft) -> None:
        draft.tensors[name] = change(draft.tensors[like]).clone()

    return mutate


def cast(dtype: str) -> Callable[[Any], Any]:
    """A tensor in another dtype."""

    def change(value: Any) -> Any:
        import torch

        return value.to(getattr(torch, dtype))

    return change


def at(sae_id: str) -> Mutate:
    """The folder's name."""

    def mutate(draft: Draft) -> None:
        draft.sae_id = sae_id

    return mutate


def named(**names: str) -> Mutate:
    """The files' names (`cfg`, `weights`); empty: not written."""

    def mutate(draft: Draft) -> None:
        draft.names |= names

    return mutate


def cfg_text(change: Callable[[bytes], bytes]) -> Mutate:
    """The configuration as bytes."""

    def mutate(draft: Draft) -> None:
        draft.cfg_bytes = change(json.dumps(draft.cfg).encode())

    return mutate


def weights_bytes(change: Callable[[bytes], bytes]) -> Mutate:
    """The weights file as bytes."""

    def mutate(draft: Draft) -> None:
        from safetensors.torch import save

        draft.weights_bytes = change(save(draft.tensors))

    return mutate


def with_header(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Callable[[bytes], bytes]:
    """A safetensors file with another header over the same data."""

    def rewrite(data: bytes) -> bytes:
        (size,) = struct.unpack("<Q", data[:8])
        header = json.dumps(change(json.loads(data[8 : 8 + size]))).encode()
        header += b" " * (-len(header) % 8)
        return struct.pack("<Q", len(header)) + header + data[8 + size :]

    return rewrite


def legacy(version: int, **changes: Any) -> Mutate:
    """The same SAE in the layout of SAELens 2 to 5."""

    def mutate(draft: Draft) -> None:
        v6 = draft.cfg
        draft.cfg = reduce(lambda cfg, step: {**cfg, **step}, _layout(version, v6), {})
        if v6["architecture"] == "topk":
            draft.cfg |= {"activation_fn_str": "topk", "activation_fn_kwargs": {"k": v6["k"]}}
        put(**changes)(draft)

    return mutate


def _layout(version: int, v6: dict[str, Any]) -> list[dict[str, Any]]:
    hook = v6["metadata"]["hook_name"]
    shared = {key: v6[key] for key in ("d_in", "d_sae", "dtype", "apply_b_dec_to_input")}
    shared |= {"device": "cpu", "model_name": v6["metadata"]["model_name"], "context_size": 128}
    shared |= {"dataset_path": "monology/pile-uncopyrighted", "finetuning_scaling_factor": False}
    if version == 2:
        place = {"hook_point": hook, "hook_point_layer": 2, "hook_point_head_index": None}
        training = {"l1_coefficient": 8e-5, "lp_norm": 1, "expansion_factor": 4, "use_ghost_grads": False}
        return [shared, place, training, {"dtype": "torch.float32", "normalize_activations": False}]
    layout = [
        shared,
        {"architecture": v6["architecture"], "activation_fn_str": "relu", "prepend_bos": True},
        {"hook_name": hook, "hook_layer": 2, "hook_head_index": None},
        {"normalize_activations": v6["normalize_activations"], "dataset_trust_remote_code": True},
        {"sae_lens_training_version": f"{version}.2.0"},
    ]
    if version >= 4:
        layout.append(
            {"activation_fn_kwargs": {}, "model_from_pretrained_kwargs": {}, "neuronpedia_id": None}
        )
    return layout if version < 5 else [*layout, {"seqpos_slice": [None]}]
