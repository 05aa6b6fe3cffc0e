"""evidence.yaml: strict, with the line of every mistake; and what was written before it was there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubkit.errors import UsageError
from hubkit.measures.catalogue import CATALOGUE
from hubkit.release.digests import changed_since, values_sha256
from hubkit.release.evidence import (
    Evidence,
    StatedValue,
    load_evidence,
    of_evaluation,
    of_metrics,
    read_evidence,
)
from hubkit.release.metrics import Evaluation, MetricValue, NullReference, SaeMetrics
from hubkit.release.pool import PoolManifest
from hubkit.release.provenance import Provenance, ScenarioCount

OLD = Path(__file__).with_name("v1")
SEEDS = ("nanochat_d32", "smollm2_135m", "tinyllama", "gemma4_e2b")
GOOD = """\
$schema: urn:hubkit:evidence:1
source: the paper, https://example.org
values:
- measure: l0
  sae_id: a/b
  value: 64
  n: 4096
  split: held_out
  interval: [60, 70]
  null:
    kind: permutation
    quantiles:
      0.95: 70.5
- name: CE loss recovered
  layer: 3
  value: 0.97
  n: null
  source: a notebook
  note: on OpenWebText
tallies:
- {subject: probes, reference: raw, measure: probe_auroc, above: 3, total: 5, split: train}
"""


def told(text: str) -> str:
    with pytest.raises(UsageError) as error:
        read_evidence(text, "evidence.yaml", CATALOGUE)
    return error.value.message


def test_what_an_author_writes_is_read_and_written_back(tmp_path: Path) -> None:
    found = read_evidence(GOOD, "evidence.yaml", CATALOGUE)
    first, second = found.values
    assert (first.n, first.null_point, first.interval, found.source_of(first)) == (
        4096,
        70.5,
        (60.0, 70.0),
        "the paper, https://example.org",
    )
    assert (second.n, second.layer, found.source_of(second)) == (None, 3, "a notebook")
    found.save(tmp_path / "evidence.yaml")
    assert load_evidence(tmp_path, CATALOGUE) == found
    assert load_evidence(tmp_path / "elsewhere") is None


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("  n: 4096\n", "", 4, "values.0.n: Field required"),
        ("value: 64", "value: many", 6, "values.0.value: Input should be a valid number"),
        ("value: 64", "value: .nan", 6, "values.0.value: Input should be a finite number"),
        ("n: 4096", "n: 0", 7, "values.0.n: Input should be greater than or equal to 1"),
        ("note:", "notes:", 19, "values.1.notes: Extra inputs are not permitted"),
        ("measure: l0", "measure: l00", 4, "'l00' is no measure of hubkit"),
        ("  layer: 3", "  sae_id: a\n  layer: 3", 14, "of an SAE (`sae_id`) or of a `layer`"),
        ("- name: CE loss recovered", "- measure: l0\n  name: x", 14, "either a `measure`"),
        ("interval: [60, 70]", "interval: [65, 70]", 9, "lies outside"),
        ("source: the paper, https://example.org\n", "", 1, "values.0 has no source"),
    ],
)
def test_every_mistake_is_told_with_its_line(old: str, new: str, line: int, words: str) -> None:
    assert old in GOOD
    message = told(GOOD.replace(old, new, 1))
    assert words in message
    assert f"line {line}: " in message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: &x 1\nb: *x\n", "YAML alias"),
        ("values: []\nvalues: []\n", "values stands twice"),
        ("values: [\n", "not YAML"),
        ("[" * 5000, "not YAML"),
        ("- 1\n", "the file: Input should be"),
        ("!!python/object/apply:os.system ['true']", "not YAML"),
        ("source: a\x00b", "not YAML"),
    ],
)
def test_what_would_hide_something_is_refused(text: str, words: str) -> None:
    assert words in told(text)


@given(st.text(max_size=300))
def test_any_text_is_read_or_refused_in_words(text: str) -> None:
    try:
        read_evidence(text, "evidence.yaml")
    except UsageError as error:
        assert error.message.startswith("evidence.yaml: ")


@pytest.mark.parametrize("name", SEEDS)
def test_old_evaluations_are_read_with_all_their_values_and_none_counts_as_computed(name: str) -> None:
    path = OLD / name / "evaluation.json"
    raw = json.loads(path.read_bytes())
    found = Evaluation.load(path)
    assert raw["$schema"] == "urn:hubkit:evaluation:1"
    assert found.schema_ == "urn:hubkit:evaluation:2"
    assert not found.is_computed
    values = [value for sae in found.saes for value in sae.values]
    old = [value for sae in raw["saes"] for value in sae["values"]]
    assert [(v.measure, v.value, v.n, v.split) for v in values] == [
        (v["measure"], v["value"], v["n"], v["split"]) for v in old
    ]
    for value, before in zip(values, old, strict=True):
        if before["null"]:
            assert isinstance(value.null, NullReference)
            assert (value.null_level, value.null.kind) == (before["null"]["value"], before["null"]["kind"])
            assert (value.null_point is not None) == before["null"]["kind"].startswith("95 % point")
    stated = of_evaluation(found)
    layers = sum(len(layer["values"]) for layer in raw["layers"])
    assert len(stated.values) == len(old) + layers + len(raw["comparisons"])
    assert read_evidence(_yaml(stated), "evidence.yaml", CATALOGUE) == stated


def _yaml(evidence: Evidence) -> str:
    import yaml

    return str(yaml.safe_dump(evidence.model_dump(mode="json", by_alias=True)))


EVERY_FIELD = {
    "measure": "l0", "version": 1, "value": 31.4, "n": 900, "n_effective": 80, "split": "held_out", "interval": [30.0, 33.0], "null": 20.0, "reason": "said",
    "contrast": "a against b", "interval_method": "bootstrap", "spread": {"kind": "sd", "value": 1.0}, "correction": "Bonferroni", "detectable": 0.1,
    "n_pairs": 843, "label": "honest",
}  # fmt: skip


@pytest.mark.parametrize("field", sorted(MetricValue.model_fields))
def test_every_field_of_a_computed_value_can_be_there_once_it_is_stated(field: str) -> None:
    needed = {name for name, one in MetricValue.model_fields.items() if one.is_required()}
    value = MetricValue.model_validate({name: EVERY_FIELD[name] for name in {*needed, field}})
    (found,) = of_metrics(SaeMetrics.model_construct(sae_id=".", values=[value]))
    assert found.sae_id == "."
    assert (found.note == "rows labelled honest") == (field == "label"), "no second value of all rows"
    if field in StatedValue.model_fields:
        assert getattr(found, field) == getattr(value, field)


@pytest.mark.parametrize("name", SEEDS)
def test_old_metrics_and_provenance_are_read(name: str, tmp_path: Path) -> None:
    (path,) = (OLD / name).glob("*/metrics.json")
    assert SaeMetrics.load_ours(path) == Evaluation.load(OLD / name / "evaluation.json").sae(path.parent.name)
    provenance = Provenance.load_ours(OLD / name / "provenance.json")
    assert provenance is not None
    assert (provenance.schema_, provenance.evaluation) == ("urn:hubkit:provenance:2", None)
    provenance.save(tmp_path / "provenance.json")
    assert Provenance.load(tmp_path / "provenance.json") == provenance


def test_an_old_pool_is_read() -> None:
    pool = PoolManifest.load(OLD / "manifest.json")
    assert (pool.schema_, pool.scenarios, len(pool.rows)) == ("urn:hubkit:pool:2", [], 2)


def test_the_record_of_a_computation_holds_until_a_value_is_changed(tmp_path: Path) -> None:
    found = Evaluation.load(OLD / "tinyllama" / "evaluation.json").recorded("0.1.0")
    path = tmp_path / "evaluation.json"
    found.save(path)
    assert Evaluation.load(path).is_computed
    raw = json.loads(path.read_bytes())
    assert changed_since(raw) is False
    raw["saes"][0]["warnings"] = ["something"]
    raw["saes"][0]["values"][0]["contrast"] = None
    raw["saes"][0]["values"][0]["n"] = float(raw["saes"][0]["values"][0]["n"])
    assert changed_since(raw) is False, "what says nothing, and the form of a number, are no change"
    raw["saes"][0]["values"][0]["value"] += 1e-9
    assert changed_since(raw) is True
    path.write_text(path.read_text("utf-8").replace('"n":84', '"n":85', 1), "utf-8")
    assert not Evaluation.load(path).is_computed
    del raw["computed"]
    assert changed_since(raw) is None
    assert values_sha256(raw) != found.computed.values_sha256  # type: ignore[union-attr]


def test_a_null_needs_to_say_where_it_is() -> None:
    with pytest.raises(ValueError, match="needs a mean, or a quantile"):
        NullReference(kind="x")
    assert NullReference(kind="x", mean=0.5).level == 0.5
    assert NullReference(kind="x", mean=0.5).point is None
    assert NullReference(kind="x", mean=0.5, quantiles={"0.95": 0.7}).level == 0.7


def test_zero_is_something() -> None:
    null = NullReference(kind="no difference", mean=0.0)
    assert NullReference.model_validate_json(null.model_dump_json()) == null
    stated = Evidence(source="x", values=[StatedValue(measure="d_max", layer=0, value=0.0, n=1, null=0.0)])
    assert read_evidence(_yaml(stated), "evidence.yaml", CATALOGUE) == stated
    count = ScenarioCount(scenario_id="s", sampled=0)
    assert ScenarioCount.model_validate_json(count.model_dump_json()) == count
