"""Spans to collectors with TLS, of an authority that is named by OpenTelemetry's own variable."""

import shutil
import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc as service_grpc

from plano_extproc.telemetry.metrics import Metrics
from tests.render.test_tls import certificate
from tests.support.serving import serving
from tests.telemetry.test_exporter import Collector, Web, send, span, tracing

pytestmark = pytest.mark.skipif(
    shutil.which("openssl") is None, reason="needs the openssl program to make certificates"
)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return certificate(tmp_path_factory.mktemp("tls"), "DNS:localhost,IP:127.0.0.1")


@pytest.fixture
def collector(pair: tuple[Path, Path]) -> Iterator[tuple[Collector, str]]:
    made, key = pair
    server, found = grpc.server(ThreadPoolExecutor(2)), Collector()
    service_grpc.add_TraceServiceServicer_to_server(found, server)  # type: ignore[no-untyped-call]
    secured = grpc.ssl_server_credentials([(key.read_bytes(), made.read_bytes())])
    port = server.add_secure_port("127.0.0.1:0", secured)
    server.start()
    yield found, f"https://localhost:{port}"
    server.stop(None)


@pytest.fixture
def web(pair: tuple[Path, Path]) -> Iterator[tuple[Web, str]]:
    server, (made, key) = Web(), pair
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    with serving(server):
        yield server, f"https://localhost:{server.server_port}"


def test_spans_arrive_over_grpc_with_tls(
    collector: tuple[Collector, str], pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    found, url = collector
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_CERTIFICATE", str(pair[0]))
    send(tracing(opentracing_grpc_endpoint=url, headers={"x-team": "a"}), [span()], Metrics())

    assert len(found.requests) == 1
    assert found.headers["x-team"] == "a"


def test_spans_arrive_over_http_with_tls(
    web: tuple[Web, str], pair: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    server, url = web
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_CERTIFICATE", str(pair[0]))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", ssl.get_default_verify_paths().cafile or "")
    exporter = {"type": "otlp", "url": f"{url}/v1/traces", "headers": {"x-key": "k"}}
    send(tracing(exporters=[exporter]), [span()], Metrics())

    assert [(path, headers["x-key"]) for path, headers, _ in server.got] == [("/v1/traces", "k")]


def test_a_collector_that_nobody_vouches_for_gets_nothing(collector: tuple[Collector, str]) -> None:
    found, url = collector
    metrics = Metrics()
    send(tracing(opentracing_grpc_endpoint=url), [span()], metrics)

    assert found.requests == []
    assert f'plano_spans_dropped_total{{sink="{url}"}} 1.0' in metrics.exposition().decode()
