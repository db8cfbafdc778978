"""How the demo looks on a terminal."""

import textwrap

from planoai.demo.exchange import CHAT, MESSAGES, Exchange, Outcome, server
from planoai.demo.scenes import ANTHROPIC, OPENAI, Scene
from planoai.output import plain, say

_WIDTH = 96


def show(exchange: Exchange, outcome: Outcome) -> None:
    """Print a prompt, its answer, and what was routed where and why."""
    mark = "[bold red]wrong[/]" if outcome.wrong else "[green]ok[/]"
    client = "OpenAI client   " if exchange.path == CHAT else "Anthropic client"
    how = f", streamed in {outcome.events} events" if exchange.is_stream else ""
    asked = f"model {exchange.model}" if exchange.model else "no model named"
    say(f"{mark}  [bold]{client}[/] POST {exchange.path} [dim]({plain(asked)}{how})[/]")
    say(f"      [dim]>[/] {plain(exchange.prompt)}")
    for number, line in enumerate(textwrap.wrap(outcome.text, _WIDTH) or [""]):
        say(f"      [dim]{' ' if number else '<'}[/] [cyan]{plain(line)}[/]")
    say(f"      [dim]{plain(_route(exchange, outcome))}[/]")
    if outcome.wrong:
        say(f"      [bold red]{plain(outcome.wrong)}[/]")
    say("")


def announce(scene: Scene) -> None:
    """Print what comes next."""
    say(f"[bold]{plain(scene.title)}[/] [dim](listener {plain(scene.listener)})[/]\n")


def _route(exchange: Exchange, outcome: Outcome) -> str:
    found = outcome.headers
    if outcome.status != 200:
        return f"status {outcome.status}, from the gateway itself: no provider was called"
    served_by = server(found)
    speaks = MESSAGES if served_by == ANTHROPIC else CHAT
    parts = [f"-> {served_by.replace(',', ', then ')}", f"because: {found.get('x-plano-route-reason', '?')}"]
    if served_by in (OPENAI, ANTHROPIC) or exchange.path != speaks:
        parts.append("passed on as it is" if exchange.path == speaks else "translated both ways")
    if "x-plano-overhead-ms" in found:
        parts.append(f"{found['x-plano-overhead-ms']} ms in the gateway")
    if "x-plano-dropped" in found:
        parts.append(f"dropped: {found['x-plano-dropped']}")
    return "  ".join(parts)
