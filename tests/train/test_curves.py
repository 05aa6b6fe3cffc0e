"""The curves of a training: a panel for every architecture and layer, whatever the numbers are."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from hubkit.train.curves import COLUMNS, write_curves
from hubkit.train.spec import SaeSpec
from hubkit.train.unit import Done, Point

if TYPE_CHECKING:
    from pathlib import Path

SVG = "{http://www.w3.org/2000/svg}"


def trained(
    architecture: str, layer: int, losses: list[float | None], k: int | None = 4
) -> tuple[SaeSpec, Done]:
    spec = SaeSpec(sae_id="a", architecture=architecture, layer=layer, condition="mixed", d_sae=8, k=k)
    points = [
        Point(step=10 * i, loss=loss, l0=4.0, explained_variance=None, dead_share=None)
        for i, loss in enumerate(losses)
    ]
    done = Done(
        digest="", sae_id="a", draw="all", n_rows=9, files={}, seconds=1.0, stack=1, hardware="", device="cpu", threads=1, l0=4.0,
        dead_share=0.0, at_initial_threshold=None, max_error=0.0, warnings=[], curve=points,
    )  # fmt: skip
    return spec, done


def test_a_panel_for_every_architecture_and_layer_and_rows_of_at_most_six(tmp_path: Path) -> None:
    several = [trained("topk", layer, [9.0, 3.0, 1.0]) for layer in range(8)]
    write_curves(tmp_path, [*several, trained("standard", 2, [9.0, 3.0], k=None)])
    for name in ("loss", "l0"):
        text = (tmp_path / f"{name}.svg").read_text(encoding="utf-8")
        root = ET.fromstring(text)
        titles = [found.text or "" for found in root.iter(f"{SVG}text") if "layer" in (found.text or "")]
        assert titles == ["standard, layer 2", *(f"topk, layer {layer}" for layer in range(8))]
        assert text.count("<path ") == 9
        width, height = (float(root.attrib[side]) for side in ("width", "height"))
        xs = [float(x) for x in re.findall(r' x="([0-9.]+)"', text)]
        assert max(xs) <= width
        assert width / COLUMNS > 200
        assert height > 3 * 200, "one row of standard, two of topk"
    assert "asked for" in text


def test_numbers_that_cannot_be_drawn_are_left_out(tmp_path: Path) -> None:
    write_curves(
        tmp_path, [trained("topk", 0, [None, 5.0, 4.0, 0.0, 3.0, 2.0]), trained("topk", 1, [None, None])]
    )
    text = (tmp_path / "loss.svg").read_text(encoding="utf-8")
    ET.fromstring(text)
    assert text.count("<path ") == 2
    assert "nan" not in text


def test_nothing_without_a_curve(tmp_path: Path) -> None:
    write_curves(tmp_path, [trained("topk", 0, [])])
    assert list(tmp_path.iterdir()) == []
