"""Real configurations from a folder outside the repository: HUBKIT_CORPUS names it. Nothing of it is committed."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path, PurePosixPath

import pytest

from hubkit.repo.local import open_folder
from hubkit.repo.memory import MemoryView
from hubkit.validate.finding import Severity
from hubkit.validate.run import validate

CORPUS = Path(os.environ.get("HUBKIT_CORPUS", ""))
pytestmark = pytest.mark.skipif(not os.environ.get("HUBKIT_CORPUS"), reason="HUBKIT_CORPUS is not set")

REVIEWED = {"CFG007": 2, "WTS001": 2, "WTS009": 1}
"""Codes of severity error over the whole corpus, read by hand: two TopK with an empty activation_fn_kwargs and weights called sae.safetensors,
and a transcoder published as `standard` whose file is 3,144 bytes larger than a standard SAE's: b_dec_out and its header entry."""
WARNED = {"CFG011": 2, "CFG017": 2, "SEC003": 1, "SEC004": 1}
"""The same for warnings, CARD001 aside: a placeholder and a missing model name, the two folders of that transcoder, /home/ubuntu, an auto_map."""


def repository(record: dict[str, object]) -> MemoryView:
    """The configuration where it stood, with weights that are listed and cannot be read."""
    path = PurePosixPath(str(record["path"]))
    view = MemoryView(
        name=str(record["repo"]), files={str(path): (CORPUS / str(record["file"])).read_bytes()}
    )
    if path.name in {"cfg.json", "config.json", "hyperparams.json"}:
        weights = record.get("weights")
        known = weights if isinstance(weights, dict) else {}
        name = "sae_weights.safetensors" if "saelens-" in str(record.get("format")) else "sae.safetensors"
        view.unreadable[str(path.parent / str(known.get("file", name)))] = int(known.get("size", 1000))
    return view


def records() -> list[dict[str, object]]:
    lines = (CORPUS / "index.jsonl").read_text(encoding="utf-8").splitlines()
    return [record for line in lines if (record := json.loads(line)).get("file")]


def test_no_rule_crashes_on_a_real_configuration_and_the_findings_are_those_read_by_hand() -> None:
    found: Counter[str] = Counter()
    warned: Counter[str] = Counter()
    families: Counter[str] = Counter()
    for record in records():
        report = validate(repository(record))
        assert not report.crashes, (record["file"], report.crashes[0].traceback)
        found.update(f.code for f in report.findings if f.severity is Severity.ERROR)
        warned.update(f.code for f in report.findings if f.severity is Severity.WARNING)
        families.update(sae.format for sae in report.saes)
    assert dict(found) == REVIEWED
    del warned["CARD001"]  # the corpus holds configurations, not repositories
    assert dict(warned) == WARNED
    assert families["saelens"] == 17
    assert families["unknown"] == 0


def test_folders_written_by_saelens_have_no_finding_but_the_true_ones() -> None:
    report = validate(open_folder(CORPUS / "generated_v6"))
    assert not report.crashes
    assert len(report.saes) == 27
    errors = Counter(f.code for f in report.findings if f.severity is Severity.ERROR)
    # never trained: thresholds 0 or at their initial value; two training checkpoints that SAE cannot load
    assert errors == {"THR001": 5, "THR002": 2, "CFG004": 2}
    assert {f.code for f in report.findings if f.severity is Severity.WARNING} == {"CARD001"}
