"""What was decided about one exchange: who serves it, what goes out, and how the answer is read."""

from collections.abc import Mapping
from dataclasses import dataclass

from plano_extproc import headers
from plano_extproc.gateway.actions import BodyMode, Changes
from plano_extproc.gateway.answer import Reader
from plano_extproc.gateway.build import Gateway
from plano_extproc.gateway.plan import Plan
from plano_extproc.gateway.tries.chain import Chain
from plano_extproc.providers.auth import Headers
from plano_extproc.routing import cooldown
from plano_extproc.translate import Completions


@dataclass(slots=True)
class Decision:
    """How an exchange is served: by a plan and this exchange's own header values, `extra`.

    `is_stream` chooses among the plan's changes. `chain` is set where more candidates stand behind the plan; `own` and
    `kept`, the client's own body, are for their attempts, and `is_first_here` says that the first of them has none.
    `reason` says why it was decided so, where the plan does not say all. `body` None sends the client's own bytes;
    `translation` is None on the bypass way. `last` has the last word on the answer, after its edits. `dropped` names
    request fields that the provider cannot take.
    """

    plan: Plan
    is_stream: bool
    body: bytes | None
    extra: Headers
    translation: Reader | None = None
    dropped: tuple[str, ...] = ()
    chain: Chain | None = None
    own: str | None = None
    kept: bytes | None = None
    reason: str | None = None
    last: Completions | None = None
    is_passed: bool = False
    """Whether Envoy alone reads the answer, for what it cost."""
    is_first_here: bool = False
    is_handed: bool = False
    """Whether the candidates are asked in words of the gateway's, so that every answer is put back here."""

    @property
    def changes(self) -> Changes:
        """What the request's headers become, beside `extra`."""
        if self.chain is None:
            return self.plan.request[self.is_stream]
        return (self.chain.request if self.is_first_here and self.chain.request else self.chain.attempts)[
            self.is_stream
        ]

    def place(self, answer: Mapping[str, bytes], attempts: int) -> int:
        """Return which try an answer is of, after some attempts: the last, unless others ran on beside it."""
        if self.chain is None or not self.chain.is_hedged:
            return attempts
        return int(answer.get(headers.ATTEMPT, b"%d" % attempts))

    def reader(self, attempts: int) -> Reader | None:
        """Return what reads an answer that came after some attempts; an attempt has read its own."""
        return self.translation if self.chain is None or attempts == 1 or self.is_handed else None

    def served(self, attempts: int) -> tuple[Plan, Mapping[BodyMode | None, Changes]]:
        """Return the plan that an answer came from, after some attempts, and what its headers become."""
        if self.chain is None:
            return self.plan, self.plan.response
        index = self.chain.served(attempts)
        return self.chain.tries[index], self.chain.response[index]

    def told(self, attempts: int) -> str:
        """Return the reason, and where others were tried first, what became of them."""
        index = 0 if self.chain is None else self.chain.served(attempts)
        return f"{self.reason or ''}{self.chain.later(index) if self.chain else ''}"

    def count(self, gateway: Gateway, served: Plan, answer: Mapping[str, bytes], status: int, waited: float) -> None:
        """Count, for the cool-downs, how the one has done that answered. The attempts count those before it.

        All tries together took `waited` seconds.

        What an attempt has put its number on and is a failure, it has counted.
        """
        candidates, now = gateway.candidates, gateway.ports.now()
        is_counted = self.chain is not None and self.chain.is_hedged and headers.ATTEMPT in answer
        if cooldown.counts(status, own_key=not served.upstream.is_passthrough):
            if not is_counted:
                candidates.failed(served.choice.provider, now, cooldown.retry_after(answer, now))
        else:
            candidates.answered(served.choice.provider, now, waited)

    def dropped_by(self, answer: Mapping[str, bytes], attempts: int) -> bytes:
        """Return the names of the fields that went lost on the way to who answered, with commas."""
        if self.chain is None or self.is_handed or (self.is_first_here and attempts == 1):
            return ",".join(self.dropped).encode("ascii", "replace")
        return answer.get(headers.LOST, b"")
