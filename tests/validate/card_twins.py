"""For every CARD rule that reads claims: cards on which it fires, and the same cards as they should be."""

from __future__ import annotations

import hashlib
import json
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
from builders import FOLDER, GONE, README, cfg, tensors, view
from safetensors.numpy import save

from hubkit.release.card_digest import texts_digest, weights_digest
from hubkit.repo.memory import MemoryView

Twins = tuple[Callable[[], MemoryView], Callable[[], MemoryView]]


def card(text: str, configuration: Any = None, **changes: Any) -> MemoryView:
    """The good SAE beside a card with this text below the usual front matter."""
    return view(configuration, readme=f"{README}\n{text}\n", **changes)


def of_gpt2(view: MemoryView) -> MemoryView:
    """The same card and configurations, of a base model that hubkit's table has."""
    files = {
        path: data.replace(b"lab/tiny", b"openai-community/gpt2") if path.endswith((".md", ".json")) else data
        for path, data in view.files.items()
    }
    return MemoryView(name=view.name, files=files)


def alone(text: str) -> MemoryView:
    """A card without SAEs."""
    return MemoryView(name="memory", files={"README.md": f"{README}\n{text}\n".encode()})


def grid(
    text: str,
    *,
    architectures: tuple[str, ...] = ("topk", "jumprelu"),
    layers: tuple[int, ...] = (2, 5),
    conditions: tuple[str, ...] = ("mixed",),
) -> MemoryView:
    """A grid of SAEs beside a card."""
    files = {"README.md": f"{README}\n{text}\n".encode(), "evaluation.json": b"{}"}
    for number, (architecture, layer, condition) in enumerate(
        (a, n, c) for a in architectures for n in layers for c in conditions
    ):
        folder = f"lab_{architecture}_L{layer}_{condition}"
        metadata = {
            "hook_name": f"blocks.{layer}.hook_resid_post",
            "training_condition": condition,
            "training_architecture": architecture,
        }
        weights = tensors(architecture)
        weights["b_dec"] = weights["b_dec"] + np.float32(number)
        files[f"{folder}/cfg.json"] = json.dumps(cfg(architecture, metadata=metadata)).encode()
        files[f"{folder}/sae_weights.safetensors"] = save(weights)
    return MemoryView(name="memory", files=files)


def rewritten(text: str) -> MemoryView:
    """Two topk and two jumprelu, one of which is published as the standard SAE that it computes."""
    found = grid(text)
    folder = "lab_jumprelu_L5_mixed"
    metadata = {
        "hook_name": "blocks.5.hook_resid_post",
        "training_condition": "mixed",
        "training_architecture": "jumprelu",
    }
    found.files[f"{folder}/cfg.json"] = json.dumps(cfg("standard", metadata=metadata)).encode()
    found.files[f"{folder}/sae_weights.safetensors"] = save(tensors("standard"))
    return found


def evaluated(text: str, *, accuracy: float = 0.61234, layers: dict[int, float] | None = None) -> MemoryView:
    """The good SAE with a measured L0 of 5.04, a probe, and raw activations by layer."""

    def value(measure: str, number: float) -> dict[str, Any]:
        return {
            "measure": measure,
            "version": 1,
            "value": number,
            "n": 200,
            "split": "crossfit",
            "interval": [0.0, 9.0],
            "null": None,
            "reason": None,
        }

    evaluation = {
        "$schema": "urn:hubkit:evaluation:1",
        "saes": [{"sae_id": FOLDER, "values": [value("l0", 5.04), value("probe_balanced_accuracy", accuracy)], "warnings": []}],
        "layers": [
            {"layer": layer, "hook_name": f"blocks.{layer}.hook_resid_post", "values": [value("probe_balanced_accuracy", number)]}
            for layer, number in (layers or {2: 0.71, 5: 0.65}).items()
        ],
        "comparisons": [],
        "inputs_sha256": "0" * 64,
    }  # fmt: skip
    return card(text, files={"evaluation.json": json.dumps(evaluation).encode()})


def code(text: str, language: str = "python") -> MemoryView:
    return alone(f"```{language}\n{text}\n```")


def recorded(*, of: dict[str, Any] | None = None, weights: bool = True) -> MemoryView:
    """A card that records the digests of the good SAE, beside an SAE with the configuration `of`."""
    good = view()
    shas = {
        path: hashlib.sha256(data).hexdigest()
        for path, data in good.files.items()
        if path.endswith(".safetensors")
    }
    texts = {path: data for path, data in good.files.items() if path.endswith(".json")}
    head = (
        f"hubkit: {{texts_sha256: {texts_digest(texts)}"
        + (f", weights_sha256: {weights_digest(shas)}" if weights else "")
        + "}\n---\n"
    )
    found = view(of or cfg())
    found.files["README.md"] = README.replace("---\n\n", head + "\n", 1).encode()
    return found


def study(*cards: str) -> MemoryView:
    """Several cards in folders of their own."""
    files = {
        f"release{number}/README.md": f"{README}\n{text}\n".encode() for number, text in enumerate(cards)
    }
    return MemoryView(name="memory", files=files)


def silent(text: str) -> str:
    """A card that does not tell of what the usual one tells."""
    return README.replace("a threshold may be zero, a file a pickle", "and that was all") + f"\n{text}\n"


README_SILENT = silent("")
"""The usual card, which tells of no threshold."""


def published_as_relu(text: str, above: str = README) -> MemoryView:
    """What the fix of THR001 makes of it."""
    rewritten = {"rewritten": {"rule": "THR001", "from": "jumprelu", "to": "standard", "threshold": 0.0}}
    changed = cfg("standard", metadata={"training_architecture": "jumprelu", "hubkit": rewritten})
    return view(changed, weights=tensors(threshold=GONE), readme=f"{above}\n{text}\n")


def zeroed(text: str) -> MemoryView:
    """A JumpReLU whose thresholds are all 0."""
    return view(weights=tensors(threshold=np.zeros(32, np.float32)), readme=silent(text))


def pickled(text: str) -> MemoryView:
    files = {f"{FOLDER}/sae_weights.pt": pickle.dumps({"W_enc": [1.0]})}
    return view(weights=GONE, files=files, readme=silent(text))


def quantized(text: str) -> MemoryView:
    return card(text, cfg(metadata={"model_from_pretrained_kwargs": {"load_in_4bit": True}}))


FOUR = "- **4 SAEs** across 2 layers (L2, L5)\n- **2 architectures:** TopK (k=4), JumpReLU\n- **1 training condition:** mixed\n"
GEMMA = "google/gemma-2-2b"


def gemma(
    text: str, front: str = GEMMA, *, model: Any = GEMMA, layers: tuple[int, ...] = (12,)
) -> MemoryView:
    """SAEs of a base model beside a card that speaks of one; without weights, which CARD016 does not look at."""
    whole = README.replace("base_model: lab/tiny", f"base_model: {front}").replace("# SAEs", text)
    files = {"README.md": whole.encode()}
    for layer in layers:
        configuration = cfg(
            "standard",
            d_in=2304,
            metadata={"model_name": model, "hook_name": f"blocks.{layer}.hook_resid_post"},
        )
        files[f"L{layer}/cfg.json"] = json.dumps(configuration).encode()
        files[f"L{layer}/sae_weights.safetensors"] = b""
    return MemoryView(name="lab/saes", files=files)


def run(code_: str, **changes: Any) -> MemoryView:
    return gemma(f"# SAEs\n\n```python\n{code_}\n```", **changes)


MODEL = "from transformers import AutoModelForCausalLM\nmodel = AutoModelForCausalLM.from_pretrained({})"
LENS = 'model = HookedTransformer.from_pretrained("{}")\n_, cache = model.run_with_cache(text)\n'
LOADED = 'sae = SAE.from_pretrained("lab/saes", "L12")\n'
USE = "from sae_lens import SAE\nsae = SAE.from_pretrained({})"
TABLE = "| SAE | L0 |\n|---|---|\n| `" + FOLDER + "` | {} |\n"
KEYS = '## Usage\n\n```python\nsae_id = "{}"\n# Keys: W_enc [8, 32], b_enc [32],\n#       W_dec [32, 8], b_dec [8], threshold [32]\n```\n'
HOOKS = 'hook_name format: `blocks.{{layer}}.hook_resid_post`\n\n```python\nassert cfg["hook_name"] == "{}"\n```\n'
PEAK = "| Metric | Value |\n|---|---|\n| Peak layer | L{} |\n| Peak balanced accuracy | {}% |\n"
RAW = "It beats the L15 raw baseline of {}% there.\n"

RIGHT = "| Property | Value |\n|---|---|\n| d_in | 8 |\n"


def STATED() -> dict[str, Any]:  # noqa: N802 - a fixture among the texts
    """A configuration that says everything a card may repeat."""
    metadata = {
        "context_size": 128,
        "prepend_bos": True,
        "dataset_path": "Skylion007/openwebtext",
        "model_class_name": "HookedTransformer",
    }
    return cfg("topk", metadata=metadata)


ROWS = {
    "architecture": ("| Architecture | JumpReLU SAE |", "| Architecture | TopK (k=4) |"),
    "base model": (
        "| Base model | `openai-community/gpt2-medium` |",
        "| Base model | [GPT-2 small](https://huggingface.co/openai-community/gpt2) |",
    ),
    "base model by another name": ("| Base Model | Pythia 70M |", "| Base Model | GPT-2 |"),
    "hook": ("| Hook | blocks.3.hook_resid_post |", "| Hook | `blocks.2.hook_resid_post` |"),
    "hook point before the next block": (
        "| Hook point | `blocks.3.hook_resid_pre` |",
        "| Hook point | Residual stream |",
    ),
    "hook in words": (
        "| Hook point | Layer 3 residual stream |",
        "| Hook point | Layer 2 residual stream (17% depth) |",
    ),
    "layer": ("| Layer | 3 of 12 |", "| Layer | 2/12 |"),
    "hidden size": ("| Hidden size (d_model) | 1024 |", "| Hidden size (d_model) | 768 |"),
    "features": ("| Number of features | 64 |", "| Number of features | 32 |"),
    "features under a loose name": ("| Features | 64 |", "| Features | 32 latents |"),
    "width, rounded": ("| Dictionary size | 16k |", "| Training tokens | 16k |"),
    "k and L0": ("| L0 / k | 10 |", "| L0 / k | 4 |"),
    "L0 of TopK": ("| L0 | 32 |", "| L0 | 3.9 |"),
    "context": ("| Context size | 1,024 |", "| Context size | 128 tokens |"),
    "dataset": (
        "| Dataset | monology/pile-uncopyrighted |",
        "| Dataset | `apollo-research/Skylion007-openwebtext-tokenizer-gpt2` |",
    ),
    "dataset by name": ("| Dataset | The Pile |", "| Training data | The Pile |"),
    "normalization": ("| Normalization | layer_norm |", "| Normalization | expected_average_only_in |"),
    "BOS": ("| prepend_bos | False |", "| prepend_bos | yes |"),
    "precision": ("| Precision | bfloat16 |", "| Precision | fp32 |"),
    "b_dec": ("| apply_b_dec_to_input | false |", "| apply_b_dec_to_input | true |"),
    "class of the model": (
        "| model_class_name | AutoModelForCausalLM |",
        "| model_class_name | HookedTransformer |",
    ),
    "item of a list": (
        "\n- **Architecture:** Gated",
        "\n- **Architecture:** TopK\n- TopK: 18\n- JumpReLU: 9",
    ),
}
"""Rows beside `d_in`: wrong and right of the SAE of STATED."""
MADE = f'from sae_lens import SAE\nsae = SAE.from_pretrained("me/saes", "{FOLDER}")\n'
TAKEN = MADE.replace("sae =", "sae, cfg_dict, sparsity =")
IN_5 = "Needs `pip install 'sae-lens>=5,<6'`.\n\n"


def python(text: str) -> str:
    return f"```python\n{text}\n```\n"


def loading(text: str) -> MemoryView:
    """A TopK beside a card with code."""
    return card(text if "```" in text else python(text), cfg("topk"), weights=tensors("topk"))


CODE = {
    "attribute of the configuration": (
        MADE + "print(sae.cfg.hook_name)",
        MADE + "print(sae.cfg.metadata.hook_name, sae.cfg.k)",
    ),
    "attribute of an older configuration": (
        IN_5
        + python(MADE.replace("sae =", "sae, *_ =") + "sae.cfg.hook_name")
        + python(TAKEN + "sae.cfg.metadata"),
        IN_5 + python(TAKEN + "print(sae.cfg.hook_name, cfg_dict['hook_name'], sparsity.shape)"),
    ),
    "attribute that is asked for first": (
        MADE + "print(sae.cfg.model_name)",
        MADE + "print(sae.cfg.model_name if hasattr(sae.cfg, 'model_name') else sae.cfg.metadata.model_name)",
    ),
    "attribute of another architecture": (
        MADE + "print(sae.threshold)",
        MADE.replace("me/saes", "gpt2-small-res-jb") + "print(sae.threshold)",
    ),
    "configuration of another architecture": (
        MADE + "print(sae.cfg.residual_threshold)",
        MADE + "print(sae.cfg.rescale_acts_by_decoder_norm)",
    ),
    "values beside the SAE": (
        TAKEN + "print(cfg_dict['hook_name'], sparsity.mean())",
        MADE.replace("sae =", "sae, cfg_dict, sparsity =").replace(
            "from_pretrained", "from_pretrained_with_cfg_and_sparsity"
        )
        + "print(cfg_dict['hook_name'], sparsity.mean())",
    ),
    "taken apart": (TAKEN, MADE),
    "taken apart in two": (MADE.replace("sae =", "sae, cfg_dict ="), MADE),
    "a tuple": (
        MADE.replace("from_pretrained", "from_pretrained_with_cfg_and_sparsity") + "sae.encode(x)",
        MADE + "sae.encode(x)",
    ),
    "module that is gone": (
        "from sae_lens.toolkit.pretrained_saes import get_gpt2_res_jb_saes",
        "try:\n    from sae_lens.toolkit.pretrained_saes_directory import get_pretrained_saes_directory\nexcept ImportError:\n    from sae_lens.loading.pretrained_saes_directory import get_pretrained_saes_directory",
    ),
    "module of another release": ("import sae_lens.sae", IN_5 + python("from sae_lens.sae import SAE")),
    "a repository from disk": (
        "from sae_lens import SAE\nrepo = 'me/saes'\nsae = SAE.load_from_disk(repo)",
        f"from sae_lens import SAE\nfrom huggingface_hub import snapshot_download\nfolder = snapshot_download('me/saes')\nsae = SAE.load_from_disk(f'{{folder}}/{FOLDER}')\nsae = SAE.load_from_disk('checkpoints/final')",
    ),
    "an address": (
        MADE.replace("me/saes", "https://huggingface.co/me/saes"),
        "from huggingface_hub import hf_hub_download\nhf_hub_download('openai-community/gpt2', 'config.json')",
    ),
    "a revision": (MADE.replace("me/saes", "me/saes@main"), MADE),
    "transformers": (
        MADE + "from transformers import AutoModel\nmodel = AutoModel.from_pretrained('me/saes')",
        MADE
        + "from transformers import AutoModel\nmodel = AutoModel.from_pretrained('openai-community/gpt2')",
    ),
}
"""Python, or a text with it: wrong and right for a TopK in SAELens 6."""
FETCHED = {
    "by position": (
        python("hf_hub_download(\n    'me/saes',\n    'sae.safetensors',\n)"),
        python(f"hf_hub_download(\n    'me/saes',\n    '{FOLDER}/cfg.json',\n)"),
    ),
    "by names put together": (
        python("sae_id = 'L' + '9'\nhf_hub_download('me/saes', f'{sae_id}/cfg.json')"),
        python("for layer in layers:\n    hf_hub_download('me/saes', f'L{layer}/cfg.json')"),
    ),
    "of another kind of repository": (
        python("hf_hub_download('me/saes', 'train.bin')"),
        python(
            "hf_hub_download('me/data', 'train.bin', repo_type='dataset')\nhf_hub_download('google/gemma-2-2b', 'config.json')"
        ),
    ),
    "from disk": (
        python("load_file('L9/sae_weights.safetensors')"),
        python(f"load_file('{FOLDER}/sae_weights.safetensors')\nload_file(path)"),
    ),
    "over several lines": (
        python("SAE.from_pretrained(\n    'me/saes',\n    'L9',\n)"),
        python(f"SAE.from_pretrained(\n    'me/saes',\n    '{FOLDER}',\n)"),
    ),
    "on the command line": (
        "```bash\nhf download me/saes L9/cfg.json --local-dir here\n```",
        f"```bash\nhf download me/saes {FOLDER}/cfg.json --local-dir here\nhf download openai-community/gpt2 config.json\n```",
    ),
    "by a pattern": (
        "```bash\n$ hf download me/saes \\\n    --include 'L9/*'\n```",
        f"```bash\n$ hf download me/saes \\\n    --include '{FOLDER}/*' --exclude '*.md'\n```",
    ),
    "by its address": (
        "```bash\nwget https://huggingface.co/me/saes/resolve/main/sae.pt\n```",
        f"```bash\nwget https://huggingface.co/me/saes/resolve/main/{FOLDER}/cfg.json\n```",
    ),
}
SENTENCES = {
    "width": ("All SAEs have 64 width.", "All SAEs have 32 width and 30 of the features are alive."),
    "latents": (
        "Each SAE has 16,384 latents.",
        "Each SAE has 32 latents; the one of another study has 16,384.",
    ),
    "k": ("All TopK SAEs use k=32.", "All TopK SAEs use k=4, at inference also k=8."),
    "base model": (
        "This repository contains 4 SAEs for Gemma-2-9b.",
        "This repository contains 4 SAEs for GPT-2 small.",
    ),
    "architecture": (
        "This repository contains the following Gated SAEs.",
        "This repository contains 4 TopK and JumpReLU SAEs.",
    ),
    "all of one kind": ("All SAEs are on layer 2.", "All SAEs are on layer 2 or 5."),
}

CARD_TWINS: dict[str, Twins] = {
    "CARD004": (lambda: grid(FOUR.replace("4 SAEs", "5 SAEs")), lambda: grid(FOUR)),
    "CARD005": (lambda: card("- Dimensions: d_in=8, d_sae=64"), lambda: card("- Dimensions: d_in=8, d_sae=32")),
    "CARD006": (lambda: card('```python\nsae_id = "lab_L9_mixed"\n```'), lambda: card(f'```python\nsae_id = "{FOLDER}"\n```')),
    "CARD007": (lambda: evaluated(TABLE.format(5.2)), lambda: evaluated(TABLE.format(5.0))),
    "CARD008": (lambda: alone("SAEs that beat raw: 2/57 (3%)"), lambda: alone("SAEs that beat raw: 2/57 (4%)")),
    "CARD009": (lambda: code(USE.format('"a/b", subfolder="L2"')), lambda: code(USE.format('"a/b", "L2", device="cpu"'))),
    "CARD018": (lambda: zeroed("The JumpReLU SAEs have learned thresholds."), lambda: card("The JumpReLU SAEs have learned thresholds.")),
    "CARD010": (lambda: zeroed("Trained well."), lambda: zeroed("The thresholds were never trained: they are all zero.")),
    "CARD011": (lambda: alone("Trained on {model}."), lambda: alone("Named `lab_{model}_L{layer}`, in `<sae_id>/cfg.json`.")),
    "CARD013": (lambda: recorded(of=cfg(device="cuda")), recorded),
    "CARD014": (lambda: view(readme="---\nlibrary_name: saelens\nbase_model: gpt2\n---\n\n# SAEs\n"), view),
    "CARD016": (lambda: gemma("# SAEs", "meta-llama/Llama-3.2-1B"), lambda: gemma("# SAEs", "google/gemma-2-2b")),
    "CARD015": (
        lambda: study("gpt2 (124M parameters)", "gpt2 (355M parameters)"),
        lambda: study("gpt2 (124M parameters)", "openai-community/gpt2 (124M parameters)"),
    ),
}  # fmt: skip
"""By code: (bad, good)."""

MORE_CARD_TWINS: dict[str, Twins] = {
    "CARD016 alias": (lambda: gemma("# SAEs", "openai-community/gpt2-medium", model="gpt2-small"), lambda: gemma("# SAEs", "openai-community/gpt2", model="gpt2-small")),
    "CARD016 size": (lambda: gemma("# SAEs", "google/gemma-2-9b"), lambda: gemma("# SAEs", "unsloth/gemma-2-2b")),
    "CARD016 generation": (lambda: gemma("# SAEs", "google/gemma-2b"), lambda: gemma("# SAEs", "[google/gemma-2-2b, google/gemma-2-2b-it]")),
    "CARD016 child": (lambda: gemma("# SAEs", "google/gemma-2-2b-it"), lambda: gemma("# SAEs", "google/gemma-2-2b-it", model="gemma-2-2b-it")),
    "CARD016 local name": (lambda: gemma("# SAEs", "google/gemma-2-2b", model="/data/llama-3.2-1b"), lambda: gemma("# SAEs", "google/gemma-2-2b", model="/data/gemma-2-2b")),
    "CARD016 width": (lambda: gemma("# SAEs", "openai-community/gpt2", model=GONE), lambda: gemma("# SAEs", "google/gemma-2-2b", model=GONE)),
    "CARD016 title": (lambda: gemma("# SAEs for Llama 3.1 8B"), lambda: gemma("# Residual stream SAEs for Gemma 2 (2.6B)")),
    "CARD016 sentence": (
        lambda: gemma("# SAEs\n\nThis repository contains SAEs for [Gemma-2-9b](https://huggingface.co/google/gemma-2-2b)."),
        lambda: gemma("# SAEs\n\nThis repository contains SAEs for [Gemma-2-2b](https://huggingface.co/google/gemma-2-2b), trained on text by Llama-3.1-8B."),
    ),
    "CARD016 trained on": (
        lambda: gemma("# SAEs\n\n3 sparse autoencoders trained on residual stream activations from Pythia-160M."),
        lambda: gemma("# SAEs\n\nUnlike those trained on Pythia-160M, they are small. Labels are by GPT-2. Gemma Scope was trained on Gemma-2-9B."),
    ),
    "CARD016 row": (
        lambda: gemma("# SAEs\n\n| Property | Value |\n|---|---|\n| Base model | google/gemma-2-9b |"),
        lambda: gemma("# SAEs\n\n| Property | Value |\n|---|---|\n| Base model | Gemma 2 2B |\n| Judge model | Llama-3.1-8B |"),
    ),
    "CARD016 code": (lambda: run(MODEL.format('"google/gemma-2-9b"')), lambda: run(MODEL.format('"google/gemma-2-2b"'))),
    "CARD016 name": (
        lambda: run('NAME = "meta-llama/Llama-3.2-1B"\n' + MODEL.format("NAME")),
        lambda: run('for NAME in ("gpt2", "google/gemma-2-2b"):\n    model = AutoModelForCausalLM.from_pretrained(NAME)'),
    ),
    "CARD016 judge": (lambda: run('model = LanguageModel("gpt2")'), lambda: run(MODEL.format('"google/gemma-2-2b"') + '\njudge = AutoModelForCausalLM.from_pretrained("gpt2")')),
    "CARD016 tokenizer": (
        lambda: run('tokenizer = AutoTokenizer.from_pretrained("gpt2")'),
        lambda: run('tokenizer = AutoTokenizer.from_pretrained("EleutherAI/gpt-neox-20b")', front="EleutherAI/pythia-70m", model="pythia-70m"),
    ),
    "CARD016 layer": (
        lambda: run(LENS.format("gemma-2-2b") + 'x = cache["blocks.11.hook_resid_post"]'), lambda: run(LENS.format("gemma-2-2b") + 'x = cache["blocks.13.hook_resid_pre"]'),
    ),
    "CARD016 site": (lambda: run('x = cache["blocks.12.hook_mlp_out"]'), lambda: run("LAYER = 12\nx = cache[f'blocks.{LAYER}.hook_resid_post']")),
    "CARD016 block": (lambda: run("model.model.layers[11].register_forward_hook(keep)"), lambda: run("model.model.layers[12].register_forward_hook(keep)")),
    "CARD016 before": (lambda: run("model.model.layers[12].register_forward_pre_hook(keep)"), lambda: run("model.model.layers[13].register_forward_pre_hook(keep)")),
    "CARD016 hidden": (lambda: run("x = out.hidden_states[12]"), lambda: run("x = out.hidden_states[13]\ny = out.hidden_states[-1]")),
    "CARD016 loaded": (
        lambda: run(LOADED + 'x = cache["blocks.5.hook_resid_post"]', layers=(5, 12)), lambda: run('x = cache["blocks.5.hook_resid_post"]', layers=(5, 12)),
    ),
    "CARD016 another's": (
        lambda: run(LOADED + "x = cache['resid_post', 20]"),
        lambda: run('sae = SAE.from_pretrained("gemma-scope-2b-pt-res", "layer_20/width_16k")\nx = cache["blocks.20.hook_resid_post"]'),
    ),
    "CARD016 filter": (
        lambda: run('model.run_with_cache(text, names_filter=lambda name: name == "blocks.9.hook_resid_post")'),
        lambda: run('w = model.model.layers[0].mlp.down_proj.weight\nsae_id = "blocks.3.hook_resid_post"'),
    ),
    "CARD004 product": (lambda: alone("57 SAEs across 6 layers\n\n- 3 architectures: TopK, JumpReLU, Gated\n- 3 conditions"), lambda: alone("54 SAEs across 6 layers\n\n- 3 architectures: TopK, JumpReLU, Gated\n- 3 conditions")),
    "CARD004 written": (lambda: alone("A grid of 6 layers x 3 archs x 3 conditions = 57 SAEs."), lambda: alone("A grid of 6 layers x 3 archs x 3 conditions = 54 SAEs.")),
    "CARD004 incomplete": (lambda: alone("25 SAEs across 3 layers\n\n- 3 architectures\n- 3 conditions"), lambda: alone("25 SAEs across 3 layers\n\n- 3 architectures\n- 3 conditions\n\nThis is 25/27 complete.")),
    "CARD004 list": (lambda: alone("- 8 SAEs across 4 layers (L2, L5, L7)"), lambda: alone("- 8 SAEs across 3 layers (L2, L5, L7)")),
    "CARD004 layers": (lambda: grid("4 SAEs across 3 layers"), lambda: grid("4 SAEs across 2 layers")),
    "CARD004 rewritten": (lambda: rewritten("4 SAEs: 1 jumprelu, 2 standard, 2 topk"), lambda: rewritten("4 SAEs: 1 jumprelu, 1 standard (trained as jumprelu), 2 topk")),
    "CARD004 parts": (lambda: grid("4 SAEs: 3 TopK + 1 JumpReLU"), lambda: grid("4 SAEs: 2 TopK + 2 JumpReLU")),
    "CARD004 threshold": (lambda: grid("Threshold not learned (4 SAEs)"), lambda: grid("Threshold not learned (2 SAEs)")),
    "CARD004 part of": (lambda: grid("This repository contains 7 SAEs"), lambda: grid("Of the 7 SAEs we trained, 14 of 30 SAEs beat raw, 18 STE SAEs total, 9 SAEs per layer")),
    "CARD005 k": (lambda: card("| Top-k | 8 |", cfg("topk")), lambda: card("| Top-k | 4 |", cfg("topk"))),
    "CARD005 shape": (lambda: card("W_enc: [32, 8]"), lambda: card("W_enc: [8, 32]")),
    "CARD005 dtype": (lambda: card("- dtype: bfloat16"), lambda: card("- dtype: float32")),
    "CARD005 licence": (lambda: card("The SAEs are under cc-by-4.0."), lambda: card("The completions are under cc-by-4.0.")),
    "CARD005 hook": (lambda: card("hook_name format: `model.layers.{layer}`"), lambda: card("hook_name format: `blocks.{layer}.hook_resid_post`")),
    "CARD005 two hooks": (lambda: alone(HOOKS.format("transformer.h.16")), lambda: alone(HOOKS.format("blocks.16.hook_resid_post"))),
    "CARD005 tensors": (lambda: alone(KEYS.format("lab_topk_L2")), lambda: alone(KEYS.format("lab_jumprelu_L2"))),
    "CARD005 neuronpedia": (lambda: card("- Format: SAELens/Neuronpedia-compatible", cfg("topk")), lambda: card("- Format: SAELens/Neuronpedia-compatible", cfg("topk", metadata={"neuronpedia_id": "gpt2-small/2-topk-me"}))),
    "CARD005 neuronpedia denied": (lambda: card("Compatible with SAELens and Neuronpedia.", cfg("topk")), lambda: card("These are not yet Neuronpedia-compatible. See also Neuronpedia.", cfg("topk"))),
    "CARD005 expansion": (lambda: grid("- Expansion factor: 8"), lambda: grid("- Expansion factor: 4")),
    "CARD008 expansion beside its widths": (lambda: card("d_in=8, d_sae=32 (8x expansion)"), lambda: card("d_in=8, d_sae=32 (4x expansion)")),
    "CARD004 there are": (lambda: grid("There are 5 SAEs in this repository."), lambda: grid("There are 4 SAEs in this repository.")),
    "CARD004 parts joined by and": (lambda: grid("This repository contains 4 SAEs: 3 TopK and 1 JumpReLU"), lambda: grid("This repository contains 4 SAEs: 2 TopK and 2 JumpReLU")),
    "CARD004 architectures as published": (
        lambda: rewritten("4 architectures: TopK, JumpReLU, Standard, Gated"), lambda: rewritten("3 architectures: TopK, JumpReLU, Standard"),
    ),
    "CARD004 architectures as trained": (lambda: rewritten("1 architecture: TopK"), lambda: rewritten("2 architectures: TopK, JumpReLU")),
    "CARD005 expansion below one": (lambda: card("Expansion factor: 12."[:-1]), lambda: card("Expansion factor: 1/4, layer: 2/12 (25% depth).")),
    "CARD005 site": (lambda: card("| hook_name | blocks.2.hook_mlp_out |"), lambda: card("| hook_name | blocks.2.hook_resid_post |")),
    "CARD005 k of TopK": (lambda: grid("All TopK SAEs have k=64."), lambda: grid("All TopK SAEs have k=4.")),
    **{f"CARD005 {name}": (lambda row=bad: of_gpt2(card(RIGHT + row, STATED())), lambda row=good: of_gpt2(card(RIGHT + row, STATED()))) for name, (bad, good) in ROWS.items()},
    **{f"CARD005 sentence {name}": (lambda text=bad: of_gpt2(grid(text)), lambda text=good: of_gpt2(grid(text))) for name, (bad, good) in SENTENCES.items()},
    "CARD005 the one SAE": (lambda: card("This is a TopK SAE trained on layer 3 of GPT-2."), lambda: card("This is a JumpReLU SAE trained on layer 2 of GPT-2.")),
    "CARD005 nameless subject": (lambda: card("It was trained on layer 3 of GPT-2 small, with a context of 128."), lambda: card("Trained on layer 2 of GPT-2 small, on allenai/tulu-3-sft-mixture and Qwen outputs.")),
    "CARD005 base model of a nameless subject": (lambda: of_gpt2(card("Trained on the residual stream of Gemma-2-2b.")), lambda: of_gpt2(card("Trained on the residual stream of GPT-2, not on Gemma-2-2b."))),
    "CARD005 one of several": (lambda: grid("The SAEs were trained with Matryoshka layers of width 4, 8 and 64."), lambda: grid("This SAE is on layer 5. An SAE with 64 features is planned.")),
    "CARD005 row of an SAE": (
        lambda: card("| SAE | architecture | hook |\n|---|---|---|\n| " + FOLDER + " | TopK | blocks.3.hook_resid_post |"),
        lambda: card("| SAE | architecture | hook |\n|---|---|---|\n| " + FOLDER + " | JumpReLU | blocks.2.hook_resid_post |"),
    ),
    "CARD005 L0 of a row": (lambda: card(TABLE.format(9), cfg("topk"), weights=tensors("topk")), lambda: card(TABLE.format("4.0"), cfg("topk"), weights=tensors("topk"))),
    "CARD005 other SAEs": (lambda: card(RIGHT + "| Layer | 9 |"), lambda: card("## Comparison with other SAEs\n\n" + RIGHT.replace("8", "9") + "| Layer | 9 |\n| Architecture | Gated |")),
    "CARD005 a table of results": (lambda: card(RIGHT + "| L0 | 5 |", cfg("topk")), lambda: card("| Architecture | L0 |\n|---|---|\n| TopK | 64 |\n| Gated | 70 |", cfg("topk"))),
    "CARD005 layers": (lambda: grid("Layers covered: L2, L7"), lambda: grid("Layers covered: L2, L5")),
    "CARD005 size": (lambda: alone("From karpathy/nanochat-d20 (1.88B parameter model)"), lambda: alone("From karpathy/nanochat-d20 (561M parameter model)")),
    "CARD005 family": (lambda: of_gpt2(card("It uses the GPT-NeoX architecture.")), lambda: of_gpt2(card("It uses the GPT-2 architecture."))),
    "CARD005 model layers": (lambda: of_gpt2(card("It has 24 transformer layers.")), lambda: of_gpt2(card("It has 12 transformer layers."))),
    "CARD005 row": (lambda: card("| SAE | d_sae |\n|---|---|\n| " + FOLDER + " | 64 |"), lambda: card("| SAE | d_sae |\n|---|---|\n| " + FOLDER + " | 32 |")),
    "CARD005 peak": (lambda: grid(PEAK.format(9, 70)), lambda: grid(PEAK.format(5, 70))),
    "CARD006 text": (lambda: grid("The best is `lab_topk_L9_mixed`."), lambda: grid("The best is `lab_topk_L5_mixed`, of those called `lab_topk_L{layer}_mixed`, on `other_topk_L9_mixed`.")),
    "CARD006 file": (lambda: card("## Files\n\n- `sae.safetensors`"), lambda: card("## Files\n\n- `cfg.json`\n- `sae_weights.safetensors`")),
    "CARD006 fetched": (lambda: card('```python\nhf_hub_download(repo_id="a/b", filename="best_sae.pt")\n```'), lambda: card(f'```python\nhf_hub_download(repo_id="a/b", filename="{FOLDER}/cfg.json")\n```')),
    "CARD007 best": (lambda: evaluated(f"Best SAE probe accuracy: 63.1% ({FOLDER})"), lambda: evaluated(f"Best SAE probe accuracy: 61.2% ({FOLDER})")),
    "CARD007 peak": (lambda: evaluated(PEAK.format(5, "71.0")), lambda: evaluated(PEAK.format(2, "71.0"))),
    "CARD007 peak accuracy": (lambda: evaluated(PEAK.format(2, "72.4")), lambda: evaluated(PEAK.format(2, "71.0"))),
    "CARD008 difference": (lambda: alone("It reaches 71.4%, beating the 65.9% raw peak by +8.68 percentage points"), lambda: alone("It reaches 77.8%, beating the raw baseline of 72.4% by +5.37pp")),
    "CARD008 sum": (lambda: alone("42 SAEs: 9 JumpReLU + 27 TopK"), lambda: alone("36 SAEs: 9 JumpReLU + 27 TopK")),
    "CARD008 expansion": (lambda: alone("- Dimensions: d_in=2048, d_sae=8192 (8x expansion)"), lambda: alone("- Dimensions: d_in=2048, d_sae=8192 (4x expansion)")),
    "CARD008 bits": (lambda: alone("Precision: ~3.5 bits/parameter (nf4 + double-quant)"), lambda: alone("Precision: ~4.13 bits/parameter (nf4 + double-quant)")),
    "CARD008 depth": (lambda: of_gpt2(card("Peak layer L4 (80% depth)")), lambda: of_gpt2(card("Peak layer L4 (33% depth)"))),
    "CARD008 convention": (lambda: of_gpt2(card("Layer 4 (33% depth) and Layer 8 (73% depth)")), lambda: of_gpt2(card("Layer 4 (33% depth) and Layer 8 (67% depth)"))),
    "CARD008 peak": (lambda: alone(PEAK.format(21, 72.4) + RAW.format(72.4)), lambda: alone(PEAK.format(21, 72.4) + RAW.format(71.9))),
    "CARD008 original": (lambda: alone("- train d_max: 0.7239\n- Original (seed 1) d_max = 0.753"), lambda: alone("- train d_max: 0.7239\n- Original (seed 1) d_max = 0.724")),
    "CARD008 help": (lambda: alone("SAEs beating raw: 24/54 (44%), SAEs help"), lambda: alone("SAEs beating raw: 34/54 (63%), SAEs help")),
    "CARD009 syntax": (lambda: code("def f(:\n    pass"), lambda: code(">>> %time f(...)\n>>> f\n<function>\n")),
    "CARD009 import": (lambda: code("from sae_lens import SparseAutoencoder"), lambda: code("from sae_lens import SAE, TopKSAE")),
    "CARD009 method": (lambda: code(USE.format('"a/b", "L2"') + "\nsae.get_feature_activations(x)"), lambda: code(USE.format('"a/b", "L2"') + "\nsae.eval()\nsae.encode(x)")),
    "CARD009 chained": (lambda: code(USE.format('"a/b", "L2"') + ".to('cpu')\nsae.encode_all(x)"), lambda: code(USE.format('"a/b", "L2"') + ".eval()\nsae.to('cpu').encode(x)")),
    "CARD009 later block": (lambda: code(USE.format('"a/b", "L2"') + "\n```\n\nThen:\n\n```python\nsae.encode_all(x)"), lambda: code(USE.format('"a/b", "L2"') + "\n```\n\nThen:\n\n```python\nsae = Mine()\nsae.encode_all(x)")),
    "CARD009 attribute": (lambda: code(USE.format('"a/b", "L2"') + "\nprint(sae.n_latents)"), lambda: code(USE.format('"a/b", "L2"') + "\nsae.note = 1\nprint(sae.note, sae.threshold, sae.training, [sae.n for sae in others])")),
    **{f"CARD009 {name}": (lambda text=bad: loading(text), lambda text=good: loading(text)) for name, (bad, good) in CODE.items()},
    **{f"CARD006 {name}": (lambda text=bad: card(text), lambda text=good: card(text)) for name, (bad, good) in FETCHED.items()},
    "CARD009 needs": (lambda: code(USE.format('"a/b"')), lambda: code(USE.format("*arguments"))),
    "CARD009 pinned": (lambda: alone("`pip install sae-lens==3.0.0`\n\n```python\nfrom sae_lens import TopKSAE\n```"), lambda: alone("`pip install sae-lens==6.18.0`\n\n```python\nfrom sae_lens import TopKSAE\n```")),
    "CARD018 passive": (lambda: zeroed("Thresholds of the SAE were successfully trained."), lambda: zeroed("The thresholds of the SAE were never learned.")),
    "CARD018 wrapped": (lambda: zeroed("It was trained long, and the\nthresholds of all latents were learned."), lambda: zeroed("The thresholds were supposed to be learned, and stayed at zero.")),
    "CARD018 row": (lambda: zeroed("| Property | Value |\n|---|---|\n| Threshold | learned per latent |"), lambda: zeroed("| Property | Value |\n|---|---|\n| Threshold | never learned |")),
    "CARD010 rewritten": (lambda: published_as_relu("A JumpReLU SAE.", README_SILENT), lambda: published_as_relu("A ReLU SAE, trained as a JumpReLU.", README_SILENT)),
    "CARD018 rewritten": (lambda: published_as_relu("Both thresholds were learned."), lambda: published_as_relu("Its thresholds were not learned.")),
    "CARD018 general": (lambda: zeroed("The JumpReLU learns its thresholds."), lambda: zeroed("JumpReLU SAEs have a learned threshold.")),
    "CARD018 of both": (lambda: zeroed("The thresholds of both JumpReLUs were learned."), lambda: zeroed("The thresholds of both JumpReLUs were never learned.")),
    "CARD018 a layer": (lambda: zeroed("At layer 2 the thresholds were learned."), lambda: zeroed("At layer 9 the thresholds were learned.")),
    "CARD010 pickle": (lambda: pickled("Load it."), lambda: pickled("The weights are a pickle.")),
    "CARD010 quantized": (lambda: quantized("Load it."), lambda: quantized("Activations came from the 4-bit model.")),
    "CARD011 code": (lambda: code(USE.format('"a/b", "<sae_id>"')), lambda: code(USE.format('"a/b", sae_id'))),
    "CARD011 words": (lambda: alone("Licence: TODO"), lambda: alone("Each of the to-do lists")),
    "CARD015 total": (lambda: study("Part of a study (9 models, 348 total SAEs).", "Part of a study (9 models, 366 total SAEs)."), lambda: study("Part of a study (9 models, 366 total SAEs).", "366 SAEs, 9 models")),
    "CARD015 depth": (
        lambda: of_gpt2(study("SmolLM2-135M (135M parameters)\n\nPeak layer L4 (13% depth)", "| Model | Peak Layer (depth) |\n|---|---|\n| gpt2 | L4 (80%) |")),
        lambda: of_gpt2(study("Peak layer L4 (33% depth)", "| Model | Peak Layer (depth) |\n|---|---|\n| gpt2 | L4 (33%) |")),
    ),
    "CARD015 peak": (lambda: study(PEAK.format(4, 69), PEAK.format(6, 69)), lambda: study(PEAK.format(4, 69), PEAK.format(4, "~69"))),
    "CARD015 arXiv": (
        lambda: study('"A Long Enough Title" (arXiv:2503.07683)', '"A Long Enough Title" (arXiv:2509.20393)'),
        lambda: study('"A Long Enough Title" (arXiv:2509.20393)', '"Another Title, Quite Long" (arXiv:2503.07683)'),
    ),
}  # fmt: skip
"""More of them: a code and which of its sides."""
