"""What Neuronpedia asks of an SAE before it has dashboards: the id that it will have there, and the arguments of the two programs that make them.

Source: the README of hijohnnylin/neuronpedia ("I Want to Generate My Own Dashboards/Data"), `neuronpedia-runner` of SAEDashboard, and
convert-saedashboard-to-neuronpedia-export.py, read at 17bc391 (2026). An id is MODEL/LAYER-SET; all that have one SET are one source set, one SAE a layer.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hubkit.errors import UsageError

if TYPE_CHECKING:
    from hubkit.formats.sae import Sae

FIELDS = ("architecture", "width", "k", "condition")
"""Of an SAE, which a set may be called by."""
SET = re.compile(r"(?P<model>[\w.-]+)/(?P<name>(?:[\w.-]|\{\w+\})+)")
SITES = {
    "hook_resid_pre", "hook_resid_mid", "hook_resid_post", "hook_mlp_in", "hook_mlp_out", "hook_attn_in", "hook_attn_out", "hook_z",
}  # fmt: skip
"""What the converter takes for `--hook-point`."""


@dataclass(frozen=True)
class SourceSet:
    """How the SAEs are to be called on Neuronpedia: `MODEL/SET`, where SET may name fields of each SAE, `{architecture}-deception`."""

    model: str
    pattern: str

    @classmethod
    def parse(cls, text: str) -> SourceSet:
        """From what was typed. Raises UsageError."""
        match = SET.fullmatch(text)
        unknown = [one for one in re.findall(r"{(\w+)}", text) if one not in FIELDS]
        if match is None or unknown:
            what = f"{{{unknown[0]}}} is no field" if unknown else "expected MODEL/SET"
            raise UsageError(
                f"--neuronpedia {text}: {what}",
                hint="--neuronpedia gemma-2-2b/deception-{architecture}; fields: "
                + ", ".join(f"{{{one}}}" for one in FIELDS),
            )
        return cls(match["model"], match["name"])

    def name(self, sae: Sae) -> str:
        """The source set that an SAE belongs to. Raises UsageError where its files do not say what the pattern asks for."""
        values = {
            "architecture": sae.architecture,
            "width": _short(sae.d_sae),
            "k": sae.k or sae.target_l0,
            "condition": sae.training.condition,
        }
        for field in re.findall(r"{(\w+)}", self.pattern):
            if values[field] is None:
                raise UsageError(
                    f"{sae.sae_id}: its files name no {field}, which --neuronpedia asks for",
                    hint="leave {" + field + "} out, or --only a part of the SAEs",
                )
        return self.pattern.format(**values)

    def dashboard(self, sae: Sae) -> str:
        """`MODEL/LAYER-SET`. Raises UsageError for an SAE without a layer."""
        if sae.layer is None:
            raise UsageError(
                f"{sae.sae_id}: its files name no layer, and Neuronpedia's ids begin with it",
                hint="leave --neuronpedia out",
            )
        return f"{self.model}/{sae.layer}-{self.name(sae)}"


def check_once(dashboards: Mapping[str, str], taken: Iterable[str]) -> None:
    """Each id belongs to one SAE. `dashboards`: SAE to id. Raises UsageError."""
    others = set(taken)
    seen: dict[str, str] = {}
    for sae_id, one in dashboards.items():
        if one in others:
            raise UsageError(
                f"--neuronpedia: {one} is the dashboard of another release already",
                hint="choose another SET",
            )
        if one in seen:
            raise UsageError(
                f"--neuronpedia: {seen[one]} and {sae_id} would both be {one}: a source set has one SAE a layer",
                hint="tell them apart: "
                + ", ".join(f"{{{field}}}" for field in FIELDS)
                + "; or --only a part of them",
            )
        seen[one] = sae_id


def asked(release: str, repo_id: str, registry_id: str, sae: Sae, dashboard: str) -> dict[str, Any]:
    """The arguments that the files decide, for both programs. What the author chooses is not there: dataset, prompts, titles, his name."""
    model, _, source = dashboard.partition("/")
    name = source.partition("-")[2]
    site = (sae.hook_name or "").rpartition(".")[2]
    return {
        "neuronpedia-runner": {"sae-set": release, "sae-path": registry_id, "np-set-name": name},
        "convert-saedashboard-to-neuronpedia-export": {
            "url": f"https://huggingface.co/{repo_id}",
            "model-name": model,
            "neuronpedia-source-set-id": name,
            "hf-weights-repo-id": repo_id,
            "hf-weights-path": sae.weights,
            "hook-point": site if site in SITES else None,
            "layer-num": sae.layer,
        },
    }


def _short(width: int | None) -> str | None:
    """2304 as it is, 16384 as `16k`: the custom of the field."""
    if width is None:
        return None
    return f"{width // 1024}k" if width % 1024 == 0 else str(width)
