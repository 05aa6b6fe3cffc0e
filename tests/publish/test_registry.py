"""`hubkit registry`: an entry is read from the files, keeps what only the registry knows, is refused for a release that is not what it says, and is a diff that git applies."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml
from builders import D_IN, D_SAE, cfg, tensors, view
from cards import variants
from families import files_of
from safetensors.numpy import save
from typer.testing import CliRunner

from hubkit.cli.main import app
from hubkit.errors import ExitCode, HubkitError, NothingFound, UsageError
from hubkit.formats.detect import all_families
from hubkit.publish import registry_check
from hubkit.publish.neuronpedia import FIELDS, SourceSet, asked
from hubkit.publish.registry import CONVERTERS, TRANSCODERS, Entry, Wanted, entry_of
from hubkit.publish.registry_text import IN_SAELENS, Registry, as_yaml, installed
from hubkit.repo.local import open_folder
from hubkit.repo.memory import MemoryView

ROOT = Path(__file__).parents[2]
BROKEN, GOOD = ROOT / "examples" / "broken", ROOT / "examples" / "repaired"
REPO = "me/saes"
ENTRY: dict[str, Any] = {
    "config_overrides": {"dataset_path": "me/texts"},
    "conversion_func": None,
    "links": {"model": "https://huggingface.co/lab/tiny"},
    "model": "tiny",
    "repo_id": REPO,
    "saes": [
        {"id": "second", "l0": 3.0, "neuronpedia": "tiny/2-res-me", "path": "b"},
        {"id": "first", "path": "a", "norm_scaling_factor": 0.5},
    ],
}
OTHERS = {
    name: {
        **ENTRY,
        "repo_id": f"you/{name}",
        "saes": [{"id": "x", "path": "x", "neuronpedia": f"tiny/1-{name}"}],
    }
    for name in ("one", "two")
}
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")


def registry(**entries: Any) -> Registry:
    return Registry("".join(as_yaml(name, entry) for name, entry in entries.items()))


REGISTRY = registry(one=OTHERS["one"], mine=ENTRY, two=OTHERS["two"])


def release(*names: str, **changes: Any) -> MemoryView:
    """Good SAEs, alike but for `changes` of their cfg.json; each its own weights."""
    files = {}
    for number, name in enumerate(names):
        weights = {key: value * (1 + number) for key, value in tensors().items()}
        files |= {
            f"{name}/cfg.json": json.dumps(cfg(**changes)).encode(),
            f"{name}/sae_weights.safetensors": save(weights),
        }
    return MemoryView(name="memory", files=files | {"README.md": view().files["README.md"]})


def made(
    repository: MemoryView, there: Registry | None = REGISTRY, repo_id: str = REPO, **wanted: Any
) -> Entry:
    return entry_of(repository, repo_id, there, Wanted(**wanted))


def refused(folder: Path) -> list[str]:
    """Codes of the errors for which a release is refused."""
    try:
        entry_of(open_folder(folder), "me/new", None, Wanted(model="m"))
    except HubkitError as error:
        return [line.split()[0] for line in error.message.splitlines()[1:]]
    return []


def ids(entry: Entry) -> list[str]:
    return [line["id"] for line in entry.content["saes"]]


def test_a_new_release_is_its_paths_its_model_and_nothing_that_nobody_computed() -> None:
    entry = made(release("layer_2", "layer_11"), repo_id="me/New-SAEs")
    assert (entry.name, entry.known) == ("new-saes", False)
    assert entry.content == {
        "conversion_func": None,
        "model": "lab/tiny",
        "repo_id": "me/New-SAEs",
        "saes": [{"id": "layer_2", "path": "layer_2"}, {"id": "layer_11", "path": "layer_11"}],
    }
    assert [note.partition(" of ")[0] for note in entry.notes] == ["l0", "variance_explained"]
    assert made(release("a"), None, "me/other").name == "other"


def test_what_was_computed_on_unseen_rows_is_there_and_what_was_typed_in_is_not(tmp_path: Path) -> None:
    folder = variants.computed(tmp_path / "release")
    computed = entry_of(open_folder(folder), "me/computed", None, Wanted())
    assert all({"l0", "variance_explained"} <= line.keys() for line in computed.content["saes"])
    assert computed.notes == ()
    first = computed.content["saes"][0]
    metrics = computed.release.metrics(first["path"])
    assert metrics is not None
    assert first["l0"] in {
        float(f"{one.value:.4g}")
        for one in metrics.values
        if one.measure == "l0" and one.value and one.split != "train"
    }
    record = json.loads((folder / "evaluation.json").read_text(encoding="utf-8"))
    del record["computed"]
    (folder / "evaluation.json").write_text(json.dumps(record), encoding="utf-8", newline="\n")
    (folder / "provenance.json").unlink()  # which has the file's checksum
    allow = dict.fromkeys(refused(folder), "a test")
    stated = entry_of(open_folder(folder), "me/computed", None, Wanted(allow=allow))
    assert not any({"l0", "variance_explained"} & line.keys() for line in stated.content["saes"])


def test_an_entry_that_is_there_keeps_what_only_the_registry_knows() -> None:
    entry = made(release("a", "b", "c"))
    assert (entry.name, entry.known) == ("mine", True)
    assert {**entry.content, "saes": None} == {**ENTRY, "saes": None}
    assert entry.content["saes"] == [*ENTRY["saes"], {"id": "c", "path": "c"}]
    assert list(entry.saes) == ["second", "first", "c"]
    assert entry.saes["second"].sae_id == "b"
    same = made(release("a", "b"))
    assert REGISTRY.diff("mine", REGISTRY.with_entry("mine", same.content)) == ""


def test_what_the_registry_says_and_the_files_do_not_is_told() -> None:
    gone = made(release("a", "c"))
    assert ids(gone) == ["first", "c"]
    assert any("second goes" in note for note in gone.notes)
    elsewhere = made(release("a", "b", metadata={"hook_name": "blocks.5.hook_resid_post"}))
    assert any("tiny/2-res-me is of layer 2, its files say 5" in note for note in elsewhere.notes)
    assert not any("dashboard" in note for note in made(release("a", "b")).notes)
    odd = {**ENTRY, "saes": [{**ENTRY["saes"][0], "saes": []}, ENTRY["saes"][1]]}
    assert any(
        "saes is nothing that SAELens reads" in note
        for note in made(release("a", "b"), registry(mine=odd)).notes
    )
    other = made(release("a", "b", metadata={"model_name": "another/model"}))
    assert other.content["model"] == "another/model"
    assert any(note.startswith("model is tiny there") for note in other.notes)


def test_only_a_part_leaves_the_others_as_they_are() -> None:
    entry = made(release("a", "b", "c"), only=("c",))
    assert entry.content["saes"] == [*ENTRY["saes"], {"id": "c", "path": "c"}]
    assert list(entry.saes) == ["c"]
    assert not any("goes" in note for note in entry.notes)
    with pytest.raises(NothingFound, match="no SAE matches"):
        made(release("a"), only=("z*",))


@pytest.mark.parametrize(
    ("repository", "wanted", "says"),
    [
        (lambda: release("a", metadata={"model_name": None}), {"name": "new"}, "do not say of which model"),
        (lambda: release("a"), {"name": "one"}, "release of you/one"),
        (lambda: release("a"), {"name": "a b"}, "expected letters"),
        (lambda: release("a"), {"neuronpedia": "set"}, "expected MODEL/SET"),
        (lambda: release("a"), {"neuronpedia": "tiny/{colour}"}, "is no field"),
        (lambda: release("a"), {"neuronpedia": "tiny/{condition}"}, "name no condition"),
        (lambda: release("a", "b"), {"neuronpedia": "tiny/res"}, "would both be tiny/2-res"),
        (lambda: release("a", metadata={"hook_name": "blocks.1.hook_resid_post"}), {"neuronpedia": "tiny/one"}, "dashboard of another release"),
        (lambda: MemoryView(name="m", files={f"{n}/{p}": d for n in ("sparsify/sae_run", "gemma_scope/pt_res") for p, d in files_of(n).items()}), {"name": "new"}, "a release has one"),
        (lambda: MemoryView(name="m", files=files_of("sae_bench/jumprelu")), {"name": "new"}, "SAELens has no loader"),
    ],
)  # fmt: skip
def test_what_one_entry_cannot_say_is_refused(
    repository: Callable[[], MemoryView], wanted: dict[str, Any], says: str
) -> None:
    allow = dict.fromkeys(
        ("HOOK001", "CARD001", "CARD002", "CARD003", "CARD004", "CARD008", "CFG011", "REL004", "CFG001"),
        "a test",
    )
    with pytest.raises(UsageError, match=says):
        made(
            repository(),
            repo_id="me/elsewhere" if wanted.get("name") == "new" else REPO,
            allow=allow,
            **wanted,
        )


def test_two_models_or_two_registered_releases_need_to_be_told_apart() -> None:
    first, second = release("a"), release("b", metadata={"model_name": "lab/other"})
    both = MemoryView(name="m", files=first.files | second.files)
    with pytest.raises(UsageError, match="a release has one model"):
        made(both, repo_id="me/new")
    assert made(both, repo_id="me/new", only=("b",)).content["model"] == "lab/other"
    twice = registry(mine=ENTRY, again=ENTRY)
    with pytest.raises(UsageError, match="registered 2 times: mine, again"):
        made(release("a"), twice)
    assert made(release("a", "b"), twice, name="again").name == "again"


def test_a_release_with_errors_is_refused_and_a_reason_lets_it_through_by_name() -> None:
    with pytest.raises(HubkitError) as raised:
        entry_of(open_folder(BROKEN), "me/broken", None, Wanted())
    assert raised.value.exit_code is ExitCode.FINDINGS
    assert "THR001" in raised.value.message
    assert "CARD005" in raised.value.message
    codes = {line.split()[0] for line in raised.value.message.splitlines()[1:]}
    reasons = dict.fromkeys(codes, "kept for comparison")
    entry = entry_of(open_folder(BROKEN), "me/broken", None, Wanted(allow=reasons))
    assert {one.partition(":")[0] for one in entry.allowed} == codes
    assert all(one.endswith("kept for comparison") for one in entry.allowed)
    with pytest.raises(UsageError, match="needs a reason"):
        entry_of(open_folder(BROKEN), "me/broken", None, Wanted(allow=dict.fromkeys(codes, " ")))
    secret = release("a")
    secret.files["notes.md"] = b"token: hf_" + b"AbCdEfGhIjKlMnOpQrStUvWxYz01234567\n"
    with pytest.raises(HubkitError, match="SEC002"):
        entry_of(secret, "me/x", None, Wanted(allow={"SEC002": "no"}))


@pytest.mark.parametrize("name", ["one", "mine", "two", "new"])
def test_the_diff_is_what_git_applies(name: str, tmp_path: Path) -> None:
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    content = {**ENTRY, "saes": [{"id": "z", "path": "z", "l0": 1.5}, *ENTRY["saes"]]}
    changed = REGISTRY.with_entry(name, content)
    assert changed.releases == {**REGISTRY.releases, name: content}
    place = tmp_path / IN_SAELENS
    place.parent.mkdir()
    place.write_bytes(REGISTRY.text.encode())
    (tmp_path / "new.diff").write_bytes(
        f"Words for the reviewer: a --- b.\n\n{REGISTRY.diff(name, changed)}".encode()
    )
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    subprocess.run(["git", "apply", "new.diff"], cwd=tmp_path, check=True)
    assert place.read_bytes() == changed.text.encode()


def test_an_id_on_neuronpedia_is_the_model_the_layer_and_the_set() -> None:
    entry = made(release("a"), repo_id="me/new", neuronpedia="tiny-2b/{architecture}-{width}-me")
    line = entry.content["saes"][0]
    assert line["neuronpedia"] == f"tiny-2b/2-jumprelu-{D_SAE}-me"
    said = asked("new", "me/new", "a", entry.saes["a"], line["neuronpedia"])
    assert said["neuronpedia-runner"] == {
        "sae-set": "new",
        "sae-path": "a",
        "np-set-name": f"jumprelu-{D_SAE}-me",
    }
    converter = said["convert-saedashboard-to-neuronpedia-export"]
    assert (converter["hook-point"], converter["layer-num"], converter["model-name"]) == (
        "hook_resid_post",
        2,
        "tiny-2b",
    )
    assert converter["hf-weights-path"] == "a/sae_weights.safetensors"
    assert D_IN
    for field in FIELDS:
        SourceSet.parse(f"m/{{{field}}}")


def test_every_family_with_a_loader_of_saelens_is_one_that_hubkit_has() -> None:
    families = {one.name: one for one in all_families()}
    for name, converter in [*CONVERTERS.items(), *TRANSCODERS.items()]:
        assert (
            converter is None
            or converter in families[name].loader
            or families[name].loader.startswith(("dictionary", "sparsify", "SAELens"))
        )


def judged(entry: Entry, **changes: Any) -> registry_check.Checked:
    """What is made of an answer of SAELens's process that is right but for `changes`."""
    answer: dict[str, Any] = {"version": "6", "configs": {}, "loaded": {}}
    for sae_id, sae in entry.saes.items():
        answer["configs"][sae_id] = {
            "value": {"d_in": sae.d_in, "d_sae": sae.d_sae, "hook_name": sae.hook_name}
        }
    answer["configs"] |= changes.get("configs", {})
    answer["loaded"] |= changes.get("loaded", {})
    return registry_check._judged(entry, answer)


def test_what_saelens_makes_of_it_is_held_against_the_files() -> None:
    entry = made(release("a", "b"), repo_id="me/new")
    assert judged(entry).configured == 2
    raises = {"raised": "EntryNotFoundError: 404"}
    with pytest.raises(HubkitError, match="a: its configuration raises EntryNotFoundError"):
        judged(entry, configs={"a": raises})
    with pytest.raises(HubkitError, match=r"b: SAE\.from_pretrained raises"):
        judged(entry, loaded={"b": raises})
    with pytest.raises(HubkitError, match=r"a: SAELens takes hook_name for x, its files say blocks\.2"):
        judged(entry, configs={"a": {"value": {"d_in": D_IN, "d_sae": D_SAE, "hook_name": "x"}}})
    assert registry_check._same("layers.3", "blocks.3.hook_resid_post")
    assert not registry_check._same("layers.3", "blocks.4.hook_resid_post")
    wrong = {"cfg": {"d_in": D_IN}, "acts": [[0.0] * D_SAE] * 4, "out": [[0.0] * D_IN] * 4}
    with pytest.raises(HubkitError, match="differs from the definition"):
        judged(entry, loaded={"a": {"value": wrong}})


def typed(*arguments: Any) -> Any:
    return CliRunner().invoke(app, ["registry", *map(str, arguments)])


def test_the_verb_writes_yaml_and_json_without_saelens(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("hubkit.publish.registry_text.find_spec", lambda _: None)
    done = typed(GOOD, "--no-check", "--format", "yaml")
    assert done.exit_code == 0
    assert (
        yaml.safe_load(done.stdout)["smollm2-deception-saes"]["repo_id"]
        == "example-lab/smollm2-deception-saes"
    )
    assert done.stdout.startswith("# smollm2-deception-saes: 3 SAEs of HuggingFaceTB/SmolLM2-135M")
    answer = json.loads(
        typed(
            GOOD, "--no-check", "--format", "json", "--neuronpedia", "smollm2-135m/{architecture}-me"
        ).stdout
    )
    assert answer["neuronpedia"]["smollm2_topk_L18"]["neuronpedia-runner"]["np-set-name"] == "topk-me"
    assert answer["known"] is False
    place = tmp_path / "entry.yaml"
    assert typed(GOOD, "--no-check", "--format", "yaml", "--to", "me/other", "--output", place).exit_code == 0
    assert "repo_id: me/other\n" in place.read_bytes().decode()
    missing = typed(GOOD)
    assert isinstance(missing.exception, UsageError)
    assert "not installed" in missing.exception.message


def test_an_entry_names_no_commit() -> None:
    done = typed("me/saes@v1", "--no-check", "--format", "yaml")
    assert isinstance(done.exception, UsageError)
    assert "names no commit" in done.exception.message


needs_saelens = pytest.mark.skipif(find_spec("sae_lens") is None, reason="sae-lens is not installed")


@needs_saelens
def test_the_registry_of_the_installed_saelens_is_read_and_kept() -> None:
    """Every entry is found by its name; writing one leaves all others as they are."""
    there = installed()
    assert there is not None
    assert len(there.releases) > 100
    lines = there.text.splitlines()
    for name in there.releases:
        start, stop = there._place(name)
        assert list(yaml.safe_load("\n".join(lines[start:stop])) if stop - start < 200 else [name]) == [name]
    name = "gpt2-small-res-jb"
    entry = {**there.releases[name], "model": "gpt2"}
    changed = there.with_entry(name, entry)
    assert changed.releases == {**there.releases, name: entry}
    diff = there.diff(name, changed).splitlines()
    assert len(diff) < 15
    assert "-  model: gpt2-small" in diff
    assert there.diff("new", there.with_entry("new", ENTRY)).count("\n") < 30


@needs_saelens
@pytest.mark.train
@pytest.mark.parametrize(
    ("folder", "function"),
    [
        ("examples", None),
        ("dictionary_learning/batch_topk", "dictionary_learning_1"),
    ],
)
def test_saelens_loads_the_release_through_the_entry(
    folder: str, function: str | None, tmp_path: Path
) -> None:
    place = GOOD if folder == "examples" else tmp_path / "release"
    for path, data in files_of(folder).items() if folder != "examples" else ():
        (place / path).parent.mkdir(parents=True, exist_ok=True)
        (place / path).write_bytes(data)
    there = installed()
    assert there is not None
    wanted = Wanted(model="pythia-70m" if function else None, allow=dict.fromkeys(refused(place), "a test"))
    entry = entry_of(open_folder(place), "me/new-release", there, wanted)
    assert entry.content["conversion_func"] == function
    checked = registry_check.check_entry(entry, there, whole=True)
    assert checked.configured == checked.loaded == checked.compared == len(entry.saes)


@needs_saelens
@pytest.mark.train
def test_a_loader_of_saelens_that_reads_the_files_otherwise_is_told(tmp_path: Path) -> None:
    """sparsify writes `num_latents: 0` where the width follows from `expansion_factor`; SAELens 6.54.12 takes the 0."""
    for path, data in files_of("sparsify/sae_run").items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(data)
    there = installed()
    assert there is not None
    wanted = Wanted(allow=dict.fromkeys(refused(tmp_path), "a test"))
    entry = entry_of(open_folder(tmp_path), "me/new-release", there, wanted)
    with pytest.raises(HubkitError, match="takes d_sae for 0, its files say 64") as raised:
        registry_check.check_entry(entry, there)
    assert "hubkit fix" in str(raised.value.hint)
    assert "hook_name" not in raised.value.message
