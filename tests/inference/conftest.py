"""The lab model (trained once per test run, shared with tests/lab and tests/collect) and tiny random models of other families."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest
from tiny_gguf import tiny_gguf_in
from tiny_models import random_model_in

from hubkit.lab.model import LabModel, build, one_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def _one_thread(request: pytest.FixtureRequest) -> Iterator[None]:
    """Tiny matrices on a busy machine: a second torch thread only waits."""
    if request.node.get_closest_marker("train") is None:
        yield
        return
    with one_thread():
        yield


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> LabModel:
    return build(tmp_path_factory.getbasetemp() / "lab-models" / "main")


@pytest.fixture(scope="session")
def random_model(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A folder with an untrained model of a family."""
    return partial(random_model_in, tmp_path_factory.getbasetemp())


@pytest.fixture(scope="session")
def tiny_gguf(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A GGUF file of an untrained Llama, its matrices of the type that is named."""
    return partial(tiny_gguf_in, tmp_path_factory.getbasetemp())
