# SPDX-License-Identifier: GPL-3.0-or-later
"""Torture messages in the manner of RFC 4475 (sections in the rows) and RFC 5118, with words of our own: what is wrong, or only
looks so, and what may come back. A verdict is the set of final answers that are right; 0 = silence is right, too."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Any

from tests.sip.wire import sdp

CALL = frozenset({200})  # the malformed ones must not get this for an INVITE
FINE = frozenset({200})
BAD = frozenset({400, 0})
NOT_SERVED = frozenset({405, 501})


@dataclass(frozen=True)
class Case:
    """`headers`: name -> value in the place of the usual one; None = left out; several lines in a list."""

    name: str
    section: str
    verdict: frozenset[int]
    method: str = "INVITE"
    headers: dict[str, Any] = field(default_factory=dict)
    line: str = "{method} sip:600@127.0.0.1 SIP/2.0"
    body: str | None = None
    length: str | None = None
    behind: str = ""  # after the message in the same datagram

    def bytes(self, port: int) -> bytes:
        """The datagram; answers go to where it comes from."""
        offer = sdp() if self.method == "INVITE" else ""
        body = offer if self.body is None else self.body
        usual: dict[str, Any] = {
            "Via": f"SIP/2.0/UDP 127.0.0.1:{port};rport;branch=z9hG4bK{secrets.token_hex(6)}",
            "Max-Forwards": "70",
            "From": f"<sip:tester@127.0.0.1>;tag={secrets.token_hex(4)}",
            "To": "<sip:600@127.0.0.1>",
            "Call-ID": secrets.token_hex(8),
            "CSeq": f"1 {self.method}",
            "Contact": f"<sip:tester@127.0.0.1:{port}>",
            "Content-Type": "application/sdp" if body else None,
            "Content-Length": str(len(body.encode())) if self.length is None else self.length,
        }
        lines = [self.line.format(method=self.method)]
        for name, value in (usual | self.headers).items():
            values = value if isinstance(value, list) else [value]
            lines += [
                f"{name}: {v.format(port=port, branch='z9hG4bK' + secrets.token_hex(6))}" for v in values if v is not None
            ]
        return ("\r\n".join(lines) + "\r\n\r\n" + body + self.behind).encode("utf-8", "surrogateescape")


VIA = "SIP/2.0/UDP 127.0.0.1:{port};rport;branch={branch}"

CASES = [
    # RFC 4475 section 3.1.1: strange, and right
    Case(
        "folded and spaced",
        "3.1.1.1",
        CALL,
        headers={"Via": "SIP / 2.0\r\n / UDP\r\n  127.0.0.1:{port} ;\r\n rport;branch={branch}"},
    ),
    Case("folded subject", "3.1.1.1", CALL, headers={"s": "", "NewFangled": "new\r\n value going\r\n  on"}),
    Case(
        "wide range of a method", "3.1.1.2", NOT_SERVED, "!odd-Method0_*+`.%it's~", {"To": '"BEL:\\\x07 NUL:\\\x00" <sip:a@b>'}
    ),
    Case("escapes in URIs", "3.1.1.3", CALL, headers={"From": "<sip:I%20have%20spaces@127.0.0.1>;tag=1{branch}"}),
    Case("escaped NUL", "3.1.1.4", NOT_SERVED, "REGISTER", {"To": "<sip:null-%00-null@127.0.0.1>"}),
    Case("percent in a method", "3.1.1.5", NOT_SERVED, "RE%47IST%45R"),
    Case("no space before the bracket", "3.1.1.6", FINE, "OPTIONS", {"From": "tester<sip:tester@127.0.0.1>;tag=1{branch}"}),
    Case(
        "long values",
        "3.1.1.7",
        CALL,
        headers={"X-" + "long" * 40: "very " * 100, "Via": [VIA] + ["SIP/2.0/UDP 192.0.2.9"] * 33},
    ),
    Case("two messages in a datagram", "3.1.1.8", NOT_SERVED, "REGISTER", behind="INVITE sip:600@127.0.0.1 SIP/2.0\r\n\r\n"),
    Case("semicolon in the user part", "3.1.1.9", FINE, "OPTIONS", line="{method} sip:user;par=u%40b@127.0.0.1 SIP/2.0"),
    Case(
        "all transports",
        "3.1.1.10",
        FINE,
        "OPTIONS",
        {"Via": [VIA, "SIP/2.0/SCTP a;branch=z9hG4bK1", "SIP/2.0/NEW b;branch=z"]},
    ),
    Case(
        "multipart",
        "3.1.1.11",
        NOT_SERVED,
        "MESSAGE",
        {"Content-Type": "multipart/mixed;boundary=x"},
        body="--x\r\n\r\na\x00b\r\n--x--",
    ),
    # section 3.1.2: wrong
    Case(
        "separators without values",
        "3.1.2.1",
        BAD,
        headers={"Via": VIA + ";;,;,,", "Contact": '"" <> ;,"Joe"<sip:joe@a>;;,,;;'},
    ),
    Case("body shorter than said", "3.1.2.2", BAD, length="9999"),
    Case("negative length", "3.1.2.3", BAD, length="-999"),
    Case("numbers beyond their range", "3.1.2.4", BAD, headers={"CSeq": "36893488147419103232 INVITE", "Max-Forwards": "300"}),
    Case("quotes without end", "3.1.2.6", BAD, headers={"To": '"Mr. User <sip:600@127.0.0.1>'}),
    Case("brackets round the request's URI", "3.1.2.7", BAD, line="{method} <sip:600@127.0.0.1> SIP/2.0"),
    Case("space in the request's URI", "3.1.2.8", BAD, line="{method} sip:600@127.0.0.1; lr SIP/2.0"),
    Case("two spaces in the request line", "3.1.2.9", BAD, line="{method}  sip:600@127.0.0.1  SIP/2.0"),
    Case("space at its end", "3.1.2.10", BAD, "OPTIONS", line="{method} sip:600@127.0.0.1 SIP/2.0  "),
    Case("headers in the request's URI", "3.1.2.11", BAD, line="{method} sip:600@127.0.0.1?Route=%3Csip:a%3E SIP/2.0"),
    Case("a date of another zone", "3.1.2.12", frozenset({200, 400}), headers={"Date": "Fri, 01 Jan 2010 16:00:00 EST"}),
    Case("headers in Contact", "3.1.2.13", NOT_SERVED | BAD, "REGISTER", {"Contact": "sip:a@b?Route=%3Csip:c%3E"}),
    Case("spaces in an address", "3.1.2.14", FINE | BAD, "OPTIONS", {"To": '"W, T" < sip:600@127.0.0.1 >'}),
    Case("display name that is no token", "3.1.2.15", FINE | BAD, "OPTIONS", {"From": "Bell, A <sip:a@b>;tag=43{branch}"}),
    Case("another version", "3.1.2.16", frozenset({505}), "OPTIONS", line="{method} sip:600@127.0.0.1 SIP/7.0"),
    Case("two methods", "3.1.2.17", BAD, "OPTIONS", {"CSeq": "8 INVITE"}),
    Case("two methods, one unknown", "3.1.2.18", frozenset({400, 501}), "NEWMETHOD", {"CSeq": "8 INVITE"}),
    # sections 3.2 and 3.3
    Case("branch of the cookie only", "3.2.1", FINE, "OPTIONS", {"Via": "SIP/2.0/UDP 127.0.0.1:{port};rport;branch=z9hG4bK"}),
    Case("headers missing", "3.3.1", BAD, headers={"Call-ID": None, "From": None, "To": None}),
    Case("unknown scheme", "3.3.2", frozenset({416}), "OPTIONS", line="{method} nobodyKnows:opaque SIP/2.0"),
    Case(
        "known scheme that is not SIP's",
        "3.3.3",
        frozenset({416}),
        "OPTIONS",
        line="{method} soap.beep://192.0.2.3:3002 SIP/2.0",
    ),
    Case("unknown scheme in To", "3.3.4", NOT_SERVED | BAD, "REGISTER", {"To": "isbn:2983792873"}),
    Case("unknown extensions demanded", "3.3.5", frozenset({420}), "OPTIONS", {"Require": "nobodyHas, thisOne"}),
    Case("the same of a call", "3.3.5", frozenset({420}), headers={"Require": "nobodyHas, thisOne"}),
    Case(
        "a body of an unknown type",
        "3.3.6",
        frozenset({415}),
        headers={"Content-Type": "application/odd"},
        body="<a/>",
    ),
    Case("a body in an unknown encoding", "3.3.6", frozenset({415}), headers={"Content-Encoding": "odd"}),
    Case("Contact that is no SIP URI", "own", frozenset({400}), headers={"Contact": "<tel:+49891>"}),
    Case("Contact that is a page", "own", frozenset({400}), headers={"Contact": "<http://127.0.0.1/>"}),
    Case("no Contact", "own", frozenset({400}), headers={"Contact": None}),
    Case(
        "Contact that is a number, and one that is SIP's",
        "own",
        CALL,
        headers={"Contact": ["<tel:+49891>", "<sip:tester@127.0.0.1:{port}>"]},
    ),
    Case("an unknown way to authenticate", "3.3.7", NOT_SERVED | BAD, "REGISTER", {"Authorization": "NoOneKnows opaque=here"}),
    Case("single ones twice", "3.3.8", BAD, headers={"Call-ID": ["a", "b"], "To": ["<sip:a@b>", "<sip:c@d>"]}),
    Case("two lengths", "3.3.9", BAD, headers={"Content-Length": ["13", "0"]}),
    Case("no hops left", "3.3.11", FINE | frozenset({483}), "OPTIONS", {"Max-Forwards": "0"}),
    Case("unknown parameters of Contact", "3.3.12", NOT_SERVED, "REGISTER", {"Contact": "sip:a@b;unknownparam"}),
    Case("unknown parameters of a URI in Contact", "3.3.13", NOT_SERVED, "REGISTER", {"Contact": "<sip:a@b;unknownparam>"}),
    Case("escaped headers in a URI", "3.3.14", NOT_SERVED | BAD, "REGISTER", {"Contact": "<sip:a@b?Route=%3Csip:c%3E>"}),
    Case("accepts nothing that we have", "3.3.15", frozenset({200, 406}), headers={"Accept": "text/nobodyKnowsThis"}),
    Case(
        "as in RFC 2543",
        "3.4.1",
        frozenset({200, 400}),
        headers={"Via": "SIP/2.0/UDP 127.0.0.1:{port};rport", "Max-Forwards": None},
    ),
    # RFC 5118, IPv6 references
    Case("IPv6 in the request's URI", "5118 4.1", FINE, "OPTIONS", line="{method} sip:[2001:db8::10] SIP/2.0"),
    Case("IPv6 without brackets", "5118 4.2", BAD | FINE, "OPTIONS", line="{method} sip:2001:db8::10 SIP/2.0"),
    Case("a port that is part of the address", "5118 4.3", FINE, "OPTIONS", line="{method} sip:[2001:db8::10:5070] SIP/2.0"),
    Case("IPv6 and a port", "5118 4.4", FINE, "OPTIONS", line="{method} sip:[2001:db8::10]:5070 SIP/2.0"),
    Case(
        "IPv6 in received",
        "5118 4.5",
        FINE,
        "OPTIONS",
        {"Via": [VIA, "SIP/2.0/UDP [2001:db8::9:1];received=[2001:db8::9:255];branch=z9hG4bKas3"]},
    ),
    Case(
        "received without brackets",
        "5118 4.5",
        FINE,
        "OPTIONS",
        {"Via": [VIA, "SIP/2.0/UDP [2001:db8::9:1];received=2001:db8::9:255;branch=z9hG4bKas3"]},
    ),
    Case(
        "IPv6 in the offer",
        "5118 4.6",
        frozenset({200, 488}),
        headers={"Call-ID": "{branch}@[2001:db8::20]"},
        body=sdp().replace("IP4 127.0.0.1", "IP6 2001:db8::20"),
    ),
    Case(
        "both families in Via, From and Contact",
        "5118 4.7",
        FINE,
        "OPTIONS",
        {
            "Via": [VIA, "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1", "SIP/2.0/TCP [2001:db8::9:255];branch=z9hG4bK2"],
            "From": "<sip:tester@[2001:db8::9:1]>;tag=1{branch}",
        },
    ),
    Case(
        "both families in one offer",
        "5118 4.8",
        frozenset({200, 488}),
        body=sdp().replace("c=IN IP4 127.0.0.1", "c=IN IP6 2001:db8::1"),
    ),
    Case("a colon too many", "5118 4.10", BAD | FINE, "OPTIONS", line="{method} sip:[2001:db8:::10] SIP/2.0"),
    Case("IPv4 mapped into IPv6", "5118 4.9", FINE, "OPTIONS", line="{method} sip:[::ffff:192.0.2.10] SIP/2.0"),
    # beyond the bounds of our gate
    Case("payload type above 127", "gate", frozenset({488}), body=sdp("RTP/AVP 0 128")),
    Case("ptime 1", "gate", frozenset({488}), body=sdp(lines="a=ptime:1\r\n")),
    Case("five media", "gate", frozenset({488}), body=sdp() + "m=video 0 RTP/AVP 31\r\n" * 4),
    Case("seventeen keys", "gate", frozenset({488}), body=sdp(lines="a=crypto:1 X inline:y\r\n" * 17)),
    Case("a body of 5 KB", "gate", frozenset({413}), body=sdp() + "x" * 5000),
]

RESPONSES = {  # by section; nobody asked for them: silence
    "3.1.2.19": b"SIP/2.0 4294967301 better not break the receiver\r\n",
    "3.1.2.5": b"SIP/2.0 503 Unavailable\r\nCSeq: 9292394834772304023312 OPTIONS\r\nRetry-After: 94930283850302834930402\r\n",
    "3.1.1.12": "SIP/2.0 200 = 2**3 * 5**2 слова\r\n".encode(),
    "3.1.1.13": b"SIP/2.0 100 \r\n",
    "3.3.10": b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 255.255.255.255;branch=z9hG4bK1saber23\r\n",
}
