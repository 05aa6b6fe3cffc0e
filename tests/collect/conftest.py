"""The lab model (trained once per test run, shared with tests/lab) and tiny random models of other families."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest
from few_threads import one_thread_each  # noqa: F401 - it holds for every test of this folder
from tiny_models import random_model_in

from hubkit.collect.plan import CollectPlan
from hubkit.collect.run import collect
from hubkit.lab.model import LabModel, one_thread
from hubkit.lab.study import plan

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


ALL_LAYERS = tuple(range(6))


@pytest.fixture(scope="session")
def lab_pool(lab: LabModel, tmp_path_factory: pytest.TempPathFactory) -> tuple[CollectPlan, Path]:
    asked, out = plan(lab, layers=ALL_LAYERS), tmp_path_factory.mktemp("pool")
    with one_thread():
        collect(asked, out)
    return asked, out


@pytest.fixture(scope="session")
def null_pool(null_lab: LabModel, tmp_path_factory: pytest.TempPathFactory) -> tuple[CollectPlan, Path]:
    asked, out = plan(null_lab, layers=ALL_LAYERS), tmp_path_factory.mktemp("null-pool")
    with one_thread():
        collect(asked, out)
    return asked, out


@pytest.fixture(scope="session")
def random_model(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A folder with an untrained model of a family."""
    return partial(random_model_in, tmp_path_factory.getbasetemp())
