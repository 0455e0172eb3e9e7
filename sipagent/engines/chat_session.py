# SPDX-License-Identifier: GPL-3.0-or-later
"""One caller's conversation with a chat model: the model speaks, has tools run, and speaks of what came of them.

A tool with a question of its own runs only after the caller has heard that question whole and has clearly agreed, whatever the
model says; a tool that began stays in the model's memory even if the answer around it was never heard.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from typing import Any

from sipagent.config_engines import Chat
from sipagent.dialogue.context import Context, Exchange
from sipagent.engines.base import Answer, BrainSession, Deed, EngineError, Script, Token, Tool, UserTurn
from sipagent.engines.chat_answer import ChatAnswer, ContextTooLong, ToolCall
from sipagent.engines.chat_messages import Message, ToolRun, conversation, floor_ms, load_runs, save_runs
from sipagent.engines.consent import agreed
from sipagent.engines.tool_run import ToolWork
from sipagent.engines.tool_schema import read_arguments

# ask(messages, tools, use): the data of each event of an answer; use = whether the model may call tools now.
Ask = Callable[[Sequence[Message], Sequence[Tool], bool], AsyncGenerator[str, None]]

RUNS = "_tools"  # key of `save`, beside the script's own
ASKED = "Not done yet: the caller is asked whether to do it."
SAID_NO = "Not done: the caller said no."
UNCLEAR = "Not done: the caller was asked, and did not clearly agree. Call it again, and he is asked again."
MAX_RUNS = 50  # remembered of one call
LATER = "Not done: another one waits for the caller's agreement. Call it afterwards."
WILL_BE = "Not done yet: it is done after your next words. Say them now."
SUMMARISE = (
    "Sum up this telephone conversation in at most 120 words, for the agent who goes on with it: who calls, what he wants, "
    "names, numbers and dates as they were said, what was promised, what is open. Only what was said; no introduction."
)


class ChatSession:
    """A BrainSession."""

    def __init__(self, cfg: Chat, ask: Ask, script: Script, context: Context) -> None:
        self._cfg, self._ask, self._script, self._context = cfg, ask, script, context
        self._tools = {tool.name: tool for tool in script.tools}
        self._runs = load_runs(context.slots.get(RUNS))
        self._room = cfg.context_chars
        self._asked: _Asked | None = None  # waits for the caller's yes
        self._before: tuple[_Asked | None, list[ToolRun]] = (None, self._runs)  # of the last reply, for retract
        self._count = max((int(run.id[4:]) for run in self._runs if run.id[4:].isdecimal()), default=0)

    def greet(self) -> AsyncIterator[Token]:
        """The script's words if it has some, else the model's."""
        return self._words(self._script.greet())

    def resume(self) -> AsyncIterator[Token]:
        """The same for a caller who is back."""
        own = {key: value for key, value in self._context.slots.items() if key != RUNS}
        return self._words(self._script.resume(own))

    def idle(self, count: int) -> AsyncIterator[Token]:
        """The script's words: nobody should wait for a model to hear that he is still there."""
        return self._words(self._script.idle(count))

    def complete(self, text: str) -> bool | None:
        """A yes or no to a question of ours is whole."""
        if (self._asked or self._before[0]) is not None and agreed(text, self._cfg.yes, self._cfg.no) is not None:
            return True
        return self._script.complete(text)

    def save(self) -> dict[str, Any]:
        """What the script saves, and the tools that ran."""
        rows = save_runs(self._runs)
        return {**self._script.save(), **({RUNS: rows} if rows else {})}

    def retract(self) -> None:
        """As before the last reply, but what began to run stays known."""
        self._asked, before = self._before
        self._runs = [run for run in self._runs if run in before or not run.result.startswith("Not done")]

    def learn(self, other: BrainSession) -> None:
        """`other` spoke last in this conversation: what its tools have done is not to be done again."""
        if isinstance(other, ChatSession) and other is not self:
            self._runs, self._count = other._runs, other._count
            self._before = (self._before[0], self._runs)

    def passed_over(self) -> None:
        """Another brain answered: a question of ours is not what the caller hears next, so his yes is not for us."""
        self._asked = None
        self._before = (None, self._before[1])

    async def reply(self, turn: UserTurn) -> AsyncGenerator[Token, None]:
        """The model's answer. Raises EngineError; what was yielded until then was said."""
        asked, self._asked = self._asked, None
        self._before = (asked, list(self._runs))
        if asked is not None:
            async with contextlib.aclosing(self._agreed_or_not(asked, turn)) as tokens:
                async for token in tokens:
                    yield token
        async with contextlib.aclosing(self._rounds(turn)) as tokens:
            async for token in tokens:
                yield token

    async def summarise(self, before: str, turns: Sequence[Exchange]) -> str:
        """A summary of `turns` and of the summary before them. Raises EngineError."""
        lines = [f"Before: {before}"] if before else []
        for exchange in turns:
            lines += [f"Caller: {exchange.caller}"] if exchange.caller else []
            lines += [f"Agent: {exchange.agent}"] if exchange.agent else []
        answer = ChatAnswer()
        messages = [{"role": "system", "content": SUMMARISE}, {"role": "user", "content": "\n".join(lines)}]
        async for _ in self._stream(answer, messages, use=False):
            pass
        return answer.text.strip()

    async def _words(self, answer: Answer) -> AsyncGenerator[Token, None]:
        if answer.text:
            yield answer.text
        elif not answer.acts:
            async with contextlib.aclosing(self._rounds(UserTurn(""))) as tokens:
                async for token in tokens:
                    yield token
        for act in answer.acts:
            yield act

    async def _rounds(self, turn: UserTurn) -> AsyncGenerator[Token, None]:
        """Answers of the model, with tools between them."""
        deeds: list[Deed] = []
        for left in reversed(range(self._cfg.tool_rounds + 1)):
            answer = ChatAnswer()
            async for text in self._answered(answer, turn, use=left > 0):
                yield text
            calls = answer.calls if left else []
            if not calls:
                break
            if answer.text.strip():
                yield "\n"  # spoken now, while the tools are at work
            silent = True  # nothing comes of these calls that the model could speak of
            for call in calls:
                tool = self._tools.get(call.name)
                if tool is not None and tool.deed is not None:
                    deeds.append(tool.deed)
                    call.arguments = "{}"  # it has none
                    self._note(call, WILL_BE, answer.text)
                    continue
                silent = False
                async with contextlib.aclosing(self._call(tool, call, answer.text, turn)) as tokens:
                    async for token in tokens:
                        yield token
            if self._asked is not None:
                yield self._asked.question
                break
            if silent and answer.text.strip():
                break
        if self._asked is None:  # else it is for the caller to answer first
            for deed in dict.fromkeys(deeds):
                yield deed

    async def _answered(self, answer: ChatAnswer, turn: UserTurn, *, use: bool) -> AsyncGenerator[str, None]:
        """Text of one answer; half the room when the model can't take so much."""
        now = turn.text or (turn.happened and f"({turn.happened})")
        for last in (False, True):
            messages = conversation(self._script.instructions, self._context, now, self._runs, self._room)
            try:
                async with contextlib.aclosing(self._stream(answer, messages, use=use)) as texts:
                    async for text in texts:
                        yield text
                return
            except ContextTooLong:
                if last:
                    raise
                self._room //= 2

    async def _stream(self, answer: ChatAnswer, messages: Sequence[Message], *, use: bool) -> AsyncGenerator[str, None]:
        async with contextlib.aclosing(self._ask(messages, list(self._tools.values()), use)) as events:
            async for data in events:
                if text := answer.push(data):
                    yield text
            if text := answer.rest():
                yield text
        answer.whole(calls=use)

    async def _call(self, tool: Tool | None, call: ToolCall, said: str, turn: UserTurn) -> AsyncGenerator[Token, None]:
        try:
            if tool is None:
                raise EngineError(f"there is no tool {call.name!r}; there are: {', '.join(self._tools)}")
            arguments = read_arguments(call.arguments, tool.parameters)
        except EngineError as e:
            call.arguments = "{}"  # servers refuse a conversation whose calls they can't read; the error shows what was written
            call.name = re.sub(r"[^A-Za-z0-9_-]", "_", call.name)[:64] or "unknown"
            self._note(call, f"Error: {e}", said)
            return
        if not tool.confirm:
            async with contextlib.aclosing(self._run(tool, call, arguments, said, turn)) as tokens:
                async for token in tokens:
                    yield token
        elif self._asked is not None:
            self._note(call, LATER, said)
        else:
            self._asked = _Asked(tool, call, arguments)
            self._note(call, ASKED, said)

    async def _run(
        self, tool: Tool, call: ToolCall, arguments: Mapping[str, Any], said: str, turn: UserTurn
    ) -> AsyncGenerator[Token, None]:
        work = ToolWork(tool, arguments)
        try:
            async with contextlib.aclosing(work.run(turn)) as tokens:
                async for token in tokens:
                    yield token
        finally:
            if work.began:
                self._before = (None, self._before[1])  # the caller's yes is used up
            self._note(call, work.result, said)

    async def _agreed_or_not(self, asked: _Asked, turn: UserTurn) -> AsyncGenerator[Token, None]:
        question = _words(asked.question)
        heard = question in _words(self._context.heard_last()) and (not turn.heard or question in _words(turn.heard))
        verdict = agreed(turn.text, self._cfg.yes, self._cfg.no) if heard else None
        if verdict:
            async with contextlib.aclosing(self._run(asked.tool, asked.call, asked.arguments, "", turn)) as tokens:
                async for token in tokens:
                    yield token
        else:
            self._note(asked.call, SAID_NO if verdict is False else UNCLEAR, "")

    def _note(self, call: ToolCall, result: str, said: str) -> None:
        self._count += 1
        at_s, key = floor_ms(self._context.clock()), f"call{self._count:05d}"  # 9 letters and digits: some servers insist
        run = ToolRun(at_s, key, call.name, call.arguments or "{}", result, said)
        self._runs = [*self._runs[-MAX_RUNS:], run]


_SPOKEN = {True: "yes", False: "no"}


def _words(text: str) -> str:
    """Without what a voice doesn't say."""
    return " ".join(re.findall(r"\w+", text))


class _Asked:
    """A call that waits for the caller's agreement."""

    def __init__(self, tool: Tool, call: ToolCall, arguments: Mapping[str, Any]) -> None:
        self.tool, self.call, self.arguments = tool, call, arguments
        said = {name: _SPOKEN.get(value, value) if isinstance(value, bool) else value for name, value in arguments.items()}
        self.question = tool.confirm.format(**said)
