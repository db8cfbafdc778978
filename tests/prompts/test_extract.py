"""What a prompt says, read without a model. The day is Wednesday, 2026-03-11."""

from datetime import date
from typing import Any

import pytest

from plano_extproc.prompts.extract import extract
from tests.prompts.targets import TARGETS

TODAY = date(2026, 3, 11)

SAID: list[tuple[str, str, dict[str, Any]]] = [
    ("get_weather", "What's the weather in Berlin?", {"city": "Berlin"}),
    ("get_weather", "weather in new york tomorrow", {"city": "new york", "date": "2026-03-12"}),
    ("get_weather", "Berlin weather please", {"city": "Berlin"}),
    ("get_weather", "weather berlin", {"city": "berlin"}),
    (
        "get_weather",
        "What will the weather be like in San Francisco on Friday?",
        {"city": "San Francisco", "date": "2026-03-13"},
    ),
    (
        "get_weather",
        "Forecast for Rio de Janeiro for the next 5 days in fahrenheit",
        {"city": "Rio de Janeiro", "days": 5, "unit": "fahrenheit"},
    ),
    (
        "get_weather",
        "Is it going to rain in Austin, Texas on 2026-04-01?",
        {"city": "Austin, Texas", "date": "2026-04-01"},
    ),
    ("get_weather", "city: São Paulo, days=3", {"city": "São Paulo", "days": 3}),
    ("get_weather", "How is the weather today?", {"date": "2026-03-11"}),
    ("get_weather", "tell me the forecast for next monday", {"date": "2026-03-16"}),
    ("get_weather", 'weather for "Stratford upon Avon" in Celsius', {"city": "Stratford upon Avon", "unit": "celsius"}),
    ("get_weather", "weather in London on 3rd of May", {"city": "London", "date": "2026-05-03"}),
    ("get_weather", "weather in London on Jan 5", {"city": "London", "date": "2027-01-05"}),
    ("told_by_examples", "weather in Paris for 3 days", {"city": "Paris", "days": 3}),
    ("told_by_examples", "weather in Paris in 3 days", {"city": "Paris", "days": 3}),
    ("told_by_examples", "weather in Paris in two weeks", {"city": "Paris"}),
    ("told_by_examples", "Will it rain on Malta?", {"city": "Malta"}),
    ("told_by_examples", "What is the weather?", {}),
    ("fetch_application_fields", "Fetch CUSTOMER fields", {"applicationId": "CUSTOMER"}),
    ("fetch_application_fields", "fetch the fields of FUNDS.TRANSFER please", {"applicationId": "FUNDS.TRANSFER"}),
    ("fetch_application_fields", "get the fields for application id customer", {"applicationId": "customer"}),
    ("fetch_application_fields", "Fetch fields", {}),
    ("convert_currency", "Convert 100 USD to EUR", {"amount": 100.0, "from_currency": "USD", "to_currency": "EUR"}),
    (
        "convert_currency",
        "how much is 1,250.50 euros in yen?",
        {"amount": 1250.5, "from_currency": "EUR", "to_currency": "JPY"},
    ),
    ("convert_currency", "convert from GBP to CHF", {"from_currency": "GBP", "to_currency": "CHF"}),
    (
        "convert_currency",
        "change twenty dollars into pounds",
        {"amount": 20.0, "from_currency": "USD", "to_currency": "GBP"},
    ),
    ("convert_currency", "What are 50 euros worth?", {"amount": 50.0}),
    ("order_status", "Where is order 12345?", {"order_id": "12345"}),
    ("order_status", "status of order number A-17-99 with history", {"order_id": "A-17-99", "include_history": True}),
    ("order_status", "where is my order #B42, without history", {"order_id": "B42", "include_history": False}),
    ("order_status", "Where is my order?", {}),
    (
        "book_flight",
        "Book a flight from Berlin to Rome on 5 May 2026, back on 9 May 2026, for 2 passengers",
        {
            "origin": "Berlin",
            "destination": "Rome",
            "departure_date": "2026-05-05",
            "return_date": "2026-05-09",
            "passengers": 2,
        },
    ),
    (
        "book_flight",
        "I want to fly from San Francisco to New York tomorrow in premium economy",
        {
            "origin": "San Francisco",
            "destination": "New York",
            "departure_date": "2026-03-12",
            "cabin": "premium_economy",
        },
    ),
    ("book_flight", "flight to Oslo", {"destination": "Oslo"}),
    (
        "search_products",
        "Search for red running shoes under 50 dollars",
        {"query": "red running shoes", "max_price": 50.0},
    ),
    ("search_products", "find wireless headphones", {"query": "wireless headphones"}),
    (
        "send_invite",
        "Invite ann@example.com and bob@example.org at 3:30 pm",
        {"emails": ["ann@example.com", "bob@example.org"], "time": "15:30"},
    ),
    (
        "send_invite",
        'invite ann@example.com at 9am with options {"room": 4, "video": true}',
        {"emails": ["ann@example.com"], "time": "09:00", "options": {"room": 4, "video": True}},
    ),
    ("reboot_devices", "reboot devices 12, 15 and 17", {"device_ids": [12, 15, 17]}),
    ("reboot_devices", "reboot the devices [3, 4]", {"device_ids": [3, 4]}),
    ("reboot_devices", "reboot my devices", {}),
    ("weather_template", "Get weather for lisbon on tomorrow", {"city": "lisbon", "date": "2026-03-12"}),
    ("get_weather", "Will it snow in Oslo this weekend?", {"city": "Oslo"}),
    ("get_weather", "I'd like the weather forecast for Los Angeles, please", {"city": "Los Angeles"}),
    ("get_weather", "temperature in paris in celsius", {"city": "paris", "unit": "celsius"}),
    ("get_weather", "Do I need an umbrella in Hamburg tomorrow?", {"city": "Hamburg", "date": "2026-03-12"}),
    ("get_weather", "Give me a 7 day forecast for Tokyo", {"city": "Tokyo", "days": 7}),
    ("get_weather", "What's it like outside in Mexico City right now", {"city": "Mexico City"}),
    ("get_weather", "weather Sydney 2026-04-02", {"city": "Sydney", "date": "2026-04-02"}),
    (
        "get_weather",
        "how hot will it be on Sunday in Cairo, in fahrenheit?",
        {"city": "Cairo", "date": "2026-03-15", "unit": "fahrenheit"},
    ),
    ("fetch_application_fields", "Show me all fields of the ACCOUNT application", {"applicationId": "ACCOUNT"}),
    ("fetch_application_fields", "what fields does STMT.ENTRY have", {"applicationId": "STMT.ENTRY"}),
    ("fetch_application_fields", "list fields, applicationId=AA.ARRANGEMENT", {"applicationId": "AA.ARRANGEMENT"}),
    (
        "convert_currency",
        "What is 300 swiss francs in us dollars?",
        {"amount": 300.0, "from_currency": "CHF", "to_currency": "USD"},
    ),
    (
        "convert_currency",
        "I have 75 GBP, how many euros do I get",
        {"amount": 75.0, "from_currency": "GBP", "to_currency": "EUR"},
    ),
    ("convert_currency", "Convert €20 to dollars", {"amount": 20.0, "from_currency": "EUR", "to_currency": "USD"}),
    (
        "convert_currency",
        "exchange 1.5 million JPY into CAD",
        {"amount": 1500000.0, "from_currency": "JPY", "to_currency": "CAD"},
    ),
    ("order_status", "Track order ORD-2291", {"order_id": "ORD-2291"}),
    ("order_status", "Has 998877 shipped yet?", {"order_id": "998877"}),
    ("order_status", "can you tell me where my parcel is, order id: zx81", {"order_id": "zx81"}),
    ("order_status", "what happened to my order", {}),
    (
        "book_flight",
        "Please book a business class flight from Madrid to Lisbon on June 3 for two passengers",
        {
            "origin": "Madrid",
            "destination": "Lisbon",
            "departure_date": "2026-06-03",
            "passengers": 2,
            "cabin": "business",
        },
    ),
    (
        "book_flight",
        "one way to Tel Aviv from Athens next Friday, 3 passengers",
        {"origin": "Athens", "destination": "Tel Aviv", "departure_date": "2026-03-13", "passengers": 3},
    ),
    (
        "book_flight",
        "I need to get to Chicago by 2026-04-09",
        {"destination": "Chicago", "departure_date": "2026-04-09"},
    ),
    ("book_flight", "fly me from london to dublin", {"origin": "london", "destination": "dublin"}),
    (
        "search_products",
        "Do you have waterproof hiking boots below $120?",
        {"query": "waterproof hiking boots", "max_price": 120.0},
    ),
    ("search_products", "looking for a gift for my dad, max price 40", {"query": "gift for my dad", "max_price": 40.0}),
    ("send_invite", "Send an invite to kim@corp.io for 14:00", {"emails": ["kim@corp.io"], "time": "14:00"}),
    (
        "send_invite",
        "invite kim@corp.io, lee@corp.io tomorrow at noon",
        {"emails": ["kim@corp.io", "lee@corp.io"], "time": "12:00"},
    ),
    ("reboot_devices", "please restart device 4", {"device_ids": [4]}),
    ("reboot_devices", "reboot 7 and 9", {"device_ids": [7, 9]}),
    ("weather_template", "Get weather for Graz on 1.5.2026", {"city": "Graz", "date": "2026-05-01"}),
]


@pytest.mark.parametrize(("name", "text", "values"), SAID, ids=[text for _, text, _ in SAID])
def test_a_prompt_says(name: str, text: str, values: dict[str, Any]) -> None:
    assert extract(text, TARGETS[name], TODAY).values == values


def test_of_a_long_prompt_the_beginning_and_the_end_are_read() -> None:
    text = "weather in Rome, please. " + "12 " * 1_000_000 + "\nunit: fahrenheit"

    values = extract(text, TARGETS["get_weather"], TODAY).values

    assert (values["city"], values["unit"]) == ("Rome", "fahrenheit")
