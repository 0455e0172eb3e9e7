# SPDX-License-Identifier: GPL-3.0-or-later
"""Slots in the words of callers, as people say them and as recognisers write them."""

from __future__ import annotations

from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipagent.agents.clocktime import phrase
from sipagent.agents.slots import KINDS, Kind, Wanted, find, in_passing, whole
from sipagent.agents.slots.dates import say
from sipagent.agents.slots.found import words_of
from sipagent.agents.slots.numbers import integer_at

TRICKY = """
at in on the a half past to of and next minus point hundred thousand million twenty one 3 99 3rd may monday 12:99 13/13 $ cents
pm oclock plus dozen this day after tomorrow 9999-99-99 0 oh february 30 1,200 2.5 nan inf
"""
SMALL = """
zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen
fifteen sixteen seventeen eighteen nineteen
"""
TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
NOW = datetime(2026, 5, 6, 9, 20)  # a Wednesday


def value(kind: Kind, text: str, **more: object) -> object:
    found = find(kind, text, Wanted(NOW, **more))  # type: ignore[arg-type]
    return None if found is None else found.value


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("Tomorrow, please.", "2026-05-07"),
        ("the day after tomorrow", "2026-05-08"),
        ("today", "2026-05-06"),
        ("On Friday.", "2026-05-08"),
        ("Wednesday", "2026-05-13"),
        ("this Thursday", "2026-05-07"),
        ("next Thursday", "2026-05-14"),
        ("next Sunday.", "2026-05-17"),
        ("In two weeks.", "2026-05-20"),
        ("in a week", "2026-05-13"),
        ("in three days", "2026-05-09"),
        ("May 3rd", "2027-05-03"),
        ("May the ninth", "2026-05-09"),
        ("the third of June", "2026-06-03"),
        ("3 June 2028", "2028-06-03"),
        ("June twenty-first", "2026-06-21"),
        ("the twenty first of December", "2026-12-21"),
        ("Friday, the 12th of June", "2026-06-12"),
        ("the sixth", "2026-05-06"),
        ("on the 5th", "2026-06-05"),
        ("2026-08-01", "2026-08-01"),
        ("12/24", "2026-12-24"),
        ("12/24/27", "2027-12-24"),
        ("February 29th", "2028-02-29"),
        ("the thirty-first", "2026-05-31"),
        ("the 31st of April", None),
        ("the 45th", None),
        ("99/99", None),
        ("I do not know yet", None),
        ("", None),
    ],
)
def test_dates(text: str, want: str | None) -> None:
    assert value("date", text) == want


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("At 7:30 PM.", "19:30"),
        ("seven thirty p.m.", "19:30"),
        ("730 pm", "19:30"),
        ("half past three", "15:30"),
        ("a quarter to five in the afternoon", "16:45"),
        ("ten past nine", "09:10"),
        ("ten minutes to one", "12:50"),
        ("nine", "09:00"),
        ("at six", "18:00"),
        ("seven o'clock", "07:00"),
        ("seven o'clock in the evening", "19:00"),
        ("eight tonight", "20:00"),
        ("8 a.m.", "08:00"),
        ("noon", "12:00"),
        ("at midnight", "00:00"),
        ("twelve thirty", "12:30"),
        ("12 am", "00:00"),
        ("nineteen hundred", None),
        ("fifteen thirty", "15:30"),
        ("15:45", "15:45"),
        ("nine oh five", "09:05"),
        ("07:30", "07:30"),
        ("four at night", "04:00"),
        ("25:10", None),
        ("whenever", None),
    ],
)
def test_times(text: str, want: str | None) -> None:
    assert value("time", text) == want


def test_the_opening_hours_decide_which_seven_is_meant() -> None:
    assert value("time", "seven", within=(17 * 60, 23 * 60)) == "19:00"


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("Four of us.", 4),
        ("a hundred and twenty", 120),
        ("two thousand and five", 2005),
        ("twenty-one", 21),
        ("1,200", 1200),
        ("three million two hundred thousand", 3_200_000),
        ("two and a half", 2.5),
        ("three point one four", 3.14),
        ("3.5", 3.5),
        ("a dozen", 12),
        ("a couple of", 2),
        ("one two three", 123),
        ("minus five", -5),
        ("four or five", 4),
        ("none", None),
        ("and hundred", None),
    ],
)
def test_numbers(text: str, want: float | None) -> None:
    assert value("number", text) == want


@pytest.mark.parametrize(
    ("text", "want", "said"),
    [
        ("$20.50", "20.50 dollars", "20 dollars and 50 cents"),
        ("twenty euros and fifty cents", "20.50 euros", "20 euros and 50 cents"),
        ("a hundred pounds", "100.00 pounds", "100 pounds"),
        ("one dollar", "1.00 dollars", "1 dollar"),
        ("fifty", "50.00 dollars", "50 dollars"),
        ("ninety nine cents", "0.99 dollars", "99 cents"),
        ("ten dollars and two beers", "10.00 dollars", "10 dollars"),
    ],
)
def test_money(text: str, want: str, said: str) -> None:
    found = find("money", text, Wanted(NOW))
    assert found is not None
    assert (found.value, found.said) == (want, said)


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("My name is John Smith.", "John Smith"),
        ("It's Anna.", "Anna"),
        ("um, anna maria lopez", "Anna Maria Lopez"),
        ("This is Mary O'Neill speaking.", "Mary O'Neill"),
        ("John Smyth, S M I T H", "John Smith"),
        ("S M I T H", "Smith"),
        ("What do you mean?", None),
        ("I don't know what you want from me now", None),
        ("", None),
    ],
)
def test_names(text: str, want: str | None) -> None:
    assert value("name", text) == want


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("five five five one two three four", "5551234"),
        ("It's plus four nine, double three, 1234.", "+49331234"),
        ("one eight hundred five five five", "1800555"),
        ("555-1234", "5551234"),
        ("oh seven seven nine", "0779"),
        ("twelve", None),
        ("no", None),
    ],
)
def test_phone_numbers(text: str, want: str | None) -> None:
    assert value("phone", text) == want


def test_letters_and_choices_and_yes() -> None:
    assert value("letters", "alpha bravo three", min_length=3) == "AB3"
    assert value("letters", "alpha bravo", min_length=3) is None
    rooms = ("single room", "double room", "suite")
    assert value("choice", "the double room please", choices=rooms) == "double room"
    assert value("choice", "a double", choices=rooms) == "double room"
    assert value("choice", "the third one", choices=rooms) == "suite"
    assert value("choice", "banana", choices=rooms) is None
    assert value("choice", "single room or double room", choices=rooms) is None
    assert value("yes_no", "yes, that's right") is True
    assert value("yes_no", "no it is not") is False
    assert value("yes_no", "banana") is None
    assert value("text", " call me back, ") == "call me back."


def test_a_sentence_fills_all_slots_that_it_names_and_no_word_twice() -> None:
    slots: dict[str, tuple[Kind, Wanted]] = {
        "people": ("number", Wanted(NOW, asked=False)),
        "day": ("date", Wanted(NOW, asked=False)),
        "time": ("time", Wanted(NOW, asked=False, within=(17 * 60, 23 * 60))),
        "name": ("name", Wanted(NOW, asked=False)),
    }
    found = in_passing(slots, "I'd like a table for four on Friday at seven, my name is Anna Smith.")
    assert {name: f.value for name, f in found.items()} == {
        "people": 4,
        "day": "2026-05-08",
        "time": "19:00",
        "name": "Anna Smith",
    }
    assert in_passing(slots, "I want to book a table") == {}
    price: dict[str, tuple[Kind, Wanted]] = {"price": ("money", Wanted(NOW, asked=False)), "people": slots["people"]}
    assert {n: f.value for n, f in in_passing(price, "twenty dollars for four").items()} == {
        "price": "20.00 dollars",
        "people": 4,
    }
    assert {n: f.value for n, f in in_passing(slots, "for one of the days at the end of May").items()} == {}


def test_when_a_slot_is_whole() -> None:
    assert whole("text", "I am late.", Wanted(NOW)) is False
    assert whole("phone", "five five five", Wanted(NOW)) is False
    assert whole("phone", "five five five one two three four", Wanted(NOW)) is None
    assert whole("letters", "A B", Wanted(NOW, min_length=4)) is False
    assert whole("yes_no", "Yes,", Wanted(NOW)) is True
    assert whole("date", "on Friday", Wanted(NOW)) is None


@given(st.integers(0, 999_999))
def test_a_number_is_read_back(n: int) -> None:
    got = integer_at(_in_words(n).split(), 0)
    assert got == (n, len(_in_words(n).split()))


@given(st.dates(date(2026, 5, 6), date(2027, 5, 5)))
def test_a_day_is_read_back_as_it_is_said(day: date) -> None:
    assert value("date", say(day)) == day.isoformat()


@given(st.integers(0, 1439))
def test_a_time_is_read_back_as_it_is_said(minute: int) -> None:
    hour, rest = divmod(minute, 60)
    assert value("time", phrase(hour, rest)) == f"{hour:02d}:{rest:02d}"


@given(st.text(max_size=60) | st.lists(st.sampled_from(words_of(TRICKY)), max_size=8).map(" ".join))
def test_nothing_that_is_said_breaks_a_slot(text: str) -> None:
    for kind in KINDS:
        for asked in (True, False):
            find(kind, text, Wanted(NOW, choices=("one", "two"), asked=asked))
        whole(kind, text, Wanted(NOW, choices=("one", "two")))


def _in_words(n: int) -> str:
    small, tens = SMALL.split(), TENS.split()
    if n >= 1000:
        rest = n % 1000
        return f"{_in_words(n // 1000)} thousand" + (f" {'and ' if rest < 100 else ''}{_in_words(rest)}" if rest else "")
    if n >= 100:
        return f"{_in_words(n // 100)} hundred" + (f" and {_in_words(n % 100)}" if n % 100 else "")
    if n >= 20:
        return tens[n // 10 - 2] + (f" {small[n % 10]}" if n % 10 else "")
    return small[n]
