from plano_extproc import headers
from plano_extproc.render import edge


def test_what_a_client_may_send_is_put_aside_before_the_rest_is_removed_and_put_back_after() -> None:
    kept = len(headers.CLIENT_MAY_SEND)

    mutations = edge.entry_mutations("here")

    actions = [next(iter(mutation)) for mutation in mutations]
    assert actions == [
        "remove_on_match",
        *(["append"] * kept),
        *(["remove_on_match"] * 3),
        *(["append"] * kept),
        "remove_on_match",
        "append",
    ]
    assert mutations[-1]["append"] == {
        "header": {"key": "x-plano-listener", "value": "here"},
        "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
    }


def test_all_of_our_prefixes_are_removed_on_entry() -> None:
    written = str(edge.entry_mutations())

    assert all(f"{{'prefix': '{prefix}'}}" in written for prefix in (*headers.PREFIXES, "x-envoy-"))


def test_no_header_of_ours_reaches_a_provider() -> None:
    ours = {headers.CLUSTER, headers.LISTENER, *headers.CLIENT_MAY_SEND}

    # Agents get the hops; the sidecar takes them out of what is for a model.
    assert ours - {headers.HOPS} <= set(edge.HIDDEN_FROM_PROVIDERS)


def test_attempts_are_not_removed_from_answers_since_envoy_sets_them() -> None:
    assert headers.ATTEMPTS not in edge.HIDDEN_FROM_CLIENTS
