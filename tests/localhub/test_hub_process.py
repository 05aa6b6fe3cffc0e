"""The real client in a process of its own, which knows the Hub by its environment only, and may die."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from huggingface_hub import CommitOperationAdd, HfApi
from huggingface_hub.errors import HfHubHTTPError

from hubkit.localhub import RunningHub

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")
REPO = "me/release"
TOKEN = "local-token"


def received(hub: RunningHub, method: str) -> int:
    return sum(request.received for request in hub.requests if request.method == method)


def run_client(
    hub: RunningHub, home: Path, program: str, *arguments: str
) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    env = kept | {
        "HF_ENDPOINT": hub.endpoint,
        "HF_HOME": str(home),
        "HF_TOKEN": TOKEN,
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "PYTHONUTF8": "1",
    }
    command = [sys.executable, "-c", program, *arguments]
    return subprocess.run(
        command, env=env, capture_output=True, text=True, encoding="utf-8", timeout=120, check=False
    )


WHOLE_WAY = """
import sys, huggingface_hub as H
H.create_repo("me/release")
commit = H.upload_folder(repo_id="me/release", folder_path=sys.argv[1])
print(commit.oid == H.model_info("me/release").sha, H.snapshot_download("me/release", local_dir=sys.argv[2]) is not None)
"""
DIES_BEFORE_THE_COMMIT = """
import os, sys, huggingface_hub as H
operation = H.CommitOperationAdd("w.safetensors", sys.argv[1])
H.HfApi().preupload_lfs_files("me/release", [operation], free_memory=False)
os._exit(9)
"""


def test_a_process_that_only_knows_the_environment(hub: RunningHub, source: Path, tmp_path: Path) -> None:
    done = run_client(hub, tmp_path / "home", WHOLE_WAY, str(source), str(tmp_path / "copy"))
    assert done.stdout.split() == ["True", "True"], done.stderr
    for path in (path for path in source.rglob("*") if path.is_file()):
        assert (tmp_path / "copy" / path.relative_to(source)).read_bytes() == path.read_bytes()


def test_killed_between_upload_and_commit_leaves_the_head(
    api: HfApi, hub: RunningHub, source: Path, tmp_path: Path
) -> None:
    api.create_repo(REPO)
    before = api.model_info(REPO).sha
    weights = source / "layer 3" / "sae_weights.safetensors"
    died = run_client(hub, tmp_path / "home", DIES_BEFORE_THE_COMMIT, str(weights))
    assert died.returncode == 9, died.stderr
    assert received(hub, "PUT") == 12_000_000
    assert api.model_info(REPO).sha == before
    again = [CommitOperationAdd("w.safetensors", weights)]
    head = api.create_commit(REPO, again, commit_message="add").oid
    assert received(hub, "PUT") == 12_000_000  # running again sends only what is missing
    assert api.model_info(REPO).sha == head != before


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT")
def test_hubkit_hub_serve_until_ctrl_c(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hubkit", "hub", "serve", str(tmp_path / "hub"), "--port", "0"]
    env = os.environ | {"PYTHONUTF8": "1", "COLUMNS": "200"}
    with subprocess.Popen(
        [*command, "--token", "cli-token", "--user", "me"], stderr=subprocess.PIPE, text=True, env=env
    ) as process:
        assert process.stderr is not None
        try:
            said = process.stderr.readline()
            endpoint = next(word for word in said.split() if word.startswith("http://"))
            assert HfApi(endpoint=endpoint, token="cli-token").whoami()["name"] == "me"
            assert HfApi(endpoint=endpoint, token="cli-token").create_repo("saes").repo_id == "me/saes"
            with pytest.raises(HfHubHTTPError):
                HfApi(endpoint=endpoint, token=False).create_repo("me/other")
            assert "cli-token" not in said
            assert "HF_TOKEN=TOKEN" in process.stderr.readline()
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == 130
        finally:
            process.kill()
