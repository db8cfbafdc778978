"""`plano-extproc serve` as a process: health, reflection, reload by SIGHUP, drain by SIGTERM, several workers."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import psutil
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from prometheus_client import Counter, Gauge, Histogram

from plano_extproc import headers
from plano_extproc._pb import ext_proc_pb2 as pb
from plano_extproc.server import control, service
from plano_extproc.telemetry import figures
from tests.support.ports import free_port

CONFIG = """
version: v0.5.0
listeners: [{{type: model, name: models, port: 12000}}]
model_providers: [{{model: openai/{model}, access_key: $SERVE_KEY}}]
"""


def until(seen: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not seen():
        assert time.monotonic() < deadline, "did not come true in time"
        time.sleep(0.05)


def is_serving(address: str) -> bool:
    with grpc.insecure_channel(address) as channel:
        try:
            answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=10)
        except grpc.RpcError:
            return False
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


def models(address: str) -> list[str]:
    """Ask a worker, as Envoy does, for the list of models."""
    message = pb.ProcessingRequest()
    message.request_headers.headers.headers.add(key=":path", raw_value=b"/v1/models")
    message.request_headers.end_of_stream = True
    with grpc.insecure_channel(address) as channel:
        call = channel.stream_stream(f"/{service.SERVICE}/{service.METHOD}")
        answers = call(iter([message.SerializeToString()]), metadata=((headers.LISTENER, "models"),), timeout=30)
        immediate = pb.ProcessingResponse.FromString(next(answers)).immediate_response
    return [model["id"] for model in json.loads(immediate.body)["data"]]


@contextmanager
def serving(
    folder: Path, *options: str, model: str = "first", largest: int | None = None
) -> Iterator[subprocess.Popen[str]]:
    (folder / "config.yaml").write_text(CONFIG.format(model=model))
    command = [sys.executable, "-m", "plano_extproc", "serve", "--config", str(folder / "config.yaml"), *options]
    env = {**os.environ, "SERVE_KEY": "sk-serve", "PLANO_HOME": str(folder)}
    env.pop("PROMETHEUS_MULTIPROC_DIR", None)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, env=env, stderr=log, text=True, cwd=folder)
        if largest is not None:
            psutil.Process(process.pid).rlimit(psutil.RLIMIT_FSIZE, (largest, largest))
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(60)


def told(folder: Path) -> str:
    """Return what a worker has said so far."""
    return (folder / "log").read_text()


def test_a_worker_reports_its_health_describes_itself_and_drains(tmp_path: Path) -> None:
    address = f"unix:{tmp_path}/w.sock"
    with serving(tmp_path, "--listen", address) as process:
        until(lambda: is_serving(address))
        with grpc.insecure_channel(address) as channel:
            asked = reflection_pb2.ServerReflectionRequest(list_services="")
            stub = reflection_pb2_grpc.ServerReflectionStub(channel)
            listed = next(stub.ServerReflectionInfo(iter([asked]))).list_services_response.service
            asked = reflection_pb2.ServerReflectionRequest(file_containing_symbol=service.SERVICE)
            described = next(stub.ServerReflectionInfo(iter([asked])))
        names = {one.name for one in listed}
        process.send_signal(signal.SIGTERM)
        process.wait(60)

    assert {service.SERVICE, "grpc.health.v1.Health"} <= names
    assert described.file_descriptor_response.file_descriptor_proto
    assert process.returncode == 0
    assert "Traceback" not in told(tmp_path)
    assert "sk-serve" not in told(tmp_path)


def test_a_worker_counts_on_where_no_file_may_grow(tmp_path: Path) -> None:
    """Its figures have their room from the start, since a disk may be full later."""
    address = f"unix:{tmp_path}/w.sock"
    kinds = {
        f"gauge_{figure._multiprocess_mode}" if isinstance(figure, Gauge) else figure._type
        for figure in vars(figures).values()
        if isinstance(figure, (Counter, Gauge, Histogram))
    }
    with serving(tmp_path, "--listen", address) as process:
        until(lambda: is_serving(address))
        files = list((tmp_path / "metrics").iterdir())
        assert {path.name for path in files} == {f"{kind}_{process.pid}.db" for kind in kinds}
        assert all(path.stat().st_blocks * 512 >= path.stat().st_size >= 1 << 16 for path in files)
        psutil.Process(process.pid).rlimit(psutil.RLIMIT_FSIZE, (4096, 4096))
        for _ in range(3):
            models(address)
            time.sleep(1.1)
        assert process.poll() is None
        assert b"plano_answers" in (tmp_path / "metrics" / f"counter_{process.pid}.db").read_bytes()


def test_a_worker_says_that_its_figures_have_no_room(tmp_path: Path) -> None:
    with serving(tmp_path, "--listen", f"unix:{tmp_path}/w.sock", largest=1 << 19) as process:
        process.wait(60)
    assert process.returncode == 1
    assert "no room for 2359296 bytes of figures: [Errno 27] File too large" in told(tmp_path)

    (tmp_path / "metrics").rename(tmp_path / "away")
    (tmp_path / "metrics").write_text("in the way")
    with serving(tmp_path, "--listen", f"unix:{tmp_path}/w.sock") as process:
        process.wait(60)
    assert process.returncode == 1
    assert "cannot make the folder of the workers' figures: [Errno 17] File exists" in " ".join(told(tmp_path).split())
    assert "Traceback" not in told(tmp_path)


def test_sighup_reads_the_file_anew_and_keeps_the_old_one_when_it_is_wrong(tmp_path: Path) -> None:
    address = f"unix:{tmp_path}/w.sock"
    with serving(tmp_path, "--listen", address) as process:
        until(lambda: is_serving(address))
        assert models(address) == ["openai/first"]

        (tmp_path / "config.yaml").write_text(CONFIG.format(model="second"))
        process.send_signal(signal.SIGHUP)
        until(lambda: models(address) == ["openai/second"])

        (tmp_path / "config.yaml").write_text("version: v0.5.0\nnonsense: 1\n")
        process.send_signal(signal.SIGHUP)
        until(lambda: "nonsense" in told(tmp_path))
        assert models(address) == ["openai/second"]
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def test_several_workers_have_a_socket_each_and_a_dead_one_is_replaced(tmp_path: Path) -> None:
    addresses = [f"unix:{tmp_path}/w-{number}.sock" for number in range(2)]
    with serving(tmp_path, "--workers", "2", "--listen", f"unix:{tmp_path}/w-%d.sock") as process:
        until(lambda: all(map(is_serving, addresses)))
        child = int(subprocess.check_output(["pgrep", "-P", str(process.pid)], text=True).split()[0])
        time.sleep(1.1)
        os.kill(child, signal.SIGKILL)
        until(lambda: not all(map(is_serving, addresses)) or child not in _children(process.pid))
        until(lambda: all(map(is_serving, addresses)))
        process.send_signal(signal.SIGTERM)
        process.wait(60)

    assert process.returncode == 0
    assert _children(process.pid) == []


def test_workers_whose_parent_dies_while_they_start_end_too(tmp_path: Path) -> None:
    with serving(tmp_path, "--workers", "2", "--listen", f"unix:{tmp_path}/w-%d.sock") as process:
        until(lambda: len(_children(process.pid)) == 2)
        workers = [psutil.Process(child) for child in _children(process.pid)]
        process.kill()
        process.wait()

    until(lambda: not any(map(_lives, workers)))


def _lives(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _children(pid: int) -> list[int]:
    done = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=False)
    return [int(word) for word in done.stdout.split()]


def test_a_configuration_with_errors_says_all_of_them_and_starts_nothing(tmp_path: Path) -> None:
    with serving(tmp_path, "--listen", f"unix:{tmp_path}/w.sock", model="x, surplus: 1") as process:
        process.wait(60)

    assert process.returncode == 1
    assert "config.yaml:4:" in told(tmp_path)
    assert "Traceback" not in told(tmp_path)


@pytest.mark.parametrize(
    "options", [("--workers", "2", "--listen", "unix:w.sock"), ("--metrics", "nonsense"), ("--workers", "0")]
)
def test_wrong_usage_exits_with_2(tmp_path: Path, options: tuple[str, ...]) -> None:
    with serving(tmp_path, *options) as process:
        process.wait(60)

    assert process.returncode == 2


def test_figures_leave_nothing_behind_where_there_is_no_folder_for_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    address = f"127.0.0.1:{free_port()}"
    with serving(tmp_path, "--listen", address):
        until(lambda: is_serving(address))
        assert list(tmp_path.glob("plano-metrics-*"))

    assert not list(tmp_path.glob("plano-metrics-*"))


def test_control_is_not_offered_where_others_may_connect(tmp_path: Path) -> None:
    address = f"127.0.0.1:{free_port()}"
    with serving(tmp_path, "--listen", address):
        until(lambda: is_serving(address))
        with grpc.insecure_channel(address) as channel, pytest.raises(grpc.RpcError) as caught:
            channel.unary_unary(f"/{control.SERVICE}/{control.METHOD}")(b"{}", timeout=30)

    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
