# SPDX-License-Identifier: GPL-3.0-or-later
"""An agent file's script: what the caller wants (intents), and conversations of several turns (flows with slots).

    top --intent--> answer, or flow --step by step--> top
                              \\-- not understood, or "never mind" --> top

In a flow a question takes its own slot first, then whatever else the flow asks for and the sentence tells; a caller may put a
question of another kind in between and is brought back to where he was.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sipagent.agents import conditions, slots
from sipagent.agents.clocktime import say_time
from sipagent.agents.flow_state import State, Told, restored
from sipagent.agents.intents import Matcher, words
from sipagent.agents.slots import Found, Wanted, yes_or_no
from sipagent.agents.small_talk import CANCEL, SMALL_TALK
from sipagent.agents.spec import PLACEHOLDER, TOP, AgentFile, Flow, Intent, Step, minutes_of
from sipagent.dialogue.think import split
from sipagent.dialogue.turn import looks_complete
from sipagent.engines.base import Act, Answer, HandOver, Tool, UserTurn
from sipagent.log import get_logger

log = get_logger(__name__)

MAX_MISSES = 2
MAX_JUMPS = 50  # steps in one turn without a word of the caller's: flows that chase each other


class FlowScript:
    """One call's Script (engines.base)."""

    def __init__(self, file: AgentFile, now: Callable[[], datetime] | None = None, tools: Sequence[Tool] = ()) -> None:
        self.instructions = file.instructions
        self._file, self._tools = file, tools
        self._now = now or (lambda: datetime.now(ZoneInfo(file.zone) if file.zone else None))
        self._flows: Mapping[str, Flow] = {flow.name: flow for flow in file.flow}
        self._intents: Mapping[str, Intent] = {intent.name: intent for intent in file.intent}
        talk = {name: said for name, said in SMALL_TALK.items() if file.small_talk and name not in self._intents}
        asks = {intent.name: intent.examples for intent in file.intent}
        self._talk = frozenset(talk)
        self._matcher = Matcher({**talk, **asks})
        self._cancel = Matcher({**CANCEL, "go on": ["no", "yes", "correct"]})
        self._state = self._before = State()

    @property
    def tools(self) -> Sequence[Tool]:
        """Of a language model."""
        return self._tools

    def notes(self) -> dict[str, list[dict[str, slots.Value]]]:
        """What steps have saved, for the record of the call: `saved_bookings` for save = "bookings"."""
        return {f"saved_{name}": rows for name, rows in self._state.saved.items()}

    def delivered(self) -> None:
        """The notes stand in the record."""
        self._state.saved = {}

    def greet(self) -> Answer:
        """The first words."""
        return self._say([self._file.greeting])

    def reply(self, turn: UserTurn) -> Answer:
        """The answer to what the caller said."""
        self._before = self._state.copy()
        if turn.happened:
            return self._not_reached()
        return self._in_flow(turn.text) if self._state.flow else self._top(turn.text)

    def retract(self) -> None:
        """The last reply was never heard."""
        self._state = self._before

    def idle(self, count: int) -> Answer:
        """Nobody spoke."""
        if count == 1:
            return Answer(self._file.phrases.still_there)
        return Answer(f"{self._file.phrases.not_heard} {self._file.goodbye}", (Act.HANGUP,))

    def complete(self, text: str) -> bool | None:
        """By what is asked for."""
        step = self._step()
        if step is not None and step.ask:
            return slots.whole(step.kind, text, self._wanted(step))
        if step is not None:
            return True if yes_or_no(text) is not None else None
        return True if self._matcher.whole(text) and looks_complete(text.rstrip(" ,")) else None

    def save(self) -> dict[str, Any]:
        """Once something is under way."""
        state = self._state
        return state.to_dict() if state.flow or state.slots or state.saved else {}

    def resume(self, data: Mapping[str, Any]) -> Answer:
        """The open question again, or how we can help."""
        self._state = self._before = restored(data, self._file) or State()
        step = self._step()
        if step is None or not (step.ask or step.confirm):  # a flow that ended in a transfer or a goodbye is done
            self._state.flow, self._state.step = "", 0
            return self._say([self._file.phrases.how])
        return self._advance([])

    def clauses(self) -> list[str]:
        """What is surely going to be said, as the voice gets it."""
        fixed = [text for text in self._file.texts if not PLACEHOLDER.search(text)]
        return list(dict.fromkeys(clause for text in fixed for clause in split(text)))

    # In no flow.

    def _top(self, text: str) -> Answer:
        name = self._intent(text)
        offered, self._state.offered = self._state.offered, False
        verdict = yes_or_no(text)
        if name is None and verdict is not None:
            return self._goodbye() if offered and not verdict else self._say([self._file.phrases.how])
        if name == "thanks" and name in self._talk and offered and verdict is False:
            return self._goodbye()
        if name is None:
            return self._missed()
        self._state.misses = 0
        return self._small_talk(name) if name in self._talk else self._do(self._intents[name], text)

    def _intent(self, text: str) -> str | None:
        if words(text)[-1:] in (["goodbye"], ["bye"]) and "goodbye" in self._talk:
            return "goodbye"
        return self._matcher.match(text)

    def _do(self, intent: Intent, text: str) -> Answer:
        if intent.flow:
            self._state.slots = {n: t for n, t in self._state.slots.items() if n in self._kept()}
            self._enter(intent.flow)
            self._take(text, None)
            return self._advance([intent.say])
        if intent.transfer:
            return self._say([intent.say], HandOver(intent.transfer, intent.via))
        return self._say([intent.say], Act.HANGUP) if intent.hangup else self._say([intent.say])

    def _small_talk(self, name: str) -> Answer:
        phrases = self._file.phrases
        if name == "goodbye":
            return self._goodbye()
        if name == "thanks":
            self._state.offered = True
            return self._say([phrases.welcome, phrases.more])
        if name == "repeat":
            return self._say([self._state.last or self._file.greeting])
        said = {"time": say_time(self._now()), "help": self._topics(phrases.help)}
        return self._say([said.get(name, phrases.how)])

    def _missed(self) -> Answer:
        phrases, state = self._file.phrases, self._state
        state.misses += 1
        if state.misses <= 1:
            return self._say([phrases.missed])
        if state.misses <= MAX_MISSES:
            return self._say([self._topics(phrases.missed_again)])
        state.misses = 0
        if self._file.lost:
            self._enter(self._file.lost)
            return self._advance([phrases.lost])
        return self._back([phrases.lost])

    # In a flow.

    def _in_flow(self, text: str) -> Answer:
        step = self._step()
        assert step is not None
        if self._cancel.match(text) == "cancel":
            return self._back([self._file.phrases.cancelled])
        if step.confirm:
            return self._confirmed(step, text)
        if not step.ask:  # he interrupted the words before a transfer or the end: it is announced once more
            return self._aside(text) or self._advance([])
        if self._take(text, step):
            self._state.misses = 0
            return self._advance([])
        return self._aside(text) or self._unsure(step.again or step.ask)

    def _confirmed(self, step: Step, text: str) -> Answer:
        verdict, named = yes_or_no(text), PLACEHOLDER.findall(step.confirm)
        if verdict is True:
            self._state.misses = 0
            self._state.step += 1
            return self._advance([])
        corrected = self._correct(named, text)
        if corrected:
            return self._advance([])
        if verdict is None:
            return self._aside(text) or self._unsure(self._file.phrases.yes_or_no)
        for name in named:
            self._state.slots.pop(name, None)
        steps = self._flows[self._state.flow].step
        self._state.step = next((n for n, s in enumerate(steps) if s.slot in named), 0)
        return self._advance([self._file.phrases.wrong])

    def _correct(self, named: Sequence[str], text: str) -> bool:
        """ "No, on Friday": what he tells differently stands in the place of what was asked to be confirmed."""
        wanted = {s.slot: s for f in self._file.flow for s in f.step if s.slot in named}
        found = slots.in_passing({n: (s.kind, self._wanted(s, asked=False)) for n, s in wanted.items()}, text)
        new = {
            name: f for name, f in found.items() if name not in self._state.slots or self._state.slots[name].value != f.value
        }
        for name, value in new.items():
            self._state.tell(name, value)
        return bool(new)

    def _take(self, text: str, asked: Step | None) -> bool:
        """Fills the slot that was asked for, and others of the flow that are told. Whether the one asked for is there."""
        todo = {s.slot: s for s in self._flows[self._state.flow].step if s.ask and s.slot not in self._state.slots}
        if asked is not None and asked.kind == "text":
            todo = {asked.slot: asked}
        found: dict[str, Found] = {}
        if asked is not None and (answer := slots.find(asked.kind, text, self._wanted(asked))) is not None:
            found[asked.slot] = answer
        rest = {n: (s.kind, self._wanted(s, asked=s is asked)) for n, s in todo.items()}
        found = {**slots.in_passing(rest, text), **found}
        for name, value in found.items():
            self._state.tell(name, value)
        return asked is not None and asked.slot in found

    def _aside(self, text: str) -> Answer | None:
        """The caller asks for something else in the middle of a flow."""
        name = self._intent(text)
        if name is None or name == "greeting":
            return None
        if name in self._talk:
            if name == "goodbye":
                return self._goodbye()
            if name == "repeat":
                return self._say([self._state.last])
            said = {"time": say_time(self._now()), "help": "", "thanks": self._file.phrases.welcome}[name]
            return self._advance([said])
        intent = self._intents[name]
        if intent.flow == self._state.flow:
            return None
        if intent.flow or intent.transfer or intent.hangup:
            return self._do(intent, text)
        return self._advance([intent.say])

    def _unsure(self, question: str) -> Answer:
        self._state.misses += 1
        if self._state.misses > MAX_MISSES:
            return self._back([self._file.phrases.left])
        return self._say([self._filled(question)])

    def _not_reached(self) -> Answer:
        """A transfer failed. If it was a step of a flow the next one follows; in between two steps the flow goes on."""
        step = self._step()
        if step is not None and not step.transfer:
            return self._advance([self._file.phrases.not_reached])
        if self._state.flow:
            self._state.step += 1
            steps = self._flows[self._state.flow].step
            follows = steps[self._state.step] if self._state.step < len(steps) else None
            return self._advance([] if follows is not None and follows.say else [self._file.phrases.not_reached])
        return self._back([self._file.phrases.not_reached])

    # Steps.

    def _advance(self, said: list[str]) -> Answer:
        """From the present step to the next that needs the caller, or ends."""
        state = self._state
        for _ in range(MAX_JUMPS):
            steps = self._flows[state.flow].step
            if state.step >= len(steps):
                return self._back(said)
            step = steps[state.step]
            if not all(self._holds(name, text) for name, text in step.when.items()) or step.slot in state.slots:
                state.step += 1
                continue
            said.append(self._filled(step.say))
            if step.ask or step.confirm:
                return self._say([*said, self._filled(step.ask or step.confirm)])
            if step.transfer:
                return self._say(said, HandOver(step.transfer, step.via))
            if step.hangup:
                return self._say(said, Act.HANGUP)
            if step.goto == TOP:
                return self._back(said)
            if step.save:
                state.saved.setdefault(step.save, []).append({name: told.value for name, told in state.slots.items()})
            if step.goto:
                self._enter(step.goto)
            else:
                state.step += 1
        log.error("flows go round without asking the caller anything", flow=state.flow)
        return self._back(said)

    def _enter(self, flow: str) -> None:
        self._state.flow, self._state.step, self._state.misses = flow, 0, 0

    def _back(self, said: list[str]) -> Answer:
        """Out of every flow."""
        self._state.flow, self._state.step, self._state.offered, self._state.misses = "", 0, True, 0
        return self._say([*said, self._file.phrases.more])

    def _step(self) -> Step | None:
        steps = self._flows[self._state.flow].step if self._state.flow else []
        return steps[self._state.step] if self._state.step < len(steps) else None

    def _holds(self, name: str, text: str) -> bool:
        told = self._state.slots.get(name)
        return conditions.parse(text).holds(None if told is None else told.value)

    def _wanted(self, step: Step, *, asked: bool = True) -> Wanted:
        now, within = self._now(), minutes_of(step.within)
        return Wanted(now, step.choices, within, step.min_length, step.max_length, step.currency, asked)

    def _kept(self) -> set[str]:
        return {s.slot for f in self._file.flow for s in f.step if s.keep}

    # Words.

    def _say(self, parts: Sequence[str], *deeds: Act | HandOver) -> Answer:
        text = " ".join(part for part in parts if part)
        if text:
            self._state.last = text
        return Answer(text, deeds)

    def _goodbye(self) -> Answer:
        return Answer(self._file.goodbye, (Act.HANGUP,))

    def _topics(self, phrase: str) -> str:
        return phrase.replace("{topics}", ", ".join(self._intents))

    def _filled(self, text: str) -> str:
        return PLACEHOLDER.sub(lambda m: self._state.slots.get(m[1], Told("", "")).said, text)
