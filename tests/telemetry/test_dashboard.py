"""The dashboard and what provisions it fit each other, and what the gateway exports."""

import json
import re
from pathlib import Path
from typing import Any

import yaml
from grafana_foundation_sdk.cog import plugins
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard, prometheus, stat, timeseries
from prometheus_client import Counter, Gauge, Histogram

from plano_extproc.telemetry import figures

FOLDER = Path(__file__).parents[2] / "config" / "grafana"
DASHBOARD = FOLDER / "dashboards" / "plano.json"
PANELS: list[dict[str, Any]] = json.loads(DASHBOARD.read_text())["panels"]
TARGETS: list[dict[str, Any]] = [target for panel in PANELS for target in panel["targets"]]


def exported() -> dict[str, set[str]]:
    """Return the series there are, as Prometheus names them, with their labels."""
    known: dict[str, set[str]] = {}
    for figure in vars(figures).values():
        if isinstance(figure, (Counter, Gauge, Histogram)):
            (family,) = figure.describe()
            suffix = "_bucket" if isinstance(figure, Histogram) else "_total" if family.type == "counter" else ""
            known[family.name + suffix] = {*figure._labelnames, *({"le"} if suffix == "_bucket" else ())}
    return known


def grouped(expression: str) -> set[str]:
    """Return the labels that an expression groups by."""
    return {label for group in re.findall(r"by \(([^)]*)\)", expression) for label in re.split(r",\s*", group)}


def test_every_expression_names_metrics_and_labels_that_exist() -> None:
    known = exported()

    assert len(TARGETS) > 20
    for target in TARGETS:
        expression = target["expr"]
        used = re.findall(r"\b((?:plano|brightstaff)_\w+)(?:\{([^}]*)\})?", expression)
        assert used
        for name, matchers in used:
            assert name in known, expression
            assert grouped(expression) <= known[name], expression
            assert set(re.findall(r"(\w+)\s*[!=]", matchers)) <= known[name], expression


def test_every_legend_names_labels_that_its_series_have() -> None:
    for target in TARGETS:
        assert set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])) == grouped(target["expr"]) - {"le"}


def test_no_panel_covers_another() -> None:
    places = [panel["gridPos"] for panel in PANELS]
    cells = [
        (x, y) for at in places for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])
    ]

    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)


def test_what_is_provisioned_is_what_the_dashboard_asks() -> None:
    (source,) = yaml.safe_load((FOLDER / "provisioning/datasources/prometheus.yaml").read_text())["datasources"]
    (provider,) = yaml.safe_load((FOLDER / "provisioning/dashboards/plano.yaml").read_text())["providers"]
    services = yaml.safe_load((FOLDER / "compose.yaml").read_text())["services"]
    asked = {one["datasource"]["uid"] for one in (*PANELS, *TARGETS)}
    mounted = dict(volume.split(":")[:2] for one in services.values() for volume in one["volumes"])

    assert asked == {source["uid"]}
    listened = next(part for part in services["prometheus"]["command"] if "listen-address" in part)
    assert source["url"] == f"http://{listened.partition('=')[2]}"
    assert mounted["./dashboards"] == provider["options"]["path"]
    home = services["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert home == f"{provider['options']['path']}/{DASHBOARD.name}"
    assert all((FOLDER / name).exists() for name in mounted)


def kept(ours: Any, theirs: Any) -> bool:
    """Whether all of one JSON value is in another, which may have more keys."""
    if isinstance(ours, dict):
        return isinstance(theirs, dict) and all(key in theirs and kept(ours[key], theirs[key]) for key in ours)
    if isinstance(ours, list):
        return isinstance(theirs, list) and len(ours) == len(theirs) and all(map(kept, ours, theirs))
    return bool(ours == theirs)


def test_grafana_knows_every_field_of_the_dashboard() -> None:
    """Its own schemas drop what they do not know, and fill in what is missing."""
    plugins.register_default_plugins()
    ours = json.loads(DASHBOARD.read_text())

    read = dashboard.Dashboard.from_json(ours)
    written = json.loads(JSONEncoder().encode(read))

    assert kept(ours, written)
    assert kept(written["panels"][1]["options"], ours["panels"][1]["options"])
    assert {type(panel.options) for panel in read.panels or []} == {timeseries.Options, stat.Options}
    assert {type(one) for panel in read.panels or [] for one in panel.targets or []} == {prometheus.Dataquery}
