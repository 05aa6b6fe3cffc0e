"""One function per rule, one file per area. Importing this package registers them all."""

from hubkit.validate.rules import (
    card,
    cfg,
    cfg_kind,
    cfg_layout,
    cfg_loaded,
    cfg_release,
    cfg_topk,
    evl,
    rel,
    run,
    sec,
    thr,
    thr_partial,
    wts,
    wts_deep,
    wts_files,
)

__all__ = [
    "card",
    "cfg",
    "cfg_kind",
    "cfg_layout",
    "cfg_loaded",
    "cfg_release",
    "cfg_topk",
    "evl",
    "rel",
    "run",
    "sec",
    "thr",
    "thr_partial",
    "wts",
    "wts_deep",
    "wts_files",
]
