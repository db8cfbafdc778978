from plano_extproc.signals import access_log_fields, counted, is_flagged, span_attributes, span_events
from tests.signals.talk import call, report, result, talk, user


def test_attributes_name_what_was_found_only() -> None:
    found = span_attributes(report(user("I give up")))

    assert found == {
        "signals.quality": "severe",
        "signals.quality_score": 5.0,
        "signals.turn_count": 1,
        "signals.efficiency_score": 1.0,
        "signals.interaction.disengagement.count": 1,
        "signals.interaction.disengagement.severity": 1,
    }


def test_events_hold_text_only_where_asked() -> None:
    found = report(talk("Go", call("read"), result("Error: timed out")))

    ((name, plain),) = span_events(found, with_text=False)
    ((_, full),) = span_events(found, with_text=True)
    assert name == "signal.environment.exhaustion.timeout"
    assert "signal.snippet" not in plain
    assert full["signal.snippet"] == "Error: timed out"
    assert plain["signal.metadata"] == '{"tool_name":"read","call_index":1}'


def test_exhaustion_alone_raises_no_flag() -> None:
    assert not is_flagged(report(talk("Go", call("read"), result("Error: timed out"))))
    assert is_flagged(report(talk("Go", call("read"), result("Error: invalid argument"))))
    assert not is_flagged(report(user("thank you")))


def test_counters_and_access_log() -> None:
    found = report(user("thank you"))

    assert counted(found) == ("interaction.satisfaction.gratitude",)
    assert access_log_fields(found) == {
        "signal_quality": "good",
        "signal_score": 68.0,
        "signals": ["interaction.satisfaction.gratitude"],
    }


def test_a_report_is_summed_up() -> None:
    assert report(user("I give up")).summary == (
        "Quality: severe (5) | Turns: 1 (efficiency 100%) | Interaction: disengagement=1 (sev 1)"
    )
