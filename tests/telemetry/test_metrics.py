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


def test_a_call_is_counted_under_the_peers_names() -> None:
    metrics = Metrics()
    metrics.begun("llm_chat")
    metrics.called("openai/gpt-4o", 200, 1.5, first_byte=0.2)
    metrics.called("bare", None, 0.1, error="timeout")
    metrics.used("openai/gpt-4o", prompt=10, completion=4, cache_read=6, dollars=0.25, client="team")
    metrics.ended("llm_chat", "BREW", 503, 0.1)
    metrics.signalled("good", ("interaction.satisfaction.gratitude",))

    text = metrics.exposition().decode()
    for line in (
        'brightstaff_llm_upstream_requests_total{error_class="none",model="gpt-4o",provider="openai",'
        'status_class="2xx"} 1.0',
        'brightstaff_llm_upstream_requests_total{error_class="timeout",model="bare",provider="unknown",'
        'status_class="error"} 1.0',
        'brightstaff_llm_tokens_total{kind="cache_read",model="gpt-4o",provider="openai"} 6.0',
        'brightstaff_llm_time_to_first_token_seconds_bucket{le="0.25",model="gpt-4o",provider="openai"} 1.0',
        'brightstaff_http_requests_total{handler="llm_chat",method="OTHER",status_class="5xx"} 1.0',
        'brightstaff_http_in_flight_requests{handler="llm_chat"} 0.0',
        'plano_cost_usd_total{client="team",model="gpt-4o",provider="openai"} 0.25',
        'plano_signals_total{type="interaction.satisfaction.gratitude"} 1.0',
        'plano_conversation_quality_total{quality="good"} 1.0',
    ):
        assert line in text
    assert "brightstaff_build_info{" in text


def test_names_of_models_beyond_some_hundreds_are_counted_as_others() -> None:
    metrics = Metrics()
    for number in range(600):
        metrics.used(f"many/{number}", prompt=1, completion=1)

    lines = metrics.exposition().decode().splitlines()
    told = [line for line in lines if line.startswith("brightstaff_llm_tokens_total") and 'provider="many"' in line]
    assert 'brightstaff_llm_tokens_total{kind="prompt",model="other",provider="many"} 100.0' in told
    assert len(told) == 2 * 501
