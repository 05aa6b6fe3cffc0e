"""An architecture is one file: the registry finds it, and everything else asks there."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from train.conftest import write_pool

from hubkit.formats.architectures import BY_NAME, TRAINING_KEYS
from hubkit.train.architecture import all_architectures
from hubkit.train.spec import SaeSpec, Settings

if TYPE_CHECKING:
    from pathlib import Path

ABSTOPK = """
from hubkit.train.architectures.topk import TopK


class _AbsTopK(TopK):
    name = "abstopk"

    def build(self, spec, d_in, steps):
        from sae_lens import AbsTopKTrainingSAE, AbsTopKTrainingSAEConfig

        return AbsTopKTrainingSAE(AbsTopKTrainingSAEConfig(d_in=d_in, d_sae=spec.d_sae, k=spec.k, aux_loss_coefficient=0.0))

    def gradient(self, spec, sae):
        return None


ARCHITECTURE = _AbsTopK()
"""
TRIAL = """
import sys, warnings
warnings.simplefilter("ignore")
from pathlib import Path
from hubkit.train import architectures
folder = Path(sys.argv[1])
architectures.__path__.append(str(folder / "more"))
from hubkit.train.plan import CrossFit
from hubkit.train.run import Options, train
from hubkit.train.spec import SaeSpec
spec = SaeSpec(sae_id="sae", architecture="abstopk", layer=2, condition="mixed", d_sae=32, k=4, steps=60)
options = Options(CrossFit(folds=0), command=("train",))
train([spec], folder / "pool", folder / "release", folder / "work", options=options)
from sae_lens import SAE
print(SAE.load_from_disk(folder / "release" / "sae").cfg.architecture())
"""


def spec(**changes: Any) -> SaeSpec:
    fields = {"sae_id": "x", "architecture": "topk", "layer": 0, "condition": "mixed", "d_sae": 64, "k": 6}
    return SaeSpec.model_validate(fields | changes)


def test_every_one_is_a_training_architecture_of_saelens_and_has_what_formats_knows_of_it() -> None:
    assert {"standard", "topk", "batchtopk", "gated", "jumprelu", "matryoshka_batchtopk"} <= set(
        all_architectures()
    )
    for name, kind in all_architectures().items():
        assert type(kind).__module__ == f"hubkit.train.architectures.{name}"
        assert name in TRAINING_KEYS
        assert BY_NAME[BY_NAME[name].saved_as or name].first is not None, "what is saved loads"


def test_settings_of_its_own_are_keys_of_every_spec_and_of_a_study() -> None:
    for kind in all_architectures().values():
        own = set(kind.own.model_fields) if kind.own else set()
        assert own <= set(Settings.model_fields)
        assert own <= set(SaeSpec.model_fields)


@pytest.mark.parametrize(
    ("changes", "digest"),
    [
        ({}, "de362341f58fb807"),
        ({"architecture": "jumprelu"}, "fb9533962fb564f0"),
        ({"architecture": "jumprelu", "ste": "gaussian", "bandwidth": 0.1}, "d1f063009c4b29b9"),
        ({"architecture": "gated", "steps": None, "epochs": 3}, "b574fcc368c54269"),
        ({"architecture": "batchtopk", "threshold_lr": 0.5}, "19c39d2bb0f34dec"),
    ],
)
def test_a_new_architecture_changes_no_digest_of_another(changes: dict[str, Any], digest: str) -> None:
    """Finished trainings are found by these: a setting of a new architecture's own must default to None."""
    assert spec(**changes).digest().startswith(digest)


@pytest.mark.train
def test_a_file_and_nothing_else_is_an_addition(tmp_path: Path) -> None:
    """AbsTopK, which hubkit does not train: one file beside the others, and it is trained, saved, read back and loaded."""
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "abstopk.py").write_text(ABSTOPK, encoding="utf-8")
    write_pool(tmp_path / "pool", 80, 16)
    done = subprocess.run(
        [sys.executable, "-c", TRIAL, str(tmp_path)],
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[-1] == "abstopk"
