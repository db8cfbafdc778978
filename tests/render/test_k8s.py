"""The pod of two containers: valid for Kubernetes, and each command does what the other parts rely on."""

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import kubernetes_validate
import pytest
import yaml

from plano_extproc import resources
from plano_extproc.config import load
from tests.render.stand import Sidecar, wait_until
from tests.support.ports import free_port

FOLDER = resources.path("config/k8s")
MANIFESTS: dict[str, dict[str, Any]] = {file.stem: yaml.safe_load(file.read_text()) for file in FOLDER.glob("*.yaml")}
POD = MANIFESTS["deployment"]["spec"]["template"]["spec"]
CONTAINERS = {c["name"]: c for c in (*POD["initContainers"], *POD["containers"])}
KEYS: dict[str, str] = MANIFESTS["secret"]["stringData"]


@pytest.mark.parametrize("name", MANIFESTS)
@pytest.mark.parametrize("version", ["1.31", "1.37"])
def test_a_manifest_is_valid(name: str, version: str) -> None:
    assert kubernetes_validate.validate(MANIFESTS[name], version, strict=True) == version


def test_the_configuration_loads_with_the_keys_of_the_secret() -> None:
    loaded = load(MANIFESTS["configmap"]["data"]["config.yaml"], environ=KEYS)

    assert loaded.config is not None
    assert not loaded.problems


def test_the_service_leads_to_a_listener_of_the_configuration() -> None:
    config = yaml.safe_load(MANIFESTS["configmap"]["data"]["config.yaml"])
    ports = {port["name"]: port["containerPort"] for port in CONTAINERS["envoy"]["ports"]}

    assert ports == {listener["name"]: listener["port"] for listener in config["listeners"]}
    assert {port["targetPort"] for port in MANIFESTS["service"]["spec"]["ports"]} == set(ports)


def test_only_what_needs_the_keys_has_them() -> None:
    assert {name for name, container in CONTAINERS.items() if "envFrom" in container} == {"render", "sidecar"}


@pytest.mark.parametrize("name", CONTAINERS)
def test_a_container_may_do_nothing_that_it_need_not(name: str) -> None:
    assert CONTAINERS[name]["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert POD["securityContext"]["runAsNonRoot"]


@pytest.mark.parametrize("name", ["sidecar", "envoy"])
def test_both_containers_are_probed_and_drained(name: str) -> None:
    assert {"readinessProbe", "livenessProbe", "lifecycle"} <= set(CONTAINERS[name])


@dataclass(frozen=True)
class Pod:
    """A folder that stands for the pod's file system, and ports that are free here."""

    root: Path
    port: int
    admin: int
    metrics: int

    def here(self, text: str) -> str:
        return text.replace("/run/plano", str(self.root)).replace("/etc/plano", str(self.root / "etc"))

    def command(self, container: str) -> list[str]:
        words: list[str] = [*CONTAINERS[container]["command"], *CONTAINERS[container].get("args", ())]
        return [str(Path(sys.executable).parent / words[0]), *(self.here(word) for word in words[1:])]

    def environment(self, container: str) -> dict[str, str]:
        named = {entry["name"]: self.here(entry["value"]) for entry in CONTAINERS[container].get("env", ())}
        keys = KEYS if "envFrom" in CONTAINERS[container] else {}
        ports = {"PLANO_ADMIN_PORT": str(self.admin), "PLANO_METRICS_PORT": str(self.metrics)}
        return {"PATH": os.environ["PATH"], **named, **keys, **ports}

    def probe(self) -> int:
        words = CONTAINERS["sidecar"]["readinessProbe"]["exec"]["command"]
        return subprocess.run(
            [sys.executable, *(self.here(word) for word in words[1:])], capture_output=True, timeout=60
        ).returncode


@pytest.fixture
def pod() -> Iterator[Pod]:
    # Short, since the path of a socket may have 107 bytes at most.
    with tempfile.TemporaryDirectory(prefix="plano-") as folder:
        pod = Pod(Path(folder), free_port(), free_port(), free_port())
        config = pod.root / "etc" / "config.yaml"
        config.parent.mkdir()
        config.write_text(MANIFESTS["configmap"]["data"]["config.yaml"].replace("12000", str(pod.port)))
        run = pod.command("render")
        subprocess.run(run, env=pod.environment("render"), check=True, capture_output=True, timeout=60)
        yield pod


def test_the_init_container_renders_what_envoy_and_the_sidecar_agree_on(pod: Pod) -> None:
    files = {file.name: file.read_text() for file in (pod.root / "envoy").iterdir()}
    resources = {name: yaml.safe_load(files[f"{name}.yaml"])["resources"] for name in ("cds", "lds")}

    addresses = {
        listener["name"]: listener["address"]["socket_address"]["address"]
        for listener in resources["lds"]
        if "pipe" not in listener["address"]
    }
    assert addresses == {"llm": "0.0.0.0", "metrics": "127.0.0.1"}
    admin = yaml.safe_load(files["bootstrap.yaml"])["admin"]["address"]["socket_address"]
    assert admin == {"address": "127.0.0.1", "port_value": pod.admin}
    assert not [key for key in KEYS.values() if key in "".join(files.values())]


@pytest.mark.envoy
def test_the_containers_of_a_pod_find_each_other(pod: Pod) -> None:
    with contextlib.ExitStack() as stack:
        for name in ("sidecar", "envoy"):
            process = subprocess.Popen(
                pod.command(name), env=pod.environment(name), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            stack.callback(process.wait, 60)
            stack.callback(process.terminate)
        url = f"http://127.0.0.1:{pod.port}"

        def is_ready() -> bool:
            try:
                return httpx.get(f"{url}/readyz", timeout=20).status_code == 200
            except httpx.TransportError:
                return False

        wait_until(is_ready, "Envoy's readiness")
        # One worker is enough for Envoy; the other may still be starting.
        wait_until(lambda: pod.probe() == 0, "the sidecar's readiness")
        assert httpx.get(f"{url}/healthz", timeout=20).status_code == 200
        listed = {model["id"] for model in httpx.get(f"{url}/v1/models", timeout=20).json()["data"]}
        assert "openai/gpt-4o-mini" in listed


def test_the_sidecars_probe_fails_until_every_worker_serves(pod: Pod) -> None:
    first = Sidecar(f"unix:{pod.root}/worker-0.sock")
    try:
        assert pod.probe() != 0
        second = Sidecar(f"unix:{pod.root}/worker-1.sock")
        try:
            assert pod.probe() == 0
        finally:
            second.server.stop(0)
    finally:
        first.server.stop(0)
