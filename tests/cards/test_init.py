"""`hubkit init`: what the files say, what is asked, what is never lost, and that a card can be built from what it wrote."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from builders import cfg, tensors, view
from safetensors.numpy import save
from typer.testing import CliRunner

from hubkit.cards.init import EXAMPLES, fault, look, next_steps, write_settings
from hubkit.cards.settings import CardSettings, load_settings
from hubkit.cli.main import app
from hubkit.errors import NothingFound, UsageError
from hubkit.repo.local import open_folder
from hubkit.validate.run import validate


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two SAEs somebody trained, a licence file, no card."""
    topk = {"topk_L5/cfg.json": json.dumps(cfg("topk", metadata={"hook_name": "blocks.5.hook_resid_post"})).encode(),
            "topk_L5/sae_weights.safetensors": save(tensors("topk")), "LICENSE": b"MIT License\n\nCopyright (c)"}  # fmt: skip
    files = view(readme=None, files=topk).files
    return written(
        tmp_path / "saes", {path: data.replace(b"lab/tiny", b"gpt2") for path, data in files.items()}
    )


def written(folder: Path, files: dict[str, bytes]) -> Path:
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return folder


def run(*arguments: Any, answers: str | None = None) -> Any:
    return CliRunner().invoke(app, [str(one) for one in arguments], input=answers)


def test_what_the_files_say(folder: Path) -> None:
    seen = look(folder)
    assert seen.families == {"saelens jumprelu": 1, "saelens topk": 1}
    assert (seen.layers, seen.hooks) == ((2, 5), ("blocks.2.hook_resid_post", "blocks.5.hook_resid_post"))
    assert seen.known == {"base_model": "openai-community/gpt2", "license": "mit"}
    assert seen.sources["base_model"] == "2 of 2 configurations: gpt2"


def test_nobody_is_sent_to_init_again(folder: Path) -> None:
    def hint() -> str | None:
        return next(one.hint for one in validate(open_folder(folder)).findings if one.code == "CARD001")

    assert (hint() or "").startswith(f"hubkit init {folder} asks")
    assert run("init", folder, "--yes").exit_code == 0
    assert hint() == f"hubkit build-cards {folder} writes it"
    with pytest.raises(UsageError, match="repo_id: is missing") as unfinished:
        load_settings(folder / "card.yaml")
    assert (unfinished.value.hint or "").startswith(f"edit {folder / 'card.yaml'}: repo_id")


def test_a_readme_knows_better_than_a_name_in_a_configuration(folder: Path) -> None:
    (folder / "README.md").write_text(
        "---\nlicense: gemma\nbase_model: google/gemma-2-2b\n---\n", encoding="utf-8"
    )
    seen = look(folder)
    assert seen.known == {"base_model": "google/gemma-2-2b", "license": "gemma"}
    assert any("--force" in step for step in next_steps(seen, []))


@pytest.mark.parametrize(
    ("configuration", "name"),
    [
        ({"trainer": {"dict_class": "AutoEncoderTopK", "activation_dim": 8, "dict_size": 32, "k": 4, "lm_name": "EleutherAI/pythia-70m-deduped", "layer": 3, "submodule_name": "resid_post_layer_3"}, "buffer": {}}, "EleutherAI/pythia-70m-deduped"),
        ({"trainer": {"dict_class": "AutoEncoder", "activation_dim": 8, "dict_size": 32, "lm_name": "/data/models/secret"}, "buffer": {}}, None),
    ],
)  # fmt: skip
def test_another_familys_folder(tmp_path: Path, configuration: dict[str, Any], name: str | None) -> None:
    folder = written(
        tmp_path / "other", {"a/config.json": json.dumps(configuration).encode(), "a/ae.pt": b"PK"}
    )
    seen = look(folder)
    assert (seen.count, seen.saelens, seen.known.get("base_model")) == (1, 0, name)
    assert "not in SAELens's format" in next_steps(seen, [])[0]


def test_yes_asks_nothing_and_says_what_is_needed_and_what_to_type(folder: Path) -> None:
    answer = run("init", folder, "--yes")
    assert (answer.exit_code, answer.stdout.strip()) == (0, str(folder / "card.yaml"))
    assert "repo_id still needed" in answer.stderr
    assert "hubkit build-cards" in answer.stderr
    raw = yaml.safe_load((folder / "card.yaml").read_text(encoding="utf-8"))
    assert raw == {"repo_id": None, "base_model": "openai-community/gpt2", "license": "mit"}
    with pytest.raises(UsageError, match="repo_id"):
        load_settings(folder / "card.yaml")


def test_what_it_writes_builds_a_card(folder: Path) -> None:
    (folder / "LICENSE").unlink()
    answer = run("init", folder, "--yes", "--repo-id", "me/saes", "--license", "apache-2.0", "--base-model", "openai-community/gpt2", "--format", "json")  # fmt: skip
    assert json.loads(answer.stdout)["missing"] == []
    assert load_settings(folder / "card.yaml").repo_id == "me/saes"
    from hubkit.cards.build import build_card

    assert "me/saes" in build_card(folder).text


def test_an_unlisted_licence_is_doubted_and_asked_for_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = run("init", folder, "--yes", "--license", "nonsense")
    assert (told.exit_code, "no licence that the Hub is known to take" in told.stderr) == (0, True)
    monkeypatch.setattr("hubkit.cli.init.on_terminal", lambda: True)
    answer = run("init", folder, "--force", answers="me/saes\n\nnonsense\nn\nmit\n\n\n\n\n")
    assert answer.exit_code == 0, answer.output
    assert load_settings(folder / "card.yaml").license == "mit"
    kept = run("init", folder, "--force", answers="me/saes\n\nbrand-new-1.0\ny\n\n\n\n\n")
    assert kept.exit_code == 0, kept.output
    assert load_settings(folder / "card.yaml").license == "brand-new-1.0"


def test_force_is_advised_only_where_somebodys_text_would_be_replaced(folder: Path) -> None:
    from hubkit.cards.build import build_card

    foreign = (folder / "README.md").is_file()
    told = run("init", folder, "--yes", "--repo-id", "me/saes").stderr
    assert ("--force" in told) == foreign
    build_card(folder, force=True)
    assert "--force" not in run("init", folder, "--yes", "--force", "--repo-id", "me/saes").stderr
    with (folder / "README.md").open("a", encoding="utf-8") as card:
        card.write("\nmine\n")
    assert "--force" in run("init", folder, "--yes", "--force", "--repo-id", "me/saes").stderr


def test_nothing_is_overwritten_without_force(folder: Path) -> None:
    (folder / "card.yaml").write_text("repo_id: mine/own\n", encoding="utf-8")
    with pytest.raises(UsageError, match="would be lost"):
        write_settings(look(folder), {"repo_id": "a/b"})
    assert (folder / "card.yaml").read_text(encoding="utf-8") == "repo_id: mine/own\n"
    write_settings(look(folder), {"repo_id": "a/b"}, force=True)
    assert "a/b" in (folder / "card.yaml").read_text(encoding="utf-8")


def test_on_a_terminal_it_asks_again_until_an_answer_can_stand(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hubkit.cli.init.on_terminal", lambda: True)
    answers = "not an id\nme/saes\n\nMIT please\nmit\nMy SAEs: all of them\n\n\n\n"
    answer = run("init", folder, answers=answers)
    assert answer.exit_code == 0, answer.output
    assert "OWNER/NAME is expected" in answer.stderr
    assert "identifier of the Hub is expected" in answer.stderr
    settings = load_settings(folder / "card.yaml")
    assert (settings.repo_id, settings.base_model, settings.license) == (
        "me/saes",
        "openai-community/gpt2",
        "mit",
    )
    assert (settings.title, settings.summary) == ("My SAEs: all of them", None)


@pytest.mark.parametrize(
    ("key", "value", "stands"),
    [
        ("repo_id", "me/saes", True), ("repo_id", "saes", False), ("repo_id", "https://huggingface.co/me/saes", False),
        ("base_model", "google/gemma-2-2b", True), ("base_model", "gpt2", False), ("license", "gemma", True), ("license", "MIT", False),
        ("title", "x: #y", True),
    ],
)  # fmt: skip
def test_answers_are_validated(key: str, value: str, *, stands: bool) -> None:
    assert (fault(key, value) is None) is stands


@pytest.mark.parametrize("title", ["a: b # c", "'quoted'", "- dash", "yes", "tab\tand\nline", "[x]", "é“”"])
def test_any_text_survives_the_file(folder: Path, title: str) -> None:
    answers = {"repo_id": "a/b", "base_model": "a/b", "license": "mit", "title": title}
    path = write_settings(look(folder), answers)
    assert load_settings(path).title == title


def test_every_key_is_in_the_file_with_an_example_that_stands(folder: Path) -> None:
    answers = {"repo_id": "a/b", "base_model": "a/b", "license": "mit"}
    lines = write_settings(look(folder), answers).read_text(encoding="utf-8").split("\n")
    optional = [key for key in CardSettings.model_fields if key not in answers]
    assert set(optional) <= set(EXAMPLES), "a new key of card.yaml needs an example"
    for key in optional:
        (example,) = [line.removeprefix("# ") for line in lines if line.startswith(f"# {key}: ")]
        CardSettings.model_validate({**answers, **yaml.safe_load(example)})


def test_a_name_with_line_ends_stays_in_its_comment(tmp_path: Path) -> None:
    evil = cfg(metadata={"hook_name": "blocks.2.x\nlicense: evil", "model_name": "a/b\nlicense: evil"})
    folder = written(tmp_path / "evil", view(evil, readme=None).files)
    path = write_settings(look(folder), look(folder).known)
    assert yaml.safe_load(path.read_text(encoding="utf-8")) == {
        "repo_id": None,
        "base_model": None,
        "license": None,
    }


def test_a_folder_without_saes(tmp_path: Path) -> None:
    with pytest.raises(NothingFound, match="no SAE"):
        look(tmp_path)
