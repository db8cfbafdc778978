import json
from typing import Any

import pytest
import yaml

from tests.cli.commands import Shell, flat

FASTAPI = '''
from datetime import date
from enum import Enum
from typing import Annotated, Literal, Optional

from fastapi import APIRouter, Depends, FastAPI, Header, Query, Request
from pydantic import BaseModel, Field

raise SystemExit("this file must not be run")

app = FastAPI()
router = APIRouter(prefix="/v1")


class Unit(str, Enum):
    celsius = "celsius"
    fahrenheit = "fahrenheit"


class Person(BaseModel):
    name: str = Field(description="Full name.")
    age: int | None = None


class Booking(Person):
    seats: int = Field(1, description="How many seats.")
    tags: list[str] = []
    extras: dict[str, str] = Field(default_factory=dict)


@app.get("/weather/{city}")
async def get_weather(
    city: str,
    request: Request,
    day: date,
    unit: Unit = Unit.celsius,
    days: Annotated[int, Query(description="How many days. Costs $1 each.")] = 3,
    mode: Literal["short", "long"] = "short",
    verbose: Optional[bool] = None,
    token: str = Header(None),
    user=Depends(object),
):
    """Get the weather of a city.

    More than one paragraph.

    Args:
        city: The city, such as Berlin.
        day (date): The day that is
            meant.

    Returns:
        dict: what the sky does.
    """


@router.post("/bookings", summary="Book seats")
def book(booking: Booking, dry_run: bool = False): ...


@router.api_route("/files/{name:path}", methods=["GET", "DELETE"])
def files(name): ...


app.include_router(router, prefix="/api")
'''

FLASK = '''
from flask import Blueprint, Flask, request

app = Flask(__name__)
shop = Blueprint("shop", __name__, url_prefix="/shop")


@shop.route("/orders/<int:order_id>")
def order_status(order_id):
    """Where an order is.

    :param order_id: Number of the order.
    """
    return str(request.args.get("detail", "short")) + str(request.args.get("limit", type=int))


@app.route("/orders", methods=["POST"])
def create_order():
    data = request.get_json() or {}
    return data["item"] + str(data.get("count", 1)) + str(request.json["address"])
'''

OPENAPI: dict[str, Any] = {
    "openapi": "3.1.0",
    "info": {"title": "Shop", "version": "1"},
    "servers": [{"url": "https://{region}.shop.example/v2", "variables": {"region": {"default": "eu"}}}],
    "paths": {
        "/orders/{id}": {
            "parameters": [{"$ref": "#/components/parameters/Id"}],
            "get": {
                "operationId": "getOrder",
                "summary": "Where an order is.",
                "description": "Where an order is.\n\nAt length.",
                "parameters": [
                    {"name": "since", "in": "query", "schema": {"type": "string", "format": "date"}},
                    {"name": "x-shop", "in": "header", "required": True, "schema": {"type": "string"}},
                    {"name": "states", "in": "query",
                     "schema": {"type": "array", "items": {"type": "string", "enum": ["open", "done"]}}},
                ],
            },
            "put": {
                "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Order"}}}},
                "parameters": [{"name": "dry", "in": "query", "schema": {"type": "boolean", "default": False}}],
            },
        }
    },
    "components": {
        "parameters": {"Id": {"name": "id", "in": "path", "required": True, "schema": {"type": "integer"},
                              "description": "Number of the order."}},
        "schemas": {
            "Base": {"type": "object", "required": ["item"], "properties": {"item": {"type": "string"}}},
            "Order": {"allOf": [{"$ref": "#/components/schemas/Base"}, {"type": "object", "properties": {
                "count": {"type": ["integer", "null"], "default": 1},
                "note": {"anyOf": [{"type": "null"}, {"type": "string", "description": "For the packer."}]},
                "made": {"type": "string", "readOnly": True}}}]},
        },
    },
}  # fmt: skip


def _made(user: Shell, *arguments: str) -> dict[str, Any]:
    result = user.planoai("generate-prompt-targets", *arguments)
    assert result.returncode == 0, result.stderr
    user.write(result.stdout, "made.yaml")
    checked = user.planoai("validate", "made.yaml")
    assert checked.returncode == 0, checked.stderr
    document: dict[str, Any] = yaml.safe_load(result.stdout)
    return document


def _parameters(document: dict[str, Any], name: str) -> dict[str, Any]:
    target = next(one for one in document["prompt_targets"] if one["name"] == name)
    return {one.pop("name"): one for one in target["parameters"]}


def test_fastapi_routes_become_targets(user: Shell) -> None:
    user.write(FASTAPI, "app.py")

    made = _made(user, "--file", "app.py")

    ways = [(t["name"], t["endpoint"]["http_method"], t["endpoint"]["path"]) for t in made["prompt_targets"]]
    assert ways == [
        ("get_weather", "GET", "/weather/{city}"),
        ("book", "POST", "/api/v1/bookings"),
        ("files_get", "GET", "/api/v1/files/{name}"),
        ("files_delete", "DELETE", "/api/v1/files/{name}"),
    ]
    assert made["prompt_targets"][0]["description"] == "Get the weather of a city."
    assert _parameters(made, "get_weather") == {
        "city": {"description": "The city, such as Berlin.", "type": "str", "required": True, "in_path": True},
        "day": {"description": "The day that is meant.", "type": "str", "required": True, "format": "YYYY-MM-DD"},
        "unit": {"description": "Unit", "type": "str", "default": "celsius", "enum": ["celsius", "fahrenheit"]},
        "days": {"description": "How many days. Costs $$1 each.", "type": "int", "default": 3},
        "mode": {"description": "Mode", "type": "str", "default": "short", "enum": ["short", "long"]},
        "verbose": {"description": "Verbose", "type": "bool"},
    }
    assert _parameters(made, "book") == {
        "name": {"description": "Full name.", "type": "str", "required": True},
        "age": {"description": "Age", "type": "int"},
        "seats": {"description": "How many seats.", "type": "int", "default": 1},
        "tags": {"description": "Tags", "type": "list[str]"},
        "extras": {"description": "Extras", "type": "dict"},
        "dry_run": {"description": "Dry run", "type": "bool", "default": False, "in_query": True},
    }


def test_flask_routes_become_targets(user: Shell) -> None:
    user.write(FLASK, "app.py")

    made = _made(user, "--f", "app.py")

    assert made["endpoints"] == {"app_server": {"endpoint": "127.0.0.1:8000", "protocol": "http"}}
    assert made["prompt_targets"][0]["endpoint"]["path"] == "/shop/orders/{order_id}"
    assert _parameters(made, "order_status") == {
        "order_id": {"description": "Number of the order.", "type": "int", "required": True, "in_path": True},
        "detail": {"description": "Detail", "type": "str", "default": "short"},
        "limit": {"description": "Limit", "type": "int"},
    }
    created = _parameters(made, "create_order")
    assert {name: (one["type"], one.get("required")) for name, one in created.items()} == {
        "item": ("str", True), "address": ("str", True), "count": ("int", None)
    }  # fmt: skip


@pytest.mark.parametrize("name", ["shop.json", "shop.yaml"])
def test_an_openapi_document_becomes_targets(user: Shell, name: str) -> None:
    user.write(json.dumps(OPENAPI) if name.endswith("json") else yaml.safe_dump(OPENAPI), name)

    made = _made(user, "--file", name)

    assert made["endpoints"] == {"eu_shop_example": {"endpoint": "eu.shop.example", "protocol": "https"}}
    get, put = made["prompt_targets"]
    assert (get["name"], get["description"], get["endpoint"]["path"]) == (
        "getOrder", "Where an order is", "/v2/orders/{id}"
    )  # fmt: skip
    assert (put["name"], put["endpoint"]["http_method"]) == ("put_orders_id", "PUT")
    assert _parameters(made, "getOrder") == {
        "id": {"description": "Number of the order.", "type": "int", "required": True, "in_path": True},
        "since": {"description": "Since", "type": "str", "format": "YYYY-MM-DD"},
        "states": {"description": "States", "type": "list[str]", "enum": ["open", "done"]},
    }
    assert _parameters(made, "put_orders_id") == {
        "id": {"description": "Number of the order.", "type": "int", "required": True, "in_path": True},
        "dry": {"description": "Dry", "type": "bool", "default": False, "in_query": True},
        "item": {"description": "Item", "type": "str", "required": True},
        "count": {"description": "Count", "type": "int", "default": 1},
        "note": {"description": "For the packer.", "type": "str"},
    }
    told = flat(user.planoai("generate_prompt_targets", "--file", name).stderr)
    assert "header parameter 'x-shop' is left out" in told


def test_a_folder_is_read_and_settings_choose(user: Shell) -> None:
    user.write(FASTAPI, "src/app.py")
    user.write(FLASK, "src/deep/shop.py")
    user.write("x = 1\n", "src/other.py")
    user.write("a: [", "src/broken.yaml")
    user.write(FASTAPI, "src/.venv/hidden.py")
    user.write(
        "endpoint: back\naddress: api.example.com\nprotocol: https\nprefix: /x\ninclude: ['*order*', get_weather]\n"
        "exclude: [create_*]\nauto_llm_dispatch_on_response: false\n",
        "settings.yaml",
    )

    made = _made(user, "--path", "src", "--settings", "settings.yaml")

    assert made["endpoints"] == {"back": {"endpoint": "api.example.com", "protocol": "https"}}
    assert [(one["name"], one["endpoint"]["path"]) for one in made["prompt_targets"]] == [
        ("get_weather", "/x/weather/{city}"), ("order_status", "/x/shop/orders/{order_id}")
    ]  # fmt: skip
    assert made["prompt_targets"][0]["auto_llm_dispatch_on_response"] is False


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("a.py", "import os\n", "uses neither Flask nor FastAPI"),
        ("a.py", "from flask import (\n", "no Python that can be parsed (line 1)"),
        ("a.py", "import flask\n", "has no routes"),
        ("a.json", "{", "no JSON that can be parsed"),
        ("a.yaml", "a: 1\n", "is no OpenAPI document"),
        ("a.yaml", "swagger: '2.0'\n", "is written for OpenAPI 2.0; only versions 3.x are read"),
        ("a.txt", "", "is neither a Python file"),
        ("a.yaml", "openapi: 3.0.0\npaths: {/a: {$ref: '#/b'}}\n", "refers to '#/b', which it does not hold"),
        ("a.yaml", "openapi: 3.0.0\npaths: {/a: {$ref: '#/b'}}\nb: {$ref: '#/b'}\n", "lead in a circle"),
        ("a.yaml", "openapi: 3.0.0\npaths: {/a: {$ref: 'b.yaml#/x'}}\n", "is in another document"),
    ],
)
def test_what_cannot_be_used_is_an_error_that_says_why(user: Shell, name: str, text: str, told: str) -> None:
    user.write(text, name)

    result = user.planoai("generate-prompt-targets", "--file", name)

    assert (result.returncode, result.stdout) == (1, "")
    assert told in flat(result.stderr)


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["--file", "none.py"], 1, "there is no file none.py"),
        (["--path", "none"], 1, "there is no folder none"),
        (["--path", "."], 1, "no Flask or FastAPI routes and no OpenAPI 3 document"),
        (["--file", "a.py", "--path", "."], 2, "give either --file or --path"),
    ],
)
def test_wrong_arguments_are_errors(user: Shell, arguments: list[str], code: int, told: str) -> None:
    result = user.planoai("generate-prompt-targets", *arguments)

    assert result.returncode == code
    assert told in flat(result.stderr)


def test_wrong_settings_are_named(user: Shell) -> None:
    user.write(FLASK, "app.py")
    user.write("adress: x\n", "settings.yaml")

    result = user.planoai("generate-prompt-targets", "--file", "app.py", "--settings", "settings.yaml")

    assert result.returncode == 1
    assert "adress" in result.stderr
