"""SAEs that other libraries wrote, on rows that are given: each against its own library's definition written out, and what is said where that cannot be."""

from __future__ import annotations

import io
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from tiny_models import random_model_in
from typer.testing import CliRunner

from hubkit.cards.facts import read_facts
from hubkit.cards.settings import CardSettings
from hubkit.cli.main import app
from hubkit.collect.imports.caches import read_cache
from hubkit.errors import HubkitError, IncompleteError, NothingFound, UsageError
from hubkit.evaluate.elsewhere import evaluate_given
from hubkit.evaluate.given import given, read_activations, read_column
from hubkit.formats.computed import computation
from hubkit.formats.detect import read_saes
from hubkit.formats.folder import folders_of
from hubkit.lab.text import scenarios
from hubkit.release.metrics import Evaluation, SaeMetrics
from hubkit.repo.local import open_folder

if TYPE_CHECKING:
    from hubkit.release.metrics import MetricValue

pytestmark = pytest.mark.train

FAMILIES = Path(__file__).parents[1] / "formats" / "families"
N, D_IN = 90, 16


def rows(n: int = N) -> np.ndarray:
    """Rows whose first 45 lie a little aside."""
    x = np.random.default_rng(0).normal(size=(n, D_IN)).astype(np.float32)
    x[: n // 2, 0] += 2
    return x


@pytest.fixture
def activations(tmp_path: Path) -> Path:
    save_file({"activations": rows()}, tmp_path / "rows.safetensors")
    (tmp_path / "labels.txt").write_text("\n".join(["a"] * 45 + ["b"] * 45), encoding="utf-8")
    (tmp_path / "scenarios.txt").write_text("\n".join(f"s{i % 3}" for i in range(N)), encoding="utf-8")
    return tmp_path / "rows.safetensors"


def only(folder: Path) -> tuple[Any, Any]:
    """The one SAE below a folder, and the view."""
    view = open_folder(folder)
    (sae,) = (one for path in folders_of(view).values() for one in read_saes(path) if one.is_judged)
    return sae, view


def topk(pre: np.ndarray, k: int) -> np.ndarray:
    kept = np.maximum(pre, 0)
    for row in kept:
        row[np.argsort(-row)[k:]] = 0
    return kept


def test_sparsify(tmp_path: Path) -> None:
    folder = shutil.copytree(FAMILIES / "sparsify" / "sae_run" / "layers.3", tmp_path / "layers.3")
    sae, view = only(folder)
    w = {name: array.astype(np.float64) for name, array in load_file(folder / "sae.safetensors").items()}
    acts = topk((rows() - w["b_dec"]) @ w["encoder.weight"].T + w["encoder.bias"], sae.k)
    found = computation(sae, view)(rows().astype(np.float64))
    assert np.allclose(found[0], acts, atol=1e-6)
    assert np.allclose(found[1], acts @ w["W_dec"] + w["b_dec"], atol=1e-6)


def test_gemma_scope(tmp_path: Path) -> None:
    folder = shutil.copytree(FAMILIES / "gemma_scope" / "pt_res", tmp_path / "pt_res")
    path = next(folder.rglob("params.npz"))
    sae, view = only(path.parent)
    w = {name: array.astype(np.float64) for name, array in np.load(path).items()}
    x = np.random.default_rng(0).normal(size=(20, sae.d_in))
    pre = x @ w["W_enc"] + w["b_enc"]
    acts = np.maximum(pre, 0) * (pre > w["threshold"])
    found = computation(sae, view)(x)
    assert np.allclose(found[0], acts)
    assert np.allclose(found[1], acts @ w["W_dec"] + w["b_dec"])


def test_dictionary_learning_from_a_pickle(tmp_path: Path) -> None:
    import torch

    folder = shutil.copytree(FAMILIES / "dictionary_learning" / "topk", tmp_path / "topk")
    path = next(folder.rglob("ae.pt"))
    sae, view = only(path.parent)
    w = {name: value.double().numpy() for name, value in torch.load(path, weights_only=True).items()}
    acts = topk((rows() - w["b_dec"]) @ w["encoder.weight"].T + w["encoder.bias"], sae.k)
    found = computation(sae, view)(rows().astype(np.float64))
    assert np.allclose(found[0], acts, atol=1e-6)
    assert np.allclose(found[1], acts @ w["decoder.weight"].T + w["b_dec"], atol=1e-6)


@pytest.mark.parametrize("architecture", ["standard", "topk", "jumprelu", "gated"])
def test_saelens_itself_computes_the_same(tmp_path: Path, architecture: str) -> None:
    sae_lens, torch = pytest.importorskip("sae_lens"), pytest.importorskip("torch")
    kinds = {
        "standard": "StandardSAE",
        "topk": "TopKSAE",
        "jumprelu": "JumpReLUSAE",
        "gated": "GatedSAE",
    }
    of_topk = {"k": 4} if architecture == "topk" else {}
    kind = getattr(sae_lens, kinds[architecture])
    sae = kind(getattr(sae_lens, f"{kinds[architecture]}Config")(d_in=D_IN, d_sae=32, **of_topk))
    with torch.no_grad():
        for parameter in sae.parameters():
            parameter.copy_(torch.randn_like(parameter) * 0.3)
    sae.save_model(tmp_path / "sae")
    found, view = only(tmp_path / "sae")
    acts, out = computation(found, view)(rows().astype(np.float64))
    with torch.no_grad():
        theirs = sae.encode(torch.from_numpy(rows()))
        assert np.allclose(acts, theirs.numpy(), atol=1e-5)
        assert np.allclose(out, sae.decode(theirs).numpy(), atol=1e-4)


def value(evaluation: Evaluation, measure: str, split: str = "held_out") -> MetricValue | None:
    return evaluation.saes[0].get(measure, split)  # type: ignore[arg-type]


def test_a_publishers_release_after_one_command(activations: Path, tmp_path: Path) -> None:
    release = shutil.copytree(FAMILIES / "sparsify" / "sae_run", tmp_path / "release")
    labels, places = tmp_path / "labels.txt", tmp_path / "scenarios.txt"
    command = ["evaluate", str(release), "--activations", str(activations), "--labels", str(labels), "--scenarios", str(places), "--quiet"]  # fmt: skip
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    evaluation = Evaluation.load(release / "evaluation.json")
    assert evaluation.is_computed
    assert [one.sae_id for one in evaluation.saes] == ["layers.3", "layers.3.mlp"]
    assert SaeMetrics.load(release / "layers.3" / "metrics.json") == evaluation.saes[0]
    x = rows().astype(np.float64)
    acts, out = computation(*only_named(release, "layers.3"))(x)
    explained = 1 - ((x - out) ** 2).sum() / ((x - x.mean(axis=0)) ** 2).sum()
    assert value(evaluation, "explained_variance").value == pytest.approx(explained, rel=1e-5)
    assert value(evaluation, "l0").value == pytest.approx((acts != 0).sum(axis=1).mean())
    probe = value(evaluation, "probe_balanced_accuracy")
    assert probe.value > 0.6
    assert probe.null.kind == "labels permuted within scenarios, folds dealt again"
    assert value(evaluation, "probe_new_scenarios_balanced_accuracy").value is not None
    assert [one.layer for one in evaluation.layers] == [3]
    assert len(evaluation.comparisons) == 2
    assert value(evaluation, "membership_auroc", "control") is None
    assert not any(one.values for one in [evaluation.saes[0]] if one.get("l0", "train"))


def test_two_hooks_of_one_layer_have_a_profile_each(tmp_path: Path) -> None:
    release = shutil.copytree(FAMILIES / "sparsify" / "sae_run", tmp_path / "release")
    x = rows()
    noise = np.random.default_rng(5).normal(size=x.shape).astype(np.float32)
    first, second = (only_named(release, name)[0].hook_name for name in ("layers.3", "layers.3.mlp"))
    assert first != second
    save_file({first: x, second: noise}, tmp_path / "rows.safetensors")
    (tmp_path / "labels.txt").write_text("\n".join(["a"] * 45 + ["b"] * 45), encoding="utf-8")
    (tmp_path / "scenarios.txt").write_text("\n".join(f"s{i % 3}" for i in range(N)), encoding="utf-8")
    found = evaluate_given(
        release, given(tmp_path / "rows.safetensors", tmp_path / "labels.txt", tmp_path / "scenarios.txt")
    )
    read, unread = (one.get("probe_balanced_accuracy").value for one in found.layers)
    assert [one.hook_name for one in found.layers] == [first, second]
    assert read > 0.6 + (unread > 0.6)
    assert [one.reference for one in found.comparisons] == [
        "raw activations at layer 3",
        f"raw activations at layer 3, {second}",
    ]


def only_named(release: Path, name: str) -> tuple[Any, Any]:
    view = open_folder(release)
    (sae,) = (one for path in folders_of(view).values() for one in read_saes(path) if one.sae_id == name)
    return sae, view


def test_without_labels_what_needs_none_is_measured(activations: Path, tmp_path: Path) -> None:
    release = shutil.copytree(FAMILIES / "sparsify" / "sae_run", tmp_path / "release")
    evaluation = evaluate_given(release, given(activations))
    assert value(evaluation, "explained_variance").value is not None
    assert value(evaluation, "probe_balanced_accuracy") is None
    assert (evaluation.layers, evaluation.comparisons, evaluation.tests) == ([], [], [])


def test_rows_that_the_saes_were_trained_on_are_training_rows(activations: Path, tmp_path: Path) -> None:
    release = shutil.copytree(FAMILIES / "sparsify" / "sae_run", tmp_path / "release")
    evaluation = evaluate_given(release, given(activations, tmp_path / "labels.txt"), seen=True)
    assert value(evaluation, "explained_variance", "train").value is not None
    assert {one.split for one in evaluation.saes[0].values} == {"train"}
    assert not [one for one in evaluation.saes[0].values if one.measure.startswith("probe")]


def test_the_same_rows_from_any_container(tmp_path: Path) -> None:
    import torch

    save_file({"x": rows()}, tmp_path / "x.safetensors")
    np.save(tmp_path / "x.npy", rows().astype(np.float64))
    torch.save({"x": torch.from_numpy(rows())}, tmp_path / "x.pt")
    found = [read_activations(tmp_path / f"x.{kind}") for kind in ("safetensors", "npy", "pt")]
    assert all(np.array_equal(one["x"], rows()) for one in found)


def test_a_pickle_that_runs_code_is_not_run(tmp_path: Path) -> None:
    import pickle

    class Evil:
        def __reduce__(self) -> Any:
            return (Path.touch, (tmp_path / "ran",))

    (tmp_path / "x.pt").write_bytes(pickle.dumps(Evil()))
    with pytest.raises(HubkitError):
        read_activations(tmp_path / "x.pt")
    assert not (tmp_path / "ran").exists()


def header(text: str, behind: bytes = bytes(64), version: bytes = b"\1\0") -> bytes:
    head = text.encode().ljust(117) + b"\n"
    return b"\x93NUMPY" + version + len(head).to_bytes(2 if version[0] == 1 else 4, "little") + head + behind


def numpy_file(array: Any, *, allow_pickle: bool = True) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=allow_pickle)
    return file.getvalue()


BROKEN: dict[str, bytes] = {
    "no brackets": header("not a header"),
    "brackets without end": header("{" * 100),
    "negative": header("{'descr': '<f4', 'fortran_order': False, 'shape': (-1, 4), }"),
    "huge": header("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999, 99999999999), }"),
    "huge and empty": header(
        "{'descr': '<f4', 'fortran_order': False, 'shape': (0, 99999999999999999999), }"
    ),
    "cut": header("{'descr': '<f4', 'fortran_order': False, 'shape': (5, 16), }"),
    "no type": header("{'descr': '<i3', 'fortran_order': False, 'shape': (4, 1), }"),
    "a type that is a call": header("{'descr': __import__('os'), 'fortran_order': False, 'shape': (4, 1), }"),
    "a list as type": header("{'descr': [('a', [('b', '<f4')])], 'fortran_order': False, 'shape': (4, 1), }"),
    "keys": header("{'descr': '<f4', 1: 2}"),
    "another version": header("{'descr': '<f4', 'fortran_order': False, 'shape': (4, 1), }", version=b"\7\0"),
    "long": header("{'descr': '<f4', 'fortran_order': False, 'shape': (4, 1), }" + " " * 20_000),
    "not UTF-8": b"\x93NUMPY\x03\0\x04\0\0\0\xff\xfe\xff\xfe" + bytes(64),
    "its magic alone": b"\x93NUMPY",
    "empty": b"",
    "a zip": b"PK\x03\x04" + bytes(40),
    "a pickle": b"\x80\x04]\x94.",
    "objects": numpy_file(np.array([1, None], dtype=object)),
    "texts": numpy_file(np.array([["a", "b"]])),
    "dates": numpy_file(np.array([["2020-01-01"]], "M8[D]")),
    "complex": numpy_file(np.ones((2, 2), np.complex64)),
    "raw": numpy_file(np.zeros((2, 2), "V2")),
    "records": numpy_file(np.zeros((2, 2), [("a", "f4")])),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_array_is_a_usage_error_that_names_the_file(name: str, tmp_path: Path) -> None:
    (tmp_path / "x.npy").write_bytes(BROKEN[name])
    with pytest.raises(UsageError, match=r"x\.npy"):
        read_activations(tmp_path / "x.npy")
    done = CliRunner().invoke(app, ["evaluate", str(tmp_path), "--activations", str(tmp_path / "x.npy")])
    assert isinstance(done.exception, HubkitError)
    with pytest.raises(UsageError, match=r"x\.npy"):
        read_cache(str(tmp_path / "x.npy"))
    with pytest.raises(HubkitError, match=r"x\.npy"):
        read_column(tmp_path / "x.npy", 77)


@pytest.mark.parametrize(
    "array",
    [rows(), np.asfortranarray(rows()), rows().astype(">f4"), rows().astype(np.float16), np.arange(12).reshape(3, 4), np.ones((3, 4), bool)],
    ids=["plain", "fortran", "big-endian", "half", "whole numbers", "truth"],
)  # fmt: skip
def test_arrays_are_read_as_numpy_reads_them(array: Any, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", array)
    assert np.array_equal(read_activations(tmp_path / "x.npy")["x"], np.float32(np.load(tmp_path / "x.npy")))


def test_a_column_may_be_an_array(tmp_path: Path) -> None:
    for values in (["a", "b"], [1, 0], [True, False]):
        np.save(tmp_path / "x.npy", np.array(values))
        assert read_column(tmp_path / "x.npy", 2) == [str(one) for one in values]


def test_what_does_not_fit_is_told(activations: Path, tmp_path: Path) -> None:
    release = shutil.copytree(FAMILIES / "sparsify" / "sae_run", tmp_path / "release")
    np.save(tmp_path / "wide.npy", np.zeros((5, 17)))
    with pytest.raises(
        UsageError, match=r"layers.3: reads layers.3 of width 16, the activations are wide \(5, 17\)"
    ):
        evaluate_given(release, given(tmp_path / "wide.npy"))
    (tmp_path / "few.txt").write_text("a\nb\n", encoding="utf-8")
    with pytest.raises(UsageError, match="2 values, the activations have 90 rows"):
        given(activations, tmp_path / "few.txt")
    (tmp_path / "three.txt").write_text("\n".join("abc"[i % 3] for i in range(N)), encoding="utf-8")
    with pytest.raises(HubkitError, match="3 labels"):
        given(activations, tmp_path / "three.txt")
    with pytest.raises(IncompleteError, match=r"none.npy: cannot be read"):
        given(tmp_path / "none.npy")
    np.save(tmp_path / "nan.npy", np.full((5, 16), np.nan))
    with pytest.raises(UsageError, match="NaN"):
        given(tmp_path / "nan.npy")
    (tmp_path / "empty").mkdir()
    with pytest.raises(NothingFound):
        evaluate_given(tmp_path / "empty", given(activations))
    transcoder = shutil.copytree(FAMILIES / "sparsify" / "transcoder", tmp_path / "transcoder")
    with pytest.raises(UsageError, match="writes to other activations than it reads"):
        evaluate_given(transcoder, given(activations))


@pytest.mark.parametrize(
    ("more", "told"),
    [([], "needs rows"), (["--model", "x"], "needs rows"), (["--model", "x", "--text", "y", "--labels", "z"], "needs rows")],
)  # fmt: skip
def test_a_folder_needs_rows(tmp_path: Path, more: list[str], told: str) -> None:
    done = CliRunner().invoke(app, ["evaluate", str(tmp_path), *more])
    assert done.exit_code != 0
    assert told in str(done.exception) + done.output


@pytest.mark.parametrize(
    ("hook", "path"),
    [
        ("blocks.1.hook_resid_post", "transformer.h.1"),
        ("blocks.1.hook_resid_pre", "transformer.h.0"),
        ("blocks.1.hook_mlp_out", "transformer.h.1.mlp"),
        ("blocks.1.hook_attn_out", "transformer.h.1.attn"),
        ("transformer.h.1.mlp", "transformer.h.1.mlp"),
        ("h.1.mlp", "transformer.h.1.mlp"),
        (None, "transformer.h.1"),
        ("blocks.1.mlp.hook_post", None),
        ("blocks.1.hook_resid_mid", None),
        ("blocks.7.hook_mlp_out", None),
    ],
)
def test_every_site_of_a_block_is_found_by_the_names_that_saes_have(
    hook: str | None, path: str | None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    from types import SimpleNamespace

    from hubkit.evaluate.texts import module_path
    from hubkit.inference.load import load_model

    base = load_model(str(random_model_in(tmp_path_factory.getbasetemp(), "gpt2")))
    sae: Any = SimpleNamespace(hook_name=hook, hf_hook_name=None, layer=1, sae_id="one")
    if path is not None:
        assert module_path(base, sae) == path
        return
    with pytest.raises(UsageError):
        module_path(base, sae)


def test_a_model_and_a_text_in_the_place_of_activations(tmp_path: Path) -> None:
    sae_lens = pytest.importorskip("sae_lens")
    model = random_model_in(tmp_path, "gpt2")
    sae = sae_lens.TopKSAE(sae_lens.TopKSAEConfig(d_in=32, d_sae=64, k=4))
    sae.cfg.metadata.hook_name = "blocks.1.hook_resid_post"
    sae.save_model(tmp_path / "saes" / "one")
    text = tmp_path / "text.txt"
    text.write_text("\n".join(one.prompt for one in scenarios()), encoding="utf-8")
    command = ["evaluate", str(tmp_path / "saes"), "--model", str(model), "--text", str(text), "--tokens", "50", "--quiet"]  # fmt: skip
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, (done.output, done.exception)
    evaluation = Evaluation.load(tmp_path / "saes" / "evaluation.json")
    found = value(evaluation, "explained_variance")
    assert 1 <= found.n <= 50
    assert found.split == "held_out"
    lost, texts = value(evaluation, "ce_loss_increase"), evaluation.saes[0].texts
    assert (lost.split, lost.interval_method) == ("held_out", "bootstrap over documents")
    assert texts is not None
    assert (texts.tokens, texts.after_prompt, texts.trained_on) == (50, False, None)
    assert texts.documents == lost.n_effective
    settings = CardSettings(repo_id="a/b", base_model="openai-community/gpt2", license="mit")
    facts = read_facts(tmp_path / "saes", settings)
    assert facts.evaluation == evaluation, "a card takes it for computed"
    assert facts.saes[0].metric("l0", "held_out") is not None
