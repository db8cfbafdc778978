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
