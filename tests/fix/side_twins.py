"""Bad twins for the sides of a rule whose words no other table reaches, each with what its hint says: `test_hints_reached.py` names what is missing here."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from builders import D_SAE, FOLDER, GONE, README, cfg, tensors, view
from fix.hint_twins import folder_of, stored_k
from fix.steps import (
    LEARNED,
    Follow,
    both,
    keys,
    measured,
    metadata,
    moved,
    only,
    regemma,
    removed,
    said,
    saved,
    weighed,
    written,
)
from safetensors.numpy import load, save
from validate import test_card_further as further
from validate import test_rules_hook, test_rules_record, twins
from validate.card_twins import card, gemma, grid, of_gpt2

from hubkit.repo.memory import MemoryView

V6 = "blocks.2.hook_resid_post"
BATCH = {"training_architecture": "batchtopk"}
LENT = {"sae_lens_version": GONE}


def loads(code: str) -> str:
    return f'```python\nfrom sae_lens import SAE\n\nsae = SAE.from_pretrained("lab/saes", "{FOLDER}")\n{code}\n```'


def code_of(code: str, **changes: Any) -> MemoryView:
    """A card whose code does this to what its SAE gets."""
    return card(loads(code), cfg("standard", **changes))


def details(**values: Any) -> dict[str, Any]:
    return {"training_architecture_details": values}


def flat(value: float, **stated: Any) -> MemoryView:
    """A JumpReLU whose thresholds are all this."""
    return twins.learned(value, **stated)


def with_file(name: str, **changes: Any) -> MemoryView:
    return view(cfg(**changes), files={f"{FOLDER}/{name}": save({"a": np.ones(2, np.float32)})})


def one_number(value: float, **stated: Any) -> MemoryView:
    """Gemma Scope with one threshold for all latents."""
    return twins.gemma_scope(threshold=np.array(value, np.float32), **stated)


def square() -> MemoryView:
    return view(cfg("standard", d_in=D_SAE), tensors("standard", d_in=D_SAE))


def foreign_topk(**changes: Any) -> MemoryView:
    return twins.sparsify(**changes)


def narrowed() -> MemoryView:
    """sparsify's, with a b_dec that is too long."""
    found = twins.sparsify()
    weighed(lambda w: w.update(b_dec=np.zeros(9, np.float32)))(found)
    return found


DICTIONARY = "resid_post_layer_3/trainer_0/config.json"


def of_dictionary(key: str, value: Any) -> MemoryView:
    """dictionary_learning's, whose configuration says this."""
    found = folder_of("dictionary_learning/topk")
    dictionary_says(key, value)(found)
    return found


def matryoshka(*groups: int) -> Follow:
    """Keep these sizes of its groups in its weights."""

    def follow(repository: MemoryView) -> None:
        path = DICTIONARY.replace("config.json", "ae.pt")
        state = torch.load(io.BytesIO(repository.files[path]), weights_only=True)
        buffer = io.BytesIO()
        torch.save(state | {"group_sizes": torch.tensor(groups)}, buffer)
        repository.files[path] = buffer.getvalue()

    return follow


def of_matryoshka(*groups: int, stated: list[int]) -> MemoryView:
    """dictionary_learning's Matryoshka with these sizes in its weights, and those in its configuration."""
    found = folder_of("dictionary_learning/matryoshka_batch_topk")
    matryoshka(*groups)(found)
    dictionary_says("group_sizes", stated)(found)
    return found


def dictionary_says(key: str, value: Any) -> Follow:
    def follow(repository: MemoryView) -> None:
        whole = json.loads(repository.files[DICTIONARY])
        whole["trainer"][key] = value
        repository.files[DICTIONARY] = json.dumps(whole).encode()

    return follow


SCOPE = "Llama3_1-8B-Base-L18M-8x/hyperparams.json"
NORM = "dataset_average_activation_norm"


def says(path: str, **values: Any) -> Follow:
    """Write these into a configuration of JSON."""

    def follow(repository: MemoryView) -> None:
        repository.files[path] = json.dumps(json.loads(repository.files[path]) | values).encode()

    return follow


def of_scope(folder: str = "openmoss/lxm", path: str = SCOPE, **values: Any) -> MemoryView:
    """OpenMOSS's, whose configuration says this."""
    found = folder_of(folder)
    says(path, **values)(found)
    return found


def normed(value: float) -> Follow:
    """Keep this as the norm of its data set, in its weights."""
    return weighed(lambda w: w.update({next(name for name in w if name.startswith(NORM)): np.float32(value)}))


def unset() -> MemoryView:
    """OpenMOSS's, with a norm that nobody set."""
    found = folder_of("openmoss/new_relu")
    normed(0.0)(found)
    return found


def of_tracer(config: str = "", latents: int | None = None) -> MemoryView:
    """A set of circuit-tracer, with a longer configuration, or with fewer latents in its second layer."""
    found = folder_of("circuit_tracer/jumprelu")
    found.files["config.yaml"] += config.encode()
    whole = load(found.files["layer_1.safetensors"])
    cut = {name: one[:latents] for name, one in whole.items() if name != "b_dec"}
    found.files["layer_1.safetensors"] = save(
        whole | {name: np.ascontiguousarray(one) for name, one in cut.items()}
    )
    return found


def of_record(base: str) -> MemoryView:
    """A release of GPT-2's whose provenance.json names a base model."""
    found = of_gpt2(twins.provenance(twins.release(twins.one_cell())))
    value = json.loads(found.files["provenance.json"]) | {"base_model": base, "files": {}}
    found.files["provenance.json"] = json.dumps(value).encode()
    return found


def recorded(**values: Any) -> Follow:
    """Write these into provenance.json."""

    def follow(repository: MemoryView) -> None:
        value = json.loads(repository.files["provenance.json"]) | values
        repository.files["provenance.json"] = json.dumps(value).encode()

    return follow


def reported(**values: Any) -> Follow:
    """Put the pool's report beside it."""

    def follow(repository: MemoryView) -> None:
        value = {"$schema": "urn:hubkit:pool-report:1", "pool_sha256": "0", **values}
        repository.files["pool_report.json"] = json.dumps(value).encode()

    return follow


COUNTS, POOL = test_rules_record.COUNTS, test_rules_record.POOL
RECORDS: dict[str, tuple[dict[str, Any], Follow]] = {
    "scenarios": ({"completions": COUNTS | {"labelled a": 50, "labelled b": 50}}, recorded(completions=COUNTS)),
    "sampled": ({"completions": COUNTS | {"sampled": 500}}, recorded(completions=COUNTS)),
    "more sampled": ({"completions": COUNTS | {"sampled": 90}, "scenarios": []}, recorded(completions=COUNTS)),
    "rows": ({"n": 101}, measured(n=100)),
    "few rows": ({"n": 30}, measured(n=100)),
    "rows that nobody explains": ({"n": 60}, reported(**POOL)),
    "report": ({"report": POOL | {"decisive": 90}}, reported(**POOL)),
    "another pool": ({"report": {"pool_sha256": "1"}}, removed("pool_report.json")),
    "judges": ({"labelling": test_rules_record.judged(n=121)}, recorded(labelling=test_rules_record.judged())),
    "kappa": ({"labelling": test_rules_record.judged(kappa=0.95)}, recorded(labelling=test_rules_record.judged())),
    "two judges": (
        {"labelling": test_rules_record.judged(), "report": test_rules_record.agreement(0.7)},
        reported(**test_rules_record.agreement(0.9)),
    ),
    "precision": ({"precision": "float16", "metadata": test_rules_record.BF16}, recorded(precision="bfloat16")),
}  # fmt: skip
"""By name: what a record says wrongly, and what is written instead."""


def rewritten(path: str, old: str, new: str) -> Follow:
    def follow(repository: MemoryView) -> None:
        assert old.encode() in repository.files[path]
        repository.files[path] = repository.files[path].replace(old.encode(), new.encode())

    return follow


def missing_one() -> MemoryView:
    found = grid("The repository has 4 SAEs.")
    found.files = {path: data for path, data in found.files.items() if "jumprelu_L5" not in path}
    return found


def added_sae(repository: MemoryView) -> None:
    repository.files |= grid("The repository has 4 SAEs.").files


def on_record(digest: str) -> MemoryView:
    """An evaluation with its record, and a provenance.json that has another one."""
    name, configuration = twins.one_cell()
    found = twins.provenance(twins.release((name, configuration)))
    value = json.loads(found.files["provenance.json"]) | {"evaluation": {"values_sha256": digest}}
    found.files["provenance.json"] = json.dumps(value).encode()
    found.files["evaluation.json"] = twins.recorded().files["evaluation.json"]
    return found


def strange_metrics(number: float) -> MemoryView:
    found = twins.recorded()
    beside = twins.with_metrics(9.0).files[f"{FOLDER}/metrics.json"]
    found.files[f"{FOLDER}/metrics.json"] = beside
    return found


EVIDENCE_OF = (
    '$schema: "urn:hubkit:evidence:1"\nsource: a notebook\nvalues:\n- {{name: {}, value: {}, n: null}}\n'
)


def evidence_of(name: str, number: int) -> MemoryView:
    found = of_gpt2(twins.gpt2_at(5))
    found.files["evidence.yaml"] = EVIDENCE_OF.format(name, number).encode()
    return found


def stranger() -> MemoryView:
    found = twins.provenance(twins.release(twins.one_cell()))
    found.files |= {
        path.replace("a_L2", "b_L2"): data for path, data in found.files.items() if path.startswith("a_L2")
    }
    return found


def scripted() -> bytes:
    """A checkpoint with code of torch's own in it."""
    import io
    import zipfile

    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as made:
        for name, data in (
            ("archive/data.pkl", b"\x80\x02}."),
            ("archive/constants.pkl", b"\x80\x02)."),
            ("archive/code/__torch__.py", b"pass"),
            ("archive/version", b"3\n"),
        ):
            made.writestr(name, data)
    return buffer.getvalue()


def tied(weights: dict[str, Any]) -> None:
    weights["W_enc"] = np.ascontiguousarray(weights["W_dec"].T)


def whole(repository: MemoryView) -> None:
    repository.files[f"{FOLDER}/sae_weights.safetensors"] = save(tensors())


def beside_computed(rest: str) -> MemoryView:
    """evidence.yaml with an L0 that evaluation.json has, too."""
    return twins.recorded(
        evidence=twins.EVIDENCE.replace(
            "  value: 5\n  n: 100\n", f"  split: {twins.value()['split']}\n{rest}"
        )
    )


def tallied() -> MemoryView:
    """A tally beside the computed one."""
    one = {
        "subject": "SAE probes",
        "reference": "raw",
        "measure": "probe_balanced_accuracy",
        "above": 0,
        "total": 13,
        "split": "crossfit",
    }
    found = twins.evaluated(twins.value())
    evaluation = json.loads(found.files["evaluation.json"]) | {"tallies": [one]}
    stated = "$schema: urn:hubkit:evidence:1\nsource: a paper\ntallies:\n- {subject: SAE probes, reference: raw, measure: probe_balanced_accuracy, above: 10, total: 13, split: crossfit}\n"
    return MemoryView(
        name="memory",
        files=found.files
        | {"evaluation.json": json.dumps(evaluation).encode(), "evidence.yaml": stated.encode()},
    )


def doubted(text: str, model: str = "openai-community/gpt2-medium") -> MemoryView:
    """An SAE of GPT-2 small's width whose cfg.json names the medium one."""
    configuration = cfg("standard", d_in=768, metadata={"model_name": "gpt2-medium"})
    return view(
        configuration, tensors("standard", 768), readme=f"{README.replace('lab/tiny', model)}\n{text}\n"
    )


def carded_as(model: str) -> Follow:
    return written(("openai-community/gpt2-medium", model))


def grid_of_widths(text: str) -> MemoryView:
    """Two SAEs that differ in their width."""
    files = {"README.md": f"{README}\n{text}\n".encode()}
    for width in (32, 64):
        files[f"w{width}/cfg.json"] = json.dumps(cfg(d_sae=width)).encode()
        files[f"w{width}/sae_weights.safetensors"] = save(tensors(d_sae=width))
    return MemoryView(name="memory", files=files)


def moved_by(architecture: str, name: str, number: Any) -> MemoryView:
    """An SAE with this added to one of its tensors."""
    found = tensors(architecture)[name] + np.asarray(number, np.float32)
    return view(cfg(architecture), tensors(architecture, **{name: found}))


def unmoved(architecture: str, name: str) -> Follow:
    return saved(**{name: tensors(architecture)[name]})


SIDES: dict[str, tuple[Callable[[], MemoryView], Follow | None]] = {
    "CFG003 null": (lambda: view(cfg(reshape_activations=None)), keys(reshape_activations="none")),
    "CFG004 relu": (lambda: view(cfg("relu"), tensors("standard")), keys(architecture="standard")),
    "CFG005 d_out": (lambda: view(cfg("transcoder", d_out=GONE)), keys(d_out=8)),
    "CFG005 one architecture": (lambda: view(cfg(GONE), tensors("gated")), keys(architecture="gated")),
    "CFG005 several architectures": (lambda: view(cfg(GONE), tensors("standard")), keys(architecture="standard")),
    "CFG006 elsewhere": (lambda: view(cfg("topk", k=GONE, activation_fn_kwargs={"k": 4}), tensors("topk")), keys(k=4)),
    "CFG006 stored": (lambda: stored_k(k=GONE), both(keys(k=4), saved(k=None))),
    "CFG008 beside a legacy key": (
        lambda: view(cfg(metadata=LENT, hook_layer=2)),
        both(metadata(sae_lens_version="6.0.0"), keys(hook_layer=None)),
    ),
    "CFG010 a file": (
        lambda: with_file("activation_scaler.json", normalize_activations="expected_average_only_in"),
        keys(normalize_activations="none"),
    ),
    "CFG011 no layer": (lambda: view(cfg(metadata={"hook_name": GONE}), folder="sae"), metadata(hook_name=V6)),
    "CFG011 top": (lambda: view(cfg(hook_name=V6, metadata={"hook_name": GONE})), both(metadata(hook_name=V6), keys(hook_name=None))),
    "CFG013 no layer": (lambda: view(cfg(metadata={"hook_name": "the residual stream"}), folder="sae"), metadata(hook_name=V6)),
    "CFG013 two": (lambda: twins.hooked("model.layers.2.hook_something"), metadata(hook_name=V6)),
    "CFG016 twice": (lambda: view(cfg(normalise_activations="none")), keys(normalise_activations=None)),
    "CFG017 hook_name_out": (lambda: view(cfg("standard", metadata={"hook_name_out": "blocks.2.hook_mlp_out"})), metadata(hook_name_out=V6)),
    "CFG022 k": (lambda: foreign_topk(k=64), keys(k=4)),
    "CFG022 narrow": (narrowed, weighed(lambda w: w.update(b_dec=np.zeros(8, np.float32)))),
    "CFG012 of another library": (lambda: of_dictionary("layer", 5), dictionary_says("layer", 3)),
    "CARD003 library": (lambda: view(readme=README.replace("library_name: saelens\n", "")), written(("license: mit", "license: mit\nlibrary_name: saelens"))),
    "CARD003 no model": (
        lambda: view(cfg(metadata={"model_name": "lab-tiny"}), readme=README.replace("base_model: lab/tiny\n", "")), written(("license: mit", "license: mit\nbase_model: lab/tiny")),
    ),
    "CARD006 tree": (
        lambda: card("```\n.\n├── README.md\n└── lab_L6_mixed\n    ├── cfg.json\n    └── sae_weights.safetensors\n```"), written(("lab_L6_mixed", "lab_L2_mixed")),
    ),
    "CARD003 no id": (
        lambda: view(cfg(metadata={"model_name": "gpt2-small"}, d_in=768), tensors("jumprelu", d_in=768), readme=README.replace("lab/tiny", "gpt2-small")),
        written(("base_model: gpt2-small", "base_model: openai-community/gpt2")),
    ),
    "CARD003 no front matter": (lambda: of_gpt2(view(readme="\n# SAEs\n\nOf lab/tiny.\n")), None),
    "CARD002 keys of a result": (
        lambda: view(readme=README.replace("license: mit", "license: mit\nmodel-index:\n- name: a\n  results:\n  - {task: {}, dataset: {}, metrics: []}")),
        written(("task: {}, dataset: {}", "task: {type: a}, dataset: {type: b, name: c}")),
    ),
    "CARD002 a relation": (
        lambda: of_gpt2(view(readme=README.replace("license: mit", "license: mit\nbase_model_relation: derived"))), written(("base_model_relation: derived\n", "")),
    ),
    "CARD016 a slip": (lambda: gemma("# SAEs", "openai-community/gpt2", model="gpt2-meduim"), metadata(model_name="gpt2")),
    "CARD009 moved": (lambda: code_of("print(sae.cfg.hook_name)"), written(("sae.cfg.hook_name", "sae.cfg.metadata.hook_name"))),
    "CARD009 derived": (lambda: code_of("print(sae.cfg.hook_layer)"), written(("sae.cfg.hook_layer", "sae.cfg.metadata.hook_name"))),
    "CARD009 nowhere": (lambda: code_of("print(sae.cfg.dataset_path)"), written(("print(sae.cfg.dataset_path)\n", ""))),
    "CARD016 pipeline": (lambda: view(readme=README.replace("license: mit", "license: mit\npipeline_tag: text-generation")), written(("pipeline_tag: text-generation\n", ""))),
    "CARD016 card.yaml": (lambda: of_gpt2(view(files={"card.yaml": b"base_model: google/gemma-2-2b\n"})), rewritten("card.yaml", "google/gemma-2-2b", "openai-community/gpt2")),
    "CARD016 sibling": (lambda: of_gpt2(card("SAEs of GPT-2 medium (openai-community/gpt2-medium).")), written(("GPT-2 medium (openai-community/gpt2-medium)", "GPT-2 small"))),
    "CARD016 code: normalised": (lambda: code_of("f = sae.encode(F.normalize(x, dim=-1))"), written(("F.normalize(x, dim=-1)", "x"))),
    "CARD016 code: by itself": (lambda: code_of("x = x - sae.b_dec\nf = sae.encode(x)"), written(("x = x - sae.b_dec\n", ""))),
    "CARD016 code: width": (lambda: code_of("f = sae.encode(torch.randn(4, 768))"), written(("768", "8"))),
    "CARD016 code: no BOS": (
        lambda: code_of(f'_, cache = model.run_with_cache("text", prepend_bos=False)\nf = sae.encode(cache["{V6}"])', metadata={"prepend_bos": True}), written(("False", "True")),
    ),
    "CARD016 code: BOS": (
        lambda: code_of(f'_, cache = model.run_with_cache("text", prepend_bos=True)\nf = sae.encode(cache["{V6}"])', metadata={"prepend_bos": False}), written(("True", "False")),
    ),
    "CARD005 layers left out": (lambda: grid("- **Layers**: L2"), written(("L2", "L2, L5"))),
    "CARD005 site in words": (lambda: card('`cfg["hook_name"] == "blocks.{layer}.hook_mlp_out"`'), written(("hook_mlp_out", "hook_resid_post"))),
    "CARD005 tied": (lambda: card("The encoder and decoder weights are tied.", cfg("standard")), written(("are tied", "are not tied"))),
    "CARD005 two numbers": (
        lambda: card('- "A title of a paper that nobody has written" (arXiv:2501.00001)\n- "Rivers of the south, their depths and shores" (arXiv:2501.00001)'),
        written(("Rivers of the south, their depths and shores", "A title of a paper that nobody has written")),
    ),
    "CARD004 by names": (missing_one, added_sae),
    "EVL002 latents": (lambda: twins.evaluated(twins.value("l0", 99.0)), measured(value=5.0)),
    "EVL002 of minus one": (lambda: twins.evaluated(twins.value("explained_variance", -1.0)), measured(value=0.5)),
    "EVL002 counted": (lambda: view(cfg(metadata={"l0": 99.0})), metadata(l0=4.0)),
    "EVL004 probe": (lambda: twins.evaluated(twins.value("probe_balanced_accuracy", 0.8, split="train")), measured(split="crossfit")),
    "EVL004 few": (lambda: twins.evaluated(twins.value(n=4)), measured(n=200)),
    "EVL008 on record": (lambda: on_record("1" * 64), removed("provenance.json")),
    "EVL008 metrics": (lambda: strange_metrics(5.0), rewritten(f"{FOLDER}/metrics.json", "9.0", "5.0")),
    "EVL009 no source": (
        lambda: view(files={"evidence.yaml": twins.EVIDENCE.replace("source: a paper\n", "").replace("  n: 100\n", "").encode()}),
        both(rewritten("evidence.yaml", "values:", "source: a paper\nvalues:"), rewritten("evidence.yaml", "  value: 5\n", "  value: 5\n  n: 100\n")),
    ),
    "EVL011 computed": (lambda: beside_computed("  value: 6\n  n: 200\n"), removed("evidence.yaml")),
    "EVL011 computed on which rows": (
        lambda: twins.recorded(evidence=twins.EVIDENCE.replace("  n: 100\n", "  n: null\n").replace("value: 5", "value: 6")),
        rewritten("evidence.yaml", "measure: l0", "measure: l0\n  note: other texts"),
    ),
    "EVL011 dead": (
        lambda: view(cfg(metadata={"num_dead_features": 8}), files={"evidence.yaml": EVIDENCE_OF.format("dead latents", 0).replace("null", "2048").encode()}),
        rewritten("evidence.yaml", "value: 0", "value: 8"),
    ),
    "EVL011 of no SAE": (
        lambda: view(files={"evidence.yaml": EVIDENCE_OF.format("explained variance of layer 6", 0.8).encode()}),
        rewritten("evidence.yaml", "layer 6", "layer 2"),
    ),
    "EVL011 unlearned": (
        lambda: view(files={"evidence.yaml": EVIDENCE_OF.format("zero thresholds", 12).encode()}), rewritten("evidence.yaml", "value: 12", "value: 0"),
    ),
    "EVL011 tally": (tallied, removed("evidence.yaml")),
    "HOOK002 in front": (lambda: view(cfg("standard", d_in=768, metadata={"model_name": "gpt2", "hook_name": "blocks.12.hook_resid_pre"}), folder="last"), metadata(hook_name="blocks.11.hook_resid_post")),
    "HOOK002 beside a folder": (lambda: view(cfg("standard", d_in=768, metadata={"model_name": "gpt2", "hook_name": "blocks.12.hook_mlp_out"}), folder="gated_L9"), metadata(hook_name="blocks.9.hook_mlp_out")),
    "CFG012 outside": (lambda: view(cfg("standard", d_in=768, metadata={"model_name": "gpt2", "hook_name": "blocks.12.hook_mlp_out"}), folder="gated_L9"), metadata(hook_name="blocks.9.hook_mlp_out")),
    "CFG023 address of another": (lambda: twins.gpt2_at(5, neuronpedia_id="https://www.neuronpedia.org/gpt2-small/7-res-jb"), metadata(neuronpedia_id=None)),
    "WTS005 trained topk": (lambda: view(cfg("topk", metadata={"training_architecture": "topk"}), tensors("jumprelu")), saved(threshold=None)),
    "WTS005 trained batchtopk": (
        lambda: view(cfg("topk", metadata={"training_architecture": "batchtopk"}), tensors("jumprelu")), keys(architecture="jumprelu", k=None, rescale_acts_by_decoder_norm=None),
    ),
    "WTS016 beside": (lambda: view(files={"cache.pt": save({"a": np.ones(2, np.float32)})}), said("`cache.pt` holds the means of the activations.")),
    "THR011 said": (lambda: view(cfg(metadata={"num_dead_features": 30})), said("30 of its 32 latents are dead.")),
    "CARD005 doubted": (lambda: doubted("SAEs of GPT-2 small."), both(metadata(model_name="gpt2"), carded_as("openai-community/gpt2"))),
    "CARD016 doubted": (lambda: doubted("# SAEs", "openai-community/gpt2"), metadata(model_name="gpt2")),
    "CARD005 widest": (
        lambda: grid_of_widths('```python\nfrom sae_lens import SAE\n\n# the widest\nsae = SAE.from_pretrained("lab/saes", "w32")\n```'), written(('"w32"', '"w64"')),
    ),
    "CARD005 side": (lambda: grid("The residual stream is read before layers 2 and 5."), written(("before", "after"))),
    "CARD005 ends": (lambda: of_gpt2(grid("The release spans the first to the last block.")), written(("the first to the last block", "layers 2 and 5"))),
    "CARD005 folders": (
        lambda: grid("The folder `lab_topk_L{N}_mixed` holds the SAE of the input of block {N}."), written(("input", "output")),
    ),
    "CARD005 dead of all": (lambda: view(cfg(metadata={"num_dead_features": 0}), readme=f"{README}\nEvery SAE has at least one dead latent.\n"), written(("Every SAE has at least one dead latent.\n", ""))),
    "CARD016 code: a latent": (lambda: code_of("x = sae.W_dec[99]"), written(("99", "9"))),
    "CARD016 code: latents": (lambda: code_of("z = sae.encode(x)\nassert z.shape[-1] == 99"), written(("99", "32"))),
    "CARD016 code: a tensor of a file": (
        lambda: code_of('from safetensors.torch import load_file\n\nw = load_file("sae_weights.safetensors")\nprint(w["encoder.weight"])'), written(("encoder.weight", "W_enc")),
    ),
    "CARD016 several base models": (
        lambda: of_gpt2(view(readme=README.replace("base_model: lab/tiny", "base_model:\n- openai-community/gpt2\n- openai-community/gpt2-medium"))), written(("- openai-community/gpt2-medium\n", "")),
    ),
    "CARD016 code: product": (lambda: code_of("z = sae.encode(x)\ny = z @ sae.W_dec.T"), written(("W_dec.T", "W_dec"))),
    "CARD016 code: sum": (lambda: code_of("y = z @ sae.W_dec.T + sae.b_dec"), written(("W_dec.T", "W_dec"))),
    "CARD016 code: sideways": (lambda: code_of("direction = sae.W_dec[:, 7]"), written(("[:, 7]", "[7]"))),
    "CARD016 code: class": (
        lambda: card(f'```python\nfrom sae_lens import JumpReLUSAE\n\nsae = JumpReLUSAE.from_pretrained("lab/saes", "{FOLDER}")\n```', cfg("standard")),
        written(("import JumpReLUSAE", "import SAE"), ("JumpReLUSAE.from", "SAE.from")),
    ),
    "CARD016 code: active": (lambda: card(loads("assert (z != 0).sum(-1).max() <= 2"), cfg("topk")), written(("<= 2", "<= 4"))),
    "CARD004 topk": (lambda: grid("This repository has three TopK SAEs."), written(("three", "two"))),
    "EVL011 layers": (lambda: evidence_of("number of layers", 5), rewritten("evidence.yaml", "value: 5", "value: 12")),
    "EVL011 too many": (lambda: view(files={"evidence.yaml": EVIDENCE_OF.format("number of dead latents", 99).encode()}), rewritten("evidence.yaml", "value: 99", "value: 9")),
    "HOOK001 of no table": (lambda: view(cfg(d_in=768, metadata={"model_name": "attn-only-2l-demo"})), metadata(model_name="gpt2-small")),
    "HOOK002 far": (lambda: twins.gpt2_at(99), both(metadata(hook_name="blocks.5.hook_resid_post"), moved("L99", "L5"))),
    "HOOK003 elsewhere": (lambda: test_rules_hook.sae("blocks.2.mlp.hook_post"), metadata(hook_name="blocks.2.hook_resid_post")),
    "HOOK003 by the tensors": (
        lambda: view(cfg("topk", metadata={"model_name": "gpt2"}), tensors("topk", d_in=768)), keys(d_in=768),
    ),
    "HOOK006 nowhere": (lambda: test_rules_hook.sae("blocks.2.hook_mlp_ins"), metadata(hook_name=V6)),
    "REL003 forbidden": (lambda: view(files={"a:b.txt": b"x"}), moved("a:b.txt", "ab.txt")),
    "REL003 dot": (lambda: view(files={"notes.": b"x"}), moved("notes.", "notes.txt")),
    "REL004 changed": (lambda: twins.provenance(twins.release(twins.one_cell()), files={"a_L2/cfg.json": "0" * 64}), removed("provenance.json")),
    "REL004 empty file": (lambda: view(files={"provenance.json": b""}), removed("provenance.json")),
    "REL004 UTF-16": (lambda: view(files={"provenance.json": '{"$schema": "urn:hubkit:provenance:2"}'.encode("utf-16")}), removed("provenance.json")),
    "REL004 of tomorrow": (lambda: view(files={"provenance.json": b'{"$schema": "urn:hubkit:provenance:9"}'}), removed("provenance.json")),
    "CFG003 hook_z": (lambda: view(cfg(reshape_activations="hook_z")), keys(reshape_activations="none")),
    "THR001 as loaded": (lambda: view(weights=tensors(threshold=np.linspace(1, 3, D_SAE) * 1e-300)), weighed(lambda w: w.update(threshold=LEARNED))),
    "THR005 as loaded": (lambda: view(weights=tensors(threshold=np.linspace(1, 3, D_SAE) * 1e300)), weighed(lambda w: w.update(threshold=LEARNED))),
    "REL004 strangers": (stranger, removed("provenance.json")),
    "SEC001 unknown": (lambda: view(files={"w.pkl": b"\x80\x04cnobody.knows\nthis\n."}), removed("w.pkl")),
    "SEC001 code": (lambda: view(files={"m.pt": scripted()}), removed("m.pt")),
    "SEC001 cut": (lambda: view(files={"state.dat": b"\x80\x02Npx\n0"}), removed("state.dat")),
    "SEC001 packed": (lambda: view(files={"w.bin": b"\x28\xb5\x2f\xfd"}), removed("w.bin")),
    "CARD005 site between": (lambda: card('`cfg["hook_name"] == "blocks.{layer}.hook_mlp_out"`'), written(("hook_mlp_out", "hook_resid_post"))),
    "CARD016 of several": (lambda: grid(loads('x = cache["blocks.9.hook_resid_post"]').replace(f'"{FOLDER}"', "sae_id")), written(("blocks.9", "blocks.5"))),
    "CARD016 quantized": (lambda: gemma("# SAEs", "unsloth/gemma-2-2b-bnb-4bit"), written(("unsloth/gemma-2-2b-bnb-4bit", "google/gemma-2-2b"))),
    "CARD016 another of that size": (lambda: gemma("# SAEs", "EleutherAI/pythia-70m-deduped", model="EleutherAI/pythia-70m"), written(("pythia-70m-deduped", "pythia-70m"))),
    "CARD016 not known": (lambda: gemma("# SAEs", "somebody/thing", model="other/model"), written(("somebody/thing", "other/model"))),
    "CARD016 without a name": (lambda: gemma("# SAEs", "openai-community/gpt2", model=GONE), both(written(("openai-community/gpt2", "google/gemma-2-2b")), metadata(model_name="google/gemma-2-2b"))),
    "CARD016 of provenance": (lambda: of_record("google/gemma-2-2b"), rewritten("provenance.json", "google/gemma-2-2b", "openai-community/gpt2")),
    "CARD016 tag, by a side": (lambda: of_gpt2(view(readme=README.replace("license: mit", "license: mit\ntags: [gemma-2-2b]"))), written(("gemma-2-2b", "gpt2"))),
    "CFG004 near": (lambda: view(cfg("jumprelus"), tensors()), keys(architecture="jumprelu")),
    "CFG005 assumed": (lambda: view({"d_in": 8, "d_sae": 32, "dtype": "float32", "hook_name": V6, "hook_layer": 2, "model_name": "lab/tiny"}, tensors("gated")), keys(architecture="gated")),
    "CFG014 assumed": (lambda: view({key: one for key, one in twins.LEGACY.items() if key != "apply_b_dec_to_input"}, tensors("standard")), None),
    "CFG015 legacy": (lambda: twins.legacy(lr=1e-3), None),
    "CFG022 one threshold": (lambda: one_number(0.3), regemma()),
    "CFG022 in no configuration": (lambda: twins.gemma_scope(b_enc=np.zeros(31, np.float32)), regemma()),
    "CFG022 a k in the weights": (lambda: of_dictionary("k", 8), dictionary_says("k", 4)),
    "CFG022 groups of another sum": (lambda: of_matryoshka(16, 16, stated=[16, 16, 32]), matryoshka(16, 16, 32)),
    "CFG022 other groups": (lambda: of_matryoshka(16, 16, 32, stated=[32, 32]), dictionary_says("group_sizes", [16, 16, 32])),
    "CFG022 a norm of 0": (lambda: of_scope(**{NORM: {"in": 0, "out": 17.0}}), says(SCOPE, **{NORM: {"in": 17.0, "out": 17.0}})),
    "CFG022 a norm that was never set": (unset, normed(17.0)),
    "CFG022 no threshold": (lambda: of_scope(jump_relu_threshold="0.5"), says(SCOPE, jump_relu_threshold=0.5)),
    "CFG022 no second encoder": (lambda: of_scope(use_glu_encoder=True), says(SCOPE, use_glu_encoder=False)),
    "CFG022 two widths": (lambda: of_scope(expansion_factor=8), says(SCOPE, expansion_factor=4)),
    "CFG022 no class of its": (lambda: of_dictionary("dict_class", "Foo"), dictionary_says("dict_class", "AutoEncoderTopK")),
    "CFG022 layers of two widths": (lambda: of_tracer(latents=8), moved("layer_1.safetensors", "narrow/layer_1.safetensors")),
    "CFG022 a TopK with thresholds": (lambda: of_tracer("\nactivation: topk\n"), written(("activation: topk", "activation: jumprelu"), path="config.yaml")),
    "CFG022 a k that cannot be": (lambda: of_dictionary("k", 99), dictionary_says("k", 4)),
    "WTS005 k nowhere": (lambda: stored_k(k=GONE), both(keys(k=4), saved(k=None))),
    **{
        f"REL006 {name}": ((lambda given=given: test_rules_record.release(**given)), follow)  # type: ignore[misc]
        for name, (given, follow) in RECORDS.items()
    },
    "CARD016 code: a value": (lambda: code_of('sae.cfg.normalize_activations = "layer_norm"'), written(('sae.cfg.normalize_activations = "layer_norm"\n', ""))),
    "CARD016 code: a flag": (lambda: code_of("sae.cfg.apply_b_dec_to_input = False"), written(("sae.cfg.apply_b_dec_to_input = False\n", ""))),
    "CARD016 code: a tensor": (lambda: code_of("sae.b_dec.data.zero_()"), written(("sae.b_dec.data.zero_()\n", ""))),
    "CARD016 code: half": (lambda: code_of("sae = sae.half()"), written(("sae = sae.half()\n", ""))),
    "CARD006 another release": (
        lambda: further.release('```python\nfrom sae_lens import SAE\n\nsae = SAE.from_pretrained("gpt2-small-res-jb", "blocks.8.hook_resid_pre")\n```', of="pythia"),
        written(('"gpt2-small-res-jb", "blocks.8.hook_resid_pre"', '"lab/saes", "topk"')),
    ),
    "CARD005 newer": (lambda: further.release("", head="new_version: lab/saes\n"), written(("new_version: lab/saes\n", ""))),
    "CARD005 newer base": (lambda: further.release("", head="new_version: openai-community/gpt2\n"), written(("new_version: openai-community/gpt2\n", ""))),
    "CARD005 heads": (lambda: further.release("GPT-2 small has 16 attention heads per block."), written(("16 attention", "12 attention"))),
    "CARD005 vocabulary": (lambda: further.release("The base model has a vocabulary of 32,000 tokens."), written(("32,000", "50,257"))),
    "CARD005 loads since": (lambda: further.release("It loads with SAELens 3 and later.", of="pythia"), written(("SAELens 3", "SAELens 6"))),
    "CARD005 cited": (lambda: further.release("JumpReLU SAEs are due to Rajamanoharan et al. (2021)."), written(("2021", "2024"))),
    "CARD005 BibTeX": (lambda: further.release(f"Please cite Doe et al. (2023).{further.BIBTEX}"), written(("2023", "2025"))),
    **{
        f"CARD007 {name}": ((lambda wrong=wrong: further.release(wrong)), written((wrong, right)))  # type: ignore[misc]
        for name, wrong, right in (
            ("trend", "L0 falls with depth.", "L0 rises with depth."),
            ("lowest", "Layer 6 has the lowest L0.", "Layer 2 has the lowest L0."),
            ("bound", "No SAE has an L0 above 40.", "No SAE has an L0 above 51."),
            ("each", "All SAEs share the same L0 of about 35.", "The SAEs have a mean L0 of 35.2."),
            ("range", "L0 ranges from 10 to 60.", "L0 ranges from 20 to 50."),
            ("at", "The L0 at layer 6 is 20.", "The L0 at layer 6 is 35."),
            ("raw", "Raw activations reach 78% at layer 10.", "Raw activations reach 74% at layer 10."),
        )
    },
    "THR001 batchtopk": (lambda: flat(0.0, **BATCH), saved(threshold=LEARNED)),
    "THR012 batchtopk": (lambda: flat(1e-13, **BATCH), saved(threshold=LEARNED)),
    "THR001 another library": (lambda: twins.gemma_scope(threshold=np.zeros(D_SAE, np.float32)), regemma(threshold=LEARNED)),
    "THR001 one number": (lambda: one_number(0.0), regemma(threshold=LEARNED)),
    "THR002 any value": (lambda: flat(0.37, training_architecture="jumprelu"), saved(threshold=LEARNED)),
    "THR002 stated": (lambda: flat(0.05, **details(jumprelu_init_threshold=0.05)), saved(threshold=LEARNED)),
    "THR002 batchtopk": (lambda: flat(-1.0, **BATCH, **details(jumprelu_init_threshold=-1.0)), saved(threshold=LEARNED)),
    "THR004 one number": (lambda: one_number(-0.5), regemma(threshold=LEARNED)),
    "WTS004 logarithm": (
        lambda: view(weights=tensors(threshold=GONE, log_threshold=np.log(LEARNED))), weighed(lambda w: w.update(threshold=np.exp(w.pop("log_threshold")))),
    ),
    "WTS005 beside a missing one": (lambda: view(cfg("standard"), tensors("standard", b_enc=GONE, x=np.zeros(3, np.float32))), saved(b_enc=tensors("standard")["b_enc"], x=None)),
    "WTS005 skip": (
        lambda: view(cfg("standard"), tensors("standard", W_skip=np.zeros((8, 8), np.float32))),
        both(keys(architecture="skip_transcoder", d_out=8, apply_b_dec_to_input=False), metadata(hook_name_out="blocks.2.hook_mlp_out")),
    ),
    "WTS005 another k": (lambda: stored_k(k=8), both(keys(k=4), saved(k=None))),
    "WTS005 k alone": (lambda: view(cfg("standard"), tensors("standard", k=np.array(4, np.int64))), saved(k=None)),
    "WTS006 one tensor": (lambda: view(weights=tensors(b_enc=np.zeros(31, np.float32))), saved(b_enc=tensors()["b_enc"])),
    "WTS006 most": (lambda: view(cfg(d_sae=64), tensors(b_enc=np.zeros(64, np.float32))), both(keys(d_sae=32), saved(b_enc=tensors()["b_enc"]))),
    "WTS007 square": (square, None),
    "WTS008 mixed": (lambda: view(weights=tensors(b_enc=tensors()["b_enc"].astype(np.float64))), weighed(lambda w: w.update(b_enc=w["b_enc"].astype(np.float32)))),
    "WTS008 integers": (lambda: view(weights=tensors(b_enc=np.zeros(D_SAE, np.int8))), saved(b_enc=tensors()["b_enc"])),
    "WTS018 logic": (lambda: view(weights=tensors(threshold=LEARNED > 0)), saved(threshold=LEARNED)),
    "WTS018 whole thresholds": (lambda: view(weights=tensors(threshold=np.arange(1, D_SAE + 1, dtype=np.int32))), saved(threshold=LEARNED)),
    "WTS013 tied": (lambda: twins.decoder(tied), weighed(lambda w: w.update(W_enc=tensors("standard")["W_enc"]))),
    "WTS019 r_mag": (lambda: moved_by("gated", "r_mag", 200), unmoved("gated", "r_mag")),
    "WTS019 no magnitude": (lambda: moved_by("gated", "r_mag", -300), unmoved("gated", "r_mag")),
    "WTS019 open gates": (lambda: moved_by("gated", "b_gate", 1e20), unmoved("gated", "b_gate")),
    "WTS019 the same k": (lambda: moved_by("topk", "b_enc", np.where(np.arange(D_SAE) < 4, 1e15, 0)), unmoved("topk", "b_enc")),
    "WTS019 always on": (lambda: moved_by("jumprelu", "b_enc", 1e12), unmoved("jumprelu", "b_enc")),
    "WTS019 a part always on": (lambda: moved_by("standard", "b_enc", np.where(np.arange(D_SAE) < 17, 1e12, 0)), only(lambda w: w["b_enc"] < 1e10)),
    "WTS019 b_dec": (lambda: moved_by("standard", "b_dec", 1e18), unmoved("standard", "b_dec")),
    "WTS019 short rows": (lambda: view(cfg("standard"), tensors("standard", W_dec=tensors("standard")["W_dec"] * np.float32(1e-20))), unmoved("standard", "W_dec")),
    "WTS014 that runs code": (lambda: view(weights=GONE, files={f"{FOLDER}/sae_weights.pt": b"\x80\x04\x8c\x02os\x8c\x06getpid\x93)R."}), both(removed(f"{FOLDER}/sae_weights.pt"), whole)),
}  # fmt: skip
"""By name: the bad twin, and what its hint says; None where it is a command, which is run."""
