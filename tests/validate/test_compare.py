"""Two repositories side by side."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from builders import FOLDER, cfg, tensors, view
from safetensors.numpy import save
from typer.testing import CliRunner

from hubkit.cli.main import app
from hubkit.repo.local import open_folder
from hubkit.repo.memory import MemoryView
from hubkit.repo.view import Entry
from hubkit.validate.compare import ABSENT, Difference, compare, value_changes


def test_a_repository_equals_itself() -> None:
    found = compare(view(), view())
    assert found.equal
    assert (found.same, found.changed) == (1, ())
    assert not found.by_content  # memory has no digests: header and thresholds were compared, and it says so


def test_added_and_removed_saes_and_root_files() -> None:
    found = compare(view(folder="a"), view(folder="b", readme="# other\n"))
    assert (found.added, found.removed, found.changed) == (("b",), ("a",), ())
    assert found.files == ("README.md: changed",)
    assert compare(view(readme=None), view()).files == ("README.md: added",)


def test_a_change_is_named_by_pointer_with_both_values() -> None:
    after = cfg("jumprelu", metadata={"hook_name": "blocks.3.hook_resid_post", "note": 1}, dtype="float64")
    (one,) = compare(view(), view(after)).changed
    assert set(one.cfg) == {
        Difference("/dtype", "float32", "float64"),
        Difference("/metadata/hook_name", "blocks.2.hook_resid_post", "blocks.3.hook_resid_post"),
        Difference("/metadata/note", ABSENT, 1),
    }
    assert one.parts.keys() == {"cfg"}


def test_one_true_and_one_point_zero_are_three_values() -> None:
    assert [
        d.pointer for d in value_changes("", {"a/b": 1, "c": 1, "d": 1}, {"a/b": True, "c": 1.0, "d": 1})
    ] == ["/a~1b", "/c"]


def test_tensors_thresholds_and_sizes() -> None:
    thresholds = tensors()["threshold"].copy()
    thresholds[:8] = 0
    changed = tensors(threshold=thresholds, b_dec=tensors()["b_dec"].astype(np.float16))
    (one,) = compare(view(), view(cfg(), changed)).changed
    assert one.tensors == (Difference("/b_dec", "F32 [8]", "F16 [8]"),)
    assert Difference("threshold/zero_share", 0.0, 0.25) in one.threshold
    assert {d.pointer for d in one.threshold} == {"threshold/mean", "threshold/zero_share"}
    assert one.weights[0].pointer == "weights/bytes"


def test_a_threshold_that_is_nan_equals_itself_and_is_valid_json() -> None:
    values = tensors()["threshold"].copy()
    values[0] = np.nan
    bad = view(cfg(), tensors(threshold=values))
    assert compare(bad, view(cfg(), tensors(threshold=values))).equal
    json.dumps(compare(view(), bad).to_json(), allow_nan=False)


class WithOids(MemoryView):
    """As the Hub lists it."""

    near = False

    def _list(self) -> list[Entry]:
        import hashlib

        return [
            Entry(p, len(d), hashlib.sha256(d).hexdigest() if p.endswith("safetensors") else None)
            for p, d in self.files.items()
        ]


def one_bit_apart() -> tuple[dict[str, bytes], dict[str, bytes]]:
    weights = tensors()
    other = {name: value.copy() for name, value in weights.items()}
    other["W_dec"].view(np.uint32)[0, 0] ^= 1
    text = json.dumps(cfg()).encode()
    return tuple(
        {f"{FOLDER}/cfg.json": text, f"{FOLDER}/sae_weights.safetensors": save(w)} for w in (weights, other)
    )  # type: ignore[return-value]


def test_the_digest_of_the_listing_sees_one_bit_without_reading_the_weights() -> None:
    a, b = (WithOids(name="hub", files=files) for files in one_bit_apart())
    found = compare(a, b)
    assert [d.pointer for d in found.changed[0].weights] == ["weights/sha256"]
    assert found.by_content
    assert max(a.bytes_read, b.bytes_read) < 4000


def folders(tmp_path: Path) -> tuple[Path, Path]:
    for name, files in zip("ab", one_bit_apart(), strict=True):
        for path, data in files.items():
            (tmp_path / name / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name / path).write_bytes(data)
    return tmp_path / "a", tmp_path / "b"


def test_local_weights_of_equal_size_are_hashed_only_with_deep(tmp_path: Path) -> None:
    a, b = folders(tmp_path)
    shallow = compare(open_folder(a), open_folder(b))
    assert shallow.equal
    assert not shallow.by_content
    deep = compare(open_folder(a), open_folder(b), deep=True)
    assert [d.pointer for d in deep.changed[0].weights] == ["weights/sha256"]
    assert deep.by_content


def test_a_folder_against_the_hub_is_hashed_because_one_digest_is_known(tmp_path: Path) -> None:
    a, _ = folders(tmp_path)
    hub = WithOids(name="hub", files=one_bit_apart()[1])
    assert [d.pointer for d in compare(open_folder(a), hub).changed[0].weights] == ["weights/sha256"]


@pytest.mark.parametrize("arguments", [[], ["--deep"]])
def test_the_verb(tmp_path: Path, arguments: list[str]) -> None:
    a, b = folders(tmp_path)
    (b / "extra[red]").mkdir()
    for name in ("cfg.json", "sae_weights.safetensors"):
        (b / "extra[red]" / name).write_bytes((b / FOLDER / name).read_bytes())
    done = CliRunner().invoke(app, ["diff", str(a), str(b), *arguments], standalone_mode=False)
    assert done.return_value == 1
    assert "+ extra[red]" in done.output
    assert ("weights/sha256" in done.output) is bool(arguments)
    same = CliRunner().invoke(
        app, ["diff", str(a), str(a), "--format", "json", *arguments], standalone_mode=False
    )
    assert same.return_value == 0
    assert json.loads(same.stdout)["equal"] is True


def test_a_configuration_that_is_no_json_on_one_side() -> None:
    (one,) = compare(view(), view(b"{")).changed
    assert one.cfg[0].pointer == ""
    assert one.cfg[0].old == "an object"


def test_what_cannot_be_read_is_said() -> None:
    gone = view()
    gone.unreadable[f"{FOLDER}/sae_weights.safetensors"] = len(
        gone.files.pop(f"{FOLDER}/sae_weights.safetensors")
    )
    found = compare(view(), gone)
    assert any("sae_weights.safetensors" in reason for reason in found.unread)
