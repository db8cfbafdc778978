"""Which of several equal servers of a provider answers: the one that has read the conversation before."""

import hashlib

from plano_extproc import headers
from plano_extproc.config.listeners import Listener
from plano_extproc.gateway.actions import Reply
from plano_extproc.gateway.build import Gateway
from plano_extproc.gateway.work import Doing, Step, Work
from plano_extproc.routing.identity import AFFINITY, hashes
from plano_extproc.routing.turns import conversation


def step(gateway: Gateway, _listener: Listener) -> Step | None:
    """Return what tells Envoy which conversation it is, None where no provider has several servers."""
    if not any(entry.prefix_affinity for entry in gateway.config.model_providers):
        return None

    def tell(work: Work) -> Doing[Reply | None]:
        yield from ()
        assert work.plans is not None, "this comes after the choice"
        has_servers = any(plan.choice.provider.prefix_affinity for plan in work.plans.tries)
        if has_servers and work.ask.surface.endpoint is None:
            name = _name(work)
            if name is not None:
                work.onward.append((headers.PREFIX_HASH, name))
        return None

    return tell


def _name(work: Work) -> bytes | None:
    """Return what stands for a conversation: the client's own name for it, else how it begins."""
    given = work.ask.headers.get(AFFINITY)
    if given:
        return hashlib.blake2b(given, digest_size=8).hexdigest().encode()
    found = hashes(conversation(work.ask.surface.api, work.request), None)
    return None if found is None else b"%016x" % found.session
