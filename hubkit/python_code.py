"""Python code of others as a tree, from whichever thread.

CPython before 3.11.10 and 3.12.6 counts the depth of all threads' trees together: of two that are made at once one may end in "SystemError: AST constructor recursion
depth mismatch" (https://github.com/python/cpython/issues/106905). An audit reads many cards at once; so one tree is made after the other.
"""

from __future__ import annotations

import ast
import threading
import warnings

_ALONE = threading.Lock()


def module_of(code: str, name: str = "<unknown>") -> ast.Module:
    """The tree of a program, without the warnings that its author is to see. Raises SyntaxError, ValueError, RecursionError, MemoryError as `ast.parse` does."""
    with _ALONE, warnings.catch_warnings():  # whose filters are those of all threads, too
        warnings.simplefilter("ignore")
        return ast.parse(code, name)


def expression_of(code: str) -> ast.Expression:
    """The same of an expression."""
    with _ALONE, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(code, mode="eval")
