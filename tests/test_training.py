"""Streams, evaluation mode, devices that are checked, and checkpoints that survive accidents and malice."""

from __future__ import annotations

import errno
import io
import os
import shutil
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from genmodels import training
from genmodels.training import CheckpointError
from mutants import mutants, refusal, rejects

# --- randomness ------------------------------------------------------------------------------------------------------


def test_a_stream_is_its_own() -> None:
    a = torch.randn(5, generator=training.rng(3))
    torch.manual_seed(17)
    stream = torch.get_rng_state()
    assert torch.equal(torch.randn(5, generator=training.rng(3)), a)
    assert not torch.equal(torch.randn(5, generator=training.rng(4)), a)
    assert torch.equal(torch.get_rng_state(), stream)


def test_isolated_seeds_inside_and_restores_outside_even_after_an_error() -> None:
    stream = torch.get_rng_state()
    with pytest.raises(KeyError), training.isolated(5):
        inside = torch.randn(3)
        raise KeyError
    assert torch.equal(torch.get_rng_state(), stream)
    assert torch.equal(inside, torch.randn(3, generator=training.rng(5)))


# --- evaluation mode -------------------------------------------------------------------------------------------------

Evaluating = Callable[..., AbstractContextManager[None]]


def check_evaluating_restores_after_an_error(evaluating: Evaluating) -> None:
    network = nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.Dropout(), nn.BatchNorm1d(2)))
    network[1][1].eval()  # frozen on purpose
    modes, stream = [m.training for m in network.modules()], torch.get_rng_state()
    try:
        with evaluating(network):
            assert not any(m.training for m in network.modules())
            assert not network(torch.randn(3, 2)).requires_grad
            raise KeyError
    except KeyError:
        pass
    assert [m.training for m in network.modules()] == modes
    assert torch.equal(torch.get_rng_state(), stream)
    assert torch.is_grad_enabled()


@contextmanager
def without_finally(*modules: nn.Module) -> Iterator[None]:
    modes = [(m, m.training) for module in modules for m in module.modules()]
    for module in modules:
        module.eval()
    with torch.no_grad(), torch.random.fork_rng():
        yield
    for m, mode in modes:
        m.training = mode


@contextmanager
def with_gradients(*modules: nn.Module) -> Iterator[None]:
    with training.evaluating(*modules), torch.enable_grad():
        yield


def test_evaluating_restores_after_an_error() -> None:
    check_evaluating_restores_after_an_error(training.evaluating)


@mutants({"no finally": without_finally, "with gradients": with_gradients})
def test_evaluating_restores_after_an_error_rejects(mutant: Evaluating) -> None:
    rejects(check_evaluating_restores_after_an_error, mutant)


# --- devices ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Tensor], Tensor]], None]:
    """Pretend that there is a CUDA device which computes what `wrong` makes of the CPU's numbers."""
    probe = training._probe

    def pretend(wrong: Callable[[Tensor], Tensor]) -> None:
        def run(where: torch.device) -> list[Tensor]:
            found = probe(torch.device("cpu"))
            return found if where.type == "cpu" else [*found[:-1], wrong(found[-1])]

        monkeypatch.setattr(training, "_probe", run)
        monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
        training.device.cache_clear()

    yield pretend  # type: ignore[misc]
    training.device.cache_clear()


def with_one_nan(x: Tensor) -> Tensor:
    x = x.clone()
    x.flatten()[0] = torch.nan
    return x


BROKEN: dict[str, Callable[[Tensor], Tensor]] = {
    "one per cent off": lambda x: x * 1.01,
    "zeros": torch.zeros_like,
    "one NaN": with_one_nan,
    "infinite": lambda x: x / 0,
}


def check_wrong_device_is_left(choose: Callable[[], torch.device], printed: Callable[[], str]) -> None:
    assert choose() == torch.device("cpu"), "a device that computes wrong numbers is used"
    assert "cpu, because cuda differs" in printed(), "the fall-back is silent"


@pytest.mark.parametrize("wrong", BROKEN.values(), ids=BROKEN)
def test_a_device_that_disagrees_is_not_used(cuda: Any, capsys: pytest.CaptureFixture[str], wrong: Any) -> None:
    cuda(wrong)
    check_wrong_device_is_left(training.device, lambda: capsys.readouterr().out)
    training.device.cache_clear()
    check_wrong_device_is_left(lambda: training.device("cuda"), lambda: capsys.readouterr().out)


def trusting() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def silent() -> torch.device:
    return torch.device("cpu")


def blind_to_nan() -> torch.device:
    pairs = zip(training._probe(torch.device("cpu")), training._probe(torch.device("cuda")), strict=True)
    worst = max(((a - b).abs().max() / a.abs().max()).item() for a, b in pairs)
    return torch.device("cpu" if worst > training.PARITY else "cuda")


@mutants({"trusting": trusting, "silent": silent, "blind to NaN": blind_to_nan})
def test_a_device_that_disagrees_is_not_used_rejects(
    cuda: Any, capsys: pytest.CaptureFixture[str], mutant: Callable[[], torch.device]
) -> None:
    cuda(with_one_nan)
    rejects(lambda choose: check_wrong_device_is_left(choose, lambda: capsys.readouterr().out), mutant)


def test_a_device_that_agrees_is_used(cuda: Any, capsys: pytest.CaptureFixture[str]) -> None:
    cuda(lambda x: x * (1 + 1e-5))
    assert training.device() == torch.device("cuda")
    assert "device: cuda (differs from the CPU by" in capsys.readouterr().out
    training.device.cache_clear()
    assert training.device("cpu") == torch.device("cpu")
    assert f"device: cpu ({torch.get_num_threads()} threads)" in capsys.readouterr().out


def test_a_preferred_device_that_is_not_there_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    training.device.cache_clear()
    for name in ("cuda", "tpu"):
        message = refusal(RuntimeError, lambda name=name: training.device(name))
        assert f"device '{name}' is not available here" in message
        assert "'cpu'" in message


def test_the_probe_agrees_with_itself_and_sees_a_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    cpu = torch.device("cpu")
    assert training.parity(cpu) == 0
    answers = iter([[torch.tensor([2.0, -4.0])], [torch.tensor([2.0, -3.0])]])
    monkeypatch.setattr(training, "_probe", lambda where: next(answers))
    assert_close(training.parity(cpu), 0.25)  # a difference of 1, of 4


# --- checkpoints: nothing is executed --------------------------------------------------------------------------------

Load = Callable[[Path], Any]
Save = Callable[[Path, dict[str, Any]], None]


class Hostile:
    """An object whose unpickling makes a directory, where an attacker would do worse."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.marker),)


def check_nothing_is_executed(load: Load, folder: Path) -> None:
    marker, path = folder / "executed", folder / "hostile.pt"
    torch.save({"step": 1, "weights": torch.zeros(2), "extra": Hostile(marker)}, path)
    message = ""
    try:
        load(path)
    except CheckpointError as error:
        message = str(error)
    assert not marker.exists(), "the checkpoint was executed"
    assert "was not executed" in message
    assert f"delete {path}" in message


def test_a_hostile_checkpoint_is_refused(tmp_path: Path) -> None:
    check_nothing_is_executed(training.load, tmp_path)


# PyTorchStepByStep, issue 61; unsafe on purpose, and given only the file that the check itself has written
@mutants({"weights_only=False": lambda path: torch.load(path, weights_only=False)})
def test_a_hostile_checkpoint_is_refused_rejects(tmp_path: Path, mutant: Load) -> None:
    rejects(lambda load: check_nothing_is_executed(load, tmp_path), mutant)


# --- checkpoints: whole or not at all --------------------------------------------------------------------------------

STATE = {"step": 3, "weights": {"a": torch.arange(5.0)}, "settings": {"batch": 8, "name": "x", "none": None}}


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "run.pt"
    training.save(path, STATE)
    found = training.load(path)
    assert torch.equal(found["weights"].pop("a"), STATE["weights"]["a"])  # type: ignore[index]
    assert found == {"step": 3, "weights": {}, "settings": {"batch": 8, "name": "x", "none": None}}
    assert [p.name for p in path.parent.iterdir()] == ["run.pt"]


@pytest.mark.parametrize(
    "damage",
    [lambda b: b[:-1], lambda b: b[: len(b) // 2], lambda b: b"", lambda b: b"<html>quota exceeded</html>"],
    ids=["last byte", "half", "empty", "a web page"],
)
def test_an_incomplete_file_is_refused(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "run.pt"
    training.save(path, STATE)
    path.write_bytes(damage(path.read_bytes()))
    message = refusal(CheckpointError, lambda: training.load(path))
    assert "is not a complete checkpoint" in message
    assert f"delete {path} to start again" in message


def test_another_archive_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "run.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("hello.txt", "hello")
    assert f"delete {path}" in refusal(CheckpointError, lambda: training.load(path))


class Interrupted:
    """`torch.save` that writes half of the bytes and then stops with an error."""

    def __init__(self, error: BaseException) -> None:
        self.error, self.save = error, torch.save

    def __call__(self, state: Any, file: Any) -> None:
        buffer = io.BytesIO()
        self.save(state, buffer)
        half = buffer.getvalue()[: len(buffer.getvalue()) // 2]
        if isinstance(file, str | os.PathLike):
            Path(file).write_bytes(half)
        else:
            file.write(half)
        raise self.error


def check_old_file_survives(save: Save, folder: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    path = folder / "run.pt"
    training.save(path, STATE)
    old = path.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(torch, "save", Interrupted(error))
        try:
            save(path, {"step": 4})
        except (CheckpointError, OSError, KeyboardInterrupt):
            pass
        else:
            raise AssertionError("the interruption was hidden")
    assert path.read_bytes() == old, "the old checkpoint is gone"
    assert [p.name for p in folder.iterdir()] == ["run.pt"], "half a file was left behind"


def in_place(path: Path, state: dict[str, Any]) -> None:
    torch.save(state, path)


def delete_first(path: Path, state: dict[str, Any]) -> None:
    path.unlink()
    torch.save(state, path)


def replace_anyway(path: Path, state: dict[str, Any]) -> None:
    part = path.with_suffix(".part")
    try:
        torch.save(state, part)
    finally:
        os.replace(part, path)


def leave_the_part(path: Path, state: dict[str, Any]) -> None:
    part = path.with_suffix(".part")
    torch.save(state, part)
    os.replace(part, path)


def hide_the_error(path: Path, state: dict[str, Any]) -> None:
    with suppress(CheckpointError):
        training.save(path, state)


FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("error", [FULL, KeyboardInterrupt()], ids=["disk full", "interrupted"])
def test_an_interrupted_write_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    check_old_file_survives(training.save, tmp_path, monkeypatch, error)


@mutants({f.__name__: f for f in (in_place, delete_first, replace_anyway, leave_the_part, hide_the_error)})
def test_an_interrupted_write_leaves_the_old_file_rejects(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mutant: Save
) -> None:
    rejects(lambda save: check_old_file_survives(save, tmp_path, monkeypatch, FULL), mutant)


def check_whole_before_it_takes_the_name(save: Save, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is written, then on the disk, then renamed: at no moment is half of it under its name."""
    path, order = folder / "run.pt", []
    training.save(path, STATE)
    old, replace, fsync = path.read_bytes(), os.replace, os.fsync

    def recorded_replace(part: Any, target: Any) -> None:
        order.append("replace")
        assert path.read_bytes() == old, "the old file was touched before the new one was complete"
        assert training.load(part)["step"] == 4
        replace(part, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", lambda number: (order.append("fsync"), fsync(number)))
        patch.setattr(os, "replace", recorded_replace)
        save(path, STATE | {"step": 4})
    assert order == ["fsync", "replace"]
    assert training.load(path)["step"] == 4


def copied(path: Path, state: dict[str, Any]) -> None:
    part = path.with_suffix(".part")
    with open(part, "wb") as file:
        torch.save(state, file)
        file.flush()
        os.fsync(file.fileno())
    shutil.copy(part, path)
    part.unlink()


def not_synced(path: Path, state: dict[str, Any]) -> None:
    part = path.with_suffix(".part")
    torch.save(state, part)
    os.replace(part, path)


def test_a_file_is_whole_before_it_takes_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check_whole_before_it_takes_the_name(training.save, tmp_path, monkeypatch)


@mutants({f.__name__: f for f in (in_place, copied, not_synced)})
def test_a_file_is_whole_before_it_takes_the_name_rejects(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mutant: Save
) -> None:
    rejects(lambda save: check_whole_before_it_takes_the_name(save, tmp_path, monkeypatch), mutant)


def check_full_disk_in_words(save: Save, folder: Path) -> None:
    """A real limit, not a pretended one: torch hides the system's error behind one of its own archive writer."""
    import resource
    import signal

    path = folder / "run.pt"
    save(path, STATE)
    old = path.read_bytes()
    limits, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    message = ""
    try:
        save(path, {"x": torch.zeros(1_000_000)})
    except (CheckpointError, RuntimeError) as error:
        message = f"{type(error).__name__}: {error}"
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert message.startswith(f"CheckpointError: {path} could not be written ({os.strerror(errno.EFBIG)})"), message
    assert path.read_bytes() == old
    assert [p.name for p in folder.iterdir()] == ["run.pt"]


def catching_only_os_errors(path: Path, state: dict[str, Any]) -> None:
    part = path.with_suffix(".part")
    try:
        with open(part, "wb") as file:
            torch.save(state, file)
        os.replace(part, path)
    except OSError as error:
        raise CheckpointError(f"{path} could not be written ({error.strerror})") from error
    finally:
        part.unlink(missing_ok=True)


@pytest.mark.skipif(sys.platform == "win32", reason="file size limits are a POSIX feature")
def test_a_full_disk_is_reported_in_words(tmp_path: Path) -> None:
    check_full_disk_in_words(training.save, tmp_path)


@pytest.mark.skipif(sys.platform == "win32", reason="file size limits are a POSIX feature")
@mutants({"catching only OSError": catching_only_os_errors})
def test_a_full_disk_is_reported_in_words_rejects(tmp_path: Path, mutant: Save) -> None:
    rejects(lambda save: check_full_disk_in_words(save, tmp_path), mutant)


# --- progress --------------------------------------------------------------------------------------------------------


def test_progress_is_quiet_where_nobody_watches(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = range(3)
    monkeypatch.setenv("GENMODELS_PROGRESS", "0")
    assert training.progress(steps, label="x") is steps
    monkeypatch.delenv("GENMODELS_PROGRESS")
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)
    assert training.progress(steps, label="x") is steps


def test_progress_hands_on_every_step(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("GENMODELS_PROGRESS")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)
    assert list(training.progress(range(3), label="a label")) == [0, 1, 2]
    assert "a label" in capsys.readouterr().err
