# SPDX-License-Identifier: GPL-3.0-or-later
"""Two ends of SRTP without a network: `Ours` is csrc/pjsip/srtp.c with its ciphers, `Theirs` plain libsrtp on OpenSSL, the way
most peers use it. Each is a library of its own with its own copy of libsrtp."""

from __future__ import annotations

import ctypes
import functools
import secrets
from enum import IntEnum
from typing import Any

from tests.bench import harness
from tests.bench.srtp import libsrtp

SUITES = {  # name: bytes of master key and salt, bytes that sealing adds to RTP
    "AES_CM_128_HMAC_SHA1_80": (30, 10),
    "AES_CM_128_HMAC_SHA1_32": (30, 4),
    "AES_256_CM_HMAC_SHA1_80": (46, 10),
    "AES_256_CM_HMAC_SHA1_32": (46, 4),
    "AEAD_AES_128_GCM": (28, 16),
    "AEAD_AES_256_GCM": (44, 16),
}
CM, GCM = "AES_CM_128_HMAC_SHA1_80", "AEAD_AES_128_GCM"
CIPHERS = {"srtp_aes_icm_128": 1, "srtp_aes_icm_256": 5, "srtp_aes_gcm_128": 6, "srtp_aes_gcm_256": 7}  # srtp_cipher_type_id_t
ROOM = 2048 + 64
SEAM = harness.TREE / "csrc" / "pjsip"


class Verdict(IntEnum):
    OPENED = 0
    FORGED = 1
    REPLAYED = 2


class _Key(ctypes.Structure):
    _fields_ = [("suite", ctypes.c_char_p), ("suite_len", ctypes.c_size_t), ("bytes", ctypes.c_char_p), ("n", ctypes.c_size_t)]


@functools.cache
def _ours(bare: bool) -> ctypes.CDLL:
    """bare: as on a processor without instructions for AES."""
    names = [f"{name}.{kind}" for name in ("srtp", "srtp_suite", "srtp_aes", "srtp_hmac") for kind in ("c", "h")]
    flags = ["-shared", "-fPIC", *(["-D__builtin_cpu_supports(what)=0"] if bare else []), *libsrtp()]
    lib = ctypes.CDLL(str(harness.compiled("srtp-ours.so", [SEAM / name for name in names], flags)))
    lib.mc_srtp_new.restype = ctypes.c_void_p
    lib.mc_srtp_free.argtypes = [ctypes.c_void_p]
    lib.mc_srtp_set_keys.argtypes = [ctypes.c_void_p, ctypes.POINTER(_Key), ctypes.POINTER(_Key)]
    for name in ("mc_srtp_open", "mc_srtp_open_rtcp", "mc_srtp_seal", "mc_srtp_seal_rtcp"):
        getattr(lib, name).argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.POINTER(ctypes.c_size_t)]
    lib.mc_srtp_seal.restype = lib.mc_srtp_seal_rtcp.restype = ctypes.c_void_p
    assert lib.srtp_init() == 0
    assert lib.mc_srtp_hmac_install() == lib.mc_srtp_aes_install() == 0
    return lib


@functools.cache
def _theirs() -> ctypes.CDLL:
    sources = [harness.HERE / name for name in ("rtpgen_srtp.c", "rtpgen_srtp.h")]
    lib = ctypes.CDLL(str(harness.compiled("srtp-theirs.so", sources, ["-shared", "-fPIC", *libsrtp()])))
    lib.line_new.restype = ctypes.c_void_p
    lib.line_new.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p]
    lib.line_free.argtypes = [ctypes.c_void_p]
    for name in ("line_seal", "line_open", "line_seal_rtcp", "line_open_rtcp"):
        getattr(lib, name).argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.POINTER(ctypes.c_int)]
        getattr(lib, name).restype = ctypes.c_bool
    return lib


def own_ciphers(bare: bool) -> set[str]:
    """libsrtp's names of those that it has given up for ours."""
    lib = _ours(bare)
    get = lib.srtp_crypto_kernel_get_cipher_type
    get.restype = ctypes.c_void_p
    theirs = {name: ctypes.addressof(ctypes.c_char.in_dll(lib, name)) for name in CIPHERS}
    return {name for name, number in CIPHERS.items() if get(number) != theirs[name]}


def key(suite: str) -> bytes:
    return secrets.token_bytes(SUITES[suite][0])


class Ours:
    """One call's SRTP."""

    def __init__(self, suite: str, tx: bytes, rx: bytes, bare: bool = False) -> None:
        self._lib = _ours(bare)
        self._self = ctypes.c_void_p(self._lib.mc_srtp_new())
        assert self.set_keys(suite, tx, rx) == 0

    def set_keys(self, suite: str, tx: bytes, rx: bytes) -> int:
        name = suite.encode()
        keys = [_Key(name, len(name), data, len(data)) for data in (tx, rx)]
        return int(self._lib.mc_srtp_set_keys(self._self, *keys))

    def _open(self, function: Any, packet: bytes) -> tuple[Verdict, bytes]:
        buffer = ctypes.create_string_buffer(packet, ROOM)
        size = ctypes.c_size_t(len(packet))
        verdict = Verdict(function(self._self, buffer, ctypes.byref(size)))
        return verdict, buffer.raw[: size.value] if verdict is Verdict.OPENED else b""

    def open(self, packet: bytes) -> tuple[Verdict, bytes]:
        return self._open(self._lib.mc_srtp_open, packet)

    def open_rtcp(self, packet: bytes) -> tuple[Verdict, bytes]:
        return self._open(self._lib.mc_srtp_open_rtcp, packet)

    def _seal(self, function: Any, packet: bytes) -> bytes:
        size = ctypes.c_size_t(len(packet))
        sealed = function(self._self, packet, ctypes.byref(size))
        return ctypes.string_at(sealed, size.value) if sealed else b""

    def seal(self, packet: bytes) -> bytes:
        """b"" when it may not be sent."""
        return self._seal(self._lib.mc_srtp_seal, packet)

    def seal_rtcp(self, packet: bytes) -> bytes:
        return self._seal(self._lib.mc_srtp_seal_rtcp, packet)

    def close(self) -> None:
        self._lib.mc_srtp_free(self._self)


class Theirs:
    """A peer. tx, rx: its own directions."""

    def __init__(self, suite: str, tx: bytes, rx: bytes) -> None:
        self._lib = _theirs()
        made = self._lib.line_new(suite.encode(), tx.hex().encode(), rx.hex().encode())
        assert made, f"libsrtp refuses {suite}"
        self._self = ctypes.c_void_p(made)

    def _run(self, function: Any, packet: bytes) -> bytes:
        buffer = ctypes.create_string_buffer(packet, ROOM)
        size = ctypes.c_int(len(packet))
        return buffer.raw[: size.value] if function(self._self, buffer, ctypes.byref(size)) else b""

    def seal(self, packet: bytes) -> bytes:
        sealed = self._run(self._lib.line_seal, packet)
        assert sealed
        return sealed

    def open(self, packet: bytes) -> bytes:
        """b"" when libsrtp refuses it."""
        return self._run(self._lib.line_open, packet)

    def seal_rtcp(self, packet: bytes) -> bytes:
        return self._run(self._lib.line_seal_rtcp, packet)

    def open_rtcp(self, packet: bytes) -> bytes:
        return self._run(self._lib.line_open_rtcp, packet)

    def close(self) -> None:
        self._lib.line_free(self._self)


def rtp(seq: int, payload: bytes = bytes(160), ssrc: int = 0x11223344, head: bytes = b"\x80\x00", more: bytes = b"") -> bytes:
    """`more`: CSRCs and header extension, announced by `head`."""
    seq &= 0xFFFF
    return head + seq.to_bytes(2, "big") + (seq * 160).to_bytes(4, "big") + ssrc.to_bytes(4, "big") + more + payload


def rtcp(ssrc: int = 0x11223344) -> bytes:
    """A receiver report without blocks (RFC 3550 section 6.4.2)."""
    return b"\x80\xc9\x00\x01" + ssrc.to_bytes(4, "big")
