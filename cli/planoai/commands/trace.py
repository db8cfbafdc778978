"""`planoai trace`: what happened in a request, as a tree of spans."""

import json
import os
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from urllib.parse import urlsplit

import rich_click as click

from planoai import ports
from planoai.collector import process
from planoai.collector.client import Client, Foreign, Trace, Unreachable
from planoai.collector.query import Query, conditions, now, patterns, since, target, trimmed
from planoai.collector.spans import milliseconds, start
from planoai.collector.tree import tree
from planoai.errors import Failure
from planoai.home import home
from planoai.output import diagnose, print_json, print_whole, say

_USUAL = "http://localhost:4317"
_HERE = (ports.LOOPBACK, "::1")


@click.command("trace")
@click.argument("target_word", metavar="[last|any|ID|listen|stop]", required=False)
@click.option("--filter", "filters", multiple=True, metavar="GLOB", help="Show these attributes only, such as llm.*.")
@click.option("--where", multiple=True, metavar="KEY=VALUE", help="Only traces that have this; all of several.")
@click.option("--list", "as_list", is_flag=True, help="Show ids only.")
@click.option("--no-interactive", is_flag=True, help="Do not ask which of the listed traces to show.")
@click.option("--limit", type=int, help="Show so many traces at most.")
@click.option("--since", "since_word", metavar="TIME", help="Only traces of the last 15m, 2h, 1d.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--follow", "-f", is_flag=True, help="Show traces as they come, until Ctrl-C.")
@click.option("--host", help="Where the collector is.  [default: 127.0.0.1]")
@click.option("--port", type=click.IntRange(1, 65535), help="Its port.  [default: PLANO_TRACE_PORT, or 4317]")
@click.option(
    "--default-otel-endpoint",
    "--default-otel-grpc-endpoint",
    "endpoint",
    is_flag=False,
    flag_value=_USUAL,
    metavar="[URL]",
    help=f"Use the collector there, {_USUAL} unless said otherwise, and start one if none runs on this machine.",
)
@click.option("-v", "--verbose", is_flag=True, help="Show every attribute.")
def command(
    target_word: str | None,
    filters: tuple[str, ...],
    where: tuple[str, ...],
    as_list: bool,
    no_interactive: bool,
    limit: int | None,
    since_word: str | None,
    as_json: bool,
    follow: bool,
    host: str | None,
    port: int | None,
    endpoint: str | None,
    verbose: bool,
) -> None:
    """Show the last trace, any, or the one with an ID; `listen` starts the local collector, `stop` ends it."""
    if endpoint is not None:
        host, port = _split(endpoint)
    if target_word == "listen":
        _listen(host, port)
        return
    if target_word in ("stop", "down"):
        _stop(host, port)
        return
    if limit is not None and limit < 0:
        raise Failure(f"--limit {limit} is below 0", "give the number of traces to show")
    several = as_list or since_word is not None or bool(limit) or follow
    query = Query(
        target=target(target_word or ("any" if several else "last")),
        where=conditions(where),
        since_seconds=since(since_word) if since_word is not None else None,
        limit=limit or 0,
    )
    if as_list and query.target not in ("last", "any"):
        raise Failure("--list shows many traces, and an id names one", "leave out --list, or the id")
    globs = patterns(filters)
    client = process.address(home(os.environ), os.environ, host=host, port=port)
    if endpoint is not None and client.host in _HERE:
        client = process.ensure(home(os.environ), os.environ, port=port).client
    if follow:
        _follow(client, query, globs, as_list=as_list, as_json=as_json, verbose=verbose)
        return
    found = query.select(_ask(client), now=now())
    if as_list:
        _list(found, globs, as_json=as_json, asks=not no_interactive, verbose=verbose)
    else:
        _show(found, globs, as_json=as_json, verbose=verbose)


def _ask(client: Client) -> list[Trace]:
    try:
        return client.traces()
    except (Unreachable, Foreign) as error:
        raise Failure(
            str(error), "start one with `planoai trace listen`, or the gateway with `planoai up --with-tracing`"
        ) from None


def _show(found: list[Trace], globs: list[str], *, as_json: bool, verbose: bool) -> None:
    shown, missed = trimmed(found, globs)
    for pattern in missed if found else ():
        diagnose("warning", f"--filter {pattern} matches no attribute")
    if as_json:
        print_json({"traces": [_as_json(trace) for trace in shown]})
        return
    if not shown:
        say("No traces found.")
    for trace in shown:
        print_whole(tree(trace, everything=verbose or bool(globs)))


def _as_json(trace: Trace) -> dict[str, object]:
    return {"trace_id": trace[0]["traceId"], "spans": sorted(trace, key=start)}


def _list(found: list[Trace], globs: list[str], *, as_json: bool, asks: bool, verbose: bool) -> None:
    if as_json:
        print_json({"trace_ids": [trace[0]["traceId"] for trace in found]})
        return
    if not found:
        say("No traces found.")
        return
    if not (asks and sys.stdin.isatty() and sys.stdout.isatty()):
        say("Trace IDs:")
        for trace in found:
            say(trace[0]["traceId"][:8])
        return
    for number, trace in enumerate(found, 1):
        at = datetime.fromtimestamp(min(map(start, trace)) / 1e9).astimezone()
        say(f"{number:4} [bold]{trace[0]['traceId'][:8]}[/] {milliseconds(trace):.2f}ms [dim]{at:%Y-%m-%d %H:%M:%S}[/]")
    chosen = click.prompt("which", type=click.IntRange(1, len(found)), default=1)
    _show([found[chosen - 1]], globs, as_json=False, verbose=verbose)


def _follow(client: Client, query: Query, globs: list[str], *, as_list: bool, as_json: bool, verbose: bool) -> None:
    """Show traces as they come, the limit's number of them, else until Ctrl-C."""
    left = query.limit or -1
    try:
        for trace in settled(client):
            try:
                wanted = query.select([trace], now=now())
            except Failure:  # no span of this trace has the attribute
                continue
            shown, _ = trimmed(wanted, globs)
            for each in shown:
                if as_json:
                    told = {"trace_id": each[0]["traceId"]} if as_list else _as_json(each)
                    click.echo(json.dumps(told, ensure_ascii=False))
                elif as_list:
                    say(each[0]["traceId"][:8])
                else:
                    print_whole(tree(each, everything=verbose or bool(globs)))
                left -= 1
            if not left:
                return
    except KeyboardInterrupt:
        return
    except (Unreachable, Foreign) as error:
        raise Failure(str(error)) from None


def settled(client: Client, *, quiet: float = 0.4, pause: float = 0.1) -> Iterator[Trace]:
    """Yield traces that are new or grew, each once nothing was added to it for `quiet` seconds."""
    after = int(client.info()["sequence"])
    waiting: dict[str, tuple[float, Trace]] = {}
    while True:
        info = int(client.info()["sequence"])
        if info != after:
            for trace in client.traces(after=after):
                waiting[trace[0]["traceId"]] = (time.monotonic(), trace)
            after = info
        for name, (at, trace) in list(waiting.items()):
            if time.monotonic() - at >= quiet:
                del waiting[name]
                yield trace
        time.sleep(pause)


def _listen(host: str | None, port: int | None) -> None:
    if host not in (None, "localhost", "127.0.0.1", "::1"):
        raise Failure(f"the collector listens on loopback only, not on {host}", "leave out --host")
    found = process.ensure(home(os.environ), os.environ, port=port)
    if found.is_new:
        say(f"Collecting traces on [cyan]{found.endpoint}[/] (process {found.pid}); `planoai trace stop` ends it")
    else:
        diagnose("note", f"a collector runs already on {found.endpoint} (process {found.pid})")


def _stop(host: str | None, port: int | None) -> None:
    place = home(os.environ)
    client = process.address(place, os.environ, host=host, port=port)
    ended = process.stop(place, client)
    say(f"The collector on port {client.port} has ended" if ended else f"No collector runs on port {client.port}")


def _split(endpoint: str) -> tuple[str, int]:
    url = urlsplit(endpoint if "://" in endpoint else f"http://{endpoint}")
    try:
        port = url.port or process.USUAL_PORT
    except ValueError:
        port = 0
    if not url.hostname or not port or url.path not in ("", "/"):
        raise Failure(f"--default-otel-endpoint {endpoint} is no collector", f"write a URL such as {_USUAL}")
    return url.hostname, port
