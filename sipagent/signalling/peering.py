# SPDX-License-Identifier: GPL-3.0-or-later
"""PJSIP's accounts: direct ones for each transport, one for each registration and for each host of a trunk; and which of them
an incoming request belongs to. Sip thread."""

from __future__ import annotations

import functools
import ipaddress
from collections.abc import Callable, Collection, Iterable

from mediacore import pjsua2
from sipagent.config import Account as AccountSettings
from sipagent.config import Config, Listen
from sipagent.config_sip import Trunk as TrunkSettings
from sipagent.signalling.accounts import SipAccount, local_config, registered_config, source_address, trunk_config
from sipagent.signalling.endpoint import TYPES, Listening, SipEndpoint, open_transport
from sipagent.signalling.errors import SignallingError
from sipagent.signalling.parties import OutgoingInvite
from sipagent.signalling.registration import Hop
from sipagent.signalling.thread import SipThread
from sipagent.signalling.uri import Transport, called_user

Make = Callable[..., pjsua2.AccountConfig]  # one of accounts.*_config, without what all of them get
OnIncoming = Callable[[SipAccount, pjsua2.OnIncomingCallParam], None]


class Peers:
    """Made and used on the sip thread. `accounts` by what `UserAgent.invite(account=...)` takes."""

    def __init__(self, thread: SipThread, cfg: Config, advertised: dict[str, str], on_incoming: OnIncoming) -> None:
        self._thread = thread
        self._cfg = cfg
        self._advertised = advertised
        self._on_incoming = on_incoming
        self.listening: list[Listening] = []
        self._local: dict[tuple[Transport, int], SipAccount] = {}
        self._others: list[SipAccount] = []  # of further listeners of the same kind; PJSIP's objects live as long as these
        self._sips: SipAccount | None = None
        self.registered: dict[str, SipAccount] = {}
        self._trunks: dict[str, SipAccount] = {}  # "name#0" for its first host
        # A PJSIP account has one transport, a name may have addresses of both versions: each version that was used has an
        # account, here by name or key; `registered` and `_trunks` have the one in use.
        self._versions: dict[tuple[str, int], SipAccount] = {}
        self._next_hop = 0
        self._certified: dict[int, frozenset[str]] = {}  # connection -> names of the peer's verified certificate
        self._sources = {t.name: [ipaddress.ip_network(n) for n in t.sources] for t in cfg.sip.trunks}

    # ---- life

    def open(self, endpoint: SipEndpoint, connect: Collection[Transport]) -> None:
        """Transports (`connect`: besides those of sip.listen) and the accounts that stand from the start."""
        wanted = list(self._cfg.sip.listen)
        wanted += [Listen(transport=transport, host=wanted[0].host, port=0) for transport in sorted(connect)]
        for listen in wanted:
            listening = open_transport(endpoint, self._cfg, listen, self._advertised.get(listen.host, ""))
            self.listening.append(listening)
            account = SipAccount(self._thread, "", self._on_incoming)
            self._open(account, listening, local_config, default=listening is self.listening[0])
            if self._local.setdefault((listening.transport, listening.version), account) is not account:
                self._others.append(account)
            if listening.transport == "tls" and self._sips is None:
                self._sips = SipAccount(self._thread, "", self._on_incoming)
                self._open(self._sips, listening, functools.partial(local_config, scheme="sips"))
        for trunk in self._cfg.sip.trunks:
            for place in range(len(trunk.hosts)):
                self._trunks[f"{trunk.name}#{place}"] = self._trunk(trunk, place)
        endpoint.on_select, endpoint.on_connection = self.select, self.connection

    def _trunk(self, trunk: TrunkSettings, place: int, wanted: int = 0) -> SipAccount:
        """`wanted`: IP version; 0 = that of the host's address, of a name whichever is open."""
        open_kinds = [t for t in self.listening if t.transport == trunk.transport]
        wanted = wanted or trunk.version(place)
        listening = next((t for t in open_kinds if wanted in (0, t.version)), None)
        if listening is None:
            raise SignallingError(f"trunk {trunk.name}: no {trunk.transport} transport is open; add one to sip.listen")
        account = self._account(trunk.name)
        account.key = f"{trunk.name}#{place}"
        account.realm, account.trunk, account.version = trunk.realm, trunk.name, listening.version
        account.trusted = trunk.trust_identity
        self._open(account, listening, functools.partial(trunk_config, trunk=trunk, hop=account.hop))
        self._versions[account.key, account.version] = account
        return account

    def _open(self, account: SipAccount, listening: Listening, make: Make, default: bool = False) -> None:
        account.open(listening, lambda: make(self._cfg, listening=listening, advertised=self._advertised), default)

    def moved(self, advertised: dict[str, str]) -> None:
        """Our addresses are others now. SignallingError: some accounts could not be changed; all others were."""
        self._advertised = advertised
        sips = [] if self._sips is None else [self._sips]
        failed = []
        for account in [*self._local.values(), *self._others, *sips, *self._versions.values()]:
            if account.listening is not None and (host := advertised.get(account.listening.host)) is not None:
                try:
                    account.moved(host, not account.user or account in self.registered.values())
                except pjsua2.Error as error:
                    failed.append(f"{account.key or 'direct'}: {error.reason or error.info()}")
        if failed:
            raise SignallingError("; ".join(failed))

    def _account(self, name: str) -> SipAccount:
        self._next_hop += 1
        return SipAccount(self._thread, name, self._on_incoming, self._next_hop - 1)

    def clear(self) -> None:
        """Lets PJSIP's objects go; their accounts with them."""
        self.registered.clear()
        self._trunks.clear()
        self._versions.clear()
        self._local.clear()
        self._others.clear()
        self._sips = None
        self.listening.clear()

    # ---- outgoing

    def register(self, name: str, settings: AccountSettings, hop: Hop) -> None:
        account = self._versions.get((name, hop.target.version))
        if account is None:
            listening = self._transport(settings.transport, hop.target.version)
            account = self._account(name)
            account.realm, account.user = "" if settings.realm == "*" else settings.realm, settings.user
            self._open(account, listening, functools.partial(registered_config, settings=settings, hop=account.hop))
            self._versions[name, hop.target.version] = account
        self.registered[name] = account
        account.send_to(hop)
        account.setRegistration(True)

    def trunk(self, key: str, hop: Hop | None = None) -> SipAccount:
        """The account of a trunk's host, its requests led to `hop` from now on."""
        account = self._trunks[key]
        if hop is not None:
            if hop.target.version != account.version:
                settings = next(t for t in self._cfg.sip.trunks if t.name == account.trunk)
                other = self._versions.get((key, hop.target.version))
                account = other or self._trunk(settings, int(key.rpartition("#")[2]), hop.target.version)
                self._trunks[key] = account
            account.send_to(hop)
        return account

    def hops(self, name: str) -> list[int] | None:
        """Of an account, of a trunk's hosts; None: neither."""
        if name in self.registered:
            return [self.registered[name].hop]
        return [account.hop for account in self._trunks.values() if account.trunk == name] or None

    def of(self, wanted: OutgoingInvite) -> SipAccount:
        """The account that sends an INVITE."""
        if wanted.account is not None:
            account = self.registered.get(wanted.account) or self._trunks.get(wanted.account)
            if account is None:
                raise SignallingError(f"account {wanted.account!r} is not set up yet: its registrar's name was not found")
            return account
        if wanted.target is None:
            raise SignallingError("neither an account nor an address to call")
        self._transport(wanted.target.transport, wanted.target.version)
        sips = self._sips if wanted.uri.scheme == "sips" else None
        return sips or self._local[wanted.target.transport, wanted.target.version]

    def _transport(self, transport: Transport, version: int) -> Listening:
        for listening in self.listening:
            if (listening.transport, listening.version) == (transport, version):
                return listening
        raise SignallingError(f"no {transport} transport over IPv{version} is open; add one to sip.listen")

    # ---- incoming

    def select(self, prm: pjsua2.OnSelectAccountParam) -> None:
        """A trunk by its certificate or address, a registration by the called user and the registrar's address, else direct:
        what a stranger writes into To never makes him anybody."""
        rdata = prm.rdata
        chosen = self._sender(rdata) if self._trunks or self.registered else None
        kind = TYPES.get(pjsua2.mc_pjsip_transport_type(rdata.pjRxData))
        if chosen is None and self._sips is not None and rdata.wholeMsg.partition(" ")[2].startswith("sips:"):
            chosen = self._sips  # a sips: request needs a sips: Contact (RFC 3261 section 12.1.1)
        if chosen is None and kind is not None:
            chosen = self._local.get(kind)
        if chosen is not None:
            prm.accountIndex = chosen.getId()

    def _sender(self, rdata: pjsua2.SipRxData) -> SipAccount | None:
        source = source_address(rdata.srcAddress)
        certified = self._certified.get(pjsua2.mc_pjsip_connection(rdata.pjRxData), frozenset())
        trunk = self.trunk_of(source, certified)
        if trunk:
            mine = [a for a in self._trunks.values() if a.trunk == trunk]
            return next((a for a in mine if source in a.peers), mine[0])
        user = called_user(rdata.wholeMsg)
        return next((a for a in self.registered.values() if a.user == user and source in a.peers), None)

    def trunk_of(self, source: str, certified: Iterable[str]) -> str:
        """The trunk whose call this is, "" = none's. One with a certificate's name is known by that alone."""
        names = {name.lower() for name in certified}
        for trunk in self._cfg.sip.trunks:
            if trunk.certificate:
                if trunk.certificate.lower() in names:
                    return trunk.name
            elif self._is_from(trunk.name, source):
                return trunk.name
        return ""

    def _is_from(self, name: str, source: str) -> bool:
        if any(account.trunk == name and source in account.known for account in self._versions.values()):
            return True
        try:
            address = ipaddress.ip_address(source)
        except ValueError:
            return False
        return any(address.version == n.version and address in n for n in self._sources[name])

    def connection(self, prm: pjsua2.OnTransportStateParam) -> None:
        """Remembers who proved what he is called: a certificate that was checked against our authorities."""
        self._certified.pop(prm.hnd, None)
        tls = prm.tlsInfo
        if prm.state == pjsua2.PJSIP_TP_STATE_CONNECTED and not tls.isEmpty() and tls.verifyStatus == 0:
            given = tls.remoteCertInfo
            if not given.isEmpty():
                # RFC 5922 section 7.1: the common name counts only where there are no alternative names.
                names = [row.name.removeprefix("sip:") for row in given.subjectAltName] or [given.subjectCn]
                self._certified[prm.hnd] = frozenset(names)
