from plano_extproc.translate.chat import Message, Request, Tool, ToolChoice, ToolUse
from plano_extproc.translate.names import derived_id, fit_tools, fitted, shortened


def test_a_name_that_fits_is_not_changed() -> None:
    assert fitted("get_weather-2", 64) == "get_weather-2"
    assert fitted("x" * 64, 64) == "x" * 64


def test_a_name_that_does_not_fit_gets_a_digest() -> None:
    assert fitted("x" * 65, 64).startswith("x" * 55 + "_")
    assert len(fitted("x" * 65, 64)) == 64
    assert fitted("a.b", 64) != fitted("a_b", 64)
    assert fitted("a.b", 64) != fitted("a:b", 64)
    assert fitted("", 64).strip("_")
    assert fitted("天气", 64).isascii()


def test_a_derived_id_is_always_the_same() -> None:
    assert derived_id("call_", "c1", 0) == derived_id("call_", "c1", 0)
    assert derived_id("call_", "c1", 0) != derived_id("call_", "c1", 1)


def test_a_short_value_is_kept_and_a_long_one_replaced() -> None:
    assert shortened("u", 64) == "u"
    assert len(shortened("u" * 65, 64)) == 64


def test_tools_are_renamed_wherever_they_are_named() -> None:
    request = Request(
        model="m",
        messages=(
            Message("assistant", (ToolUse("1", "a.b", {}), ToolUse("2", "gone.tool", {}), ToolUse("3", "ok", {}))),
        ),
        tools=(Tool("a.b"), Tool("ok")),
        tool_choice=ToolChoice("tool", "a.b"),
    )
    fit, originals = fit_tools(request, 64)
    new = fitted("a.b", 64)

    assert [tool.name for tool in fit.tools] == [new, "ok"]
    assert fit.tool_choice == ToolChoice("tool", new)
    assert [block.name for block in fit.messages[0].blocks if isinstance(block, ToolUse)] == [
        new, fitted("gone.tool", 64), "ok"
    ]  # fmt: skip
    assert originals[new] == "a.b"


def test_a_request_whose_names_fit_is_the_same_object() -> None:
    request = Request(model="m", messages=(), tools=(Tool("ok"),))

    assert fit_tools(request, 64) == (request, {})
    assert fit_tools(request, 64)[0] is request


def test_names_begin_with_a_letter_where_a_dialect_wants_it_and_stay_apart() -> None:
    tools = (Tool("2nd"), Tool("_2nd_"), Tool("-x"), Tool("ok"), Tool("3" * 99))
    fit, originals = fit_tools(Request(model="m", messages=(), tools=tools), 64, lettered=True)
    names = [tool.name for tool in fit.tools]

    assert names[1::2] == ["_2nd_", "ok"]
    assert len(set(names)) == len(tools)
    assert all(name[0] == "_" and len(name) <= 64 for name in names if name != "ok")
    assert [originals.get(name, name) for name in names] == [tool.name for tool in tools]
    assert fit_tools(Request(model="m", messages=(), tools=tools[:3]), 64)[1] == {}
