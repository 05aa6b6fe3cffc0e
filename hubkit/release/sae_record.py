"""`metadata.hubkit` of an SAE's cfg.json: what hubkit's training, fixes and conversions leave on record. Training writes it, every other room reads it here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

KEY = "hubkit"
"""Its key in `metadata`: keys of the study's own at the top of a cfg.json do not survive a load."""


def _said(*kinds: type) -> Any:
    """A field that is one of `kinds` where it is there, else None."""
    return field(default=None, metadata={"kinds": kinds})


def _trained(*kinds: type) -> Any:
    """The same, of what a training writes."""
    return field(default=None, metadata={"kinds": kinds, "training": True})


@dataclass(frozen=True, order=True)
class Rewritten:
    """The fix that made another architecture of the SAE."""

    rule: str
    before: str
    after: str

    @classmethod
    def read(cls, raw: object) -> Rewritten | None:
        """`metadata.hubkit.rewritten`, where it is one."""
        if not isinstance(raw, Mapping) or not {"rule", "from", "to"} <= raw.keys():
            return None
        return cls(*(str(raw[key]) for key in ("rule", "from", "to")))

    def written(self, threshold: Any) -> dict[str, Any]:
        """As a cfg.json has it, with the `threshold` that was taken away."""
        return {"rule": self.rule, "from": self.before, "to": self.after, "threshold": threshold}


@dataclass(frozen=True, kw_only=True)
class SaeRecord:
    """Read tolerantly: what is not there, or not of its kind, is None. Written exactly: `written`."""

    version: str | None = _trained(str)
    """Of hubkit."""
    recipe: str | None = _trained(str)
    spec_sha256: str | None = _trained(str)
    k: int | None = _trained(int)
    """The L0 that was asked for, as its architecture means it."""
    n_rows: int | None = _trained(int)
    rows: str | None = _trained(str)
    """The draw of rows (`folds.py`): `all`, the fold whose rows it did not see, `control`, ..."""
    rows_sha256: str | None = _trained(str)
    """Of the completion_ids of its rows (`folds.py`)."""
    steps: int | None = _trained(int)
    epochs: int | None = _trained(int)
    batch_size: int | None = _trained(int)
    lr: float | None = _trained(float, int)
    lr_schedule: str | None = _trained(str)
    lr_warm_up_steps: int | None = _trained(int)
    lr_decay_steps: int | None = _trained(int)
    dead_window: int | None = _said(int)
    """Of the auxiliary loss, written where there is one."""
    seed: int | None = _trained(int)
    autocast: bool | None = _trained(bool)
    products: str | None = _said(str)
    """Precision of products of float32 matrices, written where a GPU was given one."""
    input_scale: float | None = _trained(float, int)
    """Activations times this have a mean norm of sqrt(d_in); folded into the weights."""
    precision: str | None = _trained(str)
    """Of the base model."""
    base_model_revision: str | None = _trained(str)
    pooling: str | None = _trained(str)
    token_span: str | None = _trained(str)
    pool_sha256: str | None = _trained(str)
    seconds: float | None = _said(float, int)
    """The training's, as older versions wrote it."""
    rewritten: Rewritten | None = None
    legacy: Mapping[str, Any] | None = _said(Mapping)
    """What a legacy configuration said that its v6 form has no place for."""
    training: Mapping[str, Any] | None = _said(Mapping)
    """Keys of a training's runner that stood at the top of a configuration."""
    converted: Mapping[str, Any] | None = _said(Mapping)
    """Which library's file it was."""

    @classmethod
    def read(cls, raw: object) -> SaeRecord:
        """The record under KEY; an empty one of anything that is no mapping."""
        if not isinstance(raw, Mapping):
            return cls()
        known = {
            one.name: raw[one.name]
            for one in fields(cls)
            if one.name in raw and _is(raw[one.name], one.metadata.get("kinds", ()))
        }
        return cls(**known, rewritten=Rewritten.read(raw.get("rewritten")))

    def written(self) -> dict[str, Any]:
        """What a training writes, nulls too; the dead window, and the precision of a GPU's products, where there is one."""
        said = {"dead_window": self.dead_window, "products": self.products}
        return {name: getattr(self, name) for name in OF_TRAINING} | {
            name: value for name, value in said.items() if value is not None
        }


OF_TRAINING = tuple(one.name for one in fields(SaeRecord) if one.metadata.get("training"))


def added(raw: object, entries: Mapping[str, Any]) -> dict[str, Any]:
    """The raw record with `entries` of a fix; everything else stays as it was written, keys of other versions too."""
    return {**(raw if isinstance(raw, Mapping) else {}), **entries}


def _is(value: object, kinds: tuple[type, ...]) -> bool:
    # True is an int in Python, and another thing in a configuration
    return isinstance(value, kinds) and (bool in kinds or not isinstance(value, bool))
