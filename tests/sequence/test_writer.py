"""A reader's own text: the two commands, what they refuse, and that an interrupted run ends like a whole one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import pytest
import torch
from click.testing import CliRunner, Result
from torch import Tensor
from torch.testing import assert_close

from genmodels import training
from genmodels.commands import main
from genmodels.sequence import NGram, Recurrent, StepModel, Transformer, Windows, free, greedy, unroll, writer
from genmodels.sequence.steps import forced
from genmodels.sequence.writer import Settings, continued, learn, load, without
from mutants import mutants, rejects

ENGLISH = "the cat sat on the mat; the dog sat on the log.\n" * 12
CHINESE = "床前明月光,疑是地上霜。举头望明月,低头思故乡。\n白日依山尽,黄河入海流。欲穷千里目,更上一层楼。\n" * 6
SMALL = ["--context", "16", "--size", "8", "--steps", "4"]


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def refused(*arguments: object) -> str:
    """The one sentence with which a command refuses; a traceback would be none."""
    result = run(*arguments)
    assert result.exit_code != 0
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return " ".join(result.output.split())


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "own.txt"
    path.write_text(ENGLISH, encoding="utf-8")
    return path


@pytest.fixture
def written(file: Path, tmp_path: Path) -> Path:
    """The folder of a bigram-like model, quickly made."""
    assert run("learn", file, "--out", tmp_path / "n", "--model", "ngram", "--context", 16).exit_code == 0
    return tmp_path / "n"


# --- from a text file to samples -------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", ["gpt", "lstm", "ngram"])
@pytest.mark.parametrize("level", ["characters", "words"])
def test_from_a_file_to_samples(file: Path, tmp_path: Path, model: str, level: str) -> None:
    made = run("learn", file, "--out", tmp_path / "m", "--model", model, "--level", level, *SMALL)
    assert made.exit_code == 0, made.output
    assert f"per {level[:-1]}, on the last tenth" in made.output
    prompt = "the cat"
    said = run("write", tmp_path / "m", "--prompt", prompt, "--length", 30)
    assert said.exit_code == 0 and said.output.startswith(prompt)
    new = said.output.removesuffix("\n")[len(prompt) :]
    assert len(new) == 30 if level == "characters" else len(new.split()) == 30
    assert "<" not in new
    if level == "words":
        assert f"(rare words counted as one, {load(tmp_path / 'm').unknown:.0%} of it)" in made.output
    assert run("write", tmp_path / "m", "--prompt", prompt, "--length", 30).output == said.output
    assert run("write", tmp_path / "m", "--prompt", prompt, "--length", 30, "--seed", 1).output != said.output


def test_chinese(tmp_path: Path) -> None:
    path = tmp_path / "诗.txt"
    path.write_text("\ufeff" + CHINESE, encoding="utf-8")  # as some editors save it, with a byte order mark
    assert run("learn", path, "--out", tmp_path / "模型", "--model", "ngram", "--context", 16).exit_code == 0
    said = run("write", tmp_path / "模型", "--prompt", "床前", "--length", 3, "--top-k", 1)
    assert said.output == "床前明月光\n"
    assert "\ufeff" not in load(tmp_path / "模型").vocabulary.numbers


def test_the_last_tenth_is_not_learned_from(tmp_path: Path) -> None:
    """The end of this text is unlike its beginning, and no n-gram that had counted it would be so surprised."""
    made = learn("ab" * 100 + "ba" * 5 + "aabb" * 3, tmp_path / "m", Settings(model="ngram", context=16))
    assert made.perplexity > 2


def test_a_finished_run_is_returned_and_not_repeated(file: Path, tmp_path: Path) -> None:
    arguments = ("learn", file, "--out", tmp_path / "m", *SMALL)
    first = run(*arguments)
    assert sorted(path.name for path in (tmp_path / "m").iterdir()) == ["model.pt", "settings.json"]
    with patch.object(writer, "train", side_effect=AssertionError("it learned again")):
        assert run(*arguments).output == first.output


def test_interrupted_and_given_again_it_ends_like_a_whole_run(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "EVERY", 5)
    settings = Settings(context=16, size=8, steps=12)
    whole = learn(ENGLISH, tmp_path / "whole", settings)
    drawn, own = [0], Windows.sample

    def sample(self: Windows, *arguments: object, **options: object) -> Tensor:
        drawn[0] += 1
        if drawn[0] == 8:
            raise KeyboardInterrupt
        return own(self, *arguments, **options)  # type: ignore[arg-type]

    arguments = ("learn", file, "--out", tmp_path / "m", "--context", 16, "--size", 8, "--steps", 12)
    with patch.object(Windows, "sample", sample):
        assert "interrupted: give the same command again" in refused(*arguments)
    assert "has not finished learning: give the same" in refused("write", tmp_path / "m")
    began = []
    with patch.object(writer, "fit", lambda *a, **k: began.append(k["checkpoint"].exists()) or own_fit(*a, **k)):
        assert run(*arguments).exit_code == 0
    assert began == [True], "it did not go on from the checkpoint"
    again = load(tmp_path / "m").model.state_dict()
    assert all(torch.equal(x, again[name]) for name, x in whole.model.state_dict().items())


own_fit = writer.fit


# --- what is refused, in one sentence --------------------------------------------------------------------------------


def test_files_that_cannot_be_learned_from(tmp_path: Path) -> None:
    out = ("--out", tmp_path / "m", "--context", 16)
    assert "cannot be read (No such file or directory): is the name right?" in refused("learn", tmp_path / "no", *out)
    path = tmp_path / "own.txt"
    path.write_bytes("床前明月光".encode("gb18030"))
    assert "is not in UTF-8 (byte 0): save it as UTF-8" in refused("learn", path, *out)
    path.write_text(" \n\n", encoding="utf-8")
    assert "is empty: there is nothing to learn from" in refused("learn", path, *out)
    path.write_text("too short", encoding="utf-8")
    assert "the text has 9 characters, and a context of 16 with a part to test on needs 18" in refused(
        "learn", path, *out
    )
    path.write_text("床前明月光\n疑是地上霜\n" + "\n".join(map(chr, range(0x4E00, 0x4E30))), encoding="utf-8")
    assert "no word of this text occurs twice: learn `--level characters`" in refused(
        "learn", path, *out, "--level", "words"
    )
    assert not (tmp_path / "m").exists(), "a refused text leaves nothing behind"


def test_a_folder_of_something_else(file: Path, written: Path, tmp_path: Path) -> None:
    again = ("--out", written, "--context", 16)
    assert "belongs to another run (model was ngram, is gpt)" in refused("learn", file, *again, "--steps", 2_000)
    file.write_text(ENGLISH.replace("cat", "cow"), encoding="utf-8")
    assert "belongs to another run (another text)" in refused("learn", file, *again, "--model", "ngram")
    assert "holds something else: name a new or an empty folder" in refused("learn", file, "--out", tmp_path)
    assert "holds something else" in refused("learn", file, "--out", file)
    assert "holds no model" in refused("write", tmp_path / "nothing")
    (written / "settings.json").write_text("{", encoding="utf-8")
    assert "is damaged: delete its folder" in refused("write", written)
    for content in ("[]", '{"level": "words"}'):  # JSON, but not ours
        (written / "settings.json").write_text(content, encoding="utf-8")
        assert "is damaged: delete its folder" in refused("write", written)


def test_a_damaged_model_is_said(written: Path) -> None:
    (written / "model.pt").write_bytes((written / "model.pt").read_bytes()[:100])
    assert "is not a complete checkpoint" in refused("write", written)


def test_what_cannot_be_written(written: Path) -> None:
    assert "the prompt has '€', which the text never had: leave it out" in refused(
        "write", written, "--prompt", "the €"
    )
    for temperature in (0, -1):
        assert "is not in the range x>0" in refused("write", written, "--temperature", temperature)
    for temperature in ("nan", "inf"):  # both pass a comparison with 0, or seem to
        assert f"a temperature of {temperature} is no distribution" in refused(
            "write", written, "--temperature", temperature
        )
    assert "keep at least one token" in refused("write", written, "--top-p", "nan")
    assert "is not in the range" in refused("write", written, "--top-p", 1.5)
    assert "is not in the range" in refused("write", written, "--top-k", 0)
    assert "is not in the range" in refused("write", written, "--length", 0)


def test_sizes_that_cannot_be(file: Path, tmp_path: Path) -> None:
    assert "cannot be shared by 4 heads" in refused("learn", file, "--out", tmp_path / "m", "--size", 10)


def test_a_prompt_that_is_too_long_or_unknown_is_said(file: Path, tmp_path: Path) -> None:
    assert run("learn", file, "--out", tmp_path / "m", *SMALL, "--level", "words").exit_code == 0
    said = run("write", tmp_path / "m", "--prompt", "the cat " * 10, "--length", 3)
    assert "the prompt has 20 tokens; the model reads the last 8" in said.stderr
    assert said.stdout.startswith("the cat " * 9)
    assert "'cow' is rare or new in the text; it is read as <unk>" in run(
        "write", tmp_path / "m", "--prompt", "the cow", "--length", 3
    ).stderr  # fmt: skip


# --- writing beyond the context --------------------------------------------------------------------------------------

Continued = Callable[..., Tensor]


def lively(model: StepModel) -> StepModel:
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(torch.randn(p.shape, generator=training.rng(4)))
    return model.double().eval()


def check_continued(go_on: Continued) -> None:
    """With a context of 6, what every new token is drawn from is what the model says behind its window of the text."""
    model = lively(Transformer(5, context=6, dim=8, heads=2, layers=2, eos=None))
    seen: list[Tensor] = []

    def policy(t: int, logits: Tensor, rng: torch.Generator) -> tuple[Tensor, Tensor]:
        seen.append(logits[0])
        return free()(t, logits, rng)

    for given in (0, 1, 3, 5, 6, 9):
        seen.clear()
        prompt = torch.arange(given) % 5
        new = go_on(model, prompt, length=14, policy=policy, rng=training.rng(0))
        assert len(new) == len(seen) == 14
        text, begins = torch.cat([prompt, new]), given - 3 if given >= 6 else 0
        for t in range(given, given + 14):
            begins = t - 3 if t - begins == 6 else begins
            assert_close(seen[t - given], model.logits(text[begins : t + 1][None])[0, -1])


def test_continued() -> None:
    check_continued(continued)


def counts_the_prompt(model, prompt, *, length, policy, rng):  # type: ignore[no-untyped-def]
    new = continued(model, prompt, length=length, policy=policy, rng=rng)
    return torch.cat([prompt, new])[:length]


def forgets_everything(model, prompt, *, length, policy, rng):  # type: ignore[no-untyped-def]
    """Begins anew where the context is full."""
    pieces: list[Tensor] = []
    while sum(map(len, pieces)) < length:
        given = prompt[-5:] if not pieces else prompt[:0]
        pieces.append(continued(model, given, length=6 - len(given), policy=policy, rng=rng))
    return torch.cat(pieces)[:length]


def loses_the_prompt(model, prompt, *, length, policy, rng):  # type: ignore[no-untyped-def]
    return continued(model, prompt[:0], length=length, policy=policy, rng=rng)


def keeps_the_beginning(model, prompt, *, length, policy, rng):  # type: ignore[no-untyped-def]
    """Cuts an over-long prompt at its end."""
    return continued(model, prompt[:5], length=length, policy=policy, rng=rng)


@mutants({f.__name__: f for f in (counts_the_prompt, forgets_everything, loses_the_prompt, keeps_the_beginning)})
def test_continued_rejects(mutant: Continued) -> None:
    rejects(check_continued, mutant)


@pytest.mark.parametrize("make", [lambda: Recurrent(5, hidden=8, eos=None), lambda: NGram(5, order=3, eos=None)])
def test_without_a_limit_nothing_is_forgotten(make: Callable[[], StepModel]) -> None:
    model = lively(make())
    if isinstance(model, NGram):
        model.fit(torch.randint(5, (1, 200), generator=training.rng(0)))
    prompt = torch.tensor([1, 2, 3])
    new = continued(model, prompt, length=40, policy=greedy(), rng=training.rng(0))
    whole = torch.cat([prompt, new])[None]
    scores = unroll(model, forced(whole), steps=43, n=1).logits[0]
    assert torch.equal(scores.argmax(1)[3:], new)


def test_tokens_that_must_not_be_written_are_not() -> None:
    policy = without(free(), [0, 3])
    drawn = policy(0, torch.zeros(500, 5), training.rng(0))[0]
    assert drawn.unique().tolist() == [1, 2, 4]
