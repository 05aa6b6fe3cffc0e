"""What is refused before the first byte leaves, one wrong thing at a time; each message names the code and what to type."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from builders import FOLDER, tensors
from huggingface_hub import HfApi
from publish.releases import CONDITIONS, Shape, make_release, write_provenance
from safetensors.numpy import load_file, save, save_file
from typer.testing import CliRunner

from hubkit.cards.build import build_card
from hubkit.cli.main import app
from hubkit.errors import HubkitError, UsageError
from hubkit.localhub.server import RunningHub
from hubkit.publish.flow import Choices, Released, prepare
from hubkit.publish.gate import check_gate
from hubkit.publish.plan import Target

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning", "ignore::UserWarning")
Hub = tuple[RunningHub, HfApi]
TOKEN = "hf_" + "a1B2c3D4" * 5


def edit_cfg(release: Path, **changes: object) -> None:
    path = release / FOLDER / "cfg.json"
    cfg = json.loads(path.read_text(encoding="utf-8")) | changes
    path.write_text(json.dumps({k: v for k, v in cfg.items() if v is not None}), encoding="utf-8")


def edit_weights(release: Path, **changes: np.ndarray) -> None:
    save_file({**tensors(), **changes}, release / FOLDER / "sae_weights.safetensors")


def replace_in_card(release: Path, old: str, new: str) -> None:
    path = release / "README.md"
    path.write_text(re.sub(old, new, path.read_text(encoding="utf-8"), count=1), encoding="utf-8")


def other_base_model(release: Path) -> None:
    cfg = json.loads((release / FOLDER / "cfg.json").read_text(encoding="utf-8"))
    cfg["metadata"]["model_name"] = "pythia-160m"
    (release / "other_L2").mkdir()
    (release / "other_L2" / "cfg.json").write_text(json.dumps(cfg), encoding="utf-8")
    save_file(tensors(), release / "other_L2" / "sae_weights.safetensors")


def wrong_provenance(release: Path) -> None:
    write_provenance(release, Shape("x", "lab/tiny", "mit", 8, 32, (2,), ("jumprelu",), 1))
    weights = load_file(release / FOLDER / "sae_weights.safetensors")
    edit_weights(release, b_dec=weights["b_dec"] + 1)


def without_saes(release: Path) -> None:
    shutil.rmtree(release / FOLDER)
    (release / "layer_4.safetensors").write_bytes(save({"head": np.ones((4, 4), np.float32)}))


WRONG: dict[str, tuple[Callable[[Path], object], str]] = {
    "CFG004": (lambda r: edit_cfg(r, architecture="JumpReLU"), "hubkit fix"),
    "CFG005": (lambda r: edit_cfg(r, d_in=None), "hubkit fix"),
    "CFG002": (lambda r: (r / FOLDER / "cfg.json").write_text("{", encoding="utf-8"), ""),
    "WTS001": (lambda r: (r / FOLDER / "sae_weights.safetensors").unlink(), ""),
    "WTS003": (lambda r: (r / FOLDER / "sae_weights.safetensors").write_bytes(b"junk" * 99), ""),
    "WTS006": (lambda r: edit_cfg(r, d_sae=33), "hubkit fix"),
    "THR001": (lambda r: edit_weights(r, threshold=np.zeros(32, np.float32)), "--unsafe-fixes"),
    "THR005": (lambda r: edit_weights(r, threshold=np.full(32, np.nan, np.float32)), ""),
    "SAE-NONE": (without_saes, "hubkit validate"),
    "CARD-NONE": (lambda r: (r / "README.md").unlink(), "hubkit build-cards"),
    "CARD-EDITED": (
        lambda r: (r / "README.md").write_text(
            (r / "README.md").read_text("utf-8") + "\nMine.\n", encoding="utf-8"
        ),
        "--diff",
    ),
    "CARD-STALE": (lambda r: (r / "config.json").write_text("{}", encoding="utf-8"), "hubkit build-cards"),
    "PROVENANCE": (wrong_provenance, "hubkit run"),
    "SECRET": (lambda r: (r / "notes.txt").write_text(f"token = {TOKEN}", encoding="utf-8"), "revoke it"),
    "PICKLE": (lambda r: (r / "weights.pt").write_bytes(b"PK\x03\x04"), "remove weights.pt"),
    "UNREAD": (
        lambda r: (r / "rows.db").write_bytes(b"SQLite format 3\0" + bytes(range(200))),
        "take it out",
    ),
    "CODE": (lambda r: (r / "tool").write_bytes(b"\x7fELF\2\1\1\0" + bytes(90)), "remove it"),
    "LICENSE": (lambda r: replace_in_card(r, r"license: mit\n", ""), "card.yaml"),
    "BASE-MODEL": (other_base_model, "one folder for each base model"),
}


@pytest.mark.parametrize("code", WRONG)
def test_each_is_refused_with_its_code_and_what_to_type_and_nothing_is_sent(
    hub: Hub, release: Path, code: str
) -> None:
    check_gate(release)  # the good twin
    break_it, words = WRONG[code]
    break_it(release)
    with pytest.raises(HubkitError) as refused:
        prepare([Released(release, Target("owner/release"))], hub[1])
    message = refused.value.message
    assert code in message
    assert "nothing was sent" in message
    assert words in message
    assert TOKEN not in message
    assert hub[0].requests == ()


def test_everything_is_told_at_once(release: Path) -> None:
    edit_cfg(release, architecture="JumpReLU")
    (release / "weights.pt").write_bytes(b"PK")
    with pytest.raises(HubkitError) as refused:
        check_gate(release)
    assert {"CFG004", "CARD-STALE", "PICKLE"} <= set(re.findall(r"[A-Z0-9-]{5,}", refused.value.message))


def test_what_is_let_through_needs_a_reason_and_the_commit_states_it(hub: Hub, release: Path) -> None:
    edit_weights(release, threshold=np.zeros(32, np.float32))
    build_card(release)
    with pytest.raises(UsageError, match="needs a reason"):
        check_gate(release, {"THR001": "  "})
    releases = [Released(release, Target("owner/release"))]
    (prepared,) = prepare(releases, hub[1], Choices(allow={"thr001": "kept for comparison"}))
    assert "Allowed: THR001" in prepared.plan.description
    assert "Reason: kept for comparison" in prepared.plan.description
    assert re.search(r"\d+ statements? of README\.md agrees? with the files", prepared.plan.description)


@pytest.mark.parametrize("code", ["SECRET", "BASE-MODEL"])
def test_some_things_no_reason_lets_through(release: Path, code: str) -> None:
    WRONG[code][0](release)
    if code != "BASE-MODEL":  # of two base models no card is built
        build_card(release)
    with pytest.raises(HubkitError, match=code):
        check_gate(release, {code: "because"})


def test_the_command_pairs_codes_with_reasons(release: Path) -> None:
    asked = [
        "push",
        str(release),
        "--allow",
        "THR001",
        "--allow",
        "CFG004",
        "--reason",
        "a",
        "--reason",
        "b",
        "--reason",
        "c",
    ]
    with pytest.raises(UsageError, match="each exception needs its reason"):
        CliRunner().invoke(app, asked, standalone_mode=False, catch_exceptions=False)


def test_a_whole_release_passes_with_its_provenance(tmp_path: Path) -> None:
    shape = Shape("small-1m", "lab/tiny", "mit", 8, 32, (1, 2), ("topk", "jumprelu"), 12)
    gate = check_gate(make_release(tmp_path / "small", shape, "owner/small"))
    assert (gate.license, gate.base_model) == ("mit", "lab/tiny")
    assert gate.proven == 2 * len(shape.cells()) + 1
    assert len(shape.cells()) == 2 * 2 * len(CONDITIONS)


def test_saes_of_another_width_or_model_than_the_card_says_are_refused(tmp_path: Path) -> None:
    wide = Shape("wide-1m", "openai-community/gpt2", "mit", 64, 128, (1,), ("topk",), 3)
    with pytest.raises(HubkitError, match="HOOK003"):
        check_gate(make_release(tmp_path / "wide", wide, "owner/wide"))
    folder = make_release(
        tmp_path / "small",
        Shape("small-1m", "lab/gemma-2-2b-cut", "mit", 8, 32, (1,), ("topk",), 3),
        "owner/small",
    )
    (folder / "README.md").write_text(
        "---\nbase_model: meta-llama/Llama-3.2-1B\nlicense: mit\nlibrary_name: saelens\n---\n\n# SAEs\n",
        encoding="utf-8",
    )
    with pytest.raises(HubkitError, match="CARD016") as refused:
        check_gate(folder)
    assert "lab/gemma-2-2b-cut" in refused.value.message


def test_the_command_after_a_refusal_shows_what_was_refused(hub: Hub, release: Path) -> None:
    """Also where the release's own hubkit.toml sets the finding aside, which the gate does not look at."""
    import shlex

    from typer.testing import CliRunner

    from hubkit.cli.main import app

    (release / "hubkit.toml").write_text('[ignore]\nTHR001 = "we know"\n', encoding="utf-8")
    edit_weights(release, threshold=np.zeros(32, np.float32))
    with pytest.raises(HubkitError) as refused:
        prepare([Released(release, Target("owner/release"))], hub[1])
    command = shlex.split(str(refused.value.hint))
    assert command[:2] == ["hubkit", "validate"]
    done = CliRunner().invoke(app, command[1:])
    assert done.exit_code == 1
    assert "THR001" in done.output


def test_what_only_a_publisher_must_know_names_no_command_that_would_show_nothing(
    hub: Hub, release: Path
) -> None:
    (release / "README.md").unlink()
    with pytest.raises(HubkitError) as refused:
        check_gate(release)
    assert "CARD-NONE" in refused.value.message
    assert "hubkit build-cards" in refused.value.message
    assert refused.value.hint is None


def refusal(release: Path) -> str:
    with pytest.raises(HubkitError) as refused:
        check_gate(release)
    return refused.value.message


def test_of_a_card_written_by_hand_the_hint_is_about_that_card(release: Path) -> None:
    """card.yaml would be no help there: nothing is built from it over somebody's text."""
    (release / "card.yaml").unlink()
    (release / "README.md").write_text("# SAEs\n", encoding="utf-8")
    message = refusal(release)
    assert "write `license: mit` between the lines of dashes" in message
    assert "write `base_model: " in message
    assert "card.yaml" not in message
    (release / "README.md").unlink()
    assert f"hubkit init {release} writes card.yaml; then hubkit build-cards" in refusal(release)


def test_a_licence_file_of_another_licence_is_refused(release: Path) -> None:
    (release / "LICENSE").write_text("MIT License\n\nCopyright (c) 2026\n", encoding="utf-8")
    build_card(release)
    check_gate(release)
    (release / "LICENSE").write_text("Apache License\nVersion 2.0, January 2004\n", encoding="utf-8")
    build_card(release)
    assert "license is mit, the text of LICENSE is that of apache-2.0" in refusal(release)


def test_no_reason_is_offered_where_none_is_taken(release: Path) -> None:
    (release / "opt.pt").write_bytes(b"\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c\x02id\x85R.")
    message = refusal(release)
    assert "SEC001" in message
    assert "--allow PICKLE" not in message


def test_a_figure_that_hubkit_did_not_draw_is_refused_under_its_name(release: Path) -> None:
    drawn = sorted((release / "figures").glob("*.svg"))
    assert drawn
    (release / "figures" / "mine.svg").write_text("<svg/>", encoding="utf-8")
    check_gate(release)
    was = drawn[0].read_text(encoding="utf-8")
    drawn[0].write_text(was.replace("</svg>", "<text>0.99</text></svg>"), encoding="utf-8")
    assert "a figure is not as hubkit drew it" in refusal(release)
    build_card(release)
    assert drawn[0].read_text(encoding="utf-8") == was
    check_gate(release)
    drawn[0].unlink()
    assert "CARD-EDITED" in refusal(release)
