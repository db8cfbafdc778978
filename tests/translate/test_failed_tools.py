import pytest

from plano_extproc.translate.failed_tools import as_error, says_error


@pytest.mark.parametrize("text", ['{"error": "no network"}', '{"ok": 0, "error": {"code": 1}}'])
def test_an_object_with_an_error_reports_a_failure(text: str) -> None:
    assert says_error(text)
    assert as_error(text) == text


@pytest.mark.parametrize("text", ["", "error", '["error"]', '{"error": null}', '{"error', 'the word "error"'])
def test_anything_else_reports_none(text: str) -> None:
    assert not says_error(text)


def test_a_failure_says_so_once() -> None:
    assert as_error("no network") == "Error: no network"
    assert as_error("ERROR: no network") == "ERROR: no network"
    assert as_error("") == "Error"
