"""What is said of one SAE among several is held against that SAE: by its sentence, the heading above, or the code that loads it. Counts of some are no totals."""

from __future__ import annotations

import json

import numpy as np
import pytest
from builders import README, cfg, tensors
from safetensors.numpy import save

from hubkit.repo.memory import MemoryView
from hubkit.validate.coverage import Coverage
from hubkit.validate.run import validate
from hubkit.validate.selection import Selection

CARD = ("CARD004", "CARD005", "CARD006", "CARD007", "CARD016")
GPT2 = README.replace("lab/tiny", "openai-community/gpt2")


def repository(
    text: str, saes: dict[str, tuple[str, str, dict[str, object], dict[str, object]]]
) -> MemoryView:
    """SAEs of gpt2 by id: architecture, hook, changes of cfg.json, and of its metadata."""
    files = {"README.md": f"{GPT2}\n{text}\n".encode()}
    for number, (sae_id, (architecture, hook, changes, metadata)) in enumerate(saes.items()):
        known = {"model_name": "gpt2", "hook_name": hook, **metadata}
        configuration = cfg(architecture, metadata=known, **changes)
        weights = tensors(architecture, d_sae=configuration["d_sae"])
        weights["b_dec"] = weights["b_dec"] + np.float32(number)
        files[f"{sae_id}/cfg.json"] = json.dumps(configuration).encode()
        files[f"{sae_id}/sae_weights.safetensors"] = save(weights)
    return MemoryView(name="memory", files=files)


def mixed(text: str) -> MemoryView:
    """Four architectures on MLP outputs of two layers."""
    saes = {}
    for layer in (4, 9):
        for kind in ("topk", "jumprelu", "standard", "gated"):
            changes = (
                {"k": 4 if layer == 4 else 6, "d_sae": 32 if layer == 4 else 48} if kind == "topk" else {}
            )
            metadata = {"l1_coefficient": float(layer)} if kind in ("standard", "gated") else {}
            saes[f"{kind}_L{layer}"] = (kind, f"blocks.{layer}.hook_mlp_out", changes, metadata)
    return repository(text, saes)


def stream(text: str) -> MemoryView:
    """JumpReLUs on what blocks read, with what their training counted."""
    counted = {2: (41.2, 3), 5: (38.7, 0), 8: (55.9, 8), 11: (72.3, 1)}
    return repository(
        text,
        {
            f"layer_{layer}": (
                "jumprelu",
                f"blocks.{layer}.hook_resid_pre",
                {},
                {"l0": l0, "num_dead_features": dead},
            )
            for layer, (l0, dead) in counted.items()
        },
    )


def code(text: str) -> str:
    return f"## Usage\n\n```python\nfrom sae_lens import SAE\n\n{text}\n```\n"


LOAD = 'sae = SAE.from_pretrained("me/saes", "{}")'
WRONG_AND_RIGHT = [
    (mixed, "The TopK SAE of layer 9 has k = 4.", "The TopK SAE of layer 9 has k = 6."),
    (mixed, "The layer 9 TopK SAE has k = 4.", "The layer 9 TopK SAE has k = 6."),
    (mixed, "`standard_L9` was trained with an L1 coefficient of 4.", "`standard_L9` was trained with an L1 coefficient of 9."),
    (mixed, "### topk_L9\n\n- k: 4\n- d_sae: 48", "### topk_L9\n\n- k: 6\n- d_sae: 48"),
    (mixed, "### Layer 9\n\n- k: 4", "### Layer 9\n\n- k: 6"),
    (mixed, "<details><summary>gated_L4</summary>\n\nLayer 9, 32 latents.\n\n</details>", "<details><summary>gated_L4</summary>\n\nLayer 4, 32 latents.\n\n</details>"),
    (mixed, code(f"{LOAD.format('topk_L9')}\nprint(sae.cfg.k)  # 4"), code(f"{LOAD.format('topk_L9')}\nprint(sae.cfg.k)  # 6")),
    (mixed, code(f"{LOAD.format('topk_L4')}.to(\"cpu\")\nz = sae.encode(x)  # (batch, 48)"), code(f"{LOAD.format('topk_L4')}.to(\"cpu\")\nz = sae.encode(x)  # (batch, 32)")),
    (mixed, code(f"# the gated SAE of layer 4\n{LOAD.format('standard_L4')}"), code(f"# the gated SAE of layer 4\n{LOAD.format('gated_L4')}")),
    (mixed, code(f"{LOAD.format('standard_L9')}  # the gated one"), code(f"{LOAD.format('gated_L9')}  # the gated one")),
    (mixed, code(f"# the widest of them\n{LOAD.format('topk_L4')}"), code(f"# the widest of them\n{LOAD.format('topk_L9')}")),
    (mixed, "This repository has three TopK SAEs.", "This repository has two TopK SAEs."),
    (mixed, "Three SAEs of this release are TopK SAEs.", "Two SAEs of this release are TopK SAEs, one with k = 4."),
    (mixed, "Hooks: `blocks.4.hook_attn_out` and `blocks.9.hook_attn_out`.", "Hooks: `blocks.4.hook_mlp_out` and `blocks.9.hook_mlp_out`."),
    (stream, "### layer_5\n\n- L0: 72.3", "### layer_5\n\n- L0: 38.7"),
    (stream, "### layer_5\n\n- dead latents: 8", "### layer_5\n\n- dead latents: 0"),
    (stream, "Hooks: `blocks.2.hook_resid_post`, `blocks.5.hook_resid_post`.", "Hooks: `blocks.2.hook_resid_pre`, `blocks.5.hook_resid_pre`."),
    (stream, "The residual stream is read after layers 2, 5, 8 and 11.", "The residual stream is read after layers 1, 4, 7 and 10."),
    (stream, "The residual stream is read after layers 2, 5, 8 and 11.", "The residual stream is read before layers 2, 5, 8 and 11."),
    (stream, "The first SAE reads what block 2 adds to the stream.", "The first SAE reads what block 1 writes to the stream."),
    (stream, "The folder `layer_N` holds the SAE of the output of block N.", "The folder `layer_N` holds the SAE of the input of block N."),
    (stream, "Every SAE of the release had at least one dead latent.", "Three SAEs of the release had at least one dead latent."),
    (stream, "No SAE has a dead latent.", "One SAE of the release has no dead latent."),
    (stream, code('saes = {n: SAE.from_pretrained("me/saes", f"layer_{n}") for n in range(2, 12, 2)}'), code('saes = {n: SAE.from_pretrained("me/saes", f"layer_{n}") for n in range(2, 12, 3)}')),
    (stream, code('LAYERS = [2, 5, 8, 10]\nfor n in LAYERS:\n    sae = SAE.from_pretrained("me/saes", f"layer_{n}")'), code('LAYERS = [2, 5, 8, 11]\nfor n in LAYERS:\n    sae = SAE.from_pretrained("me/saes", f"layer_{n}")')),
    (stream, code('for n in range(12):\n    sae = SAE.from_pretrained("me/saes", f"layer_{n}")'), code('for n in range(12):\n    if n % 3 == 2:\n        sae = SAE.from_pretrained("me/saes", f"layer_{n}")')),
    (stream, code(f"{LOAD.format('layer_5')}\nhs = model(ids).hidden_states\nz = sae.encode(hs[6])"), code(f"{LOAD.format('layer_5')}\nhs = model(ids).hidden_states\nz = sae.encode(hs[5])")),
    (mixed, code(f"{LOAD.format('topk_L4')}\nlatent = 40\nprint(sae.W_dec[latent].norm())"), code(f"{LOAD.format('topk_L9')}\nlatent = 40\nprint(sae.W_dec[latent].norm())")),
    (mixed, code(f"{LOAD.format('topk_L9')}\nz = sae.encode(x)\nassert (z != 0).sum(-1).max() <= 4"), code(f"{LOAD.format('topk_L4')}\nz = sae.encode(x)\nassert (z != 0).sum(-1).max() <= 4")),
    (mixed, code('saes = [SAE.from_pretrained("me/saes", f"{kind}_L{n}") for kind in ["topk", "gated"] for n in (4, 8)]'), code('saes = [SAE.from_pretrained("me/saes", f"{kind}_L{n}") for kind in ["topk", "gated"] for n in (4, 9)]')),
    (stream, "The release spans the first to the last block.", "The release spans the third to the last block."),
]  # fmt: skip


@pytest.mark.parametrize(("make", "wrong", "right"), WRONG_AND_RIGHT)
def test_it_is_held_against_the_sae_that_is_meant(make: object, wrong: str, right: str) -> None:
    assert callable(make)
    named, silent = (validate(make(text), Selection(select=CARD)).findings for text in (wrong, right))
    assert {one.code for one in named} & set(CARD), wrong
    assert not silent, (right, [one.message for one in silent])


TRUE = [
    (mixed, "Four SAEs of this release were trained with an L1 penalty."),
    (mixed, "The widest SAE has 48 latents, the residual stream only 768 dimensions."),
    (mixed, "Dictionaries are as large as the residual stream, save for one."),
    (stream, "Two SAEs of this release lie in the second half of the model."),
    (stream, "One SAE of the release has no dead latent."),
    (stream, "Three SAEs of this repository have dead latents, one has none."),
    (stream, "`hook_resid_pre` of block 5 is what block 4 wrote, i.e. `blocks.4.hook_resid_post`."),
    (mixed, f"## Usage of one\n\n{code(LOAD.format('topk_L4'))}\nThe TopK SAEs have k = 4 and k = 6."),
    (
        mixed,
        code(f"for name in NAMES:\n    {LOAD.format('topk_L4')}\n\nsae = other()\nprint(sae.cfg.k)  # 6"),
    ),
]


@pytest.mark.parametrize(("make", "text"), TRUE)
def test_what_is_true_of_some_is_no_contradiction(make: object, text: str) -> None:
    assert callable(make)
    found = validate(make(text), Selection(select=CARD)).findings
    assert not found, [one.message for one in found]


def covered(view: MemoryView) -> Coverage:
    (found,) = validate(view, coverage=True).coverage
    return found


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (mixed, "The TopK SAE has k = 4."),
        (mixed, "`topk_L4` and `topk_L9` have k = 4."),
        (stream, "Four SAEs, the output of every third block."),
        (stream, "The hook sits after the MLP of each block."),
        (stream, "A third of the completions was ambiguous."),
        (stream, "Honest completions outnumber deceptive ones two to one."),
        (stream, "They were trained on an H100."),
        (stream, "The rows are single tokens of the response."),
        (stream, "Start with `layer_5`, which has the best probe."),
    ],
)
def test_where_it_is_true_of_one_of_those_that_are_named_it_is_listed(make: object, text: str) -> None:
    assert callable(make)
    assert text.replace("`", "") in [one.quote for one in covered(make(text)).unheld]


def test_a_name_that_is_no_sae_agrees_with_nothing() -> None:
    assert covered(stream("See `blocks.2.hook_resid_post`.")).agree == covered(stream("See.")).agree


def test_of_another_repository_the_code_says_nothing() -> None:
    """Its SAEs may have the same ids."""
    view = mixed(code('sae = SAE.from_pretrained("gpt2-small-res-jb", OTHER)\nprint(sae.cfg.k)  # 6'))
    assert not validate(view, Selection(select=CARD)).findings
