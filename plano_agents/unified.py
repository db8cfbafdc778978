"""Run the services of a unified listener's demo: `python -m plano_agents.unified [--port 10600]`.

/consultant, /creator, /general          three agents in one server, by path
/api/v1/meta/queries/appfields           the API that a prompt target calls
"""

import sys
from collections.abc import Sequence
from typing import Final

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from plano_agents import chat_agent, serving
from plano_agents.dev_model.ask import Json

FIELDS: Final = {
    "CUSTOMER": ("CUSTOMER.ID", "SHORT.NAME", "NATIONALITY", "SECTOR", "ACCOUNT.OFFICER"),
    "ACCOUNT": ("ACCOUNT.NUMBER", "CUSTOMER", "CURRENCY", "WORKING.BALANCE"),
    "FUNDS.TRANSFER": ("TRANSACTION.TYPE", "DEBIT.ACCT.NO", "DEBIT.AMOUNT", "CREDIT.ACCT.NO"),
}


async def _fields(request: Request) -> Response:
    ident = request.query_params.get("applicationId", "").upper()
    if ident not in FIELDS:
        return JSONResponse({"detail": f"no application '{ident}'; known: {', '.join(FIELDS)}"}, 404)
    return JSONResponse({"applicationId": ident, "fields": list(FIELDS[ident])})


def _consultant(messages: Sequence[Json]) -> str:
    asked = chat_agent.asked_of(messages)[0].upper()
    known = next((name for name in sorted(FIELDS, key=len, reverse=True) if name in asked), None)
    if known is None:
        return "Consultant: I explain applications. Known: " + ", ".join(FIELDS) + "."
    return f"Consultant: a record of {known} is valid when {' and '.join(FIELDS[known][:2])} are filled in."


def _creator(messages: Sequence[Json]) -> str:
    turns = len(chat_agent.asked_of(messages))
    return _STEPS[min(turns, len(_STEPS)) - 1]


_STEPS: Final = (
    "Creator: for which application shall the Version API be?",
    "Creator: which fields shall it have?",
    "Creator: the Version API is ready to be reviewed.",
)


def _general(_messages: Sequence[Json]) -> str:
    return "General: hello! Ask me for the fields of an application, or how one works."


def app() -> Starlette:
    """Build the server."""
    return Starlette(
        routes=[
            chat_agent.route("consultant_agent", _consultant, "/consultant"),
            chat_agent.route("version_api_creator_agent", _creator, "/creator"),
            chat_agent.route("general_chat_agent", _general, "/general"),
            Route("/api/v1/meta/queries/appfields", _fields),
            Route("/healthz", chat_agent.healthz),
        ]
    )


def main(arguments: list[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; print the URL on the first line of stdout once the port is bound."""
    options = serving.parser("plano_agents.unified", "Agents and an API to try a unified listener.").parse_args(
        arguments
    )
    return serving.main(options, "platform services (samples)", app)


if __name__ == "__main__":
    sys.exit(main())
