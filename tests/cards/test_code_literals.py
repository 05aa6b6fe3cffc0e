"""What stands in a card's code comes from files, also those of strangers (`hubkit adopt`), and the code is run: nothing of it may become code."""

from __future__ import annotations

import ast
import json
from pathlib import Path

import pytest
from builders import cfg, tensors
from safetensors.numpy import save_file

from hubkit.cards.build import build_card
from hubkit.cards.settings import CardSettings
from hubkit.cards.snippets import python_blocks
from hubkit.cards.text import literal

CALL = '__import__("os").system("touch /tmp/hubkit-ran")'
QUOTED = f'a"+str({CALL})+"'
SETTINGS = CardSettings(repo_id="owner/name", base_model="lab/tiny", license="mit")


def release(folder: Path, name: str = "lab_L2", **metadata: object) -> Path:
    sae = folder / name
    sae.mkdir(parents=True)
    save_file(tensors("topk"), sae / "sae_weights.safetensors")
    (sae / "cfg.json").write_text(json.dumps(cfg("topk", metadata=metadata)), encoding="utf-8")
    return folder


def called(folder: Path, settings: CardSettings = SETTINGS) -> list[str]:
    """Everything that the card's code calls or names."""
    build_card(folder, settings)
    blocks = python_blocks((folder / "README.md").read_text(encoding="utf-8"))
    assert blocks
    return [
        node.id for block in blocks for node in ast.walk(ast.parse(block.text)) if isinstance(node, ast.Name)
    ]


@pytest.mark.parametrize("name", [QUOTED.replace("/", "_"), "a\\", 'a"', "a'b", "a{{ 7 }}", "a\u2028b"])
def test_a_folder_is_called_whatever_it_is_called(tmp_path: Path, name: str) -> None:
    assert "__import__" not in called(release(tmp_path, name))


@pytest.mark.parametrize(
    "metadata",
    [
        {"hook_name": f"blocks.2.hook_resid_post\n{CALL}"},
        {"hook_name": QUOTED},
        {"hf_hook_name": QUOTED, "model_class_name": "AutoModelForCausalLM"},
        {"model_name": QUOTED, "model_class_name": "HookedTransformer"},
        {
            "model_class_name": "HookedTransformer",
            "model_from_pretrained_kwargs": {"a": QUOTED, f"b={CALL}, c": 1},
        },
        {"model_class_name": "HookedTransformer", "seqpos_slice": [CALL, None]},
        {"model_class_name": "HookedTransformer", "seqpos_slice": [1, CALL]},
        {"model_class_name": "HookedTransformer", "context_size": CALL, "prepend_bos": CALL},
        {"model_class_name": f"X\n{CALL}"},
        {"hubkit": {"pooling": QUOTED, "token_span": f"x\n{CALL}", "precision": QUOTED}},
    ],
    ids=str,
)
def test_a_configuration_says_whatever_it_says(tmp_path: Path, metadata: dict[str, object]) -> None:
    assert "__import__" not in called(release(tmp_path, **metadata))


@pytest.mark.parametrize("text", ["plain", 'a"b', "a'b", "a\\", "a\nb", "a\u2028b", "\U0001f600", "\x1b", ""])
def test_a_literal_is_the_text(text: str) -> None:
    assert ast.literal_eval(literal(text)) == text


def test_a_base_model_of_card_yaml_is_text_too(tmp_path: Path) -> None:
    settings = SETTINGS.model_copy(update={"base_model": QUOTED, "example_text": QUOTED})
    assert "__import__" not in called(release(tmp_path), settings)
