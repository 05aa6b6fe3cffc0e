"""One trained lab model and its null variant for the whole test run; `build` finds them again for other folders' tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hubkit.lab.model import LabModel, build

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> LabModel:
    return build(_shared(tmp_path_factory) / "main")


@pytest.fixture(scope="session")
def null_lab(tmp_path_factory: pytest.TempPathFactory) -> LabModel:
    return build(_shared(tmp_path_factory) / "null", null=True)


def _shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.getbasetemp() / "lab-models"
