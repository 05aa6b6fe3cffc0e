"""A fixture for the folders whose tests run tiny models: `from few_threads import one_thread_each` in their conftest.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(autouse=True)
def one_thread_each(request: pytest.FixtureRequest) -> Iterator[None]:
    """Tiny matrices on a busy machine: a second torch thread only waits."""
    if request.node.get_closest_marker("train") is None:
        yield
        return
    from hubkit.engine.threads import one_thread

    with one_thread():
        yield
