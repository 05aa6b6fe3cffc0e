"""Experiments that run the base model because an SAE is there: steering, the SAE in the place of its activations, other precisions. Needs torch.

Functions take plain values and give the release's models (`release/experiments.py`, `release/metrics.py`).
"""
