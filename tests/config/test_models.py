import pytest

from plano_extproc.config import Config
from plano_extproc.config.agents import Endpoint
from plano_extproc.config.listeners import Fallback
from tests.config.reading import config_of


def _provider(keys: str) -> Config:
    return config_of(f"version: v0.5.0\nmodel_providers: [{{{keys}}}]\n")


def test_a_provider_entry_knows_its_parts() -> None:
    (entry,) = _provider("model: Google/models/gemini-pro, access_key: k").model_providers

    assert (entry.name, entry.prefix, entry.provider) == ("Google/models/gemini-pro", "Google", "gemini")
    assert (entry.model_id, entry.is_wildcard) == ("models/gemini-pro", False)
    assert (entry.access_key and entry.access_key.get_secret_value()) == "k"
    assert (entry.weight, entry.default, entry.passthrough_auth) == (1, False, False)
    assert entry.apis == ("gemini.generate", "openai.chat")
    assert entry.path("gemini.generate", entry.model_id) == "/v1beta/models/gemini-pro:generateContent"


def test_a_wildcard_is_known_as_one() -> None:
    (entry,) = _provider("model: openai/*, access_key: k, name: everything").model_providers

    assert (entry.is_wildcard, entry.name, entry.model_id) == (True, "everything", "*")


def test_a_custom_provider_behaves_like_its_interface() -> None:
    keys = "model: my-claude/opus, base_url: 'https://h:8443', provider_interface: Anthropic"
    (entry,) = _provider(keys).model_providers

    assert (entry.prefix, entry.provider, entry.provider_interface) == ("my-claude", "anthropic", "anthropic")
    assert entry.kind.auth == "x-api-key"
    assert entry.apis == ("anthropic.messages",)


def test_chatgpt_without_a_key_uses_the_caller_s_credential() -> None:
    (without,) = _provider("model: chatgpt/gpt-5").model_providers
    (with_key,) = _provider("model: chatgpt/gpt-5, access_key: k").model_providers

    assert without.uses_client_credential
    assert not with_key.uses_client_credential
    assert without.default_headers["originator"] == "codex_cli_rs"


def test_kimi_gets_its_user_agent() -> None:
    (entry,) = _provider("model: openai/k, access_key: k, base_url: 'https://api.kimi.com/coding'").model_providers

    assert entry.default_headers == {"user-agent": "KimiCLI/1.3"}


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("5s", 5),
        ("250ms", 0.25),
        ("1m", 60),
        ("1h30m", 5400),
        ("2d", 172800),
        ("0.5s", 0.5),
        ("7", None),
        (7, 7),
        (0.5, 0.5),
    ],
)
def test_durations_are_seconds(written: object, seconds: float | None) -> None:
    text = f"version: v0.5.0\nlisteners: [{{name: a, type: model, timeout: {written!r}}}]\n"
    if seconds is None:
        with pytest.raises(AssertionError, match="is no duration"):
            config_of(text)
    else:
        assert config_of(text).listeners[0].timeout == seconds


def test_status_ranges_are_spelled_out() -> None:
    policy = (
        _provider("model: openai/x, access_key: k, retry_policy: {on_status_codes: [{codes: [429, '500-503']}]}")
        .model_providers[0]
        .retry_policy
    )

    assert policy is not None
    assert policy.on_status_codes[0].codes == (429, 500, 501, 502, 503)


def test_one_url_or_several_make_an_agent() -> None:
    config = config_of(
        "version: v0.5.0\nagents: [{id: a, url: 'http://h'}, {id: b, url: ['http://h', 'http://i']}]\n"
        "filters: [{id: f, url: 'http://h'}]\n"
    )

    assert [agent.url for agent in config.agents] == [("http://h",), ("http://h", "http://i")]
    assert config.filters[0].tool == "f"


@pytest.mark.parametrize("written", ["{fallback: b}", "'fallback: b'", "'fallback:b'"])
def test_a_fallback_can_be_written_in_two_ways(written: str) -> None:
    config = config_of(f"""
        version: v0.5.0
        agents: [{{id: a, url: 'http://h'}}, {{id: b, url: 'http://h'}}]
        listeners:
          - name: x
            type: agent
            port: 8001
            agents: [{{id: a, description: d, on_error: {written}}}, {{id: b, description: d}}]
    """)
    first, second = config.listeners[0].agents

    assert (first.on_error, second.on_error) == (Fallback(fallback="b"), "fail")


@pytest.mark.parametrize(
    ("endpoint", "protocol", "host", "port"),
    [
        ("h.example", "http", "h.example", 80),
        ("h.example", "https", "h.example", 443),
        ("h.example:8443", "https", "h.example", 8443),
        ("[::1]:80", "http", "::1", 80),
        ("[::1]", "https", "::1", 443),
    ],
)
def test_an_endpoint_has_host_and_port(endpoint: str, protocol: str, host: str, port: int) -> None:
    found = Endpoint.model_validate({"endpoint": endpoint, "protocol": protocol})

    assert (found.host, found.port) == (host, port)


def test_header_names_are_lower_case() -> None:
    (entry,) = _provider("model: openai/x, access_key: k, headers: {OpenAI-Project: p}").model_providers

    assert entry.headers == {"openai-project": "p"}


def test_what_is_left_out_has_its_default() -> None:
    config = config_of("version: v0.5.0\n")

    assert config.overrides.max_body_bytes == 33554432
    assert config.overrides.upstream_connect_timeout == 5.0
    assert (config.cooldown.after, config.cooldown.for_) == (3, 30.0)
    assert (config.clients, config.prompt_guards, config.governance, config.cache) == ((), None, None, None)


def test_localhost_is_loopback() -> None:
    text = """
        version: v0.5.0
        listeners: [{name: a, type: model, address: localhost}, {name: b, type: prompt, address: '[::1]'}]
    """

    assert [listener.address for listener in config_of(text).listeners] == ["127.0.0.1", "::1"]
