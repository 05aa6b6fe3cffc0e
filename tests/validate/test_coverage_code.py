"""What a card names in code, addresses, trees of files, widgets and citations: missing files are found, what nobody here can know is listed."""

from __future__ import annotations

import pytest
from builders import FOLDER, README, cfg, view

from hubkit.repo.memory import MemoryView
from hubkit.validate.run import validate


def judged(
    body: str, *, front: str = "", repository: MemoryView | None = None
) -> tuple[list[str], list[str]]:
    """The messages of CARD005 and CARD006, and what is listed that the plain card has not."""
    files = (repository or view()).files
    card = README.replace("license: mit\n", f"license: mit\n{front}") + body
    found = []
    for text in (README, card):
        report = validate(
            MemoryView(name="memory", files=files | {"README.md": text.encode()}), coverage=True
        )
        assert not report.crashes, report.crashes[0].traceback
        found.append(report)
    plain, after = ({one.quote for one in report.coverage[0].unheld} for report in found)
    return [one.message for one in found[1].findings if one.code in ("CARD005", "CARD006")], sorted(
        after - plain
    )


TREE = f"```\nsaes/\n├── README.md\n└── {FOLDER}/        # the SAE\n    ├── cfg.json\n    └── sae_weights.safetensors\n```\n"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (TREE.replace(FOLDER, "lab_L6_mixed"), "'lab_L6_mixed' is not in the repository, nor are 2 more of the tree"),
        (TREE.replace("sae_weights.safetensors", "ae.pt"), f"'{FOLDER}/ae.pt' is not in the repository"),
        (TREE.replace("├── ", "|-- ").replace("└── ", "`-- ").replace("cfg.json", "config/cfg.json"), f"'{FOLDER}/config/cfg.json' is not in the repository"),
        (f"```python\nae = AutoEncoder.from_pretrained('{FOLDER}/ae.pt')\n```\n", f"there is no file '{FOLDER}/ae.pt'"),
        (f"```python\nfrom sae_lens import SAE\n\nsae = SAE.from_pretrained('lab/saes', '{FOLDER}')\nsae.W_dec.shape  # (8, 32)\n```\n", "W_dec is [32, 8]"),
        (f"```python\nfrom sae_lens import SAE\n\nsae = SAE.from_pretrained('lab/saes', '{FOLDER}')\nassert sae.W_enc.shape == torch.Size([32, 8])\n```\n", "W_enc is [8, 32]"),
    ],
)  # fmt: skip
def test_names_and_shapes_that_are_not_there(body: str, words: str) -> None:
    (message,), _ = judged(body)
    assert words in message


@pytest.mark.parametrize(
    "body",
    [
        TREE,
        TREE.replace("saes/\n", ".\n").replace("```\n", "", 1).replace("```\n", ""),
        TREE.replace(f"{FOLDER}/", "lab_L{layer}_mixed/"),
        TREE.replace(f"{FOLDER}/", "..."),
        TREE.replace("    └── sae_weights.safetensors", "    ├── train.log\n    └── notes/"),
        TREE.replace("sae_weights.safetensors", "sae_weights.safetensors\n└── lab_L9_mixed/  # not yet uploaded"),
        f"```python\nae = AutoEncoder.from_pretrained('{FOLDER}/sae_weights.safetensors')\n```\n",
        "```python\nae = AutoEncoder.from_pretrained('path/to/ae.pt')\n```\n",
        f"```python\nfrom sae_lens import SAE\n\nsae = SAE.from_pretrained('lab/saes', '{FOLDER}')\nsae.W_dec.shape  # torch.Size([32, 8])\nsae.W_dec.shape[0]  # (32)\n```\n",
    ],
)  # fmt: skip
def test_names_and_shapes_that_are_there_or_left_open(body: str) -> None:
    assert judged(body)[0] == []


@pytest.mark.parametrize(
    ("body", "front", "quote"),
    [
        ("```\nproject/\n├── train.py\n└── layer_6/\n    └── cfg.json\n```\n", "", "a tree of files: train.py, layer_6, layer_6/cfg.json"),
        ("See https://www.neuronpedia.org/gpt2-small/5-res-jb.\n", "", "the dashboards of gpt2-small/5-res-jb"),
        ("```bash\ngit clone https://huggingface.co/lab/others\n```\n\n```python\nfrom sae_lens import SAE\n\nsae = SAE.from_pretrained('lab/saes', 'x')\n```\n", "", "a copy of lab/others"),
        ("```python\nfrom sae_lens import SAE\n\nsae = SAE.load_from_disk('./sae_layer6')\n```\n", "", "the SAE is loaded from the folder sae_layer6"),
        ("```python\nfrom sae_lens import SAE\n\nsae = SAE.from_pretrained('gpt2-small-res-jb', 'blocks.6.hook_resid_pre')\n```\n", "", "the SAE is loaded from gpt2-small-res-jb, of SAELens's own table"),
        ("It is the release `gpt2-small-res-jb` of SAELens.\n", "", "It is the release gpt2-small-res-jb of SAELens."),
        ("**Does it work for `gpt2-medium`?** Yes, that is the model it was trained on.\n", "", "Yes, that is the model it was trained on."),
        ("```python\nfrom sae_lens import SAE\n\nsae = SAE.from_pretrained('lab/saes', 'x')\ny = sae(x)  # subtracts the mean of x first\n```\n", "", "subtracts the mean of x first"),
        ("## Citation\n\n```bibtex\n@misc{me2025,\n  title = {TopK {SAEs} for layer 8 of GPT-2 small},\n  year = {2025}\n}\n```\n", "", "TopK SAEs for layer 8 of GPT-2 small"),
        ("", "widget:\n- text: Layer 7 SAE with 24576 features\n", "Layer 7 SAE with 24576 features"),
    ],
)  # fmt: skip
def test_what_nobody_here_can_know_is_listed(body: str, front: str, quote: str) -> None:
    assert quote in judged(body, front=front)[1]


@pytest.mark.parametrize(
    ("body", "front"),
    [
        (TREE, ""),
        ("See https://www.neuronpedia.org/tiny/2-res-lab/17.\n", ""),
        ("See https://www.neuronpedia.org for dashboards.\n", ""),
        ("```bash\ngit clone https://huggingface.co/lab/saes\n```\n\n```python\nfrom sae_lens import SAE\n\nsae = SAE.from_pretrained('lab/saes', 'lab_L2_mixed')\n```\n", ""),
        ("```bash\ngit clone https://huggingface.co/lab/saes\n```\n", ""),
        (f"```python\nfrom sae_lens import SAE\n\nsae = SAE.load_from_disk('{FOLDER}')\n```\n", ""),
        ("```python\nfrom sae_lens import SAE\n\nsae = SAE.load_from_disk('path/to/sae')\n```\n", ""),
        ("## Citation\n\n```bibtex\n@misc{b,\n  title = {Sparse Autoencoders Find Highly Interpretable Features in Language Models},\n  year = {2023}\n}\n```\n", ""),
        ("", "widget:\n- text: The capital of France is\n"),
    ],
)  # fmt: skip
def test_what_is_of_this_repository_or_states_nothing_is_not(body: str, front: str) -> None:
    trained = cfg(metadata={"neuronpedia_id": "tiny/2-res-lab"})
    assert judged(body, front=front, repository=view(trained)) == ([], [])


def test_trees_are_read_in_time_that_grows_as_they_do() -> None:
    deep = "\n".join(f"{'│   ' * (at % 15)}├── f{at}" for at in range(3_000))
    assert judged(f"```\n{deep}\n```\n")[0] == []
