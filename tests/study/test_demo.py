"""`hubkit demo`, looked at from outside: its folder, its card, its Hub. Every claim it prints is checked again here."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import numpy as np
import pytest
from demo_run import DemoRun, run_demo
from ledger.places import is_file, values
from ledger.table import rules
from safetensors.numpy import load_file
from whole_values import lacking
from whole_values import values as every_value

from hubkit.cards.checksums import Checksums, is_digested
from hubkit.cards.snippets import run_card
from hubkit.cards.text import interval
from hubkit.readme.document import parse_readme
from hubkit.release.digests import sha256_of_json
from hubkit.release.metrics import Evaluation, SaeMetrics
from hubkit.release.provenance import Provenance
from hubkit.repo.local import open_folder
from hubkit.study.pipeline import run_study
from hubkit.study.study import load_study
from hubkit.train.plan import CrossFit
from hubkit.train.run import Options
from hubkit.validate.finding import Severity
from hubkit.validate.run import validate

pytestmark = pytest.mark.train


def sae_folders(release: Path) -> list[Path]:
    return sorted(path.parent for path in release.glob("*/cfg.json"))


def test_it_holds_and_says_so(demo: DemoRun) -> None:
    assert demo.code == 0, demo.answer
    assert demo.answer["holds"] is True
    assert all(proof["holds"] for proof in demo.answer["proofs"])


def test_the_release_is_whole_and_validates_clean(demo: DemoRun) -> None:
    release = Path(demo.answer["release"])
    assert len(sae_folders(release)) == 18
    report = validate(open_folder(release))
    assert report.complete
    assert [f for f in report.findings if f.severity > Severity.NOTE] == []


def test_every_value_has_what_it_stands_on_or_a_reason(demo: DemoRun) -> None:
    evaluation = json.loads((Path(demo.answer["release"]) / "evaluation.json").read_text(encoding="utf-8"))
    assert lacking(evaluation) == []
    told = {(value["measure"], value["split"]) for _, value in every_value(evaluation)}
    assert {("seed_agreement", "train"), ("seed_activation_agreement", "crossfit")} <= told
    assert ("seed_activation_agreement", "train") not in told


def test_every_threshold_moved_on_the_learned_and_none_on_the_naive(demo: DemoRun) -> None:
    for folder in sae_folders(Path(demo.answer["release"])):
        tensors = load_file(folder / "sae_weights.safetensors")
        if "jumprelu" in folder.name:
            init = json.loads((folder / "cfg.json").read_text(encoding="utf-8"))["metadata"][
                "training_architecture_details"
            ]["jumprelu_init_threshold"]
            assert (tensors["threshold"] == np.float32(init)).mean() < 0.01
            assert tensors["threshold"].std() > 0
        else:
            assert "threshold" not in tensors
    (naive,) = sae_folders(Path(demo.answer["naive"]))
    assert not load_file(naive / "sae_weights.safetensors")["threshold"].any()


def test_the_naive_release_is_thr001_refused_and_disclosed(demo: DemoRun) -> None:
    release = Path(demo.answer["naive"])
    report = validate(open_folder(release))
    assert [f.code for f in report.findings if f.severity > Severity.NOTE] == ["THR001"]
    assert "THR001" in demo.answer["refusal"]
    card = (release / "README.md").read_text(encoding="utf-8")
    assert (
        "**Every threshold is 0: this JumpReLU computes a plain ReLU.** This SAE: see [Limitations]" in card
    )
    assert "- **Every threshold is 0: this JumpReLU computes a plain ReLU.** This SAE (THR001).\n" in card


def test_the_cards_numbers_are_those_of_the_files(demo: DemoRun) -> None:
    release = Path(demo.answer["release"])
    card = (release / "README.md").read_text(encoding="utf-8")
    rows = {
        m.group(1): m.group(0)
        for m in re.finditer(r"^\| `([^`]+)` \| (?:topk|jumprelu).*$", card, re.MULTILINE)
    }
    assert len(rows) == 18
    for sae_id, row in rows.items():
        metrics = SaeMetrics.load(release / sae_id / "metrics.json")
        for measure, split in (
            ("explained_variance", "crossfit"),
            ("l0", "crossfit"),
            ("alive_share", "train"),
            ("probe_balanced_accuracy", "crossfit"),
        ):
            metric = metrics.get(measure, split)
            assert metric is not None
            assert metric.value is not None
            assert metric.interval is not None
            assert interval(metric) in row
    assert card.count("**18 SAEs**: 9 jumprelu, 9 topk") == 1


def test_the_card_is_current_and_its_front_matter_is_the_hubs(demo: DemoRun) -> None:
    release = Path(demo.answer["release"])
    front = parse_readme((release / "README.md").read_text(encoding="utf-8")).front_matter
    assert front is not None
    assert front["library_name"] == "saelens"
    assert front["base_model"] == "hubkit/lab-llama-6x64"
    assert front["hubkit"]["facts_sha256"] == sha256_of_json(Checksums.of(release).get())


def test_the_cards_code_gives_the_cards_l0_and_explained_variance(demo: DemoRun) -> None:
    card = (Path(demo.answer["release"]) / "README.md").read_text(encoding="utf-8")
    assert "Not run" not in card
    assert "*Ran as printed with sae-lens" in card
    said = re.findall(r"^assert abs\((l0|variance) - ([\d.]+)\) <= ([\d.]+)$", card, re.MULTILINE)
    got = re.search(r"L0 ([\d.]+); .*\nexplained variance ([\d.]+);", demo.answer["snippet"]["output"])
    assert got is not None
    assert [name for name, _, _ in said] == ["l0", "variance"]
    for (_, stated, far), computed in zip(said, got.groups(), strict=True):
        assert abs(float(computed) - float(stated)) <= float(far)


def test_the_cards_code_fails_on_rows_that_the_sae_was_not_trained_on(demo: DemoRun) -> None:
    """Every token of the prompt and the response, as code that forgets pooling and span would take them."""
    release = Path(demo.answer["release"])
    card = (release / "README.md").read_text(encoding="utf-8")
    wrong, count = re.subn(r"rows\.append\(.*\)\n", 'rows.extend(captured["x"])\n', card)
    assert count == 1
    outcome = run_card(wrong, release, base_model=demo.folder / "model")
    assert not outcome.ok
    assert "AssertionError" in outcome.sentence


def test_what_the_seed_ledger_calls_computed_stands_in_the_release(demo: DemoRun) -> None:
    """docs/seeds.md: every pointer into a file of a release reaches a value in this one. The demo trains by steps, and records no epochs; it has one
    judge, and so no agreement (`tests/collect/test_collect_relabel.py` has); it runs no experiments (`tests/experiments/test_experiments_of_a_study.py` has)."""
    wheres = {rule.where for rule in rules() if is_file(rule.where)} - {
        "<sae_id>/cfg.json /metadata/hubkit/epochs"
    }
    elsewhere = ("agreement.json", "evaluation.json /steering", "evaluation.json /transfers")
    wheres = {where for where in wheres if not where.startswith(elsewhere)}
    assert len(wheres) > 20
    assert [where for where in sorted(wheres) if not values(Path(demo.answer["release"]), where)] == []


def test_no_placeholder_is_left_in_any_card(demo: DemoRun) -> None:
    for release in (demo.answer["release"], demo.answer["naive"]):
        card = (Path(release) / "README.md").read_text(encoding="utf-8")
        assert not re.search(r"TODO|\{\{|\}\}|None|Undefined|nan\b", card)


def test_provenance_names_every_file_with_its_checksum(demo: DemoRun) -> None:
    release = Path(demo.answer["release"])
    provenance = Provenance.load(release / "provenance.json")
    assert provenance.grid.size == 18
    listed = {entry.path for entry in open_folder(release).list() if is_digested(entry.path)}
    assert set(provenance.files) == listed
    for path, digest in provenance.files.items():
        assert hashlib.sha256((release / path).read_bytes()).hexdigest() == digest


def git_blob_id(data: bytes) -> str:
    """As `git hash-object` names it."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def test_the_hubs_commit_has_the_folders_bytes(demo: DemoRun) -> None:
    """Read the store itself: every published file is there under git's or LFS's name for its bytes."""
    release = Path(demo.answer["release"])
    hub = demo.folder / "hub" / "objects"
    stored = {
        path.parent.name + path.name for path in hub.rglob("*") if path.is_file()
    }  # by the first two digits, as git does
    for entry in open_folder(release).list():
        if entry.path != "card.yaml":
            path = release / entry.path
            assert stored & {git_blob_id(path.read_bytes()), hashlib.sha256(path.read_bytes()).hexdigest()}, (
                entry.path
            )
    commits = [
        path.name for path in (demo.folder / "hub" / "repos" / "models--hubkit-demo--lab-saes").rglob("*")
    ]
    assert any(demo.answer["commit"] in name for name in commits)


def test_the_signal_is_where_it_was_planted(demo: DemoRun) -> None:
    layers = {int(layer): values[0]["value"] for layer, values in demo.answer["layers"].items()}
    assert layers[5] >= 0.8 * 0.85
    assert layers[0] < layers[5] - 0.1


def test_numbers_come_with_n_split_and_interval(demo: DemoRun) -> None:
    evaluation = Evaluation.load(Path(demo.answer["release"]) / "evaluation.json")
    values = [value for sae in evaluation.saes for value in sae.values] + [
        c.difference for c in evaluation.comparisons
    ]
    assert len(values) == 18 * 43 + 12 * 2 + 6 * 7 + 18, (
        "43 of each, three of them of other seeds; membership of each SAE of one label; d and AUROC of the latents of the others, of which one label chose no row; and the comparisons"
    )
    assert all(value.n > 0 and value.split in {"train", "crossfit", "control"} for value in values)
    unmeasured = [value for value in values if value.interval is None]
    reasons = {
        "probe_new_scenarios_balanced_accuracy": "5 of 5 SAEs of the folds were not trained",
        "probe_balanced_accuracy_difference": "the rows that train its probe were seen by the SAE where they have",
    }
    assert {value.measure for value in unmeasured} == reasons.keys()
    assert all(reasons[value.measure] in str(value.reason) for value in unmeasured)


def test_a_second_run_does_nothing_and_ends_at_the_same_commit(demo: DemoRun) -> None:
    release = Path(demo.answer["release"])
    before = {path: path.stat().st_mtime_ns for path in release.rglob("*") if path.is_file()}
    again = run_demo(demo.folder)
    assert again.code == 0
    assert again.answer["commit"] == demo.answer["commit"]
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_its_study_is_finished_and_run_as_the_demo_says_computes_nothing(demo: DemoRun) -> None:
    """Without `--rows-only` whole scenarios would be held out too: 90 more SAEs."""
    release, events = Path(demo.answer["release"]), []
    before = {path: path.stat().st_mtime_ns for path in release.rglob("*") if path.is_file()}
    study = load_study(demo.folder / "study.yaml")
    run_study(
        study,
        demo.folder,
        options=Options(CrossFit(scenarios=False, control=False), workers=1),
        report=events.append,
    )
    assert {event.stage for event in events} <= {"collect", "train"}
    assert all(event.done == event.total for event in events), "what is there is said to be there"
    assert {path: path.stat().st_mtime_ns for path in before} == before


def test_the_null_variant_shows_nothing(null_demo: DemoRun) -> None:
    """No layer and no SAE leaves chance: the family of 3 layers and 18 probes is judged as one, by Bonferroni."""
    assert null_demo.code == 0, null_demo.answer
    evaluation = Evaluation.load(Path(null_demo.answer["release"]) / "evaluation.json")
    probes = [layer.get("probe_balanced_accuracy") for layer in evaluation.layers]
    probes += [sae.get("probe_balanced_accuracy", "crossfit") for sae in evaluation.saes]
    standard_errors = [
        (p.value - 0.5) / (0.5 / p.n**0.5) for p in probes if p is not None and p.value is not None
    ]
    assert len(standard_errors) == 21
    assert max(map(abs, standard_errors)) < 3.04  # 0.05 / 21, two-sided
    assert abs(float(np.mean(standard_errors))) < 1.0
