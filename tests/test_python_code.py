"""Trees of others' code are made in many threads at once, as an audit makes them, and the warnings of their authors reach nobody."""

from __future__ import annotations

import gc
import sys
import threading
import warnings

import pytest

from hubkit.python_code import expression_of, module_of

CODE = "\n".join(f"x{n} = f(a[{n}], b.c.d(e={n})) if y else [z for z in w]" for n in range(60))


class Cycle:
    """Collected while a tree is made, it runs code, and lets another thread run."""

    def __init__(self) -> None:
        self.me = self

    def __del__(self) -> None:
        sum(range(50))


@pytest.fixture
def hurried() -> object:
    """Threads that take turns, and a collector that comes, as often as they can."""
    interval, threshold = sys.getswitchinterval(), gc.get_threshold()
    sys.setswitchinterval(1e-6)
    gc.set_threshold(10)
    yield
    sys.setswitchinterval(interval)
    gc.set_threshold(*threshold)


@pytest.mark.usefixtures("hurried")
def test_many_threads_make_trees_at_once() -> None:
    """With `ast.parse` alone some 50 of these 600 end in a SystemError in CPython 3.11.7."""
    failed: list[Exception] = []

    def work() -> None:
        for _ in range(150):
            Cycle()
            try:
                assert len(module_of(CODE).body) == 60
                expression_of("(" * 20 + "1" + ")" * 20)
            except (SystemError, AssertionError) as error:
                failed.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []


def test_what_its_author_should_see_is_not_shown_here() -> None:
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        module_of('x = "\\d"\nif x is 1: pass\n', "README.md")
        expression_of("1 is 1")
    assert seen == []
    with pytest.raises(SyntaxError) as raised:
        module_of("x = (\n", "README.md")
    assert raised.value.filename == "README.md"
