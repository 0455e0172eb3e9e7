# SPDX-License-Identifier: GPL-3.0-or-later
"""The words and the code that a call ends with, worked out from who ended it and when."""

from __future__ import annotations

from dataclasses import dataclass

from sipagent.signalling.causes import Reason, sip_phrase


@dataclass(frozen=True, slots=True)
class Ending:
    """What is known at the moment of the end."""

    incoming: bool
    answered: bool
    ours: bool = False  # we asked for it
    asked_code: int = 0  # by us; 0 = none named
    asked_reason: str = ""
    heard: bool = False  # a message of the peer ended it: a request, or a response to our INVITE
    method: str = ""  # of the transaction that ended it
    code: int = 0  # that PJSIP reports
    phrase: str = ""
    peer_reason: Reason | None = None

    @property
    def unreached(self) -> bool:
        """Nobody took the INVITE, so another server may be asked (RFC 3263 section 4.3): silence, no connection, or 503."""
        if self.incoming or self.answered or self.ours:
            return False
        return self.code == 503 or (not self.heard and self.code in (408, 502))

    def explain(self) -> tuple[int, str]:
        """(end_code, end_reason) of `sipagent.call.Call`: code 0 is a normal BYE."""
        if self.ours:
            return self._ours()
        who = "caller" if self.incoming else "callee"
        why = f" ({self.peer_reason})" if self.peer_reason is not None else ""
        if self.answered:
            if self.heard and self.method == "BYE":
                return 0, f"{who} hung up{why}"
            if self.phrase.startswith("DTLS-SRTP: "):  # csrc/pjsip/dtls.c
                return 488, f"session not usable: {self.phrase}"
            if self.method == "BYE":  # ours, but nobody asked: PJSIP gives up a session that can't be used
                return 488, "session not usable: no media could be agreed on, or it was not refreshed in time (RFC 4028)"
            code = self.code if self.code >= 300 else 408
            return code, f"{who} lost: {code} {self.phrase or sip_phrase(code)}{why}"
        if self.incoming:
            if self.code == 487:
                return 487, f"caller cancelled{why}"
            return self.code, f"refused: {self.code} {self.phrase or sip_phrase(self.code)}"
        if self.heard:
            return self.code, f"callee refused: {self.code} {self.phrase or sip_phrase(self.code)}{why}"
        return self.code, f"callee not reached: {self.code} {self.phrase or sip_phrase(self.code)}"

    def _ours(self) -> tuple[int, str]:
        because = f": {self.asked_reason}" if self.asked_reason else ""
        if self.answered:
            return self.asked_code, f"we hung up{because}"
        if self.incoming:
            code = self.asked_code or 603
            return code, f"we refused with {code}{because}"
        return self.asked_code or 487, f"we cancelled{because}"
