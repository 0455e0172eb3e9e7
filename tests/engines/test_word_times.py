# SPDX-License-Identifier: GPL-3.0-or-later
"""Word times of the voices that tell them, against their sound: where a comma makes a voice pause, the next word begins."""

from __future__ import annotations

import asyncio
import subprocess
from typing import Any

import numpy as np
import pytest

from sipagent.config import Config
from sipagent.dialogue.levels import block_levels
from sipagent.dialogue.words import word_ends
from sipagent.engines.base import Voiced, WordEnd
from sipagent.engines.espeak import EspeakTts
from sipagent.engines.failover import FailoverTts
from sipagent.engines.onnx_output import with_output_of
from sipagent.engines.phonemes import written_ends
from sipagent.engines.piper import PiperTts
from sipagent.engines.spoken import SpeechCache, Spoken

RATE = 16000
TEXT = "Please hold the line, somebody will be with you at once, goodbye."
PAUSES = (4, 11)  # words before the commas
MS = RATE // 1000


def say(tts: Any, *texts: str) -> list[tuple[bytes, list[WordEnd]]]:
    """Each text's sound and what was told of its words."""

    async def run() -> list[tuple[bytes, list[WordEnd]]]:
        await tts.load()
        try:
            said = []
            for text in texts:
                pieces = [piece async for piece in tts.synthesize(text, RATE)]
                words = [w for piece in pieces if isinstance(piece, Voiced) for w in piece.words]
                said.append((b"".join(pieces), words))
            return said
        finally:
            await tts.close()

    return asyncio.run(run())


def check(pcm: bytes, told: list[WordEnd], pause_ms: int) -> None:
    """`pause_ms`: the longest that the voice makes at a comma."""
    blocks = pause_ms // 10
    ends = word_ends(TEXT, told, len(pcm) // 2)
    loud = block_levels(pcm, RATE) > -45.0
    for word in PAUSES:
        at = ends[word - 1] // (10 * MS)
        quiet = np.flatnonzero(~loud[at - 12 : at + blocks])  # of 10 ms, around the place
        assert len(quiet) >= 5, f"no pause before {TEXT.split()[word]!r}"
        assert loud[at : at + blocks].any(), "the next word does not begin there"
    lengths = np.diff([0, *ends]) / MS
    assert lengths.min() >= 30, lengths
    assert lengths.max() <= 900, lengths


def test_espeak_tells_when_each_word_ends() -> None:
    (pcm, told), *_ = say(EspeakTts(Config()), TEXT)
    assert len(told) >= len(TEXT.split()) - 1
    check(pcm, told, 60)


@pytest.mark.parametrize("text", ["a < b", "one\0two", "three\nfour"])
def test_where_espeak_says_something_else_than_is_written_nothing_is_told(text: str) -> None:
    ((pcm, told),) = say(EspeakTts(Config()), text)
    assert len(pcm) > 2 * 200 * MS
    assert told == []


def test_letters_beyond_ascii_do_not_move_the_places() -> None:
    text = "Die Tür über dem Café öffnet um neun."
    ((pcm, told),) = say(EspeakTts(Config.model_validate({"engines": {"voice": "de"}})), text)
    begins = {w.chars for w in told}
    assert {text.index(" dem"), text.index(" öffnet"), text.index(" neun")} <= begins
    assert max(w.sample for w in told) < len(pcm) // 2


def test_piper_tells_when_most_words_end() -> None:
    (pcm, told), (again, more) = say(PiperTts(Config()), TEXT, "We are open from seven. I have 25 of them.")
    assert len(told) >= len(TEXT.split()) - 2
    check(pcm, told, 400)
    text = "We are open from seven. I have 25 of them."
    assert {text.index(" open"), text.index(" I"), text.index(" 25"), text.index(" of")} <= {w.chars for w in more}
    assert [w.sample for w in more] == sorted(w.sample for w in more)
    assert more[-1].sample <= len(again) // 2


PHONEMES = {
    "We": ["wiː"],
    "are": ["ˈɑːɹ"],
    "a": ["ˈeɪ"],
    "-": [],
    "with": ["wɪð"],
    "you": ["juː"],
    "25": ["twˈɛnti fˈaɪv"],
    "here.": ["hˈɪɹ"],
}


@pytest.mark.parametrize(
    ("text", "spoken", "ends"),
    [
        ("We are here.", "wiːʲ ɑːɹ hˈɪɹ", ["We", "are", "here."]),
        ("We are with you", "wiːʲɑːɹ wɪðjuː", ["are", "you"]),
        ("25 here.", "twˈɛnti fˈaɪv hˈɪɹ", [None, "25", "here."]),
        ("We - are a - here.", "wiː ɑːɹ ɐ hˈɪɹ", ["-", "are", "-", "here."]),
        ("We are We", "wiːa ɑːɹa wiːa", ["We", "are", "We"]),  # each gains a sound: no drift
        ("", "", []),
    ],
)
def test_spoken_words_are_found_in_what_is_written(text: str, spoken: str, ends: list[str | None]) -> None:
    def phonemize(said: str) -> list[str]:
        return [spoken] if said == text else PHONEMES[said]

    found = [None if at is None else text[:at].split()[-1] for at in written_ends(text, phonemize)]
    assert found == ends


def test_a_model_gives_one_more_output_and_what_is_no_model_is_refused() -> None:
    node = b"\x12\x03out" + b"\x22\x04Ceil"  # NodeProto: output "out", op_type "Ceil"
    graph = b"\x0a" + bytes([len(node)]) + node
    model = b"\x08\x08" + b"\x3a" + bytes([len(graph)]) + graph
    assert with_output_of(model, "Ceil") == model + b"\x3a\x07\x62\x05\x0a\x03out"
    assert with_output_of(model, "Floor") is None
    for wrong in (model[:-1], b"\x3a\xff", b"\x0b"):
        with pytest.raises(ValueError, match="not an ONNX model"):
            with_output_of(wrong, "Ceil")


@pytest.mark.parametrize("voice", ["de", "fr+f3", "en-gb-scotland", "zh"])
def test_voices_and_languages_of_the_program_are_those_of_the_library(voice: str) -> None:
    ((pcm, _),) = say(EspeakTts(Config.model_validate({"engines": {"voice": voice, "threads": 1}})), "one two")
    assert len(pcm) > 2 * 200 * MS


def test_word_times_come_through_cache_and_failover() -> None:
    """The second time is the cache's."""
    voice = Spoken(FailoverTts("tts", [EspeakTts(Config())], 5.0), "any", SpeechCache(1 << 20))
    (first, told), (second, again) = say(voice, TEXT, TEXT)
    assert told == again != []
    assert first == second


def test_espeak_lives_on_from_clause_to_clause_and_ends_with_the_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[subprocess.Popen[bytes]] = []

    class Noted(subprocess.Popen[bytes]):
        def __init__(self, *args: Any, **how: Any) -> None:
            super().__init__(*args, **how)
            started.append(self)

    monkeypatch.setattr(subprocess, "Popen", Noted)
    tts = EspeakTts(Config.model_validate({"engines": {"threads": 1}}))

    async def run() -> None:
        await tts.load()
        for text in ("One clause.", "Another clause.", "?!", "And a last one."):
            async for _ in tts.synthesize(text, RATE):
                pass
        assert len(started) == 1
        speech = tts.synthesize("This one is not heard to its end, for somebody interrupts it. " * 20, RATE)
        await anext(speech)
        await speech.aclose()
        async for _ in tts.synthesize("And yet it goes on.", RATE):
            pass
        assert len(started) == 2
        await tts.close()

    asyncio.run(run())
    for process in started:
        process.wait(30)
