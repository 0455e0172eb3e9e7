# SPDX-License-Identifier: GPL-3.0-or-later
"""A caller that writes its SIP by hand and takes its keys from a DTLS handshake (RFC 5763) by OpenSSL, through ctypes."""

from __future__ import annotations

import asyncio
import ctypes
import ctypes.util
import functools
import hashlib
import re
import ssl
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from tests.sip.srtp_lines import Theirs
from tests.sip.srtp_peer import Answer, SecurePeer

PROFILES = {  # RFC 5764 section 4.1.2, RFC 7714 section 14.2: OpenSSL's name, id, suite, bytes of key and of salt
    "SRTP_AES128_CM_SHA1_80": (1, "AES_CM_128_HMAC_SHA1_80", 16, 14),
    "SRTP_AES128_CM_SHA1_32": (2, "AES_CM_128_HMAC_SHA1_32", 16, 14),
    "SRTP_AEAD_AES_128_GCM": (7, "AEAD_AES_128_GCM", 16, 12),
    "SRTP_AEAD_AES_256_GCM": (8, "AEAD_AES_256_GCM", 32, 12),
}
VERIFY = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_void_p)
_accept = VERIFY(lambda ok, store: 1)


class _Profile(ctypes.Structure):
    _fields_ = [("name", ctypes.c_char_p), ("id", ctypes.c_ulong)]


@functools.cache
def _lib() -> ctypes.CDLL:
    found = ctypes.util.find_library("ssl")
    assert found
    lib = ctypes.CDLL(found)
    for name in ("DTLS_method", "SSL_CTX_new", "SSL_new", "BIO_new", "BIO_s_mem"):
        getattr(lib, name).restype = ctypes.c_void_p
    lib.SSL_get_selected_srtp_profile.restype = ctypes.POINTER(_Profile)
    pointer = ctypes.c_void_p
    lib.SSL_CTX_new.argtypes = lib.SSL_new.argtypes = lib.BIO_new.argtypes = [pointer]
    lib.SSL_CTX_use_certificate_file.argtypes = [pointer, ctypes.c_char_p, ctypes.c_int]
    lib.SSL_CTX_use_PrivateKey_file.argtypes = [pointer, ctypes.c_char_p, ctypes.c_int]
    lib.SSL_CTX_set_verify.argtypes = [pointer, ctypes.c_int, VERIFY]
    lib.SSL_set_tlsext_use_srtp.argtypes = [pointer, ctypes.c_char_p]
    lib.SSL_set_bio.argtypes = [pointer, pointer, pointer]
    lib.BIO_ctrl.argtypes = lib.SSL_ctrl.argtypes = [pointer, ctypes.c_int, ctypes.c_long, pointer]
    lib.BIO_read.argtypes = lib.SSL_read.argtypes = [pointer, ctypes.c_char_p, ctypes.c_int]
    lib.BIO_write.argtypes = [pointer, ctypes.c_char_p, ctypes.c_int]
    lib.SSL_export_keying_material.argtypes = [
        pointer, ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t, pointer, ctypes.c_size_t, ctypes.c_int
    ]  # fmt: skip
    for name in (
        "SSL_set_connect_state",
        "SSL_set_accept_state",
        "SSL_do_handshake",
        "SSL_get_selected_srtp_profile",
        "SSL_free",
    ):
        getattr(lib, name).argtypes = [pointer]
    lib.SSL_CTX_free.argtypes = [pointer]
    return lib


@dataclass(frozen=True)
class Certificate:
    path: Path  # certificate and key

    @classmethod
    def make(cls, path: Path) -> Certificate:
        command = "openssl req -x509 -nodes -subj /CN=peer -days 2 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1"
        files = ["-keyout", path, "-out", path.with_suffix(".crt")]
        subprocess.run([*command.split(), *files], check=True, capture_output=True)
        path.write_text(path.read_text() + path.with_suffix(".crt").read_text())
        return cls(path)

    def fingerprint(self, name: str = "sha-256") -> str:
        der = ssl.PEM_cert_to_DER_cert(self.path.with_suffix(".crt").read_text())
        digest = hashlib.new(name.replace("-", ""), der).hexdigest().upper()
        return f"{name} " + ":".join(re.findall("..", digest))


class Handshake:
    """One end. feed() takes a datagram, out() gives what is to be sent, `done` says that there are keys."""

    def __init__(self, certificate: Certificate, active: bool, profiles: str) -> None:
        lib = self._lib = _lib()
        self.active, self.done = active, False
        self._ctx = lib.SSL_CTX_new(lib.DTLS_method())
        path = str(certificate.path).encode()
        assert lib.SSL_CTX_use_certificate_file(self._ctx, path, 1) == 1
        assert lib.SSL_CTX_use_PrivateKey_file(self._ctx, path, 1) == 1
        lib.SSL_CTX_set_verify(self._ctx, 3, _accept)
        self._ssl = lib.SSL_new(self._ctx)
        assert lib.SSL_set_tlsext_use_srtp(self._ssl, profiles.encode()) == 0
        self._in, self._out = (lib.BIO_new(lib.BIO_s_mem()) for _ in range(2))
        for bio in (self._in, self._out):
            lib.BIO_ctrl(bio, 130, -1, None)  # BIO_C_SET_BUF_MEM_EOF_RETURN: empty is no end
        lib.SSL_set_bio(self._ssl, self._in, self._out)
        (lib.SSL_set_connect_state if active else lib.SSL_set_accept_state)(self._ssl)

    def feed(self, datagram: bytes = b"") -> None:
        if datagram:
            self._lib.BIO_write(self._in, datagram, len(datagram))
        if self.done:
            self._lib.SSL_read(self._ssl, ctypes.create_string_buffer(64), 64)
        else:
            self.done = self._lib.SSL_do_handshake(self._ssl) == 1

    def again(self) -> None:
        """Sends the last flight again if its time has come."""
        self._lib.SSL_ctrl(self._ssl, 74, 0, None)  # DTLS_CTRL_HANDLE_TIMEOUT

    def out(self) -> bytes:
        buffer = ctypes.create_string_buffer(4096)
        n = self._lib.BIO_read(self._out, buffer, 4096)
        return buffer.raw[:n] if n > 0 else b""

    def keys(self) -> tuple[str, bytes, bytes]:
        """Suite, our key, the other side's."""
        profile = self._lib.SSL_get_selected_srtp_profile(self._ssl).contents
        number, suite, key, salt = PROFILES[profile.name.decode()]
        assert number == profile.id
        data = ctypes.create_string_buffer(2 * (key + salt))
        label = b"EXTRACTOR-dtls_srtp"
        assert self._lib.SSL_export_keying_material(self._ssl, data, len(data), label, len(label), None, 0, 0) == 1
        raw, at = data.raw, 2 * key
        client, server = raw[:key] + raw[at : at + salt], raw[key:at] + raw[at + salt :]
        return (suite, client, server) if self.active else (suite, server, client)

    def close(self) -> None:
        self._lib.SSL_free(self._ssl)
        self._lib.SSL_CTX_free(self._ctx)


@dataclass
class DtlsPeer(SecurePeer):
    """`lose`: so many of the datagrams that come next are lost, each way. `handshakes`: that were finished."""

    certificate: Certificate | None = None
    profiles: str = "SRTP_AES128_CM_SHA1_80"
    told: str = ""  # the fingerprint in SDP; "" = the true one
    setup: str = "actpass"
    handshake: Handshake | None = None
    handshakes: int = 0
    lose: int = 0
    hasty: int = 0  # so many packets go right behind the last flight
    theirs: str = ""
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def dtls_offer(self, lines: str = "", media: str = "UDP/TLS/RTP/SAVP 0") -> str:
        assert self.certificate is not None
        told = self.told or self.certificate.fingerprint()
        self.own = b"-"
        return self.offer(f"a=setup:{self.setup}\r\na=fingerprint:{told}\r\na=rtcp-mux\r\n{lines}", media, keys=0)

    def take(self, body: str) -> Answer:
        port, print_, setup = (
            re.search(p, body) for p in (r"m=audio (\d+)", r"a=fingerprint:(sha-256 [0-9A-F:]{95})\r\n", r"a=setup:(\w+)\r\n")
        )
        assert port, body
        assert print_, body
        assert setup, body
        self.answer = Answer(int(port[1]), "", b"", body)
        if self.handshake is None or self.theirs != print_[1]:
            self.begin(setup[1] == "passive")
        self.theirs = print_[1]
        return self.answer

    def begin(self, active: bool) -> None:
        """A new association with the certificate of now."""
        assert self.certificate is not None
        self.line = None
        self.handshake = Handshake(self.certificate, active, self.profiles)
        self._tasks.append(asyncio.create_task(self._run(self.handshake)))

    async def _run(self, handshake: Handshake) -> None:
        while not handshake.done and handshake is self.handshake:
            handshake.feed()
            self._flush(handshake)
            await asyncio.sleep(0.05)
            handshake.again()

    def _flush(self, handshake: Handshake) -> None:
        while data := handshake.out():
            if self.lose > 0:
                self.lose -= 1
            else:
                self.send(data)

    def _readable(self) -> None:
        while True:
            try:
                packet = self.rtp.recv(4096)
            except BlockingIOError:
                return
            if not 20 <= packet[0] <= 63:
                self.received.append(packet)
                self._open()
            elif self.lose > 0:
                self.lose -= 1
            elif self.handshake is not None:
                self._step(self.handshake, packet)

    def _step(self, handshake: Handshake, packet: bytes) -> None:
        before = handshake.done
        handshake.feed(packet)
        self._flush(handshake)
        if handshake.done and not before:
            hasty, self.hasty = self.hasty, 0
            self.handshakes += 1
            self.suite, own, theirs = handshake.keys()
            self.line = Theirs(self.suite, own, theirs)
            for _ in range(hasty):
                self.send(self.packet())
            self._open()

    def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        super().close()
