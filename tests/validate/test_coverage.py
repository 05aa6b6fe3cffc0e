"""What a card says and hubkit could not hold against anything is counted and listed; what agrees, and what hubkit wrote, is not."""

from __future__ import annotations

import time

import pytest
from claim_matrix import CARRIERS, HEAD, PROPERTIES, repository
from jsonschema import Draft202012Validator

from hubkit.models.kinship import says_no_more
from hubkit.validate.coverage import Coverage, whole_card
from hubkit.validate.report_schema import Report as ReportSchema
from hubkit.validate.reporters import text as text_reporter
from hubkit.validate.run import validate
from hubkit.validate.selection import Selection


def coverage(text: str) -> Coverage:
    (found,) = validate(repository(text), coverage=True).coverage
    return found


def test_what_a_configuration_hides_agrees_with_nothing() -> None:
    lie = repository("The SAE reads layer 7 of GPT-2 small. It has 24,576 latents.")
    (plain,) = validate(lie, coverage=True).coverage
    assert plain.contradicted
    assert validate(lie, Selection(ignore=tuple(whole_card())), coverage=True).coverage == (plain,)


def test_where_a_rule_that_holds_the_card_was_not_asked_nothing_is_said_to_agree() -> None:
    assert (
        validate(repository("The SAE reads layer 6."), Selection(select=("CARD004",)), coverage=True).coverage
        == ()
    )


HELD = [
    "The fraction of variance unexplained is 0.126.", "About 3% of latents are dead.", "- Alive latents: 23839 / 24576", "- FVU: 12.6%",
    "The SAE reads layer 6 of GPT-2 small.", "It has 24,576 latents and k = 32.", "The mean L0 is 31.4.", "The SAE explains 87.4% of the variance.", "| Property | Value |\n|---|---|\n| Context length | 128 |",
    "Weights are stored in float32.", "- License: MIT", "The SAE was trained on OpenWebText.", '```python\nfrom sae_lens import SAE\nsae = SAE.load_from_disk(".")  # layer 6, k = 32\n```', "An SAE, 768 → 24576.",
]  # fmt: skip
MORE_THAN_HELD = [
    "A TopK SAE (k = 32) trained on code from GitHub.", "TopK (k = 32), trained on The Stack.", "d_in = 768, d_sae = 24576, tied encoder and decoder", "k = 32 (per batch, not per token)", "- Dataset: Skylion007/openwebtext (filtered for English Wikipedia)",
    "- Base model: gpt2 (the medium one)", "- Architecture: TopK (Matryoshka)", "- Architecture: TopK transcoder", "| Property | Value |\n|---|---|\n| d_sae | 24,576 (all alive) |", "The SAE reads layer 6, right before the attention.",
    "| Field | Value |\n|---|---|\n| Hook | `blocks.6.hook_resid_post` (before the attention) |", "k = 32, learned with a straight-through estimator.", "It has 24,576 latents, only half of them alive.", "A k-sparse autoencoder (k = 32) of the keys of layer 6.",
]  # fmt: skip
"""Each is true in its numbers, and says something else besides."""
WITHOUT_A_NUMBER = [
    "No beginning-of-sequence token was put in front of the sequences.", "No auxiliary loss was used.", "| Field | Value |\n|---|---|\n| Tokenizer | Llama |", "The encoder is a plain linear layer with ReLU.", "The shallowest SAE reads the embeddings.",
    "The last SAE reads the output of the final block.", "The width is a power of two.", "All effects are well above their null.", "Its inputs are the activations of the attention heads' output projection.", "About a fifth of the dictionary is dead.",
]  # fmt: skip


@pytest.mark.parametrize("text", MORE_THAN_HELD)
def test_a_sentence_that_says_more_than_was_held_is_listed(text: str) -> None:
    found = coverage(text)
    assert found.unheld or found.contradicted
    plain = coverage("It has 24,576 latents and k = 32.")
    assert (plain.agree, plain.unheld) == (1, ())


@pytest.mark.parametrize("text", WITHOUT_A_NUMBER)
def test_facts_in_words_are_listed(text: str) -> None:
    found = coverage(text)
    assert found.unheld or found.contradicted


NOT_HELD = [
    "We found 12 interesting features.", "Training took 3 hours on 2 GPUs.", "The learning rate was 3e-4.", "The SAE reads layer 6 and was trained for 30k steps.", "## Related work\n\nOther SAEs have 16k latents.",
    "| Metric | Value |\n|---|---|\n| Loss recovered | 0.93 |", "On WikiText the perplexity rises by 0.2.", "About 9% of latents are dead on 10M tokens.", "There are no dead features.", "Encoder and decoder weights are tied.", "Half of the latents never fire.", "Activations were standardised first.", "Sparsity comes from an L1 penalty.", "A single threshold is shared by all latents.", "Text.\n\n    d_sae: 16384", "This release has one SAE per layer.", "- Seed: 64", "The probe reaches 93% accuracy at layer 6.", "The authors prefer bfloat16.",
    "It is eight times as wide as the residual stream.", "Overcomplete by a factor of sixteen.", "Every latent is alive: none is dead.", "About half of its latents are dead.", "It sits three quarters of the way through the model.",
    "These weights are in the public domain.", "We cover the first half of the layers.", "The sparsest SAE is that of layer 6.", "Of all SAEs the one of layer 6 has the highest L0.", "No sparsity penalty was used.", "Trained with dictionary_learning.", "Inputs were scaled so that their mean squared norm is one.",
]  # fmt: skip
NOTHING_STATED = [
    "Text.",
    "See https://example.org/2024/05.",
    "[1] A paper, arXiv:2309.08600.",
    "Written on 2024-05-01.",
    "## Citation\n\n@misc{x, year={2024}}",
    "GPT-2 is a model.",
    "Each latent is a direction.",
    "```mermaid\ngraph LR\nA[model] --> B[SAE]\n```",
    "Sometimes none of this helps.",
]


@pytest.mark.parametrize("text", HELD)
def test_what_agrees_is_counted(text: str) -> None:
    found = coverage(text)
    assert (found.agree, found.contradicted, found.unheld) == (found.statements, 0, ())
    assert found.agree


@pytest.mark.parametrize("text", NOT_HELD)
def test_what_was_held_against_nothing_is_listed(text: str) -> None:
    found = coverage(text)
    assert len(found.unheld) == 1
    assert text.rsplit("\n", maxsplit=1)[-1].strip("|- ").split(" |")[0] in found.unheld[0].quote
    assert found.unheld[0].line == HEAD.count("\n") + text.count("\n") + 1


def test_what_a_comment_states_is_listed_and_no_claim() -> None:
    found = coverage("<!-- d_sae: 4096 -->")
    assert (found.contradicted, [one.quote for one in found.unheld]) == (0, ["d_sae: 4096"])
    assert coverage("<!-- Write the summary here. -->").statements == 0


@pytest.mark.parametrize("text", NOTHING_STATED)
def test_what_states_nothing_is_no_statement(text: str) -> None:
    assert coverage(text).statements == 0


@pytest.mark.parametrize("carrier", sorted(CARRIERS))
def test_no_wrong_number_is_silent_and_unlisted(carrier: str) -> None:
    """The closure: whatever the grammar misses is listed, or a finding."""
    for one in PROPERTIES.values():
        value = (
            one.sentences[0].format(one.wrong)
            if carrier == "sentence"
            else (one.ranges or ("", ""))[1]
            if carrier == "range"
            else one.wrong
        )
        text = CARRIERS[carrier](one, value)
        if not text or not any(sign.isdigit() for sign in one.wrong):
            continue
        found = coverage(text)
        assert found.contradicted or found.unheld, text


@pytest.mark.parametrize(
    ("text", "agree", "unheld"),
    [
        ("The SAE has 24576 latents and reads attention head outputs of the model in fp16.", 1, 1),
        ("| Property | Value |\n|---|---|\n| d_sae | 24576 (gated, on GPT-2 small) |", 1, 1),
        ("<table><tr><td>d_sae</td><td>24576</td></tr><tr><td>seed</td><td>24576</td></tr></table>", 1, 1),
        ("It has 24576 latents. We found 6 features. It reads layer 6.", 2, 1),
        ("We trained a TopK SAE with k = 32 on the residual stream of GPT-2 small.", 1, 0),
        ("<table><tr><td>d_sae</td><td>24576</td></tr><tr><td>k</td><td>32</td></tr></table>", 2, 0),
        ("It has 24576 latents. It reads layer 6.", 2, 0),
        ("The SAE has 24576 latents. We looked at sixty-four features.", 1, 1),
        ("The SAE keeps thirty-two latents active.", 1, 0),
        ("One of the latents fires on names, two do not.", 0, 0),
    ],
)
def test_what_is_true_does_not_cover_the_rest_of_its_line(text: str, agree: int, unheld: int) -> None:
    found = coverage(text)
    assert (found.agree, found.contradicted, len(found.unheld)) == (agree, 0, unheld)


@pytest.mark.parametrize(("layer", "agree"), [(6, 2), (40, 1)])
def test_a_base_model_that_the_files_themselves_put_in_doubt_is_held_against_nothing(
    layer: int, agree: int
) -> None:
    """GPT-2 small has no layer 40: model_name or the hook is wrong, and a card that repeats it agrees with nobody."""
    view = repository("The base model is openai-community/gpt2.\n\nIt has 24576 latents.")
    view.files["cfg.json"] = view.files["cfg.json"].replace(b"blocks.6.", f"blocks.{layer}.".encode())
    (found,) = validate(view, coverage=True).coverage
    assert (found.agree, len(found.unheld)) == (agree, 2 - agree)


def test_a_contradiction_is_neither() -> None:
    found = coverage("The SAE reads layer 9.\n\nIt has 24576 latents.")
    assert (found.agree, found.contradicted, found.unheld) == (1, 1, ())


def test_a_card_without_saes_has_none() -> None:
    view = repository("The SAE reads layer 9.")
    del (
        view.files["cfg.json"],
        view.files["sae_weights.safetensors"],
        view.unreadable["sae_weights.safetensors"],
    )
    assert validate(view, coverage=True).coverage == ()


def test_the_report_says_so() -> None:
    report = validate(repository("It has 24576 latents.\n\nWe found 12 features."), coverage=True)
    data = report.to_json()
    Draft202012Validator(ReportSchema.model_json_schema()).validate(data)
    assert data["coverage"][0]["not_held_first"] == [{"line": 11, "quote": "We found 12 features."}]
    short = text_reporter.without_markup(text_reporter.render(report))
    assert (
        "1 statement of README.md agrees with the files; 1 could not be held against anything: line 11 (-v shows them)"
        in short
    )
    assert "README.md:11  We found 12 features." not in short
    assert "README.md:11  We found 12 features." in text_reporter.without_markup(
        text_reporter.render(report, verbose=True)
    )


def seconds(text: str) -> float:
    begun = time.process_time()
    coverage(text)
    return time.process_time() - begun


@pytest.mark.parametrize(
    "piece",
    [
        "We found 12 features. ",
        "- layer 6, k = 32\n",
        "| a | 12 |\n",
        "1 ",
        "12% ",
        "d_sae = 24576, ",
        "[1](",
        "arXiv ",
    ],
)
def test_time_is_linear_in_the_length(piece: str) -> None:
    small, large = (piece * (size // len(piece)) for size in (8_000, 32_000))
    first = min(seconds(small) for _ in range(2))
    assert min(seconds(large) for _ in range(2)) < 10 * first + 0.1


@pytest.mark.parametrize(
    ("block", "quote"),
    [
        ("```python\nf = sae.encode(x).topk(64)  # all 64 of them\n```", "all 64 of them"),
        ("```mermaid\ngraph LR\nA[layer 9] --> B[4096 latents]\n```", "A[layer 9] --> B[4096 latents]"),
    ],
)
def test_what_code_and_diagrams_say_is_listed(block: str, quote: str) -> None:
    assert [one.quote for one in coverage(block).unheld] == [quote]


@pytest.mark.parametrize(
    ("mention", "name", "agrees"),
    [
        ("Pythia-70M", "pythia-70m", True), ("Pythia-70M-deduped", "pythia-70m", False), ("Pythia", "pythia-70m-deduped", True), ("pythia-70m-deduped", "EleutherAI/pythia-70m-deduped", True),
        ("Gemma 2 2B IT", "google/gemma-2-2b", False), ("Gemma 2", "google/gemma-2-2b-it", True), ("GPT-2 small", "gpt2", True),
    ],
)  # fmt: skip
def test_words_that_say_more_than_the_configuration_agree_with_nothing(
    mention: str, name: str, *, agrees: bool
) -> None:
    assert says_no_more(mention, name) is agrees
