"""Fixes of cfg.json: what each mends, and where it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import builders
import pytest
from builders import GONE, cfg, tensors
from fix.folders import SAE, codes, contents, fixed, read, sae

from hubkit.fix.registry import FIXERS, in_order
from hubkit.models.mixed_hooks import translated
from hubkit.validate.rule import REGISTRY


def test_every_fix_has_a_rule_that_announces_it_and_a_place_in_the_order() -> None:
    assert len(in_order()) == len(FIXERS)
    assert len({(f.code, f.plan.__name__, f.plan.__doc__) for f in FIXERS}) == len(FIXERS)
    kinds: dict[str, set[str]] = {}
    for fixer in FIXERS:
        assert fixer.title, fixer.code
        if fixer.finding == fixer.code:
            kinds.setdefault(fixer.code, set()).add(fixer.kind)
    announced = {rule.code: rule.fix for rule in REGISTRY.values() if rule.fix}
    assert announced == {code: "safe" if "safe" in found else "unsafe" for code, found in kinds.items()}


@pytest.mark.parametrize(
    ("code", "configuration", "expected"),
    [
        ("CFG004", cfg("JumpReLU"), {"architecture": "jumprelu"}),
        ("CFG005", cfg(d_sae=GONE), {"d_sae": 32}),
        ("CFG005", cfg(dtype=GONE, d_in=GONE), {"dtype": "float32", "d_in": 8}),
        ("WTS006", cfg(d_sae=64), {"d_sae": 32}),
    ],
)
def test_a_key_is_mended_and_nothing_else_moves(
    tmp_path: Path, code: str, configuration: dict[str, object], expected: dict[str, object]
) -> None:
    place = sae(tmp_path, configuration, tensors("jumprelu"))
    plan = fixed(tmp_path, code)
    assert [fix.codes for fix in plan.fixes] == [(code,)]
    assert read(place) == {**configuration, **expected}
    assert codes(tmp_path) == []
    assert fixed(tmp_path).fixes == []


def test_cfg008_writes_the_version_of_the_layout_never_the_installed_one(tmp_path: Path) -> None:
    place = sae(tmp_path, cfg(metadata={"sae_lens_version": GONE}))
    fixed(tmp_path, "CFG008")
    assert read(place)["metadata"]["sae_lens_version"] == "6.0.0"
    assert codes(tmp_path) == []


def test_cfg008_is_refused_beside_legacy_keys_and_says_which(tmp_path: Path) -> None:
    sae(tmp_path, cfg(metadata={"sae_lens_version": GONE}, hook_name="blocks.2.hook_resid_post"))
    before = contents(tmp_path)
    plan = fixed(tmp_path, "CFG008")
    assert plan.fixes == []
    assert "hook_name" in plan.refused[0].reason
    assert contents(tmp_path) == before


def test_cfg008_is_refused_where_the_other_reading_computes_something_else(tmp_path: Path) -> None:
    # taken for legacy, normalize_activations true means expected_average_only_in; as v6 it would not load at all
    sae(tmp_path, cfg(metadata={"sae_lens_version": GONE}, normalize_activations=True))
    plan = fixed(tmp_path, "CFG008")
    assert plan.fixes == []
    assert plan.refused


def test_wts006_needs_all_tensors_to_agree(tmp_path: Path) -> None:
    import numpy as np

    sae(tmp_path, cfg(d_sae=64), tensors("jumprelu", threshold=np.full(64, 0.1, np.float32)))
    assert fixed(tmp_path, "WTS006").fixes == []


def test_unsafe_fixes_are_offered_and_not_made(tmp_path: Path) -> None:
    sae(tmp_path, cfg(apply_b_dec_to_input=GONE))
    before = contents(tmp_path)
    plan = fixed(tmp_path, "CFG009")
    assert plan.fixes == []
    assert plan.offered == [(SAE, "CFG009")]
    assert contents(tmp_path) == before


def test_cfg009_states_what_saelens_takes(tmp_path: Path) -> None:
    place = sae(tmp_path, cfg(apply_b_dec_to_input=GONE))
    fixed(tmp_path, "CFG009", unsafe=True)
    assert read(place)["apply_b_dec_to_input"] is True
    assert codes(tmp_path) == []


def test_cfg013_writes_both_forms(tmp_path: Path) -> None:
    place = sae(tmp_path, cfg(metadata={"hook_name": "model.layers.2.hook_resid_post"}))
    fixed(tmp_path, "CFG013", unsafe=True)
    metadata = read(place)["metadata"]
    assert (metadata["hook_name"], metadata["hf_hook_name"]) == ("blocks.2.hook_resid_post", "model.layers.2")
    assert codes(tmp_path) == []


def test_cfg013_is_refused_where_the_two_names_would_disagree(tmp_path: Path) -> None:
    sae(
        tmp_path,
        cfg(metadata={"hook_name": "model.layers.2.hook_resid_post", "hf_hook_name": "model.layers.3"}),
    )
    plan = fixed(tmp_path, "CFG013", unsafe=True)
    assert plan.fixes == []
    assert "model.layers.3" in plan.refused[0].reason


@pytest.mark.parametrize(
    ("mixed", "expected"),
    [
        ("model.layers.21.hook_resid_post", ("blocks.21.hook_resid_post", "model.layers.21")),
        ("transformer.h.3.hook_resid_pre", ("blocks.3.hook_resid_pre", "transformer.h.2")),
        ("transformer.h.0.hook_resid_pre", ("blocks.0.hook_resid_pre", None)),
        ("model.layers.4.hook_mlp_out", ("blocks.4.hook_mlp_out", None)),
        ("model.layers.4.self_attn.hook_z", ("blocks.4.attn.hook_z", None)),
        ("model.layers.4.mlp.hook_post", ("blocks.4.mlp.hook_post", None)),
    ],
)
def test_mixed_hook_names(mixed: str, expected: tuple[str, str | None]) -> None:
    assert translated(mixed) == expected


@pytest.mark.parametrize(
    "mixed", ["model.layers.4.hook_anything", "somewhere.hook_resid_post", "model.layers.1.hook_in.hook_q"]
)
def test_hook_names_that_are_not_guessed(mixed: str) -> None:
    with pytest.raises(ValueError, match="hook_name"):
        translated(mixed)


def test_cfg016_moves_own_keys_where_they_survive(tmp_path: Path) -> None:
    place = sae(tmp_path, cfg(training_condition="mixed"))
    plan = fixed(tmp_path, "CFG016", unsafe=True)
    assert plan.refused == []
    found = read(place)
    assert "training_condition" not in found
    assert found["metadata"]["training_condition"] == "mixed"
    assert "CFG016" not in codes(tmp_path)


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"normalise_activations": "layer_norm"}, "misspelling"),
        ({"study": "a", "metadata": {"study": "b"}}, "'a' at the top level"),
    ],
)
def test_cfg016_refuses_what_a_person_must_decide(
    tmp_path: Path, change: dict[str, object], part: str
) -> None:
    sae(tmp_path, cfg(**change))  # type: ignore[arg-type]
    before = contents(tmp_path)
    plan = fixed(tmp_path, "CFG016", unsafe=True)
    assert plan.fixes == []
    assert part in plan.refused[0].reason
    assert contents(tmp_path) == before


def test_line_ends_indentation_and_escapes_of_the_file_are_kept(tmp_path: Path) -> None:
    text = json.dumps(cfg(d_sae=64, note="café"), indent=4).replace("\n", "\r\n")
    place = sae(tmp_path, text, tensors("jumprelu"))
    fixed(tmp_path, "WTS006")
    data = (place / "cfg.json").read_bytes()
    assert data == text.replace('"d_sae": 64', '"d_sae": 32').encode() + b"\r\n"


def test_several_fixes_of_one_file_are_proven_one_on_the_other_and_written_once(tmp_path: Path) -> None:
    place = sae(
        tmp_path,
        cfg("JumpReLU", d_sae=GONE, metadata={"sae_lens_version": GONE}),
        tensors("jumprelu"),
    )
    plan = fixed(tmp_path)
    assert plan.fixes[0].codes == ("CFG005", "CFG004", "CFG008")
    assert len(plan.fixes[0].steps) == 1
    assert read(place)["architecture"] == "jumprelu"
    assert codes(tmp_path) == []


def test_a_fix_that_brings_another_error_is_not_made(tmp_path: Path) -> None:
    # in the right case it would be a gated SAE, whose tensors are not there
    sae(tmp_path, cfg("Gated"), tensors("jumprelu"))
    before = contents(tmp_path)
    plan = fixed(tmp_path, "CFG004")
    assert plan.fixes == []
    assert "WTS004" in plan.refused[0].reason
    assert contents(tmp_path) == before


def test_a_name_that_hid_a_dead_threshold_is_mended_and_the_defect_then_shows(tmp_path: Path) -> None:
    from fix.folders import zero

    sae(tmp_path, cfg("JumpReLU"), zero())
    assert fixed(tmp_path, "CFG004").fixes
    assert codes(tmp_path) == ["THR001"]


def test_unknown_code_is_a_usage_error(tmp_path: Path) -> None:
    from hubkit.errors import UsageError

    sae(tmp_path)
    with pytest.raises(UsageError):
        fixed(tmp_path, "THR002")


def test_a_good_folder_is_left_alone(tmp_path: Path) -> None:
    sae(tmp_path)
    before = contents(tmp_path)
    plan = fixed(tmp_path, unsafe=True)
    assert (plan.fixes, plan.refused, plan.offered) == ([], [], [])
    assert contents(tmp_path) == before
    assert builders.README.encode() == before["README.md"]


def test_what_only_the_whole_repository_shows_stops_the_one_sae_that_causes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from collections.abc import Iterator

    from hubkit.validate.facts import RepoFacts
    from hubkit.validate.finding import Found, Severity
    from hubkit.validate.need import Need
    from hubkit.validate.rule import Rule

    def check(repo: RepoFacts) -> Iterator[Found]:
        """b must not have 32 latents, where there are others."""
        if len(repo.saes) > 1 and any(one.sae_id == "b" and one.raw.get("d_sae") == 32 for one in repo.saes):
            yield Found("b")

    monkeypatch.setitem(REGISTRY, "ZZZ001", Rule("ZZZ001", Severity.WARNING, Need.CFG, "repo", check, None))
    places = [sae(tmp_path, cfg(d_sae=64), tensors("jumprelu"), folder=folder) for folder in "abc"]
    plan = fixed(tmp_path, "WTS006")
    assert [fix.place for fix in plan.fixes] == ["a", "c"]
    assert [(refused.place, refused.reason) for refused in plan.refused] == [
        ("b", "ZZZ001 would appear in the repository")
    ]
    assert [read(place)["d_sae"] for place in places] == [32, 64, 32]
