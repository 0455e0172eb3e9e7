# SPDX-License-Identifier: GPL-3.0-or-later
"""The routing table and the command that explains it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipagent import cli
from sipagent.config import ConfigError, load
from sipagent.config_routes import ACTIONS, Route
from sipagent.routing.table import Facts, Table
from sipagent.signalling.headers import Headers

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)  # a Monday

CONFIG = """
[[routes]]
name = "sales"
called = ["_1XX", "sales"]
hours = "mon-fri 09:00-17:00"
zone = "Europe/Berlin"
bridge = ["sip:{called:1}@192.0.2.1", "sip:2@192.0.2.2"]
[[routes]]
account = "trunk-*"
calling = "_+49."
headers = {"X-Queue" = "gold"}
room = "{called}"
[[routes]]
called = "_1XX"
reject = 480
"""


def facts(called: str = "100", calling: str = "", account: str = "direct", now: datetime = NOON, **headers: str) -> Facts:
    return Facts(called, calling, now, account, Headers(headers.items()))


@given(st.lists(st.sampled_from(["_1XX", "_10X", "100", "200", "_2!"]), max_size=6), st.sampled_from(["100", "101", "2", "9"]))
def test_first_that_fits(patterns: list[str], called: str) -> None:
    table = Table([Route(called=[p], reject=400 + i) for i, p in enumerate(patterns)])
    fits = [v.place for v in table.examine(facts(called)) if not v.unfit]
    taken = table.route(facts(called))
    assert (taken.place if taken else None) == (min(fits) if fits else None)
    alone = [Table([Route(called=[p], reject=400)]).route(facts(called)) is not None for p in patterns]
    assert [i for i, fit in enumerate(alone, 1) if fit] == fits


def test_every_condition_must_hold(tmp_path: Path) -> None:
    table = Table([Route(account=["pbx"], calling=["_+49."], headers={"x-queue": "gold"}, room="a")])
    good: dict[str, Any] = {"account": "pbx", "calling": "+4930", "X-Queue": "gold"}
    assert table.route(facts(**good)) is not None
    for change in ({"account": "direct"}, {"calling": "0049"}, {"X-Queue": "silver"}):
        assert table.route(facts(**{**good, **change})) is None


def test_time_is_that_of_the_zone() -> None:
    table = Table([Route(hours=["mon 09:00-10:00"], zone="Asia/Tokyo", reject=480)])
    assert table.route(facts(now=datetime(2026, 11, 23, 0, 30, tzinfo=UTC))) is not None  # 09:30 in Tokyo
    assert table.route(facts(now=datetime(2026, 11, 23, 9, 30, tzinfo=UTC))) is None


def explain(capsys: pytest.CaptureFixture[str], file: Path, *arguments: str) -> tuple[int, dict[str, Any]]:
    code = cli.run(["route", *arguments, "-c", str(file), "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_the_command_says_which_and_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "a.toml"
    file.write_text(CONFIG.replace("trunk-*", "trunk"))
    code, said = explain(capsys, file, "sip:1-00@host", "--at", "2026-11-23T12:00+01:00"[:16])
    assert code == 0
    assert said["called"] == "100"
    code, said = explain(capsys, file, "700", "--from", "+4930", "--account", "trunk", "--header", "X-Queue: gold")
    assert (code, said["route"], said["outcome"]) == (0, "route 2", "route 2: room {called}")
    assert "called '700' is not _1XX or sales" in said["examined"][0]["why_not"]
    code, said = explain(capsys, file, "700")
    assert (code, said["route"], said["outcome"]) == (1, None, "404: no route fits")
    assert len(said["examined"]) == 3
    assert cli.run(["route", "1", "--header", "oops", "-c", str(file)]) == 2


def test_without_routes_the_agent_takes_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["route", "700"]) == 0
    assert 'no routes: agent "reception"' in capsys.readouterr().out


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("", "says nothing to do: a route needs exactly one of"),
        ('agent = "echo"\nreject = 404', "agent and reject are given"),
        ('called = "_9.9"\nreject = 404', "routes[0].called: '_9.9'"),
        ('hours = "monday"\nreject = 404', "is not a day"),
        ('zone = "Berlin"\nreject = 404', "'Berlin' is not a time zone"),
        ('bridge = "600@host"', "has no scheme"),
        ('bridge = "sip:{caled}@host"', "{caled} is not known"),
        ('room = "{x}"', "{x} is not known"),
        ('reject = 404\nvia = "pbx"', "via belongs to a bridge"),
        ("reject = 200", "greater than or equal to 400"),
        ('headers = {"X-A" = "_"}\nreject = 404', "'_!' for anything"),
    ],
)
def test_errors_name_the_row_and_the_fix(tmp_path: Path, row: str, words: str) -> None:
    file = tmp_path / "a.toml"
    file.write_text(f"[[routes]]\n{row}\n")
    with pytest.raises(ConfigError) as caught:
        load(file)
    assert words in str(caught.value)
    assert "routes[0]" in str(caught.value)


def test_every_action_is_a_setting() -> None:
    assert set(ACTIONS) < set(Route.model_fields)
