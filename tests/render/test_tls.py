"""Connections to https providers: who they are is checked, by the name that is asked for."""

import shutil
import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from plano_extproc import render
from plano_extproc.render.build import system_ca_file
from tests.render.stand import Provider, Stand, envoy, standing, wait_until
from tests.support.ports import free_port

pytestmark = [
    pytest.mark.envoy,
    pytest.mark.skipif(shutil.which("openssl") is None, reason="needs the openssl program to make certificates"),
]

NAME = "llm.internal"
MANAGER = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"


def certificate(folder: Path, names: str) -> tuple[Path, Path]:
    """Make a self-signed certificate, which is its own authority, and its key."""
    made, key = folder / "cert.pem", folder / "key.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=plano-test"
    files = ["-addext", f"subjectAltName={names}", "-out", str(made), "-keyout", str(key)]
    subprocess.run([*command.split(), *files], check=True, capture_output=True)
    return made, key


class TlsProvider(Provider):
    """A provider with a certificate for `llm.internal` and 127.0.0.1; remembers by which name it was called."""

    def __init__(self, made: Path, key: Path) -> None:
        self.names: list[str | None] = []
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(made, key)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        context.sni_callback = lambda _socket, name, _context: self.names.append(name)
        super().__init__(context)


def http2_server(port: int, made: Path, key: Path) -> str:
    """An Envoy that offers both versions of HTTP, and answers by which it was called."""
    return f"""
static_resources:
  listeners:
  - address: {{socket_address: {{address: 127.0.0.1, port_value: {port}}}}}
    filter_chains:
    - transport_socket:
        name: tls
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext
          common_tls_context:
            alpn_protocols: [h2, http/1.1]
            tls_certificates:
            - {{certificate_chain: {{filename: {made}}}, private_key: {{filename: {key}}}}}
      filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/{MANAGER}
          stat_prefix: http2
          route_config:
            virtual_hosts:
            - name: all
              domains: ["*"]
              routes:
              - match: {{prefix: /}}
                direct_response: {{status: 200}}
                response_headers_to_add:
                - header: {{key: x-called-by, value: "%PROTOCOL% %REQ(:SCHEME)%"}}
          http_filters:
          - name: envoy.filters.http.router
            typed_config: {{"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}
"""


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stand, TlsProvider]]:
    folder = tmp_path_factory.mktemp("tls")
    made, key = certificate(folder, f"DNS:{NAME},IP:127.0.0.1")
    provider = TlsProvider(made, key)

    def cluster(name: str, authority: str) -> render.Cluster:
        return render.Cluster(name, "https", "127.0.0.1", provider.port, authority)

    try:
        clusters = (cluster("right", NAME), cluster("wrong", "other.internal"), cluster("address", "127.0.0.1"))
        with standing(folder, clusters=clusters, ca_file=str(made)) as stand:
            yield stand, provider
    finally:
        provider.stop()


def test_a_provider_is_asked_for_by_name_and_must_prove_it(tls: tuple[Stand, TlsProvider]) -> None:
    stand, provider = tls
    stand.sidecar.decide("right")

    assert stand.post().status_code == 200
    assert provider.names[-1] == NAME
    assert provider.requests[-1][1]["host"] == NAME


def test_a_certificate_for_another_name_is_refused(tls: tuple[Stand, TlsProvider]) -> None:
    stand, provider = tls
    before = len(provider.requests)
    stand.sidecar.decide("wrong")
    answer = stand.post()

    assert answer.status_code == 503
    assert "CERTIFICATE_VERIFY_FAILED" in str(stand.logged(answer)["details"])
    assert len(provider.requests) == before


def test_an_address_must_be_in_the_certificate(tls: tuple[Stand, TlsProvider]) -> None:
    stand, provider = tls
    stand.sidecar.decide("address")

    assert stand.post().status_code == 200
    assert provider.names[-1] is None


def test_an_authority_that_is_not_trusted_proves_nothing(tls: tuple[Stand, TlsProvider]) -> None:
    stand, _ = tls
    other = replace(stand.topology, ca_file=system_ca_file())
    stand.sidecar.decide("right")
    render.write({"cds.yaml": render.files(other)["cds.yaml"]}, stand.folder)

    wait_until(lambda: stand.post().status_code == 503, "the refusal")
    render.write({"cds.yaml": render.files(stand.topology)["cds.yaml"]}, stand.folder)
    wait_until(lambda: stand.post().status_code == 200, "the return")


def test_a_provider_that_offers_http2_is_called_by_it(tmp_path: Path) -> None:
    made, key = certificate(tmp_path, f"DNS:{NAME}")
    port = free_port()
    config = tmp_path / "http2.yaml"
    config.write_text(http2_server(port, made, key))
    cluster = render.Cluster("http2", "https", "127.0.0.1", port, NAME)
    with (
        envoy(config, tmp_path / "http2.log"),
        standing(tmp_path / "gateway", clusters=(cluster,), ca_file=str(made)) as stand,
    ):
        stand.sidecar.decide("http2")
        wait_until(lambda: stand.post().status_code == 200, (tmp_path / "http2.log").read_text() or "an answer")

        assert stand.post().headers["x-called-by"] == "HTTP/2 https"
