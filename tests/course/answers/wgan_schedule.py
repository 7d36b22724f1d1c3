"""Answers to ex-wgan-schedule: right ones, written differently, and wrong ones, each with a bug that people make."""


def right_by_loop(steps, usual, many, start, every):
    """The loop of the published code."""
    total = 0
    for step in range(int(steps)):
        if step < start or step % every == 0:
            total += many
        else:
            total += usual
    return total


def right_by_formula(steps, usual, many, start, every):
    """Counted without a loop: the beginning, then the multiples behind it, then the rest."""
    beginning = min(steps, start)
    multiples = -(-steps // every) - -(-beginning // every)  # multiples of `every` in [beginning, steps)
    return many * (beginning + multiples) + usual * (steps - beginning - multiples)


def right_by_set(steps, usual, many, start, every):
    """The long steps as a set."""
    long = set(range(min(steps, start))) | set(range(0, steps, every))
    return usual * steps + (many - usual) * len(long)


def wrong_paper(steps, usual, many, start, every):
    """The paper's Algorithm 1, which leaves the schedule out."""
    return usual * steps


def wrong_inclusive(steps, usual, many, start, every):
    """`step <= start`: one long step too many."""
    return sum(many if s <= start or s % every == 0 else usual for s in range(steps))


def wrong_from_one(steps, usual, many, start, every):
    """Counted from 1: the beginning is one step short, and step 0 is missing."""
    return sum(many if s < start or s % every == 0 else usual for s in range(1, steps + 1))


def wrong_no_beginning(steps, usual, many, start, every):
    """Only every `every`-th step is long."""
    return sum(many if s % every == 0 else usual for s in range(steps))


def wrong_twice(steps, usual, many, start, every):
    """A step that is long for two reasons is counted twice."""
    return many * (min(steps, start) + -(-steps // every)) + usual * max(0, steps - start - -(-steps // every))


def wrong_inverted(steps, usual, many, start, every):
    """The two numbers exchanged."""
    return right_by_loop(steps, many, usual, start, every)


def wrong_extra(steps, usual, many, start, every):
    """The long training comes on top of the usual steps."""
    return sum(usual + (many if s < start or s % every == 0 else 0) for s in range(steps))


def wrong_generator_counted(steps, usual, many, start, every):
    """The generator's own steps are counted as well."""
    return right_by_loop(steps, usual, many, start, every) + steps


def wrong_average(steps, usual, many, start, every):
    """Critic steps per generator step instead of their number."""
    return right_by_loop(steps, usual, many, start, every) / steps
