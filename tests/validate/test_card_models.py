"""CARD016: how much a finding about the base model weighs, where it stands, and what it says."""

from __future__ import annotations

import json

import pytest
from builders import README, cfg

from hubkit.repo.memory import MemoryView
from hubkit.validate.finding import Finding, Severity
from hubkit.validate.run import Selection, validate

GEMMA = "google/gemma-2-2b"


def repository(
    front: str, text: str = "# SAEs", *, model: str = GEMMA, more: dict[str, bytes] | None = None
) -> MemoryView:
    whole = README.replace("base_model: lab/tiny", front).replace("# SAEs", text)
    configuration = cfg(
        "standard", d_in=2304, metadata={"model_name": model, "hook_name": "blocks.12.hook_resid_post"}
    )
    files = {
        "README.md": whole.encode(),
        "L12/cfg.json": json.dumps(configuration).encode(),
        "L12/sae_weights.safetensors": b"",
    }
    return MemoryView(name="lab/saes", files=files | (more or {}))


def found(view: MemoryView) -> list[Finding]:
    report = validate(view, Selection(select=("CARD016",)))
    assert not report.crashes, report.crashes[0].traceback
    return [finding for finding in report.findings if finding.code == "CARD016"]


@pytest.mark.parametrize(
    ("line", "wrong"),
    [
        ("pipeline_tag: text-generation", True), ("pipeline_tag: feature-extraction", False), ("tags: [llama]", True), ("tags: [gpt2, sparse-autoencoder]", True), ("tags: [gemma, gemma2]", False),
        ("tags: [sparse-autoencoder, interpretability]", False), ("tags: [pythia]", True),
    ],
)  # fmt: skip
def test_what_the_hub_files_it_under_is_what_it_is(line: str, wrong: bool) -> None:
    assert [one.severity for one in found(repository(f"base_model: {GEMMA}\n{line}"))] == [
        Severity.WARNING
    ] * wrong


def test_a_model_may_have_the_tag_of_what_it_is_built_like() -> None:
    for tag, model in (
        ("llama", "HuggingFaceTB/SmolLM2-135M"),
        ("gpt2", "distilgpt2"),
        ("gpt2", "acme/unknown"),
    ):
        assert found(repository(f"base_model: {model}\ntags: [{tag}]", model=model)) == []


@pytest.mark.parametrize("relation", ["finetune", "adapter", "merge", "quantized"])
def test_an_sae_is_no_copy_of_its_base_model(relation: str) -> None:
    (finding,) = found(repository(f"base_model: {GEMMA}\nbase_model_relation: {relation}"))
    assert (finding.severity, finding.line, finding.pointer) == (Severity.WARNING, 4, "/base_model_relation")
    assert found(repository(f"base_model: {GEMMA}")) == []


def test_a_list_of_base_models_names_none_of_which_no_sae_is() -> None:
    (finding,) = found(repository(f"base_model:\n- {GEMMA}\n- google/gemma-2-9b"))
    assert (finding.severity, finding.line) == (Severity.WARNING, 3)
    assert "no SAE here is of google/gemma-2-9b" in finding.message
    assert found(repository(f"base_model:\n- {GEMMA}")) == []
    assert found(repository(f"base_model:\n- {GEMMA}\n- google/gemma-2-2b-it")) == []


@pytest.mark.parametrize(
    ("front", "text", "model", "severity"),
    [
        ("base_model: meta-llama/Llama-3.2-1B", "# SAEs", GEMMA, Severity.ERROR),
        ("base_model: google/gemma-2-2b-it", "# SAEs", GEMMA, Severity.WARNING),
        ("base_model: google/gemma-2-2b", "# SAEs", "google/gemma-2-2b-it", Severity.WARNING),
        ("base_model: google/gemma-2-2b\nbase_model_relation: finetune", "# SAEs", "google/gemma-2-2b-it", Severity.WARNING),
        ("base_model: google/gemma-2-2b-it", "# SAEs\n\nThey are of gemma-2-2b, and work on gemma-2-2b-it.", GEMMA, Severity.NOTE),
        ("base_model: unsloth/gemma-2-2b-bnb-4bit", "# SAEs", GEMMA, Severity.NOTE),
        ("base_model: google/gemma-2-2b", "# SAEs", "bartowski/gemma-2-2b-GGUF", Severity.NOTE),
        ("base_model: EleutherAI/pythia-70m", "# SAEs", "pythia-70m-deduped", Severity.WARNING),
        ("base_model: acme/one", "# SAEs", "acme/two", Severity.NOTE),
    ],
)  # fmt: skip
def test_what_one_model_is_to_the_other_decides(
    front: str, text: str, model: str, severity: Severity
) -> None:
    (finding,) = found(repository(front, text, model=model))
    assert (finding.severity, finding.path, finding.line, finding.pointer) == (
        severity,
        "README.md",
        3,
        "/base_model",
    )
    assert finding.hint


@pytest.mark.parametrize(
    ("front", "model"),
    [
        ("openai-community/gpt2", "gpt2-meduim"),
        ("openai-community/gpt2-meduim", "gpt2"),
        ("gpt2-meduim", "gpt2-medium"),
    ],
)
def test_a_slip_of_the_pen_makes_no_child(front: str, model: str) -> None:
    (finding,) = found(repository(f"base_model: {front}", model=model))
    assert finding.severity is Severity.WARNING
    assert "no model of the name " in finding.message
    assert "gpt2-meduim is known, gpt2-medium is" in finding.message
    assert "trained on" not in finding.message
    doubted = model != "gpt2-meduim"  # a known model, and none of that width
    assert finding.hint.startswith("see HOOK003" if doubted else "one of the two is wrong: ")


def test_a_relation_that_the_hub_does_not_know_gets_the_hint_of_one_that_it_does() -> None:
    wrong = repository(f"base_model: {GEMMA}\nbase_model_relation: derived")
    hints = {one.code: one.hint for one in validate(wrong, Selection(select=("CARD002", "CARD016"))).findings}
    assert hints.keys() == {"CARD002", "CARD016"}
    assert len(set(hints.values())) == 1


@pytest.mark.parametrize("name", ["my-model", "/scratch/run7", "test", "unknown"])
def test_a_name_of_somebodys_own_says_nothing(name: str) -> None:
    assert found(repository("base_model: google/gemma-2-2b", model=name)) == []


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("card.yaml", b"repo_id: lab/x\nbase_model: meta-llama/Llama-3.2-1B\n"),
        ("provenance.json", b'{"base_model": "meta-llama/Llama-3.2-1B"}'),
    ],
)
def test_files_beside_the_card(path: str, data: bytes) -> None:
    (finding,) = found(repository("base_model: google/gemma-2-2b", more={path: data}))
    assert (finding.severity, finding.path) == (Severity.ERROR, path)
    right = data.replace(b"meta-llama/Llama-3.2-1B", b"google/gemma-2-2b")
    assert found(repository("base_model: google/gemma-2-2b", more={path: right})) == []


@pytest.mark.parametrize(
    "data", [b"\xff\xfe", b"- a\n", b"a: &x [1]\nb: *x\n", b"base_model: [1]\n", b"{", b""]
)
def test_a_card_yaml_that_is_none_is_left_to_build_cards(data: bytes) -> None:
    assert found(repository("base_model: google/gemma-2-2b", more={"card.yaml": data})) == []


def test_hidden_states_counted_from_one_are_a_warning_that_says_which() -> None:
    (finding,) = found(
        repository("base_model: google/gemma-2-2b", "# SAEs\n\n```python\nx = out.hidden_states[12]\n```")
    )
    assert finding.severity is Severity.WARNING
    assert "that of block 12 is hidden_states[13]" in finding.hint
    (other,) = found(
        repository("base_model: google/gemma-2-2b", "# SAEs\n\n```python\nx = out.hidden_states[5]\n```")
    )
    assert other.severity is Severity.ERROR


def test_a_model_that_only_the_card_names_is_doubted_less() -> None:
    text = '# SAEs\n\n```python\nmodel = HookedTransformer.from_pretrained("gpt2")\n```'
    (finding,) = found(repository("base_model: google/gemma-2-2b", text, model="unknown"))
    assert finding.severity is Severity.WARNING
    assert "by the front matter" in finding.message


@pytest.mark.parametrize("code", ["x = " + "(" * 150 + ")" * 150, "cache[" * 90, "a = b = c = " * 500 + "1", "f'{x}' " * 900, "from_pretrained()", "SAE.from_pretrained()", "pipeline()", "hf_hub_download()"])  # fmt: skip
def test_any_code_is_read_without_a_crash(code: str) -> None:
    assert found(repository("base_model: google/gemma-2-2b", f"# SAEs\n\n```python\n{code}\n```")) == []
