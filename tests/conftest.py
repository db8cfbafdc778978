import functools
import signal

import httpx._transports.default as transports


def pytest_configure() -> None:
    # A shell that is not interactive starts what runs in its background with SIGINT ignored, and children inherit that.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    # Each client would read the certificates of all authorities, which takes it 30 ms, and here all is on loopback.
    transports.create_ssl_context = functools.cache(transports.create_ssl_context)
