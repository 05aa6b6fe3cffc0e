"""The census: what is audited, what an audit's rows come to, and the page; that the committed page is the one that its figures make."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from audit.repositories import publish, sae_files
from huggingface_hub import HfApi, close_session

from hubkit.audit.output import pieces
from hubkit.audit.run import audit
from hubkit.audit.targets import sources
from hubkit.localhub import serving
from hubkit.validate.rules.errata import ERRATA

ROOT = Path(__file__).parents[1]
sys.path.append(str(ROOT))
from pages import census  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning", "ignore::UserWarning")
TOKEN = "local-token"  # of the local Hub


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The JSON of an audit: two SAEs whose thresholds never moved, one in a window of SAELens, a sound one, one without an SAE."""
    scratch = tmp_path_factory.mktemp("census")
    with pytest.MonkeyPatch.context() as patch, serving(scratch / "hub", token=TOKEN) as hub:
        patch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)
        patch.setenv("HUBKIT_CACHE", str(scratch / "cache"))
        api = HfApi(endpoint=hub.endpoint, token=TOKEN)
        publish(api, "secret-lab/broken", sae_files(4, zero=2))
        publish(api, "secret-lab/old", _stamped(sae_files(2)))
        publish(api, "secret-lab/sound", sae_files(1))
        publish(api, "secret-lab/empty", {"README.md": b"# Nothing\n"})
        kept = audit(sources(["secret-lab"]), api, scratch / "store.sqlite")
        path = scratch / "audit.json"
        path.write_text("".join(pieces(kept, "reports")), encoding="utf-8")
        kept.close()
        close_session()
    return path


def _stamped(files: dict[str, bytes]) -> dict[str, bytes]:
    """The same, trained with an old SAELens."""
    stamped: dict[str, bytes] = {}
    for path, data in files.items():
        if path.endswith("cfg.json"):
            cfg = json.loads(data)
            cfg["metadata"]["sae_lens_training_version"] = "6.40.0"
            stamped[path] = json.dumps(cfg).encode()
    return files | stamped


def made(audited: Path, folder: Path, source: str = census.HUB) -> tuple[dict[str, Any], str]:
    census.main(["table", str(audited), "--source", source, "--folder", str(folder)])
    return json.loads((folder / "census.json").read_text(encoding="utf-8")), (folder / "census.md").read_text(
        encoding="utf-8"
    )


def test_the_figures_are_those_of_the_audit(audited: Path, tmp_path: Path) -> None:
    found, _ = made(audited, tmp_path)
    rows = json.loads(audited.read_text(encoding="utf-8"))
    sums = found["totals"]
    assert (sums["repositories"], sums["with_saes"], sums["saes"], sums["unread"]) == (4, 3, 7, 0)
    for severity in census.SEVERITIES:
        there = sum(one["findings"] for one in found["rules"] if one["severity"] == severity)
        assert sums[severity] == there == sum(row[severity] for row in rows), severity
    (zero,) = [one for one in found["rules"] if (one["code"], one["severity"]) == ("THR001", "error")]
    assert (zero["repositories"], zero["findings"]) == (1, 2)
    (family,) = found["families"]
    assert (family["family"], family["repositories"], family["saes"]) == ("saelens", 3, 7)
    assert family["with_errors"] >= 2
    windows = {one["key"]: one["saes"] for one in found["errata"]}
    assert windows["log-threshold"] == 1
    assert set(windows) <= {one.key for one in ERRATA}


def test_no_repository_is_named(audited: Path, tmp_path: Path) -> None:
    made(audited, tmp_path)
    for name in ("census.json", "census.md"):
        assert "secret-lab" not in (tmp_path / name).read_text(encoding="utf-8")


def test_the_page_says_which_it_is(audited: Path, tmp_path: Path) -> None:
    _, real = made(audited, tmp_path)
    assert "has not been run" not in real
    assert "| THR001 | error |" in real
    assert "| saelens | 3 | 7 |" in real
    assert "#494" in real
    _, trial = made(audited, tmp_path, census.CORPUS)
    assert "**A census of the Hub has not been run yet.**" in trial


def test_a_repository_that_could_not_be_read_is_counted() -> None:
    row = {"complete": False, "error": 0, "warning": 0, "note": 0}
    sums = census.counted([row], census.HUB, "2026-01-01")["totals"]
    assert (sums["repositories"], sums["unread"], sums["saes"]) == (1, 1, 0)


def test_the_committed_page_is_made_of_the_committed_figures() -> None:
    """When this fails: HUBKIT_CORPUS=... PYTHONPATH=.:tests python benchmarks/census.py, or take the page of the workflow's artifact."""
    found = json.loads((ROOT / "docs" / "census.json").read_text(encoding="utf-8"))
    assert (ROOT / "docs" / "census.md").read_text(encoding="utf-8") == census.page(found)
    assert "census.md" in (ROOT / "mkdocs.yml").read_text(encoding="utf-8")


def test_the_registry_is_read_without_importing_saelens() -> None:
    if importlib.util.find_spec("sae_lens") is None:
        pytest.skip("sae-lens is not installed")
    names = census.registry()
    assert len(names) == len(set(names)) > 50
    assert all(name.count("/") == 1 for name in names)
