"""A whole evaluation, recomputed from its files as one would write it down: numpy, scikit-learn, and SAELens for what an SAE makes of rows.

Nothing of hubkit's arithmetic is asked. What is drawn (control labels, resamples) is drawn as the catalogue says.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from noise_pools import Setting
from noise_saes import noise_pool
from safetensors.numpy import load_file, save_file

from hubkit.evaluate.run import evaluate
from hubkit.release.digests import sha256_of_file
from hubkit.train.plan import CrossFit
from hubkit.train.run import Options, train
from hubkit.train.spec import SaeSpec

pytestmark = pytest.mark.train

SEED, K, D_SAE = 20_240_607, 4, 32
SPECS = [
    SaeSpec(sae_id=f"{condition}_{seed}", architecture="topk", layer=1, condition=condition, d_sae=D_SAE, k=K, steps=20, batch_size=32, seed=seed)
    for condition, seed in (("mixed", 0), ("mixed", 1), ("one_only", 0))
]  # fmt: skip
Features = dict[str, np.ndarray]


class Recomputed:
    """The pool's rows, and what the SAEs of the folds make of them."""

    def __init__(self, home: Path) -> None:
        manifest = json.loads((home / "pool" / "manifest.json").read_text(encoding="utf-8"))
        rows = manifest["rows"]
        self.home, self.evaluation = (
            home,
            json.loads((home / "release" / "evaluation.json").read_text(encoding="utf-8")),
        )
        self.x = load_file(home / "pool" / "layer.safetensors")["activations"]
        self.y = np.array([row["label"] == "one" for row in rows])
        self.scenario = np.array([row["scenario_id"] for row in rows])
        self.fold = np.array([row["split"] for row in rows])
        self.folds = sorted(set(self.fold.tolist()))
        self.weight = {
            name: self.y[here].sum() * (~self.y[here]).sum() / here.sum()
            for name in sorted(set(self.scenario.tolist()))
            if 0 < self.y[here := self.scenario == name].sum() < here.sum()
        }
        self.inside = np.isin(self.scenario, list(self.weight))

    def encoded(self, sae_id: str) -> tuple[Features, Features]:
        """Latents and reconstructions of all rows by the SAE of each fold."""
        import torch
        from sae_lens import SAE

        acts, out = {}, {}
        for name in self.folds:
            sae: Any = SAE.load_from_disk(self.home / "work" / "folds" / name / sae_id)
            with torch.no_grad():
                latents = sae.encode(torch.from_numpy(self.x))
                acts[name], out[name] = latents.numpy(), sae.decode(latents).numpy()
        return acts, out

    def raw(self) -> Features:
        return dict.fromkeys(self.folds, self.x)

    def scores(
        self,
        features: Features,
        y: np.ndarray | None = None,
        chosen: Callable[[np.ndarray, np.ndarray], np.ndarray] = lambda f, _: f,
    ) -> np.ndarray:
        """Each row's decision value by the fit without its fold."""
        found, labels = np.empty(len(self.y)), self.y if y is None else y
        for name in self.folds:
            held_out = self.fold == name
            found[held_out] = fitted(chosen(features[name], ~held_out), labels, ~held_out)[held_out]
        return found

    def cells(self) -> list[tuple[np.ndarray, np.ndarray, float]]:
        """Rows of either label of each scenario that has both, and its weight."""
        total = sum(self.weight.values())
        return [
            (
                np.flatnonzero((self.scenario == name) & self.y),
                np.flatnonzero((self.scenario == name) & ~self.y),
                weight / total,
            )
            for name, weight in self.weight.items()
        ]

    def accuracy(self, scores: np.ndarray) -> float:
        return float(
            sum(w * ((scores[a] > 0).mean() + (scores[b] <= 0).mean()) / 2 for a, b, w in self.cells())
        )

    def auroc(self, scores: np.ndarray) -> float:
        z = np.empty(len(scores))
        for name in self.folds:
            part = scores[self.fold == name]
            told = part.std() > 1e-12 * np.abs(part).max()
            z[self.fold == name] = (part - part.mean()) / part.std() if told else 0.0
        z = z.round(9)
        return float(
            sum(
                w * np.mean([(z[i] > z[j]) + (z[i] == z[j]) / 2 for i in a for j in b])
                for a, b, w in self.cells()
            )
        )

    def brier(self, features: Features) -> float:
        said = np.empty(len(self.y))
        for name in self.folds:
            f, train = features[name], self.fold != name
            others = [other for other in self.folds if other != name]
            unseen = np.concatenate(
                [fitted(f, self.y, train & (self.fold != other))[self.fold == other] for other in others]
            )
            labels = np.concatenate([self.y[self.fold == other] for other in others])
            a, b = platt(unseen, labels)
            said[~train] = 1 / (1 + np.exp(-(a * fitted(f, self.y, train)[~train] + b)))
        return float(((said - self.y) ** 2)[self.inside].mean())

    def selectivity(self, features: Features) -> float:
        names, draws = sorted(set(self.scenario.tolist())), np.random.default_rng(SEED)
        thrown: list[np.ndarray] = []
        while len(thrown) < 10:
            of_each = dict(zip(names, draws.random(len(names)) < self.y.mean(), strict=True))
            column = np.array([of_each[name] for name in self.scenario])
            if all(len(set(column[self.fold != name].tolist())) == 2 for name in self.folds):
                thrown.append(column)
        control = [plain(self.scores(features, column), column) for column in thrown]
        return plain(self.scores(features), self.y) - float(np.mean(control))

    def sparse(self, features: Features, k: int) -> float:
        def chosen(f: np.ndarray, train: np.ndarray) -> np.ndarray:
            wide = f[train].astype(np.float64)
            size = np.array([np.abs(c[c != 0]).mean() if (c != 0).any() else 1.0 for c in wide.T])
            rank = np.abs(wide[self.y[train]].mean(0) - wide[~self.y[train]].mean(0)) / size
            return f[:, np.argsort(-rank, kind="stable")[:k]]

        return self.auroc(self.scores(features, chosen=chosen))

    def by_row(self, scores: np.ndarray) -> np.ndarray:
        found = np.zeros(len(scores))
        for a, b, w in self.cells():
            found[a], found[b] = w * (scores[a] > 0) / (2 * len(a)), w * (scores[b] <= 0) / (2 * len(b))
        return found

    def best(self, several: list[np.ndarray]) -> float:
        """The mean, over draws, of what the best on the drawn rows reaches on the others."""
        draws, counts = np.random.default_rng(SEED), np.zeros((1000, len(self.y)))
        for a, b, _ in self.cells():
            for cell in (a, b):
                counts[:, cell] = draws.multinomial(len(cell), np.full(len(cell), 1 / len(cell)), size=1000)

        def reached(count: np.ndarray, scores: np.ndarray) -> float:
            total = weights = 0.0
            for a, b, _ in self.cells():
                n1, n0 = count[a].sum(), count[b].sum()
                if n1 and n0:
                    w = n1 * n0 / (n1 + n0)
                    rates = (
                        count[a] @ (scores[a] > 0) / n1,
                        count[b] @ (scores[b] <= 0) / n0,
                    )
                    total, weights = total + w * sum(rates) / 2, weights + w
            return total / weights if weights else np.nan

        values = []
        for count in counts:
            inside = np.array([reached(count, one) for one in several])
            outside = np.array([reached((count == 0).astype(float), one) for one in several])
            if not np.isnan(outside[0]):
                values.append(outside[inside >= inside.max() - 1e-12].mean())
        return float(np.mean(values))

    def effects(self, acts: np.ndarray, chosen: np.ndarray) -> np.ndarray:
        """d of each latent that fires on five rows and varies."""
        z, y = acts[chosen].astype(np.float64), self.y[chosen]
        z = z[:, ((z != 0).sum(0) >= 5) & (z.max(0) > z.min(0))]
        n1, n0 = y.sum(), (~y).sum()
        pooled = ((n1 - 1) * z[y].var(0, ddof=1) + (n0 - 1) * z[~y].var(0, ddof=1)) / (n1 + n0 - 2)
        return np.abs(z[y].mean(0) - z[~y].mean(0)) / np.sqrt(pooled)

    def stated(self, sae_id: str) -> dict[tuple[str, str | None], Any]:
        (one,) = (one for one in self.evaluation["saes"] if one["sae_id"] == sae_id)
        return {
            (v["measure"], v.get("label")): v
            for v in one["values"]
            if v["split"] == "crossfit" and v.get("contrast") is None
        }


def fitted(features: np.ndarray, y: np.ndarray, train: np.ndarray) -> np.ndarray:
    from sklearn.linear_model import LogisticRegression

    wide = features.astype(np.float64)
    wide = wide[:, wide.std(0) > 1e-12]
    wide = (wide - wide.mean(0)) / wide.std(0)
    model = LogisticRegression(C=1.0, class_weight="balanced", solver="newton-cholesky", tol=1e-12)
    found: np.ndarray = model.fit(wide[train], y[train]).decision_function(wide)
    return found


def platt(scores: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    from scipy.optimize import minimize

    n1, n0 = y.sum(), (~y).sum()
    target = np.where(y, (n1 + 1) / (n1 + 2), 1 / (n0 + 2))

    def loss(at: np.ndarray) -> float:
        values = at[0] * scores + at[1]
        return float((np.logaddexp(0, values) - target * values).sum())

    def gradient(at: np.ndarray) -> np.ndarray:
        rest = 1 / (1 + np.exp(-(at[0] * scores + at[1]))) - target
        return np.array([rest @ scores, rest.sum()])

    a, b = minimize(loss, [0.0, 0.0], jac=gradient, method="BFGS", options={"gtol": 1e-10}).x
    return float(a), float(b)


def plain(scores: np.ndarray, y: np.ndarray) -> float:
    return float(((scores[y] > 0).mean() + (scores[~y] <= 0).mean()) / 2)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Recomputed:
    """60 rows in 3 scenarios with a weak signal, texts beside them, three small SAEs."""
    import pyarrow as pa
    from pyarrow import parquet

    home = tmp_path_factory.mktemp("recomputed")
    noise_pool(home / "pool", Setting("60 rows", 60, 3), 0)
    manifest_file = home / "pool" / "manifest.json"
    manifest = json.loads(manifest_file.read_text(encoding="utf-8"))
    y = np.array([row["label"] == "one" for row in manifest["rows"]])
    x = load_file(home / "pool" / "layer.safetensors")["activations"]
    save_file({"activations": x + 0.8 * np.eye(24, dtype=np.float32)[0] * y[:, None]}, home / "pool" / "layer.safetensors")  # fmt: skip
    manifest["layers"][0]["sha256"] = sha256_of_file(home / "pool" / "layer.safetensors")
    manifest_file.write_text(json.dumps(manifest), encoding="utf-8")
    words = np.random.default_rng(0).choice(["tea", "milk", "sugar", "yes", "no"], size=(60, 6))
    texts = [" ".join(row) for row in words]
    table = pa.table({"completion_id": [row["completion_id"] for row in manifest["rows"]], "text": texts})
    with (home / "completions.parquet").open("wb") as file:
        parquet.write_table(table, file)
    with warnings.catch_warnings(), pytest.MonkeyPatch.context() as patched:
        warnings.simplefilter("ignore")
        patched.setattr("hubkit.measures.families.latents.DRAWS", 19)  # nulls are not what is recomputed
        places = (home / "pool", home / "release", home / "work")
        train(SPECS, *places, options=Options(CrossFit(scenarios=False, control=False), workers=1))
        evaluate(*places, SPECS)
    found = Recomputed(home)
    found.texts = texts  # type: ignore[attr-defined]
    return found


def test_probes_and_what_stands_beside_them(study: Recomputed) -> None:
    (layer,) = study.evaluation["layers"]
    raw = {value["measure"]: value["value"] for value in layer["values"]}
    several = {"raw": (study.raw(), raw)}
    for spec in SPECS:
        stated = study.stated(spec.sae_id)
        several[spec.sae_id] = (study.encoded(spec.sae_id)[0], {m: v["value"] for (m, label), v in stated.items() if label is None})  # fmt: skip
    for features, stated_ in several.values():
        scores = study.scores(features)
        assert stated_["probe_balanced_accuracy"] == pytest.approx(study.accuracy(scores), abs=1e-10)
        assert stated_["probe_auroc"] == pytest.approx(study.auroc(scores), abs=1e-10)
        assert stated_["selectivity"] == pytest.approx(study.selectivity(features), abs=1e-10)
        assert stated_["probe_brier"] == pytest.approx(study.brier(features), abs=1e-7)
    for spec in SPECS:
        for k in (1, 5):
            found = study.stated(spec.sae_id)[f"sparse_probe_{k}", None]
            assert found["value"] == pytest.approx(study.sparse(several[spec.sae_id][0], k), abs=1e-10)
            assert found["null"]["mean"] == pytest.approx(study.sparse(study.raw(), k), abs=1e-10)


def test_words_and_length(study: Recomputed) -> None:
    from sklearn.feature_extraction.text import TfidfVectorizer

    texts = study.texts  # type: ignore[attr-defined]
    stated = {one["representation"].split()[0]: one["values"] for one in study.evaluation["representations"]}
    lengths = np.log(1 + np.array([[len(text), len(text.split())] for text in texts]))
    for name, features in (("all", TfidfVectorizer().fit_transform(texts).toarray()), ("length", lengths)):
        scores = study.scores(dict.fromkeys(study.folds, features))
        assert [one["value"] for one in stated[name]] == pytest.approx(
            [study.accuracy(scores), study.auroc(scores)], abs=1e-10
        )


def test_reconstruction_of_each_label_and_how_often_latents_fire(study: Recomputed) -> None:
    for spec in SPECS:
        acts, out = study.encoded(spec.sae_id)
        stated = study.stated(spec.sae_id)
        own = study.y if spec.condition == "one_only" else np.ones(len(study.y), dtype=bool)
        for label, chosen in ((None, own), ("one", study.y), ("two", ~study.y)):
            places = [np.flatnonzero(chosen & (study.fold == name)) for name in study.folds]
            x = np.concatenate([study.x[at] for at in places]).astype(np.float64)
            x_hat = np.concatenate([out[name][at] for name, at in zip(study.folds, places, strict=True)])
            fired = np.concatenate(
                [acts[name][at] != 0 for name, at in zip(study.folds, places, strict=True)]
            )
            lost = ((x - x_hat) ** 2).sum(axis=1)
            explained = 1 - lost.sum() / ((x - x.mean(0)) ** 2).sum()
            assert stated["explained_variance", label]["value"] == pytest.approx(explained, abs=1e-10)
            assert stated["mse", label]["value"] == pytest.approx(lost.mean() / 24, abs=1e-10)
            assert stated["l0", label]["value"] == pytest.approx(fired.sum(axis=1).mean(), abs=1e-10)
        (one,) = (one for one in study.evaluation["saes"] if one["sae_id"] == spec.sae_id)
        (counted,) = (one for one in one["densities"] if one["split"] == "crossfit")
        shares = np.concatenate(
            [(acts[name][own & (study.fold == name)] != 0).mean(0) for name in study.folds]
        )
        assert (counted["dead"], counted["dense"]) == ((shares == 0).sum(), (shares > 0.1).sum())
        bins = np.floor((np.log10(shares[shares > 0]) + 6) / 0.5 + 1e-12).clip(0, 11).astype(int)
        assert counted["counts"] == np.bincount(bins, minlength=12).tolist()


def test_latents_that_tell_the_labels_apart(study: Recomputed) -> None:
    """By the SAEs of the folds, on the rows that they did not see; folds on which no latent fires often enough are left out."""
    stated, acts = study.stated("mixed_0"), study.encoded("mixed_0")[0]
    every = {name: study.effects(acts[name], study.fold == name) for name in study.folds}
    found = {name: one for name, one in every.items() if len(one)}
    rows = {name: (study.fold == name).sum() for name in found}
    share = {name: n / sum(rows.values()) for name, n in rows.items()}
    largest = sum(share[name] * one.max() for name, one in found.items())
    assert stated["d_max", None]["value"] == pytest.approx(largest, abs=1e-10)
    beyond = sum(share[name] * (one > 1).sum() for name, one in found.items())
    assert stated["d_above_1", None]["value"] == pytest.approx(beyond, abs=1e-10)
    assert ("d_max", None) not in study.stated("one_only_0"), "the label chose its rows"


def test_differences_and_the_best_of_several(study: Recomputed) -> None:
    from scipy.stats import t

    raw = study.scores(study.raw())
    mixed = {one: study.scores(study.encoded(one)[0]) for one in ("mixed_0", "mixed_1")}
    comparisons = {one["sae_id"]: one for one in study.evaluation["comparisons"]}
    assert comparisons["one_only_0"]["difference"]["value"] is None
    for name, scores in mixed.items():
        by_row = study.by_row(scores) - study.by_row(raw)
        assert comparisons[name]["difference"]["value"] == pytest.approx(by_row.sum(), abs=1e-10)
        folds = np.array([5 * by_row[study.fold == fold].sum() for fold in study.folds])
        error = np.sqrt(folds.var(ddof=1) * (1 / 5 + 1 / 4))
        over = comparisons[name]["over_folds"]
        assert over["value"] == pytest.approx(folds.mean(), abs=1e-10)
        assert over["interval"][1] == pytest.approx(min(1, folds.mean() + t.ppf(0.975, 4) * error), abs=1e-8)
        assert over["null"]["p_value"] == pytest.approx(2 * t.sf(abs(folds.mean()) / error, 4), abs=1e-8)
    (best,) = (one for one in study.evaluation["selections"] if one["among"] == "SAEs")
    assert best["chosen"] == max(mixed, key=lambda one: study.accuracy(mixed[one]))
    assert best["value"]["value"] == pytest.approx(study.best(list(mixed.values())), abs=1e-8)
