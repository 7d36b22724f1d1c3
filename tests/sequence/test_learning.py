"""The loop in which sequence models learn: what it draws, what it charges, and that it can be interrupted."""

import math
from functools import partial

import pytest
import torch
from torch.testing import assert_close

from genmodels import training
from genmodels.sequence import Recurrent, Texts, Windows, fit, learning, nll, perplexity, warm_then_cosine
from genmodels.training import CheckpointError

TEXTS = torch.tensor([[1, 2, 3, 0], [2, 2, 0, 0], [3, 1, 2, 0]])


def new(*, dropout: float = 0.0) -> Recurrent:
    with training.isolated(0):
        return Recurrent(4, hidden=8, layers=2, dropout=dropout)


def weights(model: Recurrent) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def check_windows(windows: type) -> None:
    """Every window is a piece of the text, every beginning is drawn, the last one too, and equally often."""
    text = torch.arange(10)
    drawn = windows(text, 4).sample((7000,), rng=training.rng(0))
    assert torch.equal(drawn, drawn[:, :1] + torch.arange(4))
    counts = torch.bincount(drawn[:, 0], minlength=7)
    assert len(counts) == 7
    assert (counts - 1000).abs().max() < 5 * math.sqrt(1000)


class LosesTheEnd(Windows):
    def sample(self, sample_shape, *, rng):
        return Windows(self.text[:-1], self.length).sample(sample_shape, rng=rng)


class Blocks(Windows):
    """Windows that begin only at multiples of their length."""

    def sample(self, sample_shape, *, rng):
        blocks = self.text[: len(self.text) // self.length * self.length].reshape(-1, self.length)
        return blocks[torch.randint(len(blocks), sample_shape, generator=rng)]


def test_windows_are_pieces_of_the_text():
    check_windows(Windows)


@pytest.mark.parametrize("wrong", [LosesTheEnd, Blocks])
def test_windows_check_rejects(wrong):
    with pytest.raises(AssertionError):
        check_windows(wrong)


def test_too_short_a_text_is_said():
    with pytest.raises(ValueError, match="has 3 tokens, too few for windows of 4"):
        Windows(torch.arange(3), 4)
    with pytest.raises(ValueError, match="no texts"):
        Texts(torch.zeros(0, 4, dtype=torch.long))


def check_resume(tmp_path, fit) -> None:
    """Interrupted after 6 of 10 steps and taken up again, with dropout and a rate that changes: the same weights."""
    rate = partial(warm_then_cosine, peak=1e-2, warm=2, steps=10)
    settings = {"batch": 2, "lr": rate, "seed": 3, "watch_at": (0, 5, 10)}
    settings["watch"] = lambda model: {"nll": nll(model, TEXTS)}
    whole, halved = new(dropout=0.5), new(dropout=0.5)
    history = fit(whole, Texts(TEXTS), steps=10, **settings)
    path = tmp_path / "run.pt"
    fit(halved, Texts(TEXTS), steps=6, checkpoint=path, checkpoint_every=6, **settings)
    again = new(dropout=0.5)
    resumed = fit(again, Texts(TEXTS), steps=10, checkpoint=path, checkpoint_every=10, **settings)
    assert torch.equal(weights(again), weights(whole))
    assert torch.equal(resumed.losses, history.losses)
    assert list(resumed.watched) == [0, 5, 10]


def test_an_interrupted_run_ends_where_a_whole_one_ends(tmp_path):
    check_resume(tmp_path, fit)


def forgets(name: str):
    """A loop whose checkpoint lacks one part: its optimizer, or its place in the random stream."""

    def forgetful(*args, **kwargs):
        real = learning.Run

        def run(parts, stream, *rest):
            kept = {k: v for k, v in parts.items() if k != name}
            return real(kept, training.rng(9) if name == "stream" else stream, *rest)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(learning, "Run", run)
            return fit(*args, **kwargs)

    return forgetful


@pytest.mark.parametrize("name", ["optimizer", "model", "stream"])
def test_resume_check_rejects_a_forgetful_checkpoint(tmp_path, name):
    with pytest.raises(AssertionError):
        check_resume(tmp_path, forgets(name))


def test_a_checkpoint_of_another_run_is_refused(tmp_path):
    path = tmp_path / "run.pt"
    fit(new(), Texts(TEXTS), steps=2, batch=2, checkpoint=path, checkpoint_every=2)
    with pytest.raises(CheckpointError, match=r"lr was 0\.003, is 0\.1"):
        fit(new(), Texts(TEXTS), steps=4, batch=2, lr=0.1, checkpoint=path)
    with pytest.raises(CheckpointError, match="data"):
        fit(new(), Texts(TEXTS.flip(0)), steps=4, batch=2, checkpoint=path)


def test_learning_reaches_the_entropy_of_the_texts():
    """Three texts, equally probable: no model can do better than ln 3 a text, and this one comes to it."""
    model = new()
    fit(model, Texts(TEXTS), steps=400, batch=16, lr=1e-2)
    best = math.exp(3 * math.log(3) / 11)  # 11 tokens in three texts, ends included
    assert best - 1e-4 < perplexity(model, TEXTS) < best * 1.02


def test_a_loss_that_is_not_finite_stops_the_run():
    with pytest.raises(FloatingPointError, match="not finite from step 0"):
        fit(new(), Texts(TEXTS), loss=lambda model, batch, *, step, rng: nll(model, batch) * math.inf, steps=2)


def test_the_rate_rises_then_falls_to_a_tenth():
    rate = partial(warm_then_cosine, peak=1.0, warm=4, steps=12)
    assert_close([rate(t) for t in (0, 3, 4, 8, 12)], [0.25, 1.0, 1.0, 0.55, 0.1])


def test_the_rate_is_the_optimizers():
    """With a rate of zero after the first step nothing moves any more."""
    one, three = new(), new()
    fit(one, Texts(TEXTS), steps=1, lr=lambda step: 0.1 if step == 0 else 0.0)
    fit(three, Texts(TEXTS), steps=3, lr=lambda step: 0.1 if step == 0 else 0.0)
    assert torch.equal(weights(one), weights(three))
