"""The snippet, put into an Envoy of someone else's that has a listener, routes and clusters of its own."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from plano_extproc import render
from plano_extproc.render.build import system_ca_file
from tests.render.examples import SMALL
from tests.render.stand import LISTENER, Provider, Sidecar, clusters, envoy, send, wait_until
from tests.support.ports import free_port

MANAGER = "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"


def foreign(port: int, backend: int) -> dict[str, Any]:
    """A small Envoy configuration as one finds them in the world."""
    config: dict[str, Any] = yaml.safe_load(f"""
static_resources:
  listeners:
  - name: main
    address: {{socket_address: {{address: 127.0.0.1, port_value: {port}}}}}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/{MANAGER}
          stat_prefix: main
          route_config:
            virtual_hosts:
            - name: everything
              domains: ["*"]
              routes:
              - {{match: {{prefix: /}}, route: {{cluster: backend}}}}
          http_filters:
          - name: envoy.filters.http.router
            typed_config: {{"@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}}
  clusters:
  - name: backend
    load_assignment:
      cluster_name: backend
      endpoints:
      - lb_endpoints:
        - endpoint: {{address: {{socket_address: {{address: 127.0.0.1, port_value: {backend}}}}}}}
""")
    return config


def merge(config: dict[str, Any], snippet: str, listener: str = LISTENER) -> dict[str, Any]:
    """Do what the snippet's heading says."""
    ours, shared = yaml.safe_load_all(snippet)
    assert ours.pop("listener") == listener
    manager = config["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
    manager["http_filters"][:0] = ours.pop("http_filters")
    manager["route_config"]["virtual_hosts"][0]["routes"][:0] = ours.pop("routes")
    manager.update(ours)
    config["static_resources"]["clusters"] += shared.pop("clusters")
    assert not shared
    return config


class World:
    def __init__(self, folder: Path) -> None:
        self.port, self.llm, self.backend = free_port(), Provider(), Provider()
        address = f"unix:{folder}/w.sock"
        self.sidecar = Sidecar(address)
        self.topology = render.Topology(
            folder="/nowhere",
            listeners=(render.Listener(LISTENER, "127.0.0.1", 1),),
            clusters=clusters(self.llm.port),
            workers=(address,),
            admin_port=1,
            metrics_port=1,
            ca_file=system_ca_file(),
        )

    def post(self, path: str, headers: dict[str, str] | None = None) -> httpx.Response:
        return httpx.post(f"http://127.0.0.1:{self.port}{path}", content=b"{}", headers=headers, timeout=20)

    def answers(self) -> bool:
        try:
            return self.post("/theirs").status_code == 200
        except httpx.TransportError:
            return False


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("w")
    world = World(folder)
    config = merge(foreign(world.port, world.backend.port), render.snippet(world.topology, "ext-proc"))
    file = folder / "envoy.yaml"
    file.write_text(yaml.safe_dump(config))
    try:
        with envoy(file, folder / "envoy.log"):
            wait_until(world.answers, (folder / "envoy.log").read_text() or "an answer")
            world.sidecar.decide("up")
            wait_until(lambda: world.post("/v1/messages").status_code == 200, "a decision")
            yield world
    finally:
        world.sidecar.server.stop(0)
        world.llm.stop()
        world.backend.stop()


@pytest.mark.envoy
def test_a_request_to_a_path_of_ours_goes_where_the_sidecar_says(world: World) -> None:
    world.sidecar.decide("named", {"authorization": "key"})
    answer = world.post("/v1/messages", {"x-plano-key": "k"})

    assert (answer.status_code, answer.headers["x-plano-attempts"]) == (200, "1")
    assert world.llm.requests[-1][1]["host"] == "api.example.com"
    assert "x-plano-key" not in world.llm.requests[-1][1]
    assert world.sidecar.streams[-1].metadata["x-plano-listener"] == LISTENER


@pytest.mark.envoy
def test_their_own_routes_go_where_they_went_and_not_to_the_sidecar(world: World) -> None:
    before = len(world.sidecar.streams)
    answer = world.post("/theirs/x", {"x-plano-cluster": "up"})

    assert answer.status_code == 200
    assert world.backend.requests[-1][0] == "/theirs/x"
    assert len(world.sidecar.streams) == before


@pytest.mark.envoy
def test_an_error_on_a_path_of_ours_has_the_callers_shape_and_theirs_stay_as_they_are(world: World) -> None:
    world.sidecar.decide("refuses")
    world.backend.answer = lambda handler, _body: handler.connection.shutdown(2)

    assert world.post("/v1/messages").json()["type"] == "error"
    assert world.post("/v1/chat/completions").json()["error"]["type"] == "api_error"
    assert "json" not in world.post("/theirs").headers["content-type"]
    world.backend.answer = lambda handler, _body: send(handler, 200, b"{}")


def test_each_listener_has_a_document_and_the_clusters_come_last() -> None:
    documents = list(yaml.safe_load_all(render.snippet(SMALL, "ext-proc")))

    assert [document.get("listener") for document in documents] == ["egress_traffic", None]
    names = [cluster["name"] for cluster in documents[-1]["clusters"]]
    assert names == [
        *("provider_openai", "attempt_provider_openai", "provider_local", "attempt_provider_local"),
        *("plano_nowhere", "plano_extproc"),
    ]


def test_an_unknown_kind_is_told_the_known_ones() -> None:
    with pytest.raises(ValueError, match="unknown snippet 'nginx'; there is: ext-proc"):
        render.snippet(SMALL, "nginx")
