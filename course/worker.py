"""The child: define the submitted functions, call them, write one line of JSON per call. Runs in the sandbox.

It reads one job from standard input and knows no expected answer. Whatever the submission does to this process, it can
only change the lines that come out, and the parent takes nothing from them but plain numbers.
"""

from __future__ import annotations

import ast
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

LARGEST = 10_000  # numbers in one answer
DEEPEST = 8  # lists within lists
Tensor = torch.Tensor  # the true class, whatever becomes of the module's attribute


class NotPlainError(Exception):
    """An answer that is more than numbers, lists and tensors."""


def main() -> None:
    """Do one job: {"cells", "wanted", "calls", "paths", "memory", "files", "seconds"}."""
    say = private_channel()
    job = json.load(sys.stdin)
    limit(job)
    sys.path.extend(job["paths"])
    say({"ready": True})
    module, notes = define(job["cells"], job["wanted"])
    say({"defined": notes})
    for index, (function, arguments) in enumerate(job["calls"]):
        say({"call": index} | answer(module, function, arguments))


def private_channel() -> Callable[[object], None]:
    """A writer on a copy of standard output; what anybody prints from now on goes nowhere."""
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)

    def say(message: object) -> None:
        channel.write(json.dumps(message) + "\n")
        channel.flush()

    return say


def limit(job: dict[str, Any]) -> None:
    """Bound memory (beyond what torch holds already), file size, processor time, processes and open files, for good."""
    torch.set_num_threads(1)
    try:
        import resource
    except ImportError:  # Windows has none; there the grader was told --unsafe-no-sandbox
        return
    wanted = {"RLIMIT_FSIZE": job["files"], "RLIMIT_CPU": job["seconds"], "RLIMIT_NPROC": 64, "RLIMIT_NOFILE": 64}
    statm = Path("/proc/self/statm")
    if statm.exists():
        wanted["RLIMIT_AS"] = int(statm.read_text().split()[0]) * resource.getpagesize() + job["memory"]
    for name, value in {**wanted, "RLIMIT_CORE": 0}.items():
        try:
            resource.setrlimit(getattr(resource, name), (value, value))
        except (AttributeError, ValueError, OSError):
            continue  # not every system knows every limit; on Linux all are known


def define(cells: list[str], wanted: list[str]) -> tuple[dict[str, Any], list[str]]:
    """The submission's names. A statement that raises is noted, and the others still count."""
    sys.path.insert(0, str(Path(__file__).parents[1]))
    from course.submission import definitions  # the folder is on the path for this line only

    del sys.path[0]
    statements, notes = definitions(cells, wanted)
    module: dict[str, Any] = {"__name__": "submission", "torch": torch}
    for statement in statements:
        try:
            exec(compile(ast.Module([statement], []), "submission", "exec"), module)
        except BaseException as error:  # SystemExit too: one bad statement is no reason to lose the rest
            notes.append(f"{type(statement).__name__} in line {statement.lineno} {describe(error)}")
    return module, notes


def tensors(arguments: list[Any]) -> list[Any]:
    """Fresh arguments: every list becomes a float64 tensor, a number stays a number."""
    return [torch.tensor(a, dtype=torch.float64) if isinstance(a, list) else a for a in arguments]


def answer(module: dict[str, Any], function: str, arguments: list[Any]) -> dict[str, Any]:
    """`{"value": ...}` or `{"error": ...}` of one call."""
    if function not in module:
        return {"error": f"the file defines no function {function}"}
    given = tensors(arguments)
    try:
        value = plain(module[function](*given))
        if [plain(a) for a in given] != [plain(a) for a in tensors(arguments)]:
            return {"error": "changed an argument in place"}
        return {"value": value}
    except NotPlainError as error:
        return {"error": str(error)}
    except BaseException as error:  # SystemExit and KeyboardInterrupt too
        return {"error": describe(error)}


def plain(value: Any, depth: int = 0) -> Any:
    """Numbers and lists of numbers. The type must match exactly: a subclass may lie about its value."""
    kind = type(value)
    if kind is int or kind is float or kind is bool:
        return value
    if kind is Tensor and value.numel() <= LARGEST and not value.is_complex():
        return Tensor.tolist(Tensor.detach(value).to(torch.float64))
    if (kind is list or kind is tuple) and depth < DEEPEST and len(value) <= LARGEST:
        return [plain(part, depth + 1) for part in value]
    raise NotPlainError(f"returned {kind.__name__!s:.40}, expected a tensor or a number")


def describe(error: BaseException) -> str:
    """The error in a few words."""
    text = f"{error}"
    if isinstance(error, MemoryError) or "allocate memory" in text:
        return "ran out of memory"
    return f"raised {type(error).__name__:.40}: {text:.80}"


if __name__ == "__main__":
    main()
