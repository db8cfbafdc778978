"""The prompt targets of one listener, and who decides among them. Made once for a configuration."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from plano_extproc.config import Config
from plano_extproc.config.listeners import Listener
from plano_extproc.config.prompts import PromptTarget
from plano_extproc.prompts.arch_function import speaks

Protocol = Literal["local", "tools", "arch"]

LOCAL: Final = frozenset({"local/lexical", "local/minilm"})


@dataclass(frozen=True, slots=True)
class Decider:
    """Who decides: this gateway, a model by its own tool calling, or one that speaks Arch-Function's protocol.

    `model` is the name that a `ModelCall` asks for; empty where the gateway decides.
    """

    protocol: Protocol
    model: str = ""


@dataclass(frozen=True, slots=True)
class Desk:
    """The targets that are matched, the one that takes the rest, and what their answers are worked on with."""

    targets: tuple[PromptTarget, ...]
    default: PromptTarget | None
    decider: Decider
    system_prompt: str | None = None
    has_model: bool = True
    is_short: bool = False

    @classmethod
    def of(cls, config: Config, listener: Listener) -> "Desk":
        """Return the desk of a listener. Without a list of its own it has all targets of the file."""
        shared = {target.name: target for target in config.prompt_targets}
        targets = tuple(shared.values()) if listener.prompt_targets is None else _listed(listener, shared)
        return cls(
            targets=tuple(target for target in targets if not target.default),
            default=next((target for target in targets if target.default), None),
            decider=decider(config),
            system_prompt=config.system_prompt,
            has_model=bool(config.model_providers),
            is_short=config.overrides.optimize_context_window,
        )


def decider(config: Config) -> Decider:
    """Return who fills the parameters: the model that the file names, else Arch-Function where the file has it.

    Without either it is the default model, and without that the gateway itself.
    """
    wanted = config.overrides.function_calling_model
    if wanted in LOCAL:
        return Decider("local")
    entries = [entry for entry in config.model_providers if not entry.is_wildcard]
    if wanted is not None:
        alias = config.model_aliases.get(wanted)
        return _by_protocol(wanted, alias.target if alias else wanted)
    arch = next((entry for entry in entries if speaks(entry.name) or speaks(entry.model_id)), None)
    chosen = arch or next((entry for entry in entries if entry.default), None)
    return _by_protocol(chosen.name, f"{chosen.name} {chosen.model_id}") if chosen else Decider("local")


def _by_protocol(name: str, known_as: str) -> Decider:
    return Decider("arch" if speaks(known_as) else "tools", name)


def _listed(listener: Listener, shared: Mapping[str, PromptTarget]) -> tuple[PromptTarget, ...]:
    found = (shared.get(one) if isinstance(one, str) else one for one in listener.prompt_targets or ())
    return tuple(target for target in found if target is not None)
