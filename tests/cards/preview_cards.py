"""A card with everything, and one that means harm."""

from __future__ import annotations

ROWS = "".join(
    f"| `gemma2_2b_jumprelu_L{i}_a_rather_long_condition` | 1,5{i:02d} | 0.9{i} [0.90, 0.95] | 16.0 | none |\n"
    for i in range(12)
)
CARD = f"""---
library_name: saelens
base_model: google/gemma-2-2b
license: gemma
tags: [sparse-autoencoder, interpretability]
model-index:
- name: m
  results:
  - task: {{type: feature-extraction}}
    dataset: {{type: pool, name: unseen rows}}
    metrics: [{{type: balanced_accuracy, name: Probe, value: 0.8125}}]
---
# SAEs of a model

A summary with **weight**, `code`, H<sub>2</sub>O and a [way down](#loading).

![a figure](figures/a.svg)

| place | number |
|---|---:|
| a | 1 |
| b | 2 |

## All SAEs

<details><summary>12 SAEs, one row each</summary>

| sae_id | d_in | Explained variance | L0 | Findings |
|---|---:|---:|---:|---|
{ROWS}
</details>

## Loading

```python
from sae_lens import SAE

sae = SAE.from_pretrained("owner/release", "gemma2_2b_topk_L3", device="cpu")  # any id of the table
```
"""

HOSTILE = """---
license: mit
tags: ["<img src=x onerror='window.owned=1'>"]
---
# Title <script>window.owned = 1</script>

<script>window.owned = 1</script>

<iframe src="javascript:window.owned=1"></iframe>
<svg onload="window.owned=1"><a href="javascript:window.owned=1">x</a></svg>
<style>* { display: none }</style>
<form action="http://127.0.0.1:9/"><input name=a></form>

<img src=x onerror=window.owned=1> <img src="data:text/html,<script>window.owned=1</script>" ONERROR="window.owned=1">
<a href="JaVaScRiPt:window.owned=1">click</a> <a href="&#106;avascript:window.owned=1">click</a> <a href="java&#10;script:window.owned=1">click</a>
[click](javascript:window.owned=1) [click](data:text/html;base64,PHNjcmlwdD4=) ![x](vbscript:x) [up](../../../etc/passwd) [out](//evil.example/x)

<details ontoggle="window.owned=1" open><summary onclick="window.owned=1">more</summary>

<div style="position:fixed;inset:0;background:red" class="chip" id="x">

<p><b><table><tr><td>

<!-- <script>window.owned=1</script> --> <!--> <script>window.owned=1</script> -->
<a title="</a><script>window.owned=1</script>">t</a> <b <script>window.owned=1</script>>
</article></main></body></html>
"""
