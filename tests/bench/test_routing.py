import subprocess

from bench.processes import environment, python
from bench.routing import cases


def test_every_way_to_a_model_is_timed() -> None:
    run = subprocess.run(
        python("bench.routing", "--count", "2"),
        capture_output=True,
        text=True,
        env=environment({}),
        timeout=110,
        check=False,
    )

    assert run.returncode == 0, run.stderr
    lines = run.stdout.splitlines()
    assert len(lines) == len(cases())
    assert lines[0].startswith("by name")
    assert lines[0].endswith(" 1.0 x")
