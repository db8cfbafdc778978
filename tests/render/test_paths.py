from plano_extproc import apis
from plano_extproc.config.catalogue import ENDPOINTS
from plano_extproc.gateway.surface import surface
from plano_extproc.render.paths import PUBLIC, SURFACES, Service


def test_every_dialect_has_its_path_to_a_provider() -> None:
    below = {(prefix, "gemini.generate") for prefix in apis.NAMING_A_MODEL}

    kept = {(path, "openai.responses") for path in ("/v1/conversations", "/v1/conversations/")}

    assert {(p.path, p.api) for p in PUBLIC if p.service is Service.PROVIDER} == {*apis.BY_PATH.items(), *below, *kept}


def test_model_listeners_have_every_endpoint() -> None:
    paths = {p.path for p in SURFACES["model"] if p.service in {Service.PROVIDER, Service.UPGRADE}}

    assert {f"/v1{path}" for path in ENDPOINTS.values() if "{model}" not in path} <= paths
    assert all(surface(path) for path in paths if not path.endswith("/") and path != "/v1/conversations")


def test_a_websocket_is_looked_for_before_the_path_without_one() -> None:
    order = [(p.path, p.is_upgrade) for p in SURFACES["model"]]

    assert order.index(("/v1/responses", True)) < order.index(("/v1/responses", False))


def test_models_below_the_list_are_served_too() -> None:
    assert next(p for p in PUBLIC if p.path == "/v1/models/" and p.methods == ("GET",)).is_prefix
    assert not next(p for p in PUBLIC if p.path == "/v1/models").is_prefix


def test_a_path_for_several_methods_refuses_others_at_its_end_only() -> None:
    models = [(p.methods, p.allowed) for p in SURFACES["model"] if p.path == "/v1/models/"]
    responses = [(p.methods, p.allowed) for p in SURFACES["model"] if p.path == "/v1/responses"]

    assert models == [(("POST",), ()), (("GET",), ("POST", "GET"))]
    assert responses == [(("GET",), ()), (("POST",), ("POST",))]


def test_figures_are_served_on_their_own_listener_only() -> None:
    assert [p.path for p in SURFACES["metrics"]] == ["/metrics"]
    assert all(p.path != "/metrics" for p in PUBLIC)
