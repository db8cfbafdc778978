"""A gateway with the steps of its listeners: one configuration, ready for requests."""

from plano_extproc.config import Config
from plano_extproc.gateway import steps
from plano_extproc.gateway.build import Gateway
from plano_extproc.gateway.ports import Ports


def gateway(config: Config, *, generation: int, ports: Ports) -> Gateway:
    """Compile a configuration."""
    made = Gateway(config, generation=generation, ports=ports)
    made.steps = {listener.name: steps.of(made, listener) for listener in config.listeners}
    return made
