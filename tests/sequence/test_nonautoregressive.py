"""Independent places are independent, copies are where they belong, and mask-predict hides what the paper hides."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.testing import assert_close

from benchmarks import decoding
from genmodels import training
from genmodels.data.dialects import Dialects
from genmodels.sequence import Transformer, fit, greedy
from genmodels.sequence.dependence import kept
from genmodels.sequence.nonautoregressive import (
    Parallel,
    Perfect,
    Taught,
    at_once,
    continuation,
    continued,
    copied,
    independent,
    lowest,
    mask_predict,
    masked,
    multiplications,
    places,
    unmask,
)
from mutants import mutants, refusal, rejects

SOURCE = torch.tensor([[1, 2, 3], [4, 1, 2], [3, 3, 1]])
FERTILITY = torch.tensor([[2, 0, 1], [1, 1, 2], [0, 2, 0]])
TARGET = torch.tensor([[2, 1, 3, 0, 0, 0], [1, 2, 3, 1, 0, 0], [3, 2, 0, 0, 0, 0]])


def model() -> Parallel:
    with training.isolated(0):
        made = Parallel(5, 4, most=2, length=6, dim=16, heads=2)
    return made.double().eval()


# --- copies ----------------------------------------------------------------------------------------------------------

Copy = Callable[..., Tensor]


def check_copies(copy: Copy) -> None:
    """One copy after the other, as many as are asked for, then nothing; like `repeat_interleave`, row by row."""
    memory = torch.randn(3, 3, 2, generator=training.rng(0))
    out = copy(memory, FERTILITY, length=6)
    assert out.shape == (3, 6, 2)
    for row, source, times in zip(out, memory, FERTILITY, strict=True):
        expected = torch.repeat_interleave(source, times, dim=0)
        assert torch.equal(row[: len(expected)], expected), "the copies are others"
        assert not row[len(expected) :].any(), "something stands behind the last copy"


def last_one_goes_on(memory: Tensor, fertility: Tensor, *, length: int) -> Tensor:
    ends = fertility.cumsum(1)
    which = (torch.arange(length)[:, None] >= ends[:, None]).sum(2).clamp(max=memory.shape[1] - 1)
    return memory.gather(1, which[..., None].expand(-1, -1, memory.shape[2]))


def starts_late(memory: Tensor, fertility: Tensor, *, length: int) -> Tensor:
    return copied(memory, fertility.roll(1, dims=1), length=length)


def uniform(memory: Tensor, fertility: Tensor, *, length: int) -> Tensor:
    """The other copy of the paper: the source stretched evenly, whatever its fertilities."""
    total = fertility.sum(1, keepdim=True)
    which = (torch.arange(length) * memory.shape[1] // total.clamp(min=1)).clamp(max=memory.shape[1] - 1)
    return (
        memory.gather(1, which[..., None].expand(-1, -1, memory.shape[2])) * places(fertility, length=length)[..., None]
    )


def test_copies() -> None:
    check_copies(copied)
    assert torch.equal(places(FERTILITY, length=6).sum(1), FERTILITY.sum(1))


@mutants({f.__name__: f for f in (last_one_goes_on, starts_late, uniform)})
def test_copies_rejects(mutant: Copy) -> None:
    rejects(check_copies, mutant)


def test_too_many_copies_are_refused() -> None:
    memory = torch.zeros(1, 2, 3)
    message = refusal(ValueError, lambda: copied(memory, torch.tensor([[3, 3]]), length=5))
    assert "sum to 6" in message and "5 places" in message


# --- who listens to whom ---------------------------------------------------------------------------------------------


def check_independence(m: Parallel) -> None:
    """Changing one token of the target changes the probability of no other."""
    before, _ = m.log_probs(SOURCE, FERTILITY, TARGET)
    for j in range(4):
        other = TARGET.clone()
        other[:, j] = (other[:, j] + 1) % 4
        after, _ = m.log_probs(SOURCE, FERTILITY, other)
        changed = (after != before).any(dim=0)
        changed[j] = False
        assert not changed.any(), f"other places hear of place {j}"


class Listening(Parallel):
    """Teacher forcing by habit: the true target is fed although nothing was said to be seen."""

    def log_probs(self, source: Tensor, fertility: Tensor, target: Tensor, *, seen: Tensor | None = None) -> tuple:
        return super().log_probs(source, fertility, target, seen=target if seen is None else seen)


def test_independent_places() -> None:
    check_independence(model())


def test_independent_places_rejects_teacher_forcing() -> None:
    with training.isolated(0):
        mutant = Listening(5, 4, most=2, length=6, dim=16, heads=2).double().eval()
    rejects(check_independence, mutant)


def jacobian(m: Parallel) -> Tensor:
    """How much the logits of place i move with the token seen in place j, for one source with four tokens."""
    memory, fertility = m.encode(SOURCE[1:2]), FERTILITY[1:2]
    soft = nn.functional.one_hot(torch.where(TARGET[1:2] > 0, TARGET[1:2], m.vocab), m.vocab + 1).double()
    J = torch.autograd.functional.jacobian(lambda seen: m.logits(memory, fertility, seen), soft)
    assert isinstance(J, Tensor)
    return J[0, :, :, 0].abs().sum(dim=(1, 3))


def check_both_directions(m: Parallel) -> None:
    """With tokens seen, every place listens to every other, before and behind it, and to nothing behind the last."""
    J = jacobian(m)
    assert bool((J[:4, :4] > 1e-9).all()), "some place does not listen to another"
    assert not J[:, 4:].any() and not J[4:].any(), "what is behind the last token counts"


class Causal(Parallel):
    """The mask of a language model left in."""

    def logits(self, memory: Tensor, fertility: Tensor, seen: Tensor | None = None) -> Tensor:
        decoder = self.decoder.forward
        mask = nn.Transformer.generate_square_subsequent_mask(int(fertility.sum(1).max()), dtype=torch.float64)
        self.decoder.forward = lambda x, **rest: decoder(x, mask=mask)  # type: ignore[method-assign]
        try:
            return super().logits(memory, fertility, seen)
        finally:
            self.decoder.forward = decoder  # type: ignore[method-assign]


def test_seen_tokens_are_heard_in_both_directions() -> None:
    check_both_directions(model())


def test_seen_tokens_are_heard_in_both_directions_rejects_a_causal_mask() -> None:
    with training.isolated(0):
        mutant = Causal(5, 4, most=2, length=6, dim=16, heads=2).double().eval()
    rejects(check_both_directions, mutant)


def test_other_sentences_of_the_batch_change_nothing() -> None:
    m = model()
    together = m.logits(m.encode(SOURCE), FERTILITY)
    for i in range(3):
        n = int(FERTILITY[i].sum())
        alone = m.logits(m.encode(SOURCE[i : i + 1]), FERTILITY[i : i + 1])
        assert alone.shape == (1, 6, 4)
        assert_close(together[i, :n], alone[0, :n])


def test_the_probabilities_of_all_targets_sum_to_one() -> None:
    m, n = model(), 3
    every = torch.tensor([[*t, 0, 0, 0] for t in itertools.product(range(4), repeat=n)])
    source, fertility = (part[:1].expand(len(every), -1) for part in (SOURCE, FERTILITY))
    tokens, _ = m.log_probs(source, fertility, every)
    assert_close(tokens.sum(1).exp().sum().item(), 1.0)
    each = [m.log_probs(SOURCE[:1], torch.tensor([f]), TARGET[:1])[1] for f in itertools.product(range(3), repeat=3)]
    assert_close(torch.stack(each).sum((1, 2)).exp().sum().item(), 1.0)


# --- losses ----------------------------------------------------------------------------------------------------------


def test_the_loss_is_minus_the_likelihood_per_token() -> None:
    m = model()
    tokens, words = m.log_probs(SOURCE, FERTILITY, TARGET)
    expected = -(tokens.sum() + words.sum()) / 9
    assert_close(independent(m, (SOURCE, FERTILITY, TARGET), step=0, rng=training.rng(0)), expected)


Loss = Callable[..., Tensor]


class Recorder(Parallel):
    """Remembers what it was shown."""

    def log_probs(self, source: Tensor, fertility: Tensor, target: Tensor, *, seen: Tensor | None = None) -> tuple:
        self.shown = seen
        return super().log_probs(source, fertility, target, seen=seen)


def check_masked(loss: Loss) -> None:
    """What is hidden is among the tokens, 1 to n of them equally often, and the loss is theirs alone."""
    with training.isolated(0):
        m = Recorder(5, 4, most=2, length=6, dim=16, heads=2).double()
    source, fertility, target = (part[1:2].expand(3_000, -1) for part in (SOURCE, FERTILITY, TARGET))
    with torch.no_grad():
        value = loss(m, (source, fertility, target), step=0, rng=training.rng(0))
    assert m.shown is not None
    hidden = m.shown == m.vocab
    assert not hidden[:, 4:].any(), "something behind the last token is hidden"
    counts = hidden.sum(1).bincount(minlength=5) / 3_000
    assert_close(counts, torch.tensor([0, 0.25, 0.25, 0.25, 0.25]), atol=0.04, rtol=0)
    assert_close(hidden[:, :4].double().mean(0), torch.full((4,), 0.625).double(), atol=0.04, rtol=0)
    assert torch.equal(m.shown[~hidden], target[~hidden])
    with torch.no_grad():
        tokens, words = m.log_probs(source, fertility, target, seen=m.shown)
    assert_close(value, -tokens[hidden].mean() - words.sum() / fertility.sum())


def always_all(model: Parallel, batch: tuple, *, step: int, rng: torch.Generator) -> Tensor:
    tokens, words = model.log_probs(*batch, seen=torch.full_like(batch[2], model.vocab))
    return -(tokens.sum() + words.sum()) / batch[1].sum()


def what_is_seen_counts_too(model: Parallel, batch: tuple, *, step: int, rng: torch.Generator) -> Tensor:
    masked(model, batch, step=step, rng=rng)
    tokens, words = model.log_probs(*batch, seen=model.shown)  # type: ignore[attr-defined]
    return -(tokens.sum() + words.sum()) / batch[1].sum()


def a_coin_per_token(model: Parallel, batch: tuple, *, step: int, rng: torch.Generator) -> Tensor:
    """BERT's way: a fixed share is hidden, so that the number is binomial."""
    _, fertility, target = batch
    hidden = (torch.rand(target.shape, generator=rng) < 0.625) & places(fertility, length=model.length)
    tokens, words = model.log_probs(*batch, seen=torch.where(hidden, model.vocab, target))
    return -(tokens * hidden).sum() / hidden.sum() - words.sum() / fertility.sum()


def test_hidden_tokens() -> None:
    check_masked(masked)


@mutants({f.__name__: f for f in (always_all, what_is_seen_counts_too, a_coin_per_token)})
def test_hidden_tokens_rejects(mutant: Loss) -> None:
    rejects(check_masked, mutant)


def test_lowest_scores() -> None:
    score = torch.tensor([[0.3, 0.1, 0.2, 0.0], [0.5, 0.5, 0.5, 0.5]])
    there = torch.tensor([[True, True, True, False], [True, True, True, True]])
    assert lowest(score, there, count=torch.tensor([2, 1])).tolist() == [
        [False, True, True, False],
        [True, False, False, False],
    ]
    assert not lowest(score, there, count=torch.tensor([0, 0])).any()
    assert torch.equal(lowest(score, there, count=torch.tensor([9, 9])), there)


# --- decoding --------------------------------------------------------------------------------------------------------

Decode = Callable[..., Tensor]


@torch.no_grad()
def by_the_paper(m: Parallel, source: Tensor, fertility: Tensor, iterations: int) -> list[int]:
    """Mask-predict for one sentence in plain loops."""
    n = int(fertility.sum())
    tokens, sure = [m.vocab] * n, [0.0] * n
    for t in range(iterations):
        order = sorted(range(n), key=lambda i: (sure[i], i))
        hidden = order[: int(n * (iterations - t) / iterations)]
        seen = [m.vocab if i in hidden else tokens[i] for i in range(n)] + [0] * (m.length - n)
        p = m.logits(m.encode(source), fertility, torch.tensor([seen])).softmax(2)[0]
        for i in hidden:
            tokens[i], sure[i] = int(p[i].argmax()), float(p[i].max())
    return tokens


def talkative() -> tuple[Parallel, Tensor, Tensor]:
    """A network whose answers depend on what it sees, and sources with 11, 9 and 4 tokens."""
    with training.isolated(0):
        m = Parallel(5, 6, most=3, length=12, dim=16, heads=2)
    for p in m.parameters():
        p.data *= 2.5
    source = torch.randint(5, (3, 4), generator=training.rng(1))
    return m.double().eval(), source, torch.tensor([[3, 3, 3, 2], [3, 1, 3, 2], [1, 1, 1, 1]])


def check_mask_predict(decode: Decode) -> None:
    m, source, fertility = talkative()
    for iterations in (1, 2, 3, 5, 7):
        out = decode(m, source, iterations=iterations, fertility=fertility)
        for i in range(3):
            n = int(fertility[i].sum())
            expected = by_the_paper(m, source[i : i + 1], fertility[i : i + 1], iterations)
            assert out[i, :n].tolist() == expected, f"another sentence after {iterations} passes"
            assert not out[i, n:].any()


def everything_again(m: Parallel, source: Tensor, *, iterations: int, fertility: Tensor) -> Tensor:
    """Lee et al. 2018 rather than mask-predict: the whole sentence is predicted from the whole last one."""
    there = places(fertility, length=m.length)
    tokens = torch.where(there, m.vocab, 0)
    for _ in range(iterations):
        tokens = m.logits(m.encode(source), fertility, tokens).argmax(2) * there
    return tokens


def hides_the_surest(m: Parallel, source: Tensor, *, iterations: int, fertility: Tensor) -> Tensor:
    there = places(fertility, length=m.length)
    tokens, sure = torch.zeros(there.shape, dtype=torch.long), torch.zeros(there.shape, dtype=torch.float64)
    for t in range(iterations):
        hidden = lowest(-sure, there, count=there.sum(1) * (iterations - t) // iterations)
        p, best = m.logits(m.encode(source), fertility, torch.where(hidden, m.vocab, tokens)).softmax(2).max(2)
        tokens, sure = torch.where(hidden, best, tokens), torch.where(hidden, p, sure)
    return tokens


def one_pass_only(m: Parallel, source: Tensor, *, iterations: int, fertility: Tensor) -> Tensor:
    return mask_predict(m, source, iterations=1, fertility=fertility)


def never_takes_back(m: Parallel, source: Tensor, *, iterations: int, fertility: Tensor) -> Tensor:
    """An answer that was believed once is certain from then on."""
    there = places(fertility, length=m.length)
    tokens, sure = torch.zeros(there.shape, dtype=torch.long), torch.zeros(there.shape, dtype=torch.float64)
    for t in range(iterations):
        hidden = lowest(sure, there, count=there.sum(1) * (iterations - t) // iterations)
        p, best = m.logits(m.encode(source), fertility, torch.where(hidden, m.vocab, tokens)).softmax(2).max(2)
        tokens, sure = torch.where(hidden, best, tokens), torch.where(hidden, p, 1.0)
    return tokens


def test_mask_predict() -> None:
    check_mask_predict(mask_predict)


@mutants({f.__name__: f for f in (everything_again, hides_the_surest, one_pass_only, never_takes_back)})
def test_mask_predict_rejects(mutant: Decode) -> None:
    rejects(check_mask_predict, mutant)


WORLD = Dialects(words=3)
EVERY = torch.cartesian_prod(*[torch.arange(1, 10)] * 3)


def right(tokens: Tensor) -> float:
    return WORLD.speakers(EVERY, tokens).any(dim=1).double().mean().item()


def test_a_perfect_network_at_once_does_what_the_marginals_do() -> None:
    perfect = Perfect(WORLD)
    drawn = torch.tensor([right(at_once(perfect, EVERY, rng=training.rng(seed))) for seed in range(4)])
    assert abs(drawn.mean().item() - kept(WORLD.variants(EVERY), WORLD.p).mean().item()) < 0.02
    assert_close(right(at_once(perfect, EVERY)), 1 - 6 / 27)  # wrong where all three kinds of words come together


def test_a_perfect_network_one_token_at_a_time_is_the_chain_rule() -> None:
    tokens = unmask(Perfect(WORLD), EVERY, iterations=WORLD.length, rng=training.rng(0))
    by = WORLD.speakers(EVERY, tokens)
    assert bool(by.any(dim=1).all())
    assert_close(by[by.sum(1) == 1].double().mean(0), WORLD.p, atol=0.05, rtol=0)
    assert right(mask_predict(Perfect(WORLD), EVERY, iterations=4)) == 1.0


def test_fertilities_are_predicted_unless_given() -> None:
    m = model()
    guessed = m.fertility(m.encode(SOURCE)).argmax(dim=2)
    assert torch.equal(at_once(m, SOURCE), at_once(m, SOURCE, fertility=guessed))
    assert torch.equal(
        (at_once(m, SOURCE, fertility=FERTILITY + 0) * ~places(FERTILITY, length=6)).sum(), torch.tensor(0)
    )


def test_nothing_is_predicted_in_no_iterations() -> None:
    for call in (
        lambda: mask_predict(model(), SOURCE, iterations=0),
        lambda: unmask(model(), SOURCE, iterations=0, rng=training.rng(0)),
    ):
        assert "use 1" in refusal(ValueError, call)


# --- the peer, and what it costs -------------------------------------------------------------------------------------


def peer() -> Transformer:
    with training.isolated(0):
        return Transformer(WORLD.vocab, context=WORLD.words + WORLD.length, dim=16, heads=2).double().eval()


def test_the_peers_loss_is_of_the_target_alone() -> None:
    m, batch = peer(), WORLD.sample((20,), rng=training.rng(0))
    logits = m.logits(torch.cat([batch[0], batch[2]], dim=1))[:, WORLD.words :]
    counted = torch.arange(WORLD.length) <= batch[1].sum(dim=1, keepdim=True)
    expected = cross_entropy(logits[counted], batch[2][counted])
    assert_close(continuation(m, batch, step=0, rng=training.rng(0)), expected)


def test_the_peer_goes_on_behind_the_source() -> None:
    m, source = peer(), EVERY[:5]
    written = continued(m, source, length=WORLD.length, policy=greedy())
    assert written.shape == (5, WORLD.length)
    for t in range(WORLD.length):
        logits = m.logits(torch.cat([source, written], dim=1))[:, WORLD.words + t]
        going_on = (written[:, :t] != 0).all(dim=1)
        assert torch.equal(logits.argmax(1)[going_on], written[:, t][going_on])
        assert not written[:, t][~going_on].any()


def test_a_student_draws_whole_lessons() -> None:
    source = WORLD.sources(30, rng=training.rng(0))
    lesson = Taught(source, WORLD.fertility(source), WORLD.variants(source)[:, 0])
    x, fertility, y = lesson.sample((200,), rng=training.rng(1))
    assert torch.equal(fertility, WORLD.fertility(x)) and torch.equal(y, WORLD.variants(x)[:, 0])


def test_one_dialect_is_learned_in_a_few_steps() -> None:
    world = Dialects(weights=(1.0, 0.0, 0.0), words=2)
    with training.isolated(0):
        m = Parallel(world.source_vocab, world.vocab, most=3, length=world.length, dim=32)
    fit(m, world, loss=independent, steps=150, batch=32, lr=5e-3)
    x = torch.cartesian_prod(*[torch.arange(1, 10)] * 2)
    assert world.speakers(x, at_once(m, x))[:, 0].double().mean() > 0.9


def test_multiplications_are_those_of_the_formula() -> None:
    """Per place and layer 12 d^2 for the weights and 2 d per place it looks at, then d for each word."""
    d, layers, n, m = 16, 2, 9, 3
    source = torch.tensor([[2, 5, 8]])  # fertility 3 each
    made = Parallel(WORLD.source_vocab, WORLD.vocab, most=3, length=WORLD.length, dim=d, heads=2)
    fertility = WORLD.fertility(source)
    for passes in (1, 3):
        counted = multiplications(lambda: mask_predict(made, source, iterations=passes, fertility=fertility))  # noqa: B023
        block = layers * (12 * d * d + 2 * d * n) + d * WORLD.vocab
        assert counted == m * layers * (12 * d * d + 2 * d * m) + passes * n * block
    one_by_one = peer()
    one_by_one.eos = None
    counted = multiplications(lambda: continued(one_by_one, source, length=n + 1, policy=greedy()))
    per_step = [layers * (12 * d * d + 2 * d * (t + 1)) + d * WORLD.vocab for t in range(m + n + 1)]
    assert counted == sum(per_step)
    assert torch.backends.mha.get_fastpath_enabled()


def test_the_benchmark_compares_the_same_work() -> None:
    teacher, filler, source, fertility = decoding.peers(words=2, batch=3)
    world = Dialects(words=2)
    length = world.most * 2
    assert bool((fertility.sum(1) == length).all())
    cache = decoding.cached(teacher, source)
    assert cache[0][0].shape[2] == source.shape[1], "the cache is not of the source"
    assert decoding.one_by_one(teacher, source, cache, length=length).shape == (3, length)
    assert bool(places(fertility, length=filler.length).sum(1).eq(length).all())
    assert decoding.ratio(teacher, filler, source, fertility, passes=1, rounds=1) > 0
