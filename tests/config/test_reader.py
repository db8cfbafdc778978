import pytest

from plano_extproc.config.document import follow, plain
from plano_extproc.config.problem import Place, Report
from plano_extproc.config.reader import MAX_BYTES, MAX_DEPTH, read

UNREADABLE = [
    ("", "1:1", "the file is empty"),
    ("# only a comment\n", "1:1", "the file is empty"),
    ("- a\n- b\n", "1:1", "the file holds no keys"),
    ("just words", "1:1", "the file holds no keys"),
    ("a: [1, 2\nb: 3\n", "2:2", "this is no YAML"),
    ("a: 'text\n", "2:1", "this is no YAML"),
    ("a: b: c\n", "1:5", "this is no YAML"),
    ("\ta: 1\n", "1:1", "Indent with spaces"),
    ("a: @b\n", "1:4", "Put the value in quotes"),
    ("a: 1\n---\nb: 2\n", "2:1", "a second document begins here"),
    ("a: \x07\n", "1:4", "a control character stands here"),
    ("a: 1\nb: \ud800\n", "2:4", "a control character stands here"),
    ("a: *nowhere\n", "1:4", "alias '*nowhere' is not defined above"),
    ("a: &a [*a]\n", "1:8", "an alias that contains itself"),
    ("[1]: 2\n", "1:1", "a key must be a word"),
    ("? {a: 1}\n: 2\n", "1:3", "a key must be a word"),
    ("a: !!python/object:os.system x\n", "1:4", "is not known here"),
    ("a: !mine x\n", "1:4", "tag '!mine' is not known here"),
    ("a: !!binary aGk=\n", "1:4", "is not known here"),
    ("<<: 3\n", "1:5", "'<<' takes a mapping"),
    ("[" * 100_000, f"1:{MAX_DEPTH + 1}", "nested more than"),
    ("a: " + "{b: " * 60, None, "nested more than"),
    ("a: " + "x" * MAX_BYTES, "1:1", "larger than"),
]


@pytest.mark.parametrize(("text", "place", "message"), UNREADABLE, ids=range(len(UNREADABLE)))
def test_unreadable_text_is_one_problem_with_its_place(text: str, place: str | None, message: str) -> None:
    report = Report("f")
    root, _ = read(text, report)

    assert root is None
    (problem,) = report.problems
    assert message in str(problem)
    assert place in (None, f"{problem.line}:{problem.column}")


def test_aliases_that_multiply_are_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    report = Report("f")
    root, _ = read("\n".join(lines), report)

    assert root is None
    assert "too many values" in report.problems[0].message


def test_scalars_mean_what_yaml_says() -> None:
    text = "a: 1\nb: '1'\nc: yes\nd: 1.5\ne:\nf: 2024-01-01\ng: 0x10\nh: ! 12\ni: |\n  x\n  y\nj: 0x_\nk: !!str 5\n"
    root, duplicates = read(text, Report("f"))

    assert root is not None
    assert plain(root) == {
        "a": 1, "b": "1", "c": True, "d": 1.5, "e": None, "f": "2024-01-01", "g": 16, "h": "12", "i": "x\ny\n",
        "j": "0x_", "k": "5",
    }  # fmt: skip
    assert duplicates == ()


def test_merged_keys_lie_under_own_keys() -> None:
    root, _ = read("base: &base {a: 1, b: 2}\nmore: {<<: *base, b: 3}\nlist:\n  <<: [*base, {c: 4}]\n", Report("f"))

    assert root is not None
    assert plain(root)["more"] == {"b": 3, "a": 1}
    assert plain(root)["list"] == {"a": 1, "b": 2, "c": 4}


def test_keys_that_stand_twice_are_told_with_both_places() -> None:
    root, duplicates = read("a:\n  - x: 1\n  - x: 1\n    y: 2\n    x: 3\n", Report("f"))

    assert root is not None
    assert plain(root) == {"a": [{"x": 1}, {"x": 3, "y": 2}]}
    (duplicate,) = duplicates
    assert (duplicate.path, duplicate.place, duplicate.first) == ("a[1].x", Place(5, 5), Place(3, 5))


def test_every_value_knows_its_place_and_path() -> None:
    root, _ = read("a:\n  - b: 1\n    'c d': {e: x}\n", Report("f"))

    assert root is not None
    node, lacking, _ = follow(root, ("a", 0, "c d", "e"))
    assert (node.path, node.place, node.key_place, lacking) == ('a[0]["c d"].e', Place(3, 16), Place(3, 13), [])


def test_an_aliased_value_has_the_path_of_each_use() -> None:
    root, _ = read("a: &x {k: 1}\nb: *x\n", Report("f"))

    assert root is not None
    node, _, _ = follow(root, ("b", "k"))
    assert (node.path, node.place) == ("b.k", Place(1, 11))
