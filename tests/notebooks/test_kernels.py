"""The start of a kernel: one that hangs is replaced, three that hang are an error, and sockets are files."""

from __future__ import annotations

import os

import pytest
from notebooks.kernels import STARTS, Apart, patient


def start(*, hanging: int) -> tuple[list[str], object]:
    """A start whose first so many kernels hang, and the names it was asked for."""
    asked: list[str] = []

    def begin(startup_timeout: float, kernel_name: str, **options: object) -> object:
        asked.append(kernel_name)
        if len(asked) <= hanging:
            raise RuntimeError(f"Kernel didn't respond in {startup_timeout} seconds")
        return kernel_name, options

    return asked, patient(begin)


def test_a_kernel_that_hangs_is_replaced() -> None:
    for hanging in range(STARTS):
        asked, begin = start(hanging=hanging)
        assert begin(kernel_name="python3", cwd="here") == ("python3", {"cwd": "here"})
        assert asked == ["python3"] * (hanging + 1)


def test_after_three_it_is_an_error() -> None:
    asked, begin = start(hanging=STARTS)
    with pytest.raises(RuntimeError, match="didn't respond"):
        begin()
    assert len(asked) == STARTS


@pytest.mark.skipif(os.name != "posix", reason="sockets in files are POSIX")
def test_every_kernel_has_a_folder_of_its_own() -> None:
    ours, theirs = Apart(), Apart()
    assert ours.transport == theirs.transport == "ipc"
    assert os.path.dirname(ours.ip) != os.path.dirname(theirs.ip)
    assert os.path.isdir(os.path.dirname(ours.ip))
