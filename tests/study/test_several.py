"""A study file of several releases: folders and grids, named by a pattern, each one base model."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from hubkit.errors import UsageError
from hubkit.study.several import FolderRelease, load_studies, load_study_file, study_schema
from hubkit.study.study import Study, load_study
from hubkit.study.tiny import tiny_file

GRID = {
    "name": "pythia",
    "collect": {
        "model": "EleutherAI/pythia-160m",
        "model_name": "EleutherAI/pythia-160m",
        "scenarios": [{"scenario_id": "a", "prompt": "Q:"}],
        "samples": 8,
        "max_new_tokens": 4,
        "labels": ["honest", "deceptive"],
        "judge": {"kind": "keyword", "keywords": {"honest": ["yes"], "deceptive": ["no"]}, "within": 3, "unit": "words"},
        "layers": [1],
    },
    "grid": {"prefix": "t", "architectures": {"topk": {"d_sae": 16, "k": 2}}, "conditions": ["mixed"]},
    "card": {"base_model": "EleutherAI/pythia-160m", "license": "mit"},
}  # fmt: skip
SEVERAL = {
    "name": "everything",
    "publish": {"owner": "me", "repository": "{owner}/saes-{slug}", "collection": {"title": "All"}},
    "releases": [{"name": "smol", "folder": "smol"}, GRID],
}


def written(folder: Path, study: object) -> Path:
    path = folder / "study.yaml"
    path.write_text(yaml.safe_dump(study), encoding="utf-8")
    return path


def changed(*places: tuple[tuple[str | int, ...], object]) -> dict[str, object]:
    study = json.loads(json.dumps(SEVERAL))
    for place, value in places:
        at = study
        for part in place[:-1]:
            at = at[part]
        at[place[-1]] = value
    return study


def test_both_kinds_of_release_and_names_by_the_pattern(tmp_path: Path) -> None:
    found = load_study_file(written(tmp_path, SEVERAL))
    folder, trained = found.releases
    assert isinstance(folder, FolderRelease)
    assert isinstance(trained, Study)
    assert trained.card.repo_id == "me/saes-pythia-160m"
    assert found.folder_of(folder, tmp_path / "out") == tmp_path / "smol"
    assert found.folder_of(trained, tmp_path / "out") == tmp_path / "out" / "pythia"
    assert load_studies(found.path) == [trained]


def test_a_name_of_its_own_stays(tmp_path: Path) -> None:
    study = changed((("releases", 1, "card", "repo_id"), "me/own-name"))
    (trained,) = load_study_file(written(tmp_path, study)).studies
    assert trained.card.repo_id == "me/own-name"


def test_the_form_with_one_release_is_read_as_before(tmp_path: Path) -> None:
    one = GRID | {"card": GRID["card"] | {"repo_id": "me/one"}}  # type: ignore[operator]
    path = written(tmp_path, one)
    found = load_study_file(path)
    assert found.releases == (load_study(path),)
    assert found.publish is None


@pytest.mark.parametrize(
    ("place", "value", "words"),
    [
        (("publish", "repository"), "{owner}/saes", "without {release}, {model} or {slug}"),
        (("publish", "repository"), "{owner}/{name}-{slug}", "{name}, expected some of"),
        (("publish", "owner"), "no spaces", "publish.owner"),
        (("publish", "collection", "title"), "x" * 60, "publish.collection.title"),
        (("releases",), [], "releases"),
        (("releases", 0, "folders"), "x", "releases.0.folder.folders"),
        (("releases", 0), GRID | {"name": "again"}, "the repository me/saes-pythia-160m is there twice"),
        (("releases", 0, "name"), "pythia", "the name pythia is there twice"),
        (("releases", 1, "grid", "conditions"), ["sad_only"], "sad_only"),
    ],
)
def test_a_mistake_is_named_by_its_place(
    tmp_path: Path, place: tuple[str | int, ...], value: object, words: str
) -> None:
    with pytest.raises(UsageError) as told:
        load_study_file(written(tmp_path, changed((place, value))))
    assert words in told.value.message


def test_verbs_of_one_release_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="several releases"):
        load_study(written(tmp_path, SEVERAL))
    only_folders = changed((("releases",), [{"name": "smol", "folder": "smol"}]))
    with pytest.raises(UsageError, match="nothing to run"):
        load_studies(written(tmp_path, only_folders))


def test_the_schema_takes_both_forms_and_names_one_place_for_a_mistake() -> None:
    validator = jsonschema.Draft202012Validator(study_schema())
    one = GRID | {"card": GRID["card"] | {"repo_id": "me/one"}}  # type: ignore[operator]
    validator.validate(one)
    validator.validate(changed((("releases", 1, "card", "repo_id"), "me/own-name")))
    errors = list(validator.iter_errors(one | {"nmae": 1}))
    assert len(errors) == 1
    assert "nmae" in errors[0].message


def twins(pattern: str = "{owner}/{study}-{release}") -> dict[str, object]:
    """Two releases of one base model, and one of another."""
    other = GRID["card"] | {"base_model": "EleutherAI/pythia-70m"}  # type: ignore[operator]
    control = GRID["card"] | {"title": "The control", "companions": [{"name": "by hand"}]}  # type: ignore[operator]
    wide = GRID | {"grid": GRID["grid"] | {"architectures": {"topk": {"expansion": 4, "k": 16}}}}  # type: ignore[operator]
    releases = [wide, wide | {"name": "control", "card": control}, wide | {"name": "small", "card": other}]
    return SEVERAL | {"publish": {"owner": "me", "repository": pattern}, "releases": releases}


def test_releases_of_one_base_model_name_each_other_and_no_other_model(tmp_path: Path) -> None:
    first, control, small = load_study_file(written(tmp_path, twins())).studies
    assert [one.card.repo_id for one in (first, control, small)] == [
        "me/everything-pythia",
        "me/everything-control",
        "me/everything-small",
    ]
    control_link = ("The control", "https://huggingface.co/me/everything-control")
    assert [(one.name, one.url) for one in first.card.companions] == [control_link]
    assert [(one.name, one.url) for one in control.card.companions] == [
        ("by hand", None),
        ("me/everything-pythia", "https://huggingface.co/me/everything-pythia"),
    ]
    assert small.card.companions == []


def test_two_releases_need_two_repositories(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"the repository me/pythia-160m is there twice: .*\{release\}"):
        load_study_file(written(tmp_path, twins("{owner}/{slug}")))


def test_companions_stay_companions_at_tiny_scale(tmp_path: Path) -> None:
    file, made = tiny_file(load_study_file(written(tmp_path, twins())), tmp_path)
    links = [[one.url for one in study.card.companions] for study in file.studies]
    names = [study.card.repo_id for study in file.studies]
    assert links == [[f"https://huggingface.co/{names[1]}"], [f"https://huggingface.co/{names[0]}"], []]
    assert [one.study for one in made] == list(file.studies)
    assert len({one.study.collect.model for one in made}) == 2, "companions share their model"
    assert len(set(names)) == 3
