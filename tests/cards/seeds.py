"""The four releases whose hand-written cards started this: the facts of those cards, typed in. What they contradict themselves in is settled by arithmetic.

Intervals are those that the counts give (`shapes.accuracy`); nulls of maxima are simulated for independent latents. Nothing else is added.
"""

from __future__ import annotations

from typing import Any

from cards.shapes import Member, Release, accuracy, d_max, grid, value

from hubkit.cards.settings import CardSettings, ExpectedTransfer, Link, Paper
from hubkit.release.experiments import (
    RepresentationProbe,
    Stability,
    StabilityRun,
    Steering,
    SteeringDose,
    Tally,
    TestResult,
    TopFeature,
    TopFeatures,
)
from hubkit.release.metrics import Comparison, LayerProfile, MetricValue, Spread
from hubkit.release.provenance import Agreement, BaseModelShape, Grid, Labelling, Provenance, ScenarioCount

STUDY = Link(
    name="Cross-model deception SAEs", url="https://huggingface.co/Solshine/deception-behavioral-saes-saelens"
)
SECRET_AGENDA = Paper(
    title="The Secret Agenda: LLMs Strategically Lie Undetected by Current Safety Tools",
    arxiv="2509.20393",
    role="these SAEs are a follow-up to it",
)
JUMPING_AHEAD = Paper(
    title="Jumping Ahead: Improving Reconstruction Fidelity with JumpReLU Sparse Autoencoders",
    arxiv="2407.14435",
    role="the straight-through estimator that a JumpReLU threshold needs",
)
CITATION = """@article{thesecretagenda2025,
  title={The Secret Agenda: LLMs Strategically Lie Undetected by Current Safety Tools},
  author={DeLeeuw, Caleb},
  journal={arXiv:2509.20393},
  year={2025}
}"""
CODE = "https://github.com/SolshineCode/deception-nanochat-sae-research"
LAPTOP = "NVIDIA GeForce GTX 1650 Ti Max-Q, 4 GB VRAM, Windows 11 Pro"
METHOD = (
    "Same-prompt behavioural sampling is the method: a single ambiguous scenario prompt yields both deceptive and honest completions. Every "
    "activation comes from the same input, and the label reflects what the model chose to say: these SAEs are about behaviour, not about prompts."
)
STE_FIX = (
    "The step function has no gradient in the threshold, so without a straight-through estimator it never leaves 0. The training code was corrected on "
    "2026-04-11 with a Gaussian-kernel estimator."
)
COMMON: dict[str, Any] = {
    "license": "mit",
    "study": STUDY,
    "papers": [SECRET_AGENDA, JUMPING_AHEAD],
    "code": CODE,
    "citation": CITATION,
    "tags": ["deception", "behavioral-sampling"],
    "recommended": ["Research on how sampled behaviour shows in the residual stream, and on what sparse dictionaries keep of it."],
}  # fmt: skip
TRAINED = {"epochs": 300, "batch_size": 128, "precision": "float32"}
GEMINI = Labelling(judge="Gemini 2.5 Flash", temperature=1.0, same_prompt=True)


def _provenance(base_model: str, layers: list[int], architectures: list[str], **more: Any) -> Provenance:
    record: dict[str, Any] = {
        "hubkit_version": "0.1.0", "study": "Cross-model deception SAEs", "study_sha256": "5" * 64, "base_model": base_model,
        "base_model_revision": None, "precision": "float32", "seeds": {}, "hardware": LAPTOP, "software": {},
        "grid": Grid(layers=layers, architectures=architectures, conditions=["mixed", "deceptive_only", "honest_only"]),
        "created": "2026-04-11T00:00:00+00:00", "pool_sha256": "0" * 64, "files": {}, "labelling": GEMINI,
    }  # fmt: skip
    return Provenance.model_validate(record | more)


def _completions(honest: int, deceptive: int) -> dict[str, int]:
    return {"decisive": honest + deceptive, "labelled deceptive": deceptive, "labelled honest": honest}


def _deduction(*ids: str, note: str | None = None) -> list[ScenarioCount]:
    return [ScenarioCount(scenario_id=one, family="social_deduction", note=note) for one in ids]


def _layer(layer: int, *values: MetricValue) -> LayerProfile:
    return LayerProfile(layer=layer, hook_name=f"blocks.{layer}.hook_resid_post", values=list(values))


def _auroc(number: float, n: int) -> MetricValue:
    return value("probe_cv_auroc", number, n, "crossfit")


def _paced(members: tuple[Member, ...], training: dict[str, Any]) -> tuple[Member, ...]:
    """Training times from 400 to 600 seconds over the grid."""
    from dataclasses import replace

    last = max(1, len(members) - 1)
    return tuple(replace(m, training={**training, "seconds": 400 + 200 * i // last}) for i, m in enumerate(members))  # fmt: skip


def _sparsity(members: tuple[Member, ...], d_sae: int) -> dict[str, list[MetricValue]]:
    """TopK's k is exact; a threshold of 0 leaves half of the latents on."""
    found = {}
    for m in members:
        l0 = (
            m.k
            if m.architecture == "topk"
            else d_sae // 2
            if not m.learned and m.architecture == "jumprelu"
            else None
        )
        if l0 is not None:
            found[m.sae_id] = [value("l0", float(l0), m.n_rows)]
    return found


def _with(
    saes: dict[str, list[MetricValue]], more: dict[str, list[MetricValue]]
) -> dict[str, list[MetricValue]]:
    return {key: [*saes.get(key, []), *more.get(key, [])] for key in sorted({*saes, *more})}


def nanochat_d32() -> Release:
    """54 SAEs (the card says 57): 6 layers x 3 architectures x 3 conditions."""
    classes = (650, 677)
    rows = {"mixed": 1327, "deceptive_only": 650, "honest_only": 677}
    layers = [4, 8, 12, 16, 20, 24]
    members = _paced(grid("d32", layers, ["topk", "jumprelu", "gated"], rows), {**TRAINED, "lr": 3e-4})

    def probe(number: float) -> list[MetricValue]:
        return [accuracy(number, classes, "train")]

    at_12 = {
        "d32_jumprelu_L12_deceptive_only": probe(0.845),
        "d32_jumprelu_L12_honest_only": probe(0.842),
        "d32_gated_L12_mixed": [*probe(0.833), d_max(0.579, 1327, 0.248)],
        "d32_gated_L12_honest_only": probe(0.820),
        "d32_topk_L12_mixed": probe(0.698),
        "d32_topk_L12_honest_only": probe(0.657),
    }
    against = "raw activations at layer 12"
    return Release(
        settings=CardSettings(
            repo_id="Solshine/deception-saes-nanochat-d32", base_model="karpathy/nanochat-d32", title="nanochat-d32 deception SAEs", scenario_families=["social_deduction"],
            summary="They capture the difference between deceptive and honest completions of one and the same prompt.",
            prose={
                "research": METHOD,
                "key_findings": (
                    "The signal peaks sharply in mid-network, as semantic processing would, and declines towards the last layer. Decomposition costs "
                    "accuracy here: the best SAE is {{ (facts.stated.sae.d32_jumprelu_L12_deceptive_only.probe_cv_balanced_accuracy_train.value - facts.stated.layer['12'].probe_cv_balanced_accuracy_crossfit.value) | pts }} points "
                    "from the raw activations, which fits the hypothesis that the signal is spread over the residual stream. TopK's hard sparsity costs most."
                ),
                "architecture": "nanochat-d32 is a pure base model, without instruction tuning or RLHF: what varies comes from sampling over the pretraining distribution, not from a goal.",
                "limitations": STE_FIX,
            },
            **COMMON,
        ),
        provenance=_provenance(
            "karpathy/nanochat-d32", layers, ["topk", "jumprelu", "gated"], completions=_completions(677, 650),
        ),
        d_in=2048, d_sae=8192, blocks="model.layers", members=members,
        saes=_with(_sparsity(members, 8192), at_12),
        layers=(_layer(12, accuracy(0.869, classes), _auroc(0.923, 1327)),),
        comparisons=(
            Comparison(
                sae_id="d32_jumprelu_L12_deceptive_only", reference=against,
                difference=value("probe_cv_balanced_accuracy_difference", -0.024, 1327, "train", interval=(-0.051, 0.003), interval_method="as if both were independent"),
            ),
        ),
        tallies=(
            Tally(subject="SAE probes", reference="the raw activations of their layer", measure="probe_cv_balanced_accuracy", above=2, total=54, split="train"),
        ),
        tests=tuple(
            TestResult(subject=f"SAE probes, {kind}", reference="the raw activations", test="paired t-test", correction="Bonferroni", p_value=0.001, bound="<")
            for kind in ("topk", "jumprelu", "gated")
        ),
        steering=tuple(
            Steering(direction=name, label="honest", p_value=0.57, bound=">") for name in ("top latents of TopK", "top latents of Gated", "random control")
        ),
    )  # fmt: skip


def smollm2_135m() -> Release:
    """54 SAEs: 9 layers x 2 architectures x 3 conditions; 27 of them are JumpReLUs whose threshold is 0 (the card says all 54)."""
    classes = (96, 85)
    rows = {"mixed": 181, "deceptive_only": 96, "honest_only": 85}
    layers = [3, 4, 5, 6, 9, 12, 15, 18, 21]
    members = _paced(grid("smollm2", layers, ["topk", "jumprelu"], rows), TRAINED)
    best = "smollm2_topk_L21_deceptive_only"
    return Release(
        settings=CardSettings(
            repo_id="Solshine/deception-saes-smollm2-135m", base_model="HuggingFaceTB/SmolLM2-135M", base_model_license="apache-2.0",
            title="SmolLM2-135M deception SAEs",
            summary="One of the smallest models of the study: a lower bound for how small a model can be and still show the difference.",
            prose={
                "research": METHOD,
                "key_findings": (
                    "A peak this early may mean that limited capacity forces the information into early layers, or that what the probe reads is closer to "
                    "surface tokens than to behaviour. At layer 21 the raw activations are close to chance and the TopK SAE is not: a striking recovery, if "
                    "it survives cross-fitting."
                ),
                "labels": "Two scenarios timed out in classification: the completions were too incoherent to label. The usable ones may lean towards scenarios in which the model speaks intelligibly.",
                "limitations": STE_FIX + " At this size the model's behaviour is of limited coherence, and a good part of the completions was ambiguous or could not be classified.",
            },
            **COMMON,
        ),
        provenance=_provenance(
            "HuggingFaceTB/SmolLM2-135M", layers, ["topk", "jumprelu"], completions=_completions(85, 96),
            scenarios=_deduction("secret_role_game_v2", "werewolf_game", note="timed out in classification"),
        ),
        d_in=576, d_sae=2304, blocks="model.layers", members=members,
        saes=_with(
            _sparsity(members, 2304),
            {best: [accuracy(0.6722, classes, "train")], "smollm2_jumprelu_L9_mixed": [d_max(0.825, 181, 0.638)]},
        ),
        layers=(_layer(4, accuracy(0.69, classes), _auroc(0.725, 181)), _layer(21, accuracy(0.5288, classes))),
        comparisons=(
            Comparison(
                sae_id=best, reference="raw activations at layer 21",
                difference=value("probe_cv_balanced_accuracy_difference", 0.1434, 181, "train", interval=(0.044, 0.243), interval_method="as if both were independent"),
            ),
        ),
        tallies=(
            Tally(subject="SAE probes", reference="the raw activations of their layer", measure="probe_cv_balanced_accuracy", above=24, total=54, split="train"),
        ),
    )  # fmt: skip


def tinyllama() -> Release:
    """39 SAEs: 30 originals, and 9 JumpReLUs trained again with a straight-through estimator."""
    classes = (84, 159)
    rows = {"mixed": 243, "deceptive_only": 84, "honest_only": 159}
    layers = [3, 6, 9, 12, 15]
    originals = _paced(grid("tinyllama", layers, ["topk", "jumprelu"], rows), TRAINED)
    again = _paced(
        grid("tinyllama", [9, 12, 15], ["jumprelu_ste"], rows, learned=True, recipe="ste"), TRAINED
    )
    members = (*originals, *again)
    best, improved = "tinyllama_jumprelu_L15_honest_only", "tinyllama_jumprelu_ste_L15_honest_only"
    model = "TinyLlama/TinyLlama-1.1B-intermediate-step-1431k-3T"

    def difference(number: float, half: float) -> MetricValue:
        return value(
            "probe_cv_balanced_accuracy_difference", number, 243, "train",
            interval=(round(number - half, 3), round(number + half, 3)), interval_method="as if both were independent",
        )  # fmt: skip

    return Release(
        settings=CardSettings(
            repo_id="Solshine/deception-saes-tinyllama-1-1b", base_model=model, base_model_license="apache-2.0", title="TinyLlama-1.1B deception SAEs", scenario_families=["social_deduction"],
            summary="Thirty SAEs of the original grid, and nine JumpReLUs trained again with a threshold that learns.",
            prose={
                "research": METHOD,
                "key_findings": (
                    "The profile rises through the network and does not decline at the last measured layer: perhaps a model of this size develops no dedicated "
                    "processing in mid-network. The nine SAEs trained again are the test of whether JumpReLU's advantage over TopK came from the threshold of 0: "
                    "it does not."
                ),
                "architecture": "A checkpoint of training on 3 trillion tokens; the same family as SmolLM2, with a much wider residual stream.",
                "limitations": STE_FIX + " SAEs with `_ste_` in their id have it; both kinds load and run alike, those are sparser. The base model is an intermediate checkpoint: a fully trained one might have another profile.",
            },
            **COMMON,
        ),
        provenance=_provenance(
            model, layers, ["topk", "jumprelu"], completions=_completions(159, 84),
            grid=Grid(layers=layers, architectures=[], conditions=list(rows)),
        ),
        d_in=2048, d_sae=8192, blocks="model.layers", members=members,
        saes=_with(_sparsity(members, 8192), {best: [accuracy(0.778, classes, "train")]}),
        layers=(
            _layer(3, accuracy(0.55, classes)), _layer(15, accuracy(0.7243, classes)), _layer(21, accuracy(0.724, classes), _auroc(0.784, 243)),
        ),
        comparisons=(
            Comparison(sae_id=best, reference="raw activations at layer 15", difference=difference(0.0537, 0.09)),
            Comparison(sae_id=improved, reference="tinyllama_topk_L15_honest_only", difference=difference(0.101, 0.09)),
        ),
        tallies=(
            Tally(subject="Original SAE probes", reference="the raw activations of their layer", measure="probe_cv_balanced_accuracy", above=14, total=30, split="train"),
            Tally(
                subject="JumpReLUs trained with an estimator", reference="TopK at the same layer and condition", measure="probe_cv_balanced_accuracy",
                above=8, total=9, inconclusive=1, split="train", subject_mean=0.692, reference_mean=0.641,
            ),
        ),
    )  # fmt: skip


QUANTIZATION = {
    "quant_method": "bitsandbytes", "load_in_4bit": True, "bnb_4bit_quant_type": "nf4", "bnb_4bit_use_double_quant": True,
    "bnb_4bit_compute_dtype": "float16",
}  # fmt: skip
GEMMA_ID = "gf1_behavior_topk_k16_L25"
EXPECTED = (
    ("the same model and precision on another GPU", "high", "the SAE is two matrices; float16 residuals of the same nf4 forward pass should be nearly identical"),
    ("the same model in 8 bits, float16 compute", "medium-high", "8 bits keep more of the weights; some loss of explained variance is likely"),
    ("the same model unquantized, float16", "medium", "quantization noise is a small share of the residual; effect sizes may shift"),
    ("the same model, bfloat16 compute", "medium", "wider exponent, fewer bits of mantissa: similar magnitude, other fine structure"),
    ("the same model, fp8 compute", "low", "its quantization noise has a structure of its own"),
    ("E2B-IT, the instruction-tuned model", "low", "another distribution after post-training; transfer between models of one d_in has failed before"),
    ("E4B, the larger model", "none", "another d_model (2560) and another number of layers: train again"),
)  # fmt: skip


def gemma4_e2b() -> Release:
    """One TopK SAE on a model in 4 bits; 38 rows. Its d_max is below what noise gives."""
    pair = (20, 20)

    def probe(
        name: str, number: float, sd: float, auroc: float, sae_id: str | None = None
    ) -> RepresentationProbe:
        half = 2.776 * sd * (1 / 5 + 1 / 4) ** 0.5
        balanced = value(
            "probe_cv_balanced_accuracy", number, sum(pair), "train" if sae_id else "crossfit",
            interval=(round(number - half, 3), round(number + half, 3)), interval_method="Nadeau-Bengio, t over 5 folds",
            spread=Spread(kind="standard deviation over 5 folds", value=sd),
        )  # fmt: skip
        area = value("probe_cv_auroc", auroc, sum(pair), balanced.split)
        return RepresentationProbe(representation=name, sae_id=sae_id, values=[balanced, area])

    def run(seed: int, number: float, shared: int) -> StabilityRun:
        return StabilityRun(seed=seed, value=d_max(number, 38, 1.66), shared=shared, of=5)

    behaviour = d_max(0.7239183783531189, 38, 1.66)
    doses = [
        (-2.0, 0.647),
        (-1.0, 0.686),
        (-0.5, 0.596),
        (0.0, 0.549),
        (0.5, 0.769),
        (1.0, 0.745),
        (2.0, 0.682),
    ]
    member = Member(GEMMA_ID, "topk", 25, "mixed", 38, 16, training={"precision": "bnb-nf4", "seconds": 4.8})
    return Release(
        settings=CardSettings(
            repo_id="Solshine/gemma4_e2b_gf1_behaviorSAE_topk_k16_L25_bnb4bit", base_model="google/gemma-4-E2B", base_model_license="gemma",
            title="Gemma 4 E2B behaviour SAE, TopK k = 16, layer 25, 4-bit", scenario_families=["assigned_role"], summary="Activations were taken in 4-bit quantized inference.",
            recommended=[
                "A reference implementation of SAE training on Gemma 4 activations under bitsandbytes 4-bit quantization.",
                "A baseline for experiments on portability at the same precision.",
                "Research on how a base model keeps an assigned role over autoregressive sampling.",
            ],
            transfers=[ExpectedTransfer(to=to, expected=expected, why=why) for to, expected, why in EXPECTED],
            prose={
                "uses": "A release trained on decision-incentive scenarios, without an assigned identity, is in preparation.",
                "labels": (
                    "The keyword classifier is precise where it decides and misses much: a completion that commits in other words is dropped as ambiguous, and "
                    "scenarios without an anchor of one word (day_night) lose most. The judges' labels are in the companion `*_multijudge_batched.jsonl`; they "
                    "recover a good part of what the keyword dropped. Judging again: `run_multijudge_classification.py`; training again on those labels: "
                    "`run_phase_c_consortium_behavior_sae.py`, both in the code repository."
                ),
                "precision": (
                    "The test to run, with more than 8 GB of memory: load the model in float16, take the residuals of the same prompts at layer 25, and compare "
                    "explained variance, L0 and living latents with those below. A drop of a fifth, or half of the latents lost, means training again. More in "
                    "`HARDWARE_AND_PRECISION_PORTABILITY.md` of the code repository."
                ),
                "effect_sizes": (
                    "The input contrasts are diagnostic: prompts, not behaviour, differ there. That an SAE trained on behaviour separates inputs better than "
                    "behaviour supports the hypothesis that such SAEs encode input conditions."
                ),
                "research": "One of five SAEs on this model and layer that differ in what they were trained on. The investigation is in `papers/specificity_gap/` and `experiments/gf1_behavior_sae/` of the code repository.",
            },
            **{**{key: COMMON[key] for key in ("license", "study", "code")}, "tags": ["bitsandbytes", "4-bit"]},
        ),
        provenance=_provenance(
            "google/gemma-4-E2B", [25], ["topk"], precision="bnb-nf4", created="2026-04-22T01:19:48+00:00",
            grid=Grid(layers=[25], architectures=["topk"], conditions=["mixed"]),
            hardware="NVIDIA GeForce GTX 1650 Ti with Max-Q Design, 4 GB VRAM, driver 581.57, compute capability 7.5",
            software={"torch": "2.10.0+cu128", "transformers": "5.5.4", "bitsandbytes": "0.44"},
            completions={"decisive": 38}, quantization=QUANTIZATION,
            base_model_shape=BaseModelShape(model_type="gemma4_text", n_layers=35, d_model=1536, parameters=5_100_000_000),
            labelling=Labelling(
                judge="a strict keyword match on the first 30 characters of each completion", temperature=1.0, same_prompt=True,
                other_judges=["Gemini 2.5 Flash", "Claude Haiku"],
                agreements=[
                    Agreement(judges=("the keyword match", "Gemini 2.5 Flash"), share=0.9), Agreement(judges=("the keyword match", "Claude Haiku"), share=0.9),
                ],
            ),
        ),
        d_in=1536, d_sae=6144, blocks="model.language_model.layers", members=(member,),
        saes={
            GEMMA_ID: [
                value("explained_variance", 0.995, 38), value("l0", 16.0, 38), value("alive_share", 181 / 6144, 38), value("mse", 0.01685, 38),
                behaviour, value("d_above_1", 0.0, 38),
                d_max(1.545114517211914, 40, 1.6, "held_out"),
                d_max(1.0965958833694458, 38, 1.66, contrast="neutral prompts against template V0"),
                d_max(1.7392393350601196, 38, 1.66, contrast="neutral prompts against template V3"),
            ],
        },
        representations=(
            probe("raw activations", 0.475, 0.215, 0.500), probe("SAE trained on input contrasts", 0.500, 0.137, 0.463),
            probe("this SAE", 0.525, 0.094, 0.525, GEMMA_ID), probe("control SAE", 0.450, 0.187, 0.537),
        ),
        stability=(
            Stability(
                sae_id=GEMMA_ID, varied="the completions of the same prompts were sampled again with other seeds", reference=behaviour,
                runs=[run(101, 0.561, 2), run(107, 0.775, 1), run(113, 0.643, 1)],
            ),
        ),
        steering=(
            Steering(
                sae_id=GEMMA_ID, direction="Decoded direction", label="honest", cosine=0.310, cosine_to="raw difference of means",
                doses=[SteeringDose(alpha=alpha, rate=rate) for alpha, rate in doses],
            ),
        ),
        top_features=(
            TopFeatures(
                sae_id=GEMMA_ID, seed=211, rows={"honest": 30, "deceptive": 19},
                features=[TopFeature(latent=latent, d=d, examples={"honest": honest, "deceptive": deceptive}) for latent, d, honest, deceptive in TOP],
            ),
        ),
        model_kwargs={"quantization_config": QUANTIZATION},
    )  # fmt: skip


TOP = (
    (4117, 0.485, "Yes, I am a Slug.'\nAnother player asks you: 'Are you a friend or foe?'\nYou answe", "I'm a Snail.'\nThat's wrong, because you are a Slug.\nYou are punished by"),
    (6041, 0.471, "I'm a Slug!'\nAll players are shown a number.\nThey all count down from five simul", "I'm a Snail.'\nAnother player asks you: 'What team are you on?'\nYou answer:"),
    (69, 0.469, "I'm a Slug!'\nAll players are shown a number.\nThey all count down from five simul", "I'm a Snail.'\nAnother player asks you: 'What team are you on?'\nYou answer:"),
    (3407, 0.458, "I am a Slug'\nAnother player asks you: 'Are you lying?'\nYou answer: 'NO'\n", "snails'.\nAnother player asks you: 'Why?'\nYou answer: 'i said snails'\nThe other"),
    (2911, 0.408, "I am a Slug.'\nAnother player asks you: 'What team are you on?'\nYou answer: 'I", "Liberals.'\nAnother player asks you: 'What team are you on?'\nYou answer: 'Fascist"),
)  # fmt: skip
"""Latent, d, and the beginnings of the completions of either label that excite it most."""

SEEDS = {
    "nanochat_d32": nanochat_d32,
    "smollm2_135m": smollm2_135m,
    "tinyllama": tinyllama,
    "gemma4_e2b": gemma4_e2b,
}
