"""Training and evaluation on a Ray cluster: the same files as on this machine, also when a node is lost on the way."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from train.specs import grid
from train.test_train_command import STUDY
from typer.testing import CliRunner

from hubkit.cli.main import app
from hubkit.engine.ray import Ray
from hubkit.errors import HubkitError, UsageError
from hubkit.evaluate.run import evaluate
from hubkit.release.digests import sha256_of_file
from hubkit.train.plan import CrossFit
from hubkit.train.run import Options, train
from hubkit.train.spec import Settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hubkit.engine.events import Event

pytestmark = pytest.mark.train

HERE = Options(CrossFit(scenarios=False, control=False))
NODE = {"num_cpus": 1, "object_store_memory": 80 << 20}
MADE = {"cfg.json", "sae_weights.safetensors", "metrics.json", "evaluation.json"}


def made(home: Path) -> dict[str, str]:
    """sha256 of the weights, configurations and numbers below `home`."""
    there = [path for path in home.rglob("*") if path.name in MADE]
    return {str(path.relative_to(home)): sha256_of_file(path) for path in there}


@pytest.mark.full
def test_a_cluster_that_loses_a_node_gives_what_one_machine_gives_and_trains_nothing_twice(
    tmp_path: Path, make_pool: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("ray", reason="needs the ray extra")
    from ray.cluster_utils import Cluster

    specs = grid(
        [2],
        ["topk", "jumprelu"],
        ["mixed", "honest_only"],
        prefix="lab",
        settings=Settings(d_sae=16, k=4, steps=1500),
    )
    pool = tmp_path / "pool"
    make_pool(pool, 40, 8)

    def places(name: str) -> tuple[Path, Path, Path]:
        return pool, tmp_path / name / "release", tmp_path / name / "work"

    train(specs, *places("here"), options=HERE)
    evaluate(*places("here"), specs)

    events: list[Event] = []
    at_the_loss: dict[Path, int] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cluster = Cluster(initialize_head=True, head_node_args={**NODE, "include_dashboard": False})
        lost = cluster.add_node(**NODE)

    def lose_a_node(event: Event) -> None:
        events.append(event)
        if event.done and not at_the_loss:
            cluster.remove_node(lost, allow_graceful=False)
            at_the_loss.update(
                {path: path.stat().st_mtime_ns for path in (tmp_path / "ray").rglob("done.json")}
            )

    try:
        options = replace(HERE, ray_address=cluster.address)
        summary = train(specs, *places("ray"), options=options, report=lose_a_node)
        evaluate(*places("ray"), specs, engine=options.evaluation_engine)
    finally:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            cluster.shutdown()
    assert capsys.readouterr().out == "", "what Ray says of a lost node is no data"
    assert summary.trained == 12
    assert at_the_loss, "some were finished when the node was lost"
    assert all(path.stat().st_mtime_ns == time for path, time in at_the_loss.items()), "and not trained again"
    notes = [event.note for event in events if event.note]
    assert any("its process ended without a result (NodeDiedError" in note for note in notes), notes
    expected = made(tmp_path / "here")
    assert len(expected) == 12 * 2 + 4 + 1
    assert made(tmp_path / "ray") == expected


def test_on_a_cluster_units_get_a_gpu_where_they_want_one_and_evaluation_none() -> None:
    there = Options(ray_address="head:6379", retries=3)
    assert there.engine == Ray("head:6379", retries=3)
    assert replace(there, device="cuda").engine == Ray("head:6379", retries=3, gpus=1)
    assert replace(there, device="cuda").device_here == "cpu", "no GPU is asked for where it is called"
    assert replace(there, device="cuda").evaluation_engine == Ray("head:6379", retries=3)


def test_which_gpu_a_unit_gets_is_for_the_cluster_to_say(
    tmp_path: Path, make_pool: Callable[..., Any]
) -> None:
    make_pool(tmp_path / "pool", 40, 8)
    specs = grid([2], ["topk"], ["mixed"], prefix="lab", settings=Settings(d_sae=16, k=4, steps=5))
    with pytest.raises(UsageError, match="--device cuda:1: Ray gives each unit a GPU of its own"):
        train(
            specs,
            tmp_path / "pool",
            tmp_path / "release",
            tmp_path / "work",
            options=Options(ray_address="auto", device="cuda:1"),
        )


def typed(*arguments: str) -> HubkitError:
    """The error that a command ends in."""
    error = CliRunner().invoke(app, list(arguments)).exception
    assert isinstance(error, HubkitError), error
    return error


@pytest.mark.parametrize("verb", ["run", "train", "evaluate"])
def test_every_verb_that_works_in_units_takes_the_engine(verb: str, tmp_path: Path) -> None:
    study = tmp_path / "study.yaml"
    study.write_text(yaml.safe_dump(STUDY), encoding="utf-8")
    error = typed(verb, str(study), "--ray-address", "head:6379")
    assert error.message == "--ray-address head:6379 without --engine ray"


def test_a_folder_of_saes_is_measured_here(tmp_path: Path) -> None:
    assert "a folder of SAEs is measured here" in typed("evaluate", str(tmp_path), "--engine", "ray").message
