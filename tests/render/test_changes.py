"""A running Envoy takes changed files, refuses broken ones, and never shares a port."""

from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from plano_extproc import render
from tests.render.stand import Stand, envoy, immediate, standing, wait_until
from tests.support.ports import free_port

pytestmark = pytest.mark.envoy


def refused(stand: Stand) -> int:
    stats = stand.client.get(f"{stand.admin}/stats?filter=update_rejected").text
    return sum(int(line.rpartition(": ")[2]) for line in stats.splitlines())


def generation(stand: Stand) -> str:
    """Return the generation of the routes by which the first listener asks the sidecar."""
    stand.get("/readyz")
    return stand.sidecar.streams[-1].metadata["x-plano-generation"]


def test_new_files_are_live_without_a_restart(tmp_path: Path) -> None:
    with standing(tmp_path) as stand:
        stand.sidecar.script["request_headers"] = lambda _headers, _body: immediate(200, b"{}")
        added = render.Listener("added", "127.0.0.1", free_port())
        listeners = (*stand.topology.listeners, added)
        clusters = (*stand.topology.clusters, replace(stand.topology.clusters[0], name="new"))
        new = replace(stand.topology, generation=8, listeners=listeners, clusters=clusters)
        render.write(render.files(new), tmp_path)

        def is_live() -> bool:
            try:
                answer = stand.client.get(f"http://127.0.0.1:{added.port}/readyz")
            except httpx.TransportError:
                return False
            return answer.status_code == 200 and stand.sidecar.streams[-1].metadata["x-plano-generation"] == "8"

        wait_until(is_live, "the new generation")
        wait_until(lambda: generation(stand) == "8", "the new generation of the first listener")
        stand.sidecar.script.clear()
        stand.sidecar.decide("new")
        wait_until(lambda: stand.post().status_code == 200, "the new cluster")
        assert refused(stand) == 0


def test_a_broken_file_is_refused_and_the_old_one_stays(tmp_path: Path) -> None:
    with standing(tmp_path) as stand:
        stand.sidecar.decide("up")
        broken = render.files(stand.topology)["rds.yaml"].replace('"x-plano-cluster"', '""')
        render.write({"rds.yaml": broken}, tmp_path)
        wait_until(lambda: refused(stand) == 1, "the refusal")

        assert stand.post().status_code == 200


def test_two_gateways_cannot_share_a_port(tmp_path: Path) -> None:
    with standing(tmp_path / "one") as stand:
        folder = tmp_path / "two"
        other = replace(stand.topology, folder=str(folder), admin_port=free_port(), metrics_port=free_port())
        render.write(render.files(other), folder)
        with envoy(folder / "bootstrap.yaml", tmp_path / "two.log"):
            wait_until(lambda: "Address already in use" in (tmp_path / "two.log").read_text(), "the complaint")

        stand.sidecar.script["request_headers"] = lambda _headers, _body: immediate(200, b"{}")
        assert stand.get("/readyz").status_code == 200
