"""Reports for pages: a small one with everything, a hostile one, and a large one made without validating anything."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from typing import Any, NamedTuple

import numpy as np
from builders import README, cfg, tensors, view

from hubkit.formats.family import Family
from hubkit.formats.sae import Sae
from hubkit.repo.memory import MemoryView
from hubkit.validate.evidence import Evidence, FiringCounts, Seen, ThresholdCounts
from hubkit.validate.finding import Finding, Severity
from hubkit.validate.report import Report
from hubkit.validate.run import validate
from hubkit.validate.selection import Ignore, Selection

EVIL = (
    "x</script><script>window.owned=1</script><!--<img src=x onerror=window.owned=1>"
    "&lt;b&gt;\u202e\u2028'\"`${window.owned=1}` javascript:window.owned=1 \\u003cb\\u003e ]]>"
)

EDGES = tuple(-6 + step / 2 for step in range(13))


def small() -> Report:
    """Three SAEs: a JumpReLU whose thresholds never learned, a good one that was measured, a TopK without its k."""
    files: dict[str, bytes] = {"README.md": README.encode()}
    dead, alive, topk = tensors(), tensors(), tensors("topk")
    dead["threshold"] *= 0
    alive["threshold"][:5] = 0
    for folder, configuration, weights in (
        ("dead_L2", cfg(metadata={"num_dead_features": 20}), dead), ("alive_L2", cfg(), alive), ("topk_L2", cfg("topk", k="8"), topk),
    ):  # fmt: skip
        files |= view(configuration, weights, folder=folder, readme=None).files
    value = {"measure": "l0", "value": 6.5, "n": 900, "split": "held_out", "version": 1}
    density = {"split": "held_out", "n": 900, "latents": 32, "dead": 3, "dense": 4}
    density |= {"edges": list(EDGES), "counts": [2] * 11 + [7]}
    saes = [{"sae_id": "alive_L2", "values": [value], "densities": [density], "warnings": []}]
    files["evaluation.json"] = json.dumps({"$schema": "urn:hubkit:evaluation:2", "saes": saes}).encode()
    selection = Selection(ignore=(Ignore("CFG012", "the folders are numbered by hand"),))
    return validate(MemoryView(name="lab/small", files=files), selection, coverage=True)


def hostile() -> Report:
    """Names and texts that are markup, script and control characters, wherever a report holds a stranger's text."""
    name = EVIL.replace("/", "\u2215")
    card = README + f"# 7 SAEs {EVIL}\n\nThis repository contains 7 SAEs of width 4096, {EVIL}.\n"
    files = view(cfg("topk", k=EVIL), tensors("topk"), folder=name, readme=card).files
    files |= view(cfg("topk", k=EVIL), tensors("topk"), folder=f"b {name}", readme=None).files
    files[f"c \udcff {name}.pt"] = b"\x80\x04c" + b"os\nsystem\n."
    return validate(MemoryView(name=EVIL, files=files), coverage=True)


def large(count: int = 5000) -> Report:
    """`count` SAEs, each with evidence and a finding or two."""
    family, generator = Family("saelens", "", lambda _, __: ()), np.random.default_rng(0)
    saes, findings, evidence = [], [], {}
    for number in range(count):
        name = f"layer_{number % 26}/width_{number // 26}_jumprelu"
        saes.append(Sae(name, family, "v6", "jumprelu", 2304, 16384, stated_layer=number % 26))
        zero = number % 3 == 0
        counts = () if zero else tuple(int(n) for n in generator.integers(0, 900, 24))
        firing = tuple(int(n) for n in generator.integers(0, 900, 12))
        ends = (0.0, 0.0) if zero else (0.01, 0.9)
        evidence[name] = Evidence(
            ThresholdCounts(
                16384, 16384 - sum(counts), 0, *ends, logarithmic=False, counts=counts, init=None
            ),
            FiringCounts("held_out", 900, 16384, 12, 40, EDGES, firing),
            (Seen("l0", float(generator.uniform(20, 200)), "held_out", 900, "evaluation.json"),),
        )
        place = Place(name, f"{name}/sae_weights.safetensors", f"{number:015x}")
        if zero:
            findings.append(
                place.finding(
                    "THR001",
                    Severity.ERROR,
                    "all 16,384 thresholds are 0: this JumpReLU computes a plain ReLU",
                )
            )
        findings.append(
            place.finding(
                "THR008", Severity.WARNING, f"L0 {5000 + number} of 16,384 latents are active on average"
            )
        )
    return Report("lab/large", None, saes, findings, [], [], 0, 10**6, 10**9, 1.0, evidence=evidence)


class Place(NamedTuple):
    """Where a finding is."""

    sae_id: str
    path: str
    mark: str

    def finding(self, code: str, severity: Severity, message: str) -> Finding:
        """One of `code` there."""
        mark = f"{severity}{self.mark}"
        return Finding(
            message,
            "train again",
            self.path,
            sae_id=self.sae_id,
            code=code,
            severity=severity,
            fingerprint=mark,
        )


class Parsed(HTMLParser):
    """A page as a browser reads it: its scripts with what is in them, every attribute, and the text outside of them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.attributes: list[tuple[str, str, str | None]] = []
        self.tags: list[str] = []
        self.comments: list[str] = []
        self.text = ""
        self._within = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        self._within = tag
        if tag == "script":
            self.scripts.append((dict(attrs), ""))

    def handle_endtag(self, tag: str) -> None:
        self._within = ""

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)

    def handle_data(self, data: str) -> None:
        if self._within == "script":
            attributes, before = self.scripts[-1]
            self.scripts[-1] = attributes, before + data
        elif self._within != "style":
            self.text += data

    def data(self, name: str) -> Any:
        """What a block of data holds."""
        (content,) = (content for attributes, content in self.scripts if attributes.get("id") == name)
        return json.loads(content)
