"""What an SAE computes: by its library's own code where its files say which class it is, else by what a person states of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from hubkit.errors import HubkitError
from hubkit.formats.conversion import architectures_of
from hubkit.formats.foreign_forward import DEFINITIONS, STATED, Definition, definition_of, stated_definition
from hubkit.tensors.slices import read_values

if TYPE_CHECKING:
    from hubkit.formats.sae import Sae
    from hubkit.repo.view import RepoView

OWN_WORDS = {"bias", "decoder_bias", "k"}
"""Names that dictionary_learning's classes alone give: a file that has them needs no configuration to be one of them."""
KINDS = tuple(dict.fromkeys(kind for family, kind, _ in DEFINITIONS if family == "dictionary_learning"))
B_DEC = "--apply-b-dec-to-input or --no-apply-b-dec-to-input (whether the encoder sees x - b_dec)"


class Refused(HubkitError):  # noqa: N818 - not a failure: an SAE that is not converted, and why
    """This SAE cannot become one of SAELens's that computes the same; the message says why, `measured` has the numbers."""

    def __init__(self, message: str, measured: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.measured = dict(measured or {})


@dataclass(frozen=True, kw_only=True)
class Stated:
    """What a person says that no file does; None: nothing."""

    model: str | None = None
    hook: str | None = None
    hook_out: str | None = None
    architecture: str | None = None
    k: int | None = None
    subtracts: bool | None = None
    """Whether b_dec is taken off the input."""


def unexplained(sae: Sae) -> bool:
    """Whether only its tensors are there, under names that anybody's code may give."""
    own = {tensor.info.name for tensor in sae.tensors.values()}
    return sae.family.name == "unnamed" or (
        sae.family.name == "dictionary_learning" and sae.layout == "weights only" and not own & OWN_WORDS
    )


def explained(sae: Sae, view: RepoView, stated: Stated, said: dict[str, Any]) -> Definition | None:
    """Its definition; what was stated of it goes into `said`. None for a class that is not known. Raises Refused with what is to be stated."""
    own = definition_of(sae)
    if not unexplained(sae):
        if own is not None and stated.subtracts not in (None, own.subtracts):
            does = "takes b_dec off the input" if own.subtracts else "does not take b_dec off the input"
            raise Refused(
                f"its own code ({sae.family.name}, {sae.architecture}) {does}, and the option says otherwise"
            )
        if own is None and sae.architecture is None and sae.layout == "weights only":
            raise Refused(
                f"no configuration says which class it is: give --architecture ({' or '.join(KINDS)})"
            )
        return own
    if "log_threshold" in sae.tensors:
        raise Refused(
            "it has log_threshold, of which SAELens wants the exponentials: save it again with threshold = exp(log_threshold)"
        )
    subtracts = True if stated.subtracts is None and _is_zero(sae, view) else stated.subtracts
    fitting = [kind for kind in architectures_of(sae) if kind in STATED]
    _ask(sae, fitting, subtracts)
    if sae.architecture not in fitting:
        raise Refused(
            f"it has {', '.join(sorted(sae.tensors))}: these are not the tensors of a {sae.architecture} (they are those of {' or '.join(fitting) or 'none'})"
        )
    said["apply_b_dec_to_input"] = subtracts
    return stated_definition(sae, subtracts=bool(subtracts))


def _ask(sae: Sae, fitting: list[str], subtracts: bool | None) -> None:
    """Raises Refused where something that decides the computation is not said."""
    asked = []
    if sae.architecture is None:
        asked.append(f"--architecture ({' or '.join(fitting) or 'as it was trained'}, by its tensors)")
    if sae.k is None and (sae.architecture == "topk" or (sae.architecture is None and "topk" in fitting)):
        asked.append("--k" if sae.architecture == "topk" else "--k of a topk")
    if subtracts is None:
        asked.append(B_DEC)
    if asked:
        raise Refused(f"no configuration says what it computes: give {'; '.join(asked)}")


def _is_zero(sae: Sae, view: RepoView) -> bool:
    """Whether b_dec is all zeros, so that it is the same on either side."""
    tensor = sae.tensors.get("b_dec")
    return tensor is not None and not np.any(read_values(view, tensor.path, tensor.info))
