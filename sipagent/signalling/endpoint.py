# SPDX-License-Identifier: GPL-3.0-or-later
"""PJSIP's endpoint and its transports, from the configuration. Everything here runs on the sip thread."""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Callable
from dataclasses import dataclass

import mediacore
from mediacore import pjsua2
from sipagent.config import Config, ConfigError, Listen
from sipagent.config_seeing import Seeing
from sipagent.log import get_logger
from sipagent.signalling.errors import SignallingError
from sipagent.signalling.messages import Refused
from sipagent.signalling.stack_log import LOG_DECOR
from sipagent.signalling.text import readable
from sipagent.signalling.thread import SipThread, callback
from sipagent.signalling.uri import Transport, host_port

log = get_logger(__name__)

# A call that we ended keeps its PJSIP slot until the peer answers the BYE, 32 s when it has vanished (RFC 3261 timer F), and a
# call above the limit needs one to be refused in. So more slots than calls.
SPARE_SLOTS = 64
MAX_SLOTS = 8192  # MC_SEAM_MAX_CALLS

TYPES: dict[int, tuple[Transport, int]] = {
    pjsua2.PJSIP_TRANSPORT_UDP: ("udp", 4),
    pjsua2.PJSIP_TRANSPORT_TCP: ("tcp", 4),
    pjsua2.PJSIP_TRANSPORT_TLS: ("tls", 4),
    pjsua2.PJSIP_TRANSPORT_UDP6: ("udp", 6),
    pjsua2.PJSIP_TRANSPORT_TCP6: ("tcp", 6),
    pjsua2.PJSIP_TRANSPORT_TLS6: ("tls", 6),
}
_KINDS = {kind: number for number, kind in TYPES.items()}
TLS_1_2_AND_1_3 = 16 | 32  # PJ_SSL_SOCK_PROTO_


@dataclass(frozen=True, slots=True)
class Listening:
    """A transport that is open."""

    id: int
    transport: Transport
    host: str
    port: int

    @property
    def version(self) -> int:
        """4 or 6."""
        return 6 if ":" in self.host else 4

    def __str__(self) -> str:
        return f"{self.transport}:{host_port(self.host, self.port)}"


class SipEndpoint(pjsua2.Endpoint):
    """The one endpoint of the process."""

    def __init__(self, thread: SipThread) -> None:
        thread.check("SipEndpoint()")
        super().__init__()
        self.thread = thread
        self.on_select: Callable[[pjsua2.OnSelectAccountParam], None] | None = None
        self.on_connection: Callable[[pjsua2.OnTransportStateParam], None] | None = None

    @callback
    def onSelectAccount(self, prm: pjsua2.OnSelectAccountParam) -> None:
        if self.on_select is not None:
            self.on_select(prm)

    @callback
    def onTransportState(self, prm: pjsua2.OnTransportStateParam) -> None:
        if self.on_connection is not None:
            self.on_connection(prm)

    @callback
    def onRejectedIncomingCall(self, prm: pjsua2.OnRejectedIncomingCallParam) -> None:
        self.thread.send(Refused(readable(prm.remoteInfo), prm.statusCode, readable(prm.reason)))


def open_endpoint(thread: SipThread, cfg: Config, log_path: str) -> SipEndpoint:
    """Creates and initialises PJSIP, without starting it. PJSIP's own log lines go to `log_path`."""
    endpoint = SipEndpoint(thread)
    endpoint.libCreate()
    try:
        endpoint.libInit(_endpoint_config(cfg, log_path))
        try:
            _open_seam(endpoint, cfg)
        except Exception:
            pjsua2.mc_pjsip_stop()
            raise
    except Exception:
        endpoint.libDestroy()
        raise
    return endpoint


def _open_seam(endpoint: SipEndpoint, cfg: Config) -> None:
    _check(pjsua2.mc_pjsip_start(), "the media seam")
    _check(pjsua2.mc_pjsip_set_ptime(cfg.media.ptime_ms), "media.ptime_ms")
    low, high = cfg.media.ports
    _check(pjsua2.mc_pjsip_set_patience(round(cfg.sip.try_s * 1000)), "sip.try_s")
    _check(pjsua2.mc_pjsip_set_keep_alive(cfg.sip.keep_alive_s), "sip.keep_alive_s")
    _check(pjsua2.mc_pjsip_set_media_ports(low, high, round(cfg.media.port_rest_s * 1000)), "media.ports")
    open_gate(cfg)
    open_siptrace(cfg.seeing)
    set_codecs(endpoint, cfg.media.codecs)


def open_gate(cfg: Config) -> None:
    """Tells the gate before PJSIP what it lets in."""
    ours = cfg.protection
    mediacore.drain_gate(False)
    mediacore.set_gate(
        known_networks(cfg),
        ours.scanners,
        (ours.messages_per_s, 2 * ours.messages_per_s),
        (ours.calls_per_s, 2 * ours.calls_per_s),
        (ours.crowd_calls_per_s, 2 * ours.crowd_calls_per_s),
        ours.most_wait_ms * 1000,
        cfg.sip.retry_after_s,
    )


def open_siptrace(seeing: Seeing) -> None:
    """What is kept of the messages from now on."""
    mediacore.set_siptrace(seeing.sip_mb << 20, seeing.sip_call_kb << 10, seeing.keep_s)


def known_networks(cfg: Config) -> list[str]:
    """Whose messages have no rate: a trunk's too, which has limits of its own, where it is known by its address and that is in
    the configuration (a name may resolve to anybody's, and a certificate comes from anywhere)."""
    by_address = [trunk for trunk in cfg.sip.trunks if not trunk.certificate]
    sources = [network for trunk in by_address for network in trunk.sources]
    hosts = [host for trunk in by_address for place, (host, _) in enumerate(trunk.servers()) if trunk.version(place)]
    return list(dict.fromkeys([*cfg.protection.unlimited, *cfg.sip.trusted_peers, *sources, *hosts]))


def _check(rc: int, what: str) -> None:
    if rc != 0:
        raise SignallingError(f"{what} could not be set up in PJSIP (error {rc})")


def _endpoint_config(cfg: Config, log_path: str) -> pjsua2.EpConfig:
    config = pjsua2.EpConfig()
    ua = config.uaConfig
    ua.maxCalls = min(2 * cfg.sip.max_calls + SPARE_SLOTS, MAX_SLOTS)
    ua.threadCnt = 0  # all of PJSIP runs inside our libHandleEvents
    ua.mainThreadOnly = False
    ua.userAgent = cfg.sip.user_agent
    ua.natTypeInSdp = 0
    config.medConfig.hasIoqueue = False  # no media sockets in PJSIP: no media thread either
    config.medConfig.threadCnt = 0
    config.medConfig.noVad = True
    # Lines go through a pipe, not a LogWriter: that would call Python on whatever thread PJSIP logs from.
    config.logConfig.level = cfg.log.sip
    config.logConfig.consoleLevel = 0
    config.logConfig.decor = LOG_DECOR
    config.logConfig.msgLogging = 0  # whole messages carry SRTP keys and digests
    config.logConfig.filename = log_path
    return config


def set_codecs(endpoint: pjsua2.Endpoint, wanted: list[str]) -> None:
    """Offers `wanted` ("name/clock") in this order and nothing else. ConfigError names one that the core doesn't have."""
    available = [c.codecId for c in endpoint.codecEnum2()]
    ids = []
    for name in wanted:
        found = next((c for c in available if same_codec(c, name)), None)
        if found is None:
            known = ", ".join(sorted(c.rsplit("/", 1)[0] for c in available))
            raise ConfigError(f"media.codecs: {name!r} is not a codec of this core; choose from {known}")
        ids.append(found)
    for codec in available:
        endpoint.codecSetPriority(codec, 0)
    for place, codec in enumerate(ids):
        endpoint.codecSetPriority(codec, 254 - place)


def same_codec(codec_id: str, name: str) -> bool:
    """PJSIP's ids are "name/clock/channels"; names compare without case (RFC 8866 section 6.6)."""
    return codec_id.lower().split("/")[:2] == name.lower().split("/")[:2]


def open_transport(endpoint: pjsua2.Endpoint, cfg: Config, listen: Listen, public: str) -> Listening:
    """Binds one transport; `public` is what it calls itself where that is another address, else "". SignallingError names the
    address that can't be had."""
    config = pjsua2.TransportConfig()
    config.port = listen.port
    config.boundAddress = listen.host
    config.publicAddress = public
    if listen.transport == "tls":
        set_tls(config.tlsConfig, cfg, serving=listen in cfg.sip.listen)
    try:
        transport = endpoint.transportCreate(_KINDS[listen.transport, ipaddress.ip_address(listen.host).version], config)
    except pjsua2.Error as error:
        text = f"can't listen on {listen.transport}:{host_port(listen.host, listen.port)}: {error.reason}; see sip.listen"
        raise SignallingError(text) from None
    port = int(endpoint.transportGetInfo(transport).localAddress.rsplit(":", 1)[1])
    return Listening(transport, listen.transport, listen.host, port)


def set_tls(tls: pjsua2.TlsConfig, cfg: Config, serving: bool) -> None:
    """Certificates; each file is checked here because PJSIP only fails at the first connection. Without a certificate of
    our own we can still connect to others (`serving` False: an account asks for TLS, sip.listen doesn't)."""
    given = cfg.sip.tls
    if serving and (given.cert is None or given.key is None):
        missing = "sip.tls.cert" if given.cert is None else "sip.tls.key"
        raise ConfigError(f"{missing}: a TLS transport is listed in sip.listen and needs a certificate and a key (PEM files)")
    for key, path in (("cert", given.cert), ("key", given.key), ("ca", given.ca)):
        if path is not None and not path.is_file():
            raise ConfigError(f"sip.tls.{key}: no file {path}")
    tls.certFile = str(given.cert or "")
    tls.privKeyFile = str(given.key or "")
    # Without authorities of one's own those of the system are asked, as every client of TLS does.
    tls.CaListFile = str(given.ca or ssl.get_default_verify_paths().cafile or "")
    tls.verifyServer = given.verify_server
    tls.verifyClient = given.verify_client != "no"
    tls.requireClientCert = given.verify_client == "required"
    tls.proto = TLS_1_2_AND_1_3
