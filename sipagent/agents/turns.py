# SPDX-License-Identifier: GPL-3.0-or-later
"""A person's program as a brain: what it says are the answers, what the caller says is what it hears.

    program:       say ----------------> hear ........ say
                     \\ words              ^ turn       \\ words
    conversation:    greet() / speak()    reply(turn) ---> tokens of the answer

One `say` is one reply of the conversation, so that each of them is interrupted, measured and remembered by itself.
"""

from __future__ import annotations

import asyncio
import copy
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

from sipagent.dialogue.events import DialogueEvent
from sipagent.dialogue.reply import Think
from sipagent.engines.base import Act, Token, UserTurn

ASK_AGAIN_S = 0.05  # whether it is the bot's turn to speak
SURE_LETTERS = 40  # of words, to know them by


@dataclass(frozen=True, slots=True)
class Spoken:
    """What became of words: `heard` of them reached the caller; `interrupted`: he, or the end of the call, cut them short."""

    heard: str
    interrupted: bool


@dataclass(slots=True, eq=False)
class _Saying:
    text: str
    over: asyncio.Future[Spoken] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    def end(self, spoken: Spoken) -> None:
        if not self.over.done():
            self.over.set_result(spoken)


class Turns:
    """A BrainSession (engines.base) on one side, `say` and `hear` on the other. Both on the event loop."""

    speculates = False  # a program can't take back what it has done

    def __init__(self, still_there: str, goodbye: str) -> None:
        self.still_there, self.goodbye = still_there, goodbye
        self.whole: Callable[[str], bool | None] = lambda text: None  # see BrainSession.complete
        self.slots: dict[str, Any] = {}
        self._came: asyncio.Queue[UserTurn] = asyncio.Queue()
        self._waiting: deque[_Saying] = deque()
        self._current: _Saying | None = None
        self._news = asyncio.Event()  # the program says something, or listens, or does something else
        self._quiet = False  # and says nothing for now
        self._begun = False  # the conversation has asked for its first words

    # What the program does.

    async def say(self, text: str, speak: Callable[[Think], bool], hush: Callable[[], None]) -> Spoken:
        """Returns when the caller has heard it, or has interrupted it. Cancelled, the words stop."""
        saying = _Saying(text)
        self._waiting.append(saying)
        self._quiet = False
        self._news.set()
        try:
            while not saying.over.done():
                if self._begun and saying in self._waiting and self._current is None:
                    speak(self._answer)
                await asyncio.wait([saying.over], timeout=ASK_AGAIN_S if saying in self._waiting else None)
            return saying.over.result()
        finally:
            if saying in self._waiting:
                self._waiting.remove(saying)
            elif self._current is saying and not saying.over.done():
                self._current = None
                hush()

    async def hear(self) -> UserTurn:
        """The caller's next turn."""
        if self._came.empty():
            self.silent()
        return await self._came.get()

    def silent(self) -> None:
        """The program has nothing to say for now: whoever waits for an answer gets none."""
        self._quiet = True
        self._news.set()

    def forget(self) -> None:
        """What the caller said so far is not wanted."""
        while not self._came.empty():
            self._came.get_nowait()

    def on_event(self, event: DialogueEvent) -> None:
        """A Listener (dialogue.events): tells when words are over."""
        if event.kind == "line_end" and event.data["who"] == "agent" and self._is_current(event.data["text"]):
            self._end(Spoken(event.data["heard"] or "", bool(event.data["interrupted"])))
        elif event.kind == "end":
            self._end(Spoken("", True))

    # What the conversation asks.

    def greet(self) -> AsyncIterator[Token]:
        """What the program says first."""
        self._begun = True
        return self._answer()

    def resume(self) -> AsyncIterator[Token]:
        """The program sees by `slots` that the caller is back."""
        return self.greet()

    def reply(self, turn: UserTurn) -> AsyncIterator[Token]:
        """What the program says to that."""
        self._end(Spoken("", True))  # of which nobody has told
        self._quiet = False
        self._came.put_nowait(turn)
        return self._answer()

    async def idle(self, count: int) -> AsyncIterator[Token]:
        """Nobody speaks while the program listens."""
        if count == 1:
            yield self.still_there
            return
        yield self.goodbye
        yield Act.HANGUP

    def complete(self, text: str) -> bool | None:
        """As the program's question wants it."""
        return self.whole(text)

    def retract(self) -> None:
        """No word of the answer was heard. The program has gone on; it hears the rest as the next turn."""
        self._end(Spoken("", True))

    def save(self) -> dict[str, Any]:
        """What the program keeps of the caller."""
        return copy.deepcopy(self.slots)

    async def _answer(self) -> AsyncIterator[Token]:
        while not self._waiting:
            if self._quiet:
                yield Act.NOTHING
                return
            self._news.clear()
            await self._news.wait()
        self._current = self._waiting.popleft()
        yield self._current.text

    def _is_current(self, text: str) -> bool:
        """Events come late: a line may be one that was over before. Fillers and a welcome may stand before the words."""
        return self._current is not None and _letters(self._current.text)[:SURE_LETTERS] in _letters(text)

    def _end(self, spoken: Spoken) -> None:
        current, self._current = self._current, None
        if current is not None:
            current.end(spoken)


def _letters(text: str) -> str:
    return "".join(c for c in text if c.isalnum())
