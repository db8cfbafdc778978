from plano_extproc import apis
from plano_extproc.render.paths import PUBLIC, SURFACES, Service


def test_every_dialect_has_its_path_to_a_provider() -> None:
    assert {(p.path, p.api) for p in PUBLIC if p.service is Service.PROVIDER} == set(apis.BY_PATH.items())


def test_models_below_the_list_are_served_too() -> None:
    assert next(p for p in PUBLIC if p.path == "/v1/models/").is_prefix
    assert not next(p for p in PUBLIC if p.path == "/v1/models").is_prefix


def test_figures_are_served_on_their_own_listener_only() -> None:
    assert [p.path for p in SURFACES["metrics"]] == ["/metrics"]
    assert all(p.path != "/metrics" for p in PUBLIC)
