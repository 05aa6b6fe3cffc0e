from __future__ import annotations

import pytest
from oracle.saes import sae_lens


@pytest.fixture(scope="session", autouse=True)
def _sae_lens_imported() -> None:
    """Once, with its dependencies' own deprecation warnings let through; hubkit's stay errors."""
    sae_lens()
