"""A plugin for nbval: a kernel that does not answer when it is started is stopped, and another is started.

Rarely a kernel hangs before its first answer, for no reason of the page's; a page should not fail for it. Two kernels
that start at once may also be given the same TCP port, so that the sockets are files in a folder of their own here.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Callable
from typing import Any

import nbval.kernel
from jupyter_client.manager import KernelManager
from traitlets import default

STARTS = 3
SECONDS = 60


class Apart(KernelManager):
    """A manager whose kernel listens on files in a folder of its own."""

    @default("transport")
    def _transport(self) -> str:
        return "ipc" if os.name == "posix" else "tcp"

    def _ip_default(self) -> str:
        if self.transport == "tcp":
            return "127.0.0.1"
        folder = tempfile.mkdtemp()
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        return f"{folder}/kernel"


def patient(start: Callable[..., Any]) -> Callable[..., Any]:
    """The same start, tried up to three times."""

    def started(startup_timeout: float = SECONDS, kernel_name: str = "python", **options: Any) -> Any:
        for attempt in range(1, STARTS + 1):
            try:
                return start(startup_timeout, kernel_name, **options)
            except RuntimeError as error:
                if attempt == STARTS:
                    raise
                print(f"{error}; starting another one")

    return started


nbval.kernel.KernelManager = Apart
nbval.kernel.start_new_kernel = patient(nbval.kernel.start_new_kernel)
