# SPDX-License-Identifier: GPL-3.0-or-later
"""Request lines, URIs, the shape of the whole message, and methods where they don't belong."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

from tests.hostile.message import OFFER, Family, Hostile, Parts, Verdict, good

_URIS: dict[str, tuple[bytes, Verdict]] = {
    "no user": (b"sip:127.0.0.1", Verdict.ANSWERED),
    "empty": (b"", Verdict.REFUSED),
    "scheme only": (b"sip:", Verdict.REFUSED),
    "no host": (b"sip:600@", Verdict.REFUSED),
    "two at signs": (b"sip:600@a@127.0.0.1", Verdict.ANSWERED),
    "brackets": (b"<sip:600@127.0.0.1>", Verdict.REFUSED),
    "open IPv6": (b"sip:600@[::1", Verdict.REFUSED),
    "IPv6 of 300": (b"sip:600@[" + b"1:" * 150 + b"]", Verdict.ANSWERED),
    "port 0": (b"sip:600@127.0.0.1:0", Verdict.ANSWERED),
    "port 99999": (b"sip:600@127.0.0.1:99999", Verdict.EITHER),
    "port a": (b"sip:600@127.0.0.1:a", Verdict.REFUSED),
    "port missing": (b"sip:600@127.0.0.1:", Verdict.EITHER),
    "password": (b"sip:600:pass:word@127.0.0.1", Verdict.ANSWERED),
    "escaped NUL": (b"sip:6%0000@127.0.0.1", Verdict.ANSWERED),
    "half an escape": (b"sip:600%@127.0.0.1", Verdict.ANSWERED),
    "wrong escape": (b"sip:600%zz@127.0.0.1", Verdict.ANSWERED),
    "escaped line end": (b"sip:600%0d%0aX:1@127.0.0.1", Verdict.ANSWERED),
    "twice escaped": (b"sip:%252B600@127.0.0.1", Verdict.ANSWERED),
    "unicode": ("sip:ünïcödé@127.0.0.1".encode(), Verdict.EITHER),
    "Arabic digits": ("sip:٦٠٠@127.0.0.1".encode(), Verdict.EITHER),
    "invalid UTF-8": (b"sip:\xff\xfe@127.0.0.1", Verdict.EITHER),
    "user of 1,000": (b"sip:" + b"6" * 1000 + b"@127.0.0.1", Verdict.ANSWERED),
    "host of 1,000": (b"sip:600@" + b"a" * 1000, Verdict.ANSWERED),
    "labels": (b"sip:600@" + b"a." * 500 + b"b", Verdict.ANSWERED),
    "500 parameters": (b"sip:600@127.0.0.1" + b";a=b" * 500, Verdict.ANSWERED),
    "parameter without name": (b"sip:600@127.0.0.1;=b;=;;", Verdict.ANSWERED),
    "headers": (b"sip:600@127.0.0.1?Route=%3Csip:evil%3E", Verdict.ANSWERED),
    "maddr": (b"sip:600@127.0.0.1;maddr=224.0.0.1;ttl=255", Verdict.ANSWERED),
    "hop of ours": (b"sip:600@h0.hop.invalid;lr", Verdict.SILENT),
    "transport": (b"sip:600@127.0.0.1;transport=" + b"x" * 200, Verdict.ANSWERED),
    "format strings": (b"sip:%n%s%x@127.0.0.1", Verdict.ANSWERED),
    "tel": (b"tel:+49-89-1;ext=1", Verdict.ANSWERED),
    "http": (b"http://127.0.0.1/", Verdict.REFUSED),
    "unknown scheme": (b"nobody:600", Verdict.REFUSED),
    "service URN": (b"urn:service:sos", Verdict.REFUSED),
}
_LINES: dict[str, tuple[bytes, Verdict]] = {
    "two spaces": (b"{m}  sip:600@127.0.0.1 SIP/2.0", Verdict.REFUSED),
    "tab": (b"{m}\tsip:600@127.0.0.1\tSIP/2.0", Verdict.REFUSED),
    "space before": (b" {m} sip:600@127.0.0.1 SIP/2.0", Verdict.REFUSED),
    "space behind": (b"{m} sip:600@127.0.0.1 SIP/2.0 ", Verdict.REFUSED),
    "no version": (b"{m} sip:600@127.0.0.1", Verdict.REFUSED),
    "version 1.0": (b"{m} sip:600@127.0.0.1 SIP/1.0", Verdict.REFUSED),
    "version 2.00": (b"{m} sip:600@127.0.0.1 SIP/2.00", Verdict.REFUSED),
    "version 2": (b"{m} sip:600@127.0.0.1 SIP/2", Verdict.REFUSED),
    "HTTP": (b"{m} sip:600@127.0.0.1 HTTP/1.1", Verdict.REFUSED),
    "small letters": (b"{l} sip:600@127.0.0.1 SIP/2.0", Verdict.REFUSED),
    "long method": (b"X" * 500 + b" sip:600@127.0.0.1 SIP/2.0", Verdict.REFUSED),
    "method of signs": (b"%n%s%x sip:600@127.0.0.1 SIP/2.0", Verdict.REFUSED),
    "space in the URI": (b"{m} sip:600@127.0.0.1; lr SIP/2.0", Verdict.REFUSED),
    "folded": (b"{m}\r\n sip:600@127.0.0.1 SIP/2.0", Verdict.REFUSED),
    "NUL": (b"{m} sip:6\x0000@127.0.0.1 SIP/2.0", Verdict.SILENT),
}
OUTSIDE = (
    "BYE",
    "UPDATE",
    "PRACK",
    "INFO",
    "NOTIFY",
    "REFER",
    "SUBSCRIBE",
    "MESSAGE",
    "PUBLISH",
    "REGISTER",
    "NEWMETHOD",
    "XYZ",
)


def uris() -> Iterator[Hostile]:
    """In the request line, To, From, Contact and Route."""
    family = Family("URI")
    for method in ("INVITE", "OPTIONS"):
        for what, (uri, verdict) in _URIS.items():
            family.add(f"{method} {what}", replace(good(method), line=method.encode() + b" " + uri + b" SIP/2.0"), verdict)
            for name in ("To", "From", "Contact", "Route", "P-Asserted-Identity", "Diversion"):
                seen = (
                    Verdict.SILENT
                    if verdict is Verdict.SILENT
                    else Verdict.EITHER
                    if name in ("To", "From")
                    else Verdict.ANSWERED
                )
                tag = b";tag={mark}" if name == "From" else b""
                family.add(f"{method} {name} {what}", good(method).with_header(name, b"<" + uri + b">" + tag), seen)
        for what, (line, verdict) in _LINES.items():
            filled = line.replace(b"{m}", method.encode()).replace(b"{l}", method.lower().encode())
            family.add(f"{method} line {what}", replace(good(method), line=filled), verdict, framing=True)
    return iter(family)


def framing() -> Iterator[Hostile]:
    """Content-Length that lies, and messages that end early (RFC 3261 section 18.3)."""
    family = Family("framing")
    for method in ("INVITE", "OPTIONS"):
        base = good(method)
        for text in ("-1", "99999", "4294967296", "18446744073709551616", "1", "0", "abc", "1 1", "+5", "0x5", "1,1", '"5"'):
            lied = replace(base, length=text.encode())
            fine = text in ("0", "1")  # a shorter body, and in a datagram nothing behind it
            family.add(f"{method} length {text}", lied, Verdict.EITHER if fine else Verdict.REFUSED, framing=True)
        twice = base.with_header("Content-Length", b"0", b"5")
        family.add(f"{method} two lengths", twice, Verdict.REFUSED, framing=True)
        family.add(f"{method} no length", replace(base, length=None), Verdict.EITHER, framing=True)
        whole = base.render("{mark}", "{via}", 0)
        for n in range(1, len(whole), 12):
            cut = whole[:n]
            ended = b"\r\n\r\n" in cut
            family.add(
                f"{method} cut after {n}", Parts(method, whole=cut), Verdict.REFUSED if ended else Verdict.SILENT, framing=True
            )
        for end in (b"\n", b"\r", b"\n\r", b"\0\r\n"):
            family.add(f"{method} line ends {end!r}", replace(base, end=end), Verdict.EITHER, framing=True)
        for before in (b"\r\n", b"\r\n" * 50, b"\0", b" ", b"\xef\xbb\xbf", b"GET / HTTP/1.1\r\n\r\n"):
            verdict = Verdict.SERVED if set(before) <= set(b"\r\n") else Verdict.EITHER
            family.add(f"{method} behind {before[:10]!r}", Parts(method, whole=before + whole), verdict, framing=True)
    for n in (4097, 7000, 7999, 8000, 9000, 30000, 60000):
        big = good("OPTIONS").with_header("X-Odd", b"x" * n)
        family.add(f"{n} bytes in a line", big, Verdict.REFUSED, framing=True)
        body = replace(good("OPTIONS").with_header("Content-Type", "text/plain"), body=b"x" * n)
        family.add(f"{n} bytes of body", body, Verdict.REFUSED, framing=True)
    rng = random.Random(4475)
    for n in (1, 2, 3, 4, 8, 50, 200, 1000, 1400):
        for kind in range(4):
            noise = rng.randbytes(n) if kind < 3 else bytes([n & 0x7F]) * n
            family.add(f"noise {n} {kind}", Parts("", whole=noise), Verdict.SILENT, framing=True)
    for other in (
        b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"SSH-2.0-x\r\n",
        b"{}",
        b"<xml/>\r\n\r\n",
        b"\x80\x00\x00\x01",
    ):
        family.add(f"other protocol {other[:8]!r}", Parts("", whole=other), Verdict.SILENT, framing=True)
    return iter(family)


def misplaced() -> Iterator[Hostile]:
    """Requests for dialogs and transactions that never were, ACKs, and answers that nobody asked for."""
    family = Family("misplaced")
    for method in OUTSIDE:
        for tag in ("", ";tag=a", ";tag=" + "b" * 300, ";tag=%00", ";tag="):
            parts = (
                good(method)
                .with_header("To", f"<sip:600@127.0.0.1>{tag}")
                .with_header("Event", "dialog")
                .with_header("Refer-To", "<sip:a@b>")
            )
            family.add(f"{method} {tag[:10]}", parts, Verdict.REFUSED if tag in (";tag=", ";tag=%00") else Verdict.TOLD)
        for what in (
            "Max-Forwards: 0",
            "Require: nobody",
            "Route: <sip:127.0.0.1:{port};lr>",
            "RAck: 1 1 INVITE",
            "RAck: a",
            "Refer-To: <",
        ):
            name, _, value = what.partition(": ")
            family.add(
                f"{method} {what}",
                good(method).with_header("To", "<sip:600@127.0.0.1>;tag=a").with_header(name, value),
                Verdict.REFUSED,
            )
    for tag in ("", ";tag=a", ";tag=b"):
        ack = good("ACK").with_header("To", f"<sip:600@127.0.0.1>{tag}")
        family.add(f"ACK {tag}", ack, Verdict.SILENT)
        family.add(
            f"ACK with an offer {tag}", replace(ack.with_header("Content-Type", "application/sdp"), body=OFFER), Verdict.SILENT
        )
        family.add(f"CANCEL {tag}", good("CANCEL").with_header("To", f"<sip:600@127.0.0.1>{tag}"), Verdict.TOLD)
    for code in (
        "100",
        "180",
        "183",
        "200",
        "202",
        "302",
        "401",
        "407",
        "486",
        "500",
        "603",
        "699",
        "700",
        "999",
        "0",
        "1",
        "-1",
        "4294967301",
        "abc",
        "20",
        "2000",
    ):
        for method in ("INVITE", "OPTIONS", "BYE", "REGISTER", "NOTIFY"):
            answer = replace(good(method), line=f"SIP/2.0 {code} Here".encode())
            family.add(f"answer {code} to {method}", answer, Verdict.SILENT)
    for what in ("Authorization", "WWW-Authenticate", "Proxy-Authenticate"):
        for value in ('Digest realm="a", nonce="b"', "Digest", "Digest realm=" + "x" * 1000, "Basic YTpi", ""):
            answer = replace(good("REGISTER"), line=b"SIP/2.0 401 Unauthorized").with_header(what, value)
            family.add(f"challenge {what} {value[:20]}", answer, Verdict.SILENT)
    return iter(family)


def loops() -> Iterator[Hostile]:
    """Ways that lead to ourselves, and requests that have come a long way (RFC 3261 sections 16.3 and 16.6)."""
    family = Family("loop")
    own = "<sip:127.0.0.1:{port};lr>"
    for method in ("INVITE", "OPTIONS"):
        base = good(method)
        for n in (1, 10, 50, 100):
            family.add(f"{method} {n} x Record-Route to us", base.with_header("Record-Route", *[own] * n), Verdict.ANSWERED)
            family.add(f"{method} {n} x Route to us", base.with_header("Route", *[own] * n), Verdict.ANSWERED)
            vias = [dict(base.headers)["Via"], *[b"SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bK{mark}"] * n]
            family.add(f"{method} {n} x Via of us", base.with_header("Via", *vias), Verdict.EITHER)
        for text in ("0", "1", "255"):
            family.add(f"{method} Max-Forwards {text}", base.with_header("Max-Forwards", text), Verdict.EITHER)
        for text in ("256", "-1", "a", "70 70", ""):
            family.add(f"{method} Max-Forwards {text}", base.with_header("Max-Forwards", text), Verdict.REFUSED)
        family.add(f"{method} Contact is us", base.with_header("Contact", "<sip:600@127.0.0.1:{port}>"), Verdict.ANSWERED)
        family.add(f"{method} From is us", base.with_header("From", "<sip:600@127.0.0.1:{port}>;tag={mark}"), Verdict.EITHER)
        for host in ("192.0.2.1", "0.0.0.0", "255.255.255.255", "localhost", "a" * 300, "[::1]", "127.0.0.1:{port}"):
            via = f"SIP/2.0/UDP {host};rport;branch=z9hG4bK{{mark}}"
            family.add(f"{method} Via {host[:20]}", base.with_header("Via", via), Verdict.EITHER, transports=("udp",))
            for more in (";received=192.0.2.1", ";maddr=192.0.2.1", ";maddr=224.0.0.1;ttl=1"):
                family.add(
                    f"{method} Via {host[:20]}{more}", base.with_header("Via", via + more), Verdict.EITHER, transports=("udp",)
                )
    return iter(family)


def spliced(n: int, rng: random.Random) -> Iterator[Hostile]:
    """Bytes changed, cut, repeated and put in at random."""
    family = Family("spliced")
    splices = (b"%n%s", b"\0", b"9" * 20, b";" * 50, b"\r\n", b",,", b"<" * 9, b"\xff\xfe", b"\r\n\r\n", b"\r\n ", b'"', b"=")
    for number in range(n):
        method = rng.choice(("INVITE", "INVITE", "OPTIONS", "BYE", "REFER", "UPDATE", "CANCEL", "SUBSCRIBE"))
        raw = bytearray(good(method).render("{mark}", "{via}", 0))
        for _ in range(rng.choice((1, 1, 2, 5, 20))):
            at = rng.randrange(len(raw))
            match rng.randrange(4):
                case 0:
                    raw[at] = rng.randrange(256)
                case 1:
                    del raw[at : at + rng.randrange(1, 30)]
                case 2:
                    raw[at:at] = raw[at : at + rng.randrange(1, 50)]
                case _:
                    raw[at:at] = rng.choice(splices)
        family.add(f"{method} {number}", Parts(method, whole=bytes(raw)), Verdict.EITHER, framing=True)
    return iter(family)
