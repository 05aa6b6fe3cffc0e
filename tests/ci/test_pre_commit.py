"""The pre-commit hook: file names as arguments, as pre-commit passes them."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from hubkit.validate.pre_commit import main

ROOT = Path(__file__).resolve().parents[2]
(HOOK,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with a good and a broken release, and a hubkit of its own that must not be imported."""
    maker = Path(__file__).with_name("make_release.py")
    subprocess.run([sys.executable, str(maker), str(tmp_path / "good")], check=True)
    subprocess.run([sys.executable, str(maker), str(tmp_path / "br oken"), "--broken"], check=True)
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "README.md").write_text("# Words\n", encoding="utf-8")
    (tmp_path / "hubkit.py").write_text("raise SystemExit('imported from the checkout')\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def commit(repository: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """What pre-commit starts: the entry, with the environment's python first on PATH."""
    entry = [sys.executable, *HOOK["entry"].split()[1:]]
    return subprocess.run(
        [*entry, *arguments], cwd=repository, capture_output=True, text=True, encoding="utf-8", check=False
    )


def test_the_entry_is_ours() -> None:
    assert HOOK["id"] == "hubkit-validate"
    assert HOOK["entry"] == "python -I -m hubkit.validate.pre_commit"


def test_a_broken_release_stops_the_commit(repository: Path) -> None:
    done = commit(repository, "br oken/gpt2_L8/cfg.json", "docs/README.md")
    assert done.returncode == 1, done.stderr
    assert "THR001" in done.stdout
    assert "br oken/gpt2_L8" in done.stdout


def test_a_good_release_is_silent(repository: Path) -> None:
    done = commit(repository, "good/README.md", "good/gpt2_L4/sae_weights.safetensors")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("name", [".env", "train.py", "notebooks/deep/probe.ipynb", "gpt2_L4/run.sh"])
def test_a_secret_beside_the_saes_stops_the_commit(repository: Path, name: str) -> None:
    place = repository / "good" / name
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(f"HF_TOKEN={'hf_' + 'aB3' * 12}\n", encoding="utf-8")
    done = commit(repository, f"good/{name}")
    assert done.returncode == 1, done
    assert "SEC002" in done.stdout


def test_files_of_no_release_are_no_fault(repository: Path) -> None:
    assert main(["docs/README.md"]) == 0
    assert main([]) == 0


def test_options_come_before_the_files(repository: Path, capfd: pytest.CaptureFixture[str]) -> None:
    broken = "br oken/gpt2_L8/cfg.json"
    assert main(["--select", "CFG", broken]) == 0
    assert main(["--ignore", "thr,card", broken]) == 0
    assert main(["--fail-on", "note", "--notes", "good/README.md"]) == 1
    assert main(["--base-model", "pythia-1b", "--select", "HOOK", "good/README.md"]) == 1
    assert "HOOK003" in capfd.readouterr().out
    assert main(["--config", "nowhere.toml", broken]) == 2
    assert "nowhere.toml" in capfd.readouterr().out
    assert main(["--baseline", "nowhere.json", broken]) == 2


@pytest.mark.parametrize(
    ("path", "ours"),
    [
        ("release/sae/cfg.json", True),
        ("cfg.json", True),
        ("README.md", True),
        ("a/b/sae_weights.safetensors", True),
        ("a/params.npz", True),
        ("a/train.py", True),
        ("a/.env", True),
        ("a/.env.local", True),
        ("a/notebooks/x.ipynb", True),
        ("a/slurm.out", True),
        ("a/id_rsa", True),
        ("a/.pypirc", True),
        ("a/client_secret.json", True),
        ("a/train.log.gz", True),
        ("a/model.cpp", False),
        ("a/mycfg.json", False),
        ("a/package.json", False),
    ],
)
def test_which_files_it_is_asked_for(path: str, ours: bool) -> None:
    assert bool(re.search(HOOK["files"], path)) is ours
