"""What a client wants of the cache, by the directives of its `cache-control` (RFC 9111, 5.2.1)."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Control:
    """`reads` allows an answer from the cache, of at most `most_age` seconds if given; `writes` allows to keep one."""

    reads: bool = True
    writes: bool = True
    most_age: float | None = None


USUAL = Control()


def control(header: bytes | None) -> Control:
    """Return what a header asks for; directives that are not known, or make no sense, ask for nothing."""
    if not header:
        return USUAL
    reads, writes, most_age = True, True, None
    for directive in header.decode("latin-1").lower().split(","):
        name, _, value = directive.strip().partition("=")
        value = value.strip().strip('"')
        match name.strip():
            case "no-cache":
                reads = False
            case "no-store":
                reads = writes = False
            case "max-age" if value.isascii() and value.isdigit():
                most_age = float(value)
            case _:
                pass
    return Control(reads and most_age != 0, writes, most_age)
