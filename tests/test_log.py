# SPDX-License-Identifier: GPL-3.0-or-later
"""Log lines: the call's id on each, no secret on any, both forms."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import threading
from collections.abc import Iterator

import pytest

from sipagent import log
from sipagent.config import Level, Log


@pytest.fixture
def root_logger() -> Iterator[None]:
    """Puts the process's logging back as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers, root.level = handlers, level


def start(*, json_lines: bool = True, level: Level = "info") -> io.StringIO:
    stream = io.StringIO()
    log.setup(Log(json_lines=json_lines, level=level), stream)
    return stream


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


@pytest.mark.usefixtures("root_logger")
async def test_call_id_is_on_every_line_of_a_call_also_in_its_tasks() -> None:
    stream = start()
    logger = log.get_logger("t1")

    async def task() -> None:
        logger.info("inside a task")

    with log.call_context("abc"):
        logger.info("inside")
        await asyncio.create_task(task())
        logging.getLogger("library").warning("inside a library")
    logger.info("outside")
    assert [line.get("call") for line in lines(stream)] == ["abc", "abc", "abc", None]


@pytest.mark.usefixtures("root_logger")
async def test_two_calls_at_once_keep_their_own_ids() -> None:
    stream = start()
    logger = log.get_logger("t2")

    async def one_call(call_id: str) -> None:
        with log.call_context(call_id):
            for _ in range(3):
                logger.info("step", mine=call_id)
                await asyncio.sleep(0)

    await asyncio.gather(one_call("a"), one_call("b"))
    assert len(lines(stream)) == 6
    assert all(line["call"] == line["mine"] for line in lines(stream))


@pytest.mark.usefixtures("root_logger")
@pytest.mark.parametrize("json_lines", [True, False])
def test_secrets_never_get_out(json_lines: bool) -> None:
    stream = start(json_lines=json_lines)
    logger = log.get_logger(f"t3.{json_lines}")
    logger.info("registering", password="hunter2", account={"user": "1", "password": "hunter2"})
    logger.info("INVITE sip:1000:hunter2@pbx.example", uri=["sips:1:hunter2@h:5061"])
    logger.info("sdp", body="a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:hunter2hunter2hunter2+/=|2^20")
    logger.info("message", raw="Authorization: Digest username=1, response=hunter2\r\nFrom: x")
    logging.getLogger("library").warning("calling %s", "sip:1:hunter2@h")
    try:
        raise ValueError("can't register sip:1:hunter2@h")
    except ValueError:
        logger.exception("failed")
    assert stream.getvalue().count(log.HIDDEN) == 9
    assert "hunter2" not in stream.getvalue()
    assert "pbx.example" in stream.getvalue()


@pytest.mark.usefixtures("root_logger")
def test_level_holds_for_both_doors() -> None:
    stream = start(level="warning")
    log.get_logger("t4").info("quiet")
    logging.getLogger("t4.library").info("quiet")
    log.get_logger("t4").warning("loud")
    assert [(line["event"], line["level"], line["logger"]) for line in lines(stream)] == [("loud", "warning", "t4")]


class Named:
    sip_call_id = "c1@192.0.2.7"


@pytest.mark.usefixtures("root_logger")
def test_the_sip_call_id_stands_beside_ours_wherever_ours_comes_from() -> None:
    stream = start()
    logger = log.get_logger("t5")
    call = Named()
    log.CALLS["abc"] = call
    with log.call_context("abc"):
        logger.info("in its context")
    logger.info("by name", call="abc")
    with log.call_context("abc"):
        logger.info("of another", call="def")
    with log.call_context("def", "c2"):
        logger.info("not known yet")
    with log.call_context("abc"), log.call_context(""):
        logger.info("of none")
    del call
    logger.info("over", call="abc")
    assert [(line.get("call"), line.get("sip_call_id")) for line in lines(stream)] == [
        ("abc", "c1@192.0.2.7"),
        ("abc", "c1@192.0.2.7"),
        ("def", None),
        ("def", "c2"),
        (None, None),
        ("abc", None),
    ]


@pytest.mark.usefixtures("root_logger")
def test_a_job_for_another_thread_is_logged_of_the_call_that_asked() -> None:
    stream = start()
    logger = log.get_logger("t6")
    with log.call_context("abc", "c1"):
        job = log.carried(lambda: logger.info("job"))
    plain = log.carried(lambda: logger.info("job"))
    for work in (job, plain):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert [(line.get("call"), line.get("sip_call_id")) for line in lines(stream)] == [("abc", "c1"), (None, None)]


ENDS = ["\n", "\r\n", "\r", "\v", "\f", "\x1c", "\x1e", "\x85", "\u2028", "\u2029"]


@pytest.mark.usefixtures("root_logger")
@pytest.mark.parametrize("json_lines", [True, False])
@pytest.mark.parametrize("end", ENDS)
def test_what_a_peer_writes_begins_no_line(json_lines: bool, end: str) -> None:
    forged = f"x{end}2026-11-22 19:00:00 [info     ] call ended call=abc\x1b[2K\u202e\ud800"
    stream = start(json_lines=json_lines)
    logger = log.get_logger(f"t7.{json_lines}.{end!r}")
    logger.info("value", reason=forged, rows=[forged], table={forged: forged})
    logger.info(forged)
    logging.getLogger("library").warning("said %s", forged)
    try:
        raise ValueError(forged)
    except ValueError:
        logger.exception("failed")
    written = stream.getvalue()
    assert not [line for line in written.splitlines() if line.startswith("2026-11-22 19:00:00")]
    assert "\x1b[2K" not in written
    assert "\u202e" not in written
    if not json_lines:
        said, *trace = written.splitlines()[3:]
        assert "failed" in said
        assert all(line.startswith("    ") for line in trace)
        assert len(trace) > 2
