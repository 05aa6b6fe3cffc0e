"""docs/study.md has every key of the schema, and none that is not there; what `hubkit init --study` writes is a study that runs."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from hubkit.cli.main import app
from hubkit.errors import UsageError
from hubkit.study import guide
from hubkit.study.several import load_study_file, study_schema
from hubkit.study.starter import starter_text, write_starter
from hubkit.study.study import load_study
from hubkit.study.tiny import tiny_file

GUIDE = Path(__file__).parents[2] / "docs" / "study.md"
ROW = re.compile(r"^\| `([^`]+)` \| (.*) \| (.*) \| (.*) \|$", re.MULTILINE)


def sections() -> dict[str, str]:
    """Heading to what stands below it."""
    parts = re.split(r"(?m)^## ", GUIDE.read_text(encoding="utf-8"))[1:]
    return {heading: body for heading, _, body in (part.partition("\n") for part in parts)}


def test_the_guide_is_current() -> None:
    """When this fails: python -m hubkit.study.guide > docs/study.md"""
    assert GUIDE.read_text(encoding="utf-8") == guide.as_markdown()


def test_every_key_of_the_schema_is_in_it_and_no_other() -> None:
    written, known = sections(), guide.keys_of(study_schema())
    assert {name for name, *_ in guide.SECTIONS} == set(known), "a section for each part of the schema"
    assert list(written) == [heading for _, heading, _ in guide.SECTIONS]
    for name, heading, _ in guide.SECTIONS:
        rows = [row[0] for row in ROW.findall(written[heading])]
        assert len(rows) == len(set(rows))
        assert set(rows) == known[name], heading
    assert sum(map(len, known.values())) > 200


def test_every_key_is_said_in_words_and_needed_keys_are_the_schemas() -> None:
    definitions = study_schema()["$defs"]
    for name, heading, _ in guide.SECTIONS:
        mapping = next(
            (one for one in definitions[name].get("anyOf", []) if "properties" in one), definitions[name]
        )
        for key, words, value, without in ROW.findall(sections()[heading]):
            assert words.strip(), f"{heading}: {key}"
            assert value.strip(), f"{heading}: {key}"
            assert (without == "*needed*") == (key in mapping.get("required", ())), f"{heading}: {key}"


def test_every_link_in_it_leads_somewhere() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    for file, mark in re.findall(r"\]\(([\w.]*)(?:#([\w-]+))?\)", text):
        target = GUIDE.parent / (file or GUIDE.name)
        headings = re.findall(r"(?m)^#+ (.+)$", target.read_text(encoding="utf-8"))
        assert not mark or mark in {guide.anchor(one) for one in headings}, f"{file}#{mark}"


NAMES = {"topk", "jumprelu", "gated", "deceptive", "honest", "neutral", "instructed"}
"""Of architectures, labels and wordings."""


def test_the_studies_that_ship_have_no_key_that_it_has_not() -> None:
    known = set().union(*guide.keys_of(study_schema()).values())
    for path in (GUIDE.parents[1] / "studies").glob("*.yaml"):
        named = set(re.findall(r"(?m)^[\s-]*(?:- )?([a-z_]+):(?: |$)", path.read_text(encoding="utf-8")))
        assert named - known <= NAMES, path.name


def test_the_starter_is_a_study_as_it_stands(tmp_path: Path) -> None:
    path = write_starter(tmp_path / "trust study")
    study = load_study(path)
    assert study.name == "trust-study"
    assert study.card.repo_id == "your-name/trust-study"
    assert {one.sae_id for one in study.specs()} == {
        f"smollm2_{kind}_L{layer}_mixed" for kind in ("topk", "jumprelu") for layer in (9, 18)
    }
    assert study.collect.samples > 576
    assert len(tiny_file(load_study_file(path), tmp_path)[1]) == 1
    comments = [line for line in path.read_text(encoding="utf-8").splitlines() if "#" in line]
    assert len(comments) > 15
    with pytest.raises(UsageError, match="there is a study file already"):
        write_starter(path.parent)


def test_what_is_given_stands_in_the_starter(tmp_path: Path) -> None:
    command = [
        "init",
        "--study",
        str(tmp_path / "a"),
        "--format",
        "json",
        "--base-model",
        "openai-community/gpt2",
    ]
    said = CliRunner().invoke(app, [*command, "--license", "mit", "--repo-id", "me/x"])
    assert said.exit_code == 0, said.output
    path = Path(json.loads(said.stdout)["study"])
    study = load_study(path)
    assert (study.card.base_model, study.card.license, study.card.repo_id) == (
        "openai-community/gpt2",
        "mit",
        "me/x",
    )
    assert (study.collect.model, study.collect.layers) == ("openai-community/gpt2", (4, 8))
    assert "smollm2" not in path.read_text(encoding="utf-8").lower()
    wrong = CliRunner().invoke(app, [*command, "--license", "MIT", "--force"])
    assert isinstance(wrong.exception, UsageError)


def test_a_label_that_yaml_takes_for_a_boolean_is_told_as_the_guide_says(tmp_path: Path) -> None:
    text = starter_text().replace("labels: [deceptive, honest]", "labels: [yes, honest]")
    (tmp_path / "study.yaml").write_text(text, encoding="utf-8")
    assert yaml.safe_load(text)["collect"]["labels"][0] is True
    with pytest.raises(UsageError, match="are booleans to YAML"):
        load_study(tmp_path / "study.yaml")
