#!/usr/bin/env python3
"""The project's commands. They need Python 3.11 or newer and nothing else.

    python make.py book        build the book (--solutions: the edition for self-learners; --both)
    python make.py test        run everything that CI runs (--all: also notebooks and pages that passed unchanged)
    python make.py lab         open the notebooks in JupyterLab
    python make.py run SECTION full   run a page at full scale, e.g. 02_gans/01_game, into _build/runs
    python make.py check       lint, formatting, spelling, types, notebook pairs
    python make.py notebooks   execute the notebooks whose outputs are stale, and store the outputs
    python make.py format      put code and notebooks into their canonical form

Each sets up one virtual environment (.venv in this folder, or the folder named by GENMODELS_VENV), once.
"""

# This file must parse on any Python, so that an old one can be told what is missing: no annotations, no f-strings.
from __future__ import print_function

import hashlib
import os
import shutil
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.abspath(__file__))
ENV = os.environ.get("GENMODELS_VENV") or os.path.join(ROOT, ".venv")
BIN = os.path.join(ENV, "Scripts" if os.name == "nt" else "bin")
PYTHON = os.path.join(BIN, "python.exe" if os.name == "nt" else "python")
STAMP = os.path.join(ENV, ".genmodels-installed")
ROOM = 3 * 10**9  # bytes that the environment and the book take, with some slack


class Stop(Exception):  # noqa: N818
    """One sentence for the user, instead of a traceback."""


def say(text):
    print(text, flush=True)


def run(*command, **options):
    """Run a command in the environment; its failure is this command's failure."""
    env = dict(os.environ, PATH=BIN + os.pathsep + os.environ.get("PATH", ""), **options.pop("env", {}))
    code = subprocess.call([str(part) for part in command], cwd=ROOT, env=env, **options)
    if code:
        raise Stop("`%s` failed (exit status %d); the reason is above." % (" ".join(map(str, command[1:4])), code))


# --- setting up ------------------------------------------------------------------------------------------------------


def set_up():
    """Make the virtual environment, unless the one that is there was made from the same files."""
    key = hashlib.sha256()
    for name in ("pyproject.toml", "constraints.txt"):
        with open(os.path.join(ROOT, name), "rb") as file:
            key.update(file.read())
    if os.path.exists(STAMP) and open(STAMP).read() == key.hexdigest():
        return
    began = time.time()
    place = os.path.dirname(os.path.abspath(ENV))
    free = shutil.disk_usage(place if os.path.isdir(place) else ROOT).free
    if free < ROOM:
        raise Stop(
            "The disk is too full: setting up takes %.0f GB and %.1f GB are free; make room and run this again."
            % (ROOM / 1e9, free / 1e9)
        )
    say(
        "Setting up %s, once: about 190 packages; 470 MB to download with a CPU build of PyTorch, several GB with CUDA."
        % ENV
    )
    if not os.path.exists(PYTHON) or subprocess.call([PYTHON, "-c", "import pip"], stderr=subprocess.DEVNULL):
        import venv  # also when an earlier set-up was interrupted half-way

        venv.create(ENV, with_pip=True)
    with open(os.path.join(ROOT, "constraints.txt")) as file:
        torch = next(line.strip() for line in file if line.startswith("torch=="))
    # PyTorch first and alone: a CPU build that pip was pointed at, or is installed already, is then kept.
    pip("PyTorch", torch)
    pip("the other packages", "-c", "constraints.txt", "-e", ".[notebook,book,test,course]")
    with open(STAMP, "w") as file:
        file.write(key.hexdigest())
    say("Set up in %.0f s." % (time.time() - began))


def pip(what, *arguments):
    """Install, showing how far it is; a failure becomes one sentence."""
    command = [PYTHON, "-m", "pip", "install", "--disable-pip-version-check", "--progress-bar", "off"]
    process = subprocess.Popen(
        command + list(arguments), cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    lines, collected = [], 0
    for line in process.stdout or []:
        lines.append(line)
        if line.startswith("Collecting "):
            collected += 1
            if sys.stdout.isatty() or collected % 40 == 0:
                print("\r  %s: %d collected " % (what, collected), end="" if sys.stdout.isatty() else "\n", flush=True)
        if line.startswith("Installing collected"):
            print("\r  %s: installing %d" % (what, line.count(",") + 1), flush=True)
    if process.wait():
        raise Stop(reason("".join(lines)))


def reason(log):
    """Why pip failed, in one sentence with a remedy."""
    errors = [line.strip() for line in log.splitlines() if line.startswith("ERROR")] or log.splitlines()[-1:]
    if "No space left" in log or "Errno 28" in log:
        return "The disk is full: make room (setting up takes %.0f GB) and run this again; nothing is lost." % (
            ROOM / 1e9
        )
    if (
        "NewConnectionError" in log
        or "Could not find a version" in log
        or "Temporary failure" in log
        or "timed out" in log
    ):
        return (
            "The packages could not be downloaded: connect this machine to the network and run this again (pip said: %s)."
            % errors[0]
        )
    return "pip could not install the packages: %s" % errors[0]


# --- the commands ----------------------------------------------------------------------------------------------------


def book(*options):
    run(PYTHON, "-m", "tools.book", *options)


def test(*options):
    check()
    say("Unit tests, properties and mutants, course")
    run(PYTHON, "-m", "pytest", "-q", "-n", "2", "tests", "--ignore=tests/book")
    say("Notebooks, every cell")
    run(PYTHON, "-m", "tools.verify", "notebooks", *options)
    book("--both")
    say("The book in a browser, network off")
    run(PYTHON, "-m", "tools.verify", "browser", *options)
    say("All tests passed. The book they opened: %s" % os.path.join(ROOT, "_build", "book", "html", "index.html"))


def check():
    say("Lint, formatting, spelling, types, notebook pairs")
    run(PYTHON, "-m", "ruff", "check", "--quiet", ".")
    run(PYTHON, "-m", "ruff", "format", "--check", "--quiet", ".")
    run(PYTHON, "-m", "codespell_lib", "genmodels", "chapters", "course", "tools", "tests", "book", "README.md")
    run(PYTHON, "-m", "mypy")
    run(PYTHON, "-m", "tools.types")
    run(PYTHON, "-m", "tools.notebooks", "check")


def format():
    run(PYTHON, "-m", "ruff", "check", "--fix", "--quiet", ".")
    run(PYTHON, "-m", "ruff", "format", "--quiet", ".")


def notebooks(*files):
    run(PYTHON, "-m", "tools.notebooks", "run", *files)
    say("The notebooks are in %s." % os.path.join(ROOT, "chapters"))


def page(section="", scale="quick"):
    """One page at one scale through papermill, which saves after every cell: an interrupted run leaves what it had."""
    notebook = os.path.join(ROOT, "chapters", section + ".ipynb")
    if not section or not os.path.exists(notebook):
        raise Stop("There is no section %r: name one as in chapters/, for instance 02_gans/01_game." % section)
    out = os.path.join(ROOT, "_build", "runs", "%s-%s.ipynb" % (section.replace("/", "-"), scale))
    if not os.path.isdir(os.path.dirname(out)):
        os.makedirs(os.path.dirname(out))
    run(PYTHON, "-m", "papermill", notebook, out, "-p", "scale", scale, "--cwd", os.path.dirname(notebook))
    say("The executed page is %s." % out)


def lab():
    say("Opening JupyterLab; stop it with Ctrl-C.")
    run(PYTHON, "-m", "jupyterlab", "chapters")


COMMANDS = {
    "book": book,
    "test": test,
    "lab": lab,
    "run": page,
    "check": check,
    "notebooks": notebooks,
    "format": format,
}


def main(arguments):
    if sys.version_info < (3, 11):
        raise Stop(
            "This needs Python 3.11 or newer and was started with %d.%d: install a newer one and run it with that."
            % sys.version_info[:2]
        )
    if not arguments or arguments[0] not in COMMANDS:
        raise Stop(__doc__.strip())
    command, options = COMMANDS[arguments[0]], arguments[1:]
    if options and command in (lab, check, format):
        raise Stop("`python make.py %s` takes nothing after it, but got: %s." % (arguments[0], " ".join(options)))
    set_up()
    command(*options)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except Stop as stop:
        sys.exit(str(stop))
    except KeyboardInterrupt:
        sys.exit("Interrupted; run the same command again to go on.")
    except EnvironmentError as error:
        if error.errno == 28:
            sys.exit("The disk is full: make room and run this again; nothing is lost.")
        raise
