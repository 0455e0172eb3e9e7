# SPDX-License-Identifier: GPL-3.0-or-later
"""The SIP messages of a call, of all its legs, in the order in which they were heard and sent."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from mediacore import SipMessage, siptrace_read
from sipagent.call import Call
from sipagent.log import escaped
from sipagent.signalling.text import readable, to_wire
from sipagent.signalling.uri import host_port

ARROW = 30  # characters between two columns
_CSEQ = re.compile(rb"^CSeq[ \t]*:[ \t]*\d+[ \t]+([^\s]+)", re.IGNORECASE | re.MULTILINE)
_USER = re.compile(r"sips?:([^@:;> ]+)[^@> ]*@")
_SDP = re.compile(rb"^(?:Content-Type|c)[ \t]*:[ \t]*application/sdp", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Step:
    """One message, and whose it is."""

    message: SipMessage
    owner: str  # id of the call, or what else was asked for

    @property
    def first_line(self) -> str:
        """As it came, made fit for people."""
        return readable(self.message.text[:1024].split(b"\r\n", 1)[0].decode(errors="replace"))

    @property
    def time(self) -> str:
        """UTC, to the microsecond."""
        return datetime.fromtimestamp(self.message.wall_us / 1e6, UTC).isoformat(timespec="microseconds")

    @property
    def source(self) -> str:
        return _place(self.message.src)

    @property
    def destination(self) -> str:
        return _place(self.message.dst)

    @property
    def peer(self) -> str:
        """The end that is not ours."""
        return self.destination if self.message.sent else self.source

    @property
    def text(self) -> str:
        """The whole message; bytes that are no UTF-8 become U+FFFD."""
        return self.message.text.decode(errors="replace")


def related(calls: Mapping[str, Call], call_id: str) -> list[str]:
    """The call and all that it was ever joined with, and so on; itself first."""
    found = [call_id]
    for known in found:  # grows while we look
        beside = calls[known].other_ids if known in calls else ()
        beside = (*beside, *(other.id for other in calls.values() if known in other.other_ids))
        found += [other for other in dict.fromkeys(beside) if other not in found]
    return found


def steps_of(owners: Iterable[str]) -> list[Step]:
    """All messages of these, each once, in order."""
    found: dict[int, Step] = {}
    for owner in owners:
        for message in siptrace_read(owner=owner):
            found.setdefault(message.number, Step(message, owner))
    return [found[number] for number in sorted(found)]


def steps_with(sip_call_id: str) -> list[Step]:
    """The messages with this Call-ID, whoever they belong to."""
    return [Step(message, "") for message in siptrace_read(call_id=to_wire(sip_call_id))]


def drawing(steps: Collection[Step]) -> str:
    """As text: a column for each peer and one for us, second from the left, and a line for each message."""
    if not steps:
        return "no messages\n"
    first, *others = dict.fromkeys(step.peer for step in steps)
    columns = [first, "sipagent", *others]
    places = {name: place for place, name in enumerate(columns)}
    lines = [" " * 22 + "".join(name[:ARROW].center(ARROW + 1) for name in columns)]
    for step in steps:
        if step.message.n_lost:
            lines.append(f"{'':22}... {step.message.n_lost} messages of {_id(step)} are no longer kept ...")
        source, target = ("sipagent", step.peer) if step.message.sent else (step.peer, "sipagent")
        lines.append(
            f"{step.time[11:26]} {step.message.transport:5} {_row(places[source], places[target], _label(step), columns)}"
        )
    return "\n".join(escaped(line.rstrip()) for line in lines) + "\n"


def wording(steps: Iterable[Step]) -> str:
    """The whole messages, for a terminal: what a peer wrote moves no cursor."""
    return "".join(
        f"\n{step.time} {step.source} -> {step.destination}\n\n"
        + "".join(f"{escaped(line)}\n" for line in step.text.replace("\r\n", "\n").split("\n"))
        for step in steps
    )


def _row(source: int, target: int, label: str, columns: list[str]) -> str:
    left, right = min(source, target), max(source, target)
    width = (right - left) * (ARROW + 1) - 1
    body = f" {label[: width - 5]} ".center(width - 2, "-")
    arrow = f"-{body}>" if source < target else f"<{body}-"
    gap = " " * ARROW
    half = " " * (ARROW // 2)
    before = "".join(f"|{gap}" for _ in range(left))
    after = "".join(f"{gap}|" for _ in range(right + 1, len(columns)))
    return f"{half}{before}|{arrow}|{after}"


def _label(step: Step) -> str:
    """Method, or status and what it answers; and whether there is SDP."""
    text, line = step.message.text, step.first_line
    if line.upper().startswith("SIP/"):
        method = _CSEQ.search(text)
        line = line.split(" ", 1)[-1] + (f" ({method[1].decode(errors='replace')})" if method else "")
    else:
        method_of, _, uri = line.partition(" ")
        user = _USER.match(uri)
        line = f"{method_of} {user[1]}" if user else method_of
    verdict = "" if step.message.verdict == "passed" else f" [{step.message.verdict}]"
    return readable(line + (" SDP" if _SDP.search(text) else "") + verdict)


def _id(step: Step) -> str:
    return readable(step.message.call_id.decode(errors="replace"))


def _place(end: tuple[str, int]) -> str:
    return host_port(*end) if end[0] else "?"
