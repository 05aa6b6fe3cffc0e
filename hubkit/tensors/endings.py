"""Which endings promise what: the one list for every room. What a file is, its bytes say; an ending says what is expected of it."""

from __future__ import annotations

from typing import Literal

PICKLES = (".pt", ".pth", ".bin", ".pkl", ".pickle", ".ckpt", ".joblib", ".dill", ".pth.tar", ".pt.tar")
"""A file of this name is loaded by unpickling it."""
WEIGHTS = (".safetensors", ".npz", ".pt", ".pth", ".bin", ".pkl", ".ckpt")
"""File names that `container.read_header` can make something of."""
TEXTS = (
    ".md", ".txt", ".rst", ".json", ".jsonl", ".ndjson", ".yaml", ".yml", ".toml", ".cfg", ".ini", ".csv", ".tsv", ".html", ".css", ".js", ".xml",
    ".py", ".pyi", ".ipynb", ".sh", ".tex", ".bib", ".log", ".gitattributes", ".gitignore", ".lock",
)  # fmt: skip
"""What people read, and what is parsed as text."""
PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".svg", ".ico", ".pdf")
TABLES = (
    ".safetensors",
    ".gguf",
    ".onnx",
    ".parquet",
    ".arrow",
    ".feather",
    ".mp4",
    ".mp3",
    ".wav",
    ".ttf",
    ".woff2",
)
"""Other formats, whose loaders unpickle nothing."""
HDF5 = (".h5", ".hdf5")
"""What some readers unpickle from, and Keras loads layers from that are code."""
PACKED = (".gz", ".tgz", ".bz2", ".xz", ".lzma", ".tar", ".zst", ".lz4", ".7z", ".rar", ".z")
"""What has to be unpacked from its beginning, whole."""
ZIPS = (".zip", ".whl", ".egg", ".jar", ".keras", ".pt2", ".mar", ".skops")
"""Archives that Python's zipfile opens, whatever stands before them."""
PROGRAMS = (".pb", ".rds", ".rda", ".rdata", ".engine", ".plan", ".blend", ".swf", ".xlsm", ".docm", ".pptm")
"""Graphs of TensorFlow, objects of R, TensorRT's engines, scenes and documents with macros: who opens them may run what is in them."""
PLAIN_NAMES = frozenset(
    {"license", "licence", "notice", "authors", "makefile", "dockerfile", "citation.cff", "py.typed"}
)
"""Texts that have no ending."""

Promise = Literal["pickle", "text", "picture", "table", "packed", "zip", "hdf5", "unknown"]
Called = Literal["pickle", "text", "other"]


def promise(name: str) -> Promise:
    """What the last part of a path promises."""
    small = name.lower()
    if small in PLAIN_NAMES or small.endswith(TEXTS):
        return "text"
    for endings, kind in (
        (PICKLES, "pickle"), (PACKED, "packed"), (ZIPS, "zip"), (HDF5, "hdf5"), (PICTURES, "picture"), (TABLES, "table"),
    ):  # fmt: skip
        if small.endswith(endings):
            return kind  # type: ignore[return-value]  # a literal of the table above
    return "unknown"


def called(name: str) -> Called:
    """Whether a name is that of a pickle or of a text: where the bytes may be either."""
    kind = promise(name)
    if kind == "pickle":
        return kind
    return "text" if kind == "text" or name.lower().endswith("ignore") or packed_text(name) else "other"


def says_packed(name: str) -> bool:
    """Whether a name is that of something to unpack."""
    return promise(name) in {"packed", "zip"}


def without_packing(name: str) -> str:
    """What is called `name` when it is packed."""
    return name.rpartition(".")[0] if promise(name) == "packed" else name


def packed_text(name: str) -> bool:
    """Whether `name` is that of one compressed text, as `rows.jsonl.gz` is."""
    small = name.lower()
    return small.endswith(PACKED) and promise(small.rpartition(".")[0]) == "text"
