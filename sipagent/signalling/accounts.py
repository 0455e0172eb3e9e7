# SPDX-License-Identifier: GPL-3.0-or-later
"""Accounts of PJSIP: one without registration for each transport, and one for each registrar. Runs on the sip thread."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable

from mediacore import clock_us, pjsua2
from sipagent.config import Account as AccountSettings
from sipagent.config import Config, SrtpPolicy
from sipagent.config_sip import Trunk as TrunkSettings
from sipagent.config_sources import host_port as split_host_port
from sipagent.config_types import SrtpKeying
from sipagent.log import get_logger
from sipagent.signalling.endpoint import Listening
from sipagent.signalling.errors import SignallingError
from sipagent.signalling.messages import Answered, Registered
from sipagent.signalling.registration import Hop
from sipagent.signalling.text import readable
from sipagent.signalling.thread import SipThread, callback, sip_only
from sipagent.signalling.uri import Transport, host_port

log = get_logger(__name__)

USER = "sipagent"  # of our URI where no account gives one

_SRTP = {
    "off": pjsua2.PJMEDIA_SRTP_DISABLED,
    "optional": pjsua2.PJMEDIA_SRTP_OPTIONAL,
    "required": pjsua2.PJMEDIA_SRTP_MANDATORY,
}

_KEYING = {
    "sdes": pjsua2.PJMEDIA_SRTP_KEYING_SDES,
    "dtls": pjsua2.PJMEDIA_SRTP_KEYING_DTLS_SRTP,
}

_RELIABLE = {
    "off": pjsua2.PJSUA_100REL_NOT_USED,
    "optional": pjsua2.PJSUA_100REL_OPTIONAL,
    "required": pjsua2.PJSUA_100REL_MANDATORY,
}
_TIMER = {
    "off": pjsua2.PJSUA_SIP_TIMER_INACTIVE,
    "optional": pjsua2.PJSUA_SIP_TIMER_OPTIONAL,
    "always": pjsua2.PJSUA_SIP_TIMER_ALWAYS,
    "required": pjsua2.PJSUA_SIP_TIMER_REQUIRED,
}

# Challenges name the realm that the password is for (RFC 3261 section 22.1).
_CHALLENGE = re.compile(
    r"^(?:WWW|Proxy)-Authenticate[ \t]*:[ \t]*Digest\b[^\r\n]*?\brealm[ \t]*=[ \t]*\"([^\"]*)\"", re.IGNORECASE | re.MULTILINE
)


_RETRY_AFTER = re.compile(r"^Retry-After[ \t]*:[ \t]*(\d{1,6})", re.IGNORECASE | re.MULTILINE)


def retry_after_s(message: str) -> int:
    """The Retry-After of a response (RFC 3261 section 20.33), 0 without one."""
    match = _RETRY_AFTER.search(message.split("\r\n\r\n", 1)[0])
    return int(match[1]) if match else 0


def challenged_realms(message: str) -> list[str]:
    """The realms of all digest challenges in a 401 or 407."""
    return _CHALLENGE.findall(message.split("\r\n\r\n", 1)[0])


class SipAccount(pjsua2.Account):
    """One account; calls come in through it."""

    def __init__(
        self,
        thread: SipThread,
        name: str,
        on_incoming: Callable[[SipAccount, pjsua2.OnIncomingCallParam], None],
        hop: int = -1,
    ) -> None:
        thread.check("SipAccount()")
        super().__init__()
        self.thread = thread
        self.name = name
        self.key = name  # in messages
        self.hop = hop  # number of its next hop (mc_pjsip_set_hop), -1 = direct
        self.peers: frozenset[str] = frozenset()  # where requests of this account go
        self.known: set[str] = set()  # everywhere they went so far
        self.user = ""  # that calls to a registered account are for
        self.trunk, self.version, self.trusted = (
            "",
            4,
            False,
        )  # of a trunk: its name, IP version, whether its word on callers counts
        self.registered = False
        self.listening: Listening | None = None  # the transport that it stands on, since it was `opened`
        self.make: Callable[[], pjsua2.AccountConfig] | None = None
        self.realm = ""  # the password answers to this one only; "" = none seen yet, "*" settings learn it from the registrar
        self._on_incoming = on_incoming

    @sip_only
    def open(self, listening: Listening, make: Callable[[], pjsua2.AccountConfig], default: bool = False) -> None:
        """Makes it PJSIP's, with the settings that `make` gives."""
        self.listening, self.make = listening, make
        self.create(make(), default)

    @sip_only
    def moved(self, host: str, in_use: bool) -> None:
        """We are at `host` now: PJSIP takes the Contact of the old address back where it is registered, and registers anew; not
        one that is not `in_use` (of another IP version)."""
        assert self.listening is not None
        assert self.make is not None
        config = self.make()
        scheme, _, rest = config.idUri.strip("<>").partition(":")
        transport = "" if self.listening.transport == "udp" or scheme == "sips" else f";transport={self.listening.transport}"
        place = host_port(host, self.listening.port)
        config.sipConfig.contactForced = f"<{scheme}:{rest.partition('@')[0]}@{place}{transport}>"
        config.regConfig.disableRegOnModify = not in_use
        self.modify(config)

    @sip_only
    def send_to(self, hop: Hop) -> None:
        """All requests of the account go there from now on."""
        if pjsua2.mc_pjsip_set_hop(self.hop, hop.name, f"{hop.target}\n") != 0:
            raise SignallingError(f"{hop.name!r} at {hop.target.where} can't be sent to")
        self.peers = frozenset({hop.target.address})
        self.known.add(hop.target.address)

    @sip_only
    def ask(self, host: str) -> None:
        """OPTIONS (RFC 3261 section 11) to the next hop; the outcome comes as an `Answered` message."""
        prm = pjsua2.SendRequestParam()
        prm.method = "OPTIONS"
        prm.txOption.targetUri = f"sip:{host}"
        self.sendRequest(prm)

    @callback
    def onSendRequest(self, prm: pjsua2.OnSendRequestParam) -> None:
        event = prm.e.body.tsxState
        heard = prm.e.type == pjsua2.PJSIP_EVENT_TSX_STATE and event.type == pjsua2.PJSIP_EVENT_RX_MSG
        code = event.tsx.statusCode if prm.e.type == pjsua2.PJSIP_EVENT_TSX_STATE else 408
        self.thread.send(Answered(self.key, code, heard))

    @callback
    def onIncomingCall(self, prm: pjsua2.OnIncomingCallParam) -> None:
        self._on_incoming(self, prm)

    @callback
    def onRegState(self, prm: pjsua2.OnRegStateParam) -> None:
        self.registered = 200 <= prm.code < 300 and prm.expiration > 0
        after_s = retry_after_s(prm.rdata.wholeMsg) if prm.code >= 300 else 0
        self.thread.send(Registered(self.name, prm.code, readable(prm.reason), prm.expiration, clock_us(), after_s))

    @callback
    def onAuthChallenge(self, prm: pjsua2.OnAuthChallengeParam) -> None:
        """Credentials go only to the realm they belong to, and to where the account sends: a stranger who challenges an INVITE
        gets no digest to work on."""
        realms = challenged_realms(prm.rdata.wholeMsg)
        source = source_address(prm.rdata.srcAddress)
        if source not in self.peers:
            log.warning("challenge of a stranger refused", account=self.name, source=source, realms=realms)
            prm.challenge.abandon()
            return
        if not self.realm and prm.callId < 0 and len(realms) == 1:
            self.realm = realms[0]
        if self.realm not in realms:
            log.warning("challenge of a foreign realm refused", account=self.name, realms=realms, own=self.realm)
            prm.challenge.abandon()

    @callback
    def onIncomingSubscribe(self, prm: pjsua2.OnIncomingSubscribeParam) -> None:
        prm.code, prm.reason = 489, "Bad Event"


def local_config(cfg: Config, *, listening: Listening, advertised: dict[str, str], scheme: str = "sip") -> pjsua2.AccountConfig:
    """An account without registration, for direct calls in and out over one transport. `advertised`: see `Stack.open`."""
    config = _config(cfg, cfg.sip.srtp, cfg.sip.srtp_keying, listening, advertised)
    host = advertised.get(listening.host, listening.host)
    transport = "" if listening.transport == "udp" or scheme == "sips" else f";transport={listening.transport}"
    config.idUri = f"<{scheme}:{USER}@{host_port(host, listening.port)}{transport}>"
    config.priority = -1  # registered accounts match first
    return config


def registered_config(
    cfg: Config, *, settings: AccountSettings, hop: int, listening: Listening, advertised: dict[str, str]
) -> pjsua2.AccountConfig:
    """An account at a registrar. `hop`: where its requests go, whatever the host of their URI (`Stack.set_hop`)."""
    config = _config(cfg, settings.srtp or cfg.sip.srtp, settings.srtp_keying or cfg.sip.srtp_keying, listening, advertised)
    transport = "" if settings.transport == "udp" else f";transport={settings.transport}"
    config.idUri = f"<sip:{settings.user}@{host_port(settings.host, 0)}>"
    config.regConfig.registrarUri = f"sip:{host_port(settings.host, settings.port)}{transport}"
    config.regConfig.registerOnAdd = False
    config.regConfig.timeoutSec = settings.expires_s
    config.regConfig.retryIntervalSec = 0  # we retry ourselves, with back-off, at the next server
    config.regConfig.unregWaitMsec = 1000
    config.sipConfig.proxies.append(hop_route(hop, settings.transport))
    if settings.proxy is not None:  # RFC 3261 section 8.1.1.1: a route of one
        host, port = split_host_port(settings.proxy, "proxy", 0)
        config.sipConfig.proxies.append(f"<sip:{host_port(host, port)}{transport};lr>")
    add_credentials(config, settings.realm, settings.auth_user or settings.user, settings.password)
    return config


def trunk_config(
    cfg: Config, *, trunk: TrunkSettings, hop: int, listening: Listening, advertised: dict[str, str]
) -> pjsua2.AccountConfig:
    """An account without registration whose requests go to `hop`."""
    config = _config(cfg, trunk.srtp or cfg.sip.srtp, trunk.srtp_keying or cfg.sip.srtp_keying, listening, advertised)
    host = advertised.get(listening.host, listening.host)
    config.idUri = f"<sip:{trunk.user or USER}@{host_port(host, listening.port)}>"
    config.priority = -1
    config.sipConfig.proxies.append(hop_route(hop, trunk.transport))
    add_credentials(config, trunk.realm, trunk.user, trunk.password)
    return config


def hop_route(hop: int, transport: Transport) -> str:
    """The Route that leads to a next hop (csrc/pjsip/next_hop.c) and is never sent ("hide")."""
    return f"<sip:h{hop}.hop.invalid;transport={transport};lr;hide>"


def add_credentials(config: pjsua2.AccountConfig, realm: str, user: str, password: str) -> None:
    """Digest, MD5 or SHA-256 as the challenge asks (RFC 8760)."""
    if password:
        config.sipConfig.authCreds.append(
            pjsua2.AuthCredInfo("digest", realm, user, pjsua2.PJSIP_CRED_DATA_PLAIN_PASSWD, password)
        )


def source_address(source: str) -> str:
    """The address of PJSIP's "192.0.2.1:5060" or "[2001:db8::1]:5060"."""
    return source.rpartition(":")[0].strip("[]")


def keying(cfg: Config, wanted: SrtpKeying, transport: Transport) -> list[str]:
    """Where keys may come from over this transport, what offers use first. Empty: nowhere."""
    allowed = ["sdes", "dtls"] if wanted == "any" else [wanted]
    return [name for name in allowed if name == "dtls" or cfg.sip.sdes_over == "any" or transport == "tls"]


def _config(
    cfg: Config, srtp: SrtpPolicy, wanted: SrtpKeying, listening: Listening, advertised: dict[str, str]
) -> pjsua2.AccountConfig:
    config = pjsua2.AccountConfig()
    config.sipConfig.transportId = listening.id
    calls = cfg.sip.calls
    config.callConfig.prackUse = _RELIABLE[calls.reliable]
    config.callConfig.timerUse = _TIMER[calls.session_timer]
    config.callConfig.timerMinSESec = calls.min_session_expires_s
    config.callConfig.timerSessExpiresSec = calls.session_expires_s
    config.natConfig.sipOutboundUse = 0
    config.sipConfig.autoRespondSipMessage = False
    media = config.mediaConfig
    v6 = ipaddress.ip_address(cfg.media.host).version == 6
    # With the default PJSIP looks up this machine's own name, blocking, for every call: 5 s without DNS.
    media.ipv6Use = pjsua2.PJSUA_IPV6_ENABLED_USE_IPV6_ONLY if v6 else pjsua2.PJSUA_IPV6_DISABLED
    v6_signalling = ":" in listening.host
    config.sipConfig.ipv6Use = pjsua2.PJSUA_IPV6_ENABLED_USE_IPV6_ONLY if v6_signalling else pjsua2.PJSUA_IPV6_DISABLED
    media.transportConfig.boundAddress = (
        cfg.media.host
    )  # any port: the seam moves to one of media.ports (mc_pjsip_set_media_ports)
    media.transportConfig.publicAddress = advertised.get(cfg.media.host, "")
    media.rtcpMuxEnabled = True  # offered, and taken when it is offered: RFC 5761
    methods = keying(cfg, wanted, listening.transport)
    media.srtpUse = _SRTP["off" if not methods and srtp == "optional" else srtp]
    for name in methods or ["sdes"]:
        media.srtpOpt.keyings.append(_KEYING[name])
    for name in cfg.sip.srtp_suites:
        crypto = pjsua2.SrtpCrypto()
        crypto.name = name  # csrc/pjsip/keying.c makes keys for each call
        media.srtpOpt.cryptos.append(crypto)
    # SDES over UDP is what most PBXes in a LAN do; its keys are only as private as the signalling. 1: over TLS to the next hop.
    media.srtpSecureSignaling = 1 if cfg.sip.sdes_over == "tls" and (not methods or "sdes" in methods) else 0
    media.lockCodecEnabled = False  # several codecs in an answer are fine: RTP says which one is in use
    return config
