"""A world of 490 short reviews in two moods: small enough to list, with agreement at a distance."""

from __future__ import annotations

from .grammar import Grammar


def reviews(start: str = "S") -> Grammar:
    """Reviews such as *the noodles were cold and i returned them*: praise and complaints, equally frequent.

    Number agrees (noodles *were*, *them*) and so does the mood (cold, *returned*). `start` "GOOD" or "BAD" is one mood
    alone, over the same vocabulary.
    """
    rules = {
        "S": {"GOOD": 1, "BAD": 1},
        "ONE": {"soup": 3, "fish": 2, "rice": 2, "tea": 1},
        "MANY": {"noodles": 3, "dumplings": 2, "eggs": 1},
        "HOW": {"": 2, "very": 1, "so": 1},
        "FINE": {"fresh": 3, "tasty": 2, "perfect": 1},
        "POOR": {"cold": 3, "stale": 2, "burnt": 1},
        "LIKED": {"loved": 2, "enjoyed": 1},
        "HATED": {"hated": 2, "returned": 1},
    }
    for mood, quality, felt in (("GOOD", "FINE", "LIKED"), ("BAD", "POOR", "HATED")):
        rules[mood] = {
            f"the ONE was HOW {quality}": 3,
            f"the MANY were HOW {quality}": 2,
            f"the ONE was HOW {quality} and i {felt} it": 3,
            f"the MANY were HOW {quality} and i {felt} them": 2,
            f"i {felt} the ONE": 2,
            f"i {felt} the MANY": 1,
            f"i {felt} the ONE because it was {quality}": 2,
            f"i {felt} the MANY because they were {quality}": 1,
        }
    return Grammar(rules, start)
