r"""Formulas as they are printed, evaluated: what a table of the book shows is then what was tested.

The subset of LaTeX that the tables need: sums, products by juxtaposition, powers, `\frac`, `\sqrt`, `\log`, whole
numbers, letters, and `e`. A logarithm takes the next factor only: `\log 2-\log(1+e^{-v})`.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import torch

_TOKEN = re.compile(r"\\[A-Za-z]+|\d+|[A-Za-z]|[-+^(){}]")
_CLOSES = {"(": ")", "{": "}"}


def evaluate(latex: str, **values: Any) -> Any:
    r"""The value of a printed formula, `evaluate(r"u\log u", u=...)`.

    The letters stand for tensors, or for `Decimal` numbers, which are exact to as many digits as their context has: the
    judge of what floating point makes of a formula.

    Raises
    ------
    ValueError
        If the formula holds something that is not in the subset, or a letter that was given no value.
    """
    exact = any(isinstance(value, Decimal) for value in values.values())
    number: Callable[[str], Any] = Decimal if exact else lambda digits: torch.tensor(float(digits), dtype=torch.float64)
    unread = _TOKEN.sub("", latex).strip()
    reader = _Reader(deque(_TOKEN.findall(latex)), {"e": number("1").exp(), **values}, number)
    value = None if unread else reader.sum()
    if unread or reader.tokens:
        raise ValueError(
            f"{latex!r} cannot be read from {unread or reader.tokens[0]!r} on: see the subset in this module."
        )
    return value


@dataclass
class _Reader:
    """One method per rule of the grammar; each takes its tokens from the front."""

    tokens: deque[str]
    letters: Mapping[str, Any]
    number: Callable[[str], Any]

    def sum(self) -> Any:
        value = -self.product() if self.skip("-") else self.product()
        while self.tokens and self.tokens[0] in "+-":
            value = value + self.product() if self.tokens.popleft() == "+" else value - self.product()
        return value

    def product(self) -> Any:
        value = self.factor()
        while self.tokens and self.tokens[0] not in ("+", "-", ")", "}"):
            value = value * self.factor()
        return value

    def factor(self) -> Any:
        base = self.atom()
        return base ** self.atom() if self.skip("^") else base

    def atom(self) -> Any:
        token = self.tokens.popleft() if self.tokens else "its end"
        if token in _CLOSES:
            value = self.sum()
            if not self.skip(_CLOSES[token]):
                raise ValueError(f"a formula opens a {token!r} that it does not close.")
            return value
        if token == r"\frac":
            return self.atom() / self.atom()
        if token == r"\sqrt":
            return self.atom().sqrt()
        if token == r"\log":
            value = self.factor()
            return value.ln() if isinstance(value, Decimal) else value.log()
        if token.isdigit():
            return self.number(token)
        if token not in self.letters:
            raise ValueError(f"a formula cannot be read from {token!r} on: no value was given for it.")
        return self.letters[token]

    def skip(self, token: str) -> bool:
        found = bool(self.tokens) and self.tokens[0] == token
        if found:
            self.tokens.popleft()
        return found
