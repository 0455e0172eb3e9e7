# SPDX-License-Identifier: GPL-3.0-or-later
"""Session descriptions and multipart bodies. What can't be understood is refused (RFC 3264 section 6)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from tests.hostile.message import OFFER, Family, Hostile, Parts, Verdict, good

_VALUES: dict[str, str] = {
    "empty": "",
    "format strings": "%n%s%x",
    "long": "x" * 2000,
    "minus one": "-1",
    "2**32": "4294967296",
    "2**64": "18446744073709551616",
    "spaces": "     ",
    "colons": "::::",
    "equal signs": "====",
    "slashes": "/////",
    "many words": "1 " * 60,
    "letters": "abc",
}
_ATTRIBUTES = (
    *("rtpmap:0", "rtpmap:96", "rtpmap:127", "rtpmap:101", "fmtp:0", "fmtp:101", "fmtp:96", "ptime", "maxptime", "crypto:1"),
    *("crypto:1 AES_CM_128_HMAC_SHA1_80", "crypto:1 AES_CM_128_HMAC_SHA1_80 inline", "rtcp", "rtcp-mux", "rtcp-fb:0"),
    *("candidate", "ice-ufrag", "ice-pwd", "fingerprint:sha-256", "setup", "mid", "group:BUNDLE", "extmap:1", "ssrc:1"),
    *("sendrecv", "inactive", "rtcp-xr", "silenceSupp", "tcap:1", "pcfg:1", "msid", "T38FaxVersion", "label", "connection"),
)
_LINES = ("v", "o", "s", "c", "t", "b", "k", "z", "r", "m", "e", "i", "u", "p", "y", "")


def _call(body: bytes | str, kind: str = "application/sdp") -> Parts:
    raw = body.encode() if isinstance(body, str) else body
    return replace(good("INVITE").with_header("Content-Type", kind), body=raw)


def _media(line: str, attributes: str = "") -> str:
    head, _, _ = OFFER.decode().partition("m=audio")
    return f"{head}{line}\r\n{attributes}"


def attributes() -> Iterator[Hostile]:
    """An offer of PCMU that has something odd besides: RFC 8866 section 5.13 has what is not understood ignored."""
    family = Family("SDP attribute")
    for name in _ATTRIBUTES:
        for what, value in _VALUES.items():
            family.add(f"a={name} {what}", _call(OFFER + f"a={name}:{value}\r\n".encode()), Verdict.ANSWERED)
        family.add(f"a={name} a hundred times", _call(OFFER + f"a={name}\r\n".encode() * 100), Verdict.ANSWERED)
    return iter(family)


def lines() -> Iterator[Hostile]:
    """Lines with wrong values, without value, missing, twice, in the wrong order (RFC 8866 section 5)."""
    family = Family("SDP line")
    rows = OFFER.decode().splitlines(keepends=True)
    for letter in _LINES:
        for what, value in _VALUES.items():
            changed = [f"{letter}={value}\r\n" if row.startswith(f"{letter}=") else row for row in rows]
            if changed == rows:
                changed = [*rows[:4], f"{letter}={value}\r\n", *rows[4:]]
            verdict = Verdict.REFUSED if letter == "m" else Verdict.ANSWERED
            family.add(f"{letter}= {what}", _call("".join(changed)), verdict)
        kept = [row for row in rows if not row.startswith(f"{letter}=")]
        family.add(f"without {letter}=", _call("".join(kept)), Verdict.ANSWERED)
        family.add(f"{letter}= and nothing", _call(f"{letter}=\r\n"), Verdict.REFUSED)
    family.add("backwards", _call("".join(reversed(rows))), Verdict.ANSWERED)
    family.add("twice", _call(OFFER * 2), Verdict.ANSWERED)
    for end in ("\n", "\r", "\n\r", "\r\r\n", "\0", ""):
        family.add(f"line ends {end!r}", _call("".join(rows).replace("\r\n", end)), Verdict.ANSWERED)
    for n in range(0, len(OFFER), 4):
        whole = b"\r\nm=audio 9 RTP/AVP 0" in OFFER[:n]
        family.add(f"cut after {n}", _call(OFFER[:n]), Verdict.ANSWERED if n == 0 or whole else Verdict.REFUSED)
    return iter(family)


def media() -> Iterator[Hostile]:
    """Media lines beyond what any call has."""
    family = Family("SDP media")
    odd = {
        "port 0": ("m=audio 0 RTP/AVP 0", Verdict.ANSWERED),
        "port 65536": ("m=audio 65536 RTP/AVP 0", Verdict.ANSWERED),
        "port -1": ("m=audio -1 RTP/AVP 0", Verdict.ANSWERED),
        "many ports": ("m=audio 9/4294967296 RTP/AVP 0", Verdict.ANSWERED),
        "payload type 128": ("m=audio 9 RTP/AVP 128", Verdict.TOLD),
        "payload type -1": ("m=audio 9 RTP/AVP -1", Verdict.TOLD),
        "payload type 2**32": ("m=audio 9 RTP/AVP 4294967296", Verdict.TOLD),
        "payload type a": ("m=audio 9 RTP/AVP a", Verdict.REFUSED),
        "no payload type": ("m=audio 9 RTP/AVP", Verdict.REFUSED),
        "33 payload types": ("m=audio 9 RTP/AVP " + " ".join(["0"] * 33), Verdict.TOLD),
        "a thousand payload types": ("m=audio 9 RTP/AVP " + " ".join(["0"] * 1000), Verdict.TOLD),
        "unknown transport": ("m=audio 9 QUIC/RTP 0", Verdict.REFUSED),
        "SAVP without a key": ("m=audio 9 RTP/SAVP 0", Verdict.REFUSED),
        "SAVPF and AVP": ("m=audio 9 RTP/SAVPF 0", Verdict.REFUSED),
        "video only": ("m=video 9 RTP/AVP 31", Verdict.REFUSED),
        "image only": ("m=image 9 udptl t38", Verdict.REFUSED),
        "unknown kind": ("m=smell 9 RTP/AVP 0", Verdict.REFUSED),
        "kind of 1,000 bytes": ("m=" + "a" * 1000 + " 9 RTP/AVP 0", Verdict.REFUSED),
        "only m=audio": ("m=audio", Verdict.REFUSED),
        "tabs": ("m=audio\t9\tRTP/AVP\t0", Verdict.ANSWERED),
        "unknown codec only": ("m=audio 9 RTP/AVP 96\r\na=rtpmap:96 nobody/8000", Verdict.REFUSED),
        "clock 0": ("m=audio 9 RTP/AVP 96\r\na=rtpmap:96 PCMU/0", Verdict.REFUSED),
        "clock 2**32": ("m=audio 9 RTP/AVP 96\r\na=rtpmap:96 PCMU/4294967296", Verdict.REFUSED),
        "255 channels": ("m=audio 9 RTP/AVP 96\r\na=rtpmap:96 opus/48000/255", Verdict.ANSWERED),
        "dynamic without a map": ("m=audio 9 RTP/AVP 96 97 98", Verdict.REFUSED),
    }
    for what, (line, verdict) in odd.items():
        family.add(what, _call(_media(line)), verdict)
    for n in (2, 4, 5, 16, 60):
        verdict = Verdict.TOLD if n > 4 else Verdict.ANSWERED
        family.add(f"{n} x audio", _call(_media("\r\n".join(["m=audio 9 RTP/AVP 0"] * n))), verdict)
    for n in (1, 16, 17, 60):
        key = "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" + "A" * 40 + "\r\n"
        verdict = Verdict.TOLD if n > 16 else Verdict.ANSWERED
        family.add(f"{n} keys", _call(_media("m=audio 9 RTP/SAVP 0", key * n)), verdict)
    for suite in ("", "NULL", "AES_CM_128_HMAC_SHA1_80", "AEAD_AES_256_GCM", "x" * 200):
        for key in (
            "",
            "inline:",
            "inline:AAAA",
            "inline:" + "A" * 40 + "|2^99|1:1",
            "inline:" + "A" * 40 + "|2^20|1:999",
            "inline:" + "=" * 40,
            "x:" + "A" * 40,
            "inline:" + "A" * 2000,
        ):
            text = _media("m=audio 9 RTP/SAVP 0", f"a=crypto:1 {suite} {key}\r\n")
            good_key = key.startswith("inline:" + "A" * 40) or suite in ("", "NULL") or len(suite) > 100
            family.add(f"key {suite[:30]} {key[:40]}", _call(text), Verdict.ANSWERED if good_key else Verdict.REFUSED)
    for ms in ("0", "1", "9", "61", "100", "4294967296", "-20", "a"):
        verdict = Verdict.TOLD if ms in ("0", "1", "9", "61", "100", "4294967296") else Verdict.ANSWERED
        family.add(f"ptime {ms}", _call(OFFER + f"a=ptime:{ms}\r\n".encode()), verdict)
    for address in (
        "0.0.0.0",
        "255.255.255.255",
        "224.0.0.1/127",
        "999.1.1.1",
        "localhost",
        "::1",
        "a" * 300,
        "127.0.0.1/0/0",
        "",
    ):
        text = OFFER.decode().replace("c=IN IP4 127.0.0.1", f"c=IN IP4 {address}")
        family.add(f"address {address[:20]}", _call(text), Verdict.ANSWERED)
    for n in (4000, 4096, 4097, 6000):
        body = OFFER + b"a=x:" + b"y" * (n - len(OFFER) - 6) + b"\r\n"
        family.add(f"{n} bytes", _call(body), Verdict.TOLD if n > 4096 else Verdict.ANSWERED)
    return iter(family)


def multipart() -> Iterator[Hostile]:
    """RFC 5621; boundaries that never come, come at once, or are nested."""
    family = Family("multipart")
    part = b"Content-Type: application/sdp\r\n\r\n" + OFFER
    whole = b"--b\r\n" + part + b"\r\n--b--\r\n"
    shapes = {
        "usual": whole,
        "no end": b"--b\r\n" + part,
        "no begin": part + b"\r\n--b--",
        "empty": b"",
        "boundary only": b"--b",
        "ends at once": b"--b--",
        "no empty line": b"--b\r\nContent-Type: application/sdp\r\n" + OFFER + b"--b--",
        "nested": b"--b\r\nContent-Type: multipart/mixed;boundary=b\r\n\r\n" + whole + b"\r\n--b--",
        "hundred parts": b"--b\r\n\r\nx\r\n" * 100 + b"--b--",
        "NULs": b"--b\r\n\r\n\0\0\0\r\n--b--",
        "text first": b"--b\r\nContent-Type: text/plain\r\n\r\nhello\r\n" + whole,
        "two offers": b"--b\r\n" + part + b"\r\n" + whole,
    }
    kinds = (
        *("multipart/mixed;boundary=b", 'multipart/mixed;boundary="b"', "multipart/mixed", "multipart/mixed;boundary="),
        *(
            'multipart/mixed;boundary="',
            "multipart/alternative;boundary=b",
            "multipart/;boundary=b",
            "multipart/mixed;boundary=" + "b" * 300,
        ),
    )
    for kind in kinds:
        for what, body in shapes.items():
            readable = (
                kind.partition("boundary=")[2][:1] in ("b", '"')
                and kind[-1] != "="
                and "/;" not in kind
                and kind.count('"') != 1
            )
            family.add(f"{kind[:50]} {what}", _call(body, kind), Verdict.ANSWERED if readable else Verdict.EITHER)
    for kind in (
        "application / sdp",
        "APPLICATION/SDP",
        "application/sdp;x=" + "y" * 500,
        "application",
        "/",
        "text/plain",
        "application/sdp, text/plain",
        "message/sip",
        "application/isup",
    ):
        family.add(f"offer as {kind[:30]}", _call(OFFER, kind), Verdict.ANSWERED)
    return iter(family)
