"""The one door for public files: what is damaged is refused in words, and what was refused heals."""

from __future__ import annotations

import hashlib
import http.server
import os
import shutil
import socket
import threading
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from genmodels.data import DataError, Source, fetch, store
from mutants import mutants, refusal, rejects

Fetch = Callable[[Source], Path]

RIGHT = bytes(range(256)) * 64
TRUNCATED = RIGHT[:5_000]
PAGE = b"<!DOCTYPE html><html><body>Quota exceeded, try again tomorrow.</body></html>"


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@dataclass
class Server:
    """A web server on this machine that answers each request with the next content, always with status 200."""

    url: str
    answers: list[bytes] = field(default_factory=list)
    requests: int = 0
    cut: bool = False

    def source(self, name: str = "folder/file.gz") -> Source:
        return Source(name, sha256(RIGHT), (self.url + name,), "made up", "nobody")


@pytest.fixture
def server() -> Iterator[Server]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.requests += 1
            content = state.answers.pop(0)
            self.send_response(200)
            self.send_header("Content-Length", str(len(content) + 1_000 * state.cut))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        state = Server(f"http://127.0.0.1:{running.server_port}/")
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield state
        running.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache, no mirror, no proxy."""
    folder = tmp_path / "cache"
    monkeypatch.setattr(store, "cache_dir", lambda: folder)
    monkeypatch.delenv("GENMODELS_DATA", raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    return folder


def kept(folder: Path) -> list[Path]:
    return [p for p in folder.rglob("*") if p.is_file()]


# --- the network -----------------------------------------------------------------------------------------------------


def check_wrong_payloads_are_refused(get: Fetch, server: Server, cache: Path) -> None:
    """Half a file, a web page instead of the file, then the file: two refusals, and the third try heals."""
    shutil.rmtree(cache, ignore_errors=True)
    source = server.source()
    server.answers = [TRUNCATED, PAGE, RIGHT]
    for wrong in (TRUNCATED, PAGE):
        message = refusal(DataError, lambda: get(source))
        assert source.path in message
        assert source.sha256 in message, "the expected hash is missing"
        assert sha256(wrong) in message, "the hash that was found is missing"
        assert "GENMODELS_DATA" in message, "no remedy"
        assert kept(cache) == [], "a refused file was kept"
    assert get(source).read_bytes() == RIGHT
    requests = server.requests
    assert get(source).read_bytes() == RIGHT
    assert server.requests == requests, "a good file was downloaded again"


def file_exists_skip(source: Source) -> Path:  # recommenders, pull request 2308; torchvision, issue 1920
    path = store.cache_dir() / source.path
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        with urllib.request.urlopen(source.urls[0]) as answer:
            path.write_bytes(answer.read())
    return path


def check_after_keeping(source: Source) -> Path:
    path = file_exists_skip(source)
    found = sha256(path.read_bytes())
    if found != source.sha256:
        raise DataError(f"{source.path}: expected {source.sha256}, found {found}; set GENMODELS_DATA")
    return path


def size_only(source: Source) -> Path:
    path = file_exists_skip(source)
    if path.stat().st_size < 1_000:
        path.unlink()
        raise DataError(f"{source.path}: too small")
    return path


def never_cached(source: Source) -> Path:
    shutil.rmtree(store.cache_dir(), ignore_errors=True)
    return fetch(source)


def test_wrong_payloads_are_refused_and_a_retry_heals(server: Server, cache: Path) -> None:
    check_wrong_payloads_are_refused(fetch, server, cache)


@mutants(
    {
        "file exists, skip": file_exists_skip,
        "checked after it was kept": check_after_keeping,
        "size only": size_only,
    }
)
def test_wrong_payloads_are_refused_rejects(server: Server, cache: Path, mutant: Fetch) -> None:
    rejects(lambda get: check_wrong_payloads_are_refused(get, server, cache), mutant)


def check_a_good_file_is_kept(get: Fetch, server: Server) -> None:
    server.answers = [RIGHT, RIGHT]
    assert get(server.source()) == get(server.source())
    assert server.requests == 1


def test_a_good_file_is_kept(server: Server) -> None:
    check_a_good_file_is_kept(fetch, server)


@mutants({"never cached": never_cached})
def test_a_good_file_is_kept_rejects(server: Server, mutant: Fetch) -> None:
    rejects(lambda get: check_a_good_file_is_kept(get, server), mutant)


def test_a_connection_that_breaks_leaves_nothing(server: Server, cache: Path) -> None:
    server.answers, server.cut = [TRUNCATED], True
    message = refusal(DataError, lambda: fetch(server.source()))
    assert "could not be downloaded" in message
    assert kept(cache) == []


def test_the_second_address_is_tried(server: Server) -> None:
    server.answers = [PAGE, RIGHT]
    source = Source("a.gz", sha256(RIGHT), (server.url + "one", server.url + "two"), "", "")
    assert fetch(source).read_bytes() == RIGHT
    assert server.requests == 2


def test_without_network_and_mirror_one_sentence_names_both_ways_out(cache: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{closed.getsockname()[1]}/a.gz"
    message = refusal(DataError, lambda: fetch(Source("a/b.gz", sha256(RIGHT), (address,), "", "")))
    assert "\n" not in message
    assert "a/b.gz is neither in a mirror nor in the cache" in message
    assert address in message
    assert "connect this machine to the network" in message
    assert f"put the file (sha256 {sha256(RIGHT)}) at DIR/a/b.gz and set GENMODELS_DATA=DIR" in message
    assert kept(cache) == []


# --- the cache -------------------------------------------------------------------------------------------------------


def check_a_damaged_cache_heals(get: Fetch, server: Server, cache: Path) -> None:
    source, path = server.source(), cache / "folder" / "file.gz"
    path.parent.mkdir(parents=True)
    path.write_bytes(TRUNCATED)
    server.answers = [RIGHT]
    assert get(source).read_bytes() == RIGHT
    assert path.read_bytes() == RIGHT


def test_a_damaged_cache_heals(server: Server, cache: Path) -> None:
    check_a_damaged_cache_heals(fetch, server, cache)


@mutants({"file exists, skip": file_exists_skip})
def test_a_damaged_cache_heals_rejects(server: Server, cache: Path, mutant: Fetch) -> None:
    rejects(lambda get: check_a_damaged_cache_heals(get, server, cache), mutant)


# --- the mirror ------------------------------------------------------------------------------------------------------


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "mirror"
    (folder / "folder").mkdir(parents=True)
    monkeypatch.setenv("GENMODELS_DATA", str(folder))
    return folder


def check_a_damaged_mirror_is_refused(get: Fetch, server: Server, mirror: Path) -> None:
    """Somebody put the file there on purpose: it is neither used, nor replaced, nor silently passed over."""
    file = mirror / "folder" / "file.gz"
    file.write_bytes(TRUNCATED)
    server.answers = [RIGHT]
    message = refusal(DataError, lambda: get(server.source()))
    assert str(file) in message
    assert f"expected sha256 {sha256(RIGHT)}, found {sha256(TRUNCATED)}" in message
    assert f"{len(TRUNCATED):,} bytes" in message
    assert "replace it by a complete copy, delete it, or unset GENMODELS_DATA" in message
    assert file.exists(), "the mirror's file was deleted"
    assert file.read_bytes() == TRUNCATED, "the mirror's file was changed"
    assert server.requests == 0


def trusting_the_mirror(source: Source) -> Path:
    return Path(os.environ["GENMODELS_DATA"]) / source.path


def passing_over_the_mirror(source: Source) -> Path:
    return store._download(source, store.cache_dir() / source.path)


def clearing_the_mirror(source: Source) -> Path:
    try:
        return fetch(source)
    except DataError:
        (Path(os.environ["GENMODELS_DATA"]) / source.path).unlink()
        raise


def test_a_damaged_mirror_is_refused_and_left_alone(server: Server, mirror: Path) -> None:
    check_a_damaged_mirror_is_refused(fetch, server, mirror)


@mutants({f.__name__: f for f in (trusting_the_mirror, passing_over_the_mirror, clearing_the_mirror)})
def test_a_damaged_mirror_is_refused_and_left_alone_rejects(server: Server, mirror: Path, mutant: Fetch) -> None:
    rejects(lambda get: check_a_damaged_mirror_is_refused(get, server, mirror), mutant)


def test_a_good_mirror_is_used_first(server: Server, mirror: Path, cache: Path) -> None:
    (mirror / "folder" / "file.gz").write_bytes(RIGHT)
    assert fetch(server.source()) == mirror / "folder" / "file.gz"
    assert server.requests == 0
    assert kept(cache) == []


def test_what_a_mirror_lacks_comes_from_the_network(server: Server, mirror: Path, cache: Path) -> None:
    server.answers = [RIGHT]
    assert fetch(server.source("other.gz")) == cache / "other.gz"
    assert kept(mirror) == []
