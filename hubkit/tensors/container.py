"""One entrance for every container: the header of a weights file by what is in it, and the values of a small tensor."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubkit.tensors import safetensors
from hubkit.tensors.endings import PICKLES, WEIGHTS
from hubkit.tensors.header import Header, HeaderError
from hubkit.tensors.npz import read_npz
from hubkit.tensors.slices import read_values
from hubkit.tensors.torch_zip import read_pickle, read_torch
from hubkit.tensors.zip_directory import read_directory
from hubkit.tensors.zip_member import check_headers

if TYPE_CHECKING:
    from hubkit.repo.view import RepoView

__all__ = ["ENDINGS", "read_header", "read_values"]

ENDINGS = WEIGHTS
FIRST_READ = 64
ZIP = (b"PK\x03\x04", b"PK\x05\x06")


def read_header(view: RepoView, path: str) -> Header:
    """The header of a weights file: safetensors, npz, torch zip or a bare pickle (imports only), decided by its content;
    a name that ends in `.safetensors` is held to its word. Raises HeaderError when it is none of them or damaged, IncompleteError
    when it cannot be read."""
    if path.endswith(".safetensors"):
        return safetensors.read_header(view, path)
    head = view.read_range(path, 0, FIRST_READ)
    if head.startswith(safetensors.LFS_POINTER):
        raise HeaderError("a Git-LFS pointer, expected the weights themselves", lfs_pointer=True)
    if head.startswith(ZIP):
        return _read_zip(view, path)
    if _is_safetensors(view, path, head):
        return safetensors.read_header(view, path)
    if head.startswith(b"\x80") or path.lower().endswith(PICKLES):
        return read_pickle(view, path)
    raise HeaderError(f"neither safetensors, npz nor a torch checkpoint: it begins with {head[:8]!r}")


def _is_safetensors(view: RepoView, path: str, head: bytes) -> bool:
    """A `{` behind a length that the file has room for: a pickle may have the one, of a length that no file has."""
    entry = view.entry(path)
    return head[8:9] == b"{" and entry is not None and 8 + int.from_bytes(head[:8], "little") <= entry.size


def _read_zip(view: RepoView, path: str) -> Header:
    members = read_directory(view, path)
    if view.near:  # from afar each is a request: those of what is read alone
        check_headers(view, path, members.values())
    if any(name.endswith("data.pkl") for name in members):
        return read_torch(view, path, members)
    if path.endswith(".npz") or any(name.endswith(".npy") for name in members):
        return read_npz(view, path, members)
    raise HeaderError("a zip that holds neither arrays of numpy nor a torch checkpoint")
