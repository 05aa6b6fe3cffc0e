"""For every rule a repository that makes it fire and one, as like as can be, on which it is silent."""

from __future__ import annotations

import io
import json
import pickle
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from builders import D_IN, D_SAE, FOLDER, GONE, README, cfg, tensors, view
from safetensors.numpy import save

from hubkit.release.provenance import Grid, Provenance
from hubkit.repo.memory import MemoryView
from hubkit.repo.view import Entry

LEARNED = tensors()["threshold"]
LEGACY = {
    "architecture": "standard",
    "d_in": D_IN,
    "d_sae": D_SAE,
    "dtype": "float32",
    "activation_fn_str": "relu",
    "activation_fn_kwargs": {},
    "apply_b_dec_to_input": True,
    "normalize_activations": "none",
    "prepend_bos": True,
    "model_name": "lab/tiny",
    "hook_name": "blocks.2.hook_resid_post",
    "hook_layer": 2,
}


@dataclass
class ListedView(MemoryView):
    """With LFS oids in the listing, as the Hub gives them."""

    oids: dict[str, str] = field(default_factory=dict)

    def _list(self) -> list[Entry]:
        return [Entry(entry.path, entry.size, self.oids.get(entry.path)) for entry in super()._list()]


def release(*saes: tuple[str, dict[str, Any]], readme: str = README, **files: bytes) -> ListedView:
    """Several SAEs in one repository, with tensors that fit. Names of `files` have `__` for a dot."""
    content = {"README.md": readme.encode(), "evaluation.json": b"{}"}
    for number, (folder, configuration) in enumerate(saes):
        architecture = configuration.get("architecture", "standard")
        sizes = configuration.get("d_in", D_IN), configuration.get("d_sae", D_SAE)
        weights = tensors(architecture, *sizes)
        weights["b_dec"] = weights["b_dec"] + np.float32(number)
        content[f"{folder}/cfg.json"] = json.dumps(configuration).encode()
        content[f"{folder}/sae_weights.safetensors"] = save(weights)
    content |= {name.replace("__", "."): data for name, data in files.items()}
    return ListedView(name="memory", files=content)


def learned(values: Any, **metadata: Any) -> MemoryView:
    """A JumpReLU with these thresholds."""
    array = np.full(D_SAE, values, np.float32) if np.isscalar(values) else np.asarray(values, np.float32)
    return view(cfg(metadata=metadata), tensors(threshold=array))


def with_card(text: str, configuration: Any = None, folder: str = FOLDER) -> MemoryView:
    return view(configuration, readme=text, folder=folder)


def value(measure: str = "l0", number: Any = 5.0, **changes: Any) -> dict[str, Any]:
    """A value as hubkit writes it."""
    whole = {
        "measure": measure, "version": 1, "value": number, "n": 200, "split": "crossfit",
        "interval": [4.0, 6.0], "null": None, "reason": None,
    } | changes  # fmt: skip
    return {key: one for key, one in whole.items() if one is not GONE}


def evaluated(*values: dict[str, Any], configuration: Any = None) -> MemoryView:
    """An SAE with an evaluation.json in hubkit's form."""
    text = {
        "$schema": "urn:hubkit:evaluation:1",
        "saes": [{"sae_id": FOLDER, "values": list(values), "warnings": []}],
        "layers": [],
        "comparisons": [],
        "inputs_sha256": "0" * 64,
    }
    return view(configuration, files={"evaluation.json": json.dumps(text).encode()})


def with_metrics(number: float) -> MemoryView:
    """An evaluation.json without its record, and metrics.json beside the SAE."""
    good = evaluated(value())
    beside = {
        "$schema": "urn:hubkit:metrics:1",
        "sae_id": FOLDER,
        "values": [value(number=number)],
        "warnings": [],
    }
    good.files[f"{FOLDER}/metrics.json"] = json.dumps(beside).encode()
    return good


def recorded(*, edit: tuple[str, str] | None = None, evidence: str | None = None) -> MemoryView:
    """An SAE with an evaluation.json that has the record of its computation, edited since where asked for; and an evidence.yaml."""
    from hubkit.release.metrics import Evaluation

    saes = [{"sae_id": FOLDER, "values": [value()], "warnings": []}]
    raw = {"saes": saes, "layers": [], "comparisons": [], "inputs_sha256": "0" * 64}
    text = Evaluation.model_validate_json(json.dumps(raw)).recorded("0.1.0").model_dump_json(by_alias=True)
    files = {"evaluation.json": (text.replace(*edit) if edit else text).encode()}
    return view(files=files | ({"evidence.yaml": evidence.encode()} if evidence is not None else {}))


EVIDENCE = "$schema: urn:hubkit:evidence:1\nsource: a paper\nvalues:\n- measure: l0\n  sae_id: lab_L2_mixed\n  value: 5\n  n: 100\n"


def half(values: Any) -> MemoryView:
    """A JumpReLU of 2,048 latents with float16 thresholds."""
    whole = {name: one.astype(np.float16) for name, one in tensors(d_sae=2048).items()}
    whole["threshold"] = np.asarray(values, np.float16)
    return view(cfg(d_sae=2048, dtype="float16"), whole)


def pickled(payload: Any, name: str = "extra.pkl") -> MemoryView:
    """A good SAE beside a pickle."""
    return view(files={name: pickle.dumps(payload)})


class Runs:
    """Unpickled, it would run a command."""

    def __reduce__(self) -> Any:
        import os

        return os.system, ("true",)


def torch_zip() -> bytes:
    """A pickle as weights; only its imports matter here."""
    return pickle.dumps({"W_enc": [1.0]})


def provenance(view_: ListedView, **changes: Any) -> ListedView:
    """`view_` with a provenance.json of its files, or of what `changes` say."""
    import hashlib

    files = {p: hashlib.sha256(d).hexdigest() for p, d in view_.files.items() if p != "README.md"}
    record = Provenance(
        hubkit_version="1", study="lab", study_sha256="0", base_model="lab/tiny", base_model_revision=None, precision="float32",
        grid=changes.get("grid", Grid(layers=[2], architectures=["standard"], conditions=["mixed"])),
        seeds={}, software={}, hardware="x", created="2026-01-01", pool_sha256="0", completions=changes.get("completions", {}), files=files | changes.get("files", {}),
    )  # fmt: skip
    view_.files["provenance.json"] = record.model_dump_json(by_alias=True).encode()
    return view_


def stated_latents(number: int) -> bytes:
    """An evidence.yaml that gives the SAE so many latents."""
    return f'$schema: "urn:hubkit:evidence:1"\nsource: a notebook\nvalues:\n- {{name: latents, value: {number}, n: null}}\n'.encode()


def one_cell(folder: str = "a_L2", layer: int = 2) -> tuple[str, dict[str, Any]]:
    return folder, cfg(
        "standard", metadata={"training_condition": "mixed", "hook_name": f"blocks.{layer}.hook_resid_post"}
    )


def gemma_scope(cut: int = 0, **changes: Any) -> MemoryView:
    """A Gemma Scope SAE: params.npz and nothing else, `cut` bytes short."""
    buffer = io.BytesIO()
    np.savez(buffer, **(tensors() | changes))
    data = buffer.getvalue()
    return MemoryView(name="x", files={"layer_2/width_32/average_l0_5/params.npz": data[: len(data) - cut]})


def sparsify(**changes: Any) -> MemoryView:
    """A hook point of sparsify."""
    configuration = {
        "expansion_factor": D_SAE // D_IN,
        "num_latents": 0,
        "k": 4,
        "d_in": D_IN,
        "activation": "topk",
    } | changes
    configuration = {key: one for key, one in configuration.items() if one is not GONE}
    whole = tensors("standard")
    named = {"encoder.weight": np.ascontiguousarray(whole["W_enc"].T), "encoder.bias": whole["b_enc"]}
    named |= {name: whole[name] for name in ("W_dec", "b_dec")}
    files = {"layers.2/cfg.json": json.dumps(configuration).encode(), "layers.2/sae.safetensors": save(named)}
    return MemoryView(name="x", files=files)


def unread(size_of: Any) -> MemoryView:
    """A standard SAE whose weights are listed with a size and cannot be read."""
    repository = view(cfg("standard"))
    path = f"{FOLDER}/sae_weights.safetensors"
    repository.unreadable[path] = size_of(len(repository.files.pop(path)))
    return repository


def decoder(change: Any, architecture: str = "standard", **keys: Any) -> MemoryView:
    """An SAE with unit decoder rows, changed."""
    whole = tensors(architecture)
    whole["W_dec"] = whole["W_dec"] / np.linalg.norm(whole["W_dec"], axis=1, keepdims=True)
    change(whole)
    return view(cfg(architecture, **keys), {name: np.ascontiguousarray(one) for name, one in whole.items()})


def put(name: str, index: Any, number: float) -> Any:
    def change(whole: dict[str, Any]) -> None:
        whole[name][index] = number

    return change


def nothing(_: object) -> None:
    """Changes nothing."""


def copied(whole: dict[str, Any]) -> None:
    whole["W_dec"][8:16] = whole["W_dec"][0]


def zeroed(whole: dict[str, Any]) -> None:
    whole["W_enc"][:], whole["b_enc"][:] = 0, 0


def same_columns(whole: dict[str, Any]) -> None:
    whole["W_enc"][:] = whole["W_enc"][:, :1]


def wide_encoder(times: float) -> MemoryView:
    """A JumpReLU with ordinary thresholds and an encoder `times` as long."""
    return view(weights=tensors(W_enc=tensors()["W_enc"] * np.float32(times)))


def gpt2_and(model: str) -> ListedView:
    named = [cfg("standard", metadata={"model_name": name}) for name in ("gpt2", model)]
    return release(("a_L2", named[0]), ("b_L2", named[1]))


def gpt2_at(layer: int, d_in: int = 768, **metadata: Any) -> MemoryView:
    """An SAE of a model that hubkit's table has; without weights, which these rules do not look at."""
    named = {"model_name": "gpt2", "hook_name": f"blocks.{layer}.hook_resid_post", **metadata}
    return view(cfg("standard", d_in=d_in, metadata=named), folder=f"L{layer}")


def dashboards(*ids: str) -> ListedView:
    """One SAE for each id of Neuronpedia."""
    return release(
        *(
            (f"sae{number}_L2", cfg("standard", metadata={"neuronpedia_id": one}))
            for number, one in enumerate(ids)
        )
    )


def hooked(name: str, **metadata: Any) -> MemoryView:
    return view(cfg("standard", metadata={"hook_name": name, **metadata}))


def same_oid(first: str, second: str) -> ListedView:
    found = release(("a_L2", cfg("standard")), ("b_L2", cfg("standard")))
    found.oids = {"a_L2/sae_weights.safetensors": first, "b_L2/sae_weights.safetensors": second}
    return found


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 12345\n"
TABLE = README + "\n| SAE | L0 |\n|---|---:|\n| `{}` | {} |\n"
TURNED = tensors() | {"W_enc": np.ascontiguousarray(tensors()["W_enc"].T)}

Twins = tuple[Callable[[], MemoryView], Callable[[], MemoryView]]
TWINS: dict[str, Twins] = {
    "CFG001": (lambda: view(GONE), view),
    "CFG002": (lambda: view(b'{"d_in": NaN}'), view),
    "CFG003": (lambda: view(cfg("topk", k=8.0)), lambda: view(cfg("topk", k=8))),
    "CFG004": (lambda: view(cfg("JumpReLU")), lambda: view(cfg("jumprelu"))),
    "CFG005": (lambda: view(cfg(dtype=GONE)), lambda: view(cfg())),
    "CFG006": (lambda: view(cfg("topk", k=GONE)), lambda: view(cfg("topk"))),
    "CFG007": (lambda: view(cfg("topk", k=D_SAE + 1)), lambda: view(cfg("topk", k=D_SAE - 1))),
    "CFG008": (lambda: view(cfg(metadata={"sae_lens_version": GONE})), lambda: view(cfg(metadata={"sae_lens_version": "6.0.0"}))),
    "CFG009": (lambda: view(cfg(apply_b_dec_to_input=GONE)), lambda: view(cfg(apply_b_dec_to_input=False))),
    "CFG010": (lambda: view(cfg(normalize_activations="expected_average_only_in")), lambda: view(cfg(normalize_activations="layer_norm"))),
    "CFG011": (lambda: view(cfg(metadata={"model_name": GONE})), view),
    "CFG012": (lambda: view(folder="lab_L3_mixed"), lambda: view(folder="lab_L2_mixed")),
    "CFG013": (lambda: view(cfg(metadata={"hook_name": "model.layers.2.hook_resid_post"})), lambda: view(cfg(metadata={"hook_name": "model.layers.2"}))),
    "CFG014": (lambda: view(LEGACY), view),
    "CFG015": (lambda: view(cfg(lr=1e-3)), lambda: view(cfg(metadata={"lr": 1e-3}))),
    "CFG016": (lambda: view(cfg(training_condition="mixed")), lambda: view(cfg(metadata={"training_condition": "mixed"}))),
    "CFG017": (lambda: view(cfg("standard"), folder="mlp_transcoder_L2"), lambda: view(cfg("transcoder"), folder="mlp_transcoder_L2")),
    "CFG018": (lambda: view(cfg(metadata={"sae_lens_training_version": "6.40.0"})), lambda: view(cfg(metadata={"sae_lens_training_version": "6.54.12"}))),
    "CFG019": (
        lambda: view(LEGACY | {"architecture": "gated", "activation_fn_str": "topk", "activation_fn_kwargs": {"k": 4}}, tensors("topk")),
        lambda: view(LEGACY | {"architecture": "topk", "activation_fn_str": "topk", "activation_fn_kwargs": {"k": 4}}, tensors("topk")),
    ),
    "CFG020": (
        lambda: with_card(README + "Activations were extracted from the model loaded in 4-bit nf4.\n"),
        lambda: with_card(README + "Activations were extracted from the model loaded in bfloat16, not quantized to 4-bit.\n"),
    ),
    "CFG021": (lambda: view(cfg("topk"), folder="topk_k64_L2"), lambda: view(cfg("topk"), folder="topk_k4_L2")),
    "WTS001": (lambda: view(weights=GONE), view),
    "WTS002": (lambda: view(weights=POINTER), view),
    "WTS003": (lambda: view(weights=save(tensors())[:-1]), view),
    "WTS004": (lambda: view(weights=tensors(b_enc=GONE)), view),
    "WTS005": (lambda: view(cfg("topk"), tensors("topk", threshold=LEARNED)), lambda: view(cfg("topk"))),
    "WTS006": (lambda: view(cfg(d_sae=64)), view),
    "WTS007": (lambda: view(weights=TURNED), view),
    "WTS008": (lambda: view(cfg(dtype="float16")), view),
    "WTS009": (lambda: unread(lambda size: size + 4096), lambda: unread(lambda size: size + 56)),
    "WTS010": (lambda: same_oid("1" * 64, "1" * 64), lambda: same_oid("1" * 64, "2" * 64)),
    "WTS011": (lambda: decoder(put("W_dec", (3, 2), np.nan)), lambda: decoder(put("W_dec", (3, 2), 0.0))),
    "WTS012": (lambda: decoder(put("W_dec", 3, 0.0)), lambda: decoder(nothing)),
    "WTS013": (lambda: decoder(copied), lambda: decoder(nothing)),
    "WTS014": (lambda: view(weights=GONE, files={f"{FOLDER}/sae_weights.pt": torch_zip()}), view),
    "WTS016": (lambda: MemoryView(name="x", files={"sae_layer_4.pt": torch_zip(), "README.md": b"x"}), view),
    "WTS017": (lambda: gemma_scope(cut=200), gemma_scope),
    "WTS018": (lambda: view(cfg("standard"), tensors("standard", W_enc=np.ones((D_IN, D_SAE), np.int8))), lambda: view(cfg("standard"))),
    "CFG022": (lambda: sparsify(k=D_SAE + 1), sparsify),
    "CFG023": (lambda: gpt2_at(5, neuronpedia_id="gpt2-small/8-res-jb"), lambda: gpt2_at(5, neuronpedia_id="gpt2-small/5-res-jb")),
    "HOOK002": (lambda: gpt2_at(12), lambda: gpt2_at(11)),
    "HOOK003": (lambda: gpt2_at(5, d_in=64), lambda: gpt2_at(5)),
    "HOOK006": (lambda: hooked("blocks.2.hook_resid_posts"), lambda: hooked("blocks.2.hook_resid_post")),
    "THR011": (lambda: learned(LEARNED, num_dead_features=20), lambda: learned(LEARNED, num_dead_features=16)),
    "WTS015": (lambda: view({"num_latents": 32, "k": 4, "d_in": 8, "expansion_factor": 4}), view),
    "THR001": (lambda: learned(0.0), lambda: learned(LEARNED)),
    "THR002": (lambda: learned(0.01), lambda: learned(0.01, training_architecture="batchtopk")),
    "THR003": (lambda: learned(np.where(np.arange(D_SAE) < 20, 0, LEARNED)), lambda: learned(np.where(np.arange(D_SAE) < 10, 0, LEARNED))),
    "THR004": (lambda: learned(np.where(np.arange(D_SAE) < 1, -0.5, LEARNED)), lambda: learned(LEARNED)),
    "THR005": (lambda: learned(np.where(np.arange(D_SAE) < 1, np.nan, LEARNED)), lambda: learned(LEARNED)),
    "THR006": (lambda: half(np.repeat([0.1, 0.2, 0.3, 0.4], 512)), lambda: half(np.repeat(np.linspace(0.1, 0.5, 256), 8))),
    "THR007": (
        lambda: view(weights=tensors(threshold=np.zeros(D_SAE, np.float32)), folder="d20_ste_L2"),
        lambda: view(folder="d20_ste_L2"),
    ),
    "THR008": (lambda: evaluated(value(number=D_SAE / 3)), lambda: evaluated(value(number=D_SAE / 5))),
    "THR009": (
        lambda: learned(np.where(np.arange(D_SAE) < 2, 0.05, LEARNED), training_architecture_details={"jumprelu_init_threshold": 0.05}),
        lambda: learned(LEARNED, training_architecture_details={"jumprelu_init_threshold": 0.05}),
    ),
    "THR010": (lambda: learned(np.linspace(0.0108, 0.0118, D_SAE)), lambda: learned(np.linspace(0.02, 0.4, D_SAE))),
    "THR012": (lambda: learned(LEARNED * 1e-8), lambda: learned(LEARNED * 1e-5)),
    "WTS019": (lambda: decoder(put("b_enc", slice(None), -1e30)), lambda: decoder(put("b_enc", slice(None), -1e3))),
    "EVL001": (lambda: MemoryView(name="m", files={p: d for p, d in view().files.items() if p != "evaluation.json"}), view),
    "EVL002": (lambda: evaluated(value("explained_variance", 1.2)), lambda: evaluated(value("explained_variance", -0.3))),
    "EVL003": (lambda: evaluated(value(interval=None)), lambda: evaluated(value())),
    "EVL004": (lambda: evaluated(value(split="train")), lambda: evaluated(value(split="train"), value())),
    "EVL005": (
        lambda: evaluated(value("max_feature_auc", 0.8)),
        lambda: evaluated(value("max_feature_auc", 0.8, null={"kind": "permutation", "value": 0.7})),
    ),
    "EVL006": (
        lambda: MemoryView(name="m", files={p: d for p, d in with_card(README + "Explained variance: 0.98\n", cfg(metadata={"sae_lens_training_version": "6.18.0"})).files.items() if p != "evaluation.json"}),
        lambda: MemoryView(name="m", files={p: d for p, d in with_card(README + "Explained variance: 0.98\n", cfg(metadata={"sae_lens_training_version": "6.47.0"})).files.items() if p != "evaluation.json"}),
    ),
    "EVL007": (lambda: evaluated(value(number="5")), lambda: evaluated(value(number=5))),
    "EVL008": (lambda: recorded(edit=('"value":5.0', '"value":9.0')), recorded),
    "EVL010": (lambda: with_metrics(9.0), lambda: with_metrics(5.0)),
    "EVL009": (
        lambda: recorded(evidence=EVIDENCE.replace("  n: 100\n", "")),
        lambda: recorded(evidence=EVIDENCE),
    ),
    "SEC001": (lambda: pickled(Runs()), lambda: pickled({"a": [1, 2.0, "three"]})),
    "SEC002": (lambda: view(cfg(metadata={"note": "hf_" + "aB3" * 12})), lambda: view(cfg(metadata={"note": "hf_hook_name"}))),
    "SEC003": (lambda: view(cfg(metadata={"dataset_path": "/home/ctaylor/data"})), lambda: view(cfg(metadata={"dataset_path": "/home/user/data"}))),
    "SEC004": (lambda: view(files={"config.json": b'{"auto_map": {"AutoModel": "model.Model"}}'}), lambda: view(files={"config.json": b'{"a": 1}'})),
    "SEC005": (lambda: view(files={"rows.db": b"SQLite format 3\0" + bytes(range(200))}), lambda: view(files={"rows.parquet": b"PAR1" + bytes(range(200))})),
    "REL001": (lambda: gpt2_and("google/gemma-2-2b"), lambda: gpt2_and("openai-community/gpt2")),
    "REL002": (
        lambda: provenance(release(one_cell()), grid=Grid(layers=[2, 5], architectures=["standard"], conditions=["mixed"])),
        lambda: provenance(release(one_cell())),
    ),
    "REL003": (lambda: view(files={"a/x.txt": b"", "A/x.txt": b""}), lambda: view(files={"a/x.txt": b"", "b/x.txt": b""})),
    "REL004": (lambda: provenance(release(one_cell()), files={"gone.json": "0" * 64}), lambda: provenance(release(one_cell()))),
    "REL005": (
        lambda: provenance(release(one_cell()), grid=Grid(layers=[5], architectures=["standard"], conditions=["mixed"])),
        lambda: provenance(release(one_cell())),
    ),
    "REL006": (
        lambda: provenance(release(one_cell()), completions={"sampled": 20, "decisive": 9, "labelled a": 5, "labelled b": 5}),
        lambda: provenance(release(one_cell()), completions={"sampled": 20, "decisive": 10, "labelled a": 5, "labelled b": 5}),
    ),
    "EVL011": (lambda: view(files={"evidence.yaml": stated_latents(64)}), lambda: view(files={"evidence.yaml": stated_latents(32)})),
    "CFG024": (
        lambda: view(cfg("topk", metadata={"training_architecture_details": {"k": 64, "d_sae": 32}}), tensors("topk")),
        lambda: view(cfg("topk", metadata={"training_architecture_details": {"k": 4, "d_sae": 32}}), tensors("topk")),
    ),
    "CFG025": (lambda: view(cfg(metadata={"context_size": 0})), lambda: view(cfg(metadata={"context_size": 128}))),
    "CARD001": (lambda: view(readme=None), view),
    "CARD002": (lambda: with_card(README.replace("mit", "MIT License")), view),
    "CARD003": (lambda: with_card(README.replace("saelens", "sae_lens")), view),
    "CARD017": (lambda: with_card(README + "**Checked** by hubkit 0.1.0: no defect.\n"), lambda: with_card(README + "Trained with hubkit; nothing was checked by hubkit.\n")),
    "CARD012": (lambda: with_card(README + "It wasn\u00e2\u20ac\u2122t learned.\n"), lambda: with_card(README + "It wasn\u2019t learned: d\u00e9j\u00e0 vu.\n")),
}  # fmt: skip
"""By code: (bad, good)."""

EXPORTED = {"training_architecture": "jumprelu"}
TOPK_KWARGS = {"activation_fn_str": "topk", "activation_fn_kwargs": {"k": 4}}
HEADS = {"n_heads": 4, "bottleneck_factor": 4, "kval_topk": 4}
PURSUIT = {"residual_threshold": 0.5, "max_iterations": None}
ONES = np.ones(D_SAE, np.float32)


def named(name: str) -> MemoryView:
    """The good SAE, its configuration under another name."""
    files = view().files
    return MemoryView(name="memory", files={p.replace("cfg.json", name): data for p, data in files.items()})


def legacy(architecture: str = "standard", **changes: Any) -> MemoryView:
    return view(LEGACY | {"architecture": architecture} | changes, tensors(architecture))


MORE: dict[str, Twins] = {
    "CFG001 name": (lambda: named("config.json"), lambda: named("cfg.json")),
    "CFG003 heads": (lambda: view(cfg("temporal", **HEADS | {"n_heads": 3}), GONE), lambda: view(cfg("temporal", **HEADS), GONE)),
    "CFG003 sae_diff_type": (lambda: view(cfg("temporal", **HEADS, sae_diff_type="jumprelu"), GONE), lambda: view(cfg("temporal", **HEADS, sae_diff_type="relu"), GONE)),
    "CFG005 temporal": (lambda: view(cfg("temporal", **HEADS | {"kval_topk": GONE}), GONE), lambda: view(cfg("temporal", **HEADS), GONE)),
    "CFG005 pursuit": (lambda: view(cfg("matching_pursuit", **PURSUIT | {"max_iterations": GONE})), lambda: view(cfg("matching_pursuit", **PURSUIT))),
    "CFG006 legacy": (lambda: legacy("topk"), lambda: legacy("topk", activation_fn_kwargs={"k": 4})),
    "CFG007 null": (lambda: legacy("topk", activation_fn_kwargs={"k": None}), lambda: legacy("topk", activation_fn_kwargs={"k": 4})),
    "CFG007 all": (lambda: view(cfg("topk", k=D_SAE)), lambda: view(cfg("topk", k=D_SAE - 1))),
    "CFG022 all": (lambda: sparsify(k=D_SAE), lambda: sparsify(k=D_SAE - 1)),
    "CFG022 groups": (lambda: sparsify(k=5, activation="groupmax"), lambda: sparsify(k=4, activation="groupmax")),
    "CFG022 activation": (lambda: sparsify(activation="gelu"), lambda: sparsify(activation=GONE)),
    "CFG022 no string": (lambda: sparsify(activation=["topk"]), lambda: sparsify(activation="topk")),
    "CFG008 legacy": (lambda: legacy(sae_lens_version="latest"), lambda: legacy(sae_lens_version="4.1.0")),
    "CFG009 normalize": (lambda: view(cfg(normalize_activations=GONE)), lambda: view(cfg(normalize_activations="layer_norm"))),
    "CFG010 whitening": (lambda: view(cfg(normalize_activations="covariance_whitening")), lambda: view(cfg(normalize_activations="none"))),
    "CFG011 null": (lambda: legacy(hook_name=None), legacy),
    "CFG016 foreign": (lambda: view(cfg("standard", k=4)), lambda: view(cfg("topk", k=4))),
    "CFG017 d_out": (lambda: view(cfg("standard", d_out=D_IN)), lambda: view(cfg("transcoder", d_out=D_IN))),
    "CFG019 v6": (lambda: view(cfg("standard", **TOPK_KWARGS)), lambda: view(cfg("topk", **TOPK_KWARGS))),
    "CFG019 dense": (lambda: legacy(activation_fn_str="topk"), lambda: legacy("topk", **TOPK_KWARGS)),
    "CFG019 tanh": (lambda: legacy(activation_fn_str="tanh-relu"), lambda: legacy(activation_fn_str="relu")),
    "CFG021 trained": (lambda: view(cfg("standard", metadata=EXPORTED)), lambda: view(cfg("standard", metadata=EXPORTED | {"hubkit": {"rewritten": {"rule": "THR001", "from": "jumprelu", "to": "standard"}}}))),
    "WTS005 scaling": (lambda: view(weights=tensors(scaling_factor=2 * ONES)), lambda: view(weights=tensors(scaling_factor=ONES))),
    "CARD002 a licence of one's own": (
        lambda: with_card(README.replace("mit", "other")), lambda: with_card(README.replace("mit", "other\nlicense_name: ours\nlicense_link: LICENSE")),
    ),
    "CARD002 a licence beside": (lambda: with_card(README.replace("license: mit", "license: mit\nlicense_name: ours")), view),
    "REL004 empty": (lambda: view(files={"provenance.json": b"{}"}), lambda: view(files={"provenance.json": b'{"who": "we"}'})),
    "CFG025 tokens": (lambda: view(cfg(metadata={"training_tokens": -1})), lambda: view(cfg(metadata={"training_tokens": 0}))),
    "CFG025 rate": (lambda: view(cfg(metadata={"lr": 0.0})), lambda: view(cfg(metadata={"lr": 3e-4, "l1_coefficient": 0}))),
    "CFG025 details": (
        lambda: view(cfg(metadata={"training_architecture_details": {"l1_coefficient": -1.0}})),
        lambda: view(cfg(metadata={"training_architecture_details": {"l1_coefficient": 1.0}})),
    ),
    "CFG025 legacy": (lambda: legacy(lr=-1.0), lambda: legacy(lr=1.0)),
    "CFG025 BOS": (lambda: view(cfg(metadata={"prepend_bos": "maybe"})), lambda: view(cfg(metadata={"prepend_bos": None}))),
    "CFG025 dataset": (lambda: view(cfg(metadata={"dataset_path": 5})), lambda: view(cfg(metadata={"dataset_path": "a/b"}))),
    "CFG025 slice": (
        lambda: view(cfg(metadata={"context_size": 128, "seqpos_slice": [5, 500]})),
        lambda: view(cfg(metadata={"context_size": 128, "seqpos_slice": [5, -1]})),
    ),
    "CFG025 learned positions": (lambda: gpt2_at(5, context_size=2048), lambda: gpt2_at(5, context_size=1024)),
    "CFG025 rotary positions": (
        lambda: gpt2_at(5, model_name="EleutherAI/pythia-160m", context_size=4096),
        lambda: gpt2_at(5, model_name="EleutherAI/pythia-160m", context_size=2048),
    ),
    "CFG025 heads": (lambda: gpt2_at(5, hook_head_index=12), lambda: gpt2_at(5, hook_head_index=11)),
    "EVL002 of a training": (lambda: view(cfg(metadata={"explained_variance": 1.4})), lambda: view(cfg(metadata={"explained_variance": -0.2}))),
    "CFG023 address": (
        lambda: gpt2_at(5, neuronpedia_id="https://www.neuronpedia.org/gpt2-small/5-res-jb"), lambda: gpt2_at(5, neuronpedia_id=None),
    ),
    "CFG023 no layer": (lambda: gpt2_at(5, neuronpedia_id="gpt2-small/-res-jb"), lambda: gpt2_at(5, neuronpedia_id="gpt2-small/e-res-jb")),
    "CFG023 model": (lambda: gpt2_at(5, neuronpedia_id="gemma-2-2b/5-gemmascope-res-16k"), lambda: gpt2_at(5, neuronpedia_id="gpt2/5-my_own.source")),
    "CFG023 behind": (lambda: gpt2_at(5, neuronpedia_id="gpt2-small/6-res-jb"), lambda: gpt2_at(11, neuronpedia_id="gpt2-small/12-res-jb")),
    "CFG023 before": (
        lambda: gpt2_at(5, hook_name="blocks.5.hook_resid_pre", neuronpedia_id="gpt2-small/7-res-jb"),
        lambda: gpt2_at(5, hook_name="blocks.5.hook_resid_pre", neuronpedia_id="gpt2-small/5-res-jb"),
    ),
    "CFG023 doubled": (
        lambda: dashboards("lab/2-res", "lab/2-res"),
        lambda: dashboards("lab/2-res", "lab/2-res-k8"),
    ),
    "HOOK006 word": (lambda: hooked("block.2.hook_resid_post"), lambda: hooked("blocks.2.hook_my_own_post")),
    "HOOK006 case": (lambda: hooked("Blocks.2.hook_resid_post"), lambda: hooked("encoder.2.hook_resid_post")),
    "HOOK006 joined": (lambda: hooked("blocks.2.hook_mlpout"), lambda: hooked("blocks.2.hook_mlp_out")),
    "HOOK006 no hook_": (lambda: hooked("blocks.2.resid_post"), lambda: hooked("blocks.2.mlp")),
    "HOOK006 parallel": (
        lambda: hooked("blocks.2.hook_resid_mid", model_name="EleutherAI/pythia-70m-deduped"), lambda: hooked("blocks.2.hook_resid_mid", model_name="gpt2"),
    ),
    "HOOK006 phi": (lambda: hooked("blocks.2.hook_resid_mid", model_name="microsoft/phi-2"), lambda: hooked("blocks.2.hook_resid_mid", model_name="microsoft/phi-4")),
    "HOOK006 module": (lambda: hooked("model.layer.2"), lambda: hooked("bert.encoder.layer.2")),
    "HOOK006 neox": (lambda: hooked("gpt_neox.layer.2", model_name="pythia-70m"), lambda: hooked("gpt_neox.layers.2", model_name="pythia-70m")),
    "HOOK006 annotation": (
        lambda: hooked("blocks.2.hook_resid_post", hf_hook_name="transformer.hs.2", model_name="gpt2"),
        lambda: hooked("blocks.2.hook_resid_post", hf_hook_name="transformer.h.2", model_name="gpt2"),
    ),
    "HOOK006 inside": (lambda: hooked("blocks.2.hook_z", model_name="gpt2"), lambda: hooked("blocks.2.hook_z")),
    "THR008 training": (lambda: learned(LEARNED, l0=20.0), lambda: learned(LEARNED, l0=8.0)),
    "THR008 of a TopK": (lambda: learned(LEARNED, l0=31), lambda: view(cfg("topk", k=20, metadata={"l0": 20.0}))),
    "THR011 number": (lambda: learned(LEARNED, num_dead_features=32), lambda: learned(LEARNED, num_dead_features="32")),
    "THR012 large": (lambda: learned(LEARNED * 1e30), lambda: learned(LEARNED * 1e9)),
    "THR012 a part": (lambda: learned(np.where(np.arange(D_SAE) < 17, 1e30, LEARNED)), lambda: learned(np.where(np.arange(D_SAE) < 16, 1e30, LEARNED))),
    "THR003 small": (lambda: learned(np.where(np.arange(D_SAE) < 17, 1e-9, LEARNED)), lambda: learned(np.where(np.arange(D_SAE) < 16, 1e-9, LEARNED))),
    "WTS019 a part": (
        lambda: decoder(put("b_enc", slice(0, 17), -1e30)), lambda: decoder(put("b_enc", slice(0, 16), -1e30)),
    ),
    "WTS019 zeros": (
        lambda: decoder(zeroed), lambda: decoder(put("W_enc", (slice(None), 3), 0.0)),
    ),
    "WTS019 held back": (lambda: wide_encoder(1e8), lambda: wide_encoder(1e3)),
    "WTS013 encoder": (lambda: decoder(same_columns), lambda: decoder(nothing)),
    "WTS012 rescale": (
        lambda: view(cfg("topk", rescale_acts_by_decoder_norm=GONE), tensors("topk")),
        lambda: view(cfg("topk", rescale_acts_by_decoder_norm=GONE), tensors("topk", threshold=LEARNED)),
    ),
}  # fmt: skip
"""More of them: a code and which of its sides."""

ENGINE = {"RUN001", "RUN002"}
"""Findings of the run itself: tests/validate/test_engine.py."""
