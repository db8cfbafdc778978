"""Topologies for tests."""

import tempfile
from dataclasses import replace
from pathlib import Path

from hypothesis import strategies as st

from plano_extproc.render import Cluster, Listener, Topology

SMALL = Topology(
    folder="/run/plano/envoy",
    listeners=(Listener("egress_traffic", "127.0.0.1", 12000),),
    clusters=(
        Cluster("provider_openai", "https", "api.openai.com", 443, "api.openai.com"),
        Cluster("provider_local", "http", "127.0.0.1", 8000, "127.0.0.1:8000"),
    ),
    workers=("unix:/run/plano/worker-0.sock", "unix:/run/plano/worker-1.sock"),
    admin_port=9901,
    metrics_port=9092,
)

NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=30)
HOSTS = st.sampled_from(["api.example.com", "localhost", "10.0.0.1", "::1", "my_host", "xn--bcher-kva.example"])


def authority(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


@st.composite
def topologies(draw: st.DrawFn) -> Topology:
    """Topologies with whatever text a user could choose; all of them are valid."""
    names = draw(st.lists(NAMES, min_size=1, max_size=4, unique=True))
    ports = st.integers(1, 65535)
    hosts = draw(st.lists(st.tuples(HOSTS, ports, st.booleans()), max_size=4))
    return replace(
        SMALL,
        listeners=tuple(
            Listener(
                name,
                draw(st.sampled_from(["127.0.0.1", "0.0.0.0", "::", "::1"])),
                10_000 + number,
                draw(st.sampled_from(["model", "agent", "prompt", "unified"])),
                draw(st.sampled_from([0.0, 0.25, 300.0])),
                draw(st.none() | st.integers(0, 100)),
            )
            for number, name in enumerate(names)
        ),
        clusters=tuple(
            Cluster(f"provider_{n}", "https" if tls else "http", host, port, authority(host, port), 0.001)
            for n, (host, port, tls) in enumerate(hosts)
        ),
        workers=tuple(draw(st.lists(st.sampled_from(["unix:/tmp/a b.sock", "127.0.0.1:5", "[::1]:5"]), min_size=1))),
        generation=draw(st.integers(0, 10**9)),
        max_body_bytes=draw(st.integers(1024, 1 << 30)),
        # Envoy opens the log even when it only validates.
        access_log="/dev/null",
        folder=str(Path(tempfile.gettempdir()) / draw(NAMES).replace("/", "_").replace("\0", "_")),
    )
