"""huggingface_hub's own tests against the local Hub: how many pass, how many fail, what is out of scope and why.

The tests are those of the client's sdist, which pip fetches; they are not kept here. They want packages of their own, so run this in an
environment made for it, not in the one that hubkit is developed in:

    python -m venv suite
    suite/bin/pip install . pytest pytest-timeout pytest-mock pytest-asyncio pytest-rerunfailures pytest-vcr fastapi jedi pillow
    suite/bin/python benchmarks/client_suite.py
    suite/bin/python benchmarks/client_suite.py --files test_hf_api.py -- -k pull_request
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections import Counter
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

HERE = Path(__file__).parent
SECONDS = 120
"""That one test may take."""
FILES = (  # noqa: SIM905 - a list of this length is read as a text
    "test_auth.py test_cache_layout.py test_cache_no_symlinks.py test_cli.py test_cli_discussions.py test_commit_api.py test_commit_scheduler.py "
    "test_copy_files.py test_file_download.py test_hf_api.py test_hf_file_system.py test_hub_mixin.py test_kernels.py test_lfs.py test_local_folder.py "
    "test_repocard.py test_snapshot_download.py test_tree_cache.py test_upload_pipeline.py test_utils_cache.py test_utils_http.py test_xet_download.py "
    "test_xet_upload.py"
).split()
"""The files in which tests speak to a Hub, with what stands beside those tests."""

AS_MODELS = {
    "test_hf_file_system.py": ("TestHfFileSystemRepositoryRO", "TestHfFileSystemRepositoryRW"),
    "test_hf_api.py": (
        "test_move_repo_normal_usage",
        "test_create_repo_already_exists_but_no_write_permission_returns_correct_repo_id",
        "test_create_tag_on_commit_oid",
        "test_create_discussion_space",
        "test_auth_check_success",
    ),
    "test_copy_files.py": ("dataset_write", "test_copy_files_repo_to_repo", "test_cp_remote_repo_to_repo"),
}
"""Tests of what holds for every kind of repository, written for a dataset: they are run with a model in its place."""

OTHER_KINDS = "is about datasets, Spaces or kernels: this Hub holds models"
BUCKETS = "is about buckets, which are no repositories"
NETWORK = "asks a server of Hugging Face's other than the Hub, or the Hub itself"
PEOPLE = (
    "is about what people do on the Hub: likes, webhooks, an account's full name, an enterprise's settings"
)
FIXTURE = "reads a file that the sdist does not have"
HISTORY = "takes content out of the history to free storage: hubkit never asks for it"
BACKSLASH = (
    "makes a file with a backslash in its name, which the client will not fetch and this Hub will not take"
)
SETTING = "asks what the client does where HF_ENDPOINT is not set"
OUT_OF_SCOPE = (
    (
        r"test_cp_.*bucket|test_cp_(upload_file_(with_remote_name|quiet)|upload_from_stdin|download_(to|nested|quiet|creates)\w*)$|TestBucket",
        BUCKETS,
    ),
    (r"test_cp_error_remote_source_not_found", BUCKETS),
    (
        r"test_kernels|TestRepoListCommand|_on_(dataset|space)$|test_update_dataset_repo_settings|TestHfApiPrivate|test_collection_items",
        OTHER_KINDS,
    ),
    (r"test_list_inference_catalog|test_(async_)?client_get_request", NETWORK),
    (
        r"TestWebhookApi|TestActivityApi|test_whoami_with_passing_token|test_create_repo_private_by_default",
        PEOPLE,
    ),
    (
        r"TestRepoCard::test_(load_repocard_from_file|change_repocard_data|repo_card_from_custom|repo_card_data_must|repo_card_without)",
        FIXTURE,
    ),
    (r"TestRepoCard::test_(validate_repocard|preserve_\w+|updating_text)", FIXTURE),
    (r"TestModelCard::test_(model_card_with|load_model|model_card_from_(custom|template_eval))", FIXTURE),
    (r"TestDatasetCard::test_(load|dataset_card_from_custom)", FIXTURE),
    (r"TestListAndPermanentlyDeleteLFSFiles", HISTORY),
    (r"TestHfHubDownloadRelativePaths", BACKSLASH),
    (r"test_fix_hf_endpoint_in_url\[.*-None-", SETTING),
    (
        r"test_delete_path_on_local_folder_with_wrong_permission",
        "asks what a user other than root may not do",
    ),
)
"""Pattern of a test's name, and why it is not run. Tests of the suite's mark `production` are not run either: they read huggingface.co."""


def reason_out_of_scope(test: str, marks: set[str]) -> str:
    """Why a test (`tests/test_x.py::Class::name`) is left out; empty where it is not."""
    if "production" in marks:
        return "reads repositories of huggingface.co"
    return next((reason for pattern, reason in OUT_OF_SCOPE if re.search(pattern, test)), "")


@dataclass(frozen=True)
class Result:
    """One test."""

    test: str
    outcome: str
    """passed, failed, skipped (by the suite), out of scope."""
    text: str
    """The last line of what went wrong, or why it was not run."""
    asked: bool
    """Whether it sent the Hub a request."""


def fetch_suite(folder: Path, sdist: Path | None) -> Path:
    """The unpacked sdist of the installed client, with our conftest and models for datasets."""
    if sdist is None:
        pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", ":all:"]
        subprocess.run(
            [*pip, "-d", str(folder), f"huggingface_hub=={version('huggingface_hub')}"], check=True
        )
        sdist = next(folder.glob("huggingface_hub-*.tar.gz"))
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    suite = next(path for path in folder.glob("huggingface_hub-*") if path.is_dir())
    shutil.copy(HERE / "client_suite_conftest.py", suite / "tests" / "conftest.py")
    (suite / "tests" / "__init__.py").touch()
    for name, places in AS_MODELS.items():
        path = suite / "tests" / name
        path.write_text(_with_models(path.read_text(encoding="utf-8"), places), encoding="utf-8")
    return suite


def _with_models(source: str, places: tuple[str, ...]) -> str:
    """The same tests with a model wherever `places` (functions and classes) have a dataset."""
    lines = source.splitlines(keepends=True)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name in places:
            for at in range(node.lineno, node.end_lineno or node.lineno):
                line = lines[at].replace('"dataset"', '"model"').replace("datasets/", "")
                lines[at] = line.replace("dataset_info(", "model_info(")
    return "".join(lines)


def run_suite(suite: Path, endpoint: str, report: Path, files: list[str], options: list[str]) -> None:
    """Run the tests in a process of their own, which writes `report`."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "HUGGING"))}
    ours |= {"HF_ENDPOINT": endpoint, "HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}
    ours |= {
        "HF_HOME": str(report.parent / "home"),
        "SUITE_REPORT": str(report),
        "PYTHONPATH": os.pathsep.join(
            [str(HERE), *([os.environ["PYTHONPATH"]] if "PYTHONPATH" in os.environ else [])]
        ),
    }
    pytest = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", os.devnull, "--rootdir", str(suite)]  # fmt: skip
    pytest += ["--timeout", str(SECONDS), "--tb=short", "-W", "error::FutureWarning"]
    tests = [str(Path("tests") / name) for name in files]
    subprocess.run([*pytest, *options, *tests], cwd=suite, env=ours, check=False)


def results(report: Path) -> list[Result]:
    """The last word on every test: one that went wrong while it was cleaned up went wrong."""
    found = [Result(**json.loads(line)) for line in report.read_text(encoding="utf-8").splitlines()]
    return list({one.test: one for one in found}.values())


def summary(found: list[Result]) -> str:
    """How many, and for those that were not run, why."""
    ran = [one for one in found if one.outcome in {"passed", "failed"}]
    passed = [one for one in ran if one.outcome == "passed"]
    asked = [one for one in ran if one.asked]
    lines = [
        f"{len(passed)} of {len(ran)} pass; of the {len(asked)} that asked the Hub something, {sum(one.asked for one in passed)}"
    ]
    lines += [f"failed: {one.test}: {one.text}" for one in ran if one.outcome == "failed"]
    for outcome in ("out of scope", "skipped"):
        reasons = Counter(one.text for one in found if one.outcome == outcome)
        lines.append(f"{outcome}: {reasons.total()}")
        lines += [f"  {count:4} {reason}" for reason, count in reasons.most_common()]
    return "\n".join(lines)


def main() -> None:
    """Fetch, serve, run, count."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--sdist", type=Path, help="the client's sdist, where it is here already")
    parser.add_argument("--files", nargs="+", default=FILES, metavar="FILE", help="files of the suite")
    parser.add_argument("--report", type=Path, help="keep the lines of JSON here")
    parser.add_argument("options", nargs="*", help="for pytest, after --")
    arguments = parser.parse_args()
    from hubkit.localhub import User, serving

    with tempfile.TemporaryDirectory(prefix="hubkit-suite-", ignore_cleanup_errors=True) as scratch:
        folder = Path(scratch)
        suite = fetch_suite(folder, arguments.sdist)
        report = (arguments.report or folder / "report.jsonl").resolve()
        report.unlink(missing_ok=True)
        sys.path.insert(0, str(suite / "tests"))
        import testing_constants as known

        users = (
            User(known.USER, known.TOKEN),
            User(known.OTHER_USER, known.OTHER_TOKEN),
            User(known.ENTERPRISE_USER, known.ENTERPRISE_TOKEN, orgs=(known.ENTERPRISE_ORG,)),
        )
        with serving(folder / "hub", users=users, xet=True) as hub:
            run_suite(suite, hub.endpoint, report, arguments.files, arguments.options)
        print(summary(results(report)))


if __name__ == "__main__":
    main()
