"""Start the worker where it can harm nobody, and read its lines with a clock at hand.

Isolation is bubblewrap's (`bwrap`): new namespaces without network, a file system that holds the Python environment and
an empty /tmp, an unknown user, no right to start a process. Limits on time, memory and output hold beside it. Without
bubblewrap only the limits remain, and the grader refuses to work unless it is told otherwise.
"""

from __future__ import annotations

import importlib.util
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO, Any

from course import syscalls

HERE = Path(__file__).parent
WORKER = "worker.py"


class StoppedError(Exception):
    """The worker is gone; the message says why in a few words."""


class StartError(RuntimeError):
    """The worker did not come up: a fault of this machine, not of the submission."""


@dataclass(frozen=True)
class Limits:
    """Seconds and bytes. `start` is the time to import torch; `memory` comes on top of what torch itself occupies."""

    call: float = 10.0
    start: float = 60.0
    memory: int = 1 << 30
    files: int = 16 << 20
    output: int = 4 << 20


def missing() -> str | None:
    """Why there is no isolation on this machine, in one sentence, or None if there is."""
    if shutil.which("bwrap") is None:
        return "bubblewrap (the command `bwrap`) is not installed"
    try:
        with replies({"cells": [], "wanted": [], "calls": []}, limits=Limits(), isolated=True) as lines:
            next(lines)
    except (StartError, StoppedError) as error:
        return f"bubblewrap (`bwrap`) does not work here: {error}"
    return None


@contextmanager
def replies(job: dict[str, Any], *, limits: Limits, isolated: bool) -> Iterator[Iterator[Any]]:
    """Run one job; iterate over its lines. First comes {"defined": notes}, then one line per call, in any honest case.

    The next line raises `StoppedError` if the worker ends, is too slow, says too much or says no JSON, and `StartError`
    if it has not even begun. All processes of the worker are gone when the block is left.
    """
    job = {**job, "paths": _paths(), "memory": limits.memory, "files": limits.files, "seconds": _seconds(job, limits)}
    with ExitStack() as stack:
        given = stack.enter_context(tempfile.TemporaryFile())  # a file, because a pipe blocks a writer when it is full
        given.write(json.dumps(job).encode())
        given.seek(0)
        complaints = stack.enter_context(tempfile.TemporaryFile())
        process = stack.enter_context(_started(given, complaints, isolated=isolated))
        yield _lines(process, complaints, limits)


def _seconds(job: dict[str, Any], limits: Limits) -> int:
    """Processor time: what all calls may take together, and the start."""
    return int(limits.start + limits.call * (1 + len(job["calls"])))


@contextmanager
def _started(given: IO[bytes], complaints: IO[bytes], *, isolated: bool) -> Iterator[subprocess.Popen[bytes]]:
    with ExitStack() as stack:
        home = stack.enter_context(tempfile.TemporaryDirectory(prefix="course-", ignore_cleanup_errors=True))
        command, descriptors = [sys.executable, "-I", "-B", str(HERE / WORKER)], []
        if isolated:
            filtered = stack.enter_context(tempfile.TemporaryFile())
            command, descriptors = _bwrap(filtered), [filtered.fileno()]
        process = subprocess.Popen(
            command,
            stdin=given,
            stdout=subprocess.PIPE,
            stderr=complaints,  # the worker turns away from it before it touches the submission
            cwd=home,
            env=_environment("/tmp" if isolated else home),
            pass_fds=descriptors,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill the whole group. In the sandbox bwrap's death ends its process namespace, and with it every descendant."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        process.kill()
    process.wait()
    assert process.stdout is not None
    process.stdout.close()


def _environment(home: str) -> dict[str, str]:
    places = dict.fromkeys(("HOME", "TMPDIR", "MPLCONFIGDIR"), home)
    one_thread = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    return {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", **places, **one_thread}


@cache
def _package() -> Path | None:
    """The folder of the book's package, which a submission may import, wherever it is installed."""
    found = importlib.util.find_spec("genmodels")
    return Path(found.origin).resolve().parent if found and found.origin else None


def _paths() -> list[str]:
    package = _package()
    return [str(package.parent)] if package else []


def _bwrap(filtered: IO[bytes]) -> list[str]:
    """The command line: everything read-only, and nothing of this machine but the Python environment."""
    isolation = ["--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL", "--uid", "65534"]
    isolation += ["--gid", "65534", "--hostname", "sandbox"]
    places = ["--proc", "/proc", "--dev", "/dev", *_small_tmp(), *_system(), "--dir", "/grader/course"]
    for name in (WORKER, "submission.py"):
        places += ["--ro-bind", str(HERE / name), f"/grader/course/{name}"]
    # /proc too: under a grader that runs as root, the files in /proc/sys would otherwise be writable.
    places += ["--remount-ro", "/proc", "--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/tmp"]
    rules = syscalls.program()
    if rules is not None:
        filtered.write(rules)
        filtered.seek(0)
        isolation += ["--seccomp", str(filtered.fileno())]
    return ["bwrap", *isolation, *places, sys.executable, "-I", "-B", f"/grader/course/{WORKER}"]


@cache
def _small_tmp() -> list[str]:
    """An empty /tmp of 16 MB; before bubblewrap 0.7 its size cannot be bounded, so that it is read-only there."""
    told = subprocess.run(["bwrap", "--help"], capture_output=True, text=True, check=False)
    sized = "--size" in told.stdout + told.stderr
    return ["--size", str(16 << 20), "--tmpfs", "/tmp"] if sized else ["--dir", "/tmp"]


@cache
def _system() -> list[str]:
    """Libraries and interpreter, read-only. /bin and its like are links on some systems and folders on others."""
    arguments = ["--ro-bind", "/usr", "/usr"]
    for path in map(Path, ("/bin", "/sbin", "/lib", "/lib32", "/lib64")):
        if path.is_symlink():
            arguments += ["--symlink", os.readlink(path), str(path)]
        elif path.is_dir():
            arguments += ["--ro-bind", str(path), str(path)]
    for path in map(Path, ("/etc/ld.so.cache", "/etc/alternatives")):
        arguments += ["--ro-bind-try", str(path), str(path)]
    package = _package()
    for path in dict.fromkeys([Path(sys.base_prefix), Path(sys.prefix), *([package] if package else [])]):
        if not path.is_relative_to("/usr"):
            arguments += ["--ro-bind", str(path), str(path)]
    return arguments


def _lines(process: subprocess.Popen[bytes], complaints: IO[bytes], limits: Limits) -> Iterator[Any]:
    """The worker's messages after its start, each within its time and all within the output limit."""
    for line in _raw_lines(process, complaints, limits):
        try:
            yield json.loads(line, parse_int=float)  # an int of a million digits would be an error of its own
        except (ValueError, RecursionError) as error:
            raise StoppedError("wrote something that is no answer") from error


def _raw_lines(process: subprocess.Popen[bytes], complaints: IO[bytes], limits: Limits) -> Iterator[bytes]:
    assert process.stdout is not None
    waiting, total, count, allowed = b"", 0, 0, limits.start
    deadline = time.monotonic() + allowed
    while True:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([process.stdout], [], [], left)[0]:
            fault = StoppedError if count else StartError
            raise fault(f"timed out after {allowed:g} s")
        piece = os.read(process.stdout.fileno(), 1 << 16)
        total += len(piece)
        if not piece:
            raise StoppedError(_ended(process)) if count else StartError(_never_started(process, complaints))
        if total > limits.output:
            raise StoppedError("wrote too much output")
        *lines, waiting = (waiting + piece).split(b"\n")
        for line in lines:
            count += 1
            if count > 1:  # the first line only says that torch is there
                yield line
        if lines:
            allowed = limits.call * (3 if count == 1 else 1)  # after the first come the submission's own imports
            deadline = time.monotonic() + allowed


def _ended(process: subprocess.Popen[bytes]) -> str:
    try:
        return f"the process ended (code {process.wait(timeout=5)})"
    except subprocess.TimeoutExpired:
        return "closed its output"


def _never_started(process: subprocess.Popen[bytes], complaints: IO[bytes]) -> str:
    """What bubblewrap or Python said last: before the start nobody else has written to standard error."""
    complaints.seek(0)
    said = complaints.read(10_000).decode(errors="replace").strip().splitlines()
    return f"the worker did not start: {said[-1] if said else _ended(process)}"
