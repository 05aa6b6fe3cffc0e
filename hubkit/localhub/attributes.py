"""Which files go to LFS: the `.gitattributes` that the Hub gives every new repository, read as git reads it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

ATTRIBUTES = ".gitattributes"
REGULAR_LIMIT = 10_000_000
"""Bytes above which the Hub takes a file as LFS only, whatever its name."""

LFS_PATTERNS = (  # noqa: SIM905 - a list of this length is read as a text
    "*.7z *.arrow *.bin *.bz2 *.ckpt *.ftz *.gz *.h5 *.joblib *.lfs.* *.mlmodel *.model *.msgpack *.npy *.npz *.onnx "
    "*.ot *.parquet *.pb *.pickle *.pkl *.pt *.pth *.rar *.safetensors saved_model/**/* *.tar.* *.tar *.tflite *.tgz "
    "*.wasm *.xz *.zip *.zst *tfevents*"
).split()


def attribute_line(pattern: str) -> str:
    """The line that sends `pattern` to LFS, as `git lfs track` writes it."""
    return f"{pattern.replace(' ', '[[:space:]]')} filter=lfs diff=lfs merge=lfs -text\n"


DEFAULT_ATTRIBUTES = "".join(attribute_line(pattern) for pattern in LFS_PATTERNS)


@dataclass(frozen=True)
class _Rule:
    pattern: re.Pattern[str]
    whole_path: bool
    """Whether the glob is about the whole path (it has a slash), or about the last name."""
    lfs: bool


def goes_to_lfs(path: str, attributes: str) -> bool:
    """Whether `attributes` sends `path` to LFS; as in git, the last line that matches decides."""
    decision = False
    for rule in _rules(attributes):
        if rule.pattern.fullmatch(path if rule.whole_path else path.rpartition("/")[2]):
            decision = rule.lfs
    return decision


@lru_cache(maxsize=64)
def _rules(attributes: str) -> tuple[_Rule, ...]:
    rules = []
    for line in attributes.splitlines():
        words = line.split()
        if not words or words[0].startswith("#"):
            continue
        if "filter=lfs" in words[1:]:
            rules.append(_rule(words[0], lfs=True))
        elif {"-filter", "!filter"} & set(words[1:]):
            rules.append(_rule(words[0], lfs=False))
    return tuple(rules)


def _rule(glob: str, *, lfs: bool) -> _Rule:
    glob = glob.replace("[[:space:]]", " ")
    pieces = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    tokens = re.findall(r"\*\*/|\*\*|\*|\?|[^*?]+", glob.removeprefix("/"))
    regex = "".join(pieces.get(token, re.escape(token)) for token in tokens)
    return _Rule(re.compile(regex, re.DOTALL), "/" in glob, lfs)
