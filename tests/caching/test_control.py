import pytest

from plano_extproc.caching.control import USUAL, Control, control


@pytest.mark.parametrize(
    ("header", "meant"),
    [
        (None, USUAL),
        (b"", USUAL),
        (b"no-store", Control(False, False)),
        (b"No-Cache", Control(False, True)),
        (b"max-age=60", Control(most_age=60.0)),
        (b'max-age="60", no-transform', Control(most_age=60.0)),
        (b"max-age=0", Control(False, True, 0.0)),
        (b"max-age=soon", USUAL),
        (b"max-age=-1", USUAL),
        (b"max-age=\xb2", USUAL),
        (b"no-cache, no-store", Control(False, False)),
        (b"private, x=y, ,=", USUAL),
        (b"\xff\xfe", USUAL),
    ],
)
def test_what_a_client_wants(header: bytes | None, meant: Control) -> None:
    assert control(header) == meant
