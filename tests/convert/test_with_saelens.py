"""Converted folders as SAELens's own class loads them, against formulas written out here over what torch, numpy and safetensors read from the source."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from convert.saes import D_IN, FAMILIES, PLACES, Row, _top, flat, sparsify
from safetensors.numpy import load_file, save_file

from hubkit.cli.main import app
from hubkit.convert import plan as plans
from hubkit.convert import run
from hubkit.convert.explained import Stated
from hubkit.convert.run import How, Outcome, convert
from hubkit.fix import convert as fix_convert
from hubkit.repo.local import open_folder
from hubkit.validate.finding import Severity
from hubkit.validate.run import validate

pytestmark = [pytest.mark.train, pytest.mark.filterwarnings("ignore")]

HOOK = "blocks.{layer}.hook_resid_post"
UNSAID = ("gemma_scope/", "sparsify/old/", "dictionary_learning/gated_anneal/")
"""Whose files say no model, or no hook."""


def contents(root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()
    }


def own_tensors(file: Path) -> dict[str, np.ndarray]:
    """By the library that wrote the file, in float64."""
    import torch

    if file.suffix == ".npz":
        found: Mapping[str, Any] = dict(np.load(file))
    elif file.suffix == ".pt":
        found = {name: value.numpy() for name, value in torch.load(file, weights_only=True).items()}
    else:
        found = load_file(file)
    return {name: np.asarray(value, np.float64) for name, value in found.items()}


@pytest.fixture(scope="module")
def converted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Outcome]:
    """Every place of PLACES, and beside them two that are refused, in one go."""
    root = tmp_path_factory.mktemp("converted")
    source, out = root / "source", root / "out"
    outcome = Outcome()
    for name, stated in (("said", Stated()), ("unsaid", Stated(model="me/base", hook=HOOK))):
        for place in PLACES:
            at = FAMILIES / place
            folder = at if at.is_dir() else at.parent
            target = source / name / folder.relative_to(FAMILIES)
            if place.startswith(UNSAID) is (name == "unsaid") and not target.exists():
                shutil.copytree(folder, target)
        if name == "said":
            run_of_it = "sparsify/sae_run/config.json"
            shutil.copy(FAMILIES / run_of_it, source / name / run_of_it)
            for kind in ("sparsify/groupmax", "openmoss/topk"):
                shutil.copytree(FAMILIES / kind, source / name / kind)
        if name == "unsaid":  # its model is said, and is another
            file = next((source / name / "dictionary_learning").rglob("config.json"))
            file.write_text(
                file.read_text(encoding="utf-8").replace("EleutherAI/pythia-70m-deduped", "blah"),
                encoding="utf-8",
            )
        before = contents(source / name)
        made = convert(source / name, out / name, stated, How(several=True))
        assert contents(source / name) == before
        outcome.converted += made.converted
        outcome.left += made.left
    return source, out, outcome


def at(root: Path, sae_id: str) -> Path:
    return root / ("unsaid" if sae_id.startswith(UNSAID) else "said") / sae_id


@pytest.mark.parametrize("sae_id", sorted(PLACES))
def test_saelens_computes_what_the_sources_own_formula_does(
    converted: tuple[Path, Path, Outcome], sae_id: str
) -> None:
    import sae_lens
    import torch

    source, out, _ = converted
    weights, reference, architecture = PLACES[sae_id]
    own = own_tensors((at(source, sae_id) / weights).resolve())
    loaded = sae_lens.SAE.load_from_disk(at(out, sae_id))
    assert loaded.cfg.architecture() == architecture
    x = torch.randn(8, loaded.cfg.d_in, generator=torch.Generator().manual_seed(1)) * 2
    k = getattr(loaded.cfg, "k", 0)
    with torch.no_grad():
        latents, rebuilt = loaded.encode(x).numpy(), loaded(x).numpy()
    for row, one, other in zip(x.numpy().astype(np.float64), latents, rebuilt, strict=True):
        expected, whole = reference(own, row, k)
        np.testing.assert_allclose(one, expected, rtol=1e-3, atol=1e-4)
        np.testing.assert_allclose(other, whole, rtol=1e-3, atol=1e-3)
    assert loaded.cfg.metadata.model_name
    assert loaded.cfg.metadata.hook_name


def test_what_came_out_is_equal_and_valid_and_what_was_refused_left_nothing(
    converted: tuple[Path, Path, Outcome],
) -> None:
    _, out, outcome = converted
    assert {one.sae_id for one in outcome.left} == {
        "sparsify/groupmax/gpt_neox.layers.2", "openmoss/topk/L6R-8x-topk",
    }  # fmt: skip
    written = {path.parent.relative_to(out).as_posix().partition("/")[2] for path in out.rglob("cfg.json")}
    assert written >= PLACES.keys()
    assert sorted({path.name for path in out.rglob("*") if path.is_file()}) == [
        "cfg.json", "sae_weights.safetensors",
    ]  # fmt: skip
    assert [path.name for path in out.parent.iterdir() if path.name.startswith(".")] == []
    for one in outcome.converted:
        assert one.compared is not None
        assert one.compared.boundary > 0
        assert one.compared.largest_reconstruction < 1e-12
    serious = {
        finding.code
        for finding in validate(open_folder(out), deep=True).findings
        if finding.severity is Severity.ERROR and not finding.code.startswith(("CARD", "HOOK"))
    }
    assert serious == set()


def test_the_norms_that_a_loader_folds_are_told(converted: tuple[Path, Path, Outcome]) -> None:
    """AutoEncoder.from_pretrained multiplies latents by the decoder's norms; where they are 1 there is nothing to tell."""
    notes = {
        one.sae_id.split("/")[1]: " ".join(one.notes)
        for one in converted[2].converted
        if "dictionary" in one.sae_id
    }
    assert "normalize_decoder=False" in notes["standard_april_update"]
    assert "normalize_decoder" not in notes["standard"]
    assert "use_threshold" in notes["topk"]


def test_saelens_itself_is_what_a_wrong_convention_is_seen_by(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mutations of what is written: b_dec on the wrong side, another k, latents compared on a few; the right one beside them goes through."""
    for name in ("layers.1", "layers.2", "layers.3"):
        sparsify(tmp_path / "source" / name)
    real = plans.cfg_of

    def wrong(sae: Any, *rest: Any) -> dict[str, Any]:
        change = {"layers.1": {"apply_b_dec_to_input": False}, "layers.2": {"k": 5}}
        return real(sae, *rest) | change.get(sae.sae_id, {})

    monkeypatch.setattr(plans, "cfg_of", wrong)
    monkeypatch.setattr(fix_convert, "LATENTS", 16)
    outcome = convert(tmp_path / "source", tmp_path / "out", Stated(model="me/base"), How(several=True))
    assert [one.sae_id for one in outcome.converted] == ["layers.3"]
    found = outcome.converted[0].compared
    assert found is not None
    assert (found.latents, found.of_latents) == (16, 40)
    for one in outcome.left:
        assert "would differ on" in one.reason
        assert one.measured["own"] != one.measured["saelens"]
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["layers.3"]


def test_a_flat_file_with_what_its_own_code_gave_by_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What a person holds: a torch file of tensors under `state_dict`, and the outputs of the code that trained it."""
    import torch
    from typer.testing import CliRunner

    source = tmp_path / "source"
    file = flat(tmp_path / "tensors.safetensors")
    w = {name: torch.from_numpy(value) for name, value in load_file(file).items()}
    source.mkdir()
    torch.save({"state_dict": w, "config": {"k": 3}}, source / "gemma_topk_L25.pt")
    x = np.random.default_rng(3).standard_normal((6, D_IN))
    own = {name: value.numpy().astype(np.float64) for name, value in w.items()}
    latents = np.array([own_code(own, row) for row in x])
    save_file({"x": x, "latents": latents}, tmp_path / "given.safetensors")
    del capsys
    command = [
        "convert", str(source / "gemma_topk_L25.pt"), "--to", "saelens", "--out", str(tmp_path / "out"), "--model", "google/gemma-4-E2B",
        "--hook", HOOK, "--architecture", "topk", "--k", "3", "--check", str(tmp_path / "given.safetensors"), "--format", "json", "-q",
    ]  # fmt: skip
    refused = CliRunner().invoke(app, [*command, "--apply-b-dec-to-input"])
    assert refused.exit_code == 1, refused.output
    answer = json.loads(refused.stdout)
    assert "--check" in answer["refused"][0]["reason"]
    assert not (tmp_path / "out").exists()
    done = CliRunner().invoke(app, [*command, "--no-apply-b-dec-to-input"])
    assert done.exit_code == 0, done.output
    (one,) = json.loads(done.stdout)["converted"]
    assert one["compared"]["given"] < 1e-9
    assert one["stated"]["apply_b_dec_to_input"] is False
    cfg = json.loads((tmp_path / "out" / "cfg.json").read_text(encoding="utf-8"))
    assert cfg == one["cfg"]
    again = CliRunner().invoke(app, [*command, "--no-apply-b-dec-to-input"])
    assert again.exit_code == 1
    assert "has it already" in json.loads(again.stdout)["refused"][0]["reason"]


def own_code(w: Mapping[str, np.ndarray], x: np.ndarray) -> Row:
    """A TopK of somebody's own that does not take b_dec off the input."""
    before = [float(np.dot(x, w["W_enc"][:, one])) + float(w["b_enc"][one]) for one in range(w["b_enc"].size)]
    return _top([max(0.0, value) for value in before], 3)


@pytest.fixture
def taken_for_equal(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """SAELens is not asked; what is called when it would be."""
    meanwhile: list[Any] = []

    def ask(works: Mapping[str, Any], _: Path) -> dict[str, Any]:
        for one in meanwhile:
            one()
        return {"version": "0", "saes": {key: {} for key in works}}

    monkeypatch.setattr(run, "_ask", ask)
    monkeypatch.setattr(run, "_judged", lambda *_: None)
    return meanwhile


@pytest.mark.usefixtures("taken_for_equal")
def test_files_of_several_formats_keep_every_value(tmp_path: Path) -> None:
    """SAELens casts all tensors to one format: were it not the widest, a float32 bias beside float16 matrices would be rounded."""
    w = load_file(flat(tmp_path / "tensors.safetensors", "jumprelu"))
    (tmp_path / "source").mkdir()
    mixed = {name: value.astype(np.float16) if name.startswith("W") else value for name, value in w.items()}
    save_file(mixed, tmp_path / "source" / "L7.safetensors")
    told = Stated(model="me/base", hook=HOOK, subtracts=True)
    assert convert(tmp_path / "source", tmp_path / "out", told).left == []
    written = load_file(tmp_path / "out" / "sae_weights.safetensors")
    assert {value.dtype.name for value in written.values()} == {"float32"}
    for name, value in mixed.items():
        assert (written[name] == value.astype(np.float32)).all()


def test_a_source_that_changes_meanwhile_is_not_put_in_its_place(
    tmp_path: Path, taken_for_equal: list[Any]
) -> None:
    place = sparsify(tmp_path / "source" / "layers.1")
    cfg = (place / "cfg.json").read_text(encoding="utf-8")
    taken_for_equal.append(lambda: (place / "cfg.json").write_text(cfg + " ", encoding="utf-8"))
    outcome = convert(tmp_path / "source", tmp_path / "out", Stated(model="me/base"))
    assert "changed while" in outcome.left[0].reason
    assert sorted(path.name for path in tmp_path.iterdir()) == ["source"]


def test_what_came_to_its_place_meanwhile_stays(tmp_path: Path, taken_for_equal: list[Any]) -> None:
    sparsify(tmp_path / "source" / "layers.1")
    mine = tmp_path / "out" / "mine.txt"

    def come() -> None:
        mine.parent.mkdir()
        mine.write_text("mine", encoding="utf-8")

    taken_for_equal.append(come)
    outcome = convert(tmp_path / "source", tmp_path / "out", Stated(model="me/base"))
    assert "is there already" in outcome.left[0].reason
    assert contents(tmp_path / "out") == {"mine.txt": b"mine"}


def test_ended_on_the_way_nothing_is_left(tmp_path: Path, taken_for_equal: list[Any]) -> None:
    sparsify(tmp_path / "source" / "layers.1")

    def end() -> None:
        raise KeyboardInterrupt

    taken_for_equal.append(end)
    with pytest.raises(KeyboardInterrupt):
        convert(tmp_path / "source", tmp_path / "out", Stated(model="me/base"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["source"]


@pytest.mark.usefixtures("taken_for_equal")
def test_what_a_killed_run_left_is_removed_after_a_day(tmp_path: Path) -> None:
    sparsify(tmp_path / "source" / "layers.1")
    old, new, other = (
        tmp_path / f".{name}.hubkit-convert" for name in ("out.0a1b2c3d", "out.9a1b2c3d", "outer.0a1b2c3d")
    )
    for folder in (old, new, other):
        (folder / "0").mkdir(parents=True)
    for folder in (old, other):
        os.utime(folder, (0, 0))
    assert convert(tmp_path / "source", tmp_path / "out", Stated(model="me/base")).left == []
    assert (old.exists(), new.exists(), other.exists()) == (False, True, True)
