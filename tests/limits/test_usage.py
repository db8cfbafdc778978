from plano_extproc.limits.usage import Tally, Totals, Who, by, period, rows

NOW = 1_800_000_000.0
ANN = Who("ann", "openai/gpt-4o", "weather: Köln")


def test_figures_add_up_by_hour_and_by_day() -> None:
    tally = Tally()
    tally.add(ANN, Totals(requests=1, input=10, output=5, nanos=7), NOW)
    tally.add(ANN, Totals(requests=1, input=1), NOW + 60)
    tally.add(Who(model="house/llama"), Totals(requests=1, unpriced=1), NOW)

    entries = [(one.key, b"%d" % one.amount) for one in tally.drain()]
    hours = [entry for entry in entries if entry[0].startswith(period(NOW, 3600).prefix)]
    days = [entry for entry in entries if entry[0].startswith(period(NOW, 90 * 86400).prefix)]
    assert by(hours, "client") == by(days, "client")
    assert by(hours, "client")["ann"] == Totals(requests=2, input=11, output=5, nanos=7)
    assert by(hours, "agent")["weather: Köln"].requests == 2
    assert by(hours, "model")["house/llama"] == Totals(requests=1, unpriced=1)
    assert list(by(days, "day")) == ["2027-01-15"]
    assert tally.drain() == ()


def test_a_period_begins_with_a_whole_hour_or_day() -> None:
    assert period(NOW, 3600).since == NOW - 3600
    assert period(NOW + 1, 24 * 3600).since == NOW - 24 * 3600
    assert period(NOW, 30 * 86400).since % 86400 == 0


def test_keys_of_a_later_time_come_later() -> None:
    tally = Tally()
    tally.add(ANN, Totals(requests=1), NOW - 7200)
    tally.add(ANN, Totals(requests=1), NOW)
    asked = period(NOW, 3600)

    keys = [one.key for one in tally.drain() if one.key.startswith(asked.prefix)]
    assert [key >= asked.first for key in sorted(keys)] == [False, True]


def test_what_the_store_could_not_be_told_is_told_later() -> None:
    tally = Tally()
    tally.add(ANN, Totals(requests=1), NOW)
    lost = tally.drain()
    tally.add(ANN, Totals(requests=2), NOW)
    tally.put_back(lost)

    assert {one.amount for one in tally.drain()} == {3}


def test_entries_of_others_are_left_out() -> None:
    assert list(rows([("plano:usage:h:x:-:-:-:requests", b"1"), ("plano:usage:", b""), ("else", b"1")])) == []


def test_calls_on_behalf_of_requests_are_told_from_them() -> None:
    tally = Tally()
    tally.add(ANN, Totals(requests=1, input=10), NOW)
    tally.add(Who("ann", "openai/small", purpose="router"), Totals(calls=1, input=3), NOW)
    tally.add(Who("bob", "openai/small", purpose="router"), Totals(calls=1, input=4), NOW)

    entries = [(one.key, b"%d" % one.amount) for one in tally.drain() if one.key.startswith(period(NOW, 3600).prefix)]
    assert by(entries, "client")["ann"] == Totals(requests=1, calls=1, input=13)
    assert by(entries, "purpose") == {"request": Totals(requests=1, input=10), "router": Totals(calls=2, input=7)}
    assert by(entries, "model", "bob") == {"openai/small": Totals(calls=1, input=4)}


def test_figures_without_a_purpose_are_of_requests() -> None:
    assert [who for _, who, _, _ in rows([("plano:usage:h:3600:ann:-:-:requests", b"1")])] == [Who("ann")]
