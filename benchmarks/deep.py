"""The deep tier against a plain sequential read of the same bytes: `python benchmarks/deep.py [FOLDER]`.

Four files of 134 MB (W_enc and W_dec, 2048 x 8192 float32) are written to a temporary folder below FOLDER, then read warm:
plainly (`readinto` of 1 MiB and 8 MiB blocks, and whole files as bytes), with sha256 alone, and by `hubkit.tensors.scan`. Each way takes
its turn in each round; the table shows the best round of each and its ratio to the fastest plain read. A second table has the same from the
disk: the files are put out of the page cache before each way (Linux). Warm, a plain read into one small buffer is a copy inside the processor's
cache, which nothing that looks at the numbers can match; from a disk the disk decides. A third table has the verb itself: the same files as the
TopK SAEs of one folder, `hubkit validate FOLDER --deep` as a process of its own, what it says of its checking beside a plain read in the same round.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from hubkit.repo.local import open_folder
from hubkit.tensors.container import read_header
from hubkit.tensors.scan import scan
from hubkit.validate.deep import LATENTS

D_IN, D_SAE, FILES, ROUNDS = 2048, 8192, 4, 5


def write_files(folder: Path) -> list[str]:
    """The names of the files: random weights, no zeros among them."""
    generator = np.random.default_rng(0)
    names = []
    for number in range(FILES):
        names.append(f"sae_{number}.safetensors")
        weights = {
            "W_enc": generator.standard_normal((D_IN, D_SAE), dtype=np.float32),
            "W_dec": generator.standard_normal((D_SAE, D_IN), dtype=np.float32),
            "b_enc": generator.standard_normal(D_SAE, dtype=np.float32),
            "b_dec": generator.standard_normal(D_IN, dtype=np.float32),
        }
        save_file(weights, folder / names[-1])
    return names


def plain(
    folder: Path, names: list[str], block: int, use: Callable[[memoryview], object] | None = None
) -> None:
    """Every byte once, into one buffer."""
    buffer = memoryview(bytearray(block))
    for name in names:
        with (folder / name).open("rb", buffering=0) as file:
            while count := file.readinto(buffer):
                if use is not None:
                    use(buffer[:count])


def deep(folder: Path, names: list[str], *, digest: bool) -> None:
    """What `--deep` does with the weights."""
    view = open_folder(folder)
    for name in names:
        found = scan(view, name, read_header(view, name), norms=LATENTS, digest=digest)
        assert found.tensors["W_dec"].norms is not None
        assert not any(tensor.nan or tensor.inf for tensor in found.tensors.values())


def two_at_a_time(folder: Path, names: list[str], *, digest: bool) -> None:
    """The same on two threads, a file each."""
    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(deep, folder, [name], digest=digest) for name in names]:
            done.result()


def main() -> None:
    """Write, measure, print."""
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as name:
        folder = Path(name)
        names = write_files(folder)
        size = sum((folder / name).stat().st_size for name in names)
        ways: dict[str, Callable[[], object]] = {
            "plain read, 1 MiB blocks": lambda: plain(folder, names, 1 << 20),
            "plain read, 8 MiB blocks": lambda: plain(folder, names, 8 << 20),
            "plain read, whole files (Path.read_bytes)": lambda: [
                len((folder / n).read_bytes()) for n in names
            ],
            "plain read and sha256": lambda: plain(folder, names, 1 << 20, hashlib.sha256().update),
            "scan: NaN, inf, norms": lambda: deep(folder, names, digest=False),
            "scan: NaN, inf, norms; two files at a time": lambda: two_at_a_time(folder, names, digest=False),
            "scan: NaN, inf, norms, sha256; two at a time": lambda: two_at_a_time(folder, names, digest=True),
            "scan: NaN, inf, norms, sha256": lambda: deep(folder, names, digest=True),
        }
        print(
            f"{FILES} files, {size / 1e6:.0f} MB, {os.cpu_count()} cores, {platform.machine()}, numpy {np.__version__}"
        )
        table("warm", ways, size, lambda: None)
        if hasattr(os, "posix_fadvise"):
            cold = {
                way: work for way, work in ways.items() if "8 MiB" not in way and "whole files" not in way
            }
            table("from disk", cold, size, lambda: evict(folder, names))
            verb(folder, as_saes(folder, names), size)


def as_saes(folder: Path, names: list[str]) -> list[str]:
    """The files moved into SAE folders of their own; their new names."""
    cfg = {
        "architecture": "topk", "k": 64, "rescale_acts_by_decoder_norm": True, "d_in": D_IN, "d_sae": D_SAE,
        "dtype": "float32", "device": "cpu", "apply_b_dec_to_input": True, "normalize_activations": "none",
        "reshape_activations": "none",
        "metadata": {"sae_lens_version": "6.54.12", "model_name": "lab/tiny", "hook_name": "blocks.2.hook_resid_post"},
    }  # fmt: skip
    moved = []
    for name in names:
        home = folder / name.removesuffix(".safetensors")
        home.mkdir()
        (folder / name).rename(home / "sae_weights.safetensors")
        (home / "cfg.json").write_text(json.dumps(cfg), encoding="utf-8")
        moved.append(f"{home.name}/sae_weights.safetensors")
    return moved


def verb(folder: Path, names: list[str], size: int) -> None:
    """`hubkit validate FOLDER --deep` from disk, against a plain read of the same files in the same round."""
    command = [sys.executable, "-m", "hubkit", "validate", str(folder), "--deep", "--format", "json"]
    rounds = []
    for _ in range(2 * ROUNDS):
        evict(folder, names)
        begin = time.perf_counter()
        plain(folder, names, 1 << 20)
        read = time.perf_counter() - begin
        evict(folder, names)
        begin = time.perf_counter()
        answer = subprocess.run(command, capture_output=True, check=False)
        whole = time.perf_counter() - begin
        report = json.loads(answer.stdout)
        assert report["io"]["bytes"] >= size, report["io"]
        rounds.append((read, report["io"]["seconds"], whole))
    print(
        f"{'hubkit validate --deep, from disk':46}{'plain':>9}{'checking':>9}{'process':>9}{'of plain':>10}"
    )
    for title, of in (("median round", statistics.median), ("best of each", min)):
        read, checked, whole = (of(column) for column in zip(*rounds, strict=True))
        print(f"{title:46}{read:9.3f}{checked:9.3f}{whole:9.3f}{read / checked:10.0%}")


def evict(folder: Path, names: list[str]) -> None:
    """Put the files out of the page cache."""
    for name in names:
        descriptor = os.open(folder / name, os.O_RDONLY)
        os.fsync(descriptor)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(descriptor)


def table(title: str, ways: dict[str, Callable[[], object]], size: int, prepare: Callable[[], None]) -> None:
    """The best round of each way, and its ratio to the fastest plain read."""
    best = dict.fromkeys(ways, float("inf"))
    for _ in range(ROUNDS):
        for way, work in ways.items():
            prepare()
            begin = time.perf_counter()
            work()
            best[way] = min(best[way], time.perf_counter() - begin)
    fastest = min(seconds for way, seconds in best.items() if way.startswith("plain read,"))
    print(f"{title:46}{'seconds':>9}{'GB/s':>8}{'of plain':>10}")
    for way, seconds in best.items():
        print(f"{way:46}{seconds:9.3f}{size / seconds / 1e9:8.2f}{fastest / seconds:10.0%}")


if __name__ == "__main__":
    main()
