from planoai.console.health import counted

FIGURES = """
# TYPE plano_guards_total counter
plano_guards_total{listener="llm",guard="jailbreak",verdict="block"} 2.0
# TYPE plano_phase_seconds histogram
plano_phase_seconds_sum{position="listener",message="request_body"} 0.004
plano_phase_seconds_count{position="listener",message="request_body"} 2.0
plano_phase_seconds_count{position="listener",message="trailers"} 0.0
"""


def test_figures_are_read_by_their_labels() -> None:
    found = counted(FIGURES)

    assert found["guards"] == [{"listener": "llm", "guard": "jailbreak", "verdict": "block", "value": 2.0}]
    assert found["phases"] == [{"position": "listener", "message": "request_body", "count": 2.0, "mean_ms": 2.0}]
    assert found["cost"] == []
