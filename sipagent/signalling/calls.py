# SPDX-License-Identifier: GPL-3.0-or-later
"""A PJSIP call, incoming or outgoing, and the leg bound to it. Lives and dies on the sip thread."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable

from mediacore import Leg, clock_us, pjsua2, siptrace_end, siptrace_own
from sipagent.log import call_context, get_logger
from sipagent.signalling.accounts import SipAccount
from sipagent.signalling.call_state import Invite
from sipagent.signalling.causes import Reason, clean, parse_reason, reason_values
from sipagent.signalling.ending import Ending
from sipagent.signalling.errors import UriError
from sipagent.signalling.info import InfoDigits
from sipagent.signalling.messages import Digit, Ended, Held, MediaReady, Moved, Progress, Referral, ReferRequest
from sipagent.signalling.parties import InviteFacts
from sipagent.signalling.reoffer import GONE, Answer, Reoffer
from sipagent.signalling.text import readable, to_wire
from sipagent.signalling.thread import SipThread, callback, sip_only
from sipagent.signalling.transfer import REFER_TAKEN, SIPFRAG, parse_refer_to, sipfrag, subscription_state

log = get_logger(__name__)

PJ_EINVALIDOP = 70013  # what PJSIP says when a re-INVITE is under way
DIGITS = frozenset("0123456789*#ABCD")


def add_headers(option: pjsua2.SipTxOption, rows: Iterable[tuple[str, str]]) -> None:
    """Into the message that is sent with `option`."""
    for name, value in rows:
        header = pjsua2.SipHeader()
        header.hName, header.hValue = name, value
        option.headers.append(header)


def _audio_only() -> pjsua2.CallOpParam:
    """One audio stream: left alone, PJSIP offers real-time text besides."""
    prm = pjsua2.CallOpParam(True)
    prm.opt.audioCount, prm.opt.videoCount, prm.opt.textCount = 1, 0, 0
    return prm


def _sent(send: Callable[[pjsua2.CallOpParam], None], prm: pjsua2.CallOpParam) -> bool:
    """Sends an offer; False: another one is under way."""
    try:
        send(prm)
    except pjsua2.Error as error:
        if error.status != PJ_EINVALIDOP:
            raise
        return False
    return True


class SipCall(pjsua2.Call):
    """Strong references are held by `Stack.calls` until the end: PJSIP hangs up a live call whose object is collected."""

    def __init__(
        self,
        thread: SipThread,
        account: SipAccount,
        key: str,
        leg: Leg | None,
        on_end: Callable[[SipCall], None],
        call_id: int | None = None,
    ) -> None:
        thread.check("SipCall()")
        super().__init__(account, pjsua2.PJSUA_INVALID_ID if call_id is None else call_id)
        self.thread = thread
        self.account = account  # PJSIP's object points at it
        self.key = key
        self.leg = leg
        self.incoming = call_id is not None
        self.facts = InviteFacts()  # of an incoming call
        self.sip_call_id = ""  # since it was `seen`
        self.log_ids = (key, "")
        self.may_sound_early = True  # a 183 can open the way for sound
        self.redirects_left = 0
        self.may_call: Callable[[str], bool] = lambda uri: False
        self.announced = False  # main knows of it
        self.over = False
        self._on_end = on_end
        self.on_replace: Callable[[str, str], None] | None = None  # set where peers may transfer: our key, the INVITE
        self._answered = False
        self._media_told = False
        self._ours: tuple[int, str] | None = None
        self._peer_reason: Reason | None = None
        self._info = InfoDigits()
        self._reoffer = Reoffer()
        self.ptime_ms = 0  # that offers of ours ask for since an `update`; 0 = the configured one
        self._held = False
        self._given_up = False

    # ---- what the stack asks for

    @sip_only
    def dial(self, uri: str, origin: str = "", headers: Iterable[tuple[str, str]] = (), offer: bool = True) -> None:
        """Sends the INVITE; a name in `uri` becomes a `Question` on the way. `origin`: its From; "" = the account's."""
        prm = _audio_only()
        prm.txOption.localUri = origin
        if not offer:
            prm.opt.flag |= pjsua2.PJSUA_CALL_NO_SDP_OFFER
        add_headers(prm.txOption, headers)
        self.makeCall(f"<{uri}>", prm)
        self.bind()

    @sip_only
    def bind(self) -> None:
        """Connects the leg with the PJSIP call; media may start from now on."""
        if self.leg is not None and not self.over:
            self.leg.bind_call(self.getId())

    @sip_only
    def seen(self, sip_call_id: str) -> None:
        """Messages with this Call-ID are this call's."""
        self.sip_call_id = sip_call_id
        self.log_ids = (self.key, readable(sip_call_id))
        siptrace_own(to_wire(sip_call_id), self.key)

    @sip_only
    def respond(self, code: int, headers: Iterable[tuple[str, str]] = ()) -> None:
        """A provisional response or a 2xx."""
        prm = _audio_only()
        prm.statusCode = 180 if code == 183 and not self.may_sound_early else code
        add_headers(prm.txOption, headers)
        self.answer(prm)

    @sip_only
    def end(self, code: int, reason: str, headers: tuple[tuple[str, str], ...] = ()) -> None:
        """BYE, CANCEL or a final response, whichever the state asks for. A second call does nothing."""
        if self.over or self._ours is not None:
            return
        self._ours = (code, reason)
        prm = pjsua2.CallOpParam()
        if not self._answered:
            prm.statusCode = max(code, 300) if code else 0
        if code >= 300:
            prm.reason = clean(reason) if not self._answered and self.incoming else ""
        passed_on = any(name.lower() == "reason" for name, _ in headers)
        own = () if passed_on else (("Reason", value) for value in reason_values(code, reason))
        add_headers(prm.txOption, (*own, *headers))
        self.hangup(prm)

    @sip_only
    def hold(self, answer: Answer, on: bool) -> None:
        """A re-INVITE that stops the peer's sound (sendonly), or lets it come again. `answer` gets its final status."""
        prm = _audio_only()
        if not on:
            prm.opt.flag |= pjsua2.PJSUA_CALL_UNHOLD
        self._reoffer.send(answer, functools.partial(_sent, self.setHold if on else self.reinvite, prm))

    @sip_only
    def reoffer(self, answer: Answer, moved: bool = False) -> None:
        """A re-INVITE with an offer as it is made now; a call that we hold stays held. `answer` gets its final status. `moved`:
        with the Contact and the media address of now."""
        prm = _audio_only()
        if moved:
            prm.opt.flag |= pjsua2.PJSUA_CALL_UPDATE_CONTACT | pjsua2.PJSUA_CALL_REINIT_MEDIA
        self._reoffer.send(answer, functools.partial(_sent, self.reinvite, prm))

    @sip_only
    def give_up(self) -> None:
        """Nobody has said a word to the INVITE: another server may take the call. PJSIP goes on listening to this one, so that
        who rings yet gets CANCEL, and who answers ACK and BYE (RFC 3261 sections 9.1, 13.2.2.4)."""
        if not self.over and not self._answered and self._ours is None:
            self._ours, self._given_up = (408, ""), True
            self.hangup(pjsua2.CallOpParam())

    @sip_only
    def send_info(self, digits: str, ms: int) -> bool:
        """Digits by SIP INFO. False: the peer does not say that it takes INFO, or too many wait."""
        if self.over or self._ours is not None or not self._answered:
            return False
        takes = self.remoteHasCap(pjsua2.PJSIP_H_ALLOW, "", "INFO")
        return takes == pjsua2.PJSIP_DIALOG_CAP_SUPPORTED and self._info.queue(digits, ms, self._send_info)

    def _send_info(self, kind: str, body: str) -> None:
        prm = pjsua2.CallSendRequestParam()
        prm.method = "INFO"
        prm.txOption.contentType, prm.txOption.msgBody = kind, body
        self.sendRequest(prm)

    @sip_only
    def refer(self, uri: str) -> None:
        """REFER to the peer (RFC 3515)."""
        self.xfer(f"<{uri}>", pjsua2.CallOpParam())

    @sip_only
    def notify(self, code: int, reason: str) -> None:
        """How the transfer goes that the peer asked for (RFC 3515 section 2.4.4)."""
        prm = pjsua2.CallSendRequestParam()
        prm.method = "NOTIFY"
        add_headers(prm.txOption, (("Event", "refer"), ("Subscription-State", subscription_state(code))))
        prm.txOption.contentType, prm.txOption.msgBody = SIPFRAG, sipfrag(code, clean(reason))
        self.sendRequest(prm)

    # ---- what PJSIP tells

    @callback
    def onCallState(self, prm: pjsua2.OnCallStateParam) -> None:
        if self.over:
            return
        state = pjsua2.mc_pjsip_call_state(self.getId())
        if state == Invite.DISCONNECTED:
            unreached = False
            try:
                ending = self._ending(prm.e, self.getInfo())
                (code, reason), unreached = ending.explain(), ending.unreached
            except Exception:  # whatever a peer has sent: main must hear of the end
                log.exception("end of a call not understood")
                code, reason = 500, "ended for an unknown reason"
            self.finish(code, reason, unreached)
            return
        self._answered = self._answered or state == Invite.CONFIRMED
        if self.announced:
            sip_call_id = "" if self.incoming else readable(self.getInfo().callIdString)  # of ours main does not know it yet
            self.thread.send(Moved(self.key, state, clock_us(), sip_call_id))

    @callback
    def onCallMediaState(self, prm: pjsua2.OnCallMediaStateParam) -> None:
        if self.leg is not None and self.leg.started and not self._media_told:
            self._media_told = True
            self.thread.send(MediaReady(self.key))
        held = bool(pjsua2.mc_pjsip_peer_holds(self.getId()))
        if held is not self._held and not self.over:
            self._held = held
            self.thread.send(Held(self.key, held))

    @callback
    def onCallTsxState(self, prm: pjsua2.OnCallTsxStateParam) -> None:
        """A callee's progress, what became of an INFO, and the Reason of a CANCEL: the end itself is reported with the
        INVITE's transaction."""
        tsx = prm.e.body.tsxState
        heard, ours = tsx.type == pjsua2.PJSIP_EVENT_RX_MSG, tsx.tsx.role == pjsua2.PJSIP_ROLE_UAC
        if tsx.tsx.method == "INVITE" and heard and ours and 100 < tsx.tsx.statusCode < 200 and not self.over:
            self.thread.send(Progress(self.key, tsx.tsx.statusCode, self.leg is not None and self.leg.started))
        if tsx.tsx.method == "INVITE" and ours and self._answered:
            if tsx.tsx.state == pjsua2.PJSIP_TSX_STATE_CALLING:
                self._reoffer.began(tsx.tsx.pjTransaction)
            elif tsx.prevState < pjsua2.PJSIP_TSX_STATE_COMPLETED <= tsx.tsx.state:  # once; timers end it again later
                self._reoffer.ended(tsx.tsx.pjTransaction, tsx.tsx.statusCode)
        if tsx.tsx.method == "INFO" and tsx.tsx.role == pjsua2.PJSIP_ROLE_UAC and not self.over:
            completed = tsx.tsx.state == pjsua2.PJSIP_TSX_STATE_COMPLETED
            gone = tsx.tsx.state == pjsua2.PJSIP_TSX_STATE_TERMINATED and tsx.prevState != pjsua2.PJSIP_TSX_STATE_COMPLETED
            if completed or gone:
                self._info.final(tsx.tsx.statusCode, self._send_info)
        if tsx.tsx.method == "CANCEL" and tsx.type == pjsua2.PJSIP_EVENT_RX_MSG:
            self._peer_reason = parse_reason(tsx.src.rdata.wholeMsg) or self._peer_reason

    def onCallRedirected(self, prm: pjsua2.OnCallRedirectedParam) -> int:
        """A 3xx (RFC 3261 section 8.1.3.4): followed as often as sip.calls.follow_redirects says, and where `may_call` says."""
        try:
            uri = readable(prm.targetUri)
            if self.redirects_left <= 0 or self.over or self._ours is not None:
                return pjsua2.PJSIP_REDIRECT_STOP
            self.redirects_left -= 1
            with call_context(*self.log_ids):
                allowed = self.may_call(uri)
        except Exception:
            log.exception("redirection not understood", call=self.key)
            return pjsua2.PJSIP_REDIRECT_STOP
        log.info("redirected", call=self.key, to=uri, followed=allowed)
        return pjsua2.PJSIP_REDIRECT_ACCEPT if allowed else pjsua2.PJSIP_REDIRECT_REJECT

    @callback
    def onDtmfEvent(self, prm: pjsua2.OnDtmfEventParam) -> None:
        digit = prm.digit.upper()
        if digit in DIGITS:
            self.thread.send(Digit(self.key, digit, min(prm.duration, 10_000)))

    @callback
    def onCallTransferRequest(self, prm: pjsua2.OnCallTransferRequestParam) -> None:
        """Taken or not, PJSIP makes no call by itself: whether whoever is on the line may make us call somebody is decided on
        main."""
        try:
            target = parse_refer_to(prm.dstUri)
        except UriError as error:
            log.info("REFER refused", error=str(error))
            prm.statusCode = 400
            return
        if self.over or self._ours is not None or not self._answered or self.on_replace is None:
            prm.statusCode = 603
            return
        prm.statusCode = REFER_TAKEN
        self.thread.send(ReferRequest(self.key, target))

    @callback
    def onCallTransferStatus(self, prm: pjsua2.OnCallTransferStatusParam) -> None:
        """What the peer says of our REFER: first 100 when it took it, then what its target answers it."""
        self.thread.send(Referral(self.key, prm.statusCode, readable(prm.reason, 128), prm.finalNotify))
        prm.cont = not prm.finalNotify

    @callback
    def onCallReplaceRequest(self, prm: pjsua2.OnCallReplaceRequestParam) -> None:
        """Called by csrc/pjsip/b2bua.c, right before the INVITE itself comes."""
        if self.over or self._ours is not None or not self.announced or self.on_replace is None:
            prm.statusCode = 603
        else:
            self.on_replace(self.key, prm.rdata.wholeMsg)

    def onStreamDestroyed(self, prm: object) -> None:
        """Nothing; without this the base class is reached through two more layers."""

    def _ending(self, event: pjsua2.SipEvent, info: pjsua2.CallInfo) -> Ending:
        if self._given_up:
            return Ending(incoming=False, answered=False, code=408)
        method, heard = "", False
        code, phrase = info.lastStatusCode, info.lastReason
        if event.type == pjsua2.PJSIP_EVENT_TSX_STATE:
            tsx = event.body.tsxState
            method, heard = tsx.tsx.method, tsx.type == pjsua2.PJSIP_EVENT_RX_MSG
            if heard:
                heard = method != "BYE" or tsx.tsx.role == pjsua2.PJSIP_ROLE_UAS
                self._peer_reason = parse_reason(tsx.src.rdata.wholeMsg) or self._peer_reason
            if method == "INVITE" and tsx.tsx.statusCode >= 300:  # PJSIP's own summary loses some of them (3xx)
                code, phrase = tsx.tsx.statusCode, tsx.tsx.statusText
        asked_code, asked_reason = self._ours or (0, "")
        return Ending(
            incoming=self.incoming,
            answered=self._answered,
            ours=self._ours is not None,
            asked_code=asked_code,
            asked_reason=asked_reason,
            heard=heard,
            method=method,
            code=code,
            phrase=readable(phrase, 128),
            peer_reason=self._peer_reason,
        )

    def finish(self, code: int, reason: str, unreached: bool = False) -> None:
        """Tells main, once, and lets the stack drop this object after PJSIP has returned."""
        self.over = True
        siptrace_end(to_wire(self.sip_call_id), self.key)
        self._reoffer.final(GONE)
        if self.leg is not None:
            self.leg.unbind_call()
        if self.announced:
            self.thread.send(Ended(self.key, code, reason, clock_us(), unreached, self._peer_reason))
        self._on_end(self)
