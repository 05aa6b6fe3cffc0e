"""EVL, SEC003, SEC004, REL, CARD002, CARD012: the legitimate cases beside each defect."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from builders import D_IN, D_SAE, FOLDER, README, cfg, check, codes, tensors, view
from safetensors.numpy import save

from hubkit.measures.catalogue import CATALOGUE
from hubkit.release.provenance import Grid, Provenance
from hubkit.repo.memory import MemoryView
from hubkit.validate.finding import Severity
from hubkit.validate.run import Selection, validate

Changes = dict[str, Any]


def value(measure: str, number: Any, **changes: Any) -> Changes:
    whole = {
        "measure": measure,
        "version": 1,
        "value": number,
        "n": 200,
        "split": "crossfit",
        "interval": [0.0, 1.0],
        "null": None,
    }
    return {key: one for key, one in (whole | changes).items() if one != "gone"}


def evaluation(*values: Changes, schema: str = "urn:hubkit:evaluation:1", **more: Any) -> bytes:
    saes = [{"sae_id": FOLDER, "values": list(values), "warnings": []}]
    return json.dumps({"$schema": schema, "saes": saes, "layers": [], "comparisons": [], **more}).encode()


def evaluated(*values: Changes, configuration: Any = None, **more: Any) -> MemoryView:
    return view(configuration, files={"evaluation.json": evaluation(*values, **more)})


@pytest.mark.parametrize(
    ("measure", "number", "fires"),
    [
        ("probe_balanced_accuracy", 1.02, True),
        ("probe_balanced_accuracy", 1.0, False),
        ("probe_balanced_accuracy", -1, True),
        ("probe_balanced_accuracy_difference", -1, False),
        ("explained_variance", 1.0000001, True),
        ("explained_variance", -1, True),
        ("explained_variance", -0.4, False),
        ("l0", D_SAE + 1, True),
        ("l0", D_SAE, False),
        ("alive_share", 12.0, True),
        ("a_measure_of_ones_own", 1e9, False),
        ("l0", None, False),
    ],
)
def test_evl002_bounds(measure: str, number: float | None, fires: bool) -> None:
    assert codes(evaluated(value(measure, number)), "EVL002") == (["EVL002"] if fires else [])


def test_evl002_l0_of_a_topk_and_values_of_another_definition() -> None:
    topk = cfg("topk", k=4)
    assert codes(evaluated(value("l0", 4.0), configuration=topk), "EVL002") == []
    (finding,) = check(evaluated(value("l0", 4.5), configuration=topk), "EVL002").findings
    assert "k = 4" in finding.message
    assert codes(evaluated(value("alive_share", 12.0, version=2)), "EVL002") == []


def test_evl002_nan_in_the_file() -> None:
    text = evaluation(value("l0", 5.0)).replace(b"5.0", b"NaN")
    (finding,) = check(view(files={"evaluation.json": text}), "EVL002").findings
    assert "NaN" in finding.message
    assert codes(view(files={"evaluation.json": b'{"l0": NaN}'}), "EVL") == []


def test_files_of_others_are_not_judged() -> None:
    bad = evaluation(
        value("l0", -1, n=None, interval=None, split="train"), schema="https://example.org/evaluation"
    )
    assert codes(view(files={"evaluation.json": bad}), "EVL,THR008") == []


@pytest.mark.parametrize("lacking", ["version", "n", "split", "interval"])
def test_evl003_names_what_is_lacking(lacking: str) -> None:
    (finding,) = check(evaluated(value("l0", 5.0, **{lacking: "gone"})), "EVL003").findings
    assert lacking in finding.message
    assert codes(evaluated(value("l0", None, **{lacking: "gone"})), "EVL003") == []


def test_evl003_is_one_finding_for_many_saes() -> None:
    saes = [{"sae_id": f"s{i}", "values": [value("l0", 5.0, interval=None)]} for i in range(20)]
    (finding,) = check(evaluated(saes=saes), "EVL003").findings
    assert "and 17 more" in finding.message


def test_evl004_training_rows_probes_and_few_rows() -> None:
    train = value("l0", 5.0, split="train")
    assert codes(evaluated(train), "EVL004") == ["EVL004"]
    assert codes(evaluated(train, value("l0", 5.0)), "EVL004") == []
    seeds = value("seed_agreement", 0.7, split="train")
    assert codes(evaluated(seeds), "EVL004") == [], "it is of no other rows"
    together = value("seed_activation_agreement", 0.7, split="train")
    assert codes(evaluated(together), "EVL004") == [], "a release without folds has no other rows for it"
    assert codes(evaluated(value("seed_agreement", 0.7, split="train", n=3)), "EVL004") == [], (
        "seeds, not rows"
    )
    probe = value("probe_balanced_accuracy", 0.7, split="train")
    assert codes(evaluated(probe, value("probe_balanced_accuracy", 0.5)), "EVL004") == ["EVL004"]
    (few,) = check(evaluated(value("l0", 5.0, n=D_IN - 1)), "EVL004").findings
    assert f"n = {D_IN - 1}" in few.message
    assert codes(evaluated(value("l0", 5.0, n=D_IN)), "EVL004") == []


def test_evl005_only_names_of_maxima() -> None:
    for name in ("best_layer_accuracy", "peak_auc", "auc_max", "auroc_max", "d_max"):
        assert codes(evaluated(value(name, 0.8)), "EVL005") == ["EVL005"]
    for name in (*(CATALOGUE.keys() - {"d_max", "auroc_max"}), "maximal_clique", "topk_overlap"):
        assert codes(evaluated(value(name, 0.5)), "EVL005") == []


def test_the_saes_own_metrics_are_read_in_a_folder_and_elsewhere_with_deep(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    own = json.dumps(
        {
            "$schema": "urn:hubkit:metrics:1",
            "sae_id": FOLDER,
            "values": [value("alive_share", 7.0)],
            "warnings": [],
        }
    )
    repository = view(files={f"{FOLDER}/metrics.json": own.encode()})
    (finding,) = [f for f in validate(repository).findings if f.code == "EVL002"]
    assert finding.path == f"{FOLDER}/metrics.json"
    monkeypatch.setattr(type(repository), "near", False)
    assert "EVL002" not in {f.code for f in validate(repository).findings}
    assert "EVL002" in {f.code for f in validate(repository, deep=True).findings}


def test_evl001_counts_what_others_call_their_metrics() -> None:
    repository = view(files={f"{FOLDER}/metrics.json": b"{}"})
    del repository.files["evaluation.json"]
    assert codes(repository, "EVL001") == []
    bare = view()
    del bare.files["evaluation.json"]
    assert [f.severity for f in check(bare, "EVL001").findings] == [Severity.NOTE]


@pytest.mark.parametrize(
    ("path", "fires"),
    [
        ("/home/ubuntu/data/culturax", True),
        ("/Users/mira.k/saes", True),
        ("/root/data", True),
        (r"C:\Users\Mira\saes", True),
        ("D:/Users/mira/x", True),
        ("file:///home/mira/x", False),
        ("/home/user/data", False),
        ("/home/<you>/data", False),
        ("/home/$USER/data", False),
        ("/Users/yourname/x", False),
        ("https://huggingface.co/home/mira/x", False),
        ("/kaggle/working/x", False),
        ("/content/drive", False),
        ("monology/pile-uncopyrighted", False),
        ("the root/branch of the tree", False),
        ("/home", False),
    ],
)
def test_sec003_paths(path: str, fires: bool) -> None:
    wanted = ["SEC003"] if fires else []
    assert codes(view(cfg(metadata={"dataset_path": path})), "SEC003") == wanted
    assert codes(view(readme=f"{README}\nTrained on `{path}`.\n"), "SEC003") == wanted


def test_sec003_says_a_user_once_a_file() -> None:
    text = cfg(metadata={"a": "/home/mira/x", "b": "/home/mira/y"})
    assert codes(view(text), "SEC003") == ["SEC003"]


def test_sec004_code_and_trust() -> None:
    mapped = view(files={"config.json": b'{"auto_map": {"AutoModel": "m.M"}}', "m.py": b""})
    assert [f.severity for f in check(mapped, "SEC004").findings] == [Severity.WARNING, Severity.NOTE]
    trusting = cfg(metadata={"model_from_pretrained_kwargs": {"trust_remote_code": True}})
    assert [f.severity for f in check(view(trusting), "SEC004").findings] == [Severity.NOTE]
    assert codes(view(cfg(dataset_trust_remote_code=True)), "SEC004") == []


def test_secrets_are_found_in_configurations_that_are_no_saes() -> None:
    token = b'{"hf_token": "hf_' + b"aB3" * 12 + b'"}'
    assert codes(view(files={"config.json": token}), "SEC002") == ["SEC002"]
    assert codes(view(files={"config.json": b'{"hf_token": null}'}), "SEC002") == []


def cell(layer: int, condition: str | None = "mixed", architecture: str = "standard") -> Changes:
    metadata = {"hook_name": f"blocks.{layer}.hook_resid_post"} | (
        {"training_condition": condition} if condition else {}
    )
    return cfg(architecture, metadata=metadata)


def release(*configurations: Changes, layers: tuple[int, ...] = (2, 3), **changes: Any) -> MemoryView:
    files = {"README.md": README.encode(), "evaluation.json": b"{}"}
    for number, configuration in enumerate(configurations):
        files[f"sae_{number}/cfg.json"] = json.dumps(configuration).encode()
        files[f"sae_{number}/sae_weights.safetensors"] = save(tensors(configuration["architecture"]))
    digests = {path: hashlib.sha256(data).hexdigest() for path, data in files.items() if path != "README.md"}
    record = Provenance(
        hubkit_version="1", study="lab", study_sha256="0", base_model="lab/tiny", base_model_revision=None, precision="float32",
        grid=Grid(layers=list(layers), architectures=["standard"], conditions=["mixed"]), seeds={}, software={}, hardware="x",
        created="2026-01-01", pool_sha256="0", completions={}, files=digests | changes.get("files", {}),
    )  # fmt: skip
    files["provenance.json"] = record.model_dump_json(by_alias=True).encode()
    return MemoryView(name="memory", files=files)


def test_rel002_holes_are_cells_that_no_configuration_fills() -> None:
    assert codes(release(cell(2), cell(3)), "REL002") == []
    (finding,) = check(release(cell(2), cell(2)), "REL002").findings
    assert "layer 3 standard mixed" in finding.message
    assert codes(release(cell(2), cell(3, None)), "REL002") == []
    assert codes(release(cell(2), cell(3), layers=(2,)), "REL002") == []


def test_rel004_missing_changed_and_unknown_files() -> None:
    assert codes(release(cell(2), cell(3)), "REL") == []
    changed = release(cell(2), cell(3))
    changed.files["sae_1/cfg.json"] += b"\n"
    (finding,) = check(changed, "REL004").findings
    assert finding.measured["paths"] == ["sae_1/cfg.json"]
    gone = release(cell(2), cell(3))
    del gone.files["sae_1/sae_weights.safetensors"]
    assert codes(gone, "REL004") == ["REL004"]
    more = release(cell(2))
    more.files |= {"new/cfg.json": b"{}", "new/sae_weights.safetensors": b"", "notes.txt": b""}
    (finding,) = check(more, "REL004").findings
    assert finding.measured["paths"] == ["new/cfg.json", "new/sae_weights.safetensors"]


def test_rel004_weights_are_compared_with_deep() -> None:
    other = release(cell(2), cell(3))
    path = "sae_1/sae_weights.safetensors"
    other.files[path] = other.files[path][:-1] + b"\x00"
    assert "REL004" not in {f.code for f in validate(other).findings}
    assert "REL004" in {f.code for f in validate(other, deep=True).findings}


def test_rel004_a_damaged_record_and_somebody_elses() -> None:
    repository = release(cell(2))
    repository.files["provenance.json"] = b'{"$schema": "urn:hubkit:provenance:1"}'
    assert codes(repository, "REL") == ["REL004"]
    other = release(cell(2))
    other.files["provenance.json"] = b'{"made by": "me"}'
    assert codes(other, "REL") == []


def test_provenance_is_read_for_the_rules_that_need_it_only() -> None:
    repository, again = release(cell(2), cell(3)), release(cell(2), cell(3))
    validate(repository, Selection(select=("CFG",)))
    validate(again, Selection(select=("CFG", "REL004")))
    assert again.requests == repository.requests + 1


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["a/B.txt", "a/b.txt"], 1),
        (["A/x.txt", "a/x.txt"], 1),
        (["con.txt"], 1),
        (["aux/x.txt"], 1),
        (["what?.txt", "a:b"], 2),
        (["trailing."], 1),
        (["console.txt", "auxiliary", "a.b", ".gitattributes", "com10", "nul_1"], 0),
    ],
)
def test_rel003_names(names: list[str], found: int) -> None:
    assert codes(view(files=dict.fromkeys(names, b"")), "REL003") == ["REL003"] * found


def test_rel001_names_of_one_model() -> None:
    def saes(*models: str) -> MemoryView:
        files = {
            f"s{i}_L2/cfg.json": json.dumps(cfg("standard", metadata={"model_name": m})).encode()
            for i, m in enumerate(models)
        }
        return MemoryView(name="x", files=files)

    assert codes(saes("gpt2", "gpt2-small", "openai-community/gpt2"), "REL001") == []
    assert codes(saes("meta-llama/Llama-3.2-1B", "Llama-3.2-1B", "unknown"), "REL001") == []
    assert codes(saes("gpt2", "gpt2-medium"), "REL001") == ["REL001"]


def test_evl006_window_and_statement() -> None:
    def repository(version: str, text: str) -> MemoryView:
        found = view(cfg(metadata={"sae_lens_training_version": version}), readme=f"{README}\n{text}\n")
        del found.files["evaluation.json"]
        return found

    assert codes(repository("6.18.0", "| EV | 0.98 |"), "EVL006") == ["EVL006"]
    assert codes(repository("5.8.0", "explained variance of 0.97"), "EVL006") == ["EVL006"]
    assert codes(repository("5.7.0", "explained variance of 0.97"), "EVL006") == []
    assert codes(repository("6.46.0", "explained variance of 0.97"), "EVL006") == []
    assert codes(repository("6.18.0", "Nothing was measured."), "EVL006") == []


def test_card012_hint_shows_the_repaired_text_and_counts() -> None:
    card = f"{README}\nIt isn\u00e2\u20ac\u2122t, it wasn\u00e2\u20ac\u2122t: caf\u00c3\u00a9\n"
    first, second = check(view(readme=card), "CARD012").findings
    assert {"\u2019", "\u00e9"} == {first.hint.split("'")[1], second.hint.split("'")[1]}
    assert "2 times" in first.message + second.message
    assert first.fix == "safe"


def test_card002_places_each_fault_on_its_line() -> None:
    card = "---\nlibrary_name: saelens\nbase_model: gpt2\nlicense: MIT\ntags: sae\n---\n"
    found = {f.pointer: f.line for f in check(view(readme=card), "CARD002").findings}
    assert found == {"/license": 4, "/tags": 5}
    doubted = check(
        view(readme=card.replace("MIT", "my-own-1.0").replace("tags: sae\n", "")), "CARD002"
    ).findings
    assert [(f.severity, f.confidence) for f in doubted] == [(Severity.WARNING, "medium")]


def test_rel003_a_name_that_leads_out_of_the_repository_is_an_error() -> None:
    repository = view()
    repository.refused = ["../../etc/passwd"]
    (finding,) = check(repository, "REL003").findings
    assert (finding.code, finding.severity.word) == ("REL003", "error")
    assert "../../etc/passwd" in finding.message


def test_every_line_of_a_wrong_hook_is_named_at_once() -> None:
    text = "hook_name format: `transformer.h.{layer}`\n\nText.\n\n- **hook_name**: `transformer.h.3`\n"
    found = [
        f for f in check(view(readme=f"{README}\n{text}"), "CARD005").findings if "transformer.h" in f.message
    ]
    assert len(found) == 1
    assert found[0].line is not None
    assert f"(also on line {found[0].line + 4})" in found[0].message


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b'{"study_sha256": "0", "grid": {}, "files": {}}', True),
        (b'{"files": {}, "author": "somebody"}', False),
        (b'{"$schema": "https://example.org/provenance", "grid": {}, "files": {}}', False),
        (b"[]", False),
    ],
)
def test_a_provenance_that_nobody_can_read_is_told(text: bytes, told: bool) -> None:
    """It looks like hubkit's and lacks what hubkit knows its own by; one of somebody else's is theirs."""
    repository = release(cell(2))
    repository.files["provenance.json"] = text
    found = validate(repository, Selection(select=("REL004",))).findings
    assert [(one.code, one.severity) for one in found] == [("REL004", Severity.WARNING)] * told
    assert all("no `$schema`" in one.message and "$schema" in one.hint for one in found)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        ('{"$schema": "urn:hubkit:provenance:2"}'.encode("utf-16"), "byte order mark"),
        (b'{"$schema": "urn:hubkit:provenance:9"}', "a form that this hubkit does not know"),
        (b"not json", None),
        ('{"made by": "me"}'.encode("utf-16"), None),
        (b'{"made by": "me", "$schema": "https://slsa.dev/provenance/v1"}', None),
    ],
)
def test_rel004_a_record_that_cannot_be_read_is_told_and_somebody_elses_is_not(
    text: bytes, said: str | None
) -> None:
    repository = release(cell(2), cell(3))
    repository.files["provenance.json"] = text
    found = check(repository, "REL004").findings
    assert [said in one.message for one in found] == ([True] if said else [])


def test_evl002_a_broken_evaluation_of_any_form_of_hubkits_is_told() -> None:
    for schema in ("evaluation:1", "evaluation:3", "metrics:9"):
        broken = {"evaluation.json": f'{{"$schema": "urn:hubkit:{schema}", "saes": ['.encode()}
        assert codes(view(files=broken), "EVL002") == ["EVL002"]
    assert codes(view(files={"evaluation.json": b'{"mine": ['}), "EVL002") == []
