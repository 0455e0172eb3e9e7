# SPDX-License-Identifier: GPL-3.0-or-later
"""What the dialogue engine asks of speech engines: one small protocol per role.

Audio is s16le mono `bytes` everywhere. Methods belong to the event loop's thread and never block it: an engine works in its
own threads or processes. `load()` runs before the first call and raises EngineMissing with the fix when a part is not there.
"""

from __future__ import annotations

import asyncio
import enum
import importlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol, Self

from sipagent.dialogue.context import Context


class EngineError(Exception):
    """An engine failed at one piece of work; the next may succeed."""


class EngineTimeout(EngineError):
    """An engine did not answer in time."""


class EngineBusy(EngineError):
    """An engine refused the work for now. `retry_after_s`: when it asked to be asked again; None = it did not say."""

    def __init__(self, text: str, retry_after_s: float | None = None) -> None:
        super().__init__(text)
        self.retry_after_s = retry_after_s


class EngineMissing(EngineError):
    """An engine can't be loaded; the text names what is missing and the fix."""


def import_package(module: str, wanted_by: str, fix: str) -> Any:
    """A heavy or optional package, imported when its engine is loaded. Raises EngineMissing with the fix."""
    try:
        return importlib.import_module(module)
    except (ImportError, OSError) as e:
        raise EngineMissing(f"{wanted_by}: package {module.partition('.')[0]} can't be used ({e}); {fix}") from e


class Engine(Protocol):
    """Common to all roles."""

    name: str

    async def load(self) -> None:
        """Loads models. Raises EngineMissing."""
        ...

    async def close(self) -> None: ...


# on_window(end, probability): speech probability of the window that ends at sample `end`, counted from the first sample fed.
WindowHandler = Callable[[int, float], object]


class VadStream(Protocol):
    """Voice activity of one caller."""

    def feed(self, pcm: bytes) -> None:
        """Takes audio of any length; windows are judged in order, soon, on another thread."""
        ...

    def close(self) -> None:
        """No window is delivered after this."""
        ...


class Vad(Engine, Protocol):
    """Voice activity detection."""

    def stream(self, rate: int, on_window: WindowHandler) -> VadStream:
        """`rate` is 8000, 16000, 24000 or 48000 Hz. `on_window` runs on the event loop."""
        ...


class Stt(Engine, Protocol):
    """Speech to text, whole turns. One that can hear a turn while it is spoken has `stream` too: see StreamingStt."""

    async def transcribe(self, pcm: bytes, rate: int) -> str:
        """Text of one turn, empty when there is no speech in it. Raises EngineError, EngineTimeout."""
        ...


# on_partial(text, stable): all that was understood of the turn so far; stable = the engine will not change these words.
PartialHandler = Callable[[str, bool], object]


class SttStream(Protocol):
    """One turn, heard while it is spoken. `feed` and `cancel` never wait and never raise; an error waits for `finish`."""

    def feed(self, pcm: bytes) -> None:
        """What the caller said next, of any length."""
        ...

    async def finish(self) -> str:
        """Text of all that was fed. The caller may go on: then `feed` more and `finish` again. Raises as `transcribe` does."""
        ...

    def cancel(self) -> None:
        """The end of every stream, finished or not: nothing is delivered after this, the engine lets go of it."""
        ...


class StreamingStt(Stt, Protocol):
    """Speech to text that understands while the caller speaks. `streams.open_stream` gives any Stt this interface."""

    def stream(self, rate: int, on_partial: PartialHandler) -> SttStream:
        """A new turn; `on_partial` runs on the event loop."""
        ...


class WordEnd(NamedTuple):
    """The first `chars` characters of a clause have been spoken when its first `sample` samples have."""

    chars: int
    sample: int


class Voiced(bytes):
    """A piece of speech that also tells when words of its clause end: here, or in the pieces after it."""

    words: tuple[WordEnd, ...]

    def __new__(cls, pcm: bytes, words: Iterable[WordEnd]) -> Self:
        """`pcm` with its word times."""
        piece = super().__new__(cls, pcm)
        piece.words = tuple(words)
        return piece


class Tts(Engine, Protocol):
    """Text to speech, a clause at a time."""

    def synthesize(self, text: str, rate: int) -> AsyncGenerator[bytes, None]:
        """Speech in pieces as they are made, silence at both ends trimmed. Raises EngineError, EngineTimeout. A voice that
        knows when it speaks which word gives Voiced pieces."""
        ...

    async def prime(self, texts: Sequence[str], rate: int) -> None:
        """Prepares clauses that will surely be said, while nothing else is to do. An engine that keeps nothing returns."""
        ...


class TurnModel(Engine, Protocol):
    """A second opinion on whether the caller has finished, by how he sounds."""

    async def over(self, pcm: bytes, rate: int) -> float:
        """Probability (0 to 1) that his turn ends with `pcm`, its last words. Raises EngineError, EngineTimeout."""
        ...


class Act(enum.Enum):
    """What a brain can do besides speaking."""

    HANGUP = "hangup"  # after what was said has been played
    NOTHING = "nothing"  # the answer is empty on purpose: whoever gave it does something else on the line


@dataclass(frozen=True, slots=True)
class HandOver:
    """The caller is transferred, after what was said has been played. If that fails, the brain is told by UserTurn.happened."""

    uri: str
    via: str = ""  # account or trunk


@dataclass(frozen=True, slots=True)
class AtWork:
    """A tool is about to run: it starts when the next token is asked for, so who must not let it run yet asks no further; or,
    `waited_s` above 0, it has been at work for so long, and the caller should hear something."""

    tool: str
    say: str = ""  # the agent's words for the wait; empty = none of its own
    waited_s: float = 0.0


Deed = Act | HandOver  # what is done after the words
Token = str | Deed | AtWork  # text comes in pieces of any length, spaces included


@dataclass(frozen=True, slots=True)
class UserTurn:
    """What the caller said, for the brain."""

    text: str  # "" = he said nothing, but something `happened`
    heard: str = ""  # what the caller had heard of the last answer when he interrupted it; empty = all of it
    sure: asyncio.Event | None = None  # set once the turn is surely over; no tool runs before. None: it is
    keys: str = ""  # what he pressed on his telephone (0-9 * # A-D); it stands in `text` too, as one word
    happened: str = ""  # what the agent must know and nobody said: "the transfer failed: 486 Busy Here"


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer of a script."""

    text: str
    acts: tuple[Deed, ...] = field(default=())


class Tool(Protocol):
    """Something that a language model can have done."""

    name: str
    description: str  # for the model
    parameters: Mapping[str, Any]  # JSON Schema of the arguments
    timeout_s: float
    slow_s: float  # after so long the caller is told to wait
    say_slow: str  # with these words; empty = the dialogue's own
    confirm: str  # question to put to the caller first, with {argument}s; empty = it may run at once
    deed: Deed | None  # done by the dialogue itself after what was said has been played; `call` is not used

    async def call(self, arguments: Mapping[str, Any]) -> str:
        """What came of it, for the model. EngineError: it could not be done, and why. Cancelled when the caller interrupts."""
        ...


class Script(Protocol):
    """An agent's side of a brain: instructions and tools for a language model, flows for a rules engine."""

    instructions: str

    @property
    def tools(self) -> Sequence[Tool]:
        """What a model may have done; () = it only talks."""
        ...

    def greet(self) -> Answer: ...

    def reply(self, turn: UserTurn) -> Answer: ...

    def idle(self, count: int) -> Answer:
        """Nobody spoke for a while, for the `count`-th time in a row (1, 2, ...)."""
        ...

    def complete(self, text: str) -> bool | None:
        """Whether `text` is a whole turn here (a slot is filled, or surely not yet); None = no opinion."""
        ...

    def retract(self) -> None:
        """The last reply was never heard: be as before it."""
        ...

    def save(self) -> dict[str, Any]:
        """What is to outlive the process (where the flow stands, slots, drafts), ready for JSON; {} = nothing."""
        ...

    def resume(self, slots: Mapping[str, Any]) -> Answer:
        """Greets a caller who is back: takes up what `save` gave and puts the open question again. `slots` of another version
        of the script are as good as none."""
        ...


class BrainSession(Protocol):
    """One conversation."""

    def greet(self) -> AsyncIterator[Token]: ...

    def reply(self, turn: UserTurn) -> AsyncIterator[Token]: ...

    def idle(self, count: int) -> AsyncIterator[Token]: ...

    def complete(self, text: str) -> bool | None: ...

    def retract(self) -> None: ...

    def save(self) -> dict[str, Any]: ...

    def resume(self) -> AsyncIterator[Token]:
        """In the place of `greet` for a caller who is back: the context is of before."""
        ...


class Brain(Engine, Protocol):
    """Decides what to say."""

    def session(self, script: Script, context: Context | None = None) -> BrainSession:
        """`context`: what was said so far, renewed by the conversation after each exchange; None: nothing, and it stays so."""
        ...
