"""The labels of a pool: a record in the code, counts by name in the file."""

from __future__ import annotations

from hubkit.release.provenance import CompletionCounts, Grid, Provenance


def provenance(completions: dict[str, int]) -> Provenance:
    return Provenance(
        hubkit_version="0", study="s", study_sha256="0", base_model="o/m", base_model_revision=None, precision="float32",
        grid=Grid(layers=[0], architectures=["topk"], conditions=["mixed"]), seeds={}, software={}, hardware="x", created="2026-01-01",
        pool_sha256="0", completions=completions, files={},
    )  # fmt: skip


def test_label_counts_are_read_back_from_what_is_written() -> None:
    counts = CompletionCounts(9, {"not sure": 3, "labelled": 4})
    assert counts.written() == {
        "sampled": 9,
        "decisive": 7,
        "labelled labelled": 4,
        "labelled not sure": 3,
    }
    assert provenance(counts.written()).labels == counts.labels
    assert provenance({"decisive": 38}).labels == {}
