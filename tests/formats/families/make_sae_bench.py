"""SAEBench's custom SAEs, by sae-bench 0.6.0's own classes.

SAEBench has no layout of its own for custom SAEs: they are read from dictionary_learning's `trainer_N/{config.json, ae.pt}`, and their
CustomSAEConfig (architecture "") lives in memory and in results. What can lie in a repository besides: the state of a custom SAE by torch.save,
with or without CustomSAEConfig.to_dict as cfg.json, and the baselines that PCASAE.save_state_dict writes.

sae_bench imports TransformerLens's HookedTransformer and is read here from its files, with empty modules for what these classes do not use.

Run: python tests/formats/families/make_sae_bench.py   (torch 2.13 on the CPU, sae-bench 0.6.0 installed without its dependencies)
"""

from __future__ import annotations

import json
import shutil
import sys
import types
from typing import Any

import torch
from fixture_kit import D_IN, D_SAE, HERE, K, expect, fresh, weights

for name in (
    "transformer_lens",
    "sae_bench.sae_bench_utils.activation_collection",
    "sae_bench.sae_bench_utils.dataset_utils",
):
    stub = types.ModuleType(name)
    stub.HookedTransformer = object  # type: ignore[attr-defined]
    sys.modules[name] = stub

from sae_bench.custom_saes.batch_topk_sae import BatchTopKSAE  # noqa: E402
from sae_bench.custom_saes.jumprelu_sae import JumpReluSAE  # noqa: E402
from sae_bench.custom_saes.relu_sae import ReluSAE  # noqa: E402
from sae_bench.custom_saes.topk_sae import TopKSAE  # noqa: E402

MODEL, LAYER, HOOK = "pythia-70m-deduped", 3, "blocks.3.hook_resid_post"
LOADER = "SAEBench (custom_saes)"


def main() -> None:
    root = fresh("sae_bench")
    # as adamkarvonen/saebench_pythia-160m-deduped_width-2pow14_date-0104 lies: the sweep's folders over dictionary_learning's own
    sae_id = "BatchTopKTrainer_EleutherAI_pythia-70m-deduped_ctx1024_0104/resid_post_layer_3/trainer_0"
    shutil.copytree(
        HERE / "dictionary_learning/batch_topk/resid_post_layer_3/trainer_0", root / "sweep" / sae_id
    )
    evaluation = {
        "frac_variance_explained": 0.87,
        "l0": 4.1,
        "frac_alive": 1.0,
        "hyperparameters": {"n_inputs": 1000, "context_length": 128},
    }
    (root / "sweep" / sae_id / "eval_results.json").write_text(json.dumps(evaluation), encoding="utf-8")
    entry: dict[str, Any] = {"d_in": D_IN, "d_sae": D_SAE, "layer": LAYER}
    expect(
        folder="sae_bench/sweep",
        sae_id=sae_id,
        family="dictionary_learning",
        layout="trainer",
        architecture="batchtopk",
        k=K,
        hook="resid_post_layer_3",
        model="EleutherAI/pythia-70m-deduped",
        threshold="scalar",
        loader="SAEBench (load_dictionary_learning_batch_topk_sae), or dictionary_learning (load_dictionary)",
        **entry,
    )

    common: dict[str, Any] = {
        "model_name": MODEL,
        "hook_layer": LAYER,
        "device": torch.device("cpu"),
        "dtype": torch.float32,
    }
    for seed, (variant, sae, architecture, k, threshold) in enumerate(
        (
            ("relu", ReluSAE(D_IN, D_SAE, **common), "standard", None, None),
            ("topk", TopKSAE(D_IN, D_SAE, K, **common), "topk", K, None),
            ("batch_topk", BatchTopKSAE(D_IN, D_SAE, K, **common), "batchtopk", K, "scalar"),
            ("jumprelu", JumpReluSAE(D_IN, D_SAE, **common), "jumprelu", None, "values"),
        )
    ):
        w = {name: torch.from_numpy(value) for name, value in weights(90 + seed).items()}
        with torch.no_grad():
            for name, value in sae.state_dict().items():
                if name == "threshold" and value.ndim == 0:
                    value.fill_(0.71)
                elif name in w:
                    value.copy_(w[name])
        if not sae.check_decoder_norms():
            raise AssertionError(variant)
        folder = root / variant
        folder.mkdir()
        torch.save(sae.state_dict(), folder / "ae.pt")
        (folder / "cfg.json").write_text(json.dumps(sae.cfg.to_dict(), indent=2), encoding="utf-8")
        expect(
            folder=f"sae_bench/{variant}",
            family="sae_bench",
            layout="custom_cfg",
            architecture=architecture,
            k=k,
            hook=HOOK,
            model=MODEL,
            threshold=threshold,
            loader=LOADER,
            **entry,
        )

    # an orthonormal basis, as PCASAE.save_state_dict writes it; one file at the root, no configuration
    (root / "pca").mkdir()
    basis, _ = torch.linalg.qr(torch.randn(D_IN, D_IN, generator=torch.Generator().manual_seed(5)))
    torch.save(
        {"W_enc": basis.T.contiguous(), "W_dec": basis, "mean": 0.3 * torch.ones(D_IN).cumsum(0) / D_IN},
        root / "pca" / f"pca_{MODEL}_{HOOK}.pt",
    )
    expect(
        folder="sae_bench/pca",
        family="sae_bench",
        layout="pca",
        judged=False,
        architecture="pca",
        d_in=D_IN,
        d_sae=D_IN,
        loader="SAEBench (PCASAE.load_from_file)",
    )


if __name__ == "__main__":
    main()
