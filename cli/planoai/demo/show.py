"""How the demo looks on a terminal."""

import textwrap

from planoai.demo.exchange import ANTHROPIC, CHAT, Exchange, Outcome
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


def _route(exchange: Exchange, outcome: Outcome) -> str:
    found = outcome.headers
    if outcome.status != 200:
        return f"status {outcome.status}, from the gateway itself: no provider was called"
    model = found.get("x-plano-model", "?")
    is_translated = (exchange.path == CHAT) == (model == ANTHROPIC)
    parts = [
        f"-> {model}",
        f"because: {found.get('x-plano-route-reason', '?')}",
        "translated both ways" if is_translated else "passed on as it is",
    ]
    if "x-plano-overhead-ms" in found:
        parts.append(f"{found['x-plano-overhead-ms']} ms in the gateway")
    if "x-plano-dropped" in found:
        parts.append(f"dropped: {found['x-plano-dropped']}")
    return "  ".join(parts)
