"""A release that carries its pool: what goes in, what its card says, that the gate asks for it, and that the numbers of the lab study come back from it alone."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import yaml
from safetensors.numpy import save_file
from study.test_study_file import STUDY, written

from hubkit.errors import HubkitError, UsageError
from hubkit.evaluate.numbers import FOLDS
from hubkit.publish.gate import check_gate
from hubkit.publish.rehearse import local_hub, publish_locally
from hubkit.release.activations import check_layer
from hubkit.release.digests import sha256_of_file
from hubkit.release.pool import Activations, PoolManifest
from hubkit.release.pool_extras import ExtraRow, ExtraSet, PoolExtras, forget_extras, read_extras
from hubkit.release.provenance import Provenance
from hubkit.study.pipeline import StudyFolders, describe, study_folders
from hubkit.study.published_pool import publish_pool
from hubkit.study.several import load_studies
from hubkit.study.study import Study, load_study

if TYPE_CHECKING:
    from demo_run import DemoRun

pytestmark = [
    pytest.mark.train,
    pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning", "ignore::UserWarning"),
]

POOL = {"license": "cc-by-4.0", "privacy": "Sampled from the lab model, whose words name nobody."}


def with_pool(pool: dict[str, Any] | None) -> dict[str, Any]:
    return {"owner": "hubkit-demo", "repository": "{owner}/{slug}"} | ({"pool": pool} if pool else {})


@pytest.fixture
def lab(demo: DemoRun, tmp_path: Path) -> Path:
    """The demo's study with the release that it left, to be described again."""
    for name in ("lab-saes", "work", "model", "study.yaml"):
        source = demo.folder / name
        if source.is_file():
            shutil.copy(source, tmp_path / name)
        else:
            shutil.copytree(
                source, tmp_path / name, ignore=shutil.ignore_patterns("folds", "control", "units")
            )
    return tmp_path


def described(lab: Path, pool: dict[str, Any] | None) -> tuple[Study, StudyFolders]:
    raw = yaml.safe_load((lab / "study.yaml").read_text(encoding="utf-8")) | {"publish": with_pool(pool)}
    (lab / "study.yaml").write_text(yaml.safe_dump(raw), encoding="utf-8")
    study = load_studies(lab / "study.yaml")[0]
    where = study_folders(study, lab)
    describe(study, PoolManifest.load(where.pool / "manifest.json"), where)
    return study, where


def test_the_pool_is_there_when_it_is_asked_for_and_gone_when_it_is_not(lab: Path) -> None:
    study, where = described(lab, POOL)
    pool = where.release / "pool"
    lines = [
        json.loads(line) for line in (pool / "completions.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    assert len(lines) == 256
    assert {said["role"] for line in lines for said in line["judgements"]} == {"decides"}
    assert (pool / "activations" / "manifest.json").read_bytes() == (
        where.pool / "manifest.json"
    ).read_bytes()
    record = Provenance.load(where.release / "provenance.json")
    assert record.published_pool is not None
    assert (record.published_pool.license, record.published_pool.completions) == ("cc-by-4.0", 256)
    assert "pool/completions.jsonl" in record.files
    card = (where.release / "README.md").read_text(encoding="utf-8")
    assert "The pool is in this repository" in card
    assert POOL["privacy"] in card
    check_gate(where.release)
    changed = (pool / "completions.jsonl").stat().st_mtime_ns
    publish_pool(study, PoolManifest.load(where.pool / "manifest.json"), where.work, where.release)
    assert (pool / "completions.jsonl").stat().st_mtime_ns == changed, "nothing is copied twice"
    described(lab, None)
    assert not pool.exists()
    assert "The pool is in" not in (where.release / "README.md").read_text(encoding="utf-8")
    check_gate(where.release)


def test_what_is_kept_beside_the_pool_goes_with_it_and_over_none_of_its_layers(lab: Path) -> None:
    here = next((lab / "work").rglob("manifest.json")).parent
    pool, rng = PoolManifest.load(here / "manifest.json"), np.random.default_rng(5)
    row = pool.rows[0]
    kept = ExtraRow(
        completion_id=row.completion_id, scenario_id=row.scenario_id, control="neutral", label=row.label
    )
    (here / "controls").mkdir()
    layers = []
    for layer in pool.layers:
        rows = rng.normal(size=(1, pool.d_in)).astype(np.float32)
        save_file({"activations": rows}, here / "controls" / layer.file)
        file = f"controls/{layer.file}"
        layers.append(layer.model_copy(update={"file": file, "sha256": sha256_of_file(here / file)}))
    taken = Activations(dtype="float32", device="cpu", batch_size=1, taken="afterwards")
    PoolExtras(
        pool_sha256=pool.inputs_sha256, d_in=pool.d_in, distances=[], activations=taken,
        sets=[ExtraSet(name="controls", rows=[kept], layers=layers)], inputs_sha256="x",
    ).save(here / "extras.json")  # fmt: skip
    _, where = described(lab, POOL)
    there = where.release / "pool" / "activations"
    for layer in (*pool.layers, *layers):
        assert check_layer(there, layer).read_bytes() == (here / layer.file).read_bytes()
    extras = read_extras(there, pool)
    assert extras is not None
    assert extras.named("controls") is not None
    check_gate(where.release)
    forget_extras(here)
    described(lab, POOL)
    assert {one.name for one in there.iterdir()} == {"manifest.json", *(layer.file for layer in pool.layers)}


def test_the_gate_refuses_a_pool_that_nobody_asked_for(lab: Path) -> None:
    (lab / "lab-saes" / "pool").mkdir()
    (lab / "lab-saes" / "pool" / "texts.jsonl").write_text('{"text": "somebody"}\n', encoding="utf-8")
    _, where = described(lab, None)
    assert (where.release / "pool" / "texts.jsonl").is_file(), (
        "what hubkit did not put there, it does not delete"
    )
    with pytest.raises(HubkitError, match=r"POOL +1 file of the release: pool/texts\.jsonl: a pool"):
        check_gate(where.release)


@pytest.mark.full
def test_the_lab_studys_numbers_come_back_from_a_repository_alone(lab: Path) -> None:
    """Its pool, its SAEs and its evaluation.json are all that is fetched."""
    study, where = described(lab, POOL)
    with local_hub(lab / "hub") as (_, api):
        publish_locally(where.release, study.card.repo_id, api, message="A release with its pool")
        where_asked = {"HF_ENDPOINT": api.endpoint, "HF_HUB_CACHE": str(lab / "cache")}
        command = [
            sys.executable,
            "-m",
            "hubkit",
            "reproduce",
            study.card.repo_id,
            "--format",
            "json",
            "--quiet",
        ]
        done = subprocess.run(
            command,
            env=os.environ | where_asked,
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
        )
    assert done.stdout, done.stderr
    said = json.loads(done.stdout)
    assert (done.returncode, said["ok"], said["counts"]["differs"]) == (0, True, 0)
    assert said["counts"]["exact"] > 200
    assert [one["why"] for one in said["cannot"]] == [FOLDS]


@pytest.mark.parametrize(
    ("pool", "words"),
    [
        ({"license": "cc-by-4.0"}, r"publish\.pool\.privacy: Field required"),
        ({"privacy": POOL["privacy"]}, r"publish\.pool\.license: Field required"),
        (POOL | {"license": "ccby4"}, r"publish\.pool\.license: .*'ccby4', expected a licence id of the Hub"),
        (POOL | {"privacy": "yes, fine"}, r"publish\.pool\.privacy: .*at least 20"),
    ],
)
def test_a_licence_and_a_note_on_privacy_are_asked_for(
    tmp_path: Path, pool: dict[str, str], words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        load_study(written(tmp_path, STUDY | {"publish": with_pool(pool)}))
