"""`hubkit fix OWNER/REPO --pr`: somebody else's repository, read by ranges, mended by a pull request, main untouched."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from builders import GONE, cfg, view
from huggingface_hub import HfApi, close_session
from markdown_it import MarkdownIt
from typer.testing import CliRunner

from hubkit.cards.text import code
from hubkit.cli.main import app
from hubkit.errors import UsageError
from hubkit.fix.card_reads import BrokenRead
from hubkit.fix.run import Plan
from hubkit.localhub import User, serving
from hubkit.localhub.seeding import seed
from hubkit.localhub.server import RunningHub
from hubkit.publish.earlier import CORRECT, MEND, earlier_pulls
from hubkit.publish.mend import mending, open_pull_request
from hubkit.publish.mend_text import _to_change_too
from hubkit.publish.render import mended_line
from hubkit.repo.hub import open_repo
from hubkit.validate.run import validate

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning", "ignore::UserWarning")
NAME = "owner/broken"
Case = tuple[RunningHub, HfApi, str]


@pytest.fixture
def case(tmp_path: Path) -> Iterator[Case]:
    """A repository whose architecture is in the wrong case and whose d_in is missing, and a stranger."""
    files = {}
    for path, data in view(cfg(architecture="JumpReLU", d_in=GONE)).files.items():
        files[path] = tmp_path / "source" / path
        files[path].parent.mkdir(parents=True, exist_ok=True)
        files[path].write_bytes(data)
    (tmp_path / "hub").mkdir()
    seed(tmp_path / "hub", NAME, files)
    users = (User("owner", "owner-token"), User("stranger", "stranger-token"))
    with serving(tmp_path / "hub", users=users) as hub:
        owner = HfApi(endpoint=hub.endpoint, token="owner-token")
        head = owner.model_info(NAME).sha or ""
        hub.clear_requests()
        yield hub, HfApi(endpoint=hub.endpoint, token="stranger-token"), head
    close_session()


def test_a_dry_run_shows_diff_and_text_and_sends_nothing(case: Case) -> None:
    hub, api, head = case
    with mending(NAME, api) as found:
        assert found.plan is not None
        assert found.commit == head
        assert '+  "architecture": "jumprelu"' in found.diff
        assert {file.path for file in found.plan.files} == {"lab_L2_mixed/cfg.json"}
        text = found.plan.description
    for words in (
        "### CFG004",
        "### CFG005",
        "lab_L2_mixed/cfg.json",
        "| before | ",
        "| after | 0 |",
        "computes the same bits",
        "hubkit validate owner/broken@",
    ):
        assert words in text, words
    assert {request.method for request in hub.requests} <= {"GET", "HEAD"}
    assert not any("lfs" in request.path for request in hub.requests if request.sent > 4096)


def test_the_text_names_what_is_left_alone_with_its_place_and_words(tmp_path: Path) -> None:
    broken = view(cfg("topk", k=GONE, d_in=GONE))
    source = {}
    for path, data in broken.files.items():
        source[path] = tmp_path / "source" / path
        source[path].parent.mkdir(parents=True, exist_ok=True)
        source[path].write_bytes(data)
    (tmp_path / "hub").mkdir()
    seed(tmp_path / "hub", NAME, source)
    with serving(tmp_path / "hub") as hub, mending(NAME, HfApi(endpoint=hub.endpoint, token="any")) as found:
        if found.plan is None:
            pytest.fail(f"nothing to mend: {[one.code for one in found.before.findings]}")
        text = found.plan.description
    close_session()
    left = text.split("### Left alone")[1].split("###")[0]
    assert "- CFG006: " in left
    assert "  - `lab_L2_mixed/cfg.json` line 2: topk without k" in left
    assert "{" not in left


def test_the_pull_request_has_the_fixes_and_main_stays(case: Case) -> None:
    hub, api, head = case
    with mending(NAME, api) as found:
        pushed, proof = open_pull_request(found, api)
    assert pushed.pull_request == f"{hub.endpoint}/{NAME}/discussions/1"
    assert proof.differing == ()
    assert "1 file equal to what was proposed; 2 errors before, 0 after" in mended_line(found, proof)
    assert api.model_info(NAME).sha == head
    assert not any("/commit/main" in request.path for request in hub.requests)
    there = validate(open_repo(NAME, "refs/pr/1", api))
    assert not {"CFG004", "CFG005"} & {finding.code for finding in there.findings}
    details = api.get_discussion_details(NAME, 1)
    assert (details.status, details.title) == ("open", "Mend 2 findings (CFG004, CFG005)")

    with mending(NAME, api) as again:  # the same plan is the same pull request
        assert open_pull_request(again, api)[0].commit == pushed.commit
    assert len(list(api.get_repo_discussions(NAME))) == 1


def test_only_what_is_selected(case: Case) -> None:
    with mending(NAME, case[1], ("CFG004",)) as found:
        assert found.plan is None or "CFG005" not in found.plan.message
        json.dumps(found.to_json())


def test_a_repository_that_is_not_there(case: Case) -> None:
    with pytest.raises(UsageError, match="no such repository"), mending("owner/nowhere", case[1]):
        pass


def hub_of(tmp_path: Path, files: dict[str, bytes]) -> Path:
    """A Hub's folder with one repository of these files."""
    source = {}
    for path, data in files.items():
        source[path] = tmp_path / "source" / path
        source[path].parent.mkdir(parents=True, exist_ok=True)
        source[path].write_bytes(data)
    (tmp_path / "hub").mkdir()
    seed(tmp_path / "hub", NAME, source)
    return tmp_path / "hub"


def test_the_text_names_the_lines_of_the_card_that_must_change_too(tmp_path: Path) -> None:
    raw = {**cfg(), **cfg()["metadata"]}
    del raw["metadata"], raw["sae_lens_version"]
    code = 'import json\ncfg = json.load(open("lab_L2_mixed/cfg.json"))\nprint(cfg["hook_name"], cfg["d_in"])'
    files = view(raw, readme=f"---\nlibrary_name: saelens\n---\n\n```python\n{code}\n```\n").files
    with (
        serving(hub_of(tmp_path, dict(files))) as hub,
        mending(NAME, HfApi(endpoint=hub.endpoint, token="any"), ("CFG014",)) as found,
    ):
        if found.plan is None:
            pytest.fail(f"nothing to mend: {[one.code for one in found.before.findings]}")
        text, answer = found.plan.description, found.to_json()
    close_session()
    part = text.split("### Change this too")[1].split("###")[0]
    assert (
        'README.md line 8 reads cfg["hook_name"], which moves: change it to cfg["metadata"]["hook_name"]'
        in html.unescape(part)
    )
    assert "fails until it is changed" in text.split("### CFG014")[1].split("###")[0]
    assert [(one["line"], one["write"]) for one in answer["card"]] == [(8, 'cfg["metadata"]["hook_name"]')]


def test_what_is_still_open_is_named_and_stays_open(case: Case) -> None:
    hub, api, _ = case
    owner = HfApi(endpoint=hub.endpoint, token="owner-token")
    assert earlier_pulls(NAME, MEND, api) == []
    with mending(NAME, api) as found:
        first, _ = open_pull_request(found, api)
    owner.create_pull_request(NAME, title="Mend the fence", description="not hubkit's")
    owner.upload_file(path_or_fileobj=b"more", path_in_repo="notes.txt", repo_id=NAME)
    with mending(NAME, api) as found:  # main has moved: another plan, another pull request
        second, _ = open_pull_request(found, api)
    assert second.pull_request != first.pull_request
    (one,) = [one for one in earlier_pulls(NAME, MEND, api) if one.url != second.pull_request]
    assert (one.num, one.url, one.author, one.same) == (1, first.pull_request, "stranger", True)
    assert f"#1 {first.pull_request}" in one.words
    assert "close the other" in one.words
    (seen,) = [one for one in earlier_pulls(NAME, CORRECT, api) if one.num == 1]
    assert "merge it first" in seen.words
    assert api.get_discussion_details(NAME, 1).status == "open"


def test_the_command_says_the_order_and_what_is_open(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    hub, api, _ = case
    monkeypatch.setattr("hubkit.publish.client.client", lambda: api)
    monkeypatch.setattr("hubkit.publish.client.check_login", lambda *_: None)
    run = CliRunner().invoke(app, ["fix", NAME, "--pr", "--dry-run"])
    assert run.exit_code == 1
    assert f"hubkit adopt {NAME} --pr" in run.stderr
    assert CliRunner().invoke(app, ["fix", NAME, "--pr"]).exit_code == 0
    HfApi(endpoint=hub.endpoint, token="owner-token").upload_file(
        path_or_fileobj=b"more", path_in_repo="notes.txt", repo_id=NAME
    )
    run = CliRunner().invoke(app, ["fix", NAME, "--pr", "--format", "json"])
    assert run.exit_code == 0
    assert f"still open: #1 {hub.endpoint}/{NAME}/discussions/1" in run.stderr
    assert [one["num"] for one in json.loads(run.stdout)["open_beside"]] == [1]


EVIL = "@victim ![x](https://evil/p.png) [click](https://evil) <img src=x> https://evil ``` `` ` @victim | a ~~b~~ **c** #1 www.evil"


def test_nothing_of_a_stranger_is_markdown(tmp_path: Path) -> None:
    """No picture, no link, no mention, no HTML."""
    broken = view(cfg("topk", k=GONE, d_in=GONE, hook_name=EVIL, dtype=EVIL))
    other = view(cfg(architecture="JumpReLU", d_in=GONE, hook_name=EVIL, dtype=EVIL), folder="lab_L3_mixed")
    source = {}
    for path, data in {**broken.files, **other.files}.items():
        source[path] = tmp_path / "source" / path
        source[path].parent.mkdir(parents=True, exist_ok=True)
        source[path].write_bytes(data)
    (tmp_path / "hub").mkdir()
    seed(tmp_path / "hub", NAME, source)
    with serving(tmp_path / "hub") as hub, mending(NAME, HfApi(endpoint=hub.endpoint, token="any")) as found:
        text = found.plan.description if found.plan else ""
    close_session()
    assert "&#64;&#8288;victim" in text
    inline = [
        token
        for block in MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text)
        for token in block.children or ()
    ]
    links = [str(token.attrs["href"]) for token in inline if token.type == "link_open"]
    assert all(link.startswith("https://pypi.org/") for link in links), links
    assert not {"image", "html_inline", "s_open", "em_open"} & {token.type for token in inline}
    assert not any("@victim" in token.content for token in inline if token.type == "text")


@pytest.mark.parametrize("text", ["a`b", "a``b @x", "```", "` `` ```", "a"])
def test_inline_code_ends_where_it_should(text: str) -> None:
    fence = re.match("`+", code(text))
    assert fence is not None
    assert [len(run) for run in re.findall("`+", code(text))].count(len(fence[0])) == 2


def test_nor_is_a_line_of_the_card_that_reads_a_key() -> None:
    read = BrokenRead(line=3, reads='cfg["@victim ![x](https://evil)"]', write="", codes=("CFG008",))
    (line,) = [line for line in _to_change_too(Plan(broken=[read])) if line.startswith("- ")]
    inline = [token for block in MarkdownIt("commonmark").parse(line) for token in block.children or ()]
    assert {token.type for token in inline} == {"text"}
    assert "@victim" not in inline[0].content
