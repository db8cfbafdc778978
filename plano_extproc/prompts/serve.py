"""A request at a listener with prompt targets: which APIs it means, what they say, and what becomes of that."""

from collections.abc import Generator, Mapping, Sequence
from datetime import date
from typing import Any

import orjson

from plano_extproc.apis import Api
from plano_extproc.config.prompts import PromptTarget
from plano_extproc.errors import BadProviderAnswer, GatewayError
from plano_extproc.flow import Callout, CalloutFailed, Flow, Question, Reply, ask, ask_all
from plano_extproc.prompts import arch_function, function_calling
from plano_extproc.prompts.answer import context_of, with_context, with_system_prompt
from plano_extproc.prompts.ask_back import question
from plano_extproc.prompts.call import ClusterOf, Said, check, read, request
from plano_extproc.prompts.desk import Desk
from plano_extproc.prompts.match import Matcher, match
from plano_extproc.prompts.outcome import AskBack, Call, Direct, Facts, NoMatch, Outcome, ToModel, Wanted
from plano_extproc.prompts.turns import Turn, turns_of
from plano_extproc.services import forwarded


def serve(
    api: Api,
    body: Mapping[str, Any],
    desk: Desk,
    *,
    matcher: Matcher,
    today: date,
    cluster_of: ClusterOf,
    client: Mapping[str, bytes],
) -> Flow[Outcome]:
    """Decide on a request of dialect `api`. The desk's default target is left to `serve_default`.

    `matcher` is asked where the gateway itself decides, and where the model that should decide does not answer.
    `client` are the caller's headers. Raises a `GatewayError` where an API fails, or the request has a wrong shape.
    """
    turns = turns_of(api, body)
    if turns is None:
        return NoMatch("the last message holds no text of the user's", Facts("local"))
    if not desk.targets:
        return NoMatch("the listener has no prompt targets to match", Facts("local"))
    how, wanted = yield from _decided(turns, desk, matcher, today)
    facts = Facts(how, score=wanted.score)
    if wanted.missing:
        return _asked(wanted, facts)
    if not wanted.calls:
        return NoMatch(wanted.reason, facts)
    said = yield from _called(wanted.calls, cluster_of, client)
    facts = Facts(
        how,
        tuple(call.target.name for call in wanted.calls),
        tuple(f"{call.target.name}.{name}" for call in wanted.calls for name in call.values),
        score=wanted.score,
        statuses=tuple(one.status if isinstance(one, Said) else 0 for one in said),
    )
    return _answered(api, body, desk, wanted, said, facts)


def serve_default(
    api: Api, body: Mapping[str, Any], desk: Desk, *, cluster_of: ClusterOf, client: Mapping[str, bytes]
) -> Flow[Outcome]:
    """Give a request that matches nothing to the desk's default target, which gets the conversation.

    Its answer is a chat completion, or any text. Raises as `serve` does.
    """
    target, turns = desk.default, turns_of(api, body)
    if target is None or target.endpoint is None or turns is None:
        return NoMatch("there is no default target", Facts("local"))
    messages = [{"role": turn.role, "content": turn.text} for turn in turns]
    own = {"content-type": "application/json", "accept": "application/json", "accept-encoding": "identity"}
    callout = Callout(
        cluster=cluster_of(target.endpoint.name),
        method="POST",
        path=target.endpoint.path,
        headers=forwarded(client, (), own | target.endpoint.http_headers),
        body=orjson.dumps({"messages": messages}),
        what=f"prompt target {target.name}",
        timeout=target.endpoint.timeout,
    )
    try:
        reply: Reply | CalloutFailed = yield from ask(callout)
    except CalloutFailed as failed:
        reply = failed
    said = read(target, reply)
    if isinstance(said, GatewayError):
        raise said
    said = Said(target, said.status, _completion(said.text), said.is_refusal)
    facts = Facts("local", (target.name,), statuses=(said.status,))
    return _answered(api, body, desk, Wanted((Call(target, {}),), reason="takes what matches no other"), [said], facts)


def _decided(
    turns: tuple[Turn, ...], desk: Desk, matcher: Matcher, today: date
) -> Generator[Question, Any, tuple[str, Wanted]]:
    decider = desk.decider
    if decider.protocol == "local":
        return "local", _matched(turns, desk, matcher, today)
    try:
        if decider.protocol == "arch":
            reply = yield from ask(arch_function.request(decider.model, turns, desk.targets, is_short=desk.is_short))
            return decider.model, arch_function.read(reply, turns, desk.targets)
        reply = yield from ask(function_calling.request(decider.model, turns, desk.targets, today))
        return decider.model, function_calling.read(reply, desk.targets)
    except CalloutFailed as failed:
        why = f"{decider.model} did not answer ({failed.reason})"
    except BadProviderAnswer as error:
        why = error.message
    found = _matched(turns, desk, matcher, today)
    return "local", Wanted(found.calls, found.missing, "", found.score, f"{found.reason}; {why}")


def _matched(turns: tuple[Turn, ...], desk: Desk, matcher: Matcher, today: date) -> Wanted:
    found = match(turns, desk.targets, matcher, today)
    if found.target is None:
        return Wanted(score=found.score, reason=found.reason)
    checked = check(found.target, found.values)
    missing = tuple(dict.fromkeys((*found.missing, *checked.missing)))
    if missing:
        return Wanted((), ((found.target, missing, found.unclear),), "", found.score, found.reason)
    return Wanted((Call(found.target, checked.values),), (), "", found.score, found.reason)


def _asked(wanted: Wanted, facts: Facts) -> Outcome:
    texts = [question(target, names, unclear) for target, names, unclear in wanted.missing if names]
    text = wanted.question or "\n\n".join(texts)
    asked = tuple(f"{target.name}.{name}" for target, names, _ in wanted.missing for name in names)
    targets = tuple(target.name for target, _, _ in wanted.missing)
    if not text:
        return NoMatch("the model asks back for nothing", facts)
    return AskBack(text, wanted.reason, Facts(facts.how, targets, asked=asked, score=facts.score))


def _called(
    calls: Sequence[Call], cluster_of: ClusterOf, client: Mapping[str, bytes]
) -> Generator[Question, Any, list[Said | GatewayError]]:
    """Call all APIs at once. A target without an endpoint says nothing; it only has a system prompt."""
    callable_ = [call for call in calls if call.target.endpoint is not None]
    callouts = [request(call.target, call.values, cluster_of, client) for call in callable_]
    if len(callouts) == 1:
        try:
            replies: list[Reply | CalloutFailed] = [(yield from ask(callouts[0]))]
        except CalloutFailed as failed:
            replies = [failed]
    else:
        replies = (yield from ask_all(*callouts)) if callouts else []
    return [read(call.target, reply) for call, reply in zip(callable_, replies, strict=True)]


def _answered(
    api: Api, body: Mapping[str, Any], desk: Desk, wanted: Wanted, said: Sequence[Said | GatewayError], facts: Facts
) -> Outcome:
    """Return what becomes of the APIs' answers. One that failed is an error, unless another one did not."""
    errors = [one for one in said if isinstance(one, GatewayError)]
    if errors and len(errors) == len(said):
        raise errors[0]
    heard = [one for one in said if isinstance(one, Said)]
    failures = "".join(f"\n\n{error.message}" for error in errors)
    reason = f"{', '.join(facts.targets)}: {wanted.reason}"
    targets = [call.target for call in wanted.calls]
    is_plain = bool(heard) and (not desk.has_model or not any(one.auto_llm_dispatch_on_response for one in targets))
    if is_plain or (heard and all(one.is_refusal for one in heard)):
        return Direct("\n\n".join(one.text for one in heard) + failures, reason, facts)
    prompt = next((one.system_prompt for one in targets if one.system_prompt), None) or desk.system_prompt
    context = context_of(tuple(heard)) + failures if heard else ""
    told = with_context(api, body, context) if context else body
    return ToModel(with_system_prompt(api, told, prompt), reason, facts)


def _completion(text: str) -> str:
    """Return what the assistant says in a chat completion, and any other text as it is."""
    try:
        content = orjson.loads(text)["choices"][0]["message"]["content"]
    except (orjson.JSONDecodeError, KeyError, IndexError, TypeError):
        return text
    return content if isinstance(content, str) else text


def described(targets: Sequence[PromptTarget]) -> tuple[tuple[str, str], ...]:
    """Return the names and descriptions that a matcher of words is made from."""
    return tuple((target.name, target.description) for target in targets)
