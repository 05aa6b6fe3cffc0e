"""What cards say beside single values: orders and bounds over SAEs, tables by layer, other numbers of the base model, citations in words, versions, printed SAEs; each with its good twin."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from builders import README, cfg, tensors
from cards.variants import single
from safetensors.numpy import save
from validate.twins import value

from hubkit.cards.build import build_card
from hubkit.repo.local import open_folder
from hubkit.repo.memory import MemoryView
from hubkit.validate.finding import Severity
from hubkit.validate.report import Report
from hubkit.validate.run import validate

JUMPRELU = {2: (20.1, 0.95, 0.70), 6: (35.2, 0.88, 0.75), 10: (50.3, 0.81, 0.80)}
"""By layer: L0, explained variance, probe."""
RAW = {2: 0.72, 6: 0.78, 10: 0.74}


@cache
def three() -> dict[str, bytes]:
    """Three JumpReLUs of GPT-2, measured, with the raw activations of their layers."""
    files: dict[str, bytes] = {}
    saes = []
    for layer, (l0, variance, probe) in JUMPRELU.items():
        name = f"gpt2_jumprelu_L{layer}"
        metadata = {"model_name": "gpt2", "hook_name": f"blocks.{layer}.hook_resid_pre"}
        files[f"{name}/cfg.json"] = json.dumps(
            cfg("jumprelu", d_in=768, d_sae=64, metadata=metadata)
        ).encode()
        files[f"{name}/sae_weights.safetensors"] = save(tensors("jumprelu", 768, 64))
        measured = {"l0": l0, "explained_variance": variance, "probe_balanced_accuracy": probe}
        saes.append(
            {"sae_id": name, "values": [value(measure, number) for measure, number in measured.items()]}
        )
    layers = [
        {
            "layer": layer,
            "hook_name": f"blocks.{layer}.hook_resid_pre",
            "values": [value("probe_balanced_accuracy", number)],
        }
        for layer, number in RAW.items()
    ]
    evaluation = {
        "$schema": "urn:hubkit:evaluation:1",
        "saes": saes,
        "layers": layers,
        "comparisons": [],
        "inputs_sha256": "0" * 64,
    }
    return files | {"evaluation.json": json.dumps(evaluation).encode()}


@cache
def one() -> dict[str, bytes]:
    """A TopK of Pythia."""
    metadata = {
        "model_name": "EleutherAI/pythia-160m",
        "hook_name": "blocks.8.hook_mlp_out",
        "prepend_bos": False,
    }
    return {
        "topk/cfg.json": json.dumps(cfg("topk", d_in=768, d_sae=128, k=32, metadata=metadata)).encode(),
        "topk/sae_weights.safetensors": save(tensors("topk", 768, 128)),
        "evaluation.json": b"{}",
    }


def release(text: str, *, of: str = "gpt2", head: str = "") -> MemoryView:
    files = dict(three() if of == "gpt2" else one())
    model = "openai-community/gpt2" if of == "gpt2" else "EleutherAI/pythia-160m"
    card = README.replace("lab/tiny", model).replace("license: mit\n", f"license: mit\n{head}")
    files["README.md"] = f"{card}{text}\n".encode()
    return MemoryView(name="lab/saes", repository="lab/saes", files=files)


def judged(text: str, *, of: str = "gpt2", head: str = "") -> Report:
    report = validate(release(text, of=of, head=head), coverage=True)
    assert not report.crashes, report.crashes[0].traceback
    return report


@cache
def before(of: str) -> frozenset[str]:
    return frozenset(one.message for one in judged("", of=of).findings)


def told(text: str, **more: Any) -> list[tuple[str, Severity, str]]:
    found = judged(text, **more).findings
    return [
        (one.code, one.severity, one.message)
        for one in found
        if one.message not in before(more.get("of", "gpt2"))
    ]


ORDERS: list[tuple[str, str]] = [
    ("L0 falls with depth.", "L0 rises with depth."),
    ("With depth, the mean L0 decreases.", "With depth, the mean L0 increases."),
    ("The L0 goes down from layer 2 to layer 10.", "The L0 goes down from layer 10 to layer 2."),
    ("Between layer 2 and layer 10 the L0 falls.", "Between layer 2 and layer 10 the L0 rises."),
    ("Reconstruction gets better with depth.", "Reconstruction gets worse with depth."),
    ("The deeper the layer, the lower the L0.", "The deeper the layer, the higher the L0."),
    ("Deeper SAEs have smaller L0s.", "Deeper SAEs have larger L0s."),
    ("Layer 2 has a higher L0 than layer 10.", "Layer 10 has a higher L0 than layer 2."),
    ("The SAE of layer 6 is denser than that of layer 10.", "The SAE of layer 10 is denser than that of layer 6."),
    ("FVU falls with depth.", "FVU rises with depth."),
    ("Layer 6 has the lowest L0.", "Layer 2 has the lowest L0."),
    ("Layer 2, the earliest, has the highest L0.", "Layer 10, the deepest, has the highest L0."),
    ("The lowest explained variance is that at layer 2.", "The lowest explained variance is that at layer 10."),
    ("Explained variance is highest at layer 6.", "Explained variance is highest at layer 2."),
    ("The SAE at layer 10 is the sparsest of the three.", "The SAE at layer 2 is the sparsest of the three."),
    ("The densest SAE is that of layer 2.", "The densest SAE is that of layer 10."),
    ("All three SAEs explain more than 90% of the variance.", "All three SAEs explain more than 80% of the variance."),
    ("Explained variance is above 0.85 at every layer.", "Explained variance is above 0.8 at every layer."),
    ("No SAE has an L0 above 40.", "No SAE has an L0 above 51."),
    ("Each SAE has an L0 below 45.", "Each SAE has an L0 below 51."),
    ("At layers 2 and 6 the L0 is below 30.", "At layers 2 and 6 the L0 is below 36."),
    ("All SAEs share the same L0 of about 35.", "The SAEs have a mean L0 of 35.2."),
    ("L0 ranges from 10 to 60 across the layers.", "L0 ranges from 20 to 50 across the layers."),
    ("On average 35 latents fire per token at layer 2.", "On average 20 latents fire per token at layer 2."),
    ("L0 is 50, 35 and 20 at layers 2, 6 and 10.", "L0 is 20, 35 and 50 at layers 2, 6 and 10."),
    ("The explained variance at layer 6 is 0.95.", "The explained variance at layer 6 is 0.88."),
    ("Raw activations reach 78% at layer 10.", "Raw activations reach 78% at layer 6."),
    ("| Layer | 2 | 6 | 10 |\n|---|---|---|---|\n| L0 | 50.3 | 35.2 | 20.1 |", "| Layer | 2 | 6 | 10 |\n|---|---|---|---|\n| L0 | 20.1 | 35.2 | 50.3 |"),
    ("| Layer | L0 | Explained variance |\n|---|---|---|\n| L2 | 20.1 | 81% |", "| Layer | L0 | Explained variance |\n|---|---|---|\n| L2 | 20.1 | 95% |"),
    ("```csv\nlayer,l0\n2,50.3\n6,35.2\n10,20.1\n```", "```csv\nlayer,l0\n2,20.1\n6,35.2\n10,50.3\n```"),
    ("```\nlayer\tl0\n2\t50.3\n```", "```\nlayer\tl0\n2\t20.1\n```"),
]  # fmt: skip


@pytest.mark.parametrize(("wrong", "right"), ORDERS)
def test_an_order_over_saes_is_held_against_their_values(wrong: str, right: str) -> None:
    found = told(wrong)
    assert {code for code, _, _ in found} == {"CARD007"}, wrong
    assert told(right) == [], right


@pytest.mark.parametrize(
    "text",
    [
        "In general L0 falls with depth.", "Other SAEs have an L0 that falls with depth.", "In Gemma Scope, L0 falls with depth.", "We expected that L0 falls with depth.", "Does L0 fall with depth?",
        "On Python code the L0 at layer 6 is 80.", "The L0 at layer 6 is 80 on WikiText.", "L0 falls with depth on C4.",
        "L0 falls with depth in the paper.", "L0 falls with width.", "The SAE of layer 6 is denser than that of layer 8.", "Deeper SAEs of other models have smaller L0s.", "During training, L0 falls with depth.", "L0 falls for almost all layers with depth.", "The target L0 falls with depth.",
        "No SAE has an L0 above 40 without fine-tuning.", "Layer 4 has the lowest L0.", "| Layer | Baseline L0 |\n|---|---|\n| 2 | 50.3 |", "| Layer | L0 (target) | L0 (measured) |\n|---|---|---|\n| 2 | 25 | 20.1 |", "| Model | Layer | L0 |\n|---|---|---|\n| gpt2-xl | 2 | 50.3 |",
        "## Other SAEs\n\nL0 falls with depth.", "```csv\nlayer,price\n2,50.3\n```", "```\n2,50.3\n6,35.2\n```",
    ],
)  # fmt: skip
def test_what_may_be_of_something_else_is_left_alone(text: str) -> None:
    assert told(text) == []


def test_what_an_order_says_agrees_with_the_files_where_there_are_several_layers() -> None:
    (there,) = judged("L0 rises with depth.").coverage
    assert "L0 rises with depth." not in {one.quote for one in there.unheld}
    (alone,) = judged("The SAE at layer 8 is the sparsest.", of="pythia").coverage
    assert any("sparsest" in one.quote for one in alone.unheld)


MODELS: list[tuple[str, str]] = [
    ("GPT-2 small has 16 attention heads per block.", "GPT-2 small has 12 attention heads per block."),
    ("The base model has a vocabulary of 32,000 tokens.", "The base model has a vocabulary of 50,257 tokens."),
    ("Base model: GPT-2 small (24 layers, 12 heads).", "Base model: GPT-2 small (12 layers, 12 heads)."),
    ("gpt2-medium has 12 layers.", "gpt2-medium has 24 layers."),
    ("## Base model\n\n| | |\n|---|---|\n| Vocabulary size | 32000 |", "## Base model\n\n| | |\n|---|---|\n| Vocabulary size | 50257 |"),
    ("- **Attention heads:** 16", "- **Attention heads:** 12"),
]  # fmt: skip


@pytest.mark.parametrize(("wrong", "right"), MODELS)
def test_numbers_of_the_base_model_are_held_against_its_config(wrong: str, right: str) -> None:
    assert {code for code, _, _ in told(wrong)} == {"CARD005"}
    assert told(right) == []


@pytest.mark.parametrize(
    "text",
    [
        "GPT-2 small (layers 2, 6 and 10)", "GPT-2 small has 3 layers with SAEs.", "Of the 12 layers of GPT-2 small we trained 3.", "Gemma 2 has 42 layers.", "The base model has a vocabulary of about 50,000 tokens.",
        "The base model has only 3 layers covered.", "GPT-2 has SAEs at 3 layers.",
    ],
)  # fmt: skip
def test_what_is_no_number_of_the_base_model_is_left_alone(text: str) -> None:
    assert [
        one for one in told(text) if "heads" in one[2] or "layers," in one[2] or "vocabulary" in one[2]
    ] == []


BIBTEX = "\n\n```bibtex\n@misc{doe2025, title={Three SAEs of GPT-2}, author={Doe, Jane and Roe, Max and Poe, Ann}, year={2025}}\n```"
CITATIONS: list[tuple[str, str]] = [
    ("JumpReLU SAEs are due to Rajamanoharan et al. (2021).", "JumpReLU SAEs are due to Rajamanoharan et al. (2024)."),
    ("JumpReLU SAEs were introduced by Smith et al. (2024).", "SAEs with JumpReLU were studied by Smith et al. (2024)."),
    ("BatchTopK (Bussmann et al., 2021) is the training.", "BatchTopK (Bussmann et al., 2024) is the training."),
    (f"If you use them, please cite Doe et al. (2023).{BIBTEX}", f"If you use them, please cite Doe et al. (2025).{BIBTEX}"),
    (f"If you use them, cite Doe et al. (2024).{BIBTEX}", f"We follow Doe et al. (2024) in the choice of layers.{BIBTEX}"),
]  # fmt: skip


@pytest.mark.parametrize(("wrong", "right"), CITATIONS)
def test_citations_in_words_are_held_against_the_bibtex_and_the_papers_of_the_field(
    wrong: str, right: str
) -> None:
    assert [(code, severity) for code, severity, _ in told(wrong)] == [("CARD005", Severity.WARNING)]
    assert told(right) == []


def test_two_methods_in_one_sentence_are_nobodys_in_particular() -> None:
    assert told("TopK SAEs (Gao et al., 2024) and JumpReLU SAEs (Rajamanoharan et al., 2024).") == []


@pytest.mark.parametrize(
    ("named", "wrong"),
    [
        ("lab/saes", True),
        ("Lab/SAEs", True),
        ("openai-community/gpt2", True),
        ("gpt2", True),
        ("lab/saes-v2", False),
    ],
)
def test_a_newer_version_is_another_repository_of_saes(named: str, wrong: bool) -> None:
    found = told("", head=f"new_version: {named}\n")
    assert [(code, "new_version" in message) for code, _, message in found if code == "CARD005"] == [
        ("CARD005", True)
    ] * wrong


LOAD = '```python\nfrom sae_lens import SAE\n\nsae = SAE.from_pretrained("lab/saes", "topk"){}\n{}\n```'
CODE: list[tuple[str, str, str, Severity]] = [
    (LOAD.format("", "sae.cfg.k = 128"), LOAD.format("", "sae.cfg.k = 32"), "sets k of the SAE to 128; k of topk is 32", Severity.WARNING),
    (LOAD.format("", "sae.cfg.apply_b_dec_to_input = False"), LOAD.format("", 'sae.cfg.device = "cpu"'), "apply_b_dec_to_input of topk is true", Severity.WARNING),
    (LOAD.format("", "sae = sae.half()"), LOAD.format("", "sae = sae.float()"), "turns the SAE into float16; topk is stored in float32", Severity.NOTE),
    (LOAD.format("", "sae.to(torch.float16)"), LOAD.format("", 'sae.to("cuda")'), "turns the SAE into float16", Severity.NOTE),
    (LOAD.format("", "sae.to(dtype=torch.bfloat16)"), LOAD.format("", "x = x.to(torch.bfloat16)"), "turns the SAE into bfloat16", Severity.NOTE),
    (LOAD.format("", "sae.k = 64"), LOAD.format("", "k = sae.cfg.k"), "sets k of the SAE to 64", Severity.WARNING),
    (LOAD.format("", "sae.b_enc.data.zero_()"), LOAD.format("", "x.zero_()\nw = sae.W_dec.clone()\nw.mul_(2)"), "changes b_enc of the SAE", Severity.NOTE),
    (LOAD.format("", "sae.W_dec.data = sae.W_dec.data / 2"), LOAD.format("", "directions = sae.W_dec / 2"), "changes W_dec of the SAE", Severity.NOTE),
    (LOAD.format("", 'sae = SAE.from_pretrained("lab/saes", "topk", dtype="float16")'), LOAD.format("", 'sae = SAE.from_pretrained("lab/saes", "topk", dtype="float32")'), "turns the SAE into float16", Severity.NOTE),
    (LOAD.format('.to("cpu").half()', ""), LOAD.format('.to("cpu").eval()', ""), "turns the SAE into float16", Severity.NOTE),
]  # fmt: skip


@pytest.mark.parametrize(("wrong", "right", "words", "severity"), CODE)
def test_code_that_makes_another_sae_of_it(wrong: str, right: str, words: str, severity: Severity) -> None:
    ((code, weight, message),) = told(wrong, of="pythia")
    assert (code, weight) == ("CARD016", severity)
    assert words in message
    assert told(right, of="pythia") == []


def test_code_that_loads_only_another_release() -> None:
    other = '```python\nfrom sae_lens import SAE\n\nsae = SAE.from_pretrained("gpt2-small-res-jb", "blocks.8.hook_resid_pre")\n{}```'
    ((code, severity, message),) = told(other.format(""), of="pythia")
    assert (code, severity) == ("CARD006", Severity.NOTE)
    assert "nothing of lab/saes" in message
    assert told(other.format('own = SAE.from_pretrained("lab/saes", "topk")\n'), of="pythia") == []
    assert told(other.format("").replace("blocks.8.hook_resid_pre", "topk"), of="pythia") == []


SAID: list[tuple[str, str]] = [
    ("| Hook Point |\n|---|\n| blocks.9.hook_mlp_out |", "| Hook Point |\n|---|\n| blocks.8.hook_mlp_out |"),
    ("SAEs with 16k latents.", "SAEs with 128 latents."),
    ("Its decoder matrix has the shape 128 x 1024.", "Its decoder matrix has the shape 768 x 128."),
    ("W_enc has the shape (128, 768).", "W_enc has the shape (768, 128)."),
    ("```\nTopKSAE(d_in=768, d_sae=4096, k=32)\n```", "```\nTopKSAE(d_in=768, d_sae=128, k=32)\n```"),
    ("It loads with SAELens 3 and later.", "It loads with SAELens 6 and later."),
    ("```bash\npip install sae-lens==4.0.0\n```", "```bash\npip install sae-lens==6.18.0\n```"),
    ("Compatible with sae_lens>=5.0.", "Compatible with sae_lens>=6.0."),
]  # fmt: skip


@pytest.mark.parametrize(("wrong", "right"), SAID)
def test_what_else_contradicts_the_configuration(wrong: str, right: str) -> None:
    assert {code for code, _, _ in told(wrong, of="pythia")} == {"CARD005"}
    assert told(right, of="pythia") == []


def test_sixteen_thousand_latents_of_a_topk_are_no_k() -> None:
    ((_, _, message),) = told("SAEs with 16k latents.", of="pythia")
    assert message.startswith("d_sae is 128")
    assert "16000" in message.replace(",", "")


def test_a_card_is_older_than_a_card_yaml_that_says_something_else(tmp_path: Path) -> None:
    release = single(tmp_path)
    build_card(release)
    assert codes_of(release, "CARD013") == []
    settings = release / "card.yaml"
    settings.write_text(
        f"# the same in another order\n{settings.read_text('utf-8')}", encoding="utf-8", newline="\n"
    )
    assert codes_of(release, "CARD013") == []
    settings.write_text(
        f"{settings.read_text('utf-8')}summary: SAEs of tests.\n", encoding="utf-8", newline="\n"
    )
    assert codes_of(release, "CARD013") == ["CARD013"]
    build_card(release)
    assert codes_of(release, "CARD013") == []
    settings.unlink()  # what is not published is not judged
    assert codes_of(release, "CARD013") == []


def codes_of(release: Path, code: str) -> list[str]:
    return [one.code for one in validate(open_folder(release)).findings if one.code == code]


@pytest.mark.parametrize(
    "text",
    [
        "At layer 6 of GPT-2 XL one would expect a higher L0.",
        "SAEs of GPT-2 medium could be wider.",
        "We suppose that SAEs of GPT-2 XL differ.",
    ],
)
def test_what_is_only_supposed_of_another_model_is_left_alone(text: str) -> None:
    assert told(text) == []
    (there,) = {code for code, _, _ in told("At layer 6 of GPT-2 XL the SAE was trained.")}
    assert there == "CARD016"


def test_rows_of_csv_are_held_or_listed() -> None:
    (there,) = judged("```csv\nlayer,l0,seed loss\n2,20.1,0.37\n```").coverage
    assert [one.quote for one in there.unheld if "0.37" in one.quote] == ["2 | 20.1 | 0.37"]
    (whole,) = judged("```csv\nlayer,l0\n2,20.1\n```").coverage
    assert not any("20.1" in one.quote for one in whole.unheld)
