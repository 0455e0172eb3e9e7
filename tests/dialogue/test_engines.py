# SPDX-License-Identifier: GPL-3.0-or-later
"""The real engines on real human speech: 8 kHz prompts and their transcripts from Debian's asterisk-core-sounds-en packages."""

from __future__ import annotations

import asyncio
import gzip
import re
import subprocess
import sys
import wave
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jiwer
import numpy as np
import onnxruntime  # type: ignore[import-untyped]
import pytest

from sipagent import engines
from sipagent.agents.reception import ReceptionAgent
from sipagent.config import Config
from sipagent.dialogue.levels import speech_end, speech_start
from sipagent.engines import EngineSet, espeak
from sipagent.engines.base import EngineError, EngineMissing, EngineTimeout, Tts
from sipagent.engines.espeak import EspeakTts
from sipagent.engines.pcm import resample
from sipagent.engines.silero import model_file
from sipagent.testing import FakeLeg, VirtualLoop, fake_call

SOUNDS = Path("/usr/share/asterisk/sounds/en")
TEXTS = Path("/usr/share/doc/asterisk-core-sounds-en/core-sounds-en.txt.gz")
FIX = "apt-get install asterisk-core-sounds-en asterisk-core-sounds-en-wav"
PROMPTS = """
agent-loginok agent-newlocation agent-pass all-circuits-busy-now cannot-complete-as-dialed check-number-dial-again
conf-extended conf-getpin conf-kicked conf-locked conf-now-muted conf-onlyperson conf-placeintoconf conf-waitforleader
demo-echodone demo-nomatch dir-nomatch dir-welcome feature-not-avail-line followme/status info-about-last-call
number-not-answering please-try-again pls-hold-while-try privacy-prompt queue-thankyou queue-youarenext vm-intro vm-msgsaved
vm-nobodyavail vm-passchanged vm-sorry vm-tooshort vm-whichbox
"""


def prompt(name: str, rate: int = 16000) -> bytes:
    """s16le mono of a human prompt."""
    path = SOUNDS / f"{name}.wav"
    assert path.is_file(), f"no {path}: {FIX}"
    with wave.open(str(path)) as file:
        return resample(file.readframes(file.getnframes()), file.getframerate(), rate)


def first_sound(pcm: bytes) -> int:
    """Index of the first sample above a whisper (-41 dBFS)."""
    return int(np.flatnonzero(np.abs(np.frombuffer(pcm, "<i2").astype(np.int32)) > 300)[0])


def transcripts() -> dict[str, str]:
    assert TEXTS.is_file(), f"no {TEXTS}: {FIX}"
    lines = gzip.decompress(TEXTS.read_bytes()).decode().splitlines()
    return dict(line.split(": ", 1) for line in lines if ": " in line and not line.startswith(";"))


def normal(text: str) -> str:
    return " ".join(re.findall(r"[a-z0-9']+", re.sub(r"\(.*?\)", "", text).lower()))


async def until(done: Callable[[], bool]) -> None:
    """Engines work on other threads."""
    while True:
        if done():
            return
        await asyncio.sleep(0.001)


class Studio:
    """Real engines on a loop whose time is virtual only while they rest."""

    def __init__(self) -> None:
        self.working = True
        self.loop = VirtualLoop(self._busy)
        self.cfg = Config()
        self.set: EngineSet = self.loop.run_until_complete(engines.load(self.cfg))
        self.joe: Tts = engines.create_tts("piper", self.cfg)
        self.loop.run_until_complete(self.joe.load())

    def _busy(self) -> bool:
        return self.working or any(getattr(e, "busy", 0) for e in (self.set.vad, self.set.stt, self.set.tts, self.joe))

    def run(self, work: Any) -> Any:
        return self.loop.run_until_complete(work)

    async def voice(self, tts: Tts, text: str, rate: int = 16000) -> bytes:
        return b"".join([piece async for piece in tts.synthesize(text, rate)])

    async def windows(self, pcm: bytes, rate: int) -> list[tuple[int, float]]:
        """What the voice detector says to `pcm`, as fast as it judges."""
        out: list[tuple[int, float]] = []
        stream = self.set.vad.stream(rate, lambda end, p: out.append((end, p)))
        step = 2 * rate * 32 // 1000
        for i in range(0, len(pcm) - step + 1, step):
            stream.feed(pcm[i : i + step // 2])
            stream.feed(pcm[i + step // 2 : i + step])
            await until(lambda n=i // step: len(out) > n - 8)  # type: ignore[misc]
        held = 0 if rate in (8000, 16000) else 1  # resampling holds a little back
        await until(lambda: len(out) == len(pcm) // step - held)
        stream.close()
        return out


@pytest.fixture(scope="module")
def studio() -> Iterator[Studio]:
    s = Studio()
    yield s
    s.run(s.set.close())
    s.run(s.joe.close())
    s.loop.close()


def test_word_error_rate_on_human_prompts(studio: Studio) -> None:
    texts = transcripts()
    names = PROMPTS.split()

    async def decode() -> list[str]:
        return [await studio.set.stt.transcribe(prompt(name), 16000) for name in names]

    heard = [normal(text) for text in studio.run(decode())]
    assert jiwer.wer([normal(texts[name]) for name in names], heard) <= 0.15


def test_speech_to_text_of_no_speech_is_empty(studio: Studio) -> None:
    assert studio.run(studio.set.stt.transcribe(b"", 16000)) == ""
    assert studio.run(studio.set.stt.transcribe(bytes(1000), 16000)) == ""


def test_two_calls_are_decoded_at_the_same_time(studio: Studio) -> None:
    async def both() -> list[str]:
        return list(
            await asyncio.gather(*(studio.set.stt.transcribe(prompt(n), 16000) for n in ("vm-goodbye", "please-try-again")))
        )

    first, second = studio.run(both())
    assert "goodbye" in normal(first)
    assert "try again" in normal(second)


@pytest.mark.parametrize("rate", [8000, 16000, 48000])
def test_the_voice_detector_finds_the_onset_and_the_end(studio: Studio, rate: int) -> None:
    late, long_ = [], []
    for name in PROMPTS.split()[:12]:
        noise = np.random.default_rng(1).normal(0, 8, rate).astype("<i2").tobytes()
        speech = prompt(name, rate)
        pcm = noise + speech + noise
        judged = studio.run(studio.windows(pcm, rate))
        voiced = [end for end, p in judged if p >= 0.5]
        late.append((voiced[0] - rate - speech_start(speech, rate)) * 1000 / rate)
        long_.append((voiced[-1] - rate - speech_end(speech, rate)) * 1000 / rate)
        assert all(p < 0.5 for end, p in judged if end < rate), name
    assert np.median(late) <= 80
    assert -150 <= np.median(long_) <= 250


def reference(pcm: bytes, rate: int) -> list[float]:
    """Silero as its authors run it: one window after the other, its own context and state."""
    session = onnxruntime.InferenceSession(str(model_file()), providers=["CPUExecutionProvider"])
    x = np.frombuffer(pcm, "<i2").astype(np.float32) / 32768
    size, context = rate * 32 // 1000, np.zeros(rate // 250, np.float32)
    state, out = np.zeros((2, 1, 128), np.float32), []
    for i in range(0, len(x) - size + 1, size):
        window = np.concatenate([context, x[i : i + size]])
        p, state = session.run(None, {"input": window[None], "state": state, "sr": np.array(rate)})
        context = window[-len(context) :]
        out.append(float(p[0, 0]))
    return out


@pytest.mark.parametrize("rate", [8000, 16000])
def test_many_callers_are_judged_together_as_each_would_be_alone(studio: Studio, rate: int) -> None:
    clips = [prompt(name, rate) for name in PROMPTS.split()[:10]]

    async def together() -> list[list[tuple[int, float]]]:
        return list(await asyncio.gather(*(studio.windows(clip, rate) for clip in clips)))

    for clip, judged in zip(clips, studio.run(together()), strict=True):
        assert np.allclose([p for _, p in judged], reference(clip, rate), atol=2e-3)
        assert [end for end, _ in judged] == [(i + 1) * rate * 32 // 1000 for i in range(len(judged))]


def test_espeak_is_understood_in_part(studio: Studio) -> None:
    text = "Please enter your phone number, starting with the area code."
    pcm = studio.run(studio.voice(studio.set.tts, text))
    assert 2.0 < len(pcm) / 32000 < 7.0
    assert first_sound(pcm) <= 16000 // 50
    heard = normal(studio.run(studio.set.stt.transcribe(bytes(6400) + pcm + bytes(6400), 16000)))
    assert jiwer.wer(normal(text), heard) <= 0.5


@pytest.mark.parametrize("rate", [8000, 16000, 24000, 48000])
def test_voices_speak_at_every_rate(studio: Studio, rate: int) -> None:
    for tts in (studio.set.tts, studio.joe):
        lengths = [len(studio.run(studio.voice(tts, "One moment, please.", r))) / r for r in (rate, 16000)]
        assert lengths[0] == pytest.approx(lengths[1], rel=0.15)
        assert lengths[0] > 1.0


def test_what_a_slow_voice_prepared_it_says_at_once(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    voice = engines.create_voice("piper", studio.cfg)
    monkeypatch.setattr(voice, "tts", studio.joe)  # loaded
    studio.run(voice.prime(["Prepared before.", "And this too."], 16000))
    monkeypatch.setattr(studio.joe, "_workers", None)  # nothing can be synthesised any more
    assert studio.run(studio.voice(voice, "And this too."))


def test_text_that_cannot_be_spoken_does_no_harm(studio: Studio) -> None:
    for text in ("<b>bold</b>", "...", "", "\0", "emoji \U0001f600 here", "x" * 500):
        studio.run(studio.voice(studio.set.tts, text))


def test_a_stopped_voice_leaves_no_process(studio: Studio) -> None:
    async def stop() -> None:
        speech = studio.set.tts.synthesize("This sentence is stopped after its first piece, whatever may follow.", 16000)
        await anext(speech)
        await speech.aclose()
        await studio.voice(studio.set.tts, "Another one.")

    studio.run(stop())


def configured(**engine: Any) -> Config:
    return Config.model_validate({"engines": {"threads": 1, **engine}})


@pytest.mark.parametrize("role", ["vad", "stt", "tts", "brain"])
def test_a_name_that_is_no_engine_is_told_with_the_names_that_are(studio: Studio, role: str) -> None:
    with pytest.raises(EngineMissing, match=rf'engines\.{role} = "nope" is not an engine; choose one of: \w+'):
        studio.run(engines.load(configured(**{role: "nope"})))


def test_a_model_directory_without_a_model_is_explained(studio: Studio, tmp_path: Path) -> None:
    stt = engines.create_stt("moonshine", configured(model_path=str(tmp_path)))
    with pytest.raises(EngineMissing, match=r"encoder_model\.ort.*engines\.model_path"):
        studio.run(stt.load())


def test_a_wrong_espeak_voice_is_found_at_start(studio: Studio) -> None:
    with pytest.raises(EngineError, match="espeak-ng"):
        studio.run(EspeakTts(configured(voice="xx-nobody")).load())


def test_a_missing_espeak_is_explained(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(EngineMissing, match="apt-get install espeak-ng"):
        studio.run(EspeakTts(configured()).load())


@pytest.mark.parametrize(
    ("program", "words"), [("sleep 60", "no answer|no sound|busy"), ("false", "espeak-ng"), ("cat", "no audio")]
)
def test_an_espeak_that_breaks_or_hangs_is_an_error(
    studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str, words: str
) -> None:
    fake = tmp_path / "espeak"
    fake.write_text(f"#!/bin/sh\nexec {program}\n")
    fake.chmod(0o755)
    monkeypatch.setattr(espeak, "PROGRAM", (str(fake),))
    cfg = Config.model_validate({"engines": {"threads": 1}, "dialogue": {"tts_timeout_s": 0.3}})
    with pytest.raises((EngineError, EngineTimeout), match=words):
        studio.run(EspeakTts(cfg).load())


def test_a_piper_voice_that_is_not_there_is_explained(studio: Studio, tmp_path: Path) -> None:
    with pytest.raises(EngineMissing, match=r"no file .*none\.onnx"):
        studio.run(engines.create_tts("piper", configured(voice=str(tmp_path / "none.onnx"))).load())


def test_importing_the_engines_loads_no_model_library() -> None:
    code = "import sys, sipagent.engines; print({'torch', 'onnxruntime', 'moonshine_voice', 'piper'} & set(sys.modules))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "set()"


def test_a_whole_conversation_with_real_engines(studio: Studio) -> None:
    """Joe calls the reception, interrupts it once and says goodbye; ledger and recording agree turn by turn."""
    loop = studio.loop
    scenes = [
        ("What are your opening hours?", "from seven in the morning"),
        ("Do you have a swimming pool?", "heated pool"),
        ("I would like to leave a message.", "What is your message"),
        ("Please tell the manager that my train is late.", "train is late"),
        ("Yes, that is correct.", "anything else"),
    ]
    leg = FakeLeg(clock=loop.clock_us)
    call, control = fake_call(leg)
    events: list[Any] = []

    async def quiet(seconds: float) -> None:
        still = 0.0
        while still < seconds:
            await asyncio.sleep(0.02)
            still = 0.0 if leg.pending or leg.saying else still + 0.02

    async def scene() -> None:
        clips = [await studio.voice(studio.joe, text) for text, _ in scenes]
        agent = ReceptionAgent(studio.cfg, studio.set, events.append, loop.clock_us)
        studio.working = False
        leg.start()
        talk = asyncio.create_task(agent.on_call(call))
        for clip in clips:
            await quiet(1.5)
            leg.hear(clip)
        await quiet(1.5)
        leg.hear(clips[0])
        await until(lambda: leg.pending > 0)
        await asyncio.sleep(1.2)
        leg.hear(prompt("vm-goodbye"))
        await asyncio.wait_for(talk, 60)
        leg.close()

    try:
        studio.run(scene())
    finally:
        studio.working = True
    ledger = [turn for turn in call.notes["ledger"] if turn["gap_ms"] is not None]
    said = " ".join(turn["agent_said"] for turn in ledger)
    for _, words in scenes:
        assert words in said
    assert control.hung_up == [(0, "")]
    (message,) = call.notes["messages"]
    assert "train is late" in message
    (barge_in,) = [e.data for e in events if e.kind == "barge_in"]
    assert barge_in["latency_ms"] >= 0
    caller = [turn["caller_heard"] for turn in ledger]
    want = [text for text, _ in scenes] + [scenes[0][0], "Goodbye"]
    assert jiwer.wer([normal(t) for t in want], [normal(t.replace("-", " ")) for t in caller]) <= 0.15
    start = leg.ticks_us[0]
    for turn in ledger:
        at = [(turn["times_us"][k] - start) * 16 // 1000 for k in ("last_speech", "first_packet")]
        from_ = max(0, at[0] - 3 * 16000)
        end = from_ + speech_end(bytes(leg.caller[2 * from_ : 2 * at[1]]), 16000)
        begin = at[0] + first_sound(bytes(leg.bot[2 * at[0] : 2 * (at[1] + 8000)]))
        assert (begin - end) / 16 == pytest.approx(turn["gap_ms"], abs=40)
