import json
import re
from pathlib import Path

from prometheus_client import Counter, Gauge, Histogram

from plano_extproc.telemetry import figures

DASHBOARD = Path(__file__).parents[2] / "config" / "grafana" / "dashboards" / "plano.json"


def test_every_expression_names_metrics_and_labels_that_exist() -> None:
    known: dict[str, set[str]] = {}
    for figure in vars(figures).values():
        if isinstance(figure, (Counter, Gauge, Histogram)):
            (family,) = figure.describe()
            suffix = "_bucket" if isinstance(figure, Histogram) else "_total" if family.type == "counter" else ""
            known[family.name + suffix] = {*figure._labelnames, "le"}
    panels = json.loads(DASHBOARD.read_text())["panels"]
    expressions = [target["expr"] for panel in panels for target in panel["targets"]]

    assert len(expressions) > 20
    for expression in expressions:
        names = re.findall(r"\b(?:plano|brightstaff)_\w+", expression)
        labels = {label for group in re.findall(r"by \(([^)]*)\)", expression) for label in re.split(r",\s*", group)}
        assert names
        for name in names:
            assert name in known, expression
            assert labels <= known[name], expression
