# SPDX-License-Identifier: GPL-3.0-or-later
"""Signalling's part of the configuration: transports, certificates, accounts."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Annotated, Literal, Self, get_args

from pydantic import AfterValidator, Field, model_validator

from sipagent.config_calls import Calls
from sipagent.config_errors import OptionError
from sipagent.config_limits import CallLimits
from sipagent.config_sources import host_port
from sipagent.config_types import IpAddress, IpNetwork, Port, Section, SrtpKeying, SrtpPolicy, SrtpSuite, Transport

MAX_PEERS = 240  # PJSUA_MAX_ACC less our own transports' accounts (csrc/pjsip/config_site.h)


class Listen(Section):
    """One SIP transport."""

    transport: Transport = Field(default="udp", description="UDP, TCP (RFC 3261 section 18) or TLS.")
    host: IpAddress = Field(default="127.0.0.1", description="Local address to bind.")
    port: Port = Field(default=5060, description="0 = any free port.")
    public_host: str | None = Field(
        default=None, description="Address to advertise for this one when behind NAT; none = sip.public_host."
    )


class Tls(Section):
    """Certificates of the TLS transport."""

    cert: Path | None = Field(default=None, description="PEM certificate chain.")
    key: Path | None = Field(default=None, description="PEM private key.")
    ca: Path | None = Field(default=None, description="PEM authorities to check peers against.")
    verify_server: bool = Field(default=True, description="Check the certificate of a server we connect to.")
    verify_client: Literal["no", "optional", "required"] = Field(
        default="no",
        description="Ask who connects for a certificate of the authorities in ca: not at all, use one that is given, refuse "
        "who has none.",
    )

    @model_validator(mode="after")
    def _clients_have_an_authority(self) -> Self:
        if self.verify_client != "no" and self.ca is None:
            raise ValueError("verify_client needs the authorities to check against; set sip.tls.ca")
        return self


class DnsServer(Section):
    """A server to ask."""

    address: IpAddress = Field(description="Its IP address.")
    port: Port = Field(default=53, description="Its port.")


class Dns(Section):
    """How host names are looked up (RFC 3263: NAPTR, SRV, A and AAAA)."""

    servers: list[DnsServer] = Field(default=[], description="Asked in this order; none = those of /etc/resolv.conf.")
    timeout_s: Annotated[float, Field(gt=0, le=30)] = Field(default=3.0, description="A look-up that takes longer is given up.")


def _host_port(text: str) -> str:
    """ "HOST", "HOST:PORT" or "[IPV6]:PORT"."""
    try:
        host_port(text, "host", 0)
    except OptionError as error:
        raise ValueError(str(error)) from None
    return text


HostPort = Annotated[str, AfterValidator(_host_port)]


class Account(CallLimits):
    """A registration at a PBX or registrar."""

    user: str = Field(min_length=1, description="User part of the address of record.")
    password: str = Field(default="", repr=False, description="Digest password. Keep the file readable by its owner only.")
    auth_user: str = Field(default="", description="User name for the digest where it is another one than user.")
    host: str = Field(min_length=1, description="Registrar's host name or address; the domain of the address of record.")
    port: Port = Field(default=0, description="Registrar's port; 0 = what DNS says (SRV), else 5060, or 5061 for TLS.")
    registrars: list[HostPort] = Field(
        default=[], description="Where REGISTER goes, HOST or HOST:PORT, tried in this order; empty = to host."
    )
    proxy: HostPort | None = Field(
        default=None, description="Outbound proxy, HOST or HOST:PORT: every request goes there, with a Route header."
    )
    transport: Transport = Field(default="udp", description="How the registrar is reached.")
    realm: str = Field(default="*", description='Digest realm that the password answers to; "*" = any realm of this registrar.')
    expires_s: Annotated[int, Field(ge=30, le=86400)] = Field(
        default=300, description="Asked lifetime of the registration, seconds."
    )
    srtp: SrtpPolicy | None = Field(default=None, description="Overrides sip.srtp for calls of this account.")
    srtp_keying: SrtpKeying | None = Field(default=None, description="Overrides sip.srtp_keying for calls of this account.")

    def servers(self) -> list[tuple[str, int]]:
        """Host and port (0 = not given) of everything a REGISTER may be sent to, best first."""
        if self.proxy is not None:
            return [host_port(self.proxy, "proxy", 0)]
        return [host_port(text, "registrars", 0) for text in self.registrars] or [(self.host, self.port)]


class Trunk(CallLimits):
    """A peer that calls and is called without a registration: a provider, a PBX, a proxy of one's own."""

    name: str = Field(pattern=r"^[A-Za-z0-9._-]{1,64}$", description="What routes, records and the API call it.")
    hosts: list[HostPort] = Field(
        min_length=1, max_length=8, description="HOST or HOST:PORT of each of its servers, the preferred one first."
    )
    transport: Transport = Field(default="udp", description="How it is reached.")
    sources: list[IpNetwork] = Field(
        default=[], description="Addresses or networks that its calls come from, besides those of hosts."
    )
    certificate: str = Field(
        default="",
        description="Name in the TLS client certificate that its calls come with; addresses don't count then "
        "(sip.tls.verify_client must not be no).",
    )
    user: str = Field(default="", description="User name for its digest challenges, and of our URI.")
    password: str = Field(default="", repr=False, description="Digest password. Keep the file readable by its owner only.")
    realm: str = Field(default="", description="Digest realm that the password answers to; needed with a password.")
    options_s: Annotated[float, Field(ge=0, le=3600)] = Field(
        default=30.0, description="Seconds between two OPTIONS that show whether it is up; 0 = none are sent."
    )
    trust_identity: bool = Field(
        default=False, description="Take its word on who calls (P-Asserted-Identity, RFC 3325), and tell it ours."
    )
    srtp: SrtpPolicy | None = Field(default=None, description="Overrides sip.srtp for its calls.")
    srtp_keying: SrtpKeying | None = Field(default=None, description="Overrides sip.srtp_keying for its calls.")

    def servers(self) -> list[tuple[str, int]]:
        """Host and port (0 = not given) of each host."""
        return [host_port(text, "hosts", 0) for text in self.hosts]

    def version(self, place: int) -> int:
        """The IP version of one of the hosts when it is an address, 0 for a name."""
        try:
            return ipaddress.ip_address(self.servers()[place][0]).version
        except ValueError:
            return 0

    @model_validator(mode="after")
    def _password_has_a_realm(self) -> Self:
        if self.password and not (self.realm and self.user):
            raise ValueError("password is set but realm or user is not; the password must answer nobody else's challenge")
        return self


class Sip(Section):
    """Signalling."""

    listen: list[Listen] = Field(default_factory=lambda: [Listen()], min_length=1, description="Transports to open.")
    tls: Tls = Field(default=Tls(), description="Certificates of the TLS transport.")
    dns: Dns = Field(default=Dns(), description="Names of hosts.")
    accounts: list[Account] = Field(default=[], max_length=200, description="Registrations to keep up.")
    trunks: list[Trunk] = Field(default=[], max_length=50, description="Peers without registration.")
    try_s: Annotated[float, Field(ge=0.1, le=32)] = Field(
        default=8.0, description="A server that is silent for so long is given up, and the next one tried."
    )
    keep_alive_s: Annotated[int, Field(ge=0, le=3600)] = Field(
        default=90,
        description="An idle TCP or TLS connection gets a keep-alive after so many seconds (RFC 5626 section 4.4.1); 0 = none.",
    )
    max_calls: Annotated[int, Field(ge=1, le=8000)] = Field(
        default=2000, description="Calls at once; beyond it 503 with Retry-After."
    )
    retry_after_s: Annotated[int, Field(ge=1, le=3600)] = Field(default=10, description="Retry-After of a 503, seconds.")
    user_agent: str = Field(default="sipagent", description="User-Agent and Server header.")
    srtp: SrtpPolicy = Field(
        default="optional",
        description="Secured sound: off, optional (taken where it is offered, offered beside plain RTP), required.",
    )
    srtp_keying: SrtpKeying = Field(
        default="any",
        description="Where keys come from: sdes (in SDP, RFC 4568), dtls (a handshake on the RTP port, RFC 5763), or any: both "
        "are taken, and SDES is offered.",
    )
    srtp_suites: list[SrtpSuite] = Field(
        default=list(get_args(SrtpSuite)),
        min_length=1,
        description="SRTP suites that may be used (RFC 4568, RFC 6188, RFC 7714), best first. Offers by SDES name the first "
        "four; DTLS has none for AES_256_CM.",
    )
    sdes_over: Literal["any", "tls"] = Field(
        default="any",
        description="Where SDP with keys may travel: over any transport, or tls only. Calls over another one have DTLS then, "
        "where srtp_keying allows it; else they are plain where SRTP is optional, and refused where it is required.",
    )
    calls: Calls = Field(default=Calls(), description="How calls are set up and kept.")
    trusted_peers: list[IpNetwork] = Field(
        default=[],
        description="Addresses or networks whose word on who calls is taken (P-Asserted-Identity, RFC 3325), and who are told "
        "ours where the number is withheld.",
    )
    public_host: str | None = Field(default=None, description="Address to advertise when behind NAT.")

    @model_validator(mode="after")
    def _suites_can_be_had(self) -> Self:
        if len(set(self.srtp_suites)) != len(self.srtp_suites):
            raise ValueError("srtp_suites has one suite twice; name each once")
        asked = [self.srtp_keying, *(row.srtp_keying for row in self.accounts), *(row.srtp_keying for row in self.trunks)]
        if "dtls" in asked and all(name.startswith("AES_256_CM") for name in self.srtp_suites):
            raise ValueError(
                "srtp_keying is dtls, which has no profile for AES_256_CM; add another suite to srtp_suites, for example "
                "AEAD_AES_256_GCM"
            )
        return self

    @model_validator(mode="after")
    def _one_public_host_for_each_address(self) -> Self:
        seen: dict[str, str | None] = {}
        for row in self.listen:
            if seen.setdefault(row.host, row.public_host) != row.public_host:
                raise ValueError(f"listen has two public_host for {row.host}; give all its rows the same one")
        return self

    @model_validator(mode="after")
    def _room_for_all(self) -> Self:
        hosts = sum(len(trunk.hosts) for trunk in self.trunks)
        if len(self.accounts) + hosts + len(self.listen) > MAX_PEERS:
            raise ValueError(
                f"{len(self.accounts)} accounts, {hosts} hosts of trunks and {len(self.listen)} rows of listen are more than "
                f"the {MAX_PEERS} that a process serves; give some to another process"
            )
        return self

    @model_validator(mode="after")
    def _trunks_can_be_told_apart(self) -> Self:
        names = [trunk.name for trunk in self.trunks]
        if len(set(names)) != len(names):
            raise ValueError("two of sip.trunks have the same name; give each its own")
        for trunk in self.trunks:
            if trunk.certificate and (self.tls.verify_client == "no" or trunk.transport != "tls"):
                raise ValueError(
                    f"trunk {trunk.name} is known by a certificate, which needs transport tls and sip.tls.verify_client "
                    "optional or required"
                )
        return self

    @model_validator(mode="after")
    def _tls_has_certificate(self) -> Self:
        if any(row.transport == "tls" for row in self.listen) and not (self.tls.cert and self.tls.key):
            raise ValueError("listen has a tls transport but there is no certificate; set sip.tls.cert and sip.tls.key")
        return self
