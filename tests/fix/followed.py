"""What a person does who takes a hint at its word: for every rule one small edit of its bad twin. A hint with a command of `hubkit fix` needs none: it is run.

Keys are the names of the twins (`CFG017 d_out`), or a code for all of its twins. ANNOUNCED are the codes that a hint says will come next.
"""

from __future__ import annotations

import json

import numpy as np
from builders import D_SAE, FOLDER, README, cfg, tensors
from fix.followed_cards import CARD, carded
from fix.steps import (
    LEARNED,
    Follow,
    added,
    both,
    configured,
    keys,
    measured,
    metadata,
    moved,
    only,
    removed,
    said,
    saved,
    weighed,
    written,
)
from safetensors.numpy import save

from hubkit.release.provenance import Provenance
from hubkit.repo.memory import MemoryView

TOKEN = "hf_" + "aB3" * 12


def whole(view: MemoryView) -> None:
    """Upload the real weights."""
    view.files[f"{FOLDER}/sae_weights.safetensors"] = save(tensors())


def readable(view: MemoryView) -> None:
    """The file can be read again, and is what the configuration says."""
    path, _ = view.unreadable.popitem()
    view.files[path] = save(tensors("standard"))


def rewritten(path: str, old: str, new: str) -> Follow:
    """Edit one file."""

    def follow(view: MemoryView) -> None:
        assert old.encode() in view.files[path]
        view.files[path] = view.files[path].replace(old.encode(), new.encode())

    return follow


def no_double(view: MemoryView) -> None:
    """Save the weights that belong to each."""
    view.oids = dict(zip(view.oids, ("1" * 64, "2" * 64), strict=True))  # type: ignore[attr-defined]


def declared(view: MemoryView) -> None:
    """Declare the grid that was published."""
    record = Provenance.model_validate_json(view.files["provenance.json"])
    grid = record.grid.model_copy(update={"layers": [2]})
    view.files["provenance.json"] = (
        record.model_copy(update={"grid": grid}).model_dump_json(by_alias=True).encode()
    )


def alone(view: MemoryView) -> None:
    """Move the SAEs of all models but one elsewhere."""
    view.files = {path: data for path, data in view.files.items() if not path.startswith("b_L2/")}


def as_safetensors(view: MemoryView) -> None:
    """Save the pickle's tensors with safetensors, and remove it."""
    del view.files[f"{FOLDER}/sae_weights.pt"]
    whole(view)


def into_a_folder(view: MemoryView) -> None:
    """Write an SAE's cfg.json beside its weights, in a folder of its own, and library_name and base_model into the card."""
    del view.files["sae_layer_4.pt"]
    view.files["sae_layer_4/sae_weights.safetensors"] = save(tensors())
    view.files["sae_layer_4/cfg.json"] = json.dumps(
        cfg(metadata={"hook_name": "blocks.4.hook_resid_post"})
    ).encode()
    view.files["README.md"] = README.encode()


FOLLOWED: dict[str, Follow] = CARD | {
    "CFG001": added(f"{FOLDER}/cfg.json", json.dumps(cfg()).encode()),
    "CFG001 bare": both(added("L2/cfg.json", json.dumps(cfg()).encode()), moved("my_sae", "sae_weights"), carded),
    "CFG001 name": moved("config.json", "cfg.json"),
    "CFG001 topk": added(f"{FOLDER}/cfg.json", json.dumps(cfg("topk")).encode()),
    "CFG019 v6 topk": both(keys(architecture="topk", k=4), saved(threshold=None)),
    "WTS005 gated": saved(b_gate=None, r_mag=None, b_mag=None),
    "WTS005 jumprelu": keys(architecture="jumprelu", k=None, rescale_acts_by_decoder_norm=None),
    "WTS005 a gate alone": saved(b_gate=None),
    "THR008 dense": said("The SAE is dense: 20 of its latents are active on average."),
    "SEC004 a script": said("`train.py` is the code that trained it."),
    "SEC004 trusting": said("The base model needs trust_remote_code."),
    "CARD017": written(("**Checked** by hubkit 0.1.0: no defect.\n", "")),
    "EVL010": rewritten(f"{FOLDER}/metrics.json", "9.0", "5.0"),
    "CFG025": metadata(context_size=128),
    "REL004 empty": removed("provenance.json"),
    "CFG025 tokens": metadata(training_tokens=10**6),
    "CFG025 rate": metadata(lr=3e-4),
    "CFG025 details": metadata(training_architecture_details={"l1_coefficient": 1.0}),
    "CFG025 legacy": keys(lr=None),
    "CFG025 BOS": metadata(prepend_bos=True),
    "CFG025 dataset": metadata(dataset_path=None),
    "CFG025 slice": metadata(seqpos_slice=[5, 100]),
    "CFG025 learned positions": metadata(context_size=1024),
    "CFG025 rotary positions": metadata(context_size=2048),
    "CFG025 heads": metadata(hook_head_index=None),
    "EVL002 of a training": metadata(explained_variance=0.8),
    "CFG024": configured(lambda value: value["metadata"]["training_architecture_details"].update(k=4)),
    "REL005": declared,
    "EVL011": rewritten("evidence.yaml", "value: 64", "value: 32"),
    "REL006": rewritten("provenance.json", '"decisive":9', '"decisive":10'),
    "CFG002": added(f"{FOLDER}/cfg.json", json.dumps(cfg()).encode()),
    "CFG003": keys(k=8),
    "CFG003 heads": keys(n_heads=4),
    "CFG003 sae_diff_type": keys(sae_diff_type="relu"),
    "CFG005 temporal": keys(kval_topk=4),
    "CFG005 pursuit": keys(max_iterations=8),
    "CFG006": keys(k=4),
    "CFG006 legacy": keys(activation_fn_kwargs={"k": 4}, k=4),
    "CFG007": keys(k=D_SAE - 1),
    "CFG007 null": keys(activation_fn_kwargs={"k": 4}),
    "CFG008 legacy": keys(sae_lens_version=None),
    "CFG010": keys(normalize_activations="none"),
    "CFG010 whitening": keys(normalize_activations="none"),
    "CFG011": metadata(model_name="lab/tiny"),
    "CFG011 null": keys(hook_name="blocks.2.hook_resid_post"),
    "CFG012": moved("lab_L3_mixed", "lab_L2_mixed"),
    "CFG016 foreign": keys(k=None),
    "CFG016 a secret": keys(hub_token=None),
    "CFG016 a secret as a key": keys(**{TOKEN: None}),
    "SEC002 a name": moved(f"runs/{TOKEN}.csv", "runs/1.csv"),
    "SEC002 metadata": removed("x.safetensors"),
    "CARD001 a folder": both(moved("README.md/", "notes/"), carded),
    "CARD002 UTF-16": carded,
    "CARD002 UTF-16 without a mark": carded,
    "CARD002 UTF-32": carded,
    "CFG017": both(keys(architecture="transcoder", apply_b_dec_to_input=False, d_out=8), metadata(hook_name_out="blocks.2.hook_mlp_out")),
    "CFG018": metadata(sae_lens_training_version="6.48.0"),
    "CFG019": keys(architecture="topk"),
    "CFG019 dense": keys(activation_fn_str=None),
    "CFG019 tanh": keys(activation_fn_str="relu"),
    "CFG019 v6": keys(activation_fn_str=None),
    "CFG020": metadata(model_from_pretrained_kwargs={"load_in_4bit": True}),
    "CFG021": moved("topk_k64_L2", "topk_k4_L2"),
    "CFG021 trained": both(keys(architecture="jumprelu"), saved(threshold=LEARNED)),
    "CFG022": keys(k=D_SAE - 1),
    "CFG022 groups": keys(k=4),
    "CFG022 activation": keys(activation="topk"),
    "CFG022 no string": keys(activation="topk"),
    "CFG023": metadata(neuronpedia_id=None),
    "WTS001": whole,
    "WTS002": whole,
    "WTS003": whole,
    "WTS004": saved(b_enc=tensors()["b_enc"]),
    "WTS005": saved(threshold=None),
    "WTS005 scaling": weighed(lambda w: w.update(W_dec=w["W_dec"] * w.pop("scaling_factor")[:, None])),
    "WTS008": keys(dtype="float32"),
    "WTS009": readable,
    "WTS010": no_double,
    "WTS011": weighed(lambda w: w["W_dec"].__setitem__((3, 2), 0.1)),
    "WTS012": only(lambda w: np.linalg.norm(w["W_dec"], axis=1) > 0),
    "WTS012 rescale": keys(rescale_acts_by_decoder_norm=True),
    "WTS013": only(lambda w: ~np.isin(np.arange(D_SAE), np.arange(8, 16))),
    "WTS014": as_safetensors,
    "WTS016": into_a_folder,
    "WTS017": lambda view: view.files.update({path: _twin("WTS017", 1).files[path] for path in view.files}),
    "WTS018": saved(W_enc=tensors("standard")["W_enc"]),
    "THR002": saved(threshold=LEARNED),
    "THR003": saved(threshold=LEARNED),
    "THR004": weighed(lambda w: w.update(threshold=np.maximum(w["threshold"], 0))),
    "THR005": saved(threshold=LEARNED),
    "THR006": saved(threshold=np.linspace(0.1, 0.5, 2048, dtype=np.float32)),
    "THR007": moved("d20_ste_L2", "d20_L2"),
    "THR008": measured(value=5.0),
    "THR008 of a TopK": metadata(l0=4.0),
    "THR008 training": metadata(l0=4.0),
    "THR011": metadata(num_dead_features=1),
    "THR009": saved(threshold=LEARNED),
    "THR010": saved(threshold=LEARNED),
    "THR012": saved(threshold=LEARNED),
    "WTS019": saved(W_enc=tensors("standard")["W_enc"], b_enc=tensors("standard")["b_enc"]),
    "WTS019 held back": saved(W_enc=tensors()["W_enc"]),
    "WTS013 encoder": saved(W_enc=tensors("standard")["W_enc"]),
    "EVL001": added(f"{FOLDER}/metrics.json", b"{}"),
    "EVL002": measured(value=0.9),
    "EVL003": measured(interval=[4.0, 6.0]),
    "EVL004": measured(split="held_out"),
    "EVL005": measured(null={"kind": "permutation", "value": 0.7}),
    "EVL007": measured(value=5),
    "EVL008": rewritten("evaluation.json", '"value":9.0', '"value":5.0'),
    "EVL009": rewritten("evidence.yaml", "  value: 5\n", "  value: 5\n  n: 100\n"),
    "EVL006": added("evaluation.json", b"{}"),
    "SEC001": removed("extra.pkl"),
    "SEC002": configured(lambda value: value["metadata"].pop("note")),
    "SEC004": added("config.json", b"{}"),
    "SEC005": removed("rows.db"),
    "REL001": alone,
    "REL002": declared,
    "REL003": moved("A/x.txt", "b/x.txt"),
    "REL004": removed("provenance.json"),
    "REL004 no schema": moved("provenance.json", "record.json"),
    "CARD001": carded,
    "CARD002 a licence of one's own": written(("license: other", "license: other\nlicense_name: ours\nlicense_link: LICENSE")),
    "CARD002 a licence beside": written(("license: mit", "license: other\nlicense_link: LICENSE")),
    "CARD002": written(("MIT License", "mit")),
    "HOOK001": metadata(model_name="gpt2-small"),
    "HOOK002": metadata(hook_name="blocks.11.hook_resid_post"),
    "HOOK003": metadata(model_name="gpt2-medium"),
}  # fmt: skip

ELSEWHERE = {
    "HOOK004": ("validate/test_rules_hook.py", "def test_the_hint_about_a_module_works"),
    "HOOK005": ("validate/test_rules_hook.py", "def test_the_hint_about_an_ambiguous_hook_works"),
    "LOAD001": ("validate/test_load.py", "def test_the_hints_work"),
    "LOAD002": ("validate/test_load.py", "def test_the_hints_work"),
    "RUN002": ("validate/test_engine.py", "RUN002"),
}
"""Codes whose hints need torch, SAELens or a Hub, and where they are followed."""

TOLD = {code: f"followed in tests/{file}" for code, (file, _) in ELSEWHERE.items()} | {
    "WTS015": "a note that says which library reads it: nothing is wrong",
    "WTS007 square": "a note: from the shapes nobody can tell whether anything is wrong",
    "RUN001": "a defect of hubkit, which a person can only report",
}
"""Codes, or twins, whose hints change nothing in the files here, and why."""

ANNOUNCED = {"HOOK006 inside": {"HOOK003"}}
"""By twin: codes of errors or warnings that will be there once its hint is followed: the toy is narrower than the model's attention."""


def _twin(code: str, which: int) -> MemoryView:
    from validate import twins

    found: MemoryView = twins.TWINS[code][which]()
    return found
