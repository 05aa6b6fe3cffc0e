"""One function per rule, one file per area. Importing this package registers them all."""

from hubkit.validate.rules import card, cfg, cfg_layout, run, sec, thr, wts

__all__ = ["card", "cfg", "cfg_layout", "run", "sec", "thr", "wts"]
