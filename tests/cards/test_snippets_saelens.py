"""A card's code with the real SAELens: it loads the SAEs from a local Hub, gives what their files define, and fails where it is broken."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest
from builders import cfg, tensors, view
from cards import seeds
from cards.shapes import Release, write
from safetensors.numpy import save
from typer.testing import CliRunner

from hubkit.cards.build import build_card
from hubkit.cards.snippets import SnippetOutcome, run_card
from hubkit.cli.main import app

pytestmark = pytest.mark.train

CARD = """---
library_name: saelens
base_model: owner/model
license: mit
---
# SAEs

```python
from sae_lens import SAE

sae = SAE.from_pretrained("owner/release", "lab_L2_mixed", device="cpu")
```

```python
import torch
from transformers import AutoModelForCausalLM

model = AutoModelForCausalLM.from_pretrained("owner/model")
assert model.config.hidden_size == sae.cfg.d_in
```

```python
features = sae.encode(torch.ones(2, 8))
```
"""


@pytest.fixture
def release(tmp_path: Path) -> Path:
    folder = tmp_path / "release"
    topk = {
        "topk_L2/cfg.json": json.dumps(cfg("topk")).encode(),
        "topk_L2/sae_weights.safetensors": save(tensors("topk")),
    }
    for path, data in view(readme=CARD, files=topk).files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return folder


GOLDENS = [seeds.nanochat_d32, seeds.smollm2_135m, seeds.tinyllama, seeds.gemma4_e2b]


def base_model(layers: int, folder: Path) -> Path:
    """An untrained Llama of width 8, which is that of the small goldens, and a tokenizer."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    config = LlamaConfig(
        vocab_size=4, hidden_size=8, num_hidden_layers=layers, num_attention_heads=2, intermediate_size=16
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    words = Tokenizer(models.WordLevel({"[UNK]": 0, "a": 1, "b": 2, "c": 3}, unk_token="[UNK]"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(tokenizer_object=words, unk_token="[UNK]").save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def golden_runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Future[SnippetOutcome]]]:
    """The code of every golden card, two cards at a time; the base models whose blocks are where a Llama's are stand by."""
    with ThreadPoolExecutor(2) as pool:
        runs = {}
        for make in GOLDENS:
            golden, place = make(), tmp_path_factory.mktemp(make.__name__)
            folder = write(golden, place / "release", small=True, source="the first card")
            layers = 1 + max(one.layer for one in golden.members)
            model = base_model(layers, place / "model") if golden.blocks == "model.layers" else None
            runs[make.__name__] = pool.submit(run_card, build_card(folder).text, folder, base_model=model)
        yield runs


@pytest.mark.parametrize("make", GOLDENS)
def test_a_goldens_code_runs_and_every_sae_is_its_definition(
    make: Callable[[], Release], golden_runs: dict[str, Future[SnippetOutcome]]
) -> None:
    golden, run = make(), golden_runs[make.__name__].result().run
    assert run is not None
    assert (run.ok, run.reason) == (True, "")
    assert run.checked["loaded"] == run.checked["compared"] == len(golden.members)
    assert run.checked["max_difference"] < 1e-5
    assert set(run.checked["printed"]) == {"sae"}
    if golden.blocks == "model.layers":
        assert run.complete
        assert re.match(r"L0 [\d.]+", run.output)
    else:
        assert {one.reason for one in run.not_run} == {f"base model {golden.settings.base_model} not here"}


def test_a_broken_card_is_an_error_of_the_verb_with_its_line(release: Path) -> None:
    broken = CARD.replace("torch.ones(2, 8)", "torch.ones(2, 9)")
    (release / "README.md").write_text(broken, encoding="utf-8")
    answer = CliRunner().invoke(
        app, ["validate", str(release), "--run-snippets", "--select", "CARD009", "--format", "json"]
    )
    (finding,) = json.loads(answer.stdout)["findings"]
    assert (answer.exit_code, finding["code"], finding["line"]) == (
        1,
        "CARD009",
        broken[: broken.index("features =")].count("\n") + 1,
    )
    assert "fails when it is run: RuntimeError" in finding["message"]


def test_weights_that_are_not_what_the_card_says_fail(release: Path) -> None:
    (release / "topk_L2" / "cfg.json").write_bytes(json.dumps(cfg("topk", d_sae=16)).encode())
    outcome = run_card(CARD, release)
    assert not outcome.ok
    assert "topk_L2 does not load from owner/release" in outcome.sentence
