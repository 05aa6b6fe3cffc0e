"""From a list of changed files to the releases they belong to."""

from __future__ import annotations

from pathlib import Path

import pytest

from hubkit.validate.releases import releases_of


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A code base with three releases: one with a manifest, one with a card, one bare."""
    monkeypatch.chdir(tmp_path)
    files = {
        "README.md": "# A code base",
        "src/train.py": "",
        "one/provenance.json": "{}",
        "one/layer_1/deep/cfg.json": "{}",
        "two/README.md": "---\nlicense: mit\n---\n",
        "two/group/sae_a/cfg.json": "{}",
        "two/group/sae_a/README.md": "# one SAE",
        "two/group/sae_b/sae_weights.safetensors": "",
        "bare/sae/cfg.json": "{}",
        "model/config.json": "{}",
    }
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("file", "release"),
    [
        ("one/layer_1/deep/cfg.json", "one"),
        ("one/evaluation.json", "one"),
        ("two/group/sae_a/cfg.json", "two"),
        ("two/group/sae_a/README.md", "two"),
        ("two/group/sae_b/deleted.json", "two"),
        ("two/README.md", "two"),
        ("./two/README.md", "two"),
        ("bare/sae/sae_weights.safetensors", "bare"),
        ("two/.env", "two"),
        ("two/notebooks/deep/x.ipynb", "two"),
        ("two/group/notes.txt", "two"),
        ("README.md", None),
        ("src/train.py", None),
        ("model/config.json", None),
        ("gone/for/good.txt", None),
    ],
)
def test_the_release_of_a_file(tree: Path, file: str, release: str | None) -> None:
    assert releases_of([file]) == ([] if release is None else [Path(release)])


def test_each_release_once_and_absolute_paths_too(tree: Path) -> None:
    files = ["two/group/sae_a/cfg.json", "two/group/sae_b/sae_weights.safetensors", "one/provenance.json", ""]
    assert releases_of(files) == [Path("one"), Path("two")]
    assert releases_of([str(tree / "bare/sae/cfg.json")]) == [tree / "bare"]


def test_an_sae_in_the_working_directory_is_its_own_release(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tree / "bare" / "sae")
    assert releases_of(["cfg.json"]) == [Path()]
