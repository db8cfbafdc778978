"""The decision on a prompt, without an exchange: for `planoai explain`."""

from plano_extproc.config import Config
from plano_extproc.config.listeners import Listener
from plano_extproc.errors import NotImplementedYet
from plano_extproc.gateway.ask import Ask
from plano_extproc.gateway.build import Gateway, Ports
from plano_extproc.gateway.chain import Chain
from plano_extproc.gateway.plan import Plan
from plano_extproc.gateway.steps import route
from plano_extproc.gateway.surface import Surface
from plano_extproc.gateway.work import Work


class _Unheard:
    """Metrics of a gateway that serves nobody."""

    def answered(self, listener: str, client_api: str, model: str, way: str, status: int) -> None:
        """Nobody is answered."""

    def decided(self, listener: str, way: str, seconds: float) -> None:
        """Nothing is measured."""


def explained(config: Config, listener: str, prompt: str, model: str | None) -> tuple[tuple[Plan, ...], str | None]:
    """Return who would serve a prompt, in the order of tries, and the reason where it lies in the prompt.

    Raises the `GatewayError` that a client would be shown.
    """
    ports = Ports(clock=lambda: 0.0, now=lambda: 0.0, metrics=_Unheard(), exposition=lambda: b"")
    gateway = Gateway(config, generation=0, ports=ports)
    if not _chooses(gateway.listeners[listener]):
        raise NotImplementedYet(f"listener '{listener}' is of a type that this version does not serve")
    request = {"model": model, "messages": [{"role": "user", "content": prompt}]}
    work = Work(Ask(listener, Surface("openai.chat"), {}, ""), b"", request)
    choose = route.step(gateway, gateway.listeners[listener])
    assert choose is not None, "every listener has a route"
    for _ in choose(work):
        raise NotImplementedYet("who serves is decided by a model, which is asked only by a running gateway")
    assert work.plans is not None, "a route says who serves"
    return work.plans.plans if isinstance(work.plans, Chain) else (work.plans,), work.reason


def _chooses(listener: Listener) -> bool:
    return listener.type in ("model", "agent")
