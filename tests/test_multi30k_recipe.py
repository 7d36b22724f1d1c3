"""What the recorded BLEU rests on besides the package: words, their way back to text, and the judge."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

from experiments import multi30k
from genmodels import data, training
from genmodels.sequence.seq2seq import Seq2Seq, translation

PAIRS = [
    ("Ein Hund läuft, schnell.", "A dog runs, fast."),
    ("Zwei Männer (alt) sitzen.", "Two men (old) are sitting."),
    ("Ein Hund sitzt auf dem T-Shirt.", "A dog sits on the man's t-shirt."),
]


def test_texts_come_back_from_their_words() -> None:
    for pair in PAIRS:
        for text in pair:
            assert multi30k.written(multi30k.words_of(text)) == text.lower()
    assert multi30k.written("a <unk> runs <unk> .") == "a runs."


def test_a_reference_judged_by_itself_is_perfect_and_a_short_one_is_charged() -> None:
    english = [target for _, target in PAIRS]
    assert multi30k.judged(english, PAIRS) == {"bleu": 100.0, "length": 1.0}
    short = multi30k.judged([" ".join(text.split()[:4]) for text in english], PAIRS)
    assert short["bleu"] < 80 and short["length"] < 0.9
    assert "case:lc" in multi30k.signature() and "tok:13a" in multi30k.signature()


def test_held_out_loss_and_translations_are_those_of_the_model() -> None:
    german, english = multi30k.vocabularies(PAIRS, at_least=1)
    pairs = multi30k.numbered(PAIRS, german, english)
    with training.isolated(0):
        model = Seq2Seq(len(german), len(english), hidden=8)
    both: Any = (pairs.source, pairs.target)
    expected = translation(model, both, step=0, rng=training.rng(0)).item()
    assert abs(multi30k.held_out(model, pairs) - expected) < 1e-5
    with patch.object(multi30k, "LONGEST", 4):
        found = multi30k.translated(model, pairs.source, english, width=2, penalty=0.5)
    assert len(found) == 3 and isinstance(german, data.Vocabulary)
