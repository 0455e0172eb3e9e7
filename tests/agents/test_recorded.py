# SPDX-License-Identifier: GPL-3.0-or-later
"""Recordings among spoken words."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest

from sipagent.agents import AgentError, file
from sipagent.agents.recorded import RecordedTts, named, named_in, recordings
from sipagent.dialogue.think import split
from sipagent.engines.base import EngineError
from sipagent.testing import ScriptedTts

RATE = 16000
VOICE, SOUND = 5000, 12000  # peaks


def record(path: Path, seconds: float = 0.5, rate: int = RATE) -> None:
    path.parent.mkdir(exist_ok=True)
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(np.full(int(seconds * rate), SOUND, "<i2").tobytes())


async def peaks(tts: RecordedTts, text: str) -> list[int]:
    """Of each stretch of speech or recording, in order."""
    pieces = [int(np.abs(np.frombuffer(p, "<i2").astype(np.int32)).max()) async for p in tts.synthesize(text, RATE)]
    return [p for i, p in enumerate(pieces) if i == 0 or p != pieces[i - 1]]


async def test_recordings_and_words_come_in_the_order_of_the_text(tmp_path: Path) -> None:
    record(tmp_path / "a.wav")
    voice = ScriptedTts(0.0, 0.0)
    tts = RecordedTts(voice, tmp_path)
    assert await peaks(tts, "Hello [a.wav] and goodbye") == [VOICE, SOUND, VOICE]
    assert await peaks(tts, "[a.wav]") == [SOUND]
    assert await peaks(tts, "No recording at all.") == [VOICE]
    assert voice.said == ["Hello", "and goodbye", "No recording at all."]


async def test_a_recording_is_whole_at_any_rate(tmp_path: Path) -> None:
    record(tmp_path / "low.wav", 1.0, 8000)
    tts = RecordedTts(ScriptedTts(), tmp_path)
    sound = b"".join([piece async for piece in tts.synthesize("[low.wav]", 48000)])
    assert len(sound) // 2 == pytest.approx(48000, abs=100)


async def test_what_cannot_be_played_is_an_error_of_the_voice(tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("not sound")
    tts = RecordedTts(ScriptedTts(), tmp_path)
    for text, words in (("[none.wav]", "none.wav"), ("[text.wav]", "not a PCM WAV file")):
        with pytest.raises(EngineError, match=words):
            await peaks(tts, text)


async def test_words_are_prepared_and_recordings_read(tmp_path: Path) -> None:
    record(tmp_path / "a.wav")
    voice = ScriptedTts()
    tts = RecordedTts(voice, tmp_path)
    await tts.prime(["[a.wav]", "Hello."], RATE)
    (tmp_path / "a.wav").unlink()
    assert voice.primed == ["Hello."]
    assert await peaks(tts, "[a.wav]") == [SOUND]


async def test_of_an_agent_file_only_what_it_names_is_played(tmp_path: Path) -> None:
    """A model may be talked into naming another file, and callers may say what they like."""
    for name in ("a.wav", "secret.wav"):
        record(tmp_path / name)
    voice = ScriptedTts(0.0, 0.0)
    tts = RecordedTts(voice, tmp_path, named_in({"greeting": "[a.wav] Hello.", "flow": [{"say": "Yes."}]}))
    assert await peaks(tts, f"[a.wav] [secret.wav] [{tmp_path}/secret.wav]") == [SOUND, VOICE]
    assert voice.said == [f"[secret.wav] [{tmp_path}/secret.wav]"]


async def test_a_file_that_changed_is_read_again(tmp_path: Path) -> None:
    tts = RecordedTts(ScriptedTts(), tmp_path)
    for seconds in (0.5, 1.0):
        record(tmp_path / "a.wav", seconds)
        sound = b"".join([piece async for piece in tts.synthesize("[a.wav]", RATE)])
        assert len(sound) // 2 == pytest.approx(seconds * RATE, abs=100)


async def test_of_many_files_the_newest_stay_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sipagent.agents.recorded.MAX_BYTES", 2 * RATE)  # two of half a second
    tts = RecordedTts(ScriptedTts(), tmp_path)
    for name in ("a.wav", "b.wav", "a.wav", "c.wav"):
        record(tmp_path / name)
        assert await peaks(tts, f"[{name}]") == [SOUND]
    for name in ("a.wav", "b.wav", "c.wav"):
        (tmp_path / name).unlink()
    assert await peaks(tts, "[a.wav] [c.wav]") == [SOUND]
    with pytest.raises(EngineError, match=r"b\.wav"):
        await peaks(tts, "[b.wav]")


def test_a_name_stays_in_one_clause() -> None:
    text = f"Please hold. {named(Path('/srv/music on hold.v2.wav'))} Thank you."
    assert recordings(text) == ["/srv/music on hold.v2.wav"]
    assert sum("[" in clause and "]" in clause for clause in split(text)) == 1


def test_an_agent_file_that_names_a_recording_which_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "desk.toml"
    path.write_text('greeting = "[hello.wav] Hi."\n[[intent]]\nname = "a"\nexamples = ["a"]\nsay = "[sub/b.wav]"\n')
    with pytest.raises(AgentError, match=r"\[hello.wav\]: .*hello.wav: no such file"):
        file.read(path)
    record(tmp_path / "hello.wav")
    with pytest.raises(AgentError, match=r"\[sub/b.wav\]"):
        file.read(path)
    record(tmp_path / "sub" / "b.wav")
    assert file.read(path).greeting == "[hello.wav] Hi."
