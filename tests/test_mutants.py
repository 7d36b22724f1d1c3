"""The helper on which every other test relies: it accepts a rejection by assertion and nothing else."""

from __future__ import annotations

import pytest

from mutants import refusal, rejects


def must_be_even(number: int) -> None:
    assert number % 2 == 0


def test_a_mutant_rejected_by_an_assertion_is_fine() -> None:
    rejects(must_be_even, 3)


def test_a_mutant_that_passes_fails_the_test() -> None:
    with pytest.raises(pytest.fail.Exception, match="the mutant passed"):
        rejects(must_be_even, 4)


def test_a_mutant_that_crashes_fails_the_test() -> None:
    with pytest.raises(TypeError):
        rejects(must_be_even, None)  # type: ignore[arg-type]


def test_a_refusal_has_a_message_and_its_absence_is_an_assertion() -> None:
    assert "invalid literal" in refusal(ValueError, lambda: int("x"))
    with pytest.raises(AssertionError, match="nothing raised ValueError"):
        refusal(ValueError, lambda: int("1"))
