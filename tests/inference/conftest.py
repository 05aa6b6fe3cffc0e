"""The lab model (trained once per test run, shared with tests/lab and tests/collect) and tiny random models of other families."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest
from few_threads import one_thread_each  # noqa: F401 - it holds for every test of this folder
from tiny_gguf import tiny_gguf_in
from tiny_models import random_model_in

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture(scope="session")
def random_model(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A folder with an untrained model of a family."""
    return partial(random_model_in, tmp_path_factory.getbasetemp())


@pytest.fixture(scope="session")
def tiny_gguf(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A GGUF file of an untrained Llama, its matrices of the type that is named."""
    return partial(tiny_gguf_in, tmp_path_factory.getbasetemp())
