"""Filters of a listener: the user's own services see its requests before anybody else, and its answers at the end."""

from plano_extproc.config.listeners import Listener
from plano_extproc.errors import InvalidRequest
from plano_extproc.gateway.actions import Reply
from plano_extproc.gateway.build import Gateway
from plano_extproc.gateway.filters.filtering import filter_answer, filter_request
from plano_extproc.gateway.forms import is_form, is_upgrade
from plano_extproc.gateway.work import Doing, Rank, Step, Work


def step(gateway: Gateway, listener: Listener) -> Step | None:
    """Return what puts a listener's requests and answers through its filters."""
    if not listener.input_filters and not listener.output_filters:
        return None
    known = gateway.filters
    before = [known[one] for one in listener.input_filters]
    after = [known[one] for one in listener.output_filters]

    def pass_filters(work: Work) -> Doing[Reply | None]:
        if is_upgrade(work):
            raise _unread(listener, "what a WebSocket carries; use HTTP")
        if is_form(work):
            if not all(one.may_skip for one in (*before, *after)):
                raise _unread(listener, "forms")
            return None
        yield from filter_request(gateway, work, before)
        if after:
            work.edit(Rank.FILTERS, filter_answer(gateway, work, after))
        return None

    return pass_filters


def _unread(listener: Listener, what: str) -> InvalidRequest:
    return InvalidRequest(
        f"listener '{listener.name}' has filters, which cannot read {what}", code="unsupported_endpoint"
    )
