"""WTS019: what weights let an input reach. Each side with a neighbour that lies within the bound, in SAELens's files and dictionary_learning's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from builders import D_SAE, GONE, cfg, tensors, view
from families import planted

from hubkit.repo.memory import MemoryView
from hubkit.validate.finding import Severity
from hubkit.validate.run import Selection, validate

Change = Callable[[dict[str, Any]], None]
DICTIONARY = "resid_post_layer_3/trainer_0/"
ERROR, WARNING, NOTE = Severity.ERROR, Severity.WARNING, Severity.NOTE


def asked(repository: MemoryView) -> list[tuple[Severity, str]]:
    report = validate(repository, Selection(select=("WTS019",)), deep=True)
    assert not report.crashes, report.crashes[0].traceback
    return [(one.severity, one.message) for one in report.findings]


def made(architecture: str, change: Change, **keys: Any) -> MemoryView:
    whole = tensors(architecture)
    change(whole)
    arrays = {name: np.ascontiguousarray(one) for name, one in whole.items()}
    return view(cfg(architecture, **keys), arrays)


def plus(name: str, number: float, count: int = D_SAE) -> Change:
    def change(whole: dict[str, Any]) -> None:
        whole[name][:count] += np.float32(number)

    return change


def times(name: str, number: float) -> Change:
    def change(whole: dict[str, Any]) -> None:
        whole[name] = whole[name] * np.float32(number)

    return change


def both(*changes: Change) -> Change:
    def change(whole: dict[str, Any]) -> None:
        for one in changes:
            one(whole)

    return change


SIDES: list[tuple[str, Change, Change, Severity, str]] = [
    # architecture, what is wrong, the like that is not, how grave, in which words
    ("gated", plus("b_gate", -1e20), plus("b_gate", -1e3), ERROR, "no latent can fire"),
    ("gated", plus("b_mag", -1e20), plus("b_mag", -1e3), ERROR, "no latent can fire"),
    ("gated", plus("b_mag", -1e20, 20), plus("b_mag", -1e20, 10), NOTE, "cannot fire"),
    ("gated", plus("r_mag", 200), plus("r_mag", 5), ERROR, "exp(r_mag) is more than float32 holds in 32"),
    ("gated", plus("r_mag", 200, 1), plus("r_mag", 60, 1), ERROR, "in 1 of 32"),
    ("gated", both(plus("r_mag", 85), times("W_enc", 1e4)), plus("r_mag", 70), ERROR, "exp(r_mag) is more"),
    ("gated", plus("r_mag", -300), plus("r_mag", -80), WARNING, "exp(r_mag) is 0"),
    ("gated", plus("b_gate", 1e20), plus("b_gate", 1e3), WARNING, "every gate is open"),
    ("gated", both(plus("b_gate", 1e20), plus("b_mag", 1e20)), both(plus("b_gate", 1e3), plus("b_mag", 1e3)), ERROR, "their biases outweigh"),
    ("standard", plus("b_enc", 1e12), plus("b_enc", 1e4), ERROR, "32 of 32 latents are above 0"),
    ("jumprelu", plus("b_enc", 1e12), plus("b_enc", 1e4), ERROR, "above their thresholds"),
    ("jumprelu", plus("b_enc", 1e12, 17), plus("b_enc", 1e12, 16), NOTE, "17 of 32"),
    ("transcoder", plus("b_enc", 1e12), plus("b_enc", 1e4), ERROR, "32 of 32 latents are above 0"),
    ("topk", plus("b_enc", 1e12), plus("b_enc", 1e4), ERROR, "32 of 32 latents are above 0"),
    ("topk", plus("b_enc", 1e15, 4), plus("b_enc", 1e15, 3), ERROR, "the same 4 latents"),
    ("abstopk", plus("b_enc", -1e15, 4), plus("b_enc", -1e15, 5), ERROR, "the same 4 latents"),
    ("jumprelu", plus("b_dec", 1e18), plus("b_dec", 1e9), ERROR, "b_dec has 8 of 8 values beyond 3.4e+15"),
    ("standard", plus("b_dec", -1e18, 1), plus("b_dec", -1e6, 1), ERROR, "b_dec has 1 of 8"),
    ("jumprelu", times("W_dec", 1e-20), times("W_dec", 1e-6), ERROR, "too short to write"),
    ("skip_transcoder", times("W_dec", 1e-20), times("W_dec", 1e-6), ERROR, "too short to write"),
    ("standard", times("W_dec", 1e-20), both(times("W_dec", 1e-15), times("W_enc", 1e15)), ERROR, "too short to write"),
    ("gated", times("W_dec", 1e-20), both(times("W_dec", 1e-15), plus("r_mag", 35)), ERROR, "too short to write"),
]  # fmt: skip


@pytest.mark.parametrize(("architecture", "wrong", "right", "severity", "words"), SIDES)
def test_what_no_input_can_change(architecture: str, wrong: Change, right: Change, severity: Severity, words: str) -> None:  # fmt: skip
    assert asked(made(architecture, right)) == []
    ((found, message),) = asked(made(architecture, wrong))
    assert found is severity
    assert words in message


def test_what_float16_holds_of_an_exponential() -> None:
    for number, told in ((30.0, True), (5.0, False)):
        whole = {name: one.astype(np.float16) for name, one in tensors("gated").items()}
        whole["r_mag"] = np.full(D_SAE, number, np.float16)
        for dtype, fires in (("float16", told), ("float32", False)):
            assert bool(asked(view(cfg("gated", dtype=dtype), whole))) is fires


def test_float64_has_room_beside_a_large_bias() -> None:
    whole = {name: one.astype(np.float64) for name, one in tensors("standard").items()}
    whole["b_dec"] += 1e18
    assert asked(view(cfg("standard", dtype="float64"), whole)) == []


def test_norms_by_which_a_topk_chooses_are_allowed_for() -> None:
    """Four latents with large biases and short rows: whether they win is the decoder's norms' to say."""

    def change(whole: dict[str, Any]) -> None:
        whole["b_enc"][:4] += np.float32(1e15)
        whole["W_dec"][:4] *= np.float32(1e-10)

    assert asked(made("topk", change)) == []


def test_what_other_rules_say_is_not_said_again() -> None:
    for change in (times("W_dec", 0), plus("r_mag", np.inf), plus("b_gate", np.nan)):
        assert asked(made("gated", change)) == []
    assert asked(made("topk", times("W_enc", 0))) == []


def test_an_infinite_bias_leaves_the_report_one_that_can_be_written() -> None:
    def change(whole: dict[str, Any]) -> None:
        whole["b_enc"][:] = -1e30
        whole["b_enc"][0] = np.inf

    report = validate(made("standard", change), Selection(select=("WTS019",)), deep=True)
    (finding,) = report.findings
    assert "largest_bias" not in finding.measured
    assert finding.severity is NOTE


@pytest.mark.parametrize(
    ("name", "number", "words"),
    [
        ("gate_bias", -1e20, "no latent can fire"),
        ("mag_bias", -1e20, "no latent can fire"),
        ("r_mag", 200.0, "exp(r_mag) is more than float32 holds"),
        ("decoder_bias", 1e18, "b_dec has"),
        ("gate_bias", -50.0, ""),
        ("r_mag", 3.0, ""),
    ],
)
def test_a_gated_dictionary(name: str, number: float, words: str) -> None:
    def change(found: dict[str, np.ndarray], _: Any) -> None:
        found[name] = np.array(found[name]) + np.float32(number)

    told = asked(
        planted("dictionary_learning/gated", f"{DICTIONARY}ae.pt", f"{DICTIONARY}config.json", change)
    )
    assert [words in message for _, message in told] == [True] * bool(words)


def test_without_a_bias_nothing_is_guessed() -> None:
    assert asked(view(cfg("gated"), tensors("gated", b_mag=GONE))) == []
