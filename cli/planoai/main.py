"""`planoai`: the command group. A command's module is imported when it is called, so that each starts fast.

Exit codes: 0 done, 1 failed, 2 wrong usage. What a user can cause ends with a sentence on stderr, not a traceback.
"""

import os
from importlib import import_module
from typing import Any

import rich_click as click

from plano_extproc import __version__
from planoai.errors import Failure

GROUPS = {
    "Gateway": ("up", "down", "status", "reload", "logs", "demo"),
    "Configuration": ("init", "validate", "render", "explain", "models", "generate-prompt-targets"),
    "Operation": ("usage", "memory", "agents", "ledger"),
    "Observability": ("trace", "obs", "console"),
    "Subscriptions": ("chatgpt",),
}
"""The commands, as `--help` shows them. Each is `command` in `planoai.commands.<name>`."""

COMMANDS = tuple(name for names in GROUPS.values() for name in names)


class LazyGroup(click.RichGroup):
    """A group whose commands are modules."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the commands in the order of `--help`."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Import a command; names may be written with underscores."""
        name = cmd_name.replace("_", "-")
        if name not in COMMANDS:
            return None
        command: click.Command = import_module(f"planoai.commands.{name.replace('-', '_')}").command
        return command


@click.group(
    cls=LazyGroup,
    invoke_without_command=True,
    context_settings={
        "help_option_names": ["-h", "--help"],
        # `--drain_seconds` is `--drain-seconds`, in every command.
        "token_normalize_func": lambda token: token.replace("_", "-"),
        "max_content_width": 100,
    },
)
@click.version_option(__version__, message="planoai %(version)s")
@click.rich_config(
    {"command_groups": {"planoai": [{"name": group, "commands": list(names)} for group, names in GROUPS.items()]}}
)
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Run an AI gateway: real Envoy in front of LLM providers, with a Python sidecar that routes and translates."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def main(arguments: list[str] | None = None) -> None:
    """Run a command line and exit with its code."""
    # Names that the help shows are those of the console script, also under `python -m planoai`.
    options: dict[str, Any] = {"prog_name": "planoai"}
    try:
        cli.main(arguments, **options)
    except Failure as failure:
        _end(failure)
    except OSError as error:
        where = f": {os.fsdecode(error.filename)}" if error.filename else ""
        _end(Failure(f"{error.strerror or error}{where}"))


def _end(failure: Failure) -> None:
    from planoai.output import diagnose  # only a failure needs it

    diagnose("error", failure.message, failure.advice, quoted=failure.quoted)
    raise SystemExit(1)
