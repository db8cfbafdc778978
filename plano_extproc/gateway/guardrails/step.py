"""Guards: what goes in is judged and cleaned before anybody else sees it, and so is what comes out.

Where nothing answers in words (embeddings, rerank, moderation, counting), nobody can be talked out of any rules: only
personal data is looked for there.
"""

from typing import Final

from plano_extproc.config.catalogue import COUNTED, Endpoint
from plano_extproc.config.listeners import Listener
from plano_extproc.config.policies import Guards
from plano_extproc.errors import InvalidRequest
from plano_extproc.gateway.actions import Reply
from plano_extproc.gateway.build import Gateway
from plano_extproc.gateway.forms import fields, is_form, is_upgrade, with_fields
from plano_extproc.gateway.guardrails.guarding import AnswerGuard, Side, tell
from plano_extproc.gateway.work import Doing, Rank, Step, Work
from plano_extproc.guardrails.redaction import Restore
from plano_extproc.guardrails.stream import is_read
from plano_extproc.guardrails.verdict import Block, Checked, Redact
from plano_extproc.translate.texts import Place, replaced, request_places, unreadable


def step(gateway: Gateway, listener: Listener) -> Step | None:
    """Return what guards the requests and answers of a listener; guards are the same for all of them."""
    declared = gateway.config.prompt_guards
    before = Side.of("input", declared.input_guards) if declared else None
    after = Side.of("output", declared.output_guards) if declared else None
    if before is None and after is None:
        return None
    wordless = Side.of("input", Guards(pii=before.guards.pii, on_error=before.guards.on_error)) if before else None

    def guard(work: Work) -> Doing[Reply | None]:
        if is_upgrade(work):
            raise InvalidRequest(
                f"listener '{listener.name}' has guards, and nothing that a WebSocket carries is read; use HTTP",
                code="unsupported_endpoint",
            )
        endpoint = work.ask.surface.endpoint
        side = wordless if endpoint in _WORDLESS else before
        restore = None
        if side is not None:
            restore = yield from (_form if is_form(work) else _request)(gateway, work, side)
        if endpoint in _SAYING and is_read(after.guards if after else None, restore):
            work.edit(Rank.GUARDS, AnswerGuard(gateway, work, after, restore))
        return None

    return guard


def _request(gateway: Gateway, work: Work, side: Side) -> Doing[Restore | None]:
    api, request = work.ask.surface.api, work.request
    places = list(request_places(api, request))
    checked = yield from side.ask(places, gateway.ports.clock, unread=unreadable(api, request))
    redact = _edits(work, checked)
    # What goes on is what was judged: of a key that stands twice in the body, others may read the other one.
    work.replace(request if redact is None else replaced(request, redact.edits))
    return None if redact is None else redact.restore


def _form(gateway: Gateway, work: Work, side: Side) -> Doing[Restore | None]:
    """Judge the texts of a form, such as the prompt that goes with a picture, and put others in their places."""
    found = fields(work.ask.headers.get("content-type", b"").decode("latin-1"), work.body)
    # The model's name is no text of anybody's.
    places = [
        Place(one.text, "user", "text", (at,)) for at, one in enumerate(found or ()) if one.name != "model" and one.text
    ]
    unread = "the body is no form that can be read" if found is None else None
    checked = yield from side.ask(places, gateway.ports.clock, unread=unread)
    redact = _edits(work, checked)
    if redact is not None and found is not None:
        changed = [(one, redact.edits[(at,)]) for at, one in enumerate(found) if (at,) in redact.edits]
        work.body = with_fields(work.body, changed)
    return None


def _edits(work: Work, checked: Checked) -> Redact | None:
    tell(work, checked.records)
    if isinstance(checked.verdict, Block):
        raise checked.verdict.refusal
    return checked.verdict if isinstance(checked.verdict, Redact) else None


_WORDLESS: Final[frozenset[Endpoint | None]] = frozenset({"embeddings", "rerank", "moderations", *COUNTED})
_SAYING: Final[frozenset[Endpoint | None]] = frozenset({None, "completions"})
"""Whose answers hold texts that a model wrote."""
