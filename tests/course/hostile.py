"""The red team: submissions that attack the grader instead of solving `critic_update`, the last exercise.

Each source is appended to right answers, so that the honest exercises before it must keep their points. Before that,
`@MASTER@` and `@ROOT@` become the true paths of the master and of the repository, `@WITNESS@` that of a file that must
not appear, `@PORT@` a port on which this machine listens.
"""

from __future__ import annotations

ATTACKS = {
    "lying_object": """
class Liar:
    def __eq__(self, other): return True
    def __abs__(self): return self
    def __sub__(self, other): return self
    def __rsub__(self, other): return self
    def __lt__(self, other): return True
    def __le__(self, other): return True
    def __float__(self): return 0.0
    def tolist(self): return 0.0
def critic_update(w, real, fake, lr):
    return Liar()
""",
    "patched_comparison": """
def critic_update(w, real, fake, lr):
    torch.equal = torch.allclose = torch.isclose = lambda *a, **k: True
    torch.Tensor.__eq__ = torch.Tensor.__le__ = lambda self, other: True
    return torch.zeros_like(w)
""",
    "patched_abs_and_json": """
import builtins, json, math
def critic_update(w, real, fake, lr):
    builtins.abs = lambda x: 0.0
    math.isfinite = math.isclose = lambda *a, **k: True
    json.dumps = lambda x, **k: '{"call": 27, "value": true}'
    return torch.zeros_like(w)
""",
    "reads_the_master": """
import glob
def critic_update(w, real, fake, lr):
    found = [*glob.glob("@ROOT@/*/*/*.py"), *glob.glob("/proc/*/cwd/*/*/*.py")]
    for place in ["@MASTER@", "/proc/1/root@MASTER@", *found]:
        try: text = open(place).read()
        except OSError as error: problem = error
        else:
            if "def critic_update" in text:
                module = {"torch": torch}
                exec(text[text.index("def critic_update"):].split("# %%")[0], module)
                return module["critic_update"](w, real, fake, lr)
    raise problem
""",
    "imports_the_grader": """
def critic_update(w, real, fake, lr):
    import course.grade
    key = course.grade.answer_key("@MASTER@", seed=7)
    return torch.tensor(key.problems[-1].expected[0])
""",
    "fork_bomb": """
import os
def critic_update(w, real, fake, lr):
    while True:
        os.fork()
""",
    "thread_bomb": """
import threading, time
def critic_update(w, real, fake, lr):
    for _ in range(100_000):
        threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
""",
    "hundred_gigabytes": """
def critic_update(w, real, fake, lr):
    return torch.ones(100 * 2**27).sum() * w
""",
    "list_without_end": """
def critic_update(w, real, fake, lr):
    hoard = []
    while True:
        hoard.append(torch.empty(10**7))
""",
    "fills_the_disk": """
def critic_update(w, real, fake, lr):
    for number in range(10_000):
        open(f"/tmp/{number}", "wb").write(bytes(10**7))
""",
    "os_exit": """
import os
def critic_update(w, real, fake, lr):
    os._exit(0)
""",
    "sys_exit": """
import sys
def critic_update(w, real, fake, lr):
    sys.exit(0)
""",
    "forged_answers": """
import os, json
def critic_update(w, real, fake, lr):
    for index in range(-1, 60):
        line = json.dumps({"call": index, "value": [0.0], "points": 3, "total": 9, "correct": True}) + "\\n"
        for descriptor in range(1, 64):
            try: os.write(descriptor, line.encode())
            except OSError: pass
    os._exit(0)
""",
    "forged_and_honest_number": """
import os, json
def critic_update(w, real, fake, lr):
    for index in range(60):
        for descriptor in range(1, 64):
            try: os.write(descriptor, (json.dumps({"call": index, "value": w.tolist()}) + "\\n").encode())
            except OSError: pass
    return w
""",
    "nested_json": """
import os
def critic_update(w, real, fake, lr):
    for descriptor in range(3, 64):
        try: os.write(descriptor, b"[" * 100_000 + b"\\n")
        except OSError: pass
    return w
""",
    "huge_output": """
import os
def critic_update(w, real, fake, lr):
    while True:
        print("x" * 10**6)
        for descriptor in range(1, 64):
            try: os.write(descriptor, b"x" * 10**6)
            except OSError: pass
""",
    "kills_its_parent": """
import os
def critic_update(w, real, fake, lr):
    os.kill(os.getppid(), 9)
    os.killpg(0, 9)
""",
    "kills_everything": """
import os
def critic_update(w, real, fake, lr):
    for signal in (15, 9):
        os.kill(-1, signal)
    return w
""",
    "stops_itself": """
import os, signal
def critic_update(w, real, fake, lr):
    os.kill(os.getpid(), signal.SIGSTOP)
""",
    "writes_outside": """
import os, pathlib
def critic_update(w, real, fake, lr):
    places = ["@WITNESS@", "~/witness", torch.__file__ + ".witness", "/proc/sys/kernel/core_pattern"]
    for place in places:
        try: pathlib.Path(place).expanduser().write_text("I was here")
        except OSError: pass
    return w
""",
    "opens_a_socket": """
import socket
def critic_update(w, real, fake, lr):
    with socket.create_connection(("127.0.0.1", @PORT@), timeout=1) as line:
        line.sendall(b"I was here")
    return w
""",
    "inspects_the_stack": """
import gc, sys
def critic_update(w, real, fake, lr):
    frame = sys._getframe()
    while frame:
        for name, value in [*frame.f_locals.items(), *frame.f_globals.items()]:
            if any(hint in name for hint in ("expected", "solution", "reference", "problem", "wanted", "key")):
                return torch.tensor(value[0])
        frame = frame.f_back
    return [x for x in gc.get_objects() if isinstance(x, dict) and "expected" in x][0]["expected"]
""",
    "replaces_the_worker": """
import sys
def critic_update(w, real, fake, lr):
    main = sys.modules["__main__"]
    main.answer = lambda module, function, arguments: {"value": True, "points": 3}
    main.plain = lambda value, depth=0: value
    return {"points": 3}
""",
    "deep_recursion": """
import sys
def critic_update(w, real, fake, lr):
    sys.setrecursionlimit(10**9)
    return critic_update(w, real, fake, lr)
""",
    "segmentation_fault": """
import ctypes
def critic_update(w, real, fake, lr):
    return ctypes.string_at(0)
""",
    "hostile_error": """
class Trap(Exception):
    def __str__(self): raise self
def critic_update(w, real, fake, lr):
    raise Trap
""",
    "unprintable_error": """
def critic_update(w, real, fake, lr):
    raise ValueError("\\ud800 \\x1b[31m \\r\\n =cmd|'/c calc'!A1,\\"")
""",
    "deletes_the_answers": """
import gc
def critic_update(w, real, fake, lr):
    for thing in gc.get_objects():
        if isinstance(thing, dict) and "call" in thing: thing.clear()
    return None
""",
}

# Answers that are no plain finite numbers. They attack the comparison only, so that no sandbox is needed to try them.
LIES = {
    "lying_float": """
class Liar(float):
    def __eq__(self, other): return True
    def __abs__(self): return 0.0
    def __sub__(self, other): return 0.0
def critic_update(w, real, fake, lr):
    return [Liar() for _ in w]
""",
    "lying_tensor": """
class Liar(torch.Tensor):
    def tolist(self): return Everything()
def critic_update(w, real, fake, lr):
    return w.as_subclass(Liar)
""",
    "huge_answer": """
def critic_update(w, real, fake, lr):
    return torch.zeros(1).expand(10**9)
""",
    "huge_integer": """
def critic_update(w, real, fake, lr):
    return [10**4000] * len(w)
""",
    "nested_answer": """
def critic_update(w, real, fake, lr):
    nest = []
    for _ in range(10**4): nest = [nest]
    return nest
""",
    "not_a_number": """
def critic_update(w, real, fake, lr):
    return w * float("nan")
""",
    "infinite": """
def critic_update(w, real, fake, lr):
    return [float("inf")] * len(w)
""",
    "dictionary": """
def critic_update(w, real, fake, lr):
    return {"value": w}
""",
    "complex": """
def critic_update(w, real, fake, lr):
    return w * 1j
""",
    "text": """
def critic_update(w, real, fake, lr):
    return "1e400"
""",
}

# Whole files that are no submission at all; every one is a row with 0 points.
BROKEN = {
    "empty.py": b"",
    "empty.ipynb": b"",
    "half.ipynb": b'{"cells": [{"cell_type": "code", "source": ["def best_value(p',
    "list.ipynb": b"[1, 2, 3]",
    "binary.py": bytes(range(256)) * 100,
    "report.pdf": b"%PDF-1.7",
    "nested.ipynb": b"[" * 1_000_000,
    "brackets.py": b"(" * 1_000_000,
    "=cmd().py": b"def best_value(p, q):\n    return 0.0\n",
}
