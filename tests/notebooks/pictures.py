"""A plugin for nbval, which compares no pictures: in cells whose output is checked, compare them too.

Pictures differ a little between processors and font renderers, so the comparison allows a small mean difference.
"""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
from nbval.plugin import IPyNbCell
from PIL import Image

TOLERANCE = 6.0  # mean absolute difference in grey levels of 255
_compare_text = IPyNbCell.compare_outputs


def pictures(outputs: list[Any]) -> list[np.ndarray]:
    """Every PNG among the outputs, in colour and at one size."""
    found = [output["data"]["image/png"] for output in outputs if "image/png" in output.get("data", {})]
    opened = [Image.open(io.BytesIO(base64.b64decode(png))) for png in found]
    return [np.asarray(image.convert("RGB").resize((320, 160)), float) for image in opened]


def difference(ours: list[np.ndarray], theirs: list[np.ndarray]) -> float:
    """The largest mean difference of two lists of pictures; infinite if their numbers differ."""
    if len(ours) != len(theirs):
        return float("inf")
    return max((float(np.abs(a - b).mean()) for a, b in zip(ours, theirs, strict=True)), default=0.0)


def compare_outputs(self: Any, test: Any, ref: Any, skip_compare: Any = None) -> bool:
    """nbval's comparison, and then the pictures."""
    if not _compare_text(self, test, ref, skip_compare):
        return False
    gap = difference(pictures(test), pictures(ref))
    if gap > TOLERANCE:
        self.comparison_traceback.append(f"the figure differs from the stored one by {gap:.1f} of 255 grey levels")
    return gap <= TOLERANCE


IPyNbCell.compare_outputs = compare_outputs
