# SPDX-License-Identifier: GPL-3.0-or-later
"""Every header field with every kind of wrong value, in a call and in an OPTIONS."""

from __future__ import annotations

from collections.abc import Iterator

from tests.hostile.message import Family, Hostile, Parts, Verdict, good

LONG = b"x" * 1500
TEXT: dict[str, bytes] = {  # any text may be that (RFC 3261 section 25.1, TEXT-UTF8-TRIM)
    "format strings": b"%n%s%x%p%99999d%n",
    "long": LONG,
    "Cyrillic": "слова и буквы".encode(),
    "emoji": "☎️🤖".encode(),
    "folded": b"one\r\n two\r\n\tthree",
    "folded sixty times": b"a" + b"\r\n b" * 60,
    "script": b"<script>alert(1)</script>",
    "shell": b"$(reboot) `reboot` ; reboot | reboot",
    "SQL": b"' OR 1=1; DROP TABLE calls; --",
    "path": b"../../../../etc/passwd",
    "2**31": b"2147483648",
    "2**32": b"4294967296",
    "2**63": b"9223372036854775808",
    "2**64": b"18446744073709551616",
    "hundred digits": b"9" * 100,
    "minus one": b"-1",
    "half": b"0.5",
    "hexadecimal": b"0x7fffffff",
    "star": b"*",
    "at signs": b"@@@@",
}
BROKEN: dict[str, bytes] = {  # of no grammar
    "empty": b"",
    "spaces": b"   ",
    "open quote": b'"abc',
    "backslash at the end": b'"abc\\',
    "brackets": b"<<<<>>>>",
    "open bracket": b"<sip:a@b",
    "commas": b"," * 200,
    "semicolons": b";" * 200,
    "equal signs": b"=;=;=;=",
    "colons": b":::::",
    "open IPv6": b"<sip:a@[::1>",
    "invalid UTF-8": b"\xff\xfe\xc0\x80",
    "surrogates in UTF-8": b"\xed\xa0\x80",
    "control characters": bytes(range(1, 9)) + b"\x7f",
}
NUL: dict[str, bytes] = {"NUL": b"a\0b", "NULs": b"\0" * 20}

OPAQUE = ("Subject", "X-Odd", "Organization", "Server", "Priority", "In-Reply-To", "Alert-Info", "Call-Info", "Geolocation")
OPTIONAL = (
    *("Contact", "Record-Route", "Route", "Require", "Proxy-Require", "Supported", "Allow", "Accept", "Accept-Encoding"),
    *("Accept-Language", "Authorization", "Proxy-Authorization", "Session-Expires", "Min-SE", "Expires", "Replaces", "Join"),
    *(
        "Refer-To",
        "Referred-By",
        "P-Asserted-Identity",
        "Privacy",
        "Diversion",
        "History-Info",
        "Identity",
        "Date",
        "Timestamp",
    ),
    *("Content-Type", "Content-Encoding", "Content-Disposition", "MIME-Version", "Retry-After", "Reason", "Warning", "Event"),
    *("Subscription-State", "RSeq", "RAck", "User-Agent", "Reply-To", "Unsupported", "Path", "Target-Dialog"),
)
NEEDED = ("Via", "From", "To", "CSeq", "Max-Forwards", "Content-Length")  # RFC 3261 section 8.1.1, and 18.3
METHODS = ("INVITE", "OPTIONS")


def _put(parts: Parts, name: str, value: bytes) -> Parts:
    if name == "Content-Length":
        return Parts(parts.method, headers=parts.headers, body=parts.body, length=value or b" ")
    return parts.with_header(name, value)


def values() -> Iterator[Hostile]:
    """Opaque ones take any text; what is needed must be right; what is optional may be ignored or refused, but not passed over:
    its sender would repeat it for half a minute."""
    family = Family("header value")
    for method in METHODS:
        for what, value in {**TEXT, **BROKEN}.items():
            plain = what in TEXT
            for name in OPAQUE:
                family.add(
                    f"{method} {name}: {what}", _put(good(method), name, value), Verdict.SERVED if plain else Verdict.ANSWERED
                )
            for name in OPTIONAL:
                family.add(f"{method} {name}: {what}", _put(good(method), name, value), Verdict.ANSWERED)
            for name in NEEDED:
                family.add(
                    f"{method} {name}: {what}",
                    _put(good(method), name, value),
                    Verdict.REFUSED,
                    framing=name == "Content-Length",
                )
    return iter(family)


def nuls() -> Iterator[Hostile]:
    """No NUL may stand outside a quoted pair (RFC 3261 section 25.1)."""
    family = Family("NUL")
    for name in (*OPAQUE, *OPTIONAL, *NEEDED, "Call-ID"):
        for what, value in NUL.items():
            family.add(f"{name}: {what}", _put(good("INVITE"), name, value), Verdict.SILENT, framing=True)
    return iter(family)


def numbers() -> Iterator[Hostile]:
    """Where a number belongs, beside what belongs there."""
    family = Family("number")
    for number in ("-1", "0", "4294967295", "4294967296", "18446744073709551617", "9" * 60, "1e9", "0x10", " 1 1", "+1"):
        for method in METHODS:
            wrong = Verdict.EITHER if number in ("0", "4294967295") else Verdict.REFUSED
            family.add(f"{method} CSeq {number}", good(method).with_header("CSeq", f"{number} {method}"), wrong)
            for name, text in (
                ("Session-Expires", f"{number};refresher=uac"),
                ("Min-SE", number),
                ("Expires", number),
                ("Timestamp", number),
            ):
                family.add(f"{method} {name} {number}", good(method).with_header(name, text), Verdict.ANSWERED)
            for text in (f"127.0.0.1:{number}", f"127.0.0.1;ttl={number}", f"127.0.0.1;rport={number}"):
                parts = good(method).with_header("Via", f"SIP/2.0/UDP {text};branch=z9hG4bK{{mark}}")
                family.add(f"{method} Via {text}", parts, Verdict.EITHER, transports=("udp",))
            contact = good(method).with_header("Contact", f"<sip:a@127.0.0.1:{number}>;expires={number};q={number}")
            family.add(f"{method} Contact {number}", contact, Verdict.ANSWERED)
    return iter(family)


def repeated() -> Iterator[Hostile]:
    """Twice what may stand there once, and far too often what may stand there often (RFC 3261 section 7.3.1)."""
    family = Family("repeated header")
    for method in METHODS:
        base = good(method)
        held = dict(base.headers)
        for name in ("From", "To", "Call-ID", "CSeq", "Max-Forwards"):
            family.add(f"{method} {name} twice", base.with_header(name, held[name], held[name]), Verdict.REFUSED)
            missing = Verdict.ANSWERED if name == "Max-Forwards" else Verdict.REFUSED  # RFC 2543 had none (RFC 4475 3.4.1)
            family.add(f"{method} without {name}", base.with_header(name, None), missing)
        family.add(f"{method} without Via", base.with_header("Via", None), Verdict.REFUSED)
        for name in ("Via", "Record-Route", "Route", "Contact", "X-Odd", "Supported", "Require", "Authorization", "Diversion"):
            for n in (2, 30, 60, 110, 127, 200):
                value = {"Via": b"SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1", "Require": b"timer"}.get(
                    name, b"<sip:a@192.0.2.1;lr>"
                )
                first = (held[name],) if name in ("Via", "Contact") and name in held else ()
                verdict = Verdict.REFUSED if n > 119 else Verdict.EITHER if name == "Via" else Verdict.ANSWERED
                family.add(f"{method} {n} x {name}", base.with_header(name, *first, *[value] * n), verdict)
        for n in (10, 100, 400):
            for name in ("Supported", "Allow", "Require", "Accept"):
                family.add(f"{method} {name} with {n}", base.with_header(name, b", ".join([b"a/b"] * n)), Verdict.ANSWERED)
            for name in ("From", "To", "Contact", "Via"):
                family.add(
                    f"{method} {name} with {n} parameters", base.with_header(name, held[name] + b";p=v" * n), Verdict.EITHER
                )
    return iter(family)
