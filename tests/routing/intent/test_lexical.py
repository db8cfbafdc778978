import pytest

from plano_extproc.routing.intent import Route, lexical, match_many
from plano_extproc.routing.intent.clauses import split

ROUTES = (
    Route("weather", "weather forecasts and travel conditions"),
    Route("flights", "searching and booking flights"),
    Route("code_generation", "generating code, functions and scripts"),
)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("what is the weather in Paris?", "weather"),
        ("Will it rain tomorrow", "weather"),
        ("book a flight to New York", "flights"),
        ("I need a plane ticket", "flights"),
        ("write a python function that sorts a list", "code_generation"),
    ],
)
def test_a_sentence_is_description_enough(text: str, name: str) -> None:
    match = lexical.compile(ROUTES).match(text)

    assert match.route is not None
    assert match.route.name == name
    assert match.reason == f"lexical '{name}' {match.score:.2f}"


@pytest.mark.parametrize("text", ["", "   ", "?!", "hello", "thanks a lot", "qwrtz plk", "天気はどう", "\x00", "🙂"])
def test_what_no_route_is_about_matches_none(text: str) -> None:
    match = lexical.compile(ROUTES).match(text)

    assert match.route is None
    assert match.reason.isascii()


def test_no_routes_match_nothing() -> None:
    assert lexical.compile(()).match("hello").route is None


def test_a_quoted_phrase_of_a_description_is_an_example() -> None:
    route = Route.described("hr", 'Leave and pay, for example "may I take friday off" or "where is my payslip".')

    assert route == Route("hr", "Leave and pay", ("may I take friday off", "where is my payslip"))
    found = lexical.compile([route, *ROUTES]).match("may i take Monday off")
    assert found.route is route


def test_an_apostrophe_opens_no_quotation() -> None:
    text = "the user's code and the team's tests"

    assert Route.described("code", text) == Route("code", text)


@pytest.mark.parametrize("name", ["codeGeneration", "code_generation", "code-generation"])
def test_a_name_is_read_in_words(name: str) -> None:
    assert Route(name).title.lower() == "code generation"


def test_scores_are_probabilities_best_first() -> None:
    scores = list(lexical.compile(ROUTES).match("book a flight in bad weather").scores.values())

    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)


def test_of_routes_with_one_name_the_first_counts() -> None:
    match = lexical.compile([Route("a", "weather"), Route("a", "flights")]).match("the weather")

    assert match.route == Route("a", "weather")


def test_a_long_text_is_read_at_both_ends() -> None:
    matcher = lexical.compile(ROUTES)
    filler = " lorem ipsum" * 20_000

    assert (
        matcher.match(f"{filler} will it rain in paris, tell me the weather forecast").score
        > matcher.match(filler).score
    )


def test_the_same_text_gives_the_same_scores() -> None:
    first, second = (lexical.compile(ROUTES).match("a window seat, please").scores for _ in range(2))

    assert first == second


def test_wishes_are_matched_in_the_order_of_the_text() -> None:
    matcher = lexical.compile(ROUTES)
    forth = match_many(matcher, "weather in Paris and then book a flight")
    back = match_many(matcher, "Book me a flight to London. Then tell me the weather there.")

    assert [match.route and match.route.name for match in forth] == ["weather", "flights"]
    assert [match.route and match.route.name for match in back] == ["flights", "weather"]


def test_a_wish_said_twice_is_one() -> None:
    found = match_many(lexical.compile(ROUTES), "is it raining in Rome and is it snowing in Oslo")

    assert [match.route and match.route.name for match in found] == ["weather"]


def test_many_of_nothing_is_nothing() -> None:
    found = match_many(lexical.compile(ROUTES), "hello there and thanks a lot")

    assert [match.route for match in found] == [None]


@pytest.mark.parametrize(
    ("text", "clauses"),
    [
        ("weather in Paris and London", ("weather in Paris London",)),
        ("do this, then do that; and also do more", ("do this", "do that", "do more")),
        ("price is 3.5 dollars", ("price is 3.5 dollars",)),
        ("", ()),
    ],
)
def test_clauses(text: str, clauses: tuple[str, ...]) -> None:
    assert split(text) == clauses


def test_clauses_are_not_without_number() -> None:
    assert len(split("do it and " * 10_000)) <= 8
    assert split("say" + " " * 100_000 + "this\n \n \nand do that") == ("say",)
    assert split("do  this\n \n\t\nand  do that") == ("do this", "do that")


@pytest.mark.parametrize("text", ["What is 12 * 12?", "How are you?", "What is it?", "Can you help me?"])
def test_words_of_asking_alone_are_for_no_route(text: str) -> None:
    assert lexical.compile([Route("legal advice")]).match(text).route is None


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Fetch CUSTOMER fields", "fetch_application_fields"),
        ("Explain FUNDS.TRANSFER validation rules", "consultant_agent"),
        ("How does ACCOUNT work?", "consultant_agent"),
        ("I want to create a version API", "version_api_creator_agent"),
        ("Hello", "general_chat_agent"),
        ("Who was Napoleon?", None),
    ],
)
def test_descriptions_without_a_subject_are_told_apart(text: str, name: str | None) -> None:
    described = {
        "fetch_application_fields": "Fetch fields for a certain database",
        "consultant_agent": "Knowledge questions",
        "version_api_creator_agent": "Create a Version API (multi-turn workflow)",
        "general_chat_agent": "General conversation",
    }
    match = lexical.compile(Route.described(*one) for one in described.items()).match(text)

    assert (match.route.name if match.route else None) == name


def test_a_description_with_a_subject_has_only_its_own_examples() -> None:
    assert Route.described("faq", "Questions about invoices").examples == ()
    assert Route.described("rest", "Anything else").examples == ()
    assert Route.described("faq", "General questions").examples
    assert Route.described("faq", 'Questions, such as "Where is my parcel?"').examples == ("Where is my parcel?",)


LAW = "legal advice, lawsuits and contracts"


@pytest.mark.parametrize("described", [LAW, "legal advice"])
@pytest.mark.parametrize(
    "text",
    [
        "Please plan the project tasks for next week and assign owners",
        "help me plan my week: meetings, deadlines and tasks",
        "Break the task into steps and delegate them to the agents",
        "give me some advice on gardening",
        "advise me on a gift for my mother",
    ],
)
def test_what_is_about_another_subject_is_not_about_the_only_route(described: str, text: str) -> None:
    assert lexical.compile([Route(described)]).match(text).route is None


@pytest.mark.parametrize(
    "text",
    [
        "can I sue my landlord",
        "is this contract clause enforceable",
        "I need a lawyer",
        "what does the law say about overtime",
        "Can you give me legal advice about my divorce?",
    ],
)
def test_an_only_route_is_matched_by_what_is_about_it(text: str) -> None:
    assert lexical.compile([Route(LAW)]).match(text).route is not None


def test_a_route_about_an_everyday_subject_has_no_rival_in_it() -> None:
    match = lexical.compile([Route("cooking", "Recipes and meals")]).match("a recipe for lentil soup")

    assert match.route is not None


def test_a_route_of_many_examples_is_matched_by_one_of_them() -> None:
    examples = tuple(f"how do I change the {part}" for part in ("oil", "brakes", "lights", "seats", "doors"))
    routes = [Route("car", "", examples), Route("phone", "", ("my phone is lost", "ring my phone"))]

    match = lexical.compile(routes).match("how do I change the brakes")

    assert match.route == routes[0]
    assert match.score > 0.9
