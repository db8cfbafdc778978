"""Labelled texts with personal data, made by rule and seed.

All finders but that of telephone numbers were written before anybody looked at what they miss here.
"""

import random
import string
from dataclasses import dataclass
from typing import Final

AROUND: Final = (
    "Please note {} for later.",
    "The customer wrote: {}",
    'row 17;"{}";open',
    "<td>{}</td><td>ok</td>",
    '{{"value": "{}", "n": 3}}',
    "first line\nsecond {}\nthird",
    "({})",
    "is {}, and that was all that they told us on 3 May 2024 at 12:30.",
)

NOTHING: Final = (
    "The build 2024.05.01-rc3 took 12:34:56 and used 1,048,576 bytes of 16 GiB.",
    "for (int i = 0; i < 100; ++i) { std::cout << a[i] << std::endl; }",
    "Order 4000-1234 ships in 3-5 days; the reference is 2024-000123-AB.",
    "Commit 9fceb02d0ae598e95dc970b74767f19372d61af8 fixes 1234 of 5678 cases.",
    'uuid 123e4567-e89b-12d3-a456-426614174000, etag W/"33a64df551425fcc55e4d42a148795d9f25f89d4"',
    "The population grew from 1 234 567 in 1990 to 2 345 678 in 2020.",
    "Versions 1.2.3, 4.5.6 and 10.0.0-beta.2 are on the list; see section 3.1.4.1.5.",
    "import numpy as np  # see https://example.com/docs/v2/index.html?page=2&sort=asc",
    "ISBN 978-0-306-40615-7, DOI 10.1000/182, arXiv 2401.01234",
    "Pi is 3.141592653589793238462643 and e is 2.718281828459045.",
    "@media (max-width: 600px) { .a { margin: 0 0 10px 0 } } @dataclass class A: x: int",
    "Latitude 52.520008, longitude 13.404954, altitude 34 m, bearing 270 degrees.",
    "SELECT id, name FROM t WHERE created > 1700000000000 AND price < 19.99 LIMIT 1000",
    "In 1914 1918 1939 1945 and 1989 the borders changed.",
    "aa:bb:cc:dd:ee:ff is a MAC address and 12:34 is a time",
    "The token limit is 128000 and the password must have twelve characters.",
)


@dataclass(frozen=True, slots=True)
class Sample:
    """A text with one match."""

    text: str
    entity: str
    span: tuple[int, int]


def samples() -> list[Sample]:
    """Return the labelled texts, the same ones each time."""
    chance = random.Random(2024)
    made = []
    for entity, make in _MAKERS.items():
        for _ in range(60):
            value, around = make(chance), chance.choice(AROUND)
            start = around.replace("{{", "{").replace("}}", "}").index("{}")
            made.append(Sample(around.format(value), entity, (start, start + len(value))))
    return made


def _digits(chance: random.Random, count: int) -> str:
    return "".join(chance.choices(string.digits, k=count))


def _email(chance: random.Random) -> str:
    local = chance.choice(("anna.berg", "j_doe99", "info+news", "x", "mary-ann.o"))
    return (
        f"{local}@{chance.choice(('example.com', 'mail.example.co.uk', 'uni-koeln.example.de', 'a.io', 'firma.info'))}"
    )


def _phone(chance: random.Random) -> str:
    shape = chance.choice(
        ("+49 30 ########", "+1 415 555 ####", "(212) 555-####", "212-555-####", "+33 1 ## ## ## ##", "0171 #######",
         "+44 7700 900###", "+12025550###", "212.555.####", "030/1234###", "00 41 44 ### ## ##", "+91 98### #####")
    )  # fmt: skip
    return "".join(_digits(chance, 1) if sign == "#" else sign for sign in shape)


def _card(chance: random.Random) -> str:
    prefix, length = chance.choice((("4", 16), ("52", 16), ("37", 15), ("6011", 16), ("35", 16), ("30", 14)))
    body = prefix + _digits(chance, length - len(prefix) - 1)
    total = 0
    for at, digit in enumerate(reversed(body)):
        doubled = int(digit) * (2 if at % 2 == 0 else 1)
        total += doubled - 9 if doubled > 9 else doubled
    card = body + str(-total % 10)
    mark = chance.choice(("", " ", "-"))
    return mark.join(card[at : at + 4] for at in range(0, len(card), 4)) if length == 16 else card


def _ssn(chance: random.Random) -> str:
    mark = chance.choice("- ")
    return f"{chance.randint(100, 665)}{mark}{chance.randint(10, 99)}{mark}{chance.randint(1000, 9999)}"


def _iban(chance: random.Random) -> str:
    country, count = chance.choice((("DE", 18), ("AT", 16), ("ES", 20), ("NL", 10), ("CH", 17)))
    bank = _digits(chance, count) if country != "NL" else "ABNA" + _digits(chance, count)
    number = int("".join(str(int(sign, 36)) for sign in bank + country + "00"))
    iban = f"{country}{98 - number % 97:02d}{bank}"
    return iban if chance.random() < 0.5 else " ".join(iban[at : at + 4] for at in range(0, len(iban), 4))


def _ip(chance: random.Random) -> str:
    if chance.random() < 0.6:
        return ".".join(str(chance.randint(1, 254)) for _ in range(4))
    groups = [f"{chance.randint(1, 0xFFFF):x}" for _ in range(8)]
    return ":".join(groups) if chance.random() < 0.5 else "2001:db8:" + groups[0] + "::" + groups[1]


def _key(chance: random.Random) -> str:
    def random_word(count: int, letters: str = string.ascii_letters + string.digits) -> str:
        return "".join(chance.choices(letters, k=count))

    return chance.choice(
        (
            "sk-proj-" + random_word(48), "sk-ant-api03-" + random_word(80), "ghp_" + random_word(36),
            "AKIA" + random_word(16, string.ascii_uppercase + string.digits), "AIza" + random_word(35),
            "xoxb-" + _digits(chance, 12) + "-" + random_word(24), "sk_live_" + random_word(24),
            "eyJ" + random_word(30) + ".eyJ" + random_word(60) + "." + random_word(43), "glpat-" + random_word(20),
            "hf_" + random_word(34),
        )
    )  # fmt: skip


_MAKERS: Final = {
    "email": _email,
    "phone": _phone,
    "credit_card": _card,
    "ssn": _ssn,
    "iban": _iban,
    "ip": _ip,
    "api_key": _key,
}
