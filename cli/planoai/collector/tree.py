"""A trace as people read it: a tree of spans with times, errors, attributes, events and links."""

from collections import defaultdict
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from rich.markup import escape
from rich.tree import Tree

from planoai.collector.spans import Span, attributes_of, end, milliseconds, start, text

_SHORT = (
    "http.method",
    "http.target",
    "http.status_code",
    "url.scheme",
    "guid:x-request-id",
    "request_size",
    "response_size",
)
"""What Envoy's own spans show unless all is asked for."""

_FIRST = (
    "http.status_code", "error.type", "error.message", "exception.message", "http.method", "http.target", "http.path",
    "guid:x-request-id", "request_id", "request_size", "response_size", "routing.", "route.selected_model",
    "selection.", "agent", "plano.", "llm.", "signals.",
)  # fmt: skip
"""Names, or their beginnings, in the order in which they are shown; the others follow by name."""

_HIDDEN = ("service.name.override",)


def tree(trace: Sequence[Span], *, everything: bool) -> Tree:
    """Return a trace by its parents. A span whose parent is not here is a root; so is the first of a circle."""
    known = {span["spanId"] for span in trace}
    children: dict[str, list[Span]] = defaultdict(list)
    for span in sorted(trace, key=start):
        parent = span["parentSpanId"]
        children[parent if parent in known and parent != span["spanId"] else ""].append(span)
    begin = min(map(start, trace))
    top = Tree(f"[bold]Trace: {trace[0]['traceId']}[/] [dim]({milliseconds(trace):.2f}ms total)[/]")
    placed: set[str] = set()

    def hang(branch: Tree, spans: Sequence[Span]) -> None:
        for span in spans:
            if span["spanId"] not in placed:
                placed.add(span["spanId"])
                below = branch.add(_title(span, begin))
                _describe(below, span, begin, everything=everything)
                hang(below, children[span["spanId"]])

    hang(top, children[""])
    for span in sorted(trace, key=start):
        hang(top, [span])
    return top


def error_of(span: Span) -> str | None:
    """Return what went wrong in a span, if anything did."""
    found = attributes_of(span)
    status = found.get("http.status_code")
    if isinstance(status, str) and status.isdigit():  # Envoy writes it as text
        status = int(status)
    if isinstance(status, int) and status >= 400:
        return f"{status} {_phrase(status)}".strip()
    for name in ("error.message", "exception.message"):
        if found.get(name):
            return str(found[name])
    return (span["status"]["message"] or "error") if span["status"]["code"] == "error" else None


def _title(span: Span, begin: int) -> str:
    offset, lasted = (start(span) - begin) / 1e6, (end(span) - start(span)) / 1e6
    failed = error_of(span)
    mark = f"  [bold red]✗ {escape(failed)}[/]" if failed else ""
    return (
        f"[dim]{offset:.2f}ms[/] [cyan]{escape(span['service'])}[/] [bold]{escape(span['name'])}[/] "
        f"[dim]{lasted:.2f}ms[/]{mark}"
    )


def _describe(branch: Tree, span: Span, begin: int, *, everything: bool) -> None:
    entries = [entry for entry in span["attributes"] if entry["key"] not in _HIDDEN]
    if not everything and span["service"].rstrip(")").endswith(("inbound", "outbound")):
        entries = [entry for entry in entries if entry["key"] in _SHORT]
    for entry in sorted(entries, key=_rank):
        branch.add(f"[dim]{escape(entry['key'])}:[/] {escape(text(entry))}")
    for event in span["events"]:
        about = ", ".join(f"{entry['key'].removeprefix('signal.')}={text(entry)}" for entry in event["attributes"])
        at = (int(event["timeUnixNano"]) - begin) / 1e6
        branch.add(f"[magenta]• {escape(event['name'])}[/] [dim]at {at:.2f}ms {escape(about)}[/]")
    for link in span["links"]:
        branch.add(f"[blue]→ linked to {link['traceId']} {link['spanId']}[/]")


def _rank(entry: dict[str, Any]) -> tuple[int, str]:
    key = entry["key"]
    place = next((place for place, first in enumerate(_FIRST) if key.startswith(first)), len(_FIRST))
    return place, key


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
