"""SEC: what must never be published."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping

from hubkit.models.names import is_placeholder
from hubkit.validate.facts import RepoFacts
from hubkit.validate.finding import Found, Severity
from hubkit.validate.rule import repo_rule

SECRETS = {
    "a Hugging Face token": (("hf_",), re.compile(r"\bhf_[A-Za-z0-9]{30,}\b")),
    "a Hugging Face OAuth or organisation token": (
        ("api_org_", "hf_oauth_"), re.compile(r"\b(?:api_org|hf_oauth)_[A-Za-z0-9]{30,}\b"),
    ),
    "an OpenAI or Anthropic key": (("sk-",), re.compile(r"\bsk-(?:proj-|ant-)?[A-Za-z0-9_-]{32,}")),
    "a GitHub token": (
        ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"),
        re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{50,})\b"),
    ),
    "an AWS access key": (("akia", "asia"), re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b")),
    "a Google API key": (("aiza",), re.compile(r"\bAIza[A-Za-z0-9_-]{35}\b")),
    "a wandb key": (("wandb",), re.compile(r"(?i)wandb[a-z_]{0,12}key[\"'\s:=]{1,6}([0-9a-f]{40})\b")),
    "a private key": (("private key",), re.compile(r"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----")),
}  # fmt: skip
"""Kind to what a text with such a secret holds, in lower case, and the pattern, which takes a hundred times as long to find nothing."""

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


@repo_rule("SEC001", Severity.ERROR, "H")
def pickle_runs_code(repo: RepoFacts) -> Iterator[Found]:
    """A pickle imports what runs code.

    Unpickling calls what the pickle names: os.system, subprocess.Popen, builtins.eval or getattr hand the machine to whoever wrote the file. The imports are
    read from the opcodes, nothing is loaded. An import that is neither known to be harmless nor known to run code is a warning.
    """
    for pickle in repo.pickles:
        for names, severity, what in (
            (pickle.executors, Severity.ERROR, "which run code when it is loaded"),
            (pickle.others, Severity.WARNING, "which a checkpoint of tensors does not need"),
        ):
            if names:
                shown = ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
                yield Found(
                    f"the pickle imports {shown}, {what}",
                    "do not load it; save the tensors as safetensors from a machine you can lose",
                    path=pickle.path,
                    severity=severity,
                    measured={"imports": names},
                    identity=severity.word,
                )


def _texts(repo: RepoFacts) -> list[tuple[str, str]]:
    """(path, text) of everything small that was read: configurations, the card, evaluation.json, evidence.yaml."""
    texts = [(file.path, file.text) for file in repo.configs]
    texts += [("README.md", repo.readme.text)] if repo.readme else []
    return texts + [(file.path, file.text) for file in (repo.evaluation, repo.evidence) if file]


def secrets_in(text: str) -> Iterator[tuple[str, re.Match[str]]]:
    """Every secret of a text: its kind, and where it stands."""
    small = text.lower()
    for kind, (marks, pattern) in SECRETS.items():
        if any(mark in small for mark in marks):
            yield from ((kind, match) for match in pattern.finditer(text))


@repo_rule("SEC002", Severity.ERROR, "C D E")
def secret(repo: RepoFacts) -> Iterator[Found]:
    """A secret is about to be, or was, published: Hub token, API key, private key.

    Looked for in every configuration, the card, evaluation.json and evidence.yaml. The report shows its kind, place and length, never its text.
    """
    for path, text in _texts(repo):
        for kind, match in secrets_in(text):
            yield Found(
                f"{kind} ({len(match.group())} characters)",
                "revoke it now, then remove it from the file and from the history",
                path=path,
                line=text.count("\n", 0, match.start()) + 1,
                identity=hashlib.sha256(f"hubkit SEC002 {path} {match.group()}".encode()).hexdigest(),
            )


@repo_rule("SEC003", Severity.WARNING, "C D E", fix="unsafe")
def private_path(repo: RepoFacts) -> Iterator[Found]:
    r"""A private path or user name.

    `/home/name/...`, `/Users/name/...`, `/root/...` or `C:\Users\name\...` tells strangers who trained this and on what machine, and helps nobody: a data
    set is named by its Hub id, a file by its path in the repository. Stand-ins such as /home/user are left alone. Said once a file and user.
    """
    for path, text in _texts(repo):
        seen: set[str] = set()
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
                "name the data set or the file as others find it",
                path=path,
                line=text.count("\n", 0, match.start()) + 1,
                identity=f"{path} {name}",
                fix="unsafe",
            )


@repo_rule("SEC004", Severity.WARNING, "T C")
def custom_code(repo: RepoFacts) -> Iterator[Found]:
    """Custom code that runs on load.

    `auto_map` in a configuration makes transformers import Python files of the repository, given `trust_remote_code`; SAEs do not need it. A
    `trust_remote_code: true` in `model_from_pretrained_kwargs` makes SAELens run the base model's code, which is a note, as are plain .py files.
    """
    for file in repo.configs:
        for key in ("auto_map", "custom_pipelines"):
            if isinstance(file.value.get(key), Mapping):
                yield Found(
                    f"{key} names code of the repository that transformers runs on loading",
                    "publish the weights in SAELens's format, which needs no code",
                    path=file.path,
                    pointer=f"/{key}",
                    line=file.line(f"/{key}"),
                )
    yield from _trusting(repo)
    scripts = [entry.path for entry in repo.entries if entry.name.endswith(".py")]
    if scripts:
        shown = ", ".join(scripts[:3]) + (f" and {len(scripts) - 3} more" if len(scripts) > 3 else "")
        yield Found(
            f"Python files: {shown}",
            "say in the card what they are for",
            path=scripts[0],
            severity=Severity.NOTE,
            identity="scripts",
        )


def _trusting(repo: RepoFacts) -> Iterator[Found]:
    """Once: the first configuration that asks for the base model's own code."""
    for file in repo.configs:
        metadata = file.value.get("metadata")
        for source, prefix in ((metadata, "/metadata"), (file.value, "")):
            kwargs = source.get("model_from_pretrained_kwargs") if isinstance(source, Mapping) else None
            if isinstance(kwargs, Mapping) and kwargs.get("trust_remote_code") is True:
                pointer = f"{prefix}/model_from_pretrained_kwargs/trust_remote_code"
                yield Found(
                    "trust_remote_code is true: loading the base model by this configuration runs its repository's code",
                    "say in the card that it is needed, and pin the base model's revision",
                    path=file.path,
                    line=file.line(pointer),
                    severity=Severity.NOTE,
                    identity="trust_remote_code",
                )
                return
