"""`planoai status`: what runs, and whether it serves."""

import os
import time
from typing import Any

import rich_click as click

from planoai import state as states
from planoai.home import Home, home
from planoai.output import duration, print_json, print_table, say
from planoai.probe import is_ready
from planoai.supervise import Program, Supervisor, strays


@click.command("status")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(as_json: bool) -> None:
    """Show processes, listeners, ports and configuration generation. The exit code is 0 when all is ready."""
    place = home(os.environ)
    found = status(place)
    if as_json:
        print_json(found)
    else:
        _print(found, place)
    raise SystemExit(0 if found["ready"] else 1)


def status(place: Home) -> dict[str, Any]:
    """Return what `--json` prints. Without a state that can be read, `config` and `ports` are null."""
    programs = Supervisor(place).programs()
    state = states.load(place) if programs is not None else None
    listeners = [
        {"name": e.name, "type": e.type, "address": e.address, "port": e.port, "url": e.url, "ready": is_ready(e)}
        for e in (state.endpoints if state else ())
    ]
    return {
        "home": str(place.root),
        "running": programs is not None,
        "ready": bool(listeners) and all(listener["ready"] for listener in listeners),
        "uptime_seconds": round(time.time() - state.started_at, 1) if state else None,
        "config": {"file": state.file, "generation": state.generation} if state else None,
        "ports": {"admin": state.admin_port, "metrics": state.metrics_port, "trace": state.trace_port}
        if state
        else None,
        "workers": sum(program.name != "envoy" for program in programs or ()),
        "listeners": listeners,
        "processes": [_process(program) for program in programs or ()],
    }


def _process(program: Program) -> dict[str, Any]:
    return {
        "name": program.name,
        "state": program.state,
        "pid": program.pid or None,
        "uptime_seconds": round(program.uptime, 1),
        "detail": program.reason,
    }


def _print(found: dict[str, Any], place: Home) -> None:
    if not found["running"]:
        if left := len(strays(place)):
            say(f"{left} processes of a gateway in {found['home']} run, but nothing watches over them;")
            say("`planoai down` ends them, `planoai up` starts it anew")
        else:
            say(f"Nothing runs in {found['home']}; start it with `planoai up`")
        return
    word = "[green]ready[/]" if found["ready"] else "[bold red]not ready[/]"
    say(f"Plano is {word}, up {duration(found['uptime_seconds'] or 0)}")
    config, ports = found["config"], found["ports"]
    if config is None:
        say("its state file cannot be read; `planoai down` stops it all the same")
    else:
        say(f"configuration {config['file'] or 'from the environment'}, generation {config['generation']}")
        say(f"admin http://127.0.0.1:{ports['admin']}, metrics http://127.0.0.1:{ports['metrics']}/metrics")
        if ports["trace"] is not None:
            say(f"traces {ports['trace']}: see planoai trace, planoai obs")
    say(f"home {found['home']}\n")
    marks = {True: "[green]ready[/]", False: "[red]not ready[/]"}
    print_table(
        ("listener", "type", "url", ""),
        [(e["name"], e["type"], e["url"], marks[e["ready"]]) for e in found["listeners"]],
    )
    say("")
    print_table(
        ("process", "state", "pid", "up"),
        [
            (p["name"], p["state"].lower(), str(p["pid"] or "-"), duration(p["uptime_seconds"]))
            for p in found["processes"]
        ],
    )
