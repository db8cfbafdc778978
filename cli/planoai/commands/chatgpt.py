"""`planoai chatgpt`: sign in to a ChatGPT subscription, whose models are then served as `chatgpt/...`."""

import os
import time
from datetime import UTC, datetime
from typing import Any

import rich_click as click

from plano_extproc.providers.chatgpt import Issuer, IssuerError, Store, Tokens, UnreadableTokens
from plano_extproc.providers.chatgpt.issuer import DEFAULT_ISSUER, ISSUER_VARIABLE, Device
from plano_extproc.providers.chatgpt.send import send
from planoai.errors import Failure
from planoai.home import home
from planoai.output import duration, plain, print_json, say
from planoai.sign_in import VALID_SECONDS, TimedOut, World, sign_in

_UNCHANGED = "nothing was changed: an earlier login is still there"


@click.group("chatgpt")
def command() -> None:
    """Use a ChatGPT subscription: its models are served as chatgpt/... without a key."""


@command.command("login")
def login() -> None:
    """Sign in with a code that you type in a browser, on any device. A running gateway uses the login at once."""
    store, issuer = _store(), _issuer()
    world = World(send=send, clock=time.monotonic, now=time.time, sleep=time.sleep)
    try:
        tokens = sign_in(issuer, world, lambda device: _show(issuer, device))
        with store.locked():
            store.save(tokens)
    except KeyboardInterrupt:
        raise Failure("the sign-in was stopped", _UNCHANGED) from None
    except TimedOut:
        raise Failure("the code was not typed in time", "run `planoai chatgpt login` again", _UNCHANGED) from None
    except IssuerError as error:
        raise Failure(str(error), _UNCHANGED) from None
    say(f"[bold green]Signed in[/] to ChatGPT{plain(_whose(_told(tokens)))}")
    say(f"[dim]kept in {plain(str(store.path))}; the gateway renews it while it runs[/]")


@command.command("status")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def status(as_json: bool) -> None:
    """Show whether a login is stored, whose it is, and how long it holds. The exit code is 0 whatever it shows."""
    found = describe(_store(), time.time())
    if as_json:
        print_json(found)
        return
    left = found["seconds_left"]
    match found["state"]:
        case "authenticated":
            say(f"[bold green]Signed in[/] to ChatGPT{plain(_whose(found))}")
            say(f"expires in {duration(left)}" + ("" if found["renewable"] else ", and cannot be renewed"))
        case "expired":
            say(f"[bold red]Expired[/] {duration(-left)} ago: the login to ChatGPT{plain(_whose(found))}")
            say("a running gateway renews it" if found["renewable"] else "sign in again with `planoai chatgpt login`")
        case "unreadable":
            say(f"[bold red]Unreadable[/]: {plain(found['file'])}: {plain(found['problem'])}")
            say("sign in again with `planoai chatgpt login`")
        case _:
            say("Not signed in to ChatGPT; sign in with `planoai chatgpt login`")


@command.command("logout")
def logout() -> None:
    """Forget the stored login."""
    store = _store()
    if not store.path.parent.is_dir():
        gone = False
    else:
        with store.locked():
            gone = store.delete()
    say("Signed out of ChatGPT" if gone else "Not signed in to ChatGPT")


def describe(store: Store, now: float) -> dict[str, Any]:
    """Return what `status --json` prints. It holds no token."""
    empty = dict.fromkeys(("account_id", "email", "plan", "expires_at", "seconds_left", "problem"))
    common = {"state": "not_authenticated", **empty, "renewable": False, "file": str(store.path)}
    try:
        tokens = store.load()
    except UnreadableTokens as error:
        return {**common, "state": "unreadable", "problem": str(error)}
    if tokens is None:
        return common
    return {
        **common,
        **_told(tokens),
        "state": "expired" if tokens.is_expired(now) else "authenticated",
        "expires_at": datetime.fromtimestamp(tokens.expires_at, UTC).isoformat(timespec="seconds"),
        "seconds_left": int(tokens.expires_at - now),
        "renewable": bool(tokens.refresh_token),
    }


def _told(tokens: Tokens) -> dict[str, Any]:
    return {"account_id": tokens.account_id or None, "email": tokens.email or None, "plan": tokens.plan or None}


def _whose(found: dict[str, Any]) -> str:
    who = f" as {found['email']}" if found["email"] else ""
    plan = f" ({found['plan']})" if found["plan"] else ""
    return f"{who}{plan}, account {found['account_id'] or 'unknown'}"


def _show(issuer: Issuer, device: Device) -> None:
    say("Open this page in a browser, sign in, and type the code:\n")
    say(f"  page  [cyan]{plain(issuer.verification_url)}[/]")
    say(f"  code  [bold]{plain(device.user_code)}[/]\n")
    say(f"[dim]The code is good for {duration(VALID_SECONDS)}. Who has it can sign in as you: give it to nobody.[/]")
    say("Waiting for you; Ctrl-C stops")


def _store() -> Store:
    return Store(home(os.environ).root)


def _issuer() -> Issuer:
    url = os.environ.get(ISSUER_VARIABLE) or DEFAULT_ISSUER
    try:
        return Issuer(url)
    except ValueError as error:
        raise Failure(f"{ISSUER_VARIABLE}: {error}", "unset it to use the issuer of ChatGPT") from None
