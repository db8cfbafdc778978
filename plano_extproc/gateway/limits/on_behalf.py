"""Models that are asked on behalf of a request, such as a router: the client of the request pays for them.

They are counted under a purpose of their own, and are no requests of the client: only tokens and money count.
"""

from plano_extproc.flow import ModelCall, Reply
from plano_extproc.gateway.ask import Ask
from plano_extproc.gateway.build import Gateway
from plano_extproc.gateway.plan import Plan
from plano_extproc.gateway.telemetry.calling import kind_of
from plano_extproc.gateway.telemetry.costing import count_tokens
from plano_extproc.limits import estimate
from plano_extproc.telemetry import figures
from plano_extproc.telemetry.metrics import split
from plano_extproc.translate.chat import Usage
from plano_extproc.translate.usage import usage_in

_MODERATIONS = "/v1/moderations"
"""Its answers tell no tokens; the endpoint is free."""


async def charge(gateway: Gateway, ask: Ask, plan: Plan, asked: ModelCall, reply: Reply) -> None:
    """Charge the client of the request `ask` for what `plan` answered in chat's own words. Never raises.

    An error costs nothing, and an answer that does not tell its tokens those of its question, estimated.
    """
    if reply.status >= 300:
        return
    if asked.path == _MODERATIONS:
        used = Usage()
    elif (told := usage_in("openai.chat", reply.body)) is not None:
        used = told
        count_tokens(gateway.ports.metrics, plan.choice, used, ask.client)
    else:
        used = Usage(input=estimate(asked.body).input)
        gateway.ports.metrics.count(figures.LLM_USAGE_MISSING, split(plan.choice.name))
    if gateway.admission.has_limits or gateway.admission.has_clients:
        await gateway.quota.charge(ask.client, ask.headers, plan.choice, used, kind_of(asked.what))
