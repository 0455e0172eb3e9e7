# SPDX-License-Identifier: GPL-3.0-or-later
"""The types of an agent file. What each key means stands here; docs/agents.md is written from it."""

from __future__ import annotations

import re
from typing import Any, Self
from zoneinfo import ZoneInfo

from pydantic import Field, field_validator, model_validator

from sipagent.agents import conditions
from sipagent.agents.slots import Kind
from sipagent.config_tools import ToolRow
from sipagent.config_types import Section
from sipagent.signalling.uri import parse_uri

TOP = "top"  # where a caller is who is in no flow
PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_NAME = re.compile(r"[a-z][a-z0-9_]*")


def _check_uri(uri: str) -> str:
    if uri:
        parse_uri(uri)
    return uri


class Step(Section):
    """One step of a flow. `say` goes with every step; of ask, confirm, goto, transfer, hangup and save it has one at most."""

    say: str = Field(default="", description="Words. {slot} stands for what the caller told.")
    when: dict[str, str] = Field(
        default={},
        description='The step counts only when all of these slots fit: a value, "a or b", "!= a", "> 8", "known", "unknown".',
    )
    ask: str = Field(default="", description="A question. It is not put when the slot was told already.")
    slot: str = Field(default="", description="What the answer is called.")
    kind: Kind = Field(default="text", description="What the answer is.")
    again: str = Field(default="", description="The question after an answer that was not understood; empty = the same again.")
    choices: list[str] = Field(default=[], description="Of a choice.")
    within: str = Field(default="07:00-19:00", description='Of a time: the half of the day that a bare "seven" falls in.')
    currency: str = Field(default="dollars", description="Of money: an amount that names none.")
    min_length: int = Field(default=1, ge=1, le=64, description="Of letters and phone numbers.")
    max_length: int = Field(default=64, ge=1, le=64, description="Of letters and phone numbers.")
    keep: bool = Field(default=False, description="The slot stays known when the flow is entered again.")
    confirm: str = Field(
        default="",
        description="A question for yes or no. After no, the slots that it names are asked for again, unless the caller "
        "corrects them at once.",
    )
    goto: str = Field(default="", description='A flow, or "top".')
    transfer: str = Field(
        default="", description="SIP URI that the caller is handed over to. If nobody takes the call, the next step follows."
    )
    via: str = Field(default="", description="Account or trunk of the transfer.")
    hangup: bool = Field(default=False, description="Ends the call after `say`.")
    save: str = Field(
        default="", description="Writes the slots that are known down in the record of the call, in a list of this name."
    )

    _uri = field_validator("transfer")(_check_uri)

    @field_validator("when")
    @classmethod
    def _conditions(cls, when: dict[str, str]) -> dict[str, str]:
        for text in when.values():
            conditions.parse(text)
        return when

    @field_validator("within")
    @classmethod
    def _hours(cls, within: str) -> str:
        minutes_of(within)
        return within

    @model_validator(mode="after")
    def _one_thing(self) -> Self:
        given = [n for n in ("ask", "confirm", "goto", "transfer", "hangup", "save") if getattr(self, n)]
        if len(given) > 1:
            raise ValueError(f"{' and '.join(given)} in one step; make a step of each")
        if not given and not self.say:
            raise ValueError("does nothing; give one of say, ask, confirm, goto, transfer, hangup, save")
        if bool(self.ask) != bool(self.slot):
            raise ValueError("ask and slot belong together: the slot is what the answer is called")
        if self.slot and _NAME.fullmatch(self.slot) is None:
            raise ValueError(f"slot {self.slot!r}: write it as a word of small letters, digits and _")
        if self.kind == "choice" and not self.choices:
            raise ValueError('kind "choice" needs choices = ["...", "..."]')
        if self.min_length > self.max_length:
            raise ValueError("min_length is above max_length")
        return self


class Flow(Section):
    """Steps that follow each other. After the last one the caller may ask for something else."""

    name: str = Field(min_length=1, description="What goto and intents call it.")
    step: list[Step] = Field(min_length=1, description="Its steps.")


class Intent(Section):
    """Something that callers want, and what is done."""

    name: str = Field(min_length=1, description="Told when the caller asks what the agent can do.")
    examples: list[str] = Field(min_length=1, description="Some ways to say it; their distinctive words matter.")
    say: str = Field(default="", description="The answer, or words before what follows.")
    flow: str = Field(default="", description="A flow that begins then.")
    transfer: str = Field(default="", description="SIP URI that the caller is handed over to.")
    via: str = Field(default="", description="Account or trunk of the transfer.")
    hangup: bool = Field(default=False, description="Ends the call.")

    _uri = field_validator("transfer")(_check_uri)

    @model_validator(mode="after")
    def _one_thing(self) -> Self:
        given = [n for n in ("flow", "transfer", "hangup") if getattr(self, n)]
        if len(given) > 1 or not (given or self.say):
            raise ValueError("an intent has say, or one of flow, transfer and hangup, or both")
        return self


class Phrases(Section):
    """What the agent says of itself."""

    more: str = Field(default="Is there anything else I can do for you?", description="After something was done.")
    how: str = Field(default="How can I help you?", description="To a caller who only says hello, or yes.")
    missed: str = Field(
        default="I am sorry, I did not understand that. Could you say it in other words?", description="Not understood."
    )
    missed_again: str = Field(
        default="I am sorry, I still did not understand. You can ask me about {topics}.",
        description="Twice in a row. {topics} stands for the names of the intents.",
    )
    lost: str = Field(default="I am afraid I can't help you with that.", description="Three times in a row.")
    help: str = Field(default="You can ask me about {topics}.", description="What can you do?")
    welcome: str = Field(default="You are welcome.", description="To thanks.")
    cancelled: str = Field(default="All right, let us leave that.", description="When the caller leaves a flow.")
    left: str = Field(default="Let us leave that for now.", description="When a question was not answered three times.")
    yes_or_no: str = Field(default="Please say yes or no.", description="To an unclear answer to confirm.")
    wrong: str = Field(default="I am sorry.", description="When the caller says that it is wrong.")
    not_reached: str = Field(default="I am sorry, nobody can take your call there.", description="When a transfer failed.")
    still_there: str = Field(default="Are you still there?", description="Nobody has spoken for a while.")
    not_heard: str = Field(default="I can't hear you any more.", description="Still nobody; then goodbye.")


class AgentFile(Section):
    """The whole file."""

    greeting: str = Field(min_length=1, description="First words.")
    goodbye: str = Field(default="Thank you for calling. Goodbye.", description="Last words.")
    instructions: str = Field(
        default="", description="For a language model (engines.brain): who it is, what it knows, how it talks."
    )
    zone: str = Field(default="", description='Time zone of the callers, "Europe/Berlin"; empty = that of this machine.')
    lost: str = Field(default="", description="Flow for callers who were not understood three times in a row.")
    small_talk: bool = Field(
        default=True,
        description="Goodbye, thanks, hello, the time, help and repeat are understood without intents of their own.",
    )
    engines: dict[str, Any] = Field(
        default={}, description="Keys of [engines] that are other for this agent: voice, speed, brain."
    )
    dialogue: dict[str, Any] = Field(
        default={}, description="Keys of [dialogue] that are other for this agent: budgets, patience."
    )
    phrases: Phrases = Field(default=Phrases(), description="What the agent says of itself.")
    intent: list[Intent] = Field(default=[], description="What callers want.")
    flow: list[Flow] = Field(default=[], description="Conversations of several turns.")
    tools: list[ToolRow] = Field(default=[], description="What a language model may have done.")

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, zone: str) -> str:
        try:
            ZoneInfo(zone or "UTC")
        except (KeyError, ValueError, OSError):
            raise ValueError(f'{zone!r} is no time zone of this machine; write one as "Europe/Berlin"') from None
        return zone

    @property
    def texts(self) -> list[str]:
        """All that may be said."""
        steps = [step for flow in self.flow for step in flow.step]
        said = [self.greeting, self.goodbye, *(intent.say for intent in self.intent)]
        said += [text for step in steps for text in (step.say, step.ask, step.again, step.confirm)]
        return [text for text in (*said, *self.phrases.model_dump().values()) if text]

    @model_validator(mode="after")
    def _names_are_known(self) -> Self:
        flows = [flow.name for flow in self.flow]
        if TOP in flows or len(set(flows)) < len(flows):
            raise ValueError(f'flow names must differ from each other and from "{TOP}"')
        if len({intent.name for intent in self.intent}) < len(self.intent):
            raise ValueError("two intents have one name; put their examples into one")
        if not (self.intent or self.flow or self.instructions):
            raise ValueError("the agent can do nothing; give it an [[intent]], or instructions for a language model")
        for what, goal in self._ways():
            if goal not in (*flows, TOP):
                raise ValueError(f"{what}: there is no flow {goal!r}; there are: {', '.join(flows) or 'none'}")
        slots = {step.slot for flow in self.flow for step in flow.step if step.slot}
        for flow in self.flow:
            for place, step in enumerate(flow.step, 1):
                texts = (step.say, step.ask, step.again, step.confirm)
                used = {name for text in texts for name in PLACEHOLDER.findall(text)} | set(step.when)
                for name in sorted(used - slots):
                    there = ", ".join(sorted(slots)) or "none"
                    raise ValueError(f"flow {flow.name!r}, step {place}: no step asks for {name!r}; there are: {there}")
        return self

    def _ways(self) -> list[tuple[str, str]]:
        ways = [("lost", self.lost)] if self.lost else []
        ways += [(f"intent {intent.name!r}", intent.flow) for intent in self.intent if intent.flow]
        return ways + [(f"flow {f.name!r}, step {n}", s.goto) for f in self.flow for n, s in enumerate(f.step, 1) if s.goto]


def minutes_of(within: str) -> tuple[int, int]:
    """ "17:00-23:00" -> (1020, 1380). ValueError."""
    form = re.fullmatch(r"(\d{1,2}):(\d{2})-(\d{1,2}):(\d{2})", within)
    if form is None:
        raise ValueError(f"{within!r} is not HH:MM-HH:MM")
    a, b, c, d = map(int, form.groups())
    if b > 59 or d > 59 or not 60 * a + b < 60 * c + d <= 1440:
        raise ValueError(f"{within!r}: the times must be of one day, the first before the second")
    return 60 * a + b, 60 * c + d
