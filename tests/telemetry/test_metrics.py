from plano_extproc.telemetry import figures
from plano_extproc.telemetry.metrics import Metrics


def test_what_was_noted_is_counted_once() -> None:
    metrics = Metrics()
    for _ in range(3):
        metrics.answered("counted once", "openai.chat", "openai/gpt-4o", "bypass", 200)
    metrics.decided("counted once", "bypass", 0.0003)

    first, second = metrics.exposition().decode(), metrics.exposition().decode()

    labels = 'client_api="openai.chat",listener="counted once",model="openai/gpt-4o",status="200",way="bypass"'
    line = f"plano_answers_total{{{labels}}} 3.0"
    assert line in first
    assert line in second
    assert 'plano_overhead_seconds_bucket{le="0.0005",listener="counted once",way="bypass"} 1.0' in second


def test_notes_are_bounded_when_nobody_asks() -> None:
    metrics = Metrics()
    for _ in range(50_002):
        metrics.decided("bounded", "direct", 0.1)

    metrics.answered("bounded", "openai.chat", "m", "direct", 200)

    assert 'plano_overhead_seconds_count{listener="bounded",way="direct"} 50002.0' in metrics.exposition().decode()


def test_values_that_are_counted_at_once_fall_into_their_buckets() -> None:
    metrics = Metrics()
    for value in (0.05, 0.051, 0.2, 500.0):
        metrics.observe(figures.LLM_DURATION, ("openai", "buckets"), value)
    said = metrics.exposition().decode()

    name, labels = "brightstaff_llm_upstream_duration_seconds", 'model="buckets",provider="openai"'
    counts = [
        float(line.rpartition(" ")[2])
        for line in said.splitlines()
        if line.startswith(f"{name}_bucket") and labels.split(",")[0] in line
    ]
    assert counts == [1, 2, 3, 3, 3, 3, 3, 3, 3, 3, 3, 4]
    assert f"{name}_sum{{{labels}}} 500.301" in said
    assert f"{name}_count{{{labels}}} 4.0" in said


def test_some_series_at_a_time_are_counted_and_none_is_lost() -> None:
    metrics = Metrics()
    for listener in "abcde":
        metrics.decided(f"lots {listener}", "bypass", 0.1)

    assert [metrics.flush(2), metrics.flush(2), metrics.flush(2)] == [True, True, False]
    assert all(
        f'plano_overhead_seconds_count{{listener="lots {listener}"' in metrics.exposition().decode()
        for listener in "abcde"
    )


def test_names_of_models_beyond_some_hundreds_are_counted_as_others() -> None:
    metrics = Metrics()
    for number in range(600):
        for kind in ("prompt", "completion"):
            metrics.count(figures.LLM_TOKENS, ("many", str(number), kind))

    lines = metrics.exposition().decode().splitlines()
    told = [line for line in lines if line.startswith("brightstaff_llm_tokens_total") and 'provider="many"' in line]
    assert 'brightstaff_llm_tokens_total{kind="prompt",model="other",provider="many"} 100.0' in told
    assert len(told) == 2 * 501
