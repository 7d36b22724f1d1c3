"""Mutants: wrong variants that the field shipped, kept beside the test that must reject them.

A property is written once, as `check(implementation)`. It passes on the package's function; on every mutant it must
fail *by an assertion*. A crash would reject the mutant too, but for a reason that the next refactoring takes away.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import pytest

T = TypeVar("T")


def mutants(variants: Mapping[str, Any]) -> pytest.MarkDecorator:
    """Parametrise a test over named wrong variants; it receives each as `mutant`."""
    return pytest.mark.parametrize("mutant", list(variants.values()), ids=list(variants))


def rejects(check: Callable[[T], None], mutant: T) -> None:
    """Require that `check(mutant)` raises AssertionError; anything else it raises goes through and fails the test."""
    try:
        check(mutant)
    except AssertionError:
        return
    pytest.fail("the mutant passed: this check does not see the bug")


def refusal(error: type[Exception], call: Callable[[], object]) -> str:
    """The message with which `call` raises `error`; not raising it is an assertion (`pytest.raises` raises no such)."""
    try:
        call()
    except error as caught:
        return str(caught)
    raise AssertionError(f"nothing raised {error.__name__}")
