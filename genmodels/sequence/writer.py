"""A writer for a reader's own text: one text in, a folder with a model out, and more text from that folder.

The folder holds `settings.json` (what was asked for, and the vocabulary), `checkpoint.pt` while the model learns, and
`model.pt` when it has learned. Files are written whole or not at all, and nothing in them is executed.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import torch
from jaxtyping import Int
from torch import Tensor

from .. import training
from ..data.text import UNKNOWN, Vocabulary, characters, words
from ..runs import digest
from .learning import Windows, fit, warm_then_cosine
from .ngram import NGram
from .recurrent import Recurrent
from .steps import Policy, StepModel, free, perplexity, prefix_then, unroll
from .transformer import Transformer

EVERY = 100
"""Steps between two checkpoints."""


class TextError(ValueError):
    """A text, a prompt or a folder with which nothing can be done; the message says why."""


@dataclass(frozen=True)
class Settings:
    """What decides the outcome: the same settings and the same text give the same model."""

    level: Literal["characters", "words"] = "characters"
    model: Literal["gpt", "lstm", "ngram"] = "gpt"
    steps: int = 2_000
    context: int = 128
    size: int = 128
    seed: int = 0


@dataclass
class Writer:
    """A model with the words for its numbers."""

    model: StepModel
    vocabulary: Vocabulary
    perplexity: float
    """On windows of the last tenth of the text, which was not learned from; each begins from nothing."""
    unknown: float = 0.0
    """The share of rare words in that tenth: they are counted as one, so the perplexity falls as this grows."""

    def read(self, prompt: str) -> Int[Tensor, " length"]:
        """A prompt as numbers; refuses characters that the text did not have (unknown words are read as `<unk>`)."""
        unknown = sorted(set(self.vocabulary.split(prompt)) - set(self.vocabulary.tokens))
        if unknown and UNKNOWN not in self.vocabulary.numbers:
            raise TextError(f"the prompt has {unknown[0]!r}, which the text never had: leave it out.")
        return self.vocabulary.encode(prompt)[:-1]

    def write(self, prompt: str = "", *, length: int, policy: Policy | None = None, seed: int = 0) -> str:
        """The prompt and `length` tokens more, none of them `<eos>` or `<unk>`."""
        never = [0, *([self.vocabulary.numbers[UNKNOWN]] if UNKNOWN in self.vocabulary.numbers else [])]
        read = self.read(prompt)
        policy = without(policy or free(), never)
        new = continued(self.model, read, length=length, policy=policy, rng=training.rng(seed))
        return self.vocabulary.joint.join([*([prompt] if prompt else []), self.vocabulary.decode(new)])


def continued(
    model: StepModel, prompt: Int[Tensor, " given"], *, length: int, policy: Policy, rng: torch.Generator
) -> Int[Tensor, " length"]:
    """`length` tokens behind a prompt, however long both are.

    A model with a limited context goes on from the last half of it whenever it is full; what is before is forgotten.
    """
    context = getattr(model, "context", math.inf)
    text = prompt
    with training.evaluating(model):
        while len(text) < len(prompt) + length:
            given = text if len(text) < context else text[-(context // 2) :]
            steps = int(min(len(prompt) + length - len(text), context - len(given))) + len(given)
            then = prefix_then(given[None], length=len(given), policy=policy)
            tokens = unroll(model, then, steps=steps, n=1, rng=rng).tokens[0]
            text = torch.cat([text, tokens[len(given) :]])
    return text[len(prompt) :]


def without(policy: Policy, tokens: Sequence[int]) -> Policy:
    """The policy on logits in which these tokens are impossible."""
    which = torch.tensor(tokens)
    return lambda t, logits, rng: policy(t, logits.index_fill(1, which, -math.inf), rng)


# --- learning --------------------------------------------------------------------------------------------------------


def made(vocab: int, settings: Settings) -> StepModel:
    """An untrained model; an n-gram looks at five characters or two words."""
    if settings.model == "ngram":
        return NGram(vocab, order=6 if settings.level == "characters" else 3, eos=None)
    with training.isolated(settings.seed):
        if settings.model == "lstm":
            return Recurrent(vocab, hidden=2 * settings.size, embedding=64, cell="lstm", dropout=0.1, eos=None)
        return Transformer(vocab, context=settings.context, dim=settings.size, layers=4, dropout=0.1, eos=None)


def learn(text: str, folder: str | os.PathLike[str], settings: Settings) -> Writer:
    """Learn from nine tenths of a text, and say how well the last tenth is predicted (its signs are known beforehand).

    Given the same text and settings again, an interrupted run goes on where its last checkpoint was, and a finished one
    is returned.

    Raises
    ------
    TextError
        If the text is too short, no word occurs twice in it, or the folder holds something else.
    """
    folder = Path(folder)
    vocabulary = words([text], at_least=2, unknown=True) if settings.level == "words" else characters([text])
    if settings.level == "words" and len(vocabulary) < 3:
        raise TextError("no word of this text occurs twice: learn `--level characters`, as for Chinese without blanks.")
    tokens = vocabulary.encode(text)[:-1]
    last = max(len(tokens) // 10, 2)
    needed = settings.context + last
    if len(tokens) < needed:
        raise TextError(
            f"the text has {len(tokens)} {settings.level}, and a context of {settings.context} with a part to test on "
            f"needs {needed}: give a longer text, or a shorter context."
        )
    claim(folder, {**asdict(settings), "text": digest(text.encode()), "vocabulary": list(vocabulary.tokens)})
    if (folder / "model.pt").exists():
        return load(folder)
    model = made(len(vocabulary), settings)
    if isinstance(model, NGram):
        learned: dict[str, Any] = {"text": tokens[:-last]}
        model.fit(learned["text"][None])
    else:
        train(model, tokens[:-last], folder / "checkpoint.pt", settings)
        learned = {"weights": model.state_dict()}
    found = perplexity(model, tokens[-last:].unfold(0, min(settings.context, last), min(settings.context, last)))
    unknown = (tokens[-last:] == vocabulary.numbers.get(UNKNOWN, -1)).double().mean().item()
    training.save(folder / "model.pt", {**learned, "perplexity": found, "unknown": unknown})
    (folder / "checkpoint.pt").unlink(missing_ok=True)
    return Writer(model, vocabulary, found, unknown)


def train(model: StepModel, tokens: Int[Tensor, " length"], checkpoint: Path, settings: Settings) -> None:
    """On windows of the text, on the fastest device that can be trusted."""
    peak = {"gpt": 3e-3, "lstm": 5e-3}[settings.model]
    rate = partial(warm_then_cosine, peak=peak, warm=min(100, settings.steps // 10), steps=settings.steps)
    fit(
        model.to(training.device()), Windows(tokens, settings.context), steps=settings.steps, batch=16, lr=rate,
        seed=settings.seed, checkpoint=checkpoint, checkpoint_every=EVERY,
    )  # fmt: skip
    model.cpu()


def claim(folder: Path, settings: dict[str, Any]) -> None:
    """Write down what this folder is for, unless it says so already; refuse a folder that is for something else."""
    path = folder / "settings.json"
    if path.exists():
        before = _settings(path)
        differ = [name for name, value in settings.items() if before.get(name) != value]
        if differ:
            told = {"text", "vocabulary"}
            said = [f"{name} was {before.get(name)}, is {settings[name]}" for name in differ if name not in told]
            raise TextError(
                f"{folder} belongs to another run ({'; '.join(said) or 'another text'}): "
                "name another folder, or give the same text and settings."
            )
    elif folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise TextError(f"{folder} exists and holds something else: name a new or an empty folder.")
    else:
        folder.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        part.write_text(json.dumps(settings, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        os.replace(part, path)


def load(folder: str | os.PathLike[str]) -> Writer:
    """The writer that `learn` has left in a folder.

    Raises
    ------
    TextError
        If there is none, or it has not finished learning.
    """
    folder = Path(folder)
    if not (folder / "settings.json").exists():
        raise TextError(f"{folder} holds no model: make one with `genmodels learn`.")
    if not (folder / "model.pt").exists():
        raise TextError(f"{folder} has not finished learning: give the same `genmodels learn` command again.")
    kept, learned = _settings(folder / "settings.json"), training.load(folder / "model.pt")
    settings = Settings(**{name: kept[name] for name in asdict(Settings())})
    vocabulary = Vocabulary(tuple(kept["vocabulary"]), " " if settings.level == "words" else "")
    model = made(len(vocabulary), settings)
    if isinstance(model, NGram):
        model.fit(learned["text"][None])
    else:
        model.load_state_dict(learned["weights"])
    return Writer(model, vocabulary, learned["perplexity"], learned.get("unknown", 0.0))


def _settings(path: Path) -> dict[str, Any]:
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(kept, dict) or not kept.keys() >= {*asdict(Settings()), "vocabulary"}:
            raise ValueError("a key is missing")
    except ValueError as error:
        raise TextError(f"{path} is damaged: delete its folder and learn again.") from error
    return kept
