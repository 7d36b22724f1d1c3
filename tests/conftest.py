"""Settings of every test: one thread, so that sums have one order; no window, no progress bar."""

from __future__ import annotations

import os

os.environ["MPLBACKEND"] = "Agg"
os.environ["GENMODELS_PROGRESS"] = "0"

import torch  # after the environment

torch.set_num_threads(1)
