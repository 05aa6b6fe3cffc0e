"""Which files of a repository are texts, and the secrets in them: one list and one search, for `validate`, the hook and the gate before a push."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hubkit.errors import IncompleteError
from hubkit.repo.view import SMALL_FILE
from hubkit.texts import Lines
from hubkit.words import many

if TYPE_CHECKING:
    from hubkit.repo.view import Entry, RepoView

SECRETS = {
    "a Hugging Face token": (("hf_",), re.compile(r"hf_[A-Za-z0-9]{30,}\b")),
    "a Hugging Face OAuth or organisation token": (
        ("api_org_", "hf_oauth_"), re.compile(r"(?:api_org|hf_oauth)_[A-Za-z0-9]{30,}\b"),
    ),
    "an OpenAI or Anthropic key": (("sk-",), re.compile(r"\bsk-(?:proj-|ant-)?[A-Za-z0-9_-]{32,}")),
    "a GitHub token": (
        ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"),
        re.compile(r"(?:gh[pousr]_[A-Za-z0-9]{36,}|\bgithub_pat_[A-Za-z0-9_]{50,})\b"),
    ),
    "an AWS access key": (("akia", "asia"), re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b")),
    "an AWS secret key": (
        ("aws_secret_access_key",),
        re.compile(r"(?i)\baws_secret_access_key[\"'\s:=\\,\]]{1,12}([A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])"),
    ),
    "a Google API key": (("aiza",), re.compile(r"\bAIza[A-Za-z0-9_-]{35}\b")),
    "a wandb key": (
        ("wandb",),
        re.compile(r"(?i)(?:wandb[a-z_]{0,12}key[\"'\s:=\\,\]]{1,12}|api\.wandb\.ai\s+login\s+\S{1,64}\s+password\s+)([0-9a-f]{40})\b"),
    ),
    "a private key": (("private key",), re.compile(r"-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----")),
}  # fmt: skip
"""Kind to what a text with such a secret holds, in lower case, and the pattern, which takes a hundred times as long to find nothing."""

NOT_TEXT = (
    ".safetensors", ".npz", ".npy", ".pt", ".pth", ".bin", ".pkl", ".pickle", ".ckpt", ".joblib", ".gguf", ".onnx", ".h5", ".parquet",
    ".arrow", ".png", ".jpg", ".jpeg", ".gif", ".webp", ".ico", ".bmp", ".tif", ".tiff", ".pdf", ".zip", ".gz", ".bz2", ".xz", ".zst",
    ".tar", ".7z", ".whl", ".pyc", ".so", ".dll", ".exe", ".woff", ".woff2", ".ttf", ".mp3", ".mp4", ".wav",
)  # fmt: skip
"""Endings of files that hold no text. Whatever else there is, is looked at: one with a zero byte at its beginning is none either."""
LARGEST_TEXT = 5_000_000
"""Bytes of a file that are searched; where it goes on, the report says so, and the gate before a push searches all of it."""
MOST_BYTES, MOST_FILES = 128_000_000, 20_000
"""Of one folder."""
FAR_BYTES, FAR_FILES = 4_000_000, 64
"""Of a repository on the Hub, where every file is a request."""
HAND_MADE = re.compile(
    r"""(?:.*\.)?env(?:\..*|rc)?|\.(?:netrc|npmrc|pypirc|git-credentials|bashrc|zshrc|profile)|id_(?:rsa|dsa|ecdsa|ed25519)
    |\.?[^.]*(?:secret|credential|token|passw|wandb|api_?key)[^.]*(?:\.json|\.csv)?
    |.*\.(?:py|sh|bash|zsh|ps1|bat|cmd|ipynb|ya?ml|toml|txt|log|out|err|cfg|ini|conf|properties|pem|key|tf|tfvars|slurm|sbatch|md|rst|r|jl|js|ts)""",
    re.VERBOSE | re.IGNORECASE,
)
"""What people write, or programs that know their keys: what is looked at on the Hub."""
LONGEST_NAME = 255
"""Characters, as file systems have it: the pattern takes time with longer ones."""
TOKENIZERS = {"merges.txt", "vocab.txt"}
HEAD = 8192
"""Bytes within which a zero byte shows that a file is no text, as git has it."""
BOMS = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}


@dataclass(frozen=True)
class Secret:
    """One secret: what it is and where, never its text."""

    path: str
    line: int
    kind: str
    length: int
    """Characters."""
    identity: str
    """A salted hash."""


@dataclass(frozen=True)
class Searched:
    """What was found in the texts of a repository, and what was not looked at."""

    secrets: tuple[Secret, ...] = ()
    remarks: tuple[str, ...] = ()
    unread: str | None = None
    """Why a text could not be read."""


def secrets_in(text: str) -> Iterator[tuple[str, re.Match[str]]]:
    """Every secret of a text: its kind, and where it stands."""
    small = text.lower()
    for kind, (marks, pattern) in SECRETS.items():
        if any(mark in small for mark in marks):
            yield from ((kind, match) for match in pattern.finditer(text))


def secrets_of(path: str, text: str) -> Iterator[Secret]:
    """The secrets of a file's text."""
    lines = Lines(text)
    for kind, match in secrets_in(text):
        identity = hashlib.sha256(f"hubkit SEC002 {path} {match.group()}".encode()).hexdigest()
        yield Secret(path, lines.at(match.start()), kind, len(match.group()), identity)


def may_be_text(path: str) -> bool:
    """Whether a file of this name may hold text."""
    return not path.lower().endswith(NOT_TEXT)


def text_of(data: bytes) -> str | None:
    """The text that bytes hold, in UTF-8 or, as PowerShell writes it, UTF-16; None where they are no text."""
    for bom, encoding in BOMS.items():
        if data.startswith(bom):
            return data[2:].decode(encoding, errors="replace")
    return None if b"\0" in data[:HEAD] else data.decode("utf-8", errors="replace")


def _is_hand_made(name: str) -> bool:
    return len(name) <= LONGEST_NAME and name not in TOKENIZERS and HAND_MADE.fullmatch(name) is not None


def search(view: RepoView, known: Collection[str]) -> Searched:
    """Search the texts of `view`, but for those at `known` paths, which whoever asks has read already.

    A folder is searched whole, up to its limits. Of a repository on the Hub only what people write by hand is fetched, and that not beyond FAR_BYTES.
    """
    near = view.repository is None
    listed = [e for e in view.list() if e.size and e.path not in known and may_be_text(e.path)]
    if not near:
        listed = [e for e in listed if _is_hand_made(e.name)]
    listed.sort(key=lambda entry: (not entry.name.startswith("."), entry.size, entry.path))
    most_bytes, most_files, largest = (
        (MOST_BYTES, MOST_FILES, LARGEST_TEXT) if near else (FAR_BYTES, FAR_FILES, SMALL_FILE)
    )
    chosen: list[Entry] = []
    for entry in listed:
        most_bytes -= min(entry.size, largest)
        if most_bytes < 0 or len(chosen) == most_files:
            break
        chosen.append(entry)
    view.prefetch((entry.path, 0, min(entry.size, largest)) for entry in chosen)
    found: dict[str, list[Secret]] = {}
    failed: list[str] = []
    partly: list[str] = []

    def look(entry: Entry) -> None:
        try:
            text = text_of(view.read_range(entry.path, 0, largest))
        except IncompleteError as error:
            failed.append(error.message)
            return
        if text is not None:
            found[entry.path] = list(secrets_of(entry.path, text))
            if entry.size > largest:
                partly.append(entry.path)

    view.each(look, chosen)
    remarks = [
        *_said(sorted(partly), f"searched for secrets only in the first {largest:,} bytes"),
        *_said([entry.path for entry in listed[len(chosen) :]], "not searched for secrets: too much text"),
    ]
    secrets = [one for path in sorted(found) for one in found[path]]
    return Searched(tuple(secrets), tuple(remarks), min(failed) if failed else None)


def _said(paths: list[str], what: str) -> Iterable[str]:
    if paths:
        shown = ", ".join(paths[:3]) + (f" and {many(len(paths) - 3, 'file')} more" if len(paths) > 3 else "")
        yield f"{shown}: {what}"
