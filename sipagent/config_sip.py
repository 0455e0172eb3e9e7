# SPDX-License-Identifier: GPL-3.0-or-later
"""Signalling's part of the configuration: transports, certificates, accounts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from sipagent.config_calls import Calls
from sipagent.config_types import IpAddress, IpNetwork, Port, Section, SrtpPolicy, Transport


class Listen(Section):
    """One SIP transport."""

    transport: Transport = Field(default="udp", description="UDP, TCP (RFC 3261 section 18) or TLS.")
    host: IpAddress = Field(default="127.0.0.1", description="Local address to bind.")
    port: Port = Field(default=5060, description="0 = any free port.")


class Tls(Section):
    """Certificates of the TLS transport."""

    cert: Path | None = Field(default=None, description="PEM certificate chain.")
    key: Path | None = Field(default=None, description="PEM private key.")
    ca: Path | None = Field(default=None, description="PEM authorities to check peers against.")
    verify_server: bool = Field(default=True, description="Check the certificate of a server we connect to.")


class Account(Section):
    """A registration at a PBX or registrar."""

    user: str = Field(min_length=1, description="User part of the address of record.")
    password: str = Field(default="", repr=False, description="Digest password. Keep the file readable by its owner only.")
    host: str = Field(min_length=1, description="Registrar's host name or address.")
    port: Port = Field(default=5060, description="Registrar's port.")
    transport: Transport = Field(default="udp", description="How the registrar is reached.")
    realm: str = Field(default="*", description='Digest realm that the password answers to; "*" = any realm of this registrar.')
    expires_s: Annotated[int, Field(ge=30, le=86400)] = Field(
        default=300, description="Asked lifetime of the registration, seconds."
    )
    srtp: SrtpPolicy | None = Field(default=None, description="Overrides sip.srtp for calls of this account.")


class Sip(Section):
    """Signalling."""

    listen: list[Listen] = Field(default_factory=lambda: [Listen()], min_length=1, description="Transports to open.")
    tls: Tls = Field(default=Tls(), description="Certificates of the TLS transport.")
    accounts: list[Account] = Field(default=[], description="Registrations to keep up.")
    max_calls: Annotated[int, Field(ge=1, le=8000)] = Field(
        default=2000, description="Calls at once; beyond it 503 with Retry-After."
    )
    retry_after_s: Annotated[int, Field(ge=1, le=3600)] = Field(default=10, description="Retry-After of a 503, seconds.")
    user_agent: str = Field(default="sipagent", description="User-Agent and Server header.")
    srtp: SrtpPolicy = Field(
        default="optional", description="SDES SRTP: off, optional (RTP/SAVP accepted, RTP/AVP offered), required."
    )
    sdes_over: Literal["any", "tls"] = Field(
        default="any",
        description="Where SRTP keys may travel: over any transport, or tls only. Calls over another one are then plain where "
        "SRTP is optional, and refused where it is required.",
    )
    calls: Calls = Field(default=Calls(), description="How calls are set up and kept.")
    trusted_peers: list[IpNetwork] = Field(
        default=[],
        description="Addresses or networks whose word on who calls is taken (P-Asserted-Identity, RFC 3325), and who are told "
        "ours where the number is withheld.",
    )
    public_host: str | None = Field(default=None, description="Address to advertise when behind NAT.")

    @model_validator(mode="after")
    def _tls_has_certificate(self) -> Self:
        if any(row.transport == "tls" for row in self.listen) and not (self.tls.cert and self.tls.key):
            raise ValueError("listen has a tls transport but there is no certificate; set sip.tls.cert and sip.tls.key")
        return self
