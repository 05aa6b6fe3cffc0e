"""How a base model runs. Torch-free, so that a plan can name it."""

from __future__ import annotations

from typing import Literal

Precision = Literal["float32", "bfloat16", "float16"]
