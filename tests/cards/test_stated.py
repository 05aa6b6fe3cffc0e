"""Computed and stated values: what a card calls computed is what the record covers; everything else is the author's, with n and source."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from cards import variants
from cards.reading import section
from cards.shapes import write
from cards.test_author import resolve

from hubkit.cards.build import build_card
from hubkit.cards.facts import Facts, read_facts
from hubkit.cards.front import model_index
from hubkit.cards.init import look, write_settings
from hubkit.cards.prose_facts import flat, quotable
from hubkit.cards.settings import load_settings
from hubkit.measures.catalogue import CATALOGUE
from hubkit.release.evidence import read_evidence
from hubkit.release.metrics import Evaluation
from hubkit.repo.local import open_folder
from hubkit.validate.run import Selection, validate

DOCS = Path(__file__).parents[2] / "docs" / "cards.md"


def facts_of(folder: Path) -> Facts:
    return read_facts(folder, load_settings(folder / "card.yaml"))


@pytest.fixture
def computed(tmp_path: Path) -> Path:
    return variants.computed(tmp_path / "release")


def edit(folder: Path, old: str, new: str, *, again: bool = False) -> None:
    """Type a number into evaluation.json and metrics.json; with `again` give the digest that fits, as whoever wants to deceive would."""
    for path in (folder / "evaluation.json", *folder.glob("*/metrics.json")):
        text = path.read_text("utf-8")
        path.write_text(text.replace(old, new), "utf-8")
    if again:
        Evaluation.load(folder / "evaluation.json").recorded("0.1.0").save(folder / "evaluation.json")


def test_computed_values_are_where_they_were_and_none_is_stated(computed: Path) -> None:
    facts = facts_of(computed)
    assert facts.evaluation is not None
    assert facts.stated == ()
    text = build_card(computed).text
    assert "80.0 %" in section(text, "Key findings")
    assert section(text, "Stated, not computed") == ""


@pytest.mark.parametrize("again", [False, True], ids=["edited", "edited with its digest"])
def test_a_number_that_is_typed_into_what_was_computed_makes_it_stated_and_is_found(
    computed: Path, again: bool
) -> None:
    edit(computed, "0.75", "0.9375", again=again)
    facts = facts_of(computed)
    assert facts.evaluation is None
    assert all(sae.metrics is None for sae in facts.saes)
    assert [one.origin for one in facts.stated] == ["changed"]
    assert model_index(facts) == []
    text = build_card(computed).text
    assert "0.938" in section(text, "Stated, not computed")
    for title in ("Key findings", "SAE quality", "Effect sizes"):
        assert section(text, title) == ""
    found = validate(open_folder(computed), Selection(select=("EVL008",))).findings
    assert [finding.severity.word for finding in found] == ["error"]


def test_one_metrics_file_that_says_something_else_is_stated_and_the_computed_value_stays(
    computed: Path,
) -> None:
    path = computed / variants.BEST / "metrics.json"
    path.write_text(path.read_text("utf-8").replace("0.7", "0.71"), "utf-8")
    facts = facts_of(computed)
    best = next(sae for sae in facts.saes if sae.sae_id == variants.BEST)
    assert best.metrics_file == "evaluation.json"
    variance = best.metric("explained_variance", "crossfit")
    assert variance is not None
    assert variance.value == 0.7
    assert [(one.origin, {item.file for item in one.items}) for one in facts.stated] == [
        ("unrecorded", {f"{variants.BEST}/metrics.json"})
    ]
    found = validate(open_folder(computed), deep=True).findings
    assert [one.path for one in found if one.code == "EVL008"] == [f"{variants.BEST}/metrics.json"]


def test_stated_values_are_in_no_computed_table_and_have_n_and_source(tmp_path: Path) -> None:
    folder = variants.stated(tmp_path / "release")
    text = build_card(folder).text
    table = section(text, "Stated, not computed")
    assert "| CE loss recovered | – | – | 0.95 | 20480 | not stated | – |  | [" in table
    assert "[1] the paper, table 2" in table
    assert "a notebook" in table
    assert "| Alive latents | `b` | – | 0.1 | 100 | not stated | – | of 1,000 prompts |" in table
    assert "model-index" not in text
    assert "Computed by hubkit" not in text
    heads = [line for line in text.split("\n") if line.startswith("| sae_id |")]
    assert heads == ["| sae_id | architecture | layer | d_sae | k | findings |"]


def test_every_stated_fact_is_where_it_says_and_says_who_states_it(tmp_path: Path) -> None:
    import yaml

    folder = variants.stated(tmp_path / "release")
    document = yaml.safe_load((folder / "evidence.yaml").read_text("utf-8"))
    named = {name: fact for name, fact in flat(quotable(facts_of(folder))) if name.startswith("stated.")}
    assert named["stated.sae.b.d_max"].value == 0.4
    assert named["stated.layer.3.probe_auroc"].stated == "stated by the author, n = 100, source: a notebook"
    assert "stated.release.ce_loss_recovered" in named
    for fact in named.values():
        assert resolve(document, fact.source.pointer) == fact.value
        assert fact.stated


def test_what_a_training_counted_is_quoted_with_its_pointer(tmp_path: Path) -> None:
    folder = variants.lens(tmp_path / "release")
    named = dict(flat(quotable(facts_of(folder))))
    fact = named["stated.sae.a.l0"]
    assert (fact.value, fact.source.file, fact.source.pointer) == (3.5, "a/cfg.json", "/metadata/l0")
    assert fact.stated.startswith("stated by the training, n not stated")


def test_old_files_give_a_card_without_a_computed_number(tmp_path: Path) -> None:
    """The goldens' own files of schema :1, in a release of today's."""
    from cards.seeds import gemma4_e2b

    folder = write(gemma4_e2b(), tmp_path / "release", small=True)
    old = Path(__file__).parents[1] / "release" / "v1" / "gemma4_e2b"
    for path in old.rglob("*.json"):
        (folder / path.relative_to(old)).write_bytes(path.read_bytes())
    text = build_card(folder).text
    assert "without the record that hubkit computed them" in text
    assert "| Explained variance | 0.995 | 38 | training rows |" in text
    assert " Null: 95 % point of the maximum over as many independent latents." in text
    assert "| 1.66: not above its null |" in text
    assert "Computed by hubkit" not in text


def test_the_model_index_says_over_what_and_on_how_many_rows(computed: Path) -> None:
    (entry,) = model_index(facts_of(computed))
    names = [result["dataset"]["name"] for result in entry["results"]]
    assert names == [
        "median of 4 jumprelu SAEs over 2 layers and 2 conditions",
        "median of 4 topk SAEs over 2 layers and 2 conditions",
    ]
    metrics = [metric["name"] for result in entry["results"] for metric in result["metrics"]]
    assert all(re.search(r", n = 100$", name) for name in metrics)


def test_scenarios_are_counted_and_those_without_a_decisive_completion(computed: Path) -> None:
    text = build_card(computed).text
    assert "15 scenarios are on record, 1 of them without a decisive completion." in text


def test_a_card_is_stale_when_its_evidence_changes(tmp_path: Path) -> None:
    folder = variants.stated(tmp_path / "release")
    build_card(folder)
    assert not validate(open_folder(folder), Selection(select=("CARD013",))).findings
    path = folder / "evidence.yaml"
    path.write_text(path.read_text("utf-8").replace("0.95", "0.96"), "utf-8")
    assert validate(open_folder(folder), Selection(select=("CARD013",))).findings


def codes(folder: Path, select: str) -> list[str]:
    return [
        finding.message for finding in validate(open_folder(folder), Selection(select=(select,))).findings
    ]


def test_an_impossible_stated_value_and_a_stranger_are_found(tmp_path: Path) -> None:
    folder = variants.stated(tmp_path / "release")
    path = folder / "evidence.yaml"
    path.write_text(path.read_text("utf-8").replace("sae_id: a\n", "sae_id: zz\n"), "utf-8")
    assert codes(folder, "EVL009") == ["states values of SAEs that are not here: zz"]
    path.write_text(path.read_text("utf-8").replace("value: 0.8\n", "value: 1.8\n"), "utf-8")
    assert "line" in codes(folder, "EVL009")[0]  # outside its interval
    (message,) = codes(folder, "EVL002")
    assert "probe_cv_balanced_accuracy is 1.8, above 1" in message


def test_somebody_elses_evidence_yaml_is_not_judged(tmp_path: Path) -> None:
    folder = variants.plain(tmp_path / "release")
    (folder / "evidence.yaml").write_text("exhibits: [1, 2]\n", "utf-8")
    assert codes(folder, "EVL") == []


def test_the_example_of_the_documentation_is_one() -> None:
    (example,) = re.findall(
        r"```yaml\n(\$schema: urn:hubkit:evidence.*?)```", DOCS.read_text("utf-8"), re.DOTALL
    )
    found = read_evidence(example, "docs/cards.md", CATALOGUE)
    assert (len(found.values), len(found.tallies)) == (2, 1)


def test_init_says_where_numbers_belong(tmp_path: Path) -> None:
    folder = variants.plain(tmp_path / "release")
    (folder / "card.yaml").unlink()
    path = write_settings(look(folder), {})
    assert "evidence.yaml beside this file, each with its n and source" in path.read_text("utf-8")


@pytest.mark.parametrize(
    ("metadata", "code"),
    [
        (
            {"model_class_name": "HookedTransformer", "model_name": "gpt2-small", "prepend_bos": True, "context_size": 128, "model_from_pretrained_kwargs": {"center_writing_weights": True}},
            [
                'HookedTransformer.from_pretrained_no_processing("gpt2-small", device="cpu", center_writing_weights=True)',
                'model.to_tokens("Your text here", prepend_bos=True)[:, :128]',
            ],
        ),
        (
            {"model_class_name": "HookedTransformer", "prepend_bos": False, "hook_name": "blocks.2.attn.hook_z", "hook_head_index": 3},
            ['from_pretrained_no_processing("gpt2", device="cpu")', "prepend_bos=False)", "cache[hook][0][:, 3]"],
        ),
        (
            {"model_class_name": "AutoModelForCausalLM", "hf_hook_name": "transformer.h.2", "prepend_bos": True},
            ["add_special_tokens=False", "tokenizer.bos_token_id"],
        ),
        (
            {"model_class_name": "AutoModelForCausalLM", "hf_hook_name": "transformer.h.2", "prepend_bos": False, "context_size": 64},
            ["add_special_tokens=False", "tokens = tokens[:, :64]"],
        ),
    ],
)  # fmt: skip
def test_the_code_feeds_what_the_sae_was_trained_on(
    tmp_path: Path, metadata: dict[str, Any], code: list[str]
) -> None:
    folder = variants.put(tmp_path / "release", variants.sae("a", "standard", **metadata))
    text = build_card(folder).text
    assert [line for line in code if line not in text] == []
    assert "What the code feeds" not in text


def test_what_cfg_json_records_of_a_training_is_in_the_card(tmp_path: Path) -> None:
    details = {"k": 20, "lr": 3e-4, "training_tokens": 200_000_000}
    own = {"training_architecture": "batchtopk", "training_architecture_details": details, "dataset_path": "some/text", "context_size": 1024, "prepend_bos": False, "neuronpedia_id": "n/1"}  # fmt: skip
    text = build_card(variants.put(tmp_path / "release", variants.sae("a", "jumprelu", **own))).text
    table = section(text, "Training configuration")
    for row in ("| Dataset | some/text |", "| Context, tokens | 1,024 |", "| BOS token first | no |", "| Neuronpedia | n/1 |", "| `k` | 20 |", "| `training_tokens` | 200,000,000 |"):  # fmt: skip
        assert row in table
    assert "no cfg.json records it" not in text
    assert "; batchtopk target k = 20" in text


def test_a_legacy_configuration_states_its_training_too(tmp_path: Path) -> None:
    files = variants.sae("a", "standard")
    legacy = {"d_in": 768, "d_sae": 32, "model_name": "gpt2-small", "hook_point": "blocks.2.hook_resid_pre", "dataset_path": "d", "lr": 4e-4, "l1_coefficient": 8e-5, "context_size": 128, "dtype": "float32", "device": "cpu"}  # fmt: skip
    text = build_card(
        variants.put(tmp_path / "release", files | {"a/cfg.json": json.dumps(legacy).encode()})
    ).text
    table = section(text, "Training configuration")
    assert "| `l1_coefficient` | 8e-05 |" in table
    assert "BOS" not in table


def test_a_count_that_cannot_be_is_in_no_table_and_no_sentence(tmp_path: Path) -> None:
    text = variants.card("half_bits", tmp_path)
    assert "2,000" not in text
    assert "2000" not in text
    assert "dead latents, as the training counted them" not in text
    (row,) = [line for line in text.split("\n") if line.startswith("| `b` |") and "topk" in line]
    assert row.endswith("| EVL002 |")
    (other,) = [line for line in text.split("\n") if line.startswith("| `a` |") and "topk" in line]
    assert "EVL002" not in other


def test_a_count_that_can_be_is(tmp_path: Path) -> None:
    assert text_rows(variants.card("all_bits", tmp_path)) == ["`a` | 20 |", "`b` | 20 |"]


def text_rows(card: str) -> list[str]:
    """SAE and count of the table of dead latents."""
    title = "| dead latents, as the training counted them | "
    return [
        line.partition(title)[2].partition(" [")[0].removesuffix(" |") + " |"
        for line in card.split("\n")
        if title in line
    ]
