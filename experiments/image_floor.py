"""What a perfect generator would score in section 2.1's table: 1,000 test images in the place of samples.

    python -m experiments.image_floor

Writes `results/image_floor.json`. The distances do not reach 1, because 1,000 points cover less than 60,000 do.
"""

from __future__ import annotations

from . import record
from .game_images import METRIC, SETS, measure


def main() -> None:
    about = {"metric": METRIC, **record.provenance("python -m experiments.image_floor")}
    loads = {name: load for name, (load, _) in SETS.items()}
    rows = {name: measure(load("test").images[:1_000], load("train")) for name, load in loads.items()}
    print(rows, record.write("image_floor", {**about, "rows": rows}))


if __name__ == "__main__":
    main()
