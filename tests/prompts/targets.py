"""Prompt targets to try things on."""

import yaml

from plano_extproc.config.prompts import PromptTarget

_TEXT = """
- name: get_weather
  description: Get the weather and the forecast for a city.
  parameters:
    - {name: city, description: The city., type: str, required: true}
    - {name: date, description: The day meant., type: str, format: YYYY-MM-DD}
    - {name: days, description: How many days ahead., type: int, default: 1}
    - {name: unit, description: Unit of the temperature., type: str, enum: [celsius, fahrenheit], default: celsius}
  endpoint: {name: weather, path: "/forecast/{city}"}
- name: fetch_application_fields
  description: Fetch fields for a certain database
  parameters: [{name: applicationId, type: str, required: true}]
  endpoint: {name: server, path: /api/v1/meta/queries/appfields}
- name: convert_currency
  description: Convert an amount of money from one currency to another.
  parameters:
    - {name: amount, description: How much., type: float, required: true}
    - {name: from_currency, description: Currency to convert from., type: str, required: true}
    - {name: to_currency, description: Currency to convert to., type: str, required: true}
  endpoint: {name: rates, path: /convert, http_method: POST}
- name: order_status
  description: Where an order is.
  parameters:
    - {name: order_id, description: Id of the order., type: str, required: true, in_path: true}
    - {name: include_history, description: With all stations., type: bool, default: false}
  endpoint: {name: shop, path: "/orders/{order_id}"}
- name: book_flight
  description: Book a flight between two cities.
  parameters:
    - {name: origin, description: City of departure., type: str, required: true}
    - {name: destination, description: City of arrival., type: str, required: true}
    - {name: departure_date, description: Day of departure., type: str, required: true}
    - {name: return_date, description: Day of return., type: str}
    - {name: passengers, description: How many people fly., type: int, required: true}
    - {name: cabin, description: Class., type: str, enum: [economy, premium_economy, business], default: economy}
  endpoint: {name: air, path: /book, http_method: POST}
- name: search_products
  description: Search the products of the shop.
  parameters:
    - {name: query, description: What to look for., type: str, required: true}
    - {name: max_price, description: Highest price., type: float}
    - {name: tags, description: Tags., type: "list[str]"}
  endpoint: {name: shop, path: /search}
- name: send_invite
  description: Invite people to a meeting.
  parameters:
    - {name: emails, description: Whom to invite., type: list, required: true}
    - {name: time, description: When., type: str, required: true}
    - {name: options, description: Further options., type: dict}
  endpoint: {name: calendar, path: /invite, http_method: POST}
- name: reboot_devices
  description: Reboot devices by their ids.
  parameters:
    - {name: device_ids, description: The devices., type: "list[int]", required: true}
  endpoint: {name: net, path: /reboot, http_method: POST}
- name: weather_template
  description: Get weather for {city} on {date}
  parameters:
    - {name: city, type: str, required: true}
    - {name: date, type: str, required: true}
  endpoint: {name: weather, path: /forecast}
- name: told_by_examples
  description: 'Get the weather of a city, such as "weather in Paris for 3 days" or "Will it rain on Malta".'
  parameters:
    - {name: city, description: The city., type: str, required: true}
    - {name: days, description: How many days ahead., type: int, default: 1}
  endpoint: {name: weather, path: /weather}
"""

TARGETS = {one["name"]: PromptTarget.model_validate(one) for one in yaml.safe_load(_TEXT)}
