import os
import subprocess
import sys

import pytest

from planoai import output
from tests.cli.commands import ROOT


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0s"), (0.9, "0s"), (4, "4s"), (60, "1m"), (200, "3m 20s"), (7500, "2h 5m"), (3605, "1h"), (522_000, "6d 1h")],
)
def test_durations_read_as_people_say_them(seconds: float, words: str) -> None:
    assert output.duration(seconds) == words


@pytest.mark.parametrize(("environ", "shows"), [({"FORCE_COLOR": "1", "TERM": "xterm"}, True), ({}, False)])
def test_long_work_shows_itself_on_a_terminal_only(environ: dict[str, str], shows: bool) -> None:
    told = "from planoai.output import working\nwith working('checking every row'): print('done')"
    path = os.pathsep.join((str(ROOT), str(ROOT / "cli")))
    result = subprocess.run(
        [sys.executable, "-c", told],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": path, **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    assert result.stdout == "done\n"
    assert ("checking every row" in result.stderr) is shows
