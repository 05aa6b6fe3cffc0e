"""Four real cards beside folders of the shapes they state. HUBKIT_CORPUS names the corpus; the cards lie beside it. Nothing of them is committed."""

from __future__ import annotations

import json
import os
import re
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from builders import cfg
from header_only import Cell, release

from hubkit.repo.memory import MemoryView
from hubkit.validate.finding import Finding
from hubkit.validate.run import Selection, validate

FOLDER = Path(os.environ.get("HUBKIT_CORPUS", "")).parent / "seeds"
pytestmark = pytest.mark.skipif(
    not os.environ.get("HUBKIT_CORPUS") or not FOLDER.is_dir(),
    reason="HUBKIT_CORPUS is not set, or has no seeds beside it",
)

Found = dict[str, list[Finding]]


def card(name: str) -> bytes:
    return (FOLDER / f"{name}.txt").read_bytes()


def grid(
    prefix: str, architectures: str, layers: tuple[int, ...], hook: str, threshold: float = 0.0
) -> Iterator[Cell]:
    for architecture in architectures.split():
        for layer in layers:
            for condition in ("mixed", "deceptive_only", "honest_only"):
                name = f"{prefix.format(architecture)}_L{layer}_{condition}"
                yield Cell(name, architecture, hook.format(layer), condition, threshold)


def found_in(view: MemoryView) -> Found:
    report = validate(view, Selection(select=("CARD",), ignore=("CARD002", "CARD003")))
    assert not report.crashes, report.crashes[0].traceback
    by_code: Found = {}
    for finding in report.findings:
        assert '"' in finding.message or finding.code in {"CARD012", "CARD014"}, (
            "every finding about a claim quotes it"
        )
        by_code.setdefault(finding.code, []).append(finding)
    return by_code


def said(found: Found, code: str, pattern: str) -> Finding:
    """The one finding of `code` whose message matches."""
    matching = [finding for finding in found.get(code, []) if re.search(pattern, finding.message)]
    assert len(matching) == 1, (pattern, [finding.message for finding in found.get(code, [])])
    return matching[0]


@pytest.fixture(scope="module")
def nanochat() -> Found:
    cells = grid("d32_{}", "topk jumprelu gated", (4, 8, 12, 16, 20, 24), "transformer.h.{}")
    return found_in(release("nanochat-d32", card("nanochat-d32"), cells, 2048, 8192, "karpathy/nanochat-d32"))


@pytest.fixture(scope="module")
def smollm() -> Found:
    cells = grid("smollm2_{}", "topk jumprelu", (3, 4, 5, 6, 9, 12, 15, 18, 21), "model.layers.{}")
    return found_in(release("smollm2", card("smollm2-135m"), cells, 576, 2304, "HuggingFaceTB/SmolLM2-135M"))


@pytest.fixture(scope="module")
def tinyllama() -> Found:
    cells = [
        *grid("tinyllama_{}", "topk jumprelu", (3, 6, 9, 12, 15), "model.layers.{}"),
        *grid("tinyllama_{}_ste", "jumprelu", (9, 12, 15), "model.layers.{}", threshold=0.1),
    ]
    model = "TinyLlama/TinyLlama-1.1B-intermediate-step-1431k-3T"
    return found_in(release("tinyllama", card("tinyllama-1.1b"), cells, 2048, 8192, model))


@pytest.fixture(scope="module")
def gemma() -> Found:
    name = "gemma4_e2b_gf1_behaviorSAE_topk_k16_L25_bnb4bit"
    archive = BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr(f"{name}/data.pkl", b"\x80\x02}.")
    metadata = {"model_name": "google/gemma-4-E2B", "hook_name": "blocks.25.hook_resid_post"}
    configuration = cfg("topk", d_in=1536, d_sae=6144, k=16, metadata=metadata)
    files = {
        "README.md": card("gemma4-e2b-bnb4bit"),
        "evaluation.json": b"{}",
        "cfg.json": json.dumps(configuration).encode(),
        f"{name}.pt": archive.getvalue(),
    }
    return found_in(MemoryView(name="gemma", files=files))


def test_nanochat_57_against_6_x_3_x_3(nanochat: Found) -> None:
    assert said(nanochat, "CARD004", "says 57 SAEs, the repository has 54").line == 2
    assert said(nanochat, "CARD004", "6 x 3 x 3 = 54").line == 2
    assert said(nanochat, "CARD004", r"gives 57 SAEs a threshold that never learned; 18 of its").line == 45


def test_nanochat_2_of_57_is_no_3_per_cent(nanochat: Found) -> None:
    assert "SAEs beating raw baseline | 2/57 (3%)" in said(nanochat, "CARD008", r"2/57 is 3\.5 %").message


def test_nanochat_hook_and_tensors(nanochat: Found) -> None:
    assert (
        said(
            nanochat,
            "CARD005",
            r"transformer\.h\.N in the configurations, the card says blocks\.\{layer\}\.hook_resid_post",
        ).line
        == 31
    )
    assert (
        "threshold [8192]" in said(nanochat, "CARD005", "d32_topk_L16_honest_only has no threshold").message
    )


def test_nanochat_is_neither_gpt_neox_nor_gpt2(nanochat: Found) -> None:
    assert said(nanochat, "CARD005", "model type nanochat, the card says gpt_neox").line == 2
    assert said(nanochat, "CARD005", "model type nanochat, the card says gpt2").line == 84


@pytest.mark.parametrize(("name", "line"), [("nanochat", 8), ("smollm", 12), ("tinyllama", 13)])
def test_neuronpedia_compatible_without_an_id_there(
    name: str, line: int, request: pytest.FixtureRequest
) -> None:
    finding = said(request.getfixturevalue(name), "CARD005", "no configuration has a neuronpedia_id")
    assert (finding.line, finding.severity.word) == (line, "warning")


def test_nanochat_nothing_else(nanochat: Found) -> None:
    assert {
        code: len(findings) for code, findings in nanochat.items() if code not in {"CARD012", "CARD014"}
    } == {
        "CARD004": 3,
        "CARD005": 5,
        "CARD008": 1,
    }


def test_smollm_hook_threshold_and_help(smollm: Found) -> None:
    assert (
        said(
            smollm,
            "CARD005",
            r"model\.layers\.N in the configurations, the card says model\.layers\.\{layer\}\.hook_resid_post",
        ).line
        == 49
    )
    assert (
        said(
            smollm, "CARD004", "gives 54 SAEs a threshold that never learned; 27 of its SAEs are JumpReLU"
        ).line
        == 65
    )
    assert said(smollm, "CARD005", "smollm2_topk_L21_honest_only has no threshold").line == 110
    assert said(smollm, "CARD008", "24 of 54 SAEs beat").line == 30
    assert {
        code: len(findings) for code, findings in smollm.items() if code not in {"CARD012", "CARD014"}
    } == {
        "CARD004": 1,
        "CARD005": 3,
        "CARD008": 1,
    }


def test_tinyllama(tinyllama: Found) -> None:
    assert said(tinyllama, "CARD005", r"the card says model\.layers\.\{layer\}\.hook_resid_post").line == 50
    assert said(tinyllama, "CARD004", "gives 30 SAEs a threshold that never learned; 24 of its").line == 68
    assert (
        said(
            tinyllama, "CARD008", r"layer 15 reach 72\.4 %; the card calls layer 21 the peak, with 72\.4 %"
        ).line
        == 37
    )
    assert said(tinyllama, "CARD008", "14 of 30 SAEs beat").line == 31
    assert (
        said(tinyllama, "CARD005", "layer 21 the peak, and has no SAE of that layer").severity.word == "note"
    )
    assert {
        code: len(findings) for code, findings in tinyllama.items() if code not in {"CARD012", "CARD014"}
    } == {
        "CARD004": 1,
        "CARD005": 3,
        "CARD008": 2,
    }


def test_tinyllama_rounding_is_no_contradiction(tinyllama: Found) -> None:
    """+5.37 beside 77.8 and 72.4 is right: both are rounded."""
    assert not [
        finding
        for findings in tinyllama.values()
        for finding in findings
        if "percentage points" in finding.message
    ]


def test_gemma(gemma: Found) -> None:
    assert said(gemma, "CARD008", r"original d_max is given as 0\.753; .* 0\.724 \(line 111\)").line == 131
    assert "~3.5 bits/parameter" in said(gemma, "CARD008", r"takes 4\.13 bits a parameter").message
    assert (
        said(gemma, "CARD010", r"the SAE has weights that are a pickle, .*filename=.*_bnb4bit\.pt").line
        == 206
    )
    assert {
        code: len(findings) for code, findings in gemma.items() if code not in {"CARD012", "CARD014"}
    } == {"CARD008": 2, "CARD010": 1}


def test_the_cards_of_one_study_disagree() -> None:
    """With the other cards of the study, from the corpus."""
    cards = (FOLDER.parent / "corpus" / "cards").glob("Solshine*.md")
    files = {f"{path.stem}/README.md": path.read_bytes() for path in cards}
    report = validate(
        MemoryView(name="study", files=files), Selection(select=("CARD005", "CARD008", "CARD015"))
    )
    assert not report.crashes
    messages = [finding.message for finding in report.findings if finding.code == "CARD015"]
    for words in (
        "348 here, 366 in",
        "2503.07683 here, 2509.20393 in",
        "13 % here, 80 % in",
        "39 % here, 37 % in",
        "72.4 % here, 73.2 % in",
        "65.9 % here, ~67 % in",
    ):
        assert len([message for message in messages if words in message]) == 1, words
    assert len(messages) == 6


@pytest.mark.parametrize(
    ("name", "code", "pattern"),
    [
        ("deception-saes-nanochat-d20", "CARD008", r"are 5\.5 percentage points, the card says \+8\.68"),
        (
            "deception-saes-nanochat-d20",
            "CARD005",
            r"561 M parameters by its config\.json, the card says 1\.88 B",
        ),
        ("deception-behavioral-saes-saelens", "CARD008", r"layer 4 of 30 is 13 % .* the card says 80 %"),
        ("deception-behavioral-saes-saelens", "CARD008", r"layer 21 of 32 is 66 % .* the card says 75 %"),
        (
            "deception-behavioral-saes-saelens",
            "CARD005",
            r"561 M parameters by its config\.json, the card says 1\.88 B",
        ),
        ("deception-v4-saes-pythia-160m", "CARD004", r"3 x 1 x 3 = 9"),
    ],
)
def test_other_cards_of_the_study(name: str, code: str, pattern: str) -> None:
    data = (FOLDER.parent / "corpus" / "cards" / f"Solshine__{name}.md").read_bytes()
    said(found_in(MemoryView(name=name, files={"README.md": data})), code, pattern)
