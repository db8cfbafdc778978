"""`planoai render`: the Envoy configuration as files."""

import os
from pathlib import Path

import rich_click as click

from plano_extproc import render
from planoai import machine, ports, rendering, sources
from planoai.home import home
from planoai.output import say

SNIPPETS = ("ext-proc",)


@click.command("render")
@click.argument("file", required=False)
@click.option("--path", "folder", default=".", show_default=True, help="The folder to look in when no FILE is named.")
@click.option("-o", "--output", type=click.Path(file_okay=False, path_type=Path), help="Write files into this folder.")
@click.option("--snippet", type=click.Choice(SNIPPETS), help="Only what an Envoy of yours needs to call the sidecar.")
@click.option("--workers", type=click.IntRange(1, 256), help="Sidecar processes to expect.  [default: one per core]")
@click.option(
    "--sockets", type=click.Path(path_type=Path), help="The folder of their sockets.  [default: as `up` places them]"
)
@click.option(
    "--access-log", default="/dev/stdout", show_default=True, help="The file that Envoy writes its access log to."
)
def command(
    file: str | None,
    folder: str,
    output: Path | None,
    snippet: str | None,
    workers: int | None,
    sockets: Path | None,
    access_log: str,
) -> None:
    """Print the Envoy configuration for FILE as one document, or write it as files with -o. Starts nothing."""
    config = sources.accept(sources.read(sources.find(file, folder), os.environ))
    topology = rendering.topology(
        config,
        folder=(output or home(os.environ).envoy).absolute(),
        sockets=(sockets or home(os.environ).sockets).absolute(),
        workers=workers or machine.cores(),
        admin_port=_port("PLANO_ADMIN_PORT", 9901),
        metrics_port=_port("PLANO_METRICS_PORT", 9092),
        generation=1,
        access_log=access_log,
    )
    if snippet is not None:
        if topology.hedges:
            raise click.UsageError("an Envoy of yours cannot hedge: take retry_policy.hedge out of the file")
        text = {"snippet.yaml": render.snippet(topology, snippet)}
    elif output is not None:
        text = render.files(topology)
    else:
        text = {"envoy.yaml": render.static(topology)}
    if output is None:
        click.echo("".join(text.values()), nl=False)
        return
    output.mkdir(parents=True, exist_ok=True)
    render.write(text, output)
    for name in text:
        say(str(output / name))


def _port(variable: str, usual: int) -> int:
    """Return the port that a variable names; rendering opens none, so neither is one looked for."""
    return ports.named(os.environ, variable) or usual
