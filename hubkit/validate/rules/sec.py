"""SEC: what must never be published."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from hubkit.errors import IncompleteError
from hubkit.models.names import is_placeholder
from hubkit.release.layout import README
from hubkit.tensors.endings import packed_text
from hubkit.texts import Lines
from hubkit.validate.card import told
from hubkit.validate.facts import RepoFacts
from hubkit.validate.finding import Found, Severity, mend
from hubkit.validate.need import Need
from hubkit.validate.pickles import Pickle
from hubkit.validate.rule import repo_rule
from hubkit.validate.secret_texts import secrets_of
from hubkit.words import many, some

PRIVATE_PATH = re.compile(
    r"""(?<![\w.:/\\-])(?:/(?:home|Users)/(?P<unix>[^/\s"'`<>()\[\]{},;]+)(?=[/\s"'`)]|$)"""
    r"""|(?P<root>/root)(?=/[\w.~-])"""
    r"""|[A-Za-z]:(?:\\{1,2}|/)Users(?:\\{1,2}|/)(?P<windows>[^\\/\s"'`<>]+))""",
    re.MULTILINE,
)
NOBODY = {
    "...", "…", "$user", "%username%", "<user>", "alice", "bob", "default", "john", "jane", "me", "name", "public", "runner", "shared", "someone",
    "user", "username", "user_name", "you", "your-name", "your-username", "your_name", "your_user", "your_username", "yourname", "yourusername",
}  # fmt: skip
"""User names that only stand for one."""
REMOVE = "do not load it, and remove it; get the tensors as safetensors from whoever wrote it"
DECIDE = "what these names do when they are called is not known here: load it only if you trust its author; or publish the tensors as safetensors"


@repo_rule("SEC001", Severity.ERROR, Need.PICKLES)
def pickle_runs_code(repo: RepoFacts) -> Iterator[Found]:
    """A pickle imports what runs code, or what may.

    Unpickling calls what the pickle names: os.system, subprocess.Popen, builtins.eval or getattr hand the machine to whoever wrote the file. The imports are
    read from the opcodes, nothing is loaded. An import that is neither known to be harmless nor known to run code is a warning.

    A pickle is what its bytes are: on disk the first bytes of every file are looked at, whatever its name, also inside zip, npz, npy, tar, gzip, bz2,
    xz, lzma and joblib's files, and in what torch.storage._load_from_bytes is given to unpickle (a tensor that was pickled without torch.save), four levels deep, and in zips that stand behind something else; behind a pickle's end, behind the
    arrays of a .npy and torch's raw numbers, in HDF5 and in files of no known kind, for imports that are written in one piece; in the schema of Arrow and Parquet, for types that are pickles; in texts, for pickles in base64, and for such as stand behind text. What could not be read to its end, or is called packed and of no known kind, is a warning; a
    limit that was reached (some four seconds of following opcodes and unpacking, or 256 MiB, of one file; 200,000 members) makes the report incomplete, too.
    Folders that tools make (.venv, __pycache__, .cache) are searched, too, for what runs code. Of a repository on the Hub, texts and pictures are taken for what they are called, archives that must be unpacked from
    their beginning, and HDF5, are told and not brought here, and what is beyond 400 requests or 32 MiB makes the report incomplete.
    """
    for pickle in repo.pickles:
        for names, severity, what, hint in (
            (pickle.executors, Severity.ERROR, "which run code when it is loaded", REMOVE),
            (pickle.others, Severity.WARNING, "which a checkpoint of tensors does not need", DECIDE),
        ):
            if names:
                yield Found(
                    f"{_the_pickle(pickle)} imports {some(names)}, {what}",
                    hint,
                    path=pickle.path,
                    severity=severity,
                    measured={"imports": names}
                    | ({"inside": list(pickle.places)} if any(pickle.places) else {}),
                    identity=severity.word,
                )
        yield from _unread_pickle(pickle)
    limits = [
        f"{pickle.path}: {pickle.beyond[0]}"
        for pickle in repo.pickles
        if pickle.beyond and not pickle.executors and not _is_packed_text(pickle)
    ]
    if repo.unlooked or limits:
        raise IncompleteError(some([*repo.unlooked, *limits], "; ", most=3))


def _is_packed_text(pickle: Pickle) -> bool:
    """Whether it is called one packed text, and nothing in it says otherwise."""
    return packed_text(pickle.path) and not pickle.places


def _the_pickle(pickle: Pickle) -> str:
    """The pickle as the message names it: with its place, where it is a member of something."""
    inside = [place for place in pickle.places if place]
    if not inside:
        return "the pickle"
    return f"the pickle {inside[0]}" + (
        f" (one of {len(pickle.places)} in the file)" if len(pickle.places) > 1 else ""
    )


def _unread_pickle(pickle: Pickle) -> Iterator[Found]:
    """What loading the file may do beside what was read of it."""
    if pickle.code:
        yield Found(
            f"it carries code of its own ({some(list(pickle.code), most=2)}), which torch runs when it loads the file",
            "nobody here read that code: load it only if you trust its author; or publish the tensors as safetensors",
            path=pickle.path,
            severity=Severity.WARNING,
            identity="code",
        )
    if pickle.unread:
        begin = "the pickle was not read to its end" if pickle.places else "nobody looked for pickles in it"
        yield Found(
            f"{begin}: {some(list(pickle.unread), '; ', most=2)}",
            "unpack it into files that can be looked into, or publish the tensors as safetensors",
            path=pickle.path,
            severity=Severity.NOTE if _is_packed_text(pickle) else Severity.WARNING,
            measured={"unread": list(pickle.unread)[:20]},
            identity="unread",
        )


@repo_rule("SEC005", Severity.WARNING, Need.PICKLES)
def not_looked_into(repo: RepoFacts) -> Iterator[Found]:
    """Files that hubkit does not know how to read.

    Every file is known as data of which nothing runs when it is read (text, safetensors, numpy's arrays, pictures, tables, sounds, fonts, ONNX, GGUF,
    sentencepiece, ... by its first bytes), or is looked into to its end (pickles and what holds them: SEC001), or is named here: databases and shelves,
    raw numbers, formats of programs, macros. Nothing is known to be wrong with them, and nothing is known to be right. Members of archives count, too.
    """
    damaged = _damaged(repo)
    unknown = [path for path in repo.unknown if path not in damaged]
    if unknown:
        one = len(unknown) == 1
        yield Found(
            f"not looked into: {many(len(unknown), 'file')} that hubkit does not know how to read: {some(unknown)}",
            f"say in the card what {'it is' if one else 'they are'} and how to open {'it' if one else 'them'}, write numbers as safetensors or npy, or take {'it' if one else 'them'} out",
            path=unknown[0].partition(": ")[0],
            measured={"files": unknown[:100]},
            identity="unknown",
        )


def _damaged(repo: RepoFacts) -> set[str]:
    """Weights of which WTS003 says what is wrong with them."""
    return {sae.weights.path for sae in repo.saes if sae.weights and sae.header_fault}


def _texts(repo: RepoFacts) -> list[tuple[str, str]]:
    """(path, text) of everything small that was read: configurations, the card, evaluation.json, evidence.yaml."""
    texts = [(file.path, file.text) for file in repo.configs]
    texts += [(README, repo.readme.text)] if repo.readme else []
    return texts + [(file.path, file.text) for file in (repo.evaluation, repo.evidence) if file]


def _metadata(repo: RepoFacts) -> Iterator[tuple[str, str]]:
    """(path, text) of what weights say beside their tensors, where their headers were read."""
    for head in (head for folder in repo.folders.values() for head in folder.known_heads()):
        if head.header is not None and head.header.metadata:
            yield head.entry.path, "\n".join(f"{k}: {v}" for k, v in head.header.metadata.items())


@repo_rule("SEC002", Severity.ERROR, Need.CFG | Need.README | Need.EVALUATION | Need.TEXTS)
def secret(repo: RepoFacts) -> Iterator[Found]:
    """A secret is about to be, or was, published: Hub token, API key, password, private key.

    Looked for in every configuration, the card, evaluation.json and evidence.yaml, in the names of files, the metadata of safetensors, and in all other
    texts of a folder: .env, notebooks, scripts, YAML, logs, whatever they are called, in UTF-8, 16 or 32, with their escapes undone, also inside
    gzip, bz2, xz, zip and tar, and in what those write beside their members; of what is no text in the first 64 kB. On the Hub, in the texts that people write by hand. In files of settings (.env, .netrc,
    *.sh, *.ini) a value that its name calls a password, token or key is one, unless a variable or a word only stands for it; so is what stands behind `Authorization: Bearer` or `curl -u`. In programs, YAML and JSON it must look like one. The report shows kind,
    place and length, never the text, and says what was too long to search. Folders that are never published (.git, .cache) are not read.
    """
    read = [one for path, text in (*_texts(repo), *_metadata(repo)) for one in secrets_of(path, text)]
    for one in (*read, *repo.secrets):
        yield Found(
            f"{one.kind} ({one.length} characters)" + (f" {one.place}" if one.place else ""),
            "revoke it now, then remove it from the file and from the history"
            if one.path
            else "revoke it now, then rename the file, in the history too",
            path=one.path,
            line=one.line,
            identity=one.identity,
        )


@repo_rule("SEC003", Severity.WARNING, Need.CFG | Need.README | Need.EVALUATION, fix="unsafe")
def private_path(repo: RepoFacts) -> Iterator[Found]:
    r"""A private path or user name.

    `/home/name/...`, `/Users/name/...`, `/root/...` or `C:\Users\name\...` tells strangers who trained this and on what machine, and helps nobody: a data
    set is named by its Hub id, a file by its path in the repository. Stand-ins such as /home/user are left alone. Said once a file and user.
    """
    for path, text in _texts(repo):
        seen: set[str] = set()
        lines = Lines(text)
        for match in PRIVATE_PATH.finditer(text):
            name = match["unix"] or match["windows"] or "root"
            if (
                name.lower() in NOBODY
                or name.startswith(("$", "<", "{", "%"))
                or is_placeholder(name)
                or name in seen
            ):
                continue
            seen.add(name)
            yield Found(
                f"a path of somebody's machine: {match.group()}",
                f"name the data set or the file as others find it; {mend('SEC003', unsafe=True)} puts ~ for the private part",
                path=path,
                line=lines.at(match.start()),
                identity=f"{path} {name}",
                fix="unsafe",
            )


@repo_rule("SEC004", Severity.WARNING, Need.TREE | Need.CFG | Need.PICKLES | Need.CODE | Need.README)
def custom_code(repo: RepoFacts) -> Iterator[Found]:
    """Custom code that runs on load.

    `auto_map` in any JSON, YAML or TOML makes transformers import Python files of the repository, given `trust_remote_code`; SAEs do not need it. What hydra
    (`_target_`) and jsonpickle (`py/object` and its kin) import and call is an error where that runs code, else a note; so are classes and functions that Keras imports by `module` and
    `class_name`; its layers that carry code (Lambda, TorchModuleWrapper, TFSMLayer, JaxLayer) are a warning, in JSON, HDF5 and .keras. A template that reaches for
    Python's insides (`__globals__`, also by a name that it puts together in whatever way, on what Jinja brings or of constants) is an error, under any key of JSON, YAML and TOML, in .jinja, .tmpl and GGUF;
    in rows (.jsonl, lists of JSON) and plain texts, where the name is written down, a warning. A program of torch.export (.pt2) whose sizes, guards or calls are more than arithmetic is an error, since torch evaluates them. Also read: repositories of compiled kernels (`attn_implementation: owner/name`) and diffusers' pipelines of
    the repository, which are a warning; what Lightning (`class_path`), torchtune, MONAI, mmengine, Haystack, latent diffusion, fiddle, langchain, AutoGen, Python's logging and HyperPyYAML call by name,
    an error where that starts a program or runs a text; what PEFT's `parent_library` and `megatron_core`, skops's `__module__`, sparsify's `_type_` and sentence-transformers' modules, routers and tokenizers of words import, an error where that runs code; pyannote's pipelines. Commands
    that agents start (`servers`), code of smolagents' tools, AutoGen's functions, Langflow's components and mlx-lm's `model_file` are a warning, and so are commands, scripts and assertions of promptfoo, and what Dask's processes load at their start (`preload`). What YOLO
    evaluates in its models' layers is an error where it starts a program, and a function that does so in a configuration of gin with `dynamic_registration`. A model of ONNX that reads weights outside of its folder is a warning, one with operators of somebody's library a note. A
    `trust_remote_code: true` in `model_from_pretrained_kwargs` makes SAELens run the base model's code, which is a note, as are plain .py files.

    YAML with Python's tags (`!!python/object/apply:os.system`, however they are written) calls what it names in an unsafe loader: an error where that
    runs code, a warning or a note else. It is looked for in every text of a folder but programs and prose (of that in front matter alone), whatever it is called. Warnings, too: path files (`.pth`) with an import line, Keras's Lambda layers, machine code, compiled Python
    outside `__pycache__`; programs and path files also as members of archives, and programs under any name. JSON, YAML and templates in archives (zip, tar, gzip, .nemo) are read as loose ones. Of a repository on the Hub, HDF5 and large GGUF are not brought here, and of other JSON only the first files; the report
    names them. Settings that loaders open by their names (`*config.json`, YAML, TOML, Jinja, ...) and that were not brought, beyond 128 files or 1 MB of one, make it incomplete.
    """
    for one in repo.code:
        yield Found(
            one.what,
            "remove it: nobody needs it to load an SAE",
            path=one.path,
            line=one.line,
            pointer=one.pointer,
            severity=one.severity,
            measured={"tags": list(one.names)} if one.names else {},
            identity=one.kind,
        )
    yield from _trusting(repo)
    scripts = [
        entry.path for entry in repo.entries if entry.name.endswith(".py") and not told(repo, entry.name)
    ]
    if scripts:
        shown = ", ".join(scripts[:3]) + (f" and {len(scripts) - 3} more" if len(scripts) > 3 else "")
        yield Found(
            f"Python files: {shown}",
            "say in the card what they are for, by their names",
            path=scripts[0],
            severity=Severity.NOTE,
            identity="scripts",
        )
    if repo.code_unread:
        raise IncompleteError(some(list(dict.fromkeys(repo.code_unread)), "; ", most=3))


def _trusting(repo: RepoFacts) -> Iterator[Found]:
    """Once: the first configuration that asks for the base model's own code."""
    for file in repo.configs if not told(repo, "trust_remote_code") else ():
        metadata = file.value.get("metadata")
        for source, prefix in ((metadata, "/metadata"), (file.value, "")):
            kwargs = source.get("model_from_pretrained_kwargs") if isinstance(source, Mapping) else None
            if isinstance(kwargs, Mapping) and kwargs.get("trust_remote_code") is True:
                pointer = f"{prefix}/model_from_pretrained_kwargs/trust_remote_code"
                yield Found(
                    "trust_remote_code is true: loading the base model by this configuration runs its repository's code",
                    "say in the card that trust_remote_code is needed, and pin the base model's revision",
                    path=file.path,
                    line=file.line(pointer),
                    severity=Severity.NOTE,
                    identity="trust_remote_code",
                )
                return
