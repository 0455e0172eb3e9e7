# SPDX-License-Identifier: GPL-3.0-or-later
"""All of PJSIP in one place: endpoint, transports, accounts, calls. Every method runs on the sip thread."""

from __future__ import annotations

import functools
import secrets
from collections.abc import Collection

from mediacore import Leg, MediaError, Worker, clock_us, pjsua2
from sipagent.config import Account as AccountSettings
from sipagent.config import Config
from sipagent.log import get_logger
from sipagent.signalling.accounts import SipAccount
from sipagent.signalling.calls import SipCall
from sipagent.signalling.endpoint import Listening, SipEndpoint, open_endpoint
from sipagent.signalling.errors import CallLimitError, SignallingError
from sipagent.signalling.legs import new_leg
from sipagent.signalling.locate import Target
from sipagent.signalling.messages import ConnectionLost, Ended, Incoming, Question, Unused
from sipagent.signalling.offers import Offers
from sipagent.signalling.parties import OutgoingInvite, from_of, identity_headers, may_sound_early, read_invite, uri_of
from sipagent.signalling.peering import Peers
from sipagent.signalling.registration import Hop
from sipagent.signalling.reoffer import GONE, Answer
from sipagent.signalling.text import readable
from sipagent.signalling.thread import SipThread, sip_only
from sipagent.signalling.transfer import Replaces
from sipagent.signalling.trust import Trust
from sipagent.signalling.uri import Transport, host_port, parse_uri

log = get_logger(__name__)

TRANSPORTS: dict[str, Transport] = {"udp": "udp", "tcp": "tcp", "tls": "tls"}

GOODBYE_US = 1_000_000  # how long unregistering and the last BYEs may take when we stop
LAST_BYE_US = 100_000


Rows = tuple[tuple[str, str], ...]


class Stack:
    """Made on main, used on the sip thread only."""

    def __init__(
        self, thread: SipThread, cfg: Config, worker: Worker, connect: Collection[Transport], transfers: bool = False
    ) -> None:
        self.thread = thread
        self.cfg = cfg
        self._destinations = cfg.protection.destinations()
        wanted = {*connect, *(a.transport for a in cfg.sip.accounts), *(t.transport for t in cfg.sip.trunks)}
        self._connect = wanted - {listen.transport for listen in cfg.sip.listen}
        self._worker = worker
        self._trust = Trust(cfg.sip.trusted_peers)
        self._endpoint: SipEndpoint | None = None
        self._offers: Offers | None = None
        self._peers: Peers | None = None
        self._calls: dict[str, SipCall] = {}  # with a leg; strong references until they are over
        self._transfers = transfers
        self._replacing = ("", "")  # the call that an INVITE is to replace, and that INVITE
        self._refusing: dict[str, SipCall] = {}  # above the limit, about to get their 503

    # ---- life

    @sip_only
    def open(self, log_path: str, advertised: dict[str, str]) -> list[Listening]:
        """Opens all transports, those of sip.listen first. `advertised`: local address -> what peers should use instead."""
        self._endpoint = open_endpoint(self.thread, self.cfg, log_path)
        self._offers = Offers(self._endpoint, self.cfg.media)
        try:
            self._peers = Peers(self.thread, self.cfg, advertised, self._incoming)
            self._peers.open(self._endpoint, self._connect)
            self._endpoint.libStart()
        except Exception:
            self.close()
            raise
        self.thread.attach(self._poll, self.close)
        return list(self._peers.listening)

    def _poll(self, ms: int) -> None:
        """One turn of PJSIP; what it wants to know is passed on before it rests (its bell has rung then) and after."""
        self._tell()
        if self._endpoint is not None:
            self._endpoint.libHandleEvents(ms)
            self._tell()

    def _tell(self) -> None:
        while text := pjsua2.mc_pjsip_next_question():
            number, transport, port, host = text.split(" ", 3)
            self.thread.send(Question(int(number), TRANSPORTS[transport], int(port), readable(host)))
        while (number_lost := pjsua2.mc_pjsip_next_lost()) >= 0:
            for account in [] if self._peers is None else self._peers.registered.values():
                if account.getId() == number_lost:
                    account.registered = False
                    self.thread.send(ConnectionLost(account.name))
        while (number_silent := pjsua2.mc_pjsip_next_silent()) >= 0:
            for call in list(self._calls.values()):
                if call.getId() == number_silent:
                    call.give_up()

    @sip_only
    def answer_question(self, number: int, targets: list[Target]) -> None:
        """What a name that PJSIP asked for resolves to; nothing = it doesn't."""
        pjsua2.mc_pjsip_answer(number, "".join(f"{target}\n" for target in targets))

    @sip_only
    def close(self) -> None:
        """Ends every call, unregisters, destroys PJSIP. Nothing of it is left when this returns."""
        endpoint = self._endpoint
        if endpoint is None:
            return
        self.thread.attach(None)
        had_calls = bool(self._calls)
        for key in list(self._calls):
            self.hangup(key, 503, "switch is shutting down")
        self.unregister()
        leaving = [] if self._peers is None else [a for a in self._peers.registered.values() if a.registered]
        start = clock_us()
        while clock_us() - start < GOODBYE_US and (
            any(a.registered for a in leaving) or (had_calls and clock_us() - start < LAST_BYE_US)
        ):
            endpoint.libHandleEvents(20)
        self._calls.clear()
        self._refusing.clear()
        leaving.clear()
        endpoint.on_select = endpoint.on_connection = None
        if self._peers is not None:
            self._peers.clear()
            self._peers = None
        pjsua2.mc_pjsip_stop()
        endpoint.libDestroy(pjsua2.PJSUA_DESTROY_NO_NETWORK)
        self._endpoint = self._offers = None

    # ---- accounts

    @sip_only
    def register(self, name: str, settings: AccountSettings, hop: Hop) -> None:
        """Sends a REGISTER to `hop`; the outcome comes as a `Registered` message. PJSIP refreshes it from then on."""
        self._open_peers.register(name, settings, hop)

    @sip_only
    def unregister(self) -> None:
        """Takes every registration back (RFC 3261 section 10.2.2); calls go on."""
        for account in [] if self._peers is None else self._peers.registered.values():
            try:
                if account.registered:
                    account.setRegistration(False)
            except pjsua2.Error as error:
                log.warning("unregister failed", account=account.name, error=error.reason)

    @sip_only
    def ask(self, key: str, hop: Hop) -> None:
        """OPTIONS to a trunk's host at `hop`, where its calls go from now on; the outcome comes as `Answered`."""
        self._open_peers.trunk(key, hop).ask(host_port(hop.name, 0))

    @sip_only
    def hops(self, name: str) -> list[int] | None:
        """Numbers of the next hops of an account or a trunk's hosts; None: there is no such thing."""
        return self._open_peers.hops(name)

    @sip_only
    def lead(self, key: str, hop: Hop) -> None:
        """A trunk's calls go to `hop` from now on, and those that come from there are its."""
        self._open_peers.trunk(key, hop)

    @sip_only
    def moved(self, advertised: dict[str, str]) -> None:
        """Our addresses are others now, as `open` has them; calls are told by `move`."""
        self._open_peers.moved(advertised)

    @property
    def _open_peers(self) -> Peers:
        if self._peers is None:
            raise SignallingError("the user agent is not up")
        return self._peers

    # ---- outgoing calls

    @sip_only
    def invite(self, key: str, leg: Leg, wanted: OutgoingInvite, hop: Hop | None = None) -> str:
        """Sends an INVITE, over a trunk to `hop`; returns our URI in it. What becomes of it comes as messages, `Ended` last."""
        if len(self._calls) >= self.cfg.sip.max_calls:
            raise CallLimitError(f"{self.cfg.sip.max_calls} calls are up (sip.max_calls)")
        if hop is not None and wanted.account is not None:
            self._open_peers.trunk(wanted.account, hop)
        account = self._open_peers.of(wanted)
        own = account.getInfo().uri
        peers = account.peers if wanted.target is None else {wanted.target.address}
        trusted = account.trusted or any(self._trust.host(peer) for peer in peers)
        origin = from_of(wanted.caller, own)
        origin, identity = identity_headers(origin or f"<{uri_of(own)}>", wanted.privacy, trusted)
        call = SipCall(self.thread, account, key, leg, self._ended)
        call.on_replace = self._replaced if self._transfers else None
        call.announced = True
        call.redirects_left = self.cfg.sip.calls.follow_redirects
        withheld = wanted.target is not None and trusted and bool(wanted.privacy)
        call.may_call = functools.partial(self.may_call, trusted_only=withheld)
        self._calls[key] = call
        try:
            call.dial(str(wanted.uri), origin, (*identity, *wanted.rows), wanted.offer)
        except (pjsua2.Error, MediaError) as error:
            text = error.reason if isinstance(error, pjsua2.Error) else str(error)
            if not call.over:
                call.finish(503, f"could not send the INVITE: {text}")
            return ""
        info = call.getInfo()
        call.seen(info.callIdString)
        return info.localUri

    @sip_only
    def may_call(self, uri: str, trusted_only: bool = False) -> bool:
        """Whether a target that a peer named (3xx) may be called: a SIP URI over an open transport that protection.allow has.
        PJSIP tells it without port and parameters. `trusted_only`: the INVITE names a caller who withholds the number, which a
        peer that is not trusted must not read (RFC 3325 section 7)."""
        try:
            wanted = parse_uri(uri)
            self._destinations.check(str(wanted))
        except ValueError as error:  # UriError is one
            log.warning("redirection not allowed", to=uri, reason=str(error))
            return False
        if trusted_only and not self._trust.host(wanted.host):
            log.warning("redirection would show a withheld number to a peer that is not trusted", to=uri)
            return False
        return any(wanted.transport in (None, t.transport) for t in self._open_peers.listening)

    # ---- incoming calls

    def _incoming(self, account: SipAccount, prm: pjsua2.OnIncomingCallParam) -> None:
        """PJSIP may be in the middle of making the media transport here, and a final response sent now would lose its
        headers. So only the leg is bound; the rest waits until PJSIP has returned."""
        key = secrets.token_hex(8)
        leg: Leg | None = None
        if len(self._calls) < self.cfg.sip.max_calls:
            try:
                leg = new_leg(self._worker, self.cfg.media, key)
            except MediaError as error:
                log.error("no leg for an incoming call", call=key, error=str(error))
        call = SipCall(self.thread, account, key, leg, self._ended, prm.callId)
        call.on_replace = self._replaced if self._transfers else None
        message, source = prm.rdata.wholeMsg, prm.rdata.srcAddress
        trusted = account.trusted or self._trust.address(source)
        (replaced, by), self._replacing = self._replacing, ("", "")
        if by != message:  # that one was refused on its way
            replaced = ""
        call.facts = read_invite(message, account.name, source, trusted, replaced)
        call.may_sound_early = may_sound_early(call.facts.headers, self.cfg.sip.calls.reliable != "off")
        if leg is None:
            self._refusing[key] = call
        else:
            self._calls[key] = call
            call.bind()
        self.thread.later(functools.partial(self._admit, key))

    def _admit(self, key: str) -> None:
        call = self._calls.get(key) or self._refusing.get(key)
        if call is None or call.over:
            return
        if not call.isActive():  # PJSIP refused it after all, without a word
            call.finish(0, "")
        elif call.leg is None:
            call.end(503, "too many calls", (("Retry-After", str(self.cfg.sip.retry_after_s)),))
        else:
            try:
                info = call.getInfo()
            except pjsua2.Error as error:
                log.warning("call lost before it was told", call=key, error=error.reason)
                call.end(500, "internal error")
                return
            call.announced = True
            call.seen(info.callIdString)
            remote, local, call_id = map(readable, (info.remoteUri, info.localUri, info.callIdString))
            self.thread.send(Incoming(key, call.leg, remote, local, call_id, call.facts, clock_us()))

    # ---- calls that are up

    @sip_only
    def answer(self, key: str, code: int, headers: Rows = ()) -> None:
        """Final or provisional response; nothing for a call that is over. A call that can't be answered is refused."""
        call = self._calls.get(key)
        if call is None or call.over:
            return
        try:
            if code >= 300:
                call.end(code, "", headers)
            else:
                call.respond(code, headers)
        except pjsua2.Error as error:
            log.warning("answer failed", call=key, code=code, error=error.reason)
            call.end(500, "could not be answered")

    @sip_only
    def hangup(self, key: str, code: int, reason: str, headers: Rows = ()) -> None:
        """Ends a call; nothing for one that is over."""
        call = self._calls.get(key)
        if call is None or call.over:
            return
        try:
            call.end(code, reason, headers)
        except pjsua2.Error as error:
            log.warning("hang-up failed", call=key, error=error.reason)
            if not call.over:
                call.finish(code, reason)

    @sip_only
    def abandon(self, key: str) -> None:
        """Ends a call that nobody waits for any more; says so of one that never began."""
        if key in self._calls:
            self.hangup(key, 487, "no longer wanted")
        else:
            self.thread.send(Ended(key, 487, "no longer wanted", clock_us()))

    @sip_only
    def hold(self, answer: Answer, key: str, on: bool) -> None:
        """Our hold, or its end, by re-INVITE; `answer` gets the final status."""
        call = self._calls.get(key)
        if call is None or call.over or self._offers is None:
            answer(GONE)
        else:
            self._offers.hold(call, answer, on)

    @sip_only
    def update(self, answer: Answer, key: str, codec: str, ptime_ms: int) -> None:
        """Our re-INVITE with another codec ("" = the one in use) and packet time (0 = the last one that was asked for)."""
        call = self._calls.get(key)
        if call is None or call.over or self._offers is None:
            answer(GONE)
        else:
            self._offers.update(call, answer, codec, ptime_ms)

    @sip_only
    def move(self, answer: Answer, key: str) -> None:
        """The call's peer is told where we are now."""
        call = self._calls.get(key)
        if call is None or call.over or self._offers is None:
            answer(GONE)
        else:
            self._offers.moved(call, answer)

    @sip_only
    def redirect(self, key: str, uri: str) -> None:
        """302 (RFC 3261 section 21.3.3) to a caller who waits for the answer."""
        call = self._calls.get(key)
        if call is not None and call.incoming:
            self.hangup(key, 302, "", (("Contact", f"<{uri}>"),))

    @sip_only
    def send_info(self, key: str, digits: str, ms: int) -> bool:
        """Digits by SIP INFO; False: they can't go that way."""
        call = self._calls.get(key)
        try:
            return call is not None and call.send_info(digits, ms)
        except pjsua2.Error as error:
            log.warning("INFO not sent", call=key, error=error.reason)
            return False

    @sip_only
    def refer(self, key: str, uri: str) -> bool:
        """REFER; what becomes of it comes as `Referral` messages. False: it could not be sent."""
        call = self._calls.get(key)
        if call is None or call.over:
            return False
        try:
            call.refer(uri)
        except pjsua2.Error as error:
            log.warning("REFER not sent", call=key, error=error.reason)
            return False
        return True

    @sip_only
    def notify(self, key: str, code: int, reason: str) -> None:
        """The NOTIFY that tells who sent a REFER how it goes; nothing when it has hung up."""
        call = self._calls.get(key)
        try:
            if call is not None and not call.over:
                call.notify(code, reason)
        except pjsua2.Error as error:
            log.warning("NOTIFY not sent", call=key, error=error.reason)

    @sip_only
    def dialog(self, named: Replaces) -> str:
        """The key of the call whose dialog is named, "" when it is none of ours."""
        number = pjsua2.mc_pjsip_find_call(named.call_id, named.to_tag, named.from_tag)
        return next((key for key, call in self._calls.items() if not call.over and call.getId() == number), "")

    def _replaced(self, key: str, invite: str) -> None:
        """PJSIP found the call that an INVITE is to replace; it tells of the INVITE next, unless it refuses it."""
        self._replacing = (key, invite)

    def _ended(self, call: SipCall) -> None:
        if call.leg is not None and not call.announced:
            self.thread.send(Unused(call.leg))
        self.thread.later(functools.partial(self._drop, call.key))

    def _drop(self, key: str) -> None:
        self._calls.pop(key, None)
        self._refusing.pop(key, None)
