"""`hubkit run STUDY --scale tiny --push`, killed and started again, looked at from outside: counts, card, Hub, log.

Quick: one study with two of its layers. Full: every study file that ships (`test_whole_studies.py`).
"""

from __future__ import annotations

import json
import shutil
import subprocess
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from huggingface_hub import HfApi, close_session
from study.whole import command, digests, kill_in, run, small_file

from hubkit.localhub.server import RunningHub
from hubkit.publish.rehearse import local_hub
from hubkit.repo.local import open_folder
from hubkit.study.run_log import RunLog
from hubkit.study.stage import Stage
from hubkit.study.stages import StudyRun
from hubkit.study.study import load_study
from hubkit.train.plan import CrossFit
from hubkit.train.run import Options
from hubkit.validate.finding import Severity
from hubkit.validate.run import validate

pytestmark = [
    pytest.mark.train,
    pytest.mark.filterwarnings(
        "ignore:Use 'content=:DeprecationWarning", "ignore::UserWarning", "ignore::DeprecationWarning"
    ),
]
NAME = "smollm2-135m-tiny"
REPO = "hubkit-trial/lab-llama-6x64-for-smollm2-135m-saes"


@dataclass(frozen=True)
class Whole:
    """A run that was killed in training, and the one that went on."""

    folder: Path
    killed: bool
    kept: int
    """SAEs that were finished when it was killed."""
    done: subprocess.CompletedProcess[str]

    @property
    def release(self) -> Path:
        return self.folder / NAME


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunningHub, HfApi]]:
    with local_hub(tmp_path_factory.mktemp("trial-hub")) as running:
        yield running
    close_session()


@pytest.fixture(scope="module")
def whole(hub: tuple[RunningHub, HfApi], tmp_path_factory: pytest.TempPathFactory) -> Whole:
    home = tmp_path_factory.mktemp("whole")
    folder, study = home / "out", small_file(home)
    log = folder / "work" / f"{NAME}.log"
    killed = kill_in(command(study, folder), log, "  train: ", hub[0])
    kept = len(list((folder / "work" / NAME / "units").glob("*/done.json")))
    return Whole(folder, killed, kept, run(command(study, folder, "--push"), hub[0]))


def test_it_was_killed_and_went_on_to_the_end(whole: Whole) -> None:
    assert whole.killed
    assert whole.done.returncode == 0, whole.done.stderr
    assert whole.kept < 12
    assert whole.done.stdout.splitlines()[-1] == str(whole.release)


def test_counts_and_dimensions_are_the_studys_scaled(whole: Whole) -> None:
    cfgs = [json.loads(path.read_text(encoding="utf-8")) for path in whole.release.glob("*/cfg.json")]
    assert len(cfgs) == 4
    assert {(one["d_in"], one["d_sae"]) for one in cfgs} == {(64, 256)}
    assert {one["metadata"]["model_name"] for one in cfgs} == {"hubkit/lab-llama-6x64-for-smollm2-135m"}
    assert {path.parent.name.split("_")[2] for path in whole.release.glob("*/cfg.json")} == {
        "topk",
        "jumprelu",
    }


def test_it_validates_clean(whole: Whole) -> None:
    report = validate(open_folder(whole.release))
    assert report.complete
    assert [one for one in report.findings if one.severity > Severity.NOTE] == []


def test_the_card_says_what_it_is(whole: Whole) -> None:
    card = (whole.release / "README.md").read_text(encoding="utf-8")
    assert "A trial run of the study smollm2-135m, not its SAEs" in card
    assert "base_model: hubkit/lab-llama-6x64-for-smollm2-135m" in card
    assert "HuggingFaceTB" not in card


def test_it_is_on_the_hub_and_saelens_loaded_it_by_its_cards_code(
    whole: Whole, hub: tuple[RunningHub, HfApi]
) -> None:
    files = hub[1].list_repo_files(REPO)
    assert sum(name.endswith("sae_weights.safetensors") for name in files) == 4
    assert "4 SAEs" in whole.done.stderr


def test_the_summary_names_every_stage(whole: Whole) -> None:
    for stage in Stage:
        assert f" {stage}" in whole.done.stderr
    assert "was there collect" in whole.done.stderr
    assert "done      train" in whole.done.stderr


def again(whole: Whole, home: Path, options: Options) -> StudyRun:
    """The same study, from the same model."""
    shutil.copytree(whole.folder / "models", home / "models")
    shutil.copy(whole.folder / f"{NAME}.yaml", home / "study.yaml")
    return StudyRun(load_study(home / "study.yaml"), home, options=options)


ROWS_ONLY = CrossFit(scenarios=False, control=False)
BEFORE_PUSH = [stage for stage in Stage if stage is not Stage.push]


def test_an_uninterrupted_run_of_two_workers_ends_at_the_same_digests(whole: Whole, tmp_path: Path) -> None:
    """The one that was killed had one. And then once more: nothing is left to do."""
    run = again(whole, tmp_path, Options(ROWS_ONLY, workers=2))
    assert [run.carry_out(stage).fresh for stage in BEFORE_PUSH] == [True] * 5
    assert digests(tmp_path / NAME) == digests(whole.release)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / NAME).rglob("*") if path.is_file()}
    assert [run.carry_out(stage).fresh for stage in BEFORE_PUSH] == [False] * 5
    assert {path: path.stat().st_mtime_ns for path in before} == before


@pytest.mark.full
def test_on_a_cluster_it_ends_at_the_same_digests(whole: Whole, tmp_path: Path) -> None:
    """Of two nodes. That one may be lost on the way: `tests/train/test_train_ray.py`."""
    pytest.importorskip("ray", reason="needs the ray extra")
    from ray.cluster_utils import Cluster

    node = {"num_cpus": 1, "object_store_memory": 80 << 20}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cluster = Cluster(initialize_head=True, head_node_args={**node, "include_dashboard": False})
        cluster.add_node(**node)
    try:
        run = again(whole, tmp_path, Options(ROWS_ONLY, ray_address=cluster.address))
        assert [run.carry_out(stage).fresh for stage in BEFORE_PUSH] == [True] * 5
    finally:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            cluster.shutdown()
    assert digests(tmp_path / NAME) == digests(whole.release)


def test_the_log_can_be_pasted(whole: Whole) -> None:
    log = (whole.folder / "work" / f"{NAME}.log").read_text(encoding="utf-8")
    assert log.count("--- 20") == 2
    assert log.rstrip().endswith("ended")
    assert f"push: {REPO} at " in log
    for private in (str(whole.folder), str(Path.home()), "local-rehearsal"):
        assert private not in log


def test_no_secret_and_no_folder_of_the_users_gets_into_a_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = "hf_" + "Ab3" * 12
    path = tmp_path / "out" / "run.log"
    monkeypatch.setenv("HOME", str(tmp_path / "home" / "ann"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home" / "ann"))
    places = f"{tmp_path / 'home' / 'ann' / 'model'} and {tmp_path / 'out' / 'x'}"
    with pytest.raises(KeyError), RunLog(path, tmp_path / "out", ["hubkit", "run", token]):
        raise KeyError(f"no access to {places} with {token}")
    text = path.read_text(encoding="utf-8")
    assert token not in text
    assert "ann" not in text.replace("annotations", "")
    assert "no access to ~" in text
    assert "<folder>" in text
    assert "KeyError: " in text
