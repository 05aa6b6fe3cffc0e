"""Bad twins for the sides of a rule that have a hint, or a fix, of their own."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from builders import FOLDER, GONE, README, cfg, tensors, view
from safetensors.numpy import save

from hubkit.repo.memory import MemoryView

FAMILIES = Path(__file__).parent.parent / "formats" / "families"
WEIGHTS = f"{FOLDER}/sae_weights.safetensors"


def prefixed(prefix: str) -> MemoryView:
    return view(weights={f"{prefix}{name}": one for name, one in tensors().items()})


def split(parts: int = 2, *, index: bool = True, stem: str = "sae_weights") -> MemoryView:
    """The weights in several files, with the index that huggingface_hub writes."""
    whole = tensors()
    names = [f"{stem}-{number:05}-of-{parts:05}.safetensors" for number in range(1, parts + 1)]
    held = {name: names[number % parts] for number, name in enumerate(whole)}
    files = {f"{FOLDER}/{name}": save({k: v for k, v in whole.items() if held[k] == name}) for name in names}
    if index:
        said = {"metadata": {"total_size": 1}, "weight_map": held}
        files[f"{FOLDER}/{stem}.safetensors.index.json"] = json.dumps(said).encode()
    return view(weights=GONE, files=files)


def linear(architecture: str = "standard") -> MemoryView:
    """The names and the orientation of two nn.Linear."""
    whole = tensors(architecture)
    named = {"encoder.weight": whole["W_enc"].T, "decoder.weight": whole["W_dec"].T}
    named |= {"encoder.bias": whole["b_enc"], "decoder.bias": whole["b_dec"]}
    return view(cfg(architecture), {name: np.ascontiguousarray(one) for name, one in named.items()})


def renamed(name: str) -> MemoryView:
    return view(weights=GONE, files={f"{FOLDER}/{name}": save(tensors())})


def narrow() -> MemoryView:
    return view(weights={name: one.astype(np.float16) for name, one in tensors().items()})


def folder_of(family: str, name: str = "") -> MemoryView:
    """A folder of another library, as its own code wrote it; under `name` as the Hub calls it."""
    root = FAMILIES / family
    files = {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }
    head = "---\nlicense: mit\nbase_model: EleutherAI/pythia-70m-deduped\n---\n\n# SAEs\n\nThe weights are a pickle.\n"
    return MemoryView(
        name=name or "memory", files=files | {"README.md": head.encode(), "evaluation.json": b"{}"}
    )


def without_base(model: str) -> MemoryView:
    card = "---\nlibrary_name: saelens\nlicense: mit\n---\n\n# SAEs\n"
    return view(cfg(metadata={"model_name": model}), readme=card)


def stored_k(**changes: Any) -> MemoryView:
    return view(cfg("topk", **changes), tensors("topk", k=np.array(4, np.int64)))


def without_cfg(architecture: str) -> MemoryView:
    found = view(cfg(architecture), tensors(architecture))
    del found.files[f"{FOLDER}/cfg.json"]
    return found


def unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


TOKEN = "hf_" + "aB3" * 12


def card_in(encoding: str) -> MemoryView:
    there = view()
    there.files["README.md"] = README.encode(encoding)
    return there


TWINS: dict[str, Callable[[], MemoryView]] = {
    "WTS001 parts": split,
    "WTS001 parts without an index": lambda: split(3, index=False, stem="model"),
    "WTS001 another name": lambda: renamed("sae.safetensors"),
    "WTS004 module": lambda: prefixed("module."),
    "WTS004 torch.compile": lambda: prefixed("_orig_mod."),
    "WTS004 sae": lambda: prefixed("sae."),
    "WTS004 state_dict": lambda: prefixed("state_dict."),
    "WTS004 model": lambda: prefixed("model."),
    "WTS004 autoencoder": lambda: prefixed("autoencoder."),
    "WTS004 two": lambda: prefixed("state_dict.module."),
    "WTS004 linear": linear,
    "WTS005 k": stored_k,
    "WTS006 an axis of one": lambda: view(
        weights=tensors(b_dec=tensors()["b_dec"][None, :], b_enc=tensors()["b_enc"][None, :])
    ),
    "WTS006 a scalar": lambda: view(weights=tensors(threshold=np.array(0.3, np.float32))),
    "WTS006 a scalar of a BatchTopK": lambda: view(
        cfg(metadata={"training_architecture": "batchtopk"}), tensors(threshold=np.float32([0.3]))
    ),
    "WTS008 narrower": narrow,
    "CFG001 bare": lambda: MemoryView(
        name="x", files={"L2/my_sae.safetensors": save(tensors()), "README.md": b"# SAEs\n", "evaluation.json": b"{}"}
    ),
    "CFG001 topk": lambda: without_cfg("topk"),
    "CFG019 v6 topk": lambda: view(cfg(activation_fn_str="topk"), tensors(W_dec=unit(tensors()["W_dec"]))),
    "WTS005 gated": lambda: view(cfg("standard"), {**tensors("gated"), "b_enc": tensors()["b_enc"]}),
    "WTS005 jumprelu": lambda: view(cfg("topk"), tensors("jumprelu")),
    "WTS005 a gate alone": lambda: view(cfg("standard"), {**tensors("standard"), "b_gate": tensors("gated")["b_gate"]}),
    "THR008 dense": lambda: view(cfg(metadata={"l0": 20.0})),
    "SEC004 a script": lambda: view(files={"train.py": b"x = 1\n"}),
    "SEC004 trusting": lambda: view(cfg(metadata={"model_from_pretrained_kwargs": {"trust_remote_code": True}})),
    "CARD001 a folder": lambda: view(readme=None, files={"README.md/x.txt": b"x"}),
    "CARD002 UTF-16": lambda: card_in("utf-16"),
    "CARD002 UTF-16 without a mark": lambda: card_in("utf-16-le"),
    "CARD002 UTF-32": lambda: card_in("utf-32"),
    "CFG016 a secret": lambda: view(cfg(hub_token=TOKEN)),
    "CFG016 a secret as a key": lambda: view(cfg(**{TOKEN: 1})),
    "SEC002 a name": lambda: view(files={f"runs/{TOKEN}.csv": b"x"}),
    "SEC002 metadata": lambda: view(files={"x.safetensors": save({"a": np.zeros(2, np.float32)}, {"token": TOKEN})}),
    "REL004 no schema": lambda: view(files={"provenance.json": b'{"study_sha256": "0", "grid": {}, "files": {}}'}),
    "CARD003 base_model": lambda: without_base("gpt2-small"),
    **{
        f"WTS014 dictionary_learning {kind}": (lambda kind=kind: folder_of(f"dictionary_learning/{kind}"))  # type: ignore[misc]
        for kind in ("standard", "gated", "topk", "batch_topk", "matryoshka_batch_topk", "jumprelu", "p_anneal", "sweep")
    },
    **{
        f"WTS014 sae_bench {kind}": (lambda kind=kind: folder_of(f"sae_bench/{kind}"))  # type: ignore[misc]
        for kind in ("relu", "topk", "batch_topk", "jumprelu")
    },
}  # fmt: skip
