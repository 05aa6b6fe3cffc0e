"""A smoke test: the real client in Xet mode, up and down, in processes of their own (the mode is read at import)."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from hubkit.localhub import serving
from hubkit.localhub.xet import shard_files

pytest.importorskip("hf_xet")
DATA = random.Random(7).randbytes(300_000)

UP = """
import sys, huggingface_hub as H
H.create_repo("local/saes")
H.upload_folder(repo_id="local/saes", folder_path=sys.argv[1])
H.create_commit("local/saes", [H.CommitOperationAdd("more.bin", sys.argv[1] + "/w.safetensors")], commit_message="more")
pull = H.upload_folder(repo_id="local/saes", folder_path=sys.argv[1], path_in_repo="pr", create_pr=True)
assert H.get_discussion_details("local/saes", pull.pr_num).status == "draft"
assert "pr/w.safetensors" in H.list_repo_files("local/saes", revision="refs/pr/1")
assert "pr/w.safetensors" not in H.list_repo_files("local/saes")
"""
DOWN = """
import sys, huggingface_hub as H
info = H.get_hf_file_metadata(H.hf_hub_url("local/saes", "w.safetensors"))
assert info.xet_file_data is not None
print(H.snapshot_download("local/saes", local_dir=sys.argv[1]) is not None)
"""


def run(endpoint: str, home: Path, program: str, folder: Path, **more: str) -> str:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    env = kept | {
        "HF_ENDPOINT": endpoint,
        "HF_HOME": str(home),
        "HF_TOKEN": "t",
        "HF_HUB_DISABLE_TELEMETRY": "1",
    }
    done = subprocess.run(
        [sys.executable, "-c", program, str(folder)],
        env=env | {"PYTHONUTF8": "1"} | more,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="hf_xet's local:// store takes POSIX paths")
def test_up_and_down_by_xet(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "w.safetensors").write_bytes(DATA)
    (source / "cfg.json").write_bytes(b"{}")
    with serving(tmp_path / "hub", xet=True) as hub:
        run(hub.endpoint, tmp_path / "home", UP, source)
        assert not [request for request in hub.requests if request.method == "PUT"]
        hub.clear_requests()
        run(hub.endpoint, tmp_path / "other", DOWN, tmp_path / "copy")
        assert not [
            request for request in hub.requests if request.method == "GET" and request.path.startswith("/-/")
        ]
        assert (tmp_path / "copy" / "w.safetensors").read_bytes() == DATA
        assert (tmp_path / "copy" / "more.bin").read_bytes() == DATA
        run(
            hub.endpoint,
            tmp_path / "plain",
            DOWN,
            tmp_path / "plain-copy",
            HF_HUB_DISABLE_XET="1",
        )
        assert (tmp_path / "plain-copy" / "w.safetensors").read_bytes() == DATA


def test_a_shard_that_is_cut_off_ends() -> None:
    assert list(shard_files(b"")) == []
    assert list(shard_files(b"\0" * 100)) == []
