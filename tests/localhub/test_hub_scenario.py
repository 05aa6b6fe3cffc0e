"""One story, told by HfApi, by the `hf` command, and read by SAELens: the Hub ends up the same, and none of them notices."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from builders import cfg, tensors
from huggingface_hub import HfApi
from safetensors.numpy import save

from hubkit.localhub import RunningHub

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")
REPO = "local/saes"
SAE_ID = "layer_2"
TOKEN = "local-token"


@pytest.fixture
def release(tmp_path: Path) -> Path:
    folder = tmp_path / "release"
    (folder / SAE_ID).mkdir(parents=True)
    (folder / "README.md").write_bytes(
        b"---\nlicense: mit\nlibrary_name: saelens\ntags: [sae]\n---\n# SAEs\n"
    )
    (folder / SAE_ID / "cfg.json").write_text(json.dumps(cfg()), encoding="utf-8")
    (folder / SAE_ID / "sae_weights.safetensors").write_bytes(save(tensors()))
    return folder


def run(hub: RunningHub, home: Path, *command: str) -> str:
    """A process that knows the Hub by its environment."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("HF_", "AI_AGENT", "AGENT"))
    }
    env = kept | {
        "HF_ENDPOINT": hub.endpoint,
        "HF_HOME": str(home),
        "HF_TOKEN": TOKEN,
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_UPDATE_CHECK": "1",
        "PYTHONUTF8": "1",
    }
    done = subprocess.run(
        command, env=env, capture_output=True, text=True, encoding="utf-8", timeout=300, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def by_api(hub: RunningHub, release: Path, home: Path) -> None:
    api = HfApi(endpoint=hub.endpoint, token=TOKEN)
    assert api.whoami()["name"] == "local"
    api.create_repo(REPO, private=True)
    api.upload_folder(repo_id=REPO, folder_path=release, commit_message="publish")
    api.create_tag(REPO, tag="v1")
    api.create_branch(REPO, branch="dev")
    api.snapshot_download(REPO, revision="v1", local_dir=home / "copy", cache_dir=home)
    api.upload_file(
        repo_id=REPO,
        path_or_fileobj=release / "README.md",
        path_in_repo="NOTES.md",
        create_pr=True,
        commit_message="notes",
    )
    api.comment_discussion(REPO, 1, "fine")
    api.merge_pull_request(REPO, 1)
    api.update_repo_settings(REPO, private=False)
    collection = api.create_collection("SAEs")
    api.add_collection_item(collection.slug, REPO, "model")


def by_command(hub: RunningHub, release: Path, home: Path) -> None:
    def hf(*arguments: str) -> str:
        # not the installed script: this is the same on every system
        return run(hub, home, sys.executable, "-m", "huggingface_hub.cli.hf", *arguments)

    assert "local" in hf("auth", "whoami")
    hf("repos", "create", REPO, "--private")
    hf("upload", REPO, str(release), ".", "--commit-message", "publish")
    hf("repos", "tag", "create", REPO, "v1")
    hf("repos", "branch", "create", REPO, "dev")
    hf("download", REPO, "--revision", "v1", "--local-dir", str(home / "copy"))
    hf("upload", REPO, str(release / "README.md"), "NOTES.md", "--create-pr", "--commit-message", "notes")
    hf("discussions", "comment", REPO, "1", "--body", "fine")
    hf("discussions", "merge", REPO, "1", "--yes")
    hf("repos", "settings", REPO, "--public")
    slug = json.loads(hf("collections", "create", "SAEs", "--format", "json"))["slug"]
    hf("collections", "add-item", slug, REPO, "model")
    assert json.loads(hf("models", "info", REPO, "--format", "json"))["id"] == REPO
    assert "publish" not in hf("discussions", "list", REPO, "--format", "json")


@pytest.mark.parametrize("tell", [by_api, by_command], ids=["HfApi", "hf"])
def test_the_same_story(
    tell: Callable[[RunningHub, Path, Path], None], hub: RunningHub, release: Path, tmp_path: Path
) -> None:
    tell(hub, release, tmp_path / "home")
    api = HfApi(endpoint=hub.endpoint, token=TOKEN)
    files = {path.relative_to(release).as_posix() for path in release.rglob("*") if path.is_file()}
    for name in files:
        assert (tmp_path / "home" / "copy" / name).read_bytes() == (release / name).read_bytes()
    info = api.model_info(REPO)
    assert {sibling.rfilename for sibling in info.siblings or []} == files | {".gitattributes", "NOTES.md"}
    assert (info.private, info.library_name, info.author) == (False, "saelens", "local")
    titles = [commit.title for commit in api.list_repo_commits(REPO)]
    assert titles == ["notes (#1)", "publish", "initial commit"]
    pull = api.get_discussion_details(REPO, 1)
    assert (pull.status, pull.merge_commit_oid) == ("merged", info.sha)
    assert [event.type for event in pull.events] == ["comment", "commit", "comment", "status-change"]
    refs = api.list_repo_refs(REPO)
    published = api.list_repo_commits(REPO)[1].commit_id
    assert [(ref.name, ref.target_commit) for ref in refs.tags] == [("v1", published)]
    assert {ref.name for ref in refs.branches} == {"main", "dev"}
    (collection,) = api.list_collections(owner="local")
    assert [item.item_id for item in collection.items] == [REPO]
    assert [model.id for model in api.list_models(filter="saelens")] == [REPO]


LOADS = """
import sys, warnings
warnings.simplefilter("ignore")
from sae_lens import SAE
sae = SAE.from_pretrained(release=sys.argv[1], sae_id=sys.argv[2], device="cpu")
print("LOADED", type(sae).__name__, tuple(sae.W_enc.shape), float(sae.W_enc.sum()), float(sae.threshold.sum()))
"""


@pytest.mark.train
def test_saelens_loads_what_was_published(hub: RunningHub, release: Path, tmp_path: Path) -> None:
    api = HfApi(endpoint=hub.endpoint, token=TOKEN)
    api.create_repo(REPO, private=True)
    api.upload_folder(repo_id=REPO, folder_path=release)
    out = run(hub, tmp_path / "home", sys.executable, "-c", LOADS, REPO, SAE_ID)
    line = next(line for line in out.splitlines() if line.startswith("LOADED"))
    expected = tensors()
    kind, shape = line.split(" ", 2)[1], line[line.index("(") : line.index(")") + 1]
    assert (kind, shape) == ("JumpReLUSAE", "(8, 32)")
    sums = [float(number) for number in line.rpartition(")")[2].split()]
    assert sums == pytest.approx([expected["W_enc"].sum(), expected["threshold"].sum()], rel=1e-5)
    assert any(request.path.startswith("/-/lfs/") and not request.authorized for request in hub.requests)
