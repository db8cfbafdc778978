"""Every type of signal there is, found in both modes."""

from typing import Any, Final

import pytest

from plano_extproc.signals import Mode
from plano_extproc.signals.taxonomy import LEAVES
from tests.signals.talk import call, leaves, report, result, talk

SAID = "The train from Lisbon to Vienna takes two days, and you change in Paris and in Munich."
ASKED = "Which trains go from Lisbon to Vienna on the first Sunday of next May please"


def wrong(turns: int) -> list[str]:
    """Return a talk of so many turns, half of which go wrong."""
    said = (("No, I meant the other one" if n % 2 else f"What about number {n}", f"It is {n}") for n in range(turns))
    return [text for turn in said for text in turn]


def failing(*calls: dict[str, Any]) -> list[Any]:
    """Return calls of tools, each answered by an error."""
    return ["Go", *(turn for one in calls for turn in (one, result("Error: it did not work")))]


def told(error: str) -> list[Any]:
    """Return a call of a tool that this error is the answer to."""
    return ["Go", call("book", town="Rome"), result(error)]


TALKS: Final[dict[str, list[Any]]] = {
    "interaction.misalignment.correction": [ASKED, SAID, "No, I meant the night train"],
    "interaction.misalignment.rephrase": [ASKED, SAID, "Let me rephrase: which train is at night?"],
    "interaction.misalignment.clarification": [ASKED, SAID, "What do you mean by that?"],
    "interaction.stagnation.dragging": wrong(12),
    "interaction.stagnation.repetition": [ASKED, SAID, "And at night?", SAID],
    "interaction.disengagement.negative_stance": [ASKED, SAID, "THIS IS COMPLETELY USELESS AND WRONG"],
    "interaction.disengagement.escalation": [ASKED, SAID, "Let me talk to a human"],
    "interaction.disengagement.quit": [ASKED, SAID, "I give up"],
    "interaction.satisfaction.gratitude": [ASKED, SAID, "Thank you so much"],
    "interaction.satisfaction.confirmation": [ASKED, SAID, "This is great"],
    "interaction.satisfaction.success": [ASKED, SAID, "That worked"],
    "execution.failure.invalid_args": told("Error: invalid argument 'town'"),
    "execution.failure.tool_not_found": told("Error: tool not found: book"),
    "execution.failure.auth_misuse": told("Error: 401 unauthorized, invalid api key"),
    "execution.failure.state_error": told("Error: invalid state: the order is already closed"),
    "execution.failure.bad_query": told("Error: invalid query: syntax error near 'FROM'"),
    "execution.loops.retry": failing(*[call("book", town="Rome")] * 3),
    "execution.loops.parameter_drift": failing(*(call("book", town=town) for town in ("Rome", "Pisa", "Bari"))),
    "execution.loops.oscillation": failing(*[call("look", town="Rome"), call("book", town="Rome")] * 3),
    "environment.exhaustion.rate_limit": told("Error: 429 too many requests, rate limit exceeded"),
    "environment.exhaustion.api_error": told("Error: 500 internal server error"),
    "environment.exhaustion.timeout": told("Error: the request timed out"),
    "environment.exhaustion.network": told("Error: connection refused"),
    "environment.exhaustion.malformed_response": told("Error: invalid JSON in the response: unexpected token"),
    "environment.exhaustion.context_overflow": told("Error: maximum context length exceeded"),
}


def test_the_table_has_all_of_them() -> None:
    assert set(TALKS) == set(LEAVES)


@pytest.mark.parametrize("mode", ["standard", "compatible"])
@pytest.mark.parametrize("kind", LEAVES)
def test_every_type_is_found(kind: str, mode: Mode) -> None:
    found = report(talk(*TALKS[kind]), mode)

    assert kind.rpartition(".")[2] in leaves(found)
