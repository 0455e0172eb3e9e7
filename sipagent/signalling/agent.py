# SPDX-License-Identifier: GPL-3.0-or-later
"""The user agent as the main thread sees it: calls, accounts, transports. For PJSIP's part it asks the sip thread."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import threading
import uuid
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace

from mediacore import Leg, Worker, clock_us, gate_lag
from sipagent.call import Call, CallState
from sipagent.config import OPUS_MAX_BITRATE, Config
from sipagent.log import call_context, get_logger
from sipagent.protection.quota import Use
from sipagent.signalling import messages, options
from sipagent.signalling.advertise import advertised, is_wildcard
from sipagent.signalling.call_state import advance
from sipagent.signalling.control import Control, incoming_call
from sipagent.signalling.endpoint import Listening
from sipagent.signalling.errors import DestinationDenied, SignallingError
from sipagent.signalling.headers import Pairs, checked
from sipagent.signalling.legs import new_leg
from sipagent.signalling.limits import Limits
from sipagent.signalling.locate import Locator, Target
from sipagent.signalling.names import Dns
from sipagent.signalling.parties import MAX_FORWARDS, OutgoingInvite
from sipagent.signalling.registration import AccountStatus
from sipagent.signalling.stack import Stack
from sipagent.signalling.stack_log import StackLog
from sipagent.signalling.thread import SipThread
from sipagent.signalling.transfer import ReferTo, Replaces
from sipagent.signalling.trunk import TrunkStatus
from sipagent.signalling.uplinks import Uplinks, Ways
from sipagent.signalling.uri import DEFAULT_PORT, SipUri, Transport, parse_uri

log = get_logger(__name__)

QUESTION_S = 32.0  # a transaction waits no longer for its address (RFC 3261 section 17.1.1.2, timer B)

_the_endpoint = threading.Lock()  # held by the user agent that is up: a second PJSIP endpoint would take the first one down


class UserAgent:
    """All methods belong to the event loop's thread. One per process: PJSIP has one endpoint.

    `on_incoming(call)` is called on the loop with a call that is RINGING, of which the caller has heard 100 only; whoever takes
    it answers with `await call.control.answer()` (180 and 183 too), or refuses with `await call.hangup(486)`, and closes its
    leg after `call.ended`. A call that is neither answered nor refused in `sip.calls.ring_s` ends with 480.
    `connect`: transports to call out by besides those in sip.listen. `transfers`: peers may ask for them (`Call.on_refer`,
    `Call.replaces`); else REFER and Replaces get 603.
    """

    def __init__(
        self,
        cfg: Config,
        worker: Worker,
        on_incoming: Callable[[Call], None],
        connect: Collection[Transport] = (),
        transfers: bool = False,
    ) -> None:
        self.cfg = cfg
        self._destinations = cfg.protection.destinations()
        self._worker = worker
        self._on_incoming = on_incoming
        self._thread = SipThread(self._on_message)
        self._stack = Stack(self._thread, cfg, worker, connect, transfers)
        self._listening: list[Listening] = []
        self._calls: dict[str, Call] = {}
        self._orphans: set[str] = set()
        self._limits = Limits(cfg, self._time_over)
        self._uplinks = Uplinks(self._thread, self._stack)
        self._retries: dict[str, tuple[Leg, OutgoingInvite, Ways]] = {}  # calls over a trunk -> what is left to try
        self._questions: set[asyncio.Task[None]] = set()
        self._log = StackLog()
        self._running = False

    @property
    def calls(self) -> Mapping[str, Call]:
        """Calls that are not over, by `Call.id`."""
        return self._calls

    @property
    def ticked_us(self) -> int:
        """Monotonic time of the sip thread's last turn."""
        return self._thread.ticked_us

    def accounts(self) -> list[AccountStatus]:
        """One row for each of sip.accounts."""
        return self._uplinks.accounts()

    def trunks(self) -> list[TrunkStatus]:
        """One row for each of sip.trunks."""
        return self._uplinks.states()

    async def hops(self, name: str) -> list[int] | None:
        """Numbers of the next hops of an account or a trunk, as `mediacore.siptrace_read` has them; None: neither."""
        found = await self._thread.run(self._stack.hops, name) if self._running else None
        return [] if found is None and self._uplinks.has(name) else found

    async def unregister(self) -> None:
        """Takes all registrations back and keeps it so: nobody calls us through them any more. Calls go on."""
        await self._uplinks.stop()
        if self._running:
            await self._thread.run(self._stack.unregister)

    def uses(self) -> list[Use]:
        """What each account, each trunk and direct calls ("") have used of their limits."""
        return self._limits.uses()

    def listening(self) -> list[str]:
        """Open transports, "udp:127.0.0.1:5060", with the ports that were really taken."""
        return [str(t) for t in self._listening[: len(self.cfg.sip.listen)]]

    async def start(self) -> None:
        """Opens the transports and starts registering. SignallingError or ConfigError when a transport can't be had."""
        if not _the_endpoint.acquire(blocking=False):
            raise SignallingError("another user agent is up in this process; PJSIP has room for one")
        media = self.cfg.media
        self._worker.install_seam(
            suppress_silence=media.suppress_silence,
            opus_max_bitrate=media.opus_max_bitrate if media.opus_max_bitrate < OPUS_MAX_BITRATE else 0,
            opus_cbr=media.opus_cbr,
        )
        self._log.open()
        await self._thread.start()
        try:
            self._listening = await self._thread.run(self._stack.open, self._log.path, advertised(self.cfg))
        except BaseException:
            await self._shut()
            raise
        self._locator = Locator(Dns(self.cfg.sip.dns), [(t.transport, t.version) for t in self._listening])
        self._running = True
        self._uplinks.start(self.cfg, self._locator.locate, self._calls)

    async def stop(self) -> None:
        """Ends every call, unregisters, destroys the stack. Does nothing when it is not up."""
        if not self._running:
            return
        self._running = False
        await self._uplinks.stop()
        tasks = list(self._questions)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        with contextlib.suppress(SignallingError):
            await self._thread.run(self._stack.close)
        await self._shut()
        for call in list(self._calls.values()):  # none, unless the stack failed to tell
            self._end(call, 500, "signalling stopped", clock_us())
        self._listening = []

    async def _shut(self) -> None:
        await self._thread.stop()
        self._log.close()
        self._worker.uninstall_seam()
        _the_endpoint.release()

    async def invite(
        self,
        uri: str,
        account: str | None = None,
        *,
        headers: Pairs = (),
        caller: str = "",
        privacy: Collection[str] = (),
        ring_s: float | None = None,
        offer: bool = True,
        max_forwards: int = MAX_FORWARDS,
        replaces: str = "",
    ) -> Call:
        """Calls `uri`: directly, through the registrar of an account (its "user@host", or "user" if that is unique), or over a
        trunk (its name), whose next host is tried when one can't be reached.
        Returns as soon as the INVITE is out, with a call in state CALLING; a call that fails later ends with end_code and
        end_reason. A callee who does not answer in `ring_s` (None: sip.calls.ring_s) is given up: end_code 408.

        `caller`: our number or user, URI or `"Name" <URI>`; "" = the account's own. `privacy`: as {"id"} (RFC 3323, 3325).
        `offer` False: the callee says first which media it has.
        `replaces`: a dialog of the callee's that the call takes the place of (RFC 3891).
        UriError, HeaderError, CallLimitError, SignallingError when there is nothing to send; DestinationDenied (a
        SignallingError) when protection.allow does not have it.
        """
        if not self._running:
            raise SignallingError("the user agent is not up")
        wanted = self.allowed(uri)
        rows = checked(headers)
        name, ways = self._uplinks.way_out(account)
        target: Target | None = None
        if name is None:
            secure = wanted.scheme == "sips"
            target = (await self._locator.locate(wanted.host, wanted.port, wanted.transport, secure))[0]
        key = uuid.uuid4().hex[:16]
        leg = new_leg(self._worker, self.cfg.media, key)
        call = Call(leg, Control(self._thread, self._stack, key, True), "out", str(wanted), "", id=key, started_us=clock_us())
        call.account, call.privacy = name or "", frozenset(privacy)
        self._calls[key] = call
        self._limits.expect_answer(call, self.cfg.sip.calls.ring_s if ring_s is None else ring_s)
        try:
            self._limits.admit_or_raise(call)
            request = OutgoingInvite(wanted, target, name, caller, call.privacy, rows, offer, max_forwards, replaces)
            call.local_uri = await self._send(call, leg, request, ways)
        except asyncio.CancelledError:  # the INVITE may be on its way: nobody waits for it, and it gets its end
            self._retries.pop(key, None)
            self._orphans.add(key)
            self._thread.post(functools.partial(self._stack.abandon, key))
            raise
        except BaseException:
            self._calls.pop(key, None)
            self._retries.pop(key, None)
            self._limits.forget(call)
            leg.close()
            raise
        return call

    async def _send(self, call: Call, leg: Leg, request: OutgoingInvite, ways: Ways) -> str:
        """The INVITE, over the first of a trunk's hosts when there are any; the others are kept for `_again`."""
        if not ways:
            return await self._thread.run(self._stack.invite, call.id, leg, request)
        (key, hop), *rest = ways
        request = replace(request, account=key)
        self._retries[call.id] = (leg, request, rest)
        return await self._thread.run(self._stack.invite, call.id, leg, request, hop)

    async def ping(self, timeout_s: float = 1.0) -> float:
        """Seconds of an OPTIONS round trip to our own first transport; SignallingError when it isn't answered with 200."""
        if not self._listening:
            raise SignallingError("the user agent is not up")
        first = self._listening[0]
        host = ("::1" if ":" in first.host else "127.0.0.1") if is_wildcard(first.host) else first.host
        return await options.ping(first.transport, host, first.port, timeout_s)

    def allowed(self, uri: str) -> SipUri:
        """The URI, when we may call it, or have it called for us. UriError; DestinationDenied: protection.allow does not have
        it."""
        wanted = parse_uri(uri)
        try:
            self._destinations.check(str(wanted))
        except ValueError as error:
            log.warning("call not allowed", uri=str(wanted), reason=str(error))
            raise DestinationDenied(str(error)) from None
        return wanted

    def is_own(self, uri: SipUri) -> bool:
        """Whether a request to this URI would come to us."""
        told = advertised(self.cfg)
        hosts = {host for listening in self._listening for host in (listening.host, told.get(listening.host))}
        return uri.host in hosts and (uri.port or DEFAULT_PORT[uri.transport or "udp"]) in {t.port for t in self._listening}

    async def dialog(self, named: Replaces) -> Call | None:
        """The call of ours whose dialog a Replaces names."""
        return self._calls.get(await self._thread.run(self._stack.dialog, named))

    # ---- inside

    async def _answer_question(self, question: messages.Question) -> None:
        """PJSIP met a name (a Contact, a Record-Route, a called host): its request waits for this."""
        targets: list[Target] = []
        try:
            async with asyncio.timeout(QUESTION_S):
                targets = await self._locator.locate(question.host, question.port, question.transport)
        except (SignallingError, TimeoutError) as error:
            log.warning("no address for a request", host=question.host, error=str(error))
        finally:
            if self._thread.running:
                await self._thread.run(self._stack.answer_question, question.id, targets)

    def _on_message(self, message: object) -> None:
        with call_context(getattr(message, "key", "")):
            self._take(message)

    def _take(self, message: object) -> None:
        match message:
            case messages.Incoming():
                self._ring(message)
            case messages.Moved(key, invite, t_us, sip_call_id):
                if (call := self._calls.get(key)) is not None:
                    self._move(call, invite, t_us)
                    call.sip_call_id = call.sip_call_id or sip_call_id
            case messages.Progress(key, code, early):
                if (call := self._calls.get(key)) is not None:
                    call.progress = (code, early)
                    if call.on_progress is not None:
                        call.on_progress(code, early)
            case messages.MediaReady(key):
                if (call := self._calls.get(key)) is not None:
                    call.media_ready.set()
            case messages.Held(key, held):
                if (call := self._calls.get(key)) is not None:
                    self._hold(call, held)
            case messages.Digit(key, digit, ms):
                if (call := self._calls.get(key)) is not None:
                    call.dtmf(digit, ms, by_info=True)
            case messages.ReferRequest(key, target):
                if (call := self._calls.get(key)) is not None:
                    self._referred(call, target)
            case messages.Referral(key):
                if (call := self._calls.get(key)) is not None and isinstance(call.control, Control):
                    call.control.referral(message)
            case messages.Ended(key, code, reason, t_us, unreached, peer_reason):
                if (call := self._calls.get(key)) is not None and not (unreached and self._again(call, code)):
                    call.peer_reason = peer_reason
                    self._end(call, code, reason, t_us)
            case messages.Unused(leg):
                leg.close()
            case messages.Refused(remote_uri, code, reason):
                log.info("call refused", remote=remote_uri, code=code, reason=reason)
            case messages.Question():
                if self._running:
                    task = asyncio.create_task(self._answer_question(message))
                    self._questions.add(task)
                    task.add_done_callback(self._questions.discard)
            case messages.ConnectionLost() | messages.Registered() | messages.Answered():
                self._uplinks.told(message)

    def _again(self, call: Call, code: int) -> bool:
        """Tries the trunk's next host for a call that one of them did not take; False: there is none left."""
        leg, request, ways = self._retries.get(call.id, (None, None, []))
        if leg is None or request is None or request.account is None:
            return False
        trunk = self._uplinks.failed(request.account, code)
        if not ways or not self._running or _unwanted(call):
            return False
        log.info("trunk host did not take a call, the next one is tried", trunk=trunk, code=code)
        task = asyncio.create_task(self._resend(call, leg, request, ways, code))
        self._questions.add(task)
        task.add_done_callback(self._questions.discard)
        return True

    async def _resend(self, call: Call, leg: Leg, request: OutgoingInvite, ways: Ways, code: int) -> None:
        try:
            await self._send(call, leg, request, ways)
            if _unwanted(call):  # hung up when there was no INVITE to take back
                await call.hangup(487)
        except SignallingError as error:
            if call.id in self._calls:
                self._end(call, code, f"callee not reached: {error}", clock_us())

    def _ring(self, message: messages.Incoming) -> None:
        gate_lag(clock_us() - message.t_us)
        call = incoming_call(self._thread, self._stack, message)
        self._calls[call.id] = call
        if (refusal := self._limits.admit(call)) is not None:
            again = (("Retry-After", str(refusal.retry_after_s or self.cfg.sip.retry_after_s)),)
            self._orphans.add(call.id)
            self._thread.run(self._stack.hangup, call.id, 503, "too many calls", again)
            return
        self._limits.expect_answer(call, self.cfg.sip.calls.ring_s)
        try:
            self._on_incoming(call)
        except Exception:
            log.exception("incoming call not taken", call=call.id)
            self._orphans.add(call.id)
            self._thread.run(self._stack.hangup, call.id, 500, "internal error")

    def _referred(self, call: Call, target: ReferTo) -> None:
        if call.on_refer is not None:
            call.on_refer(target)
        else:
            self._thread.run(self._stack.notify, call.id, 603, "")

    def _time_over(self, key: str, code: int, reason: str) -> None:
        if (call := self._calls.get(key)) is not None and isinstance(call.control, Control):
            call.control.unwanted = True
        self._thread.run(self._stack.hangup, key, code, reason)

    def _hold(self, call: Call, held: bool) -> None:
        call.hold_changed(held)
        if call.state is CallState.CONFIRMED:
            self._limits.expect_resume(call)

    def _move(self, call: Call, invite: int, t_us: int) -> None:
        state = advance(call.state, invite)
        if state is CallState.CONFIRMED and call.state is not CallState.CONFIRMED:
            self._limits.answered(call)
            call.answered_us = t_us
            call.answered.set()
        call.state = state

    def _end(self, call: Call, code: int, reason: str, t_us: int) -> None:
        """The one place where a call ends on main; taking it out of the table makes a second end impossible."""
        del self._calls[call.id]
        self._limits.forget(call)
        self._retries.pop(call.id, None)
        call.state = CallState.ENDED
        call.ended_us, call.end_code, call.end_reason = t_us, code, reason
        call.ended.set()
        if isinstance(call.control, Control):
            call.control.referral(None)
        if call.id in self._orphans:
            self._orphans.discard(call.id)
            call.leg.close()


def _unwanted(call: Call) -> bool:
    return isinstance(call.control, Control) and call.control.unwanted
