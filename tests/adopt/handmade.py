"""A repository as people publish them: two SAEs of GPT-2, and a card that its author wrote by hand, with some of it wrong."""

from __future__ import annotations

import json

import numpy as np
from builders import cfg, tensors
from safetensors.numpy import save

from hubkit.repo.memory import MemoryView

CARD = """---
license: mit
language: en
tags: [interpretability, gpt2]
pipeline_tag: feature-extraction
---

# GPT-2 residual stream SAEs

![banner](banner.png)

This repository contains 3 sparse autoencoders for GPT-2 small. They were trained over a weekend
on one GPU. We share them because nobody else had these layers.

## What's in this repo

- 3 SAEs at layers 4 and 8
- Architecture: TopK (k=4)
- One folder per layer, see `layer_4`

## Results

Reconstruction is good enough for steering. We looked at it on held-out text.

| SAE | explained variance | L0 | CE loss recovered | n |
|---|---|---|---|---|
| layer_4 | 0.913 | 4 | 97.2% | 4,096 |
| layer_8 | 0.874 | 4 | 95.1% | 4,096 |

| Metric | Value |
|---|---|
| Dead latents | 3% |
| Best layer | layer 4, by a wide margin |

## Training details

| Parameter | Value |
|---|---|
| Expansion factor | 8x |
| Learning rate | 3e-4 |
| d_sae | 32 |

## Usage

```python
from sae_lens import SAE

sae = SAE.from_pretrained("owner/gpt2-saes", "layer_9")
```

Braces such as {{ 7 * 7 }}, {% endraw %} or {{{% for x in y %} are text here, and {# so is this #}.

## Limitations

The SAEs saw English only. Dense latents were not looked at.

## Why layer 4?

Because of an argument that we had. The loser bought lunch.

### A footnote

It was pizza.

## Acknowledgements

Thanks to Ada & Bob <3.

## Citation

```bibtex
@misc{saes2025, title={GPT-2 SAEs}, year={2025}}
```
"""


def repository(card: str = CARD, *, repo: str | None = "owner/gpt2-saes") -> MemoryView:
    """It as a view."""
    files = {"README.md": card.encode(), "banner.png": b"\x89PNG"}
    for layer in (4, 8):
        metadata = {"model_name": "gpt2", "hook_name": f"blocks.{layer}.hook_resid_pre"}
        files[f"layer_{layer}/cfg.json"] = json.dumps(cfg("topk", metadata=metadata)).encode()
        weights: dict[str, np.ndarray] = tensors("topk")
        files[f"layer_{layer}/sae_weights.safetensors"] = save(weights)
    return MemoryView(name=repo or "folder", files=files, repository=repo)
