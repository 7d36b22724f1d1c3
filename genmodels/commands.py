"""The command line: `genmodels learn FILE --out DIR`, then `genmodels write DIR`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from .data.text import UNKNOWN
from .sequence.steps import free
from .sequence.writer import Settings, TextError, learn, load
from .training import CheckpointError

DEFAULT = Settings()
POSITIVE = click.IntRange(min=1)


@click.group()
def main() -> None:
    """Learn to write like a text of your own."""


@main.command("learn")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--out", "folder", type=click.Path(path_type=Path), required=True, help="Folder for the model.")
@click.option("--level", type=click.Choice(["characters", "words"]), default=DEFAULT.level, show_default=True)
@click.option("--model", type=click.Choice(["gpt", "lstm", "ngram"]), default=DEFAULT.model, show_default=True)
@click.option("--steps", type=POSITIVE, default=DEFAULT.steps, show_default=True, help="Of 16 windows each.")
@click.option("--context", type=click.IntRange(min=8), default=DEFAULT.context, show_default=True)
@click.option("--size", type=POSITIVE, default=DEFAULT.size, show_default=True, help="Width of the network.")
@click.option("--seed", type=int, default=DEFAULT.seed, show_default=True)
def learn_command(file: Path, folder: Path, **options: Any) -> None:
    """Learn from FILE, a text in UTF-8; interrupted, give the same command again."""
    try:
        writer = learn(text_of(file), folder, Settings(**options))
    except (ValueError, CheckpointError, FloatingPointError) as error:
        raise click.ClickException(str(error)) from error
    except KeyboardInterrupt as stopped:
        raise click.ClickException("interrupted: give the same command again to go on.") from stopped
    unit = options["level"].removesuffix("s")
    rare = f" (rare words counted as one, {writer.unknown:.0%} of it)" if unit == "word" else ""
    click.echo(
        f"held-out perplexity {writer.perplexity:.2f} per {unit}, on the last tenth of the text{rare}, "
        f"in windows of {options['context']} that each begin from nothing"
    )
    click.echo(writer.write(length=200 if unit == "character" else 40, seed=options["seed"]))


@main.command("write")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--prompt", default="", help="What the text begins with.")
@click.option("--length", type=POSITIVE, default=500, show_default=True, help="Characters, or words, to add.")
@click.option("--temperature", type=click.FloatRange(min=0, min_open=True), default=1.0, show_default=True)
@click.option("--top-k", type=POSITIVE, default=None, help="Draw among the k best only.")
@click.option("--top-p", type=click.FloatRange(0, 1, min_open=True), default=None, help="Draw from the nucleus.")
@click.option("--seed", type=int, default=0, show_default=True)
def write_command(
    folder: Path, prompt: str, length: int, temperature: float, top_k: int | None, top_p: float | None, seed: int
) -> None:
    """Write with the model in FOLDER."""
    try:
        writer = load(folder)
        tokens = writer.vocabulary.split(prompt)
        context = getattr(writer.model, "context", None)
        if context and len(tokens) >= context:
            click.echo(f"the prompt has {len(tokens)} tokens; the model reads the last {context // 2}.", err=True)
        unknown = [token for token in tokens if token not in writer.vocabulary.numbers]
        if unknown and UNKNOWN in writer.vocabulary.numbers:
            click.echo(f"{unknown[0]!r} is rare or new in the text; it is read as {UNKNOWN}.", err=True)
        policy = free(temperature=temperature, top_k=top_k, top_p=top_p)
        click.echo(writer.write(prompt, length=length, policy=policy, seed=seed))
    except (ValueError, CheckpointError) as error:
        raise click.ClickException(str(error)) from error


def text_of(file: Path) -> str:
    """The content of a file in UTF-8, without a byte order mark.

    Raises
    ------
    TextError
        If it is not there, in another encoding, or empty.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise TextError(
            f"{file} is not in UTF-8 (byte {error.start:,}): save it as UTF-8; for Chinese text in GBK, "
            f"`iconv -f GB18030 -t UTF-8` does that."
        ) from error
    except OSError as error:
        raise TextError(f"{file} cannot be read ({error.strerror}): is the name right?") from error
    if not text.strip():
        raise TextError(f"{file} is empty: there is nothing to learn from.")
    return text
