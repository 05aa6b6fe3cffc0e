"""WTS: the weights as files: whether they are what their name says, their size, their doubles, their container."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterator

from hubkit.formats import saelens
from hubkit.formats.cfg import Cfg
from hubkit.formats.conversion import obstacle
from hubkit.formats.folder import Head
from hubkit.tensors.dtypes import BITS, CFG_NAMES
from hubkit.validate.card import told
from hubkit.validate.facts import WEIGHTS, RepoFacts, SaeFacts
from hubkit.validate.finding import FixKind, Found, Severity, mend
from hubkit.validate.need import Need
from hubkit.validate.passed_over import passed_over
from hubkit.validate.pickles import Pickle
from hubkit.validate.rule import repo_rule, sae_rule
from hubkit.words import many

POINTER_HINT = (
    "git lfs pull in a clone, `lfs: true` under `with:` of actions/checkout in a workflow; "
    "where the file itself was committed as a pointer, upload the real one"
)
WITH_A_FIRST_LINE = "transformers_or_vision"
"""saev writes a line of JSON in front of what torch.save writes."""
SHOWN, MOST_NAMED = 4, 100
SAFETENSORS_NAMES = {name: key for key, name in CFG_NAMES.items()}
SLACK = (-256, 1024)
"""Bytes by which a good file may differ from the equation: other writers put metadata and spaces into the header (+48 and +56 were seen)."""


@sae_rule("WTS002", Severity.ERROR, Need.HEADER)
def lfs_pointer(sae: SaeFacts) -> Iterator[Found]:
    """The weights file is a Git-LFS pointer text instead of the weights.

    It was committed without LFS, or cloned with GIT_LFS_SKIP_SMUDGE, or checked out by a workflow without LFS; readers then say "header too large".
    """
    for head in _heads(sae):
        if head.fault and head.fault.lfs_pointer:
            yield Found(head.fault.message, POINTER_HINT, path=head.entry.path, identity=_part(sae, head))


def _heads(sae: SaeFacts) -> list[Head]:
    """Of the weights, and of every part where they are split."""
    parts = [sae.folder.head(sae.files[name]) for name in _names(sae)]
    return parts or ([sae.head] if sae.head else [])


def _names(sae: SaeFacts) -> list[str]:
    return [
        name for path in sae.sae.files if sae.is_saelens and (name := path.rpartition("/")[2]) in sae.files
    ]


def _part(sae: SaeFacts, head: Head) -> str:
    """Tells the parts of one SAE apart; the first is the SAE's own."""
    return "" if sae.weights and head.entry.path == sae.weights.path else head.entry.name


@sae_rule("WTS003", Severity.ERROR, Need.HEADER)
def not_safetensors(sae: SaeFacts) -> Iterator[Found]:
    """Not a valid safetensors file.

    By the rules of the Rust reader (truncated, trailing bytes, holes, overlaps, unknown dtype, shape against offsets, no JSON) and two more:
    duplicate keys, a header above 1 MiB. A tensor may have any name: none is used as a path.
    """
    for head in _heads(sae):
        if head.fault and not head.fault.lfs_pointer and head.entry.name.endswith(".safetensors"):
            yield Found(
                head.fault.message,
                "save the weights again with safetensors.torch.save_file and upload them whole",
                path=head.entry.path,
                identity=_part(sae, head),
            )


@sae_rule("WTS009", Severity.ERROR, Need.TREE | Need.CFG)
def size_contradicts(sae: SaeFacts) -> Iterator[Found]:
    """The header could not be read, and the file's size contradicts the configuration.

    A file that SAELens writes has sum(tensor bytes) + 8 + header bytes, which architecture, d_in, d_sae and dtype determine: 17 of 17 public files by
    SAELens fit to the byte. So a missing or extra tensor, another width or another dtype shows in the listing, with no download. A size alone
    proves nothing: the header decides, and where it was read this rule is silent.
    """
    cfg, weights = sae.cfg, sae.files.get(WEIGHTS)
    if cfg is None or weights is None or sae.architecture is None or sae.header or sae.header_fault:
        return
    stated = str(cfg.effective.get("dtype")).removeprefix("torch.")
    fitting = {name for name in saelens.DTYPES if _fits(weights.size, expected_sizes(cfg, name))}
    expected = expected_sizes(cfg, stated)
    if not expected or stated in fitting:
        return
    other = sorted(fitting)
    says = f"; it would fit {' or '.join(other)}" if other else ""
    yield Found(
        f"{weights.size:,} bytes; a {sae.architecture} of d_in {cfg.integer('d_in')}, d_sae {cfg.integer('d_sae')} in {stated} has {expected[0]:,}{says}",
        "validate again when the file can be read: its header says which tensor or dtype it is",
        path=weights.path,
        severity=Severity.WARNING if other else None,
        confidence="medium",
        measured={"size": weights.size, "expected": expected[0], "difference": weights.size - expected[0]},
    )


def _fits(size: int, expected: list[int]) -> bool:
    return any(one + SLACK[0] <= size <= one + SLACK[1] for one in expected)


def expected_sizes(cfg: Cfg, dtype: str) -> list[int]:
    """The sizes in bytes that a file of SAELens may have: exact first, then with a float32 threshold and with scaling factors."""
    shapes, d_sae = saelens.shapes_of(cfg), cfg.integer("d_sae") or 0
    if shapes is None or dtype not in SAFETENSORS_NAMES:
        return []
    name = SAFETENSORS_NAMES[dtype]
    plain = {tensor: (name, shape) for tensor, shape in shapes.items()}
    forms = [plain]
    if "threshold" in plain:
        forms.append(plain | {"threshold": ("F32", shapes["threshold"])})
    if cfg.raw.get("finetuning_scaling_factor") is True:
        forms.append(plain | {"scaling_factor": (name, (d_sae,))})
    return [file_size(form) for form in forms]


def file_size(tensors: dict[str, tuple[str, tuple[int, ...]]]) -> int:
    """The size in bytes of a safetensors file: 8 + compact JSON header padded to 8 + tensors."""
    entries, at = {}, 0
    for name, (dtype, shape) in tensors.items():
        stop = at + math.prod(shape) * BITS[dtype] // 8
        entries[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": [at, stop]}
        at = stop
    header = len(json.dumps(entries, separators=(",", ":")))
    return 8 + (header + 7) // 8 * 8 + at


@repo_rule("WTS010", Severity.WARNING, Need.TREE | Need.TWINS)
def same_weights_twice(repo: RepoFacts) -> Iterator[Found]:
    """Two SAEs have the same weights under different ids.

    A grid whose loop saved one object twice, or a copy under a second name: a reader takes them for two results. On the Hub the listing's
    LFS oid decides; on disk files of equal size are compared in a few blocks, and only those that agree in all of them are hashed.
    """
    groups: dict[str, list[SaeFacts]] = defaultdict(list)
    for sae in repo.saes:
        if sae.weights_sha256 and sae.in_one_file and not (sae.header_fault and sae.header_fault.lfs_pointer):
            groups[sae.weights_sha256].append(sae)
    for digest, saes in groups.items():
        # several SAEs of one file are no copies of each other
        if len({sae.weights.path for sae in saes if sae.weights}) > 1:
            ids = [sae.sae_id for sae in saes]
            shown = ", ".join(ids[:4]) + (f" and {len(ids) - 4} more" if len(ids) > 4 else "")
            yield Found(
                f"{shown} have the same weights",
                "save the weights that belong to each, or remove the copies",
                path=saes[0].weights.path if saes[0].weights else None,
                identity=digest,
                measured={"sha256": digest, "sae_ids": ids},
            )


@sae_rule("WTS014", Severity.WARNING, Need.TREE | Need.HEADER, fix="safe")
def weights_are_a_pickle(sae: SaeFacts) -> Iterator[Found]:
    """The weights are a pickle.

    Loading a pickle can run code, so careful people and careful loaders refuse it; SAELens's own format is safetensors. hubkit reads names, shapes and
    imports without running anything. SEC001 says what the pickle would import. The fix writes the same tensors as safetensors; of dictionary_learning, SAEBench and
    Qwen-Scope in SAELens's format, with a cfg.json, once both definitions give the same on random inputs.
    """
    if sae.pickle is None or sae.weights is None:
        return
    shapes = [f"{name} {list(shape)}" for name, shape in sae.pickle.tensors.items()]
    holds = ", ".join(shapes[:6]) + (f" and {len(shapes) - 6} more" if len(shapes) > 6 else "")
    unread = f"; not all of it could be read: {sae.pickle.fault}" if sae.pickle.fault and not shapes else ""
    hint, fix = _about_pickle(sae, sae.pickle)
    yield Found(
        f"{sae.weights.name} is a pickle" + (f"; it holds {holds}" if shapes else unread),
        hint,
        path=sae.weights.path,
        measured={
            "imports": list(sae.pickle.imports),
            "tensors": {n: list(s) for n, s in sae.pickle.tensors.items()},
        },
        fix=fix,
    )


def _about_pickle(sae: SaeFacts, pickle: Pickle) -> tuple[str, FixKind | None]:
    """The fix where it can be made; else what stands in its way, and what a person does about it."""
    if pickle.executors:
        return "do not load it (SEC001): get the tensors as safetensors from whoever wrote it", None
    if not pickle.tensors:
        return (
            "its tensors cannot be read without running it: save it again, from a source that you trust, with safetensors.torch.save_file",
            None,
        )
    reason = None if sae.is_saelens else obstacle(sae.sae)
    if reason is None:
        return (
            f"{mend('WTS014')} writes it in SAELens's format beside the pickle, which stays for you to remove",
            "safe",
        )
    then = f"; then {mend('WTS014')} writes it in SAELens's format" if reason.passable else ""
    return f"{reason}{then}", None


@sae_rule("WTS015", Severity.NOTE, Need.TREE | Need.CFG)
def other_family(sae: SaeFacts) -> Iterator[Found]:
    """Another family's format: says which, and what reads it.

    The rules for SAELens's format are not asked of it.
    """
    if not sae.is_saelens and sae.sae.family.name not in {"unknown", "unnamed"}:
        yield Found(
            f"this is a {sae.sae.family.name} SAE, not SAELens's format"
            + ("" if sae.sae.is_judged else "; it was recognised, not judged"),
            f"read it with {sae.sae.family.loader}",
            path=sae.cfg_path or sae.sae.weights,
        )


@repo_rule("WTS016", Severity.WARNING, Need.TREE | Need.CFG)
def weights_passed_over(repo: RepoFacts) -> Iterator[Found]:
    """Files that may hold weights belong to no SAE that was recognised: nothing is known of them.

    A warning where they are all there is: an SAE in a layout that hubkit does not know, a base model, a file under a name of its own; the exit code is then 3.
    Beside SAEs that were recognised it is a note, and the report says so in a line of its own: what was not judged must not look like nothing wrong. No note is of a file that the
    card's text names.
    """
    others = passed_over(repo)
    if not others:
        return
    shown = ", ".join(entry.path for entry in others[:SHOWN]) + (
        f" and {len(others) - SHOWN} more" if len(others) > SHOWN else ""
    )
    message = f"{many(len(others), 'weights file')} passed over, {'its' if len(others) == 1 else 'their'} contents not judged: {shown}"
    if repo.saes:
        repo.remarks.append(message)
        if all(told(repo, entry.name) for entry in others):
            return
    yield Found(
        message,
        "write a cfg.json beside each SAE among them (architecture, d_in, d_sae, dtype, metadata) and library_name and base_model into the card, or add the "
        "configuration of its own library; say in the card what other files are for, by their names",
        path=others[0].path,
        severity=Severity.NOTE if repo.saes else None,
        measured={"files": [entry.path for entry in others[:MOST_NAMED]], "count": len(others)},
        identity="passed over",
    )


@sae_rule("WTS017", Severity.ERROR, Need.HEADER)
def container_damaged(sae: SaeFacts) -> Iterator[Found]:
    """The weights are a damaged npz or torch file.

    Truncated, empty, random bytes, a zip whose directory contradicts its members, a wrong checksum, an array whose header contradicts its size, a pickle
    that breaks off: whatever loads it fails, or reads something else than was written. Safetensors files have WTS003, Git-LFS pointers WTS002.
    """
    fault = sae.header_fault
    if sae.sae.family.name == WITH_A_FIRST_LINE:
        return
    if fault and not fault.lfs_pointer and sae.weights and not sae.weights.name.endswith(".safetensors"):
        yield Found(fault.message, "save the weights again and upload the file whole", path=sae.weights.path)
