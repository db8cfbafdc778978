"""What a started gateway says for itself: where it listens, and what to try next."""

import json

from rich.markup import escape

from plano_extproc.config import Config
from planoai.output import say
from planoai.startup import Plan


def greet(plan: Plan) -> None:
    """Print one line per listener with its URL, then what to do next."""
    count = plan.state.workers
    say(f"[bold green]Plano is running[/] with Envoy and {count} worker{'s' if count > 1 else ''}")
    if plan.source.file is None:
        _say_providers(plan.config)
    width = max(len(endpoint.name) for endpoint in plan.state.endpoints)
    for endpoint in plan.state.endpoints:
        say(f"  {escape(endpoint.name.ljust(width))}  [cyan]{escape(endpoint.url)}[/]  [dim]{endpoint.type}[/]")
    say("")
    if (line := example(plan)) is not None:
        say(f"[dim]try  [/] {escape(line)}")
    traced = ", planoai trace" if plan.state.trace_port is not None else ""
    say(f"[dim]see  [/] planoai status, planoai logs --follow{traced}")
    say("[dim]stop [/] planoai down")


def example(plan: Plan) -> str | None:
    """Return a curl line that asks the first model listener."""
    endpoint = next((entry for entry in plan.state.endpoints if entry.type == "model"), None)
    providers = plan.config.model_providers
    if endpoint is None or not providers:
        return None
    chosen = next((entry for entry in providers if entry.default), providers[0])
    model = f"{chosen.model.removesuffix('/*')}/MODEL" if chosen.is_wildcard else chosen.name
    body = json.dumps({"model": model, "messages": [{"role": "user", "content": "Hello"}]})
    key = " -H 'authorization: Bearer YOUR_KEY'" if chosen.passthrough_auth else ""
    quoted = body.replace("'", "'\\''")
    return f"curl {endpoint.url}/v1/chat/completions -H 'content-type: application/json'{key} -d '{quoted}'"


def _say_providers(config: Config) -> None:
    keyed = [entry.provider for entry in config.model_providers if entry.access_key is not None]
    passed = [entry.provider for entry in config.model_providers if entry.passthrough_auth]
    say(f"  no configuration file; keys found for: {escape(', '.join(keyed) or 'none')}")
    say(f"  with the caller's own key: {escape(', '.join(passed) or 'none')}")
