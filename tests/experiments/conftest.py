"""The lab model (trained once per test run, shared with the tests of other rooms), and a pool of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from few_threads import one_thread_each  # noqa: F401 - it holds for every test of this folder

from hubkit.collect.run import collect
from hubkit.engine.threads import one_thread
from hubkit.inference.load import load_model
from hubkit.lab.model import LabModel
from hubkit.lab.study import plan

if TYPE_CHECKING:
    from pathlib import Path

    from hubkit.collect.plan import CollectPlan


@pytest.fixture(scope="session")
def base(lab: LabModel) -> Any:
    return load_model(str(lab.folder))


LAYER = 3


@pytest.fixture(scope="session")
def pool(lab: LabModel, tmp_path_factory: pytest.TempPathFactory) -> tuple[CollectPlan, Path]:
    asked, out = plan(lab, layers=(LAYER,), samples=160), tmp_path_factory.mktemp("pool")
    with one_thread():
        collect(asked, out)
    return asked, out
