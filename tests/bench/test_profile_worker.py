import subprocess

from bench.processes import environment, python


def test_every_way_through_the_gateway_is_played_without_grpc() -> None:
    run = subprocess.run(
        python(
            "bench.profile_worker", "bypass", "bypass-anthropic", "direct-to-anthropic", "direct-stream", "--count", "2"
        ),
        capture_output=True,
        text=True,
        env=environment({}),
        timeout=110,
        check=False,
    )

    assert run.returncode == 0, run.stderr
    assert "bypass: " in run.stdout
    assert "  response_body " in run.stdout


def test_an_unknown_case_is_named_with_those_that_exist() -> None:
    run = subprocess.run(
        python("bench.profile_worker", "bypas"),
        capture_output=True,
        text=True,
        env=environment({}),
        timeout=110,
        check=False,
    )

    assert run.returncode == 2
    assert "no such case: bypas; there are bypass," in run.stderr
