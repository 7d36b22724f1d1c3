"""Sequence models: the step model, its one loop, and what can be plugged into it."""

from .exact import Exact
from .learning import History, Texts, Windows, fit, teacher_forcing, warm_then_cosine
from .ngram import NGram
from .recurrent import Recurrent
from .steps import (
    StepModel,
    Trace,
    cut,
    drawn,
    forced,
    free,
    greedy,
    nll,
    perplexity,
    prefix_then,
    rows,
    scheduled,
    select,
    unroll,
    within,
)
from .transformer import Transformer, attention, causal

__all__ = [
    "Exact",
    "History",
    "NGram",
    "Recurrent",
    "StepModel",
    "Texts",
    "Trace",
    "Transformer",
    "Windows",
    "attention",
    "causal",
    "cut",
    "drawn",
    "fit",
    "forced",
    "free",
    "greedy",
    "nll",
    "perplexity",
    "prefix_then",
    "rows",
    "scheduled",
    "select",
    "teacher_forcing",
    "unroll",
    "warm_then_cosine",
    "within",
]
