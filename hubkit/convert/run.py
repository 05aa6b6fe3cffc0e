"""Convert the SAEs of a folder: plan, write aside, let SAELens load it, compare, and only then put it in its place."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from glob import escape
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import numpy as np

from hubkit.child_process import clean_environment, run_apart
from hubkit.convert.compare import Compared, Loaded, against_given, compared, source_outputs
from hubkit.convert.explained import Refused, Stated
from hubkit.convert.inputs import Array, Inputs, inputs_for
from hubkit.convert.plan import Planned, planned
from hubkit.engine.events import Event, Progress, silent
from hubkit.errors import INSTALL_TRAIN, HubkitError, IncompleteError, NothingFound, UsageError
from hubkit.fix.convert import (
    chosen_latents,
    smaller,
    source_paths,
    stored_values,
    tensor_digests,
    write_weights,
)
from hubkit.formats.architectures import TOPK
from hubkit.formats.conversion import dtype_after
from hubkit.release.digests import sha256_of_file
from hubkit.release.layout import CFG, WEIGHTS
from hubkit.repo.local import LocalView, open_folder
from hubkit.tensors.arrays import OneFile, whole
from hubkit.tensors.container import read_header
from hubkit.tensors.header import HeaderError
from hubkit.validate.gather import gather
from hubkit.validate.need import Need

if TYPE_CHECKING:
    from hubkit.validate.facts import SaeFacts

RUNNER = Path(__file__).with_name("saelens_runner.py")
TIMEOUT_START, TIMEOUT_EACH = 600.0, 120.0
"""Seconds: importing SAELens, and each SAE."""
ASIDE = "hubkit-convert"
ABANDONED = 86_400.0
"""Seconds after which a folder aside belongs to nobody."""
NEEDS = Need.TREE | Need.CFG | Need.HEADER | Need.PICKLES


@dataclass(frozen=True)
class Converted:
    """One SAE, as it is or would be written."""

    sae_id: str
    place: Path
    plan: Planned
    compared: Compared | None = None
    """None in a dry run."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Left:
    """One SAE that was not converted."""

    sae_id: str
    reason: str
    measured: Mapping[str, Any] = field(default_factory=dict)
    unread: bool = False
    """Whether something could not be read, and not that it cannot be."""


@dataclass
class Outcome:
    """What became of a folder's SAEs."""

    converted: list[Converted] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)


@dataclass
class _Work:
    """One SAE on its way."""

    facts: SaeFacts
    plan: Planned
    place: Path
    aside: Path
    inputs: Inputs | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class How:
    """What is asked beside the facts."""

    several: bool = False
    """Every SAE of the folder, each into a folder of its own."""
    dry_run: bool = False
    """Only the plans."""
    check: Path | None = None
    """A file of arrays x, latents and reconstruction that somebody's own code gave."""


def convert(
    target: Path, out: Path, stated: Stated, how: How | None = None, report: Progress = silent
) -> Outcome:
    """Convert the SAE of `target` (a folder, or one file of one) into the folder `out`.

    Raises UsageError, NothingFound, and IncompleteError where SAELens could not be asked; what is wrong with one SAE is in the outcome.
    """
    how = how or How()
    view, wanted = _opened(target, out, several=how.several)
    given = _given(how.check, wanted) if how.check else None
    outcome = Outcome()
    if not how.dry_run and find_spec("sae_lens") is None:
        raise UsageError(
            "what is converted is compared with SAELens, which is not installed",
            hint=f"{INSTALL_TRAIN}, or --dry-run for the plan",
        )
    plans = []
    for done, facts in enumerate(wanted):
        report(Event("convert", done, len(wanted), facts.sae_id))
        with _kept(facts.sae_id, outcome):
            plan = planned(facts, view, stated)
            place = out / facts.sae_id if how.several else out
            _free(place, plan)
            plans.append((facts, plan, place))
    if how.dry_run:
        outcome.converted = [
            Converted(facts.sae_id, place, plan, notes=plan.notes) for facts, plan, place in plans
        ]
        return outcome
    if plans:
        _carry_out(view, plans, out, given, outcome, report)
    report(Event("convert", len(wanted), len(wanted), "done"))
    return outcome


@contextmanager
def _kept(sae_id: str, outcome: Outcome) -> Iterator[None]:
    """What is wrong with one SAE is told, and does not end the others."""
    try:
        yield
    except Refused as refusal:
        outcome.left.append(Left(sae_id, refusal.message, refusal.measured))
    except HeaderError as damage:
        outcome.left.append(Left(sae_id, f"the file is damaged: {damage.message}"))
    except (IncompleteError, OSError) as error:
        said = error.message if isinstance(error, HubkitError) else str(error)
        outcome.left.append(Left(sae_id, said, unread=True))


def _opened(target: Path, out: Path, *, several: bool) -> tuple[LocalView, list[SaeFacts]]:
    """The folder, and its SAEs that are not SAELens's yet."""
    root = target.parent if target.is_file() else target
    source, place = root.resolve(), out.resolve()
    if place == source or source in place.parents or (not several and place in source.parents):
        raise UsageError(
            f"{out} is {'the source' if place == source else 'inside the source' if source in place.parents else 'around the source'}: the source is never written to",
            hint=f"--out {root.with_name(root.name + '-saelens') if root.name else 'FOLDER'}",
        )
    view = open_folder(root)
    saes = [one for one in gather(view, NEEDS).saes if not target.is_file() or one.sae.weights == target.name]
    wanted = [one for one in saes if not one.is_saelens]
    if not saes:
        raise NothingFound(
            f"{target}: no SAE was found here",
            hint="name the folder that holds the weights; hubkit validate says what was passed over",
        )
    if not wanted:
        raise NothingFound(f"{target}: it is in SAELens's format already", hint=f"hubkit validate {target}")
    if len(wanted) > 1 and not several:
        first = ", ".join(one.sae_id for one in wanted[:3])
        raise UsageError(
            f"{target} holds {len(wanted)} SAEs ({first}, ...)",
            hint="name one of them, or --all, for one folder each below --out",
        )
    return view, wanted


def _free(place: Path, plan: Planned) -> None:
    """Raises Refused where something lies there already."""
    if place.is_file() or (place.is_dir() and any(place.iterdir())):
        with suppress(OSError, ValueError, KeyError, TypeError):
            made = json.loads((place / CFG).read_text(encoding="utf-8"))
            if made == json.loads(json.dumps(plan.cfg)) and (place / WEIGHTS).is_file():
                raise Refused(f"{place} has it already, made of the same files")
        raise Refused(f"{place} is there already, and nothing in it is overwritten: name another --out")


def _carry_out(
    view: LocalView,
    plans: list[tuple[SaeFacts, Planned, Path]],
    out: Path,
    given: Mapping[str, Array] | None,
    outcome: Outcome,
    report: Progress,
) -> None:
    """Write all aside, ask SAELens once, and put each that is equal in its place."""
    around = out.parent
    around.mkdir(parents=True, exist_ok=True)
    _sweep(around, out.name)
    aside = around / f".{out.name}.{uuid4().hex[:8]}.{ASIDE}"
    try:
        with tempfile.TemporaryDirectory(prefix=f"{ASIDE}-", ignore_cleanup_errors=True) as scratch:
            works: dict[str, _Work] = {}
            for written, (facts, plan, place) in enumerate(plans):
                report(Event("write", written, len(plans), facts.sae_id))
                with _kept(facts.sae_id, outcome):
                    work = _Work(facts, plan, place, aside / str(written))
                    _write(view, work, Path(scratch), given)
                    works[work.aside.name] = work
            report(Event("write", len(plans), len(plans), "SAELens loads them"))
            answer = _ask(works, Path(scratch)) if works else {"saes": {}}
            for done, (number, work) in enumerate(works.items()):
                report(Event("compare", done, len(works), work.facts.sae_id))
                with _kept(work.facts.sae_id, outcome):
                    found = _judged(
                        view,
                        work,
                        answer["saes"][number],
                        str(answer["version"]),
                        Path(scratch) / number,
                        given,
                    )
                    _put(view, work)
                    notes = (*work.plan.notes, *work.notes)
                    outcome.converted.append(
                        Converted(work.facts.sae_id, work.place, work.plan, found, notes)
                    )
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _sweep(around: Path, name: str) -> None:
    """Remove what runs left that were killed: folders aside that nothing was put into for a day."""
    for folder in around.glob(f".{escape(name)}.????????.{ASIDE}"):
        with suppress(OSError):  # another run was faster
            if time.time() - folder.lstat().st_mtime > ABANDONED:
                shutil.rmtree(folder, ignore_errors=True)


def _write(view: LocalView, work: _Work, scratch: Path, given: Mapping[str, Array] | None) -> None:
    """The new folder, a smaller one of the compared latents where it is large, and the inputs."""
    plan = work.plan
    own, w = _tensors(view, plan)
    if given is not None:
        against_given(plan.definition, own, plan.sae.k, given)
    work.inputs = inputs_for(plan.cfg, w, dtype_after(plan.sae, plan.definition))
    work.notes = _scaled(plan, w)
    work.aside.mkdir(parents=True)
    write_weights(plan.sae, view, plan.definition, work.aside / WEIGHTS)
    (work.aside / CFG).write_text(
        json.dumps(plan.cfg, indent=2, allow_nan=False) + "\n", encoding="utf-8", newline="\n"
    )
    folder = scratch / work.aside.name
    folder.mkdir()
    chosen = chosen_latents(plan.sae)
    if len(chosen) < (plan.sae.d_sae or 0):
        _write_smaller(work, folder, chosen)
    np.savez(folder / "rows.npz", all=work.inputs.rows, plain=work.inputs.rows[work.inputs.plain])


def _tensors(view: LocalView, plan: Planned) -> tuple[dict[str, Array], dict[str, Array]]:
    """The source's tensors, cut to the compared latents: by their own names as they lie, and by SAELens's, turned round."""
    chosen = chosen_latents(plan.sae)
    own, w = {}, {}
    for name, tensor in plan.sae.tensors.items():
        values = stored_values(view, name, tensor, chosen)
        own[tensor.info.name] = values
        w[name] = values.T if tensor.transposed else values
    if "threshold" in w and w["threshold"].size == 1:
        w["threshold"] = np.full(len(chosen), float(w["threshold"].reshape(-1)[0]))
    return own, w


def _scaled(plan: Planned, w: Mapping[str, Array]) -> tuple[str, ...]:
    """Decoder rows whose norm is not 1, where the library's loader changes the latents by them."""
    if (
        plan.sae.family.name != "dictionary_learning"
        or plan.sae.architecture != "standard"
        or not plan.definition.subtracts
    ):
        return ()
    norms = np.linalg.norm(w["W_dec"], axis=1)
    if np.allclose(norms, 1.0):
        return ()
    note = (
        f"its decoder rows have norms of {norms.min():.3g} to {norms.max():.3g}: latents are as stored, and AutoEncoder.from_pretrained multiplies them by "
        "these norms unless normalize_decoder=False; the reconstruction is the same"
    )
    return (note,)


def _write_smaller(work: _Work, folder: Path, chosen: np.ndarray[Any, Any]) -> None:
    """The same SAE with the chosen latents alone, cut out of the file that was written."""
    with (folder / WEIGHTS).open("wb") as file:
        file.writelines(smaller(open_folder(work.aside), WEIGHTS, chosen).blocks())
    cfg = {**work.plan.cfg, "d_sae": len(chosen)}
    (folder / CFG).write_text(json.dumps(cfg), encoding="utf-8", newline="\n")


def _ask(works: Mapping[str, _Work], scratch: Path) -> dict[str, Any]:
    """What SAELens makes of every folder, in one process."""
    job = {}
    for number, work in works.items():
        folder, smaller = scratch / number, (scratch / number / CFG).is_file()
        job[number] = {
            "folder": str(work.aside.resolve()),
            "compared": str((folder if smaller else work.aside).resolve()),
            "rows": str((folder / "rows.npz").resolve()),
            "outputs": str((folder / "outputs.npz").resolve()),
        }
    job_file, answer_file = scratch / "job.json", scratch / "answer.json"
    job_file.write_text(json.dumps(job), encoding="utf-8")
    environment = clean_environment(scratch / "home", {"HF_HUB_OFFLINE": "1"})
    command = [sys.executable, str(RUNNER), str(job_file.resolve()), str(answer_file.resolve())]
    timeout = TIMEOUT_START + TIMEOUT_EACH * len(works)
    done = run_apart(command, scratch, environment, timeout)
    if done.timed_out:
        raise IncompleteError(f"SAELens did not load the SAEs within {timeout:.0f} s")
    if not answer_file.is_file():
        raise IncompleteError(f"the process that ran SAELens ended with {done.code}: {done.errors[-500:]}")
    answer: dict[str, Any] = json.loads(answer_file.read_text(encoding="utf-8"))
    return answer


def _judged(
    view: LocalView,
    work: _Work,
    answer: Mapping[str, Any],
    version: str,
    folder: Path,
    given: Mapping[str, Array] | None,
) -> Compared:
    """Raises Refused where SAELens does not load it, has other tensors, or computes something else."""
    plan, inputs = work.plan, work.inputs
    if "raised" in answer or inputs is None:
        raise Refused(f"SAELens {version} does not load it: {answer.get('raised')}")
    for key in ("hook_name", "model_name"):
        if answer[key] != plan.cfg["metadata"][key]:
            raise Refused(
                f"SAELens {version} takes {answer[key]!r} for its {key}, expected {plan.cfg['metadata'][key]!r}"
            )
    _same_tensors(work, answer["tensors"], version)
    own, w = _tensors(view, plan)
    source = source_outputs(plan.definition, own, inputs.rows, plan.sae.k)
    with np.load(folder / "outputs.npz") as arrays:
        found = {name: arrays[name] for name in arrays.files}
    loaded = Loaded(version, str(answer["dtype"]), found, plan.sae.d_sae or 0)
    top_k = plan.cfg["architecture"] in TOPK
    every = source_outputs(plan.definition, own, inputs.rows, source[0].shape[1])[0] if top_k else None
    verdict = compared(inputs, source, loaded, w, every)
    if given is None:
        return verdict
    return replace(verdict, given=against_given(plan.definition, own, plan.sae.k, given))


def _same_tensors(work: _Work, digests: Mapping[str, str], version: str) -> None:
    """Every bit of every tensor, as SAELens holds it, is that of the file."""
    mine = tensor_digests(open_folder(work.aside), WEIGHTS)
    other = sorted(name for name in mine.keys() | digests.keys() if mine.get(name) != digests.get(name))
    if other:
        raise Refused(f"SAELens {version} holds other values in {', '.join(other)} than the file")


def _put(view: LocalView, work: _Work) -> None:
    """The folder in its place, in one step. Raises Refused where the source changed meanwhile or something came there."""
    paths = source_paths(work.plan.sae, work.facts.cfg_path)
    if {PurePosixPath(path).name: sha256_of_file(view.root / path) for path in paths} != work.plan.sources:
        raise Refused("its files changed while it was converted: run it again")
    _free(work.place, work.plan)
    work.place.parent.mkdir(parents=True, exist_ok=True)
    with suppress(OSError):
        work.place.rmdir()  # an empty one, which Windows renames nothing onto
    work.aside.rename(work.place)


def _given(check: Path, wanted: list[SaeFacts]) -> dict[str, Array]:
    """The arrays of `--check`: inputs and what somebody's own code made of them."""
    if len(wanted) != 1:
        raise UsageError("--check is of one SAE", hint="convert them one by one")
    if not check.is_file():
        raise UsageError(f"{check}: there is no such file")
    view = OneFile(str(check), file=check)
    found = {
        name: whole(view, check.name, info) for name, info in read_header(view, check.name).tensors.items()
    }
    if "x" not in found or not {"latents", "reconstruction"} & found.keys():
        raise UsageError(
            f"{check} has {', '.join(sorted(found)) or 'nothing'}, expected x, and latents or reconstruction or both",
            hint="numpy.savez(FILE, x=x, latents=sae.encode(x), reconstruction=sae(x))",
        )
    if any(array.ndim != 2 for array in found.values()):
        raise UsageError(f"{check}: expected arrays of two dimensions, one row an input")
    return found
