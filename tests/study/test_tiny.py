"""`hubkit run --scale tiny`: what a study becomes, before anything is trained."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from hubkit.cli.main import app
from hubkit.errors import UsageError
from hubkit.lab import families, text
from hubkit.models.architecture import BY_TYPE
from hubkit.study import tiny as tiny_module
from hubkit.study.several import load_study_file
from hubkit.study.study import Study, load_study, save_study
from hubkit.study.tiny import Tiny, keep_study, tiny_file, tiny_layers
from hubkit.train.grid import SaeGrid
from hubkit.train.spec import SaeSpec

STUDIES = Path(__file__).parents[2] / "studies"
FILES = sorted(path.stem for path in STUDIES.glob("*.yaml"))
TYPES = {
    "nanochat-d32": "nanochat", "nanochat-d20": "nanochat", "tinyllama-1.1b": "llama", "qwen3-1.7b": "qwen3", "smollm2-135m": "llama",
    "llama-3.2-1b": "llama", "phi-2": "phi", "phi-4-mini-reasoning": "phi3", "pythia-160m": "gpt_neox", "gemma4-e2b": "gemma4",
    "smollm2-135m-instruct-q4": "llama", **dict.fromkeys(["behaviour", "input", "control", "other-judge", "seed-101"], "gemma4"),
}  # fmt: skip


def small(name: str, folder: Path = Path("out")) -> list[tuple[Study, Tiny]]:
    file = load_study_file(STUDIES / f"{name}.yaml")
    return list(zip(file.studies, tiny_file(file, folder)[1], strict=True))


def counted(specs: list[SaeSpec]) -> Counter[tuple[object, ...]]:
    """SAEs by what must stay."""
    return Counter(
        (one.architecture, one.condition, one.seed, one.recipe, one.model_dump().get("ste")) for one in specs
    )


@pytest.mark.parametrize("name", FILES)
def test_counts_layers_architectures_and_conditions_are_the_studys(name: str) -> None:
    for study, made in small(name):
        real, tiny = study.specs(study_width(study)), made.study.specs()
        assert counted(tiny) == counted(real)
        assert made.shape.family == TYPES[study.name]
        assert len(made.study.collect.layers) == len(study.collect.layers)
        assert list(made.study.collect.layers) == sorted(made.study.collect.layers)
        assert max(made.study.collect.layers) < made.shape.n_layers
        assert {(one.d_sae, one.k) for one in tiny} <= {(256, 16), (256, None)}, "4x of 64"
        assert {one.steps for one in tiny} == {400}
        assert made.study.collect.precision == study.collect.precision
        assert made.study.collect.taken == study.collect.taken
        assert made.study.collect.total == 256, "however many scenarios the study has"


def study_width(study: Study) -> int | None:
    return 3072 if "Phi-4-mini" in study.card.base_model else None


@pytest.mark.parametrize("name", FILES)
def test_nothing_of_it_can_be_taken_for_the_real_one(name: str) -> None:
    for study, made in small(name):
        tiny = made.study
        assert tiny.card.base_model == tiny.collect.model_name
        assert tiny.collect.model_name.startswith("hubkit/lab-")
        assert tiny.name == f"{study.name}-tiny"
        assert tiny.card.repo_id.startswith("hubkit-trial/")
        assert "lab-" in tiny.card.repo_id
        assert all(one.sae_id.startswith("lab_") for one in tiny.specs())
        said = yaml.safe_dump(tiny.card.model_dump(mode="json"))
        assert study.card.base_model not in said
        assert "your-name" not in said


def test_each_of_the_nine_has_a_name_and_a_repository_of_its_own() -> None:
    made = [one.study for _, one in small("nine-models")]
    assert len({one.card.base_model for one in made}) == len({one.card.repo_id for one in made}) == 9


def test_a_class_that_is_not_known_is_that_of_a_relative_and_told() -> None:
    notes = {made.study.name: made.notes for _, made in small("nine-models")}
    assert "it is taken to be that of microsoft/Phi-4-mini-instruct" in notes["phi-4-mini-reasoning-tiny"][0]
    assert not any(notes[name] for name in notes if name != "phi-4-mini-reasoning-tiny")


def test_a_class_that_nothing_tells_is_refused() -> None:
    file = load_study_file(STUDIES / "smollm2-135m.yaml")
    (study,) = file.studies
    odd = study.model_copy(
        update={
            "collect": study.collect.model_copy(update={"model": "a/b", "model_name": "a/b"}),
            "card": study.card.model_copy(update={"base_model": "a/b"}),
        }
    )
    with pytest.raises(UsageError, match="which class a/b is of is not known here"):
        tiny_file(replace(file, releases=(odd,)), Path("out"))


@pytest.mark.parametrize("installed", [True, False])
def test_a_precision_that_cannot_be_had_is_told(installed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiny_module, "find_spec", lambda _: object() if installed else None)
    ((study, made),) = small("gemma4-e2b")
    if installed:
        assert (made.study.collect.precision, made.notes) == (study.collect.precision, ())
    else:
        assert str(made.study.collect.precision) == "float16"
        assert "needs the package bitsandbytes" in made.notes[0]


@pytest.mark.parametrize(
    ("layers", "real", "expected"),
    [
        ((25,), 35, [3]),
        ((3, 4, 5, 6, 9, 12, 15, 18, 21), 30, [0, 1, 2, 3, 4, 5, 6, 7, 8]),
        ((0, 11), 12, [0, 5]),
        ((4, 1, 2), 6, [4, 1, 2]),
        ((0, 1), 2, [0, 1]),
    ],
)
def test_layers_keep_their_depth_their_order_and_their_number(
    layers: tuple[int, ...], real: int, expected: list[int]
) -> None:
    assert tiny_layers(layers, real) == dict(zip(layers, expected, strict=True))


def test_axes_and_exceptions_are_scaled_alike() -> None:
    """Whatever a grid varies stays varied: two k stay two, and an exception is still of the SAEs that it was of."""
    file = load_study_file(STUDIES / "smollm2-135m.yaml")
    (study,) = file.studies
    grid = SaeGrid.model_validate(
        {
            "prefix": "g",
            "spec": {"architecture": "topk", "condition": "mixed", "epochs": 300, "lr": 1e-4},
            "axes": {"layer": [3, 21], "k": [32, 64], "d_sae": [1152, 2304], "seed": [0, 1]},
            "overrides": [{"when": {"k": 64, "layer": 21}, "set": {"epochs": 150, "lr_warm_up_steps": 100}}],
        }
    )
    changed = study.model_copy(update={"grid": grid})
    ((made,),) = [tiny_file(replace(file, releases=(changed,)), Path("out"))[1]]
    specs = made.study.specs()
    assert len(specs) == len(changed.specs()) == 16
    assert {one.k for one in specs} == {8, 16}
    assert {one.d_sae for one in specs} == {128, 256}
    assert {(one.k, one.layer) for one in specs if one.steps == 200} == {(16, max(made.study.collect.layers))}
    assert {one.lr for one in specs} == {1e-3}


def test_it_needs_no_gpu_and_asks_no_judge_elsewhere() -> None:
    file = load_study_file(STUDIES / "gemma4-e2b.yaml")
    (study,) = file.studies
    on_gpu = study.model_copy(update={"collect": study.collect.model_copy(update={"device": "cuda"})})
    made = tiny_file(replace(file, releases=(on_gpu,)), Path("out"))[1][0].study.collect
    assert made.device == "cpu"
    assert len(study.collect.second_judges) == 2
    assert [one.kind for one in (made.judge, *made.second_judges)] == ["noisy", "keyword"]


def test_labels_of_any_name_stand_for_the_two_words() -> None:
    file = load_study_file(STUDIES / "smollm2-135m.yaml")
    (study,) = file.studies
    judge = tiny_file(file, Path("out"))[1][0].study.collect.judge.model_dump()["judge_without_noise"]
    assert {one: set(words) for one, words in judge["keywords"].items()} == {
        label: {word} for label, word in text.COMMIT.items()
    }
    del study
    from hubkit.lab.study import judge as lab_judge

    assert lab_judge(flipped=0, labels=("yes", "no")).labels == {"yes", "no"}


@pytest.mark.parametrize("name", FILES)
def test_its_own_file_is_the_same_study_from_where_it_lies(name: str, tmp_path: Path) -> None:
    for _, made in small(name, tmp_path):
        tiny = made.study
        again = load_study(keep_study(made, tmp_path))
        assert again.specs() == tiny.specs()
        model = f"models/{tiny.collect.model_name.rpartition('/')[2]}"
        there = (tmp_path / model).exists()  # companions share theirs
        assert again.collect.model == (str(tmp_path / model) if there else model)
        (tmp_path / model).mkdir(parents=True, exist_ok=True)
        assert load_study(tmp_path / f"{tiny.name}.yaml").collect == tiny.collect


def test_any_study_that_ships_can_be_written_and_read_again(tmp_path: Path) -> None:
    """Gemma's has judges that are asked beside."""
    study = load_study(STUDIES / "gemma4-e2b.yaml")
    save_study(study, tmp_path / "again.yaml")
    assert load_study(tmp_path / "again.yaml").collect == study.collect


def test_the_plan_is_shown_without_training_anything(tmp_path: Path) -> None:
    command = [
        "run",
        str(STUDIES / "gemma4-e2b.yaml"),
        "--scale",
        "tiny",
        "--dry-run",
        "--folder",
        str(tmp_path),
    ]
    said = CliRunner().invoke(app, command)
    assert said.exit_code == 0, said.output
    assert "gemma4-e2b-tiny: 1 SAE of hubkit/lab-gemma4-6x64-for-gemma4-e2b" in said.stdout
    assert "topk, k 16: 64 -> 256 (4x)" in said.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.train
@pytest.mark.parametrize("family", [*BY_TYPE, *families.WRAPPED])
def test_every_type_that_hubkit_knows_has_a_tiny_model(family: str) -> None:
    """On the meta device: its class takes the sizes, and is as deep and as wide as asked."""
    import torch
    from transformers import AutoModelForCausalLM

    from hubkit.lab.model import STANDARD

    config = families.config(family, replace(STANDARD, family=family))
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    inside = model.config.get_text_config()
    assert (inside.num_hidden_layers, inside.hidden_size) == (STANDARD.n_layers, STANDARD.d_model)
