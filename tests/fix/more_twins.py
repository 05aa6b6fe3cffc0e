"""Further bad twins, each with what a person does who takes its hint at its word: a pair for every finding that the other tables do not reach."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
from builders import D_IN, FOLDER, GONE, README, cfg, tensors, view
from fix.steps import (
    Follow,
    both,
    configured,
    keys,
    metadata,
    moved,
    removed,
    weighed,
    written,
)
from safetensors.numpy import save
from validate import twins
from validate.card_twins import alone, card, evaluated, gemma

from hubkit.repo.memory import MemoryView

INDEX = "model-index:\n- name: x\n  results:\n  - task: {{type: x}}\n    dataset: {{type: d, name: d}}\n    metrics:\n    - {{type: l0, value: {}}}\n"
NORMS = np.linalg.norm(tensors("standard")["W_dec"], axis=1, keepdims=True)


def text(line: str, configuration: Any = None) -> MemoryView:
    return card(line, configuration)


def recorded(edit: Callable[[dict[str, Any]], Any]) -> MemoryView:
    """A good release with a provenance.json that was edited."""
    name, configuration = twins.one_cell()
    configuration["metadata"]["sae_lens_training_version"] = "6.54.12"
    found = twins.provenance(twins.release((name, configuration)))
    value = json.loads(found.files["provenance.json"])
    edit(value)
    found.files["provenance.json"] = json.dumps(value).encode()
    return found


def record(edit: Callable[[dict[str, Any]], Any]) -> Follow:
    def follow(repository: MemoryView) -> None:
        value = json.loads(repository.files["provenance.json"])
        edit(value)
        repository.files["provenance.json"] = json.dumps(value).encode()

    return follow


def indexed(number: float) -> MemoryView:
    found = twins.evaluated(twins.value("l0", 5.0))
    found.files["README.md"] = README.replace(
        "license: mit\n", f"license: mit\n{INDEX.format(number)}"
    ).encode()
    return found


def refused() -> MemoryView:
    found = view()
    found.refused = ("../x.txt",)
    return found


def not_refused(repository: MemoryView) -> None:
    repository.refused = ()


def without_part() -> MemoryView:
    from fix.hint_twins import split

    found = split(3)
    del found.files[f"{FOLDER}/sae_weights-00002-of-00003.safetensors"]
    return found


def with_part(repository: MemoryView) -> None:
    """Add the missing part, and merge them, as `hubkit fix` does."""
    from fix.hint_twins import split

    whole = split(3).files
    for path in [path for path in whole if "-of-" in path or path.endswith("index.json")]:
        repository.files.pop(path, None)
    repository.files[f"{FOLDER}/sae_weights.safetensors"] = save(tensors())


def sparse(change: Callable[[dict[str, Any]], Any]) -> Follow:
    """Save sparsify's tensors again, changed."""
    return weighed(change)


def turned(name: str) -> Follow:
    return weighed(lambda w: w.update({name: np.ascontiguousarray(w[name].T)}))


def sparsify(change: Follow = lambda _: None, **changes: Any) -> MemoryView:
    found = twins.sparsify(**changes)
    change(found)
    return found


def deep(change: Callable[[dict[str, Any]], Any]) -> MemoryView:
    return twins.decoder(change)


def grown(weights: dict[str, Any]) -> None:
    weights["W_dec"][3] *= 1000


def evidence(text_: str) -> MemoryView:
    return view(files={"evidence.yaml": text_.encode()})


def rewritten(path: str, old: str, new: str) -> Follow:
    def follow(repository: MemoryView) -> None:
        assert old.encode() in repository.files[path]
        repository.files[path] = repository.files[path].replace(old.encode(), new.encode())

    return follow


def three(widths: tuple[int, ...] = (8, 8, 16)) -> MemoryView:
    return twins.release(
        *((f"sae{n}_L2", cfg("standard", d_in=width)) for n, width in enumerate(widths)),
    )


def narrowed(repository: MemoryView) -> None:
    """Write the d_in of the others, and save tensors of that width."""
    repository.files |= {
        path: three((8, 8, 8)).files[path] for path in repository.files if path.startswith("sae2")
    }


def elsewhere() -> MemoryView:
    """Code that loads this repository's ids from another."""
    loads = f'```python\nfrom sae_lens import SAE\n\nsae = SAE.from_pretrained("other/saes", "{FOLDER}")\n```'
    found = text(loads)
    found.files["card.yaml"] = b"repo_id: lab/saes\n"
    return found


def copied() -> MemoryView:
    """Code of another repository, with an id that is built as this one's are."""
    found = elsewhere()
    found.files["README.md"] = found.files["README.md"].replace(FOLDER.encode(), b"lab_L9_mixed")
    return found


def gpt2_evidence(layer: int) -> MemoryView:
    found = twins.gpt2_at(5)
    values = f"values:\n- name: a probe\n  value: 0.5\n  n: 100\n  layer: {layer}\n"
    found.files["evidence.yaml"] = f"$schema: urn:hubkit:evidence:1\nsource: us\n{values}".encode()
    return found


LAYERS = "# SAEs\n\nAll layers are covered: one SAE for every layer."
READS = '```python\nimport json\n\nname = json.load(open("lab_L2_mixed/cfg.json"))["hook_name"]\n```'
NORMALIZED = '```python\nfrom sae_lens import SAE\n\nsae = SAE.load_from_disk("lab_L2_mixed")\nf = sae.encode(x / x.norm())\n```'
Pair = tuple[Callable[[], MemoryView], Follow]
MORE: dict[str, Pair] = {
    "CARD016 input": (lambda: text(NORMALIZED), written(("x / x.norm()", "x"))),
    "CARD016 relation": (
        lambda: gemma("# SAEs", "google/gemma-2-2b\nbase_model_relation: finetune"), written(("base_model_relation: finetune\n", "")),
    ),
    "CARD016 tag": (lambda: gemma("# SAEs", "google/gemma-2-2b\ntags: [gpt2-medium]"), written(("tags: [gpt2-medium]\n", ""))),
    "CARD004 twice": (lambda: alone("- **5 SAEs** of one layer\n\n- **6 SAEs** of one layer\n"), written(("6 SAEs", "5 SAEs"))),
    "CARD005 families": (
        lambda: alone("It uses the GPT-2 architecture.\n\nIt uses the Llama architecture.\n"), written(("Llama", "GPT-2")),
    ),
    "CARD006 another repository": (elsewhere, written(("other/saes", "lab/saes"))),
    "CARD006 copied": (copied, written(("other/saes", "lab/saes"), ("lab_L9_mixed", FOLDER))),
    "CARD005 datasets": (
        lambda: view(cfg(metadata={"dataset_path": "a/openwebtext"}), readme=README.replace("license: mit", "license: mit\ndatasets: [a/pile]")), written(("a/pile", "a/openwebtext")),
    ),
    "CARD005 licence of card.yaml": (lambda: view(files={"card.yaml": b"license: apache-2.0\n"}), rewritten("card.yaml", "apache-2.0", "mit")),
    "CARD005 paper": (lambda: text('"Scaling and evaluating sparse autoencoders" (arXiv:2309.08600)'), written(("2309.08600", "2406.04093"))),
    "CARD005 form of a hook": (lambda: text('`cfg["hook_name"] == "transformer.h.2"`'), written(("transformer.h.2", "blocks.2.hook_resid_post"))),
    "CARD005 every layer": (lambda: gemma(LAYERS), written(("All layers are covered: one SAE for every layer.", "There is an SAE of layer 12."))),
    "CARD005 widths": (lambda: gemma("# SAEs\n\nThe SAE maps 2304 → 16384."), written(("16384", "32"))),
    "CARD005 widths beside a factor": (lambda: text("- Expansion: 8x (8 → 64)"), written(("8x (8 → 64)", "4x (8 → 32)"))),
    "CARD007 model-index": (lambda: indexed(9.0), written(("value: 9.0", "value: 5.0"))),
    "CARD007 of all": (lambda: evaluated("The mean L0 is 9.9."), written(("9.9", "5.04"))),
    "CARD009 moved key": (lambda: text(READS), written(('["hook_name"]', '["metadata"]["hook_name"]'))),
    "CARD017 of evidence": (lambda: evidence(twins.EVIDENCE.replace("a paper", "checked by hubkit")), rewritten("evidence.yaml", "checked by hubkit", "a paper")),
    "CFG010 factor": (
        lambda: view(cfg("temporal", n_heads=4, bottleneck_factor=4, kval_topk=4, normalize_activations="constant_scalar_rescale"), GONE), keys(activation_normalization_factor=2.0),
    ),
    "CFG004 training": (lambda: view(cfg("batchtopk", k=4), tensors()), both(keys(architecture="jumprelu"), configured(lambda value: value.pop("k")))),
    "CFG004 unknown": (lambda: view(cfg("relu"), tensors("standard")), keys(architecture="standard")),
    "CFG008 metadata": (lambda: view(cfg(metadata=3)), configured(lambda value: value.update(metadata=cfg()["metadata"]))),
    "CFG007 both": (lambda: twins.legacy("topk", k=8, activation_fn_kwargs={"k": 4}), configured(lambda value: value.pop("k"))),
    "CFG007 empty": (lambda: twins.legacy("topk", k=4, activation_fn_kwargs={"a": 1}), keys(activation_fn_kwargs={"k": 4})),
    "CFG010 word": (lambda: view(cfg(normalize_activations="l2")), keys(normalize_activations="none")),
    "CFG012 layer": (lambda: twins.legacy(hook_layer=5), keys(hook_layer=2)),
    "CFG012 module": (lambda: twins.hooked("blocks.2.hook_resid_post", hf_hook_name="model.layers.5"), metadata(hf_hook_name="model.layers.2")),
    "CFG013 form": (lambda: twins.hooked("layer two"), metadata(hook_name="blocks.2.hook_resid_post")),
    "CFG017 input": (lambda: view(cfg("transcoder", apply_b_dec_to_input=True)), keys(apply_b_dec_to_input=False)),
    "CFG011 output": (lambda: view(cfg("transcoder", metadata={"hook_name_out": GONE})), metadata(hook_name_out="blocks.2.hook_mlp_out")),
    "CFG021 width": (three, narrowed),
    "CFG022 missing": (lambda: sparsify(sparse(lambda w: w.pop("W_dec"))), sparse(lambda w: w.update(W_dec=tensors("standard")["W_dec"]))),
    "CFG022 turned": (lambda: sparsify(turned("W_dec")), turned("W_dec")),
    "CFG022 wide": (lambda: sparsify(d_in=16), keys(d_in=D_IN)),
    "CFG022 no k": (lambda: sparsify(configured(lambda value: value.pop("k"))), keys(k=4)),
    "CFG022 large k": (lambda: sparsify(k=99), keys(k=4)),
    "EVL002 no JSON": (
        lambda: view(files={"evaluation.json": b'{"$schema": "urn:hubkit:evaluation:1", "saes": [], "layers": [], "comparisons": [], "inputs_sha256": "0", "x": NaN}'}), rewritten("evaluation.json", ', "x": NaN', ""),
    ),
    "EVL007 form": (
        lambda: view(files={"evaluation.json": json.dumps({"$schema": "urn:hubkit:evaluation:99"}).encode()}), removed("evaluation.json"),
    ),
    "EVL011 far": (lambda: twins.recorded(evidence=twins.EVIDENCE.replace("value: 5", "value: 30")), rewritten("evidence.yaml", "measure: l0", "note: other texts\n  name: L0 on code")),
    "EVL011 layer": (
        lambda: gpt2_evidence(99), rewritten("evidence.yaml", "layer: 99", "layer: 5"),
    ),
    "EVL009 strangers": (lambda: evidence(twins.EVIDENCE.replace(FOLDER, "nobody")), rewritten("evidence.yaml", "nobody", FOLDER)),
    "REL003 a way out": (refused, not_refused),
    "REL003 Windows": (lambda: view(files={"con.txt": b"x"}), moved("con.txt", "console.txt")),
    "REL004 damaged": (lambda: recorded(lambda value: value.update(files=3)), removed("provenance.json")),
    "REL005 software": (
        lambda: recorded(lambda value: value.update(software={"sae-lens": "6.0.0"})), record(lambda value: value.update(software={"sae-lens": "6.54.12"})),
    ),
    "WTS001 a part": (without_part, with_part),
    "WTS011 large": (lambda: deep(lambda w: w["W_enc"].__setitem__((0, 0), 1e30)), weighed(lambda w: w["W_enc"].__setitem__((0, 0), 0.1))),
    "WTS012 grown": (lambda: deep(grown), weighed(lambda w: w["W_dec"].__setitem__(3, w["W_dec"][3] / 1000))),
    "WTS012 atoms": (
        lambda: view(cfg("matching_pursuit", residual_threshold=0.5, max_iterations=None), tensors("matching_pursuit", W_dec=3 * tensors("matching_pursuit")["W_dec"])),
        weighed(lambda w: w.update(W_dec=w["W_dec"] / np.linalg.norm(w["W_dec"], axis=1, keepdims=True))),
    ),
    "WTS013 zero": (lambda: deep(lambda w: w["W_enc"].__setitem__((slice(None), 3), 0)), weighed(lambda w: w["W_enc"].__setitem__((slice(None), 3), 0.1))),
}  # fmt: skip
"""By name: the bad twin, and what its hint says."""
