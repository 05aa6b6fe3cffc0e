"""Real files from a folder outside the repository: HUBKIT_CORPUS names it. Nothing of it is committed."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from corpus import THERE, Sample, samples

from hubkit.repo.local import open_folder
from hubkit.validate.alarms import FILE
from hubkit.validate.finding import Severity
from hubkit.validate.rule import REGISTRY
from hubkit.validate.run import validate

pytestmark = pytest.mark.skipif(not THERE, reason="HUBKIT_CORPUS is not set")

GOLDENS = Path(__file__).with_name("corpus_goldens.json")
"""What is found in each file, by its sha256. To write it anew: benchmarks/alarms.py; then read what changed."""

REVIEWED = {"CFG007": 2, "WTS001": 2, "WTS009": 1}
"""Errors in the configurations, read by hand: two TopK with an empty activation_fn_kwargs and weights called sae.safetensors,
and a transcoder published as `standard` whose file is 3,144 bytes larger than a standard SAE's: b_dec_out and its header entry."""
WARNED = {"CFG011": 2, "CFG017": 2, "SEC003": 1, "SEC004": 1}
"""The same for warnings: a placeholder and a missing model name, the two folders of that transcoder, /home/ubuntu, an auto_map."""

GOOD = {
    "jbloom__Gemma-2b-Residual-Stream-SAEs": "in SAELens's own registry, loaded by many",
    "SebastianZw__sae-lens-upload-demo": "written and uploaded by SAELens itself",
    "callummcdougall__arena-demos-attn2l": "a course's gated SAEs, written by SAELens, in daily use",
    "callummcdougall__othello-sae": "the same course",
    "darpanaswal__ConceptGuardSAEs": "a complete v6 configuration",
    "talibk__SAE_Lens_llama3-3B": "a complete v4 TopK with k where v4 keeps it",
    "google__gemma-scope-2": "another family, read by SAELens's converter",
    "EleutherAI__sae-": "another family, read by sparsify",
    "fnlp__Llama3_1-8B-Base": "another family, in SAELens's registry",
    "adamkarvonen__qwen_coder_32b_saes": "another family, read by dictionary_learning",
}
"""Known to be good, and why: no error or warning may fire on these."""


@pytest.fixture(scope="module")
def found() -> list[Sample]:
    return list(samples())


def counted(found: list[Sample], kind: str, severity: str) -> Counter[str]:
    return Counter(
        code.split()[0]
        for sample in found
        if sample.kind == kind
        for code in sample.codes
        if code.endswith(severity)
    )


def test_no_rule_crashes_on_a_real_file(found: list[Sample]) -> None:
    assert Counter(sample.kind for sample in found) == {
        "configurations": 57,
        "cards": 24,
        "generated folders": 27,
    }
    for sample in found:
        assert not sample.report.crashes, (sample.name, sample.report.crashes[0].traceback)


def test_every_files_findings_are_the_goldens(found: list[Sample]) -> None:
    goldens = json.loads(GOLDENS.read_text(encoding="utf-8"))
    assert {sample.key: sample.codes for sample in found} == goldens


def test_the_shipped_alarm_rates_are_those_of_the_goldens(found: list[Sample]) -> None:
    fired: dict[str, Counter[str]] = {}
    for sample in found:
        for code in {line.split()[0] for line in sample.codes}:
            fired.setdefault(code, Counter())[sample.kind] += 1
    shipped = json.loads(FILE.read_text(encoding="utf-8"))
    assert shipped["fired"] == fired
    assert shipped["asked"] == sorted(REGISTRY), "run: python benchmarks/alarms.py"


def test_the_errors_and_warnings_are_those_read_by_hand(found: list[Sample]) -> None:
    assert counted(found, "configurations", "error") == REVIEWED
    assert counted(found, "configurations", "warning") == WARNED


def test_good_repositories_are_left_alone(found: list[Sample]) -> None:
    judged = Counter[str]()
    for sample in found:
        good = next((name for name in GOOD if name in sample.name), None)
        if good:
            judged[good] += 1
            assert not [code for code in sample.codes if not code.endswith("note")], (
                sample.name,
                sample.codes,
            )
    assert judged.keys() == GOOD.keys()


def test_families_are_recognised(found: list[Sample]) -> None:
    families = Counter(
        sae.family.name for sample in found if sample.kind == "configurations" for sae in sample.report.saes
    )
    assert families["saelens"] == 17
    assert families["unknown"] == 0


def test_folders_written_by_saelens_have_no_finding_but_the_true_ones() -> None:
    from corpus import FOLDER

    report = validate(open_folder(FOLDER / "generated_v6"))
    assert not report.crashes
    assert len(report.saes) == 27
    errors = Counter(f.code for f in report.findings if f.severity is Severity.ERROR)
    # never trained: thresholds 0 or at their initial value; two training checkpoints that SAE cannot load; all of d_in 16, and said to be of gpt2
    assert errors == {"THR001": 5, "THR002": 2, "CFG004": 2, "HOOK003": 27}
    # made without a hook_name_out, and with atoms of random norms
    assert Counter(f.code for f in report.findings if f.severity is Severity.WARNING) == {
        "CARD001": 1,
        "CFG011": 4,
        "WTS010": 4,  # some folders differ in their configuration only
    }
