# SPDX-License-Identifier: GPL-3.0-or-later
"""SIPp scenarios put together from steps: of who calls us (`invite`, `receive`, ...) and of whom we call (`expect`, `respond`,
`ask`). An expression that a message has to contain is `must_match`."""

from __future__ import annotations

import re
from pathlib import Path
from xml.sax.saxutils import quoteattr

_REQUEST = """{method} sip:600@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] {via};branch=[branch]
From: <sip:sipp@[local_ip]:[local_port]>;tag=[call_number]
To: <sip:600@[remote_ip]:[remote_port]>{tag}
Call-ID: [call_id]
CSeq: {cseq} {method}
Contact: <sip:sipp@[local_ip]:[local_port];transport=[transport]>
Max-Forwards: 70
{headers}"""

# Of the side that was called: names and tags change places. "to" and "from" are those of the INVITE (`expect`).
_BACK = """{method} [next_url] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From:[$to];tag={tag}
To:[$from]
Call-ID: [call_id]
CSeq: {cseq} {method}
Contact: <sip:sipp@[local_ip]:[local_port]>
Max-Forwards: 70
{headers}"""

_ANSWER = """SIP/2.0 {status}
[last_Via:]
[last_From:]
[last_To:]{tag}
[last_Call-ID:]
[last_CSeq:]
Contact: <{contact}>
{headers}"""

# To the INVITE that came last, whatever has come since.
_ANSWER_INVITE = """SIP/2.0 {status}
Via:[$via]
From:[$from]
To:[$to];tag={tag}
[last_Call-ID:]
CSeq:[$cseq]
Contact: <{contact}>
{headers}"""

_SDP = """Content-Type: application/sdp
Content-Length: [len]

v=0
o=sipp 1 {version} IN IP[media_ip_type] [media_ip]
s=-
c=IN IP[media_ip_type] {host}
t=0 0
m=audio [media_port] RTP/AVP {payload}
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a={direction}
a=ptime:{ptime}
"""

NO_BODY = "Content-Length: 0\n\n"
OURS = "[local_ip]:[local_port]"
CONTACT = f"sip:sipp@{OURS}"
TAG = "sipp[call_number]"
RETRANS = ' retrans="500"'


def sdp(version: int = 1, direction: str = "sendrecv", host: str = "[media_ip]", payload: int = 0, ptime: int = 20) -> str:
    return _SDP.format(version=version, direction=direction, host=host, payload=payload, ptime=ptime)


def body(kind: str, text: str) -> str:
    """Any other body."""
    return f"Content-Type: {kind}\nContent-Length: [len]\n\n{text}\n"


def _send(text: str, options: str = "") -> str:
    return f"<send{options}><![CDATA[\n{text}\n]]></send>\n"


def _matches(must_match: str, never: str = "") -> str:
    """The checks of a message."""
    rows = [(must_match, "check_it"), (never, "check_it_inverse")]
    checks = [f'<ereg regexp={quoteattr(text)} search_in="msg" {how}="true" assign_to="{how}"/>' for text, how in rows if text]
    return f"<action>{''.join(checks)}</action>" if checks else ""


# ---- who calls


def send(
    method: str, cseq: int, body: str = NO_BODY, headers: str = "", dialog: bool = True, via: str = OURS, options: str = ""
) -> str:
    """A request; `dialog`: with the other side's tag. `headers`: whole lines. `via`: its sent-by."""
    tag = "[peer_tag_param]" if dialog else ""
    text = _REQUEST.format(method=method, cseq=cseq, tag=tag, headers=headers, via=via)
    return _send(text + body, options or ("" if method == "ACK" else RETRANS))


def receive(code: int, optional: bool = False, must_match: str = "") -> str:
    """A response."""
    wants = ' optional="true"' if optional else ""
    return f'<recv response="{code}"{wants}>{_matches(must_match)}</recv>\n'


def pause(ms: int) -> str:
    return f'<pause milliseconds="{ms}"/>\n'


def invite(body: str, headers: str = "", cseq: int = 1, via: str = OURS) -> str:
    """The first INVITE and what may come before its answer."""
    return send("INVITE", cseq, body, headers, dialog=False, via=via) + receive(100, optional=True)


def answered(headers: str = "", via: str = OURS) -> str:
    """A call that is taken."""
    return invite(sdp(), headers, via=via) + receive(180, optional=True) + receive(200) + send("ACK", 1)


def reinvite(cseq: int, body: str, must_match: str, code: int = 200, ack: str = NO_BODY) -> str:
    """An offer in the middle of the call, and its acknowledgement."""
    wait = receive(100, optional=True) + receive(code, must_match=must_match)
    return send("INVITE", cseq, body) + wait + send("ACK", cseq, ack)


def update(cseq: int, body: str, must_match: str) -> str:
    return send("UPDATE", cseq, body) + receive(200, must_match=must_match)


def hang_up(cseq: int) -> str:
    return send("BYE", cseq) + receive(200)


# ---- who is called


def expect(method: str, must_match: str = "", never: str = "", timeout_s: float = 20.0, checks: str = "") -> str:
    """A request. What later responses to an INVITE need of it is kept; of the dialog, what the first one says."""
    keep = ""
    if method == "INVITE":
        headers = {"via": "Via:", "cseq": "CSeq:", "from": "From:"}
        keep = "".join(f'<ereg regexp=".*" search_in="hdr" header="{h}" assign_to="{n}"/>' for n, h in headers.items())
        keep += '<ereg regexp="[^;]*" search_in="hdr" header="To:" assign_to="to"/>'
    actions = f"<action>{keep}{checks}</action>" if keep or checks else ""
    both = actions + _matches(must_match, never)
    return f'<recv request="{method}" rrs="true" timeout="{round(timeout_s * 1000)}">{both}</recv>\n'.replace(
        "</action><action>", ""
    )


def expect_at_last(method: str, must_match: str) -> str:
    """Such a request that has this; those before it that have not, repetitions, are passed over."""
    look = f'<action><ereg regexp={quoteattr(must_match)} search_in="msg" assign_to="last"/></action>'
    wait = f'<label id="8"/>\n<recv request="{method}" timeout="20000" test="last" next="9">{look}</recv>\n'
    return wait + '<nop next="8"/>\n<label id="9"/>\n'


def respond(status: str, body: str = NO_BODY, headers: str = "", tag: str = "", contact: str = CONTACT) -> str:
    """To the request that came last. `tag`: of To, where the request had none."""
    return _send(_ANSWER.format(status=status, headers=headers, tag=f";tag={tag}" if tag else "", contact=contact) + body)


def respond_invite(status: str, body: str = NO_BODY, headers: str = "", tag: str = TAG, contact: str = CONTACT) -> str:
    """To the INVITE that came last; a final one is repeated until its ACK."""
    text = _ANSWER_INVITE.format(status=status, headers=headers, tag=tag, contact=contact) + body
    return _send(text, RETRANS if status[0] != "1" else "")


def accept(headers: str = "", body: str = "") -> str:
    """Takes the call, or the offer in it."""
    return respond_invite("200 OK", body or sdp(), headers) + expect("ACK")


def refuse(status: str, headers: str = "", contact: str = CONTACT) -> str:
    return respond_invite(status, headers=headers, contact=contact) + expect("ACK")


def ask(method: str, cseq: int, body: str = NO_BODY, headers: str = "", tag: str = TAG) -> str:
    """A request of the side that was called."""
    return _send(_BACK.format(method=method, cseq=cseq, headers=headers, tag=tag) + body, RETRANS)


def is_hung_up(must_match: str = "", timeout_s: float = 20.0) -> str:
    return expect("BYE", must_match, timeout_s=timeout_s) + respond("200 OK")


def either(one: list[str], other: list[str]) -> str:
    """Two kinds of calls at one port: `one` if its first request comes, else `other`."""
    first = one[0].replace("<recv ", '<recv optional="true" next="1" ', 1)
    return first + "".join(other) + '<nop next="2"/>\n<label id="1"/>\n' + "".join(one[1:]) + '<label id="2"/>\n'


def write(path: Path, name: str, *steps: str) -> Path:
    """The scenario as SIPp reads it."""
    text = "".join(steps)
    names = ",".join(sorted(set(re.findall(r'assign_to="(\w+)"', text))))  # SIPp wants each to be used
    reference = f'<Reference variables="{names}"/>\n' if names else ""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'<?xml version="1.0" encoding="UTF-8"?>\n<scenario name="{name}">\n{text}{reference}</scenario>\n')
    return path
