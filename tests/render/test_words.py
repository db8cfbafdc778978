from urllib.parse import unquote

import yaml
from hypothesis import given
from hypothesis import strategies as st

from plano_extproc.render import words

TEXT = st.text(st.characters(exclude_categories=["Cs"]))


@given(TEXT)
def test_any_text_is_one_yaml_scalar(text: str) -> None:
    assert yaml.safe_load(f"key: {words.scalar(text)}") == {"key": text}


@given(st.lists(st.dictionaries(TEXT, TEXT | st.integers() | st.booleans() | st.none())))
def test_values_come_back_from_yaml_as_they_were(value: list[object]) -> None:
    assert yaml.safe_load(words.scalar(value)) == value


@given(st.text())
def test_a_scalar_is_one_line_of_utf8(text: str) -> None:
    written = words.scalar(text)

    assert len(written.splitlines()) == 1
    assert written.encode()


def test_durations_are_written_as_protobuf_reads_them() -> None:
    assert [words.duration(s) for s in (0, 0.25, 5, 5.0, 60, 1e-7)] == ["0s", "0.25s", "5s", "5s", "60s", "0.0000001s"]


def test_percent_signs_do_not_begin_a_command() -> None:
    assert words.literal("100%REQ(x)%") == "100%%REQ(x)%%"


def test_ordinary_names_stay_readable() -> None:
    assert words.slug("egress_traffic") == "egress_traffic"
    assert words.metadata_value("egress_traffic") == "egress_traffic"


@given(st.text(), st.text())
def test_slugs_are_plain_and_tell_names_apart(one: str, other: str) -> None:
    slug = words.slug(one)

    assert slug.replace("_", "").replace("-", "").isalnum() or not slug.strip("_-")
    assert slug.isascii()
    assert (slug == words.slug(other)) == (one == other)


@given(TEXT)
def test_a_listener_name_travels_in_a_grpc_header(name: str) -> None:
    value = words.metadata_value(name)

    assert value.isascii()
    assert value.isprintable()
    assert unquote(value) == name


@given(st.text())
def test_a_comment_stays_on_its_line(text: str) -> None:
    assert len(words.raw(f"x{text}").splitlines()) == 1
