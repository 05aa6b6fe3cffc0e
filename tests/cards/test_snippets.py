"""A card's code, run as printed: in order, in one namespace, with limits, told where it failed and what was left out."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from hubkit.cards import snippet_names, snippets
from hubkit.cards.snippet_process import environment
from hubkit.cards.snippet_rule import snippet_rule
from hubkit.cards.snippets import SnippetOutcome, python_blocks, run_card, run_snippets
from hubkit.child_process import most_memory
from hubkit.errors import UsageError
from hubkit.localhub.entries import Repo
from hubkit.localhub.names import RepoId
from hubkit.localhub.seeding import seed
from hubkit.localhub.store import Store
from hubkit.repo.local import open_folder
from hubkit.repo.memory import MemoryView
from hubkit.validate.run import Selection, validate

SECRETS = (
    "HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "OPENAI_KEY", "DEPLOY_KEY", "GH_PAT", "PGPASS", "PGPASSWORD", "DATABASE_URL", "AWS_SECRET_ACCESS_KEY",
    "SSH_AUTH_SOCK", "WANDB_API_KEY", "KUBECONFIG", "NETRC", "PIP_INDEX_URL", "GIT_ASKPASS", "some_lower_case_pass",
)  # fmt: skip
"""Names under which secrets lie; there is no list of all of them."""
GONE = {"owner/model": "base model owner/model not here"}


def card(*blocks: str) -> str:
    return (
        "# Card\n\n"
        + "\n\n".join(f"```python\n{block}\n```" for block in blocks)
        + "\n\n```bash\nexit 1\n```\n"
    )


def line_of(text: str, code: str) -> int:
    return text.split("\n").index(code) + 1


def test_blocks_run_in_order_in_one_namespace() -> None:
    run = run_snippets(card("x = 20", "x += 1\nprint('x is', x * 2)"))
    assert (run.ok, run.complete, run.blocks, run.output.strip()) == (True, True, 2, "x is 42")


def test_only_python_runs() -> None:
    assert [block.text for block in python_blocks(card("a = 1"))] == ["a = 1"]


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("y = 1 / 0", "ZeroDivisionError: division by zero"),
        ("import nothing_of_this_name", "ModuleNotFoundError: No module named 'nothing_of_this_name'"),
        ("x = (", "SyntaxError: '(' was never closed"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("assert False, 'no'", "AssertionError: no"),
    ],
)
def test_broken_code_fails_and_the_line_is_the_cards(code: str, reason: str) -> None:
    text = card("ok = 1", f"before = 1\n\n{code}\nnever = 1")
    run = run_snippets(text)
    assert (run.ok, run.failed_line, run.reason) == (False, line_of(text, code), reason)
    assert run.error


def test_a_failure_inside_a_function_of_the_card_has_the_line_inside() -> None:
    text = card("def f(x):\n    return x['gone']", "f({})")
    assert run_snippets(text).failed_line == line_of(text, "    return x['gone']")


def test_what_python_wants_of_a_main_module_is_there() -> None:
    run = run_snippets(
        card(
            "from __future__ import annotations\nfrom dataclasses import dataclass\n@dataclass\nclass A:\n    x: Later\nclass Later: ...",
            "import pickle\nassert pickle.loads(pickle.dumps(A(1))).x == 1\nif __name__ == '__main__':\n    print('main')\n!pip install sae-lens",
        )
    )
    assert (run.ok, run.output.strip(), run.reason) == (True, "main", "")


def test_code_that_does_not_end_is_stopped_with_what_it_started() -> None:
    code = "import subprocess, sys\nsubprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])\nwhile True: pass"
    run = run_snippets(card(code), timeout=2.0)
    assert (run.ok, run.reason) == (False, "it did not end within 2 s")


def test_a_process_that_dies_has_failed() -> None:
    run = run_snippets(card("import os\nos._exit(7)"))
    assert (run.ok, run.reason) == (False, "its process ended with 7 and gave no answer")


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no limit of data that counts here")
def test_memory_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snippets, "most_memory", lambda: 200_000_000)
    run = run_snippets(card("x = bytearray(10**9)"))
    assert (run.ok, run.reason) == (False, "MemoryError")
    assert (most_memory() or 0) > 10**8


def test_output_without_end_is_cut() -> None:
    run = run_snippets(card("print('x' * 3_000_000)\nprint('the end')"))
    assert run.output.endswith("the end\n")
    assert len(run.output) <= 16_000


def test_no_secret_and_no_login_is_seen_whatever_its_name_and_whichever_the_hub(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in SECRETS:
        monkeypatch.setenv(name, "s3cret")
    monkeypatch.setenv("HF_HUB_CACHE", "/somewhere")
    local = environment(tmp_path, "http://127.0.0.1:9")
    assert (local["HF_ENDPOINT"], "HF_HUB_CACHE" in local) == ("http://127.0.0.1:9", False)
    for seen in (local, environment(tmp_path, None)):
        assert "s3cret" not in "".join(seen.values())
        assert Path(seen["HF_HOME"]).is_relative_to(tmp_path)
    shown = "import os\nprint(os.environ.get('HF_TOKEN'), os.environ['HF_ENDPOINT'])\nfrom huggingface_hub import get_token\nprint(get_token())"
    run = run_snippets(card(shown), endpoint="http://127.0.0.1:9")
    assert run.output.split() == ["None", "http://127.0.0.1:9", "None"]


def test_a_check_runs_after_the_blocks_in_their_process() -> None:
    run = run_snippets(card("import os\npid = os.getpid()"), check="os.path:basename", arguments={})
    assert (run.ok, run.failed_line) == (False, None)  # basename cannot take a namespace: told, not hidden
    assert run.reason.startswith("TypeError")


MODEL_STEPS = """name = "owner/model"
class Model:
    @staticmethod
    def from_pretrained(_): raise OSError("asked for what is not there")
captured = {}
def keep(value): captured["resid"] = value
model = Model.from_pretrained(name)
model.register(keep)
feature = captured["resid"]
total = 1 + 1
print(total)"""


def test_what_needs_an_absent_model_is_left_out_with_what_follows_and_never_a_success() -> None:
    text = card(MODEL_STEPS, "print(feature)", "print('sound')")
    run = run_snippets(text, absent=GONE)
    left_out = {text.split("\n")[one.line - 1] for one in run.not_run}
    assert left_out == {
        "model = Model.from_pretrained(name)",
        "model.register(keep)",
        'feature = captured["resid"]',
        "print(feature)",
    }
    assert {one.reason for one in run.not_run} == {"base model owner/model not here"}
    assert (run.ok, run.complete, run.output.split()) == (True, False, ["2", "sound"])


def test_an_absent_model_hides_no_failure_that_it_did_not_cause() -> None:
    text = card(MODEL_STEPS, "total.nothing")
    assert run_snippets(text, absent=GONE).failed_line == line_of(text, "total.nothing")


@pytest.mark.parametrize(
    ("code", "asked"),
    [
        ('SAE.from_pretrained("o/r", "id")', {("SAEs", "o/r")}),
        ('SAE.from_pretrained(release="o/r", sae_id="id")', {("SAEs", "o/r")}),
        (
            'repo: str = "o/r"\nx, y, z = SAE.from_pretrained_with_cfg_and_sparsity(repo, "id")',
            {("SAEs", "o/r")},
        ),
        ('hf_hub_download(repo_id="o/r", filename="cfg.json")', {("SAEs", "o/r")}),
        ('AutoModelForCausalLM.from_pretrained("o/m")', {("model", "o/m")}),
        ('HookedSAETransformer.from_pretrained("gpt2")', {("model", "gpt2")}),
        ('load_dataset("o/d", split="train")', {("data set", "o/d")}),
        ('transformers.pipeline("text-generation", model="o/m")', {("model", "o/m")}),
        ('SAE.from_pretrained(f"o/{x}", "id")', set()),
        ("x = (", set()),
    ],
)
def test_what_code_asks_for(code: str, asked: set[tuple[str, str]]) -> None:
    assert {(one.kind, one.name) for one in snippet_names.asked_by_all([(code, 1)])} == asked


def test_a_throw_away_hub_holds_the_folder(tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "a").mkdir(parents=True)
    (source / "a" / "cfg.json").write_bytes(b"{}")
    (source / "a" / "sae_weights.safetensors").write_bytes(b"12345")
    (source / "README.md").write_text("---\nlicense: [not, {an: id}]\n---\n", encoding="utf-8")
    files = {path.relative_to(source).as_posix(): path for path in source.rglob("*") if path.is_file()}
    seed(tmp_path / "hub", "owner/release", {**files, "../evil": source / "README.md"})
    store = Store(tmp_path / "hub")
    repo: Repo = store.repo(RepoId("owner", "release"))
    tree = store.tree(repo.id, store.commit_at(repo.id, "main"))
    assert set(tree) == {
        ".gitattributes",
        "a/cfg.json",
        "a/sae_weights.safetensors",
    }  # a README that the Hub refuses stays out
    assert store.content(tree["a/sae_weights.safetensors"]) == b"12345"
    assert tree["a/sae_weights.safetensors"].sha256 is not None


def test_the_sentence_for_the_card() -> None:
    def run(**changes: Any) -> snippets.SnippetRun:
        base: dict[str, Any] = {
            "blocks": 1, "ok": True, "failed_line": None, "error": "", "output": "", "seconds": 1.0,
            "checked": {"loaded": 3}, "versions": {"torch": "2.13.0+cpu", "sae-lens": "6.54.12"},
        }  # fmt: skip
        return snippets.SnippetRun(**{**base, **changes})

    said = SnippetOutcome(run()).sentence
    assert (
        said
        == "Ran as printed with sae-lens 6.54.12, torch 2.13.0; 3 of 3 SAEs load so and give what their files define."
    )
    left = run(not_run=(snippets.NotRun(3, "base model o/m not here"),), checked={})
    assert SnippetOutcome(left).sentence.endswith(
        "torch 2.13.0, but for 1 statement (base model o/m not here)."
    )
    assert SnippetOutcome(run(ok=False, reason="KeyError: 'k'")).sentence == "Fails: KeyError: 'k'."
    assert SnippetOutcome(None, "torch not installed").sentence == "Not run: torch not installed."


def test_without_torch_the_card_says_so_and_the_verb_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(snippets, "find_spec", lambda name: None if name == "torch" else object())
    outcome = run_card(card("x = 1"), tmp_path)
    assert (outcome.run, outcome.ok) == (None, True)
    assert outcome.sentence == "Not run: torch not installed where the card was built."
    with pytest.raises(UsageError, match="needs torch"):
        snippet_rule(None)


def test_the_rule_quotes_the_line_and_is_set_aside_like_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hubkit.cards.snippet_rule.missing_packages", lambda *_: [])
    text = card("ok = 1", "sae = [][0]  # boom")
    view = MemoryView(name="memory", files={"README.md": text.encode()})
    rule = snippet_rule("hub")
    (finding,) = validate(view, Selection(select=("CARD009",)), more=(rule,)).findings
    assert (finding.severity.word, finding.line) == ("error", line_of(text, "sae = [][0]  # boom"))
    assert (
        "`sae = [][0]  # boom` fails when it is run: IndexError: list index out of range" in finding.message
    )
    silenced = validate(view, Selection(ignore=("CARD009",)), more=(rule,))
    assert not [one for one in silenced.findings if one.code == "CARD009"]
    missing = validate(view, Selection(select=("CARD009",)), more=(snippet_rule("local"),))
    assert (missing.complete, [one.code for one in missing.skipped]) == (False, ["CARD009"])


def test_what_could_not_run_makes_the_validation_incomplete(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for module in ("snippets", "snippet_rule"):
        monkeypatch.setattr(f"hubkit.cards.{module}.missing_packages", lambda *_: [])
    text = card(MODEL_STEPS)
    (tmp_path / "README.md").write_text(text, encoding="utf-8")
    report = validate(open_folder(tmp_path), Selection(select=("CARD009",)), more=(snippet_rule(None),))
    (skipped,) = [one for one in report.skipped if one.code == "CARD009"]
    assert not report.complete
    line = line_of(text, "model = Model.from_pretrained(name)")
    assert (
        skipped.reason
        == f"README.md, lines {line}, {line + 1}, {line + 2} of its code not run: base model owner/model not here (--base-model FOLDER names a model's folder)"
    )


def test_a_base_model_that_is_given_is_on_the_local_hub(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("hubkit.cards.snippets.missing_packages", lambda *_: [])
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text('{"hidden_size": 8}', encoding="utf-8")
    fetched = "from huggingface_hub import hf_hub_download\nclass AutoConfig:\n    @staticmethod\n    def from_pretrained(name): return hf_hub_download(name, 'config.json')"
    text = card(fetched, "print(open(AutoConfig.from_pretrained('owner/model')).read())")
    (tmp_path / "release").mkdir()
    run = run_card(text, tmp_path / "release", base_model=tmp_path / "model").run
    assert run is not None
    assert (run.complete, run.reason, run.output.strip()) == (True, "", '{"hidden_size": 8}')


def test_what_is_seen_without_running_is_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hubkit.cards.snippet_rule.missing_packages", lambda *_: [])
    view = MemoryView(name="memory", files={"README.md": card("x = = 1").encode()})
    report = validate(view, Selection(select=("CARD009",)), more=(snippet_rule("hub"),))
    assert [(one.code, one.line) for one in report.findings] == [("CARD009", 4)]
