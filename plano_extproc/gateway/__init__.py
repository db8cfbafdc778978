"""The request, end to end: events in, actions out. The only place that knows all the nouns."""

from plano_extproc.gateway.agents.passing import Passing
from plano_extproc.gateway.assemble import gateway
from plano_extproc.gateway.build import Gateway
from plano_extproc.gateway.exchange import Exchange
from plano_extproc.gateway.ports import Ports
from plano_extproc.gateway.tries.attempt import Attempt

__all__ = ["Attempt", "Exchange", "Gateway", "Passing", "Ports", "gateway"]
