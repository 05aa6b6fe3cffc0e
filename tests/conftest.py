"""For every test: the lab model, which is trained once; and generated examples have no time limit of their own. What must be quick is timed where it is asked, and not by whoever else is busy."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from hubkit.lab.model import LabModel

if (
    "PYTEST_XDIST_WORKER" in os.environ
):  # a process a core already: more threads would only wait for each other
    os.environ.setdefault("OMP_NUM_THREADS", "1")

settings.register_profile("hubkit", deadline=None)
settings.load_profile("hubkit")


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> LabModel:
    """The lab model of seed 0."""
    from hubkit.lab.model import build

    return build(tmp_path_factory.getbasetemp() / "lab-models" / "main")


@pytest.fixture(scope="session")
def null_lab(tmp_path_factory: pytest.TempPathFactory) -> LabModel:
    """The same without a behaviour."""
    from hubkit.lab.model import build

    return build(tmp_path_factory.getbasetemp() / "lab-models" / "null", null=True)
