"""The author's own text: it survives every rebuild, quotes facts with their sources, and cannot break out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cards.reading import section
from cards.shapes import Release, accuracy, grid, measure_again, value, write

import hubkit.cards
from hubkit.cards.build import EditedError, build_card
from hubkit.cards.facts import read_facts
from hubkit.cards.prose_facts import flat, quotable
from hubkit.cards.settings import CardSettings, load_settings, save_settings
from hubkit.errors import UsageError
from hubkit.readme.regions import generated_text, read_regions
from hubkit.release.metrics import Evaluation, LayerProfile
from hubkit.repo.local import open_folder
from hubkit.validate.run import validate

SETTINGS = CardSettings(repo_id="owner/release", base_model="openai-community/gpt2", license="mit")
BEST = "lab_topk_L2_mixed"


def release_of(settings: CardSettings = SETTINGS) -> Release:
    members = grid("lab", [1, 2], ["topk"], {"mixed": 100, "yes_only": 50}, k=4)
    saes = {
        one.sae_id: [
            accuracy(0.6 + 0.01 * i, (50, 50), "train"),
            value("explained_variance", 0.7, 100, "crossfit"),
        ]
        for i, one in enumerate(members)
    }
    saes[BEST] = [accuracy(0.8125, (50, 50), "train"), value("explained_variance", 0.7, 100, "crossfit")]
    layer = LayerProfile(layer=2, hook_name="blocks.2.hook_resid_post", values=[accuracy(0.75, (50, 50))])
    return Release(settings, None, 8, 32, "transformer.h", members, saes=saes, layers=(layer,))


@pytest.fixture
def release(tmp_path: Path) -> Path:
    return write(release_of(), tmp_path / "release", small=True)


def with_prose(release: Path, **prose: str) -> str:
    save_settings(SETTINGS.model_copy(update={"prose": prose}), release / "card.yaml")
    return build_card(release).text


def rewrite(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8", newline="\n")


def test_prose_stands_at_the_end_of_its_section_with_the_numbers_of_the_files(release: Path) -> None:
    text = with_prose(
        release, key_findings="Ours: {{ facts.best_sae.balanced_accuracy | pct }} of {{ facts.count }} SAEs."
    )
    section = text.split("## Key findings")[1].split("\n## ")[0]
    assert section.strip().endswith("Ours: 81.2 % of 4 SAEs.")


def test_prose_for_what_was_not_measured_has_its_heading(release: Path) -> None:
    text = with_prose(release, steering="We tried nothing.", key_findings="x")
    assert section(text, "Steering").strip() == "We tried nothing."


@pytest.mark.parametrize("prose", ["{{ facts.best_sae.acuracy }}", "{{ facts.none.at_all }}", "{% for %}"])
def test_a_fact_that_there_is_not_stops_the_build_and_writes_nothing(release: Path, prose: str) -> None:
    with pytest.raises(UsageError, match="the author's text") as error:
        with_prose(release, uses=prose)
    assert "--facts" in str(error.value.hint)
    assert not (release / "README.md").exists()


def test_prose_of_no_section_is_told(release: Path) -> None:
    with pytest.raises(UsageError, match="key_finding belongs to no section"):
        with_prose(release, key_finding="x")


@pytest.mark.parametrize(
    "prose",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ facts.__class__ }}",
        "{{ cycler.__init__.__globals__ }}",
        "{% include '../settings.py' %}",
    ],
)
def test_prose_is_sandboxed(release: Path, prose: str) -> None:
    with pytest.raises(UsageError):
        with_prose(release, uses=prose)


def test_a_region_survives_and_its_edits_are_the_authors(release: Path) -> None:
    path = build_card(release).path
    mark = "\n## The SAEs\n"
    region = "<!-- hubkit:author:key_findings -->\nMy own words.\n<!-- /hubkit:author:key_findings -->\n"
    rewrite(path, mark, f"\n{region}{mark}")
    first = build_card(release)
    assert region in first.text
    rewrite(path, "My own words.", "Other words, and *more*.\n\nTwo paragraphs.")
    measure_again(release, {BEST: [accuracy(0.875, (50, 50), "train")]})
    second = build_card(release)
    assert "Other words, and *more*.\n\nTwo paragraphs.\n<!-- /hubkit" in second.text
    assert "reaches 0.875 [" in second.text
    assert not build_card(release).changed


def test_a_region_that_quotes_facts_keeps_its_source_and_follows_the_facts(release: Path) -> None:
    path = build_card(release).path
    source = "It reaches {{ facts.best_sae.balanced_accuracy | pct }}."
    rewrite(path, "\n## The SAEs\n", f"\n<!-- hubkit:author:uses -->\n{source}\n<!-- /hubkit:author:uses -->\n\n## The SAEs\n")  # fmt: skip
    first = build_card(release).text
    shown = "<!-- hubkit:author:uses\n{}\n-->\nIt reaches {} %.\n<!-- /hubkit:author:uses -->"
    assert shown.format(source, "81.2") in first
    measure_again(release, {BEST: [accuracy(0.875, (50, 50), "train")]})
    assert shown.format(source, "87.5") in build_card(release).text
    rewrite(path, "It reaches 87.5 %.", "It reaches 99.9 %.")
    with pytest.raises(EditedError) as error:
        build_card(release)
    assert "-It reaches 99.9 %." in error.value.diff
    assert "+It reaches 87.5 %." in error.value.diff


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("<!-- hubkit:author:uses -->\nopen", "not a whole region"),
        ("<!-- hubkit:author:nothing -->\nx\n<!-- /hubkit:author:nothing -->", "belongs to no section"),
        ("<!-- hubkit:author:uses -->\na\n<!-- /hubkit:author:uses -->\n" * 2, "stands twice"),
        ("x <!-- /hubkit:author:uses -->", "not a whole region"),
    ],
)
def test_broken_regions_are_told(text: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        read_regions(text, ["uses"], "README.md")


def test_what_is_hubkits_leaves_out_what_is_the_authors() -> None:
    mine = "<!-- hubkit:author:uses -->\n{}\n<!-- /hubkit:author:uses -->"
    made = "<!-- hubkit:author:uses\n{{{{ x }}}}\n-->\n{}\n<!-- /hubkit:author:uses -->"
    assert generated_text(f"a\n\n{mine.format('one')}\n\nb") == generated_text(f"a\n\n{mine.format('two')}\n\nb") == "a\n\nb"  # fmt: skip
    assert generated_text(made.format("1")) != generated_text(made.format("2"))


def test_every_fact_is_where_it_says(release: Path) -> None:
    facts = read_facts(release, load_settings(release / "card.yaml"))
    checked = 0
    for name, fact in flat(quotable(facts)):
        if fact.source.pointer and fact.source.file.endswith(".json"):
            assert resolve(json.loads((release / fact.source.file).read_bytes()), fact.source.pointer) == fact.value, name  # fmt: skip
            checked += 1
    assert checked > 30


def resolve(document: Any, pointer: str) -> Any:
    for part in pointer.split("/")[1:]:
        document = document[int(part)] if isinstance(document, list) else document[part]
    return document


def test_without_metrics_json_the_facts_are_those_of_evaluation_json(release: Path) -> None:
    for path in release.glob("*/metrics.json"):
        path.unlink()
    facts = read_facts(release, SETTINGS)
    fact = quotable(facts)["best_sae"]["balanced_accuracy"]
    assert fact.source.file == "evaluation.json"
    assert resolve(json.loads((release / "evaluation.json").read_bytes()), fact.source.pointer) == 0.8125


def test_every_number_moves_with_its_file(release: Path) -> None:
    """Nothing that a card states of a measure is remembered from elsewhere."""
    before = build_card(release).text
    layer = Evaluation.load(release / "evaluation.json").layers[0]
    layer = layer.model_copy(update={"values": [accuracy(0.5625, (50, 50))]})
    measure_again(release, {BEST: [accuracy(0.40625, (50, 50), "train")]}, [layer])
    after = build_card(release).text
    assert "reaches 0.750 [" in before
    assert "0.750 [" not in after
    assert "reaches 0.562 [" in after
    assert "0.812 [" not in after
    assert "The best SAE probe, `lab_topk_L2_yes_only` (" in after


def test_a_template_of_the_users_replaces_hubkits_and_is_sandboxed(release: Path, tmp_path: Path) -> None:
    folder = tmp_path / "templates"
    folder.mkdir()
    (tmp_path / ".git").mkdir()  # both are in one working tree
    settings = SETTINGS.model_copy(update={"templates": "../templates"})
    (folder / "summary.md.j2").write_text("# {{ title }}\n\nOurs, with {{ count }} SAEs.\n", encoding="utf-8")
    text = build_card(release, settings).text
    assert "Ours, with 4 SAEs." in text
    assert "## Limitations" in text
    (folder / "summary.md.j2").write_text("{{ title.__class__.__mro__ }}", encoding="utf-8")
    with pytest.raises(UsageError, match=r"summary\.md\.j2"):
        build_card(release, settings)
    (folder / "summary.md.j2").write_text("{{ nobody_knows }}", encoding="utf-8")
    with pytest.raises(UsageError, match="nobody_knows"):
        build_card(release, settings)


@pytest.mark.parametrize(
    ("said", "match"),
    [
        ("All SAEs have 64k width.", "templates: d_sae is 32"),
        ("Every threshold was verified by hubkit.", "templates says"),
        ("<!-- /hubkit:template -->", "those marks are hubkit's own"),
    ],
)
def test_what_a_template_says_is_held_against_the_files_too(release: Path, said: str, match: str) -> None:
    (release / "templates").mkdir()
    (release / "templates" / "summary.md.j2").write_text(f"# {{{{ title }}}}\n\n{said}\n", encoding="utf-8")
    with pytest.raises(UsageError, match=match):
        build_card(release, SETTINGS.model_copy(update={"templates": "templates"}))


def test_a_template_that_only_changes_how_things_look_is_none_of_that(release: Path) -> None:
    """What hubkit says in the section stays hubkit's; what is new in it is not said to agree."""
    (release / "templates").mkdir()
    own = (Path(hubkit.cards.__file__).parent / "templates" / "limitations.md.j2").read_text(encoding="utf-8")
    (release / "templates" / "limitations.md.j2").write_text(
        f"{own}\n\nTraining took 7 hours.\n", encoding="utf-8"
    )
    save_settings(SETTINGS.model_copy(update={"templates": "templates"}), release / "card.yaml")
    text = build_card(release).text
    assert text.count("<!-- hubkit:template -->") == 1
    found = validate(open_folder(release), coverage=True)
    assert [one.message for one in found.findings if one.code == "CARD017"] == []
    (coverage,) = found.coverage
    assert any("7 hours" in one.quote for one in coverage.unheld)
    assert build_card(release).text == text


def test_a_folder_of_templates_that_is_not_there_is_told(release: Path) -> None:
    with pytest.raises(UsageError, match="no such folder of templates"):
        build_card(release, SETTINGS.model_copy(update={"templates": "elsewhere"}))


def test_a_model_index_is_computed_and_not_typed_in(tmp_path: Path) -> None:
    path = tmp_path / "card.yaml"
    path.write_text(
        "repo_id: o/n\nbase_model: lab/tiny\nlicense: mit\nfront_matter:\n  language: en\n  model-index: []\n",
        encoding="utf-8",
    )
    with pytest.raises(UsageError, match="computed values only"):
        load_settings(path)
    path.write_text(
        "repo_id: o/n\nbase_model: lab/tiny\nlicense: mit\nfront_matter: {language: en}\n", encoding="utf-8"
    )
    assert load_settings(path).front_matter == {"language": "en"}
