"""HOOK: hooks and widths against the base model's config.json, good and bad twins, and where that config comes from."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from builders import GONE, README, cfg, tensors, view

from hubkit.errors import ExitCode, IncompleteError, UsageError
from hubkit.repo.memory import MemoryView
from hubkit.validate.finding import Finding, Severity
from hubkit.validate.need import Need
from hubkit.validate.run import Selection, validate

WIDE = {"d_in": 768, "d_sae": 1536}


def sae(
    hook: str = "blocks.2.hook_resid_post", model: Any = "gpt2", d_in: int = 768, **metadata: Any
) -> MemoryView:
    """A configuration and no weights that fit: HOOK looks at neither header nor tensors."""
    return view(cfg(d_in=d_in, metadata={"model_name": model, "hook_name": hook, **metadata}))


def transcoder(out: str, d_out: int) -> MemoryView:
    metadata = {"model_name": "gpt2", "hook_name": "blocks.2.ln2.hook_normalized", "hook_name_out": out}
    return view(cfg("transcoder", d_in=768, d_out=d_out, metadata=metadata))


def several(*hooks: str, model: str = "gpt2") -> MemoryView:
    files = {"README.md": b"# SAEs\n"}
    for number, hook in enumerate(hooks):
        configuration = cfg(metadata={"model_name": model, "hook_name": hook}, d_in=768)
        files[f"sae{number}/cfg.json"] = json.dumps(configuration).encode()
    return MemoryView(name="memory", files=files)


def ask(
    repository: MemoryView, code: str = "HOOK", base: str = "auto", *, deep: bool = False
) -> list[Finding]:
    report = validate(repository, Selection(select=(code,)), base_model=base, deep=deep)
    assert not report.crashes, report.crashes[0].traceback
    assert all(f.message and (f.hint or f.severity is Severity.NOTE) for f in report.findings)
    return report.findings


def legacy(hook: str, d_in: int) -> MemoryView:
    return view(
        {
            "architecture": "standard", "d_in": d_in, "d_sae": 32, "dtype": "float32", "model_name": "gpt2-small", "hook_point": hook,
            "activation_fn_str": "relu",
        }
    )  # fmt: skip


Twins = tuple[Callable[[], MemoryView], Callable[[], MemoryView]]
TWINS: dict[str, Twins] = {
    "HOOK001": (lambda: sae(model="attn-only-2l-demo"), lambda: sae(model="gpt2-small")),
    "HOOK001 path": (lambda: sae(model="/root/models/mine"), lambda: sae(model="openai-community/gpt2")),
    "HOOK001 made up": (lambda: sae(model="my-finetune"), lambda: sae(model=GONE)),
    "HOOK001 placeholder is CFG011's": (lambda: sae(model="gelu-1l"), lambda: sae(model="we_will_override")),
    "HOOK002": (lambda: sae("blocks.12.hook_resid_post"), lambda: sae("blocks.11.hook_resid_post")),
    "HOOK002 module": (lambda: sae("transformer.h.12"), lambda: sae("transformer.h.11")),
    "HOOK002 annotation": (
        lambda: sae("blocks.11.hook_resid_post", hf_hook_name="transformer.h.12"),
        lambda: sae("blocks.11.hook_resid_post", hf_hook_name="transformer.h.11"),
    ),
    "HOOK002 legacy": (lambda: legacy("blocks.12.hook_resid_pre", 768), lambda: legacy("blocks.11.hook_resid_pre", 768)),
    "HOOK002 other blocks": (lambda: sae("transformer.h.20"), lambda: sae("vision_tower.layers.20")),
    "HOOK002 nanochat": (
        lambda: sae("blocks.20.hook_resid_post", "nanochat-d20", 1280),
        lambda: sae("blocks.18.hook_resid_post", "nanochat-d20", 1280),
    ),
    "HOOK003": (lambda: sae(d_in=1024), lambda: sae(d_in=768)),
    "HOOK003 mlp": (lambda: sae("blocks.2.mlp.hook_post"), lambda: sae("blocks.2.mlp.hook_post", d_in=3072)),
    "HOOK003 z": (
        lambda: sae("blocks.2.attn.hook_z", "gemma-2-2b", 2304),
        lambda: sae("blocks.2.attn.hook_z", "gemma-2-2b", 2048),
    ),
    "HOOK003 v": (
        lambda: sae("blocks.2.attn.hook_v", "gemma-2-2b", 2304),
        lambda: sae("blocks.2.attn.hook_v", "gemma-2-2b", 1024),
    ),
    "HOOK003 one head": (
        lambda: sae("blocks.2.attn.hook_z", hook_head_index=3),
        lambda: sae("blocks.2.attn.hook_z", hook_head_index=3, d_in=64),
    ),
    "HOOK003 module": (
        lambda: sae("model.layers.2.self_attn.o_proj", "Qwen/Qwen3-0.6B", 2048),
        lambda: sae("model.layers.2.self_attn.q_proj", "Qwen/Qwen3-0.6B", 2048),
    ),
    "HOOK003 out": (lambda: transcoder("blocks.2.hook_mlp_out", 1024), lambda: transcoder("blocks.2.hook_mlp_out", 768)),
    "HOOK003 unclear": (lambda: sae("hook_embed", d_in=7), lambda: sae("blocks.2.attn.hook_result", d_in=7)),
    "HOOK005": (
        lambda: sae("blocks.2.hook_mlp_out", "bloom-560m", 1024),
        lambda: sae("blocks.2.hook_resid_post", "bloom-560m", 1024),
    ),
}  # fmt: skip
CONFIGS: dict[str, dict[str, Any]] = {
    "bigscience/bloom-560m": {"model_type": "bloom", "n_layer": 24, "hidden_size": 1024, "n_head": 16},
    "ibm-granite/granite-3.3-2b-base": {"model_type": "granite"},
    "somebody/new": {"model_type": "quite_new", "num_hidden_layers": 2, "hidden_size": 64},
    "somebody/list": {},
}


class Hub:
    """What `open_repo` gives, and how often it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def __call__(self, repo_id: str, revision: str | None, **_: Any) -> MemoryView:
        self.asked.append(repo_id)
        if repo_id == "somebody/gated":
            return Closed(name=repo_id, files={"config.json": b"{}"})
        if repo_id == "somebody/slow":
            return Slow(name=repo_id)
        if repo_id == "somebody/empty":
            return MemoryView(name=repo_id, files={"README.md": b""})
        if repo_id not in CONFIGS:
            return Missing(name=repo_id)
        content = b"[]" if repo_id == "somebody/list" else json.dumps(CONFIGS[repo_id]).encode()
        return MemoryView(name=repo_id, files={"config.json": content})


class Closed(MemoryView):
    def _read_range(self, entry: Any, start: int, stop: int) -> bytes:
        raise IncompleteError(f"{self.name} is gated", hint="accept its conditions on its page")


class Slow(MemoryView):
    def _list(self) -> list[Any]:
        raise IncompleteError(f"{self.name}: the Hub did not answer", hint="try again")


class Missing(MemoryView):
    def _list(self) -> list[Any]:
        raise UsageError(f"{self.name}: no such repository, or a private one", hint="check the name")


@pytest.fixture(autouse=True)
def hub(monkeypatch: pytest.MonkeyPatch) -> Hub:
    found = Hub()
    monkeypatch.setattr("hubkit.repo.hub.open_repo", found)
    return found


@pytest.mark.parametrize("name", sorted(TWINS))
def test_the_bad_twin_makes_the_rule_fire(name: str) -> None:
    code = name.partition(" ")[0]
    assert {f.code for f in ask(TWINS[name][0](), code)} == {code}


@pytest.mark.parametrize("name", sorted(TWINS))
def test_the_good_twin_does_not(name: str) -> None:
    assert ask(TWINS[name][1](), name.partition(" ")[0]) == []


def test_without_the_option_nothing_is_asked_of_anybody(hub: Hub) -> None:
    report = validate(sae("blocks.99.hook_resid_post", "somebody/gated"))
    assert hub.asked == []
    assert not [f for f in report.findings if f.code.startswith("HOOK")]
    assert {code for code in report.asked if code.startswith("HOOK")} == {"HOOK002", "HOOK003", "HOOK006"}


def test_without_the_option_the_shipped_table_answers(hub: Hub) -> None:
    def found(repository: MemoryView) -> list[str]:
        report = validate(repository)
        assert not report.crashes
        return [f.code for f in report.findings if f.code.startswith("HOOK")]

    assert found(sae("blocks.12.hook_resid_post")) == ["HOOK002"]
    assert found(sae(d_in=64)) == ["HOOK003"]
    assert found(sae(d_in=64, model="gpt2-small")) == ["HOOK003"]
    assert found(sae("blocks.2.attn.hook_z", "gemma-2-2b", 2304)) == ["HOOK003"]
    assert found(sae(model="nanochat-d20", d_in=768)) == ["HOOK003"]
    for good in (
        sae(),
        sae(d_in=64, model="lab/tiny"),
        sae(d_in=64, model="somebody/gpt2"),
        sae(d_in=64, model=GONE),
        sae("blocks.2.attn.hook_result", d_in=7),
    ):
        assert found(good) == []
    assert hub.asked == []


def test_of_another_family_a_width_is_a_note_unless_it_was_asked_for() -> None:
    trainer = {
        "dict_class": "AutoEncoderTopK",
        "activation_dim": 64,
        "dict_size": 128,
        "k": 4,
        "lm_name": "gpt2",
        "layer": 3,
        "submodule_name": "resid_post_layer_3",
    }
    other = MemoryView(
        name="x",
        files={"a/config.json": json.dumps({"trainer": trainer, "buffer": {}}).encode(), "a/ae.pt": b"PK"},
    )
    (told,) = [f for f in validate(other).findings if f.code.startswith("HOOK")]
    assert (told.code, told.severity) == ("HOOK003", Severity.NOTE)
    (asked,) = ask(other, "HOOK003")
    assert asked.severity is Severity.ERROR


def test_with_deep_the_table_alone_builds_no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(config: object) -> None:
        raise AssertionError(f"a model was built of {config}")

    monkeypatch.setattr("hubkit.validate.base_model.modules_of", never)
    report = validate(sae(d_in=64), Selection(select=("HOOK",)), deep=True)
    assert [f.code for f in report.findings] == ["HOOK003"]


def test_a_name_is_judged_also_where_the_hub_does_not_answer() -> None:
    assert [f.code for f in ask(sae("block.2.hook_resid_post", "somebody/slow")) if f.code != "RUN002"] == [
        "HOOK006"
    ]


def test_a_model_is_asked_for_once_and_only_where_the_table_has_it_not(hub: Hub) -> None:
    assert ask(several("blocks.2.hook_resid_post", "blocks.3.hook_resid_post")) == []
    assert hub.asked == []
    findings = ask(several("blocks.2.hook_mlp_out", "blocks.23.hook_mlp_out", model="bloom-560m"))
    assert hub.asked == ["bigscience/bloom-560m"]
    # One note for both, two errors of width: 768 is not bloom's.
    assert sorted(f.code for f in findings) == ["HOOK003", "HOOK003", "HOOK005"]


def test_what_the_hub_was_asked_counts_as_read() -> None:
    with_base = validate(sae(model="bloom-560m"), Selection(select=("HOOK",)), base_model="auto")
    without = validate(sae(model="gpt2"), Selection(select=("HOOK",)), base_model="auto")
    assert with_base.bytes_read > without.bytes_read
    assert with_base.requests == without.requests + 1


@pytest.mark.parametrize(
    ("model", "words", "severity"),
    [
        ("somebody/gated", "somebody/gated is gated", Severity.WARNING),
        ("somebody/missing", "no such repository", Severity.WARNING),
        ("somebody/empty", "has no config.json", Severity.WARNING),
        ("somebody/list", "no JSON object", Severity.WARNING),
        ("othello-gpt", "only TransformerLens has it", Severity.WARNING),
        ("somebody/new", "'quite_new'", Severity.NOTE),
    ],
)
def test_what_cannot_be_resolved(model: str, words: str, severity: Severity) -> None:
    findings = ask(sae("blocks.99.hook_resid_post", model))
    assert [(f.code, f.severity) for f in findings] == [("HOOK001", severity)]
    assert words in findings[0].message
    assert findings[0].pointer == "/metadata/model_name"


def test_one_finding_for_all_saes_of_a_model() -> None:
    findings = ask(several(*["blocks.2.hook_resid_post"] * 5, model="othello-gpt"))
    assert len(findings) == 1
    assert "5 SAEs" in findings[0].message


def test_a_hub_that_does_not_answer_makes_the_run_incomplete() -> None:
    report = validate(sae(model="somebody/slow"), Selection(select=("HOOK",)), base_model="auto")
    assert {s.code for s in report.skipped} == {"HOOK002", "HOOK003", "HOOK004"}
    assert report.exit_code(Severity.ERROR) is ExitCode.INCOMPLETE


def test_an_id_holds_for_every_sae(hub: Hub) -> None:
    findings = ask(sae(model="gpt2"), base="pythia-1b")
    assert [f.code for f in findings] == ["HOOK003"]
    assert "2048 (the hidden size)" in findings[0].message
    assert hub.asked == []


def test_a_folder_wins(tmp_path: Path, hub: Hub) -> None:
    config = {"model_type": "gpt2", "n_layer": 2, "n_embd": 8, "n_head": 2}
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    findings = ask(sae("blocks.2.hook_resid_post", "somebody/private", 8), base=str(tmp_path))
    assert [f.code for f in findings] == ["HOOK002"]
    assert "2 layers, 0 to 1" in findings[0].message
    assert "hidden_states[2]" in findings[0].hint
    assert hub.asked == []


@pytest.mark.parametrize("option", ["no/such/folder", "./nothing", "made-up-name"])
def test_an_option_that_means_nothing(option: str) -> None:
    with pytest.raises(UsageError, match="--base-model"):
        ask(sae(), base=option)


def test_a_folder_without_a_configuration(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no config\.json"):
        ask(sae(), base=str(tmp_path))
    (tmp_path / "config.json").write_text("{", encoding="utf-8")
    with pytest.raises(UsageError, match="no JSON object"):
        ask(sae(), base=str(tmp_path))


def test_a_width_found_elsewhere_in_the_model_is_named() -> None:
    (finding,) = ask(sae("blocks.2.mlp.hook_post", d_in=768), "HOOK003")
    assert "hook_resid_post" in finding.hint
    assert finding.measured == {"width": 768, "expected": [3072]}
    (other,) = ask(sae(d_in=1000), "HOOK003")
    assert "check model_name" in other.hint


def test_what_is_stated_wrongly_is_not_judged_twice() -> None:
    odd = cfg(metadata={"hook_name": 7, "model_name": "gpt2", "hook_head_index": "x"}, d_in="768")
    assert ask(view(odd)) == []


@pytest.mark.train
def test_module_paths_with_deep() -> None:
    good = sae("transformer.h.2.mlp", hf_hook_name="transformer.h.2.mlp.output")
    bad = sae("model.layers.2.mlp")
    assert ask(good, "HOOK004", deep=True) == []
    (finding,) = ask(bad, "HOOK004", deep=True)
    assert "GPT2LMHeadModel" in finding.message
    assert finding.severity is Severity.ERROR
    assert ask(bad, "HOOK004") == []
    moved = sae("language_model.model.layers.3", "google/gemma-3-4b-it", 2560)
    assert ask(moved, "HOOK004", deep=True) == []


@pytest.mark.train
@pytest.mark.parametrize(
    ("hook", "meant"),
    [("transformer.h.2.mlps", "write one that is there: "), ("decoder.stack.2.mlp", "write the module path")],
)
def test_the_hint_about_a_module_works(hook: str, meant: str) -> None:
    (finding,) = ask(sae(hook), "HOOK004", deep=True)
    assert finding.hint.startswith(meant)
    instead = (
        finding.hint.removeprefix(meant).split(", ")[0]
        if "one that is there" in meant
        else "transformer.h.2.mlp"
    )
    after = validate(
        sae(instead), Selection(select=("HOOK", "CFG012", "CFG013")), base_model="auto", deep=True
    )
    assert after.findings == []


@pytest.mark.parametrize(
    ("said", "silent"),
    [
        ("Activations were taken with TransformerLens 2.15.4.", True),
        ("- **Library**: `transformer-lens==2.15.4`", True),
        ("Made with transformers (v4.51.3).", True),
        ("Made with TransformerLens.", False),
        ("There are 2.5 million transformers.", False),
    ],
)
def test_the_hint_about_an_ambiguous_hook_works(said: str, silent: bool) -> None:
    configuration = cfg(
        d_in=1024, metadata={"model_name": "bloom-560m", "hook_name": "blocks.2.hook_mlp_out"}
    )
    (before,) = ask(view(configuration), "HOOK005")
    assert "which library and version" in before.hint
    after = ask(view(configuration, readme=f"{README}{said}\n"), "HOOK005")
    assert [one.code for one in after] == [] if silent else ["HOOK005"]


def test_the_hints_about_a_model_that_nobody_knows_work() -> None:
    (finding,) = ask(sae(model="attn-only-2l-demo", d_in=768), "HOOK001")
    assert "--base-model ID" in finding.hint
    assert ask(sae(model="attn-only-2l-demo", d_in=768), "HOOK001", base="gpt2") == []
    (new,) = ask(sae(model="somebody/new", d_in=64), "HOOK001")
    assert (new.severity, new.hint.partition(" ")[0]) == (Severity.NOTE, "check")


def test_the_letter() -> None:
    assert Need.BASE.letters == "B"
    assert (Need.CFG | Need.BASE).letters == "C B"


def test_a_real_hub_gated_missing_and_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from functools import partial

    from huggingface_hub import close_session

    from hubkit.localhub.server import serving

    monkeypatch.undo()
    monkeypatch.setenv("HUBKIT_CACHE", str(tmp_path / "cache"))
    from huggingface_hub import HfApi

    from hubkit.repo.hub import open_repo

    content = json.dumps({"model_type": "llama", "num_hidden_layers": 4, "hidden_size": 64}).encode()
    with serving(tmp_path / "store", token="owner-token") as running:
        owner = HfApi(endpoint=running.endpoint, token="owner-token")
        stranger = HfApi(endpoint=running.endpoint, token=False)
        user = owner.whoami()["name"]
        for name in ("open", "gated"):
            owner.create_repo(f"{user}/{name}")
            owner.upload_file(path_or_fileobj=content, path_in_repo="config.json", repo_id=f"{user}/{name}")
        owner.update_repo_settings(f"{user}/gated", gated="manual")
        monkeypatch.setattr("hubkit.repo.hub.open_repo", partial(open_repo, api=stranger))
        assert ask(sae("blocks.3.hook_resid_post", f"{user}/open", 64)) == []
        (outside,) = ask(sae("blocks.4.hook_resid_post", f"{user}/open", 64))
        assert (outside.code, outside.measured) == ("HOOK002", {"layer": 4, "n_layers": 4})
        (gated,) = ask(sae(model=f"{user}/gated"))
        assert (gated.code, gated.severity) == ("HOOK001", Severity.WARNING)
        assert f"{user}/gated is gated" in gated.message
        assert "hf auth login" in gated.hint
        (missing,) = ask(sae(model=f"{user}/missing"))
        assert (missing.code, missing.severity) == ("HOOK001", Severity.WARNING)
    close_session()


def test_on_the_command_line(tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from hubkit.cli.main import app

    repository = sae("blocks.12.hook_resid_post")
    for path, data in repository.files.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(data)
    options = ["validate", str(tmp_path), "--select", "HOOK", "--format", "json"]
    done = CliRunner().invoke(app, [*options, "--base-model", "auto"])
    assert done.exit_code == 1
    assert [f["code"] for f in json.loads(done.stdout)["findings"]] == ["HOOK002"]
    done = CliRunner().invoke(app, options)  # the shipped table has gpt2
    assert [f["code"] for f in json.loads(done.stdout)["findings"]] == ["HOOK002"]
    idle = CliRunner().invoke(app, [*options[:2], "--select", "HOOK004"])  # clean would not mean anything
    assert isinstance(idle.exception, UsageError)
    assert "--base-model" in (idle.exception.hint or "")


@pytest.mark.parametrize(
    ("typed", "words", "code"),
    [
        ("somebody/missing", "no such repository", ExitCode.USAGE),
        ("somebody/empty", "has no config.json", ExitCode.USAGE),
        ("somebody/list", "no JSON object", ExitCode.USAGE),
        ("othello-gpt", "only TransformerLens has it", ExitCode.USAGE),
        ("somebody/gated", "somebody/gated is gated", ExitCode.INCOMPLETE),
        ("somebody/slow", "did not answer", ExitCode.INCOMPLETE),
    ],
)
@pytest.mark.parametrize(
    "repository", [sae, lambda: view({"num_latents": 32, "k": 4, "d_in": 8, "expansion_factor": 4})]
)
def test_a_model_that_was_typed_and_cannot_be_had_is_no_clean_run(
    repository: Callable[[], MemoryView], typed: str, words: str, code: ExitCode
) -> None:
    try:
        report = validate(repository(), base_model=typed)
    except UsageError as error:
        assert code is ExitCode.USAGE
        assert words in error.message
        assert error.message.startswith(f"--base-model {typed}: ")
        return
    assert report.exit_code(Severity.ERROR) is code
    assert any(words in one.reason for one in report.skipped)


def test_a_model_that_no_rule_looks_at_is_not_asked_for(hub: Hub) -> None:
    assert validate(sae(), Selection(select=("CFG",)), base_model="somebody/missing").complete
    assert hub.asked == []
    with pytest.raises(UsageError, match="--base-model"):
        validate(sae(), Selection(select=("CFG",)), base_model="./nothing")


def test_a_width_that_the_tensors_contradict_is_mended_by_theirs() -> None:
    wrong = {"model_name": "gpt2", "hook_name": "blocks.2.hook_resid_post"}
    repository = view(cfg("topk", d_in=8, metadata=wrong), tensors("topk", d_in=768, d_sae=32))
    (finding,) = [
        one
        for one in validate(repository, Selection(select=("HOOK003", "WTS006"))).findings
        if one.code == "HOOK003"
    ]
    assert finding.hint == 'write "d_in": 768, which the tensors have'


@pytest.mark.parametrize(
    ("site", "instead"),
    [("hook_mlp_pre", "mlp.hook_pre"), ("hook_attn_z", "attn.hook_z"), ("hook_mlp_in", None)],
)
def test_a_part_of_a_hook_in_the_wrong_place(site: str, instead: str | None) -> None:
    findings = validate(sae(f"blocks.2.{site}"), Selection(select=("HOOK006",))).findings
    assert [one.hint for one in findings] == ([f"write blocks.2.{instead}"] if instead else [])


def test_a_layer_that_stands_in_the_metadata_is_held_against_the_hook() -> None:
    (finding,) = validate(sae(hook_layer=4), Selection(select=("CFG012",))).findings
    assert "hook_layer is 4" in finding.message
    assert validate(sae(hook_layer=2), Selection(select=("CFG012",))).findings == []
