# SPDX-License-Identifier: GPL-3.0-or-later
"""A second opinion on whether a caller has finished: a model hears the turn while its text is being made. Never waited for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from sipagent.dialogue.rhythm import Completeness
from sipagent.dialogue.turn import looks_complete
from sipagent.engines.base import EngineError, TurnModel
from sipagent.log import get_logger

UNFINISHED = 0.5  # below it the voice says that more is to come

log = get_logger(__name__)


class Opinion:
    """Of one caller. No model: by text alone."""

    def __init__(self, model: TurnModel | None, rate: int) -> None:
        self._model, self._rate = model, rate
        self._task: asyncio.Task[None] | None = None
        self._over: float | None = None

    def ask(self, pcm: bytes, on_told: Callable[[], None]) -> None:
        """Listens to the turn so far; `on_told` when there is an opinion."""
        self.forget()
        if self._model is not None:
            self._task = asyncio.get_running_loop().create_task(self._ask(self._model, pcm, on_told))

    def complete(self, text: str, script: bool | None) -> Completeness:
        """What is known now. `script`: what the agent says about `text`; it knows best."""
        if script is not None:
            return Completeness.SURE if script else Completeness.UNFINISHED
        likely = looks_complete(text) and (self._over is None or self._over >= UNFINISHED)
        return Completeness.LIKELY if likely else Completeness.UNFINISHED

    def forget(self) -> None:
        """The caller goes on, or the turn is over."""
        self._over = None
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _ask(self, model: TurnModel, pcm: bytes, on_told: Callable[[], None]) -> None:
        try:
            self._over = await model.over(pcm, self._rate)
        except EngineError as e:
            log.info("no second opinion", reason=str(e))
        except Exception:
            log.exception("a second opinion failed", engine=model.name)
        else:
            on_told()
