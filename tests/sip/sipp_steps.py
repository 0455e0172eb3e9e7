# SPDX-License-Identifier: GPL-3.0-or-later
"""SIPp scenarios put together from steps."""

from __future__ import annotations

from pathlib import Path

_REQUEST = """{method} sip:600@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:sipp@[local_ip]:[local_port]>;tag=[call_number]
To: <sip:600@[remote_ip]:[remote_port]>{tag}
Call-ID: [call_id]
CSeq: {cseq} {method}
Contact: <sip:sipp@[local_ip]:[local_port]>
Max-Forwards: 70
{headers}"""

_SDP = """Content-Type: application/sdp
Content-Length: [len]

v=0
o=sipp 1 {version} IN IP4 [local_ip]
s=-
c=IN IP4 {host}
t=0 0
m=audio [media_port] RTP/AVP {payload}
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a={direction}
a=ptime:{ptime}
"""

NO_BODY = "Content-Length: 0\n\n"


def sdp(version: int = 1, direction: str = "sendrecv", host: str = "[media_ip]", payload: int = 0, ptime: int = 20) -> str:
    return _SDP.format(version=version, direction=direction, host=host, payload=payload, ptime=ptime)


def send(method: str, cseq: int, body: str = NO_BODY, headers: str = "", dialog: bool = True) -> str:
    """A request; `dialog`: with the other side's tag. `headers`: whole lines."""
    tag = "[peer_tag_param]" if dialog else ""
    options = "" if method == "ACK" else ' retrans="500"'
    return (
        f"<send{options}><![CDATA[\n{_REQUEST.format(method=method, cseq=cseq, tag=tag, headers=headers)}{body}\n]]></send>\n"
    )


def receive(code: int, optional: bool = False, must_match: str = "") -> str:
    """A response. `must_match`: an expression that it has to contain."""
    check = ""
    if must_match:
        check = f'<action><ereg regexp="{must_match}" search_in="msg" check_it="true" assign_to="seen"/></action>'
    wants = ' optional="true"' if optional else ""
    return f'<recv response="{code}"{wants}>{check}</recv>\n'


def pause(ms: int) -> str:
    return f'<pause milliseconds="{ms}"/>\n'


def invite(body: str, headers: str = "", cseq: int = 1) -> str:
    """The first INVITE and what may come before its answer."""
    return send("INVITE", cseq, body, headers, dialog=False) + receive(100, optional=True)


def reinvite(cseq: int, body: str, must_match: str, code: int = 200) -> str:
    """An offer in the middle of the call, and its acknowledgement."""
    wait = receive(100, optional=True) + receive(code, must_match=must_match)
    return send("INVITE", cseq, body) + wait + send("ACK", cseq)


def update(cseq: int, body: str, must_match: str) -> str:
    return send("UPDATE", cseq, body) + receive(200, must_match=must_match)


def hang_up(cseq: int) -> str:
    return send("BYE", cseq) + receive(200)


def write(path: Path, name: str, *steps: str) -> Path:
    """The scenario as SIPp reads it."""
    text = "".join(steps)
    reference = '<Reference variables="seen"/>\n' if 'assign_to="seen"' in text else ""
    path.write_text(f'<?xml version="1.0" encoding="UTF-8"?>\n<scenario name="{name}">\n{text}{reference}</scenario>\n')
    return path
