"""`hf sae`: what extensions/hf-sae says of itself is so, and `hf` runs it from where it keeps extensions. `.ci/base_install` builds and installs it as `hf extensions install` does."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import pytest
from huggingface_hub.cli import extensions
from packaging.requirements import Requirement

from hubkit import __version__

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "extensions" / "hf-sae"
PROJECT = tomllib.loads((FOLDER / "pyproject.toml").read_text(encoding="utf-8"))["project"]
OURS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_it_is_what_hf_looks_for_and_installs_this_hubkit() -> None:
    name = PROJECT["name"]
    assert extensions._normalize_repo_id(f"OWNER/{name}")[2] == "sae"
    assert PROJECT["scripts"] == {name: OURS["scripts"]["hubkit"]}
    needed = [Requirement(one) for one in PROJECT["dependencies"]]
    assert [one.name for one in needed] == [OURS["name"]]
    assert needed[0].extras == set()
    assert needed[0].specifier.contains(__version__, prereleases=True)
    assert PROJECT["requires-python"] == OURS["requires-python"]
    assert name not in OURS["scripts"], "two distributions in one environment would write one script"
    assert not (FOLDER / name).exists(), (
        "hf would take a file of this name for a shell script, and install nothing else"
    )


def hf(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    code = "import sys\nfrom huggingface_hub.cli.hf import main\nmain()"
    kept = {key: value for key, value in os.environ.items() if not key.startswith("HF_")}
    environment = kept | {
        "HOME": str(home), "HF_HOME": str(home / "hf"), "HF_HUB_DISABLE_UPDATE_CHECK": "1", "HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1",
        "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8", "NO_COLOR": "1",
    }  # fmt: skip
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=ROOT, env=environment, capture_output=True, text=True, encoding="utf-8", stdin=subprocess.DEVNULL, check=False,
    )  # fmt: skip


@pytest.mark.skipif(
    os.name == "nt", reason="pip makes an .exe of a script there: .ci/base_install runs on POSIX"
)
def test_hf_runs_it_from_where_it_keeps_extensions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = hf(tmp_path, "sae", "rules")
    assert before.returncode != 0
    assert "sae" in before.stderr
    monkeypatch.setenv("HOME", str(tmp_path))
    name, script = next(iter(PROJECT["scripts"].items()))
    folder = extensions._get_extension_dir("sae")
    assert folder.is_relative_to(tmp_path)
    executable = extensions._get_venv_bin_path(folder / "venv", extensions._get_executable_name("sae"))
    executable.parent.mkdir(parents=True)
    module, _, function = script.partition(":")
    executable.write_text(
        f"#!{sys.executable}\nimport sys\nfrom {module} import {function}\nsys.exit({function}())\n",
        encoding="utf-8",
        newline="\n",
    )
    executable.chmod(0o755)
    extensions.ExtensionManifest(
        owner="OWNER", repo=name, repo_id=f"OWNER/{name}", short_name="sae", executable_path=str(executable), type="python",
        installed_at=datetime.now(UTC), description=PROJECT["description"],
    ).save(folder)  # fmt: skip
    found = hf(tmp_path, "sae", "validate", "examples/broken", "--select", "THR001")
    assert (found.returncode, re.findall(r"THR001", found.stdout)[:1]) == (1, ["THR001"]), found.stderr
    assert hf(tmp_path, "sae", "validate", "examples/repaired").returncode == 0
    assert "hf sae" in hf(tmp_path, "extensions", "list").stdout
