# SPDX-License-Identifier: GPL-3.0-or-later
# mypy: ignore-errors
# It runs in the Python of pipecat.py, which has what it imports.
"""pipecat as a peer of `turn`: its own pipeline with its own Silero analyzer, its own default turn strategies (smart-turn v3),
its output transport and the serializer of Twilio's Media Streams; moonshine hears and espeak-ng speaks as in ours, and the
brain is a line that answers every turn by the same words.

    python pipecat_turn.py CALLS WORDS      prints the ports of its web sockets, one for each call, and ends with its input
"""

import asyncio
import json
import socket
import sys
from pathlib import Path

import numpy as np
from loguru import logger
from moonshine_voice import moonshine_api, transcriber
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.frames.frames import (
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    TranscriptionFrame,
    TTSSpeakFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair, LLMUserAggregatorParams
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.serializers.twilio import TwilioFrameSerializer
from pipecat.services.settings import STTSettings, TTSSettings
from pipecat.services.stt_service import SegmentedSTTService
from pipecat.services.tts_service import TTSService
from pipecat.transports.websocket.server import SingleClientWebsocketServerParams, SingleClientWebsocketServerTransport
from pipecat.utils.time import time_now_iso8601
from pipecat.workers.runner import WorkerRunner

HOST = "127.0.0.1"
RATE, STT_RATE, ESPEAK_RATE = 8000, 16000, 22050
WAV_HEADER = 44
# As in sipagent/engines/moonshine.py.
OPTIONS = {"vad_threshold": "0.0", "return_audio_data": "false", "identify_speakers": "false"}
DECODERS = 2


class Moonshine(SegmentedSTTService):
    """One turn's segment by the tiny model. `models`: a queue of loaded ones, shared by all calls."""

    def __init__(self, models):
        super().__init__(sample_rate=STT_RATE, settings=STTSettings(model="tiny-en", language=None))
        self._models = models

    @property
    def wants_wav_segments(self):
        return False

    async def run_stt(self, audio):
        model = await self._models.get()
        try:
            samples = (np.frombuffer(audio, "<i2").astype(np.float32) / 32768.0).tolist()
            lines = (await asyncio.to_thread(model.transcribe_without_streaming, samples, STT_RATE)).lines
        finally:
            self._models.put_nowait(model)
        text = " ".join(line.text.strip() for line in lines).strip()
        if text:
            yield TranscriptionFrame(text, self._user_id, time_now_iso8601())


class Espeak(TTSService):
    """A process for each piece of text."""

    def __init__(self):
        super().__init__(
            push_start_frame=True, push_stop_frames=True, settings=TTSSettings(model=None, voice="en", language=None)
        )

    async def run_tts(self, text, context_id):
        espeak = await asyncio.create_subprocess_exec("espeak-ng", "--stdout", text, stdout=asyncio.subprocess.PIPE)

        async def pieces():
            await espeak.stdout.readexactly(WAV_HEADER)
            while piece := await espeak.stdout.read(4096):
                yield piece
            await espeak.wait()

        async for frame in self._stream_audio_frames_from_iterator(pieces(), in_sample_rate=ESPEAK_RATE, context_id=context_id):
            yield frame


class Brain(FrameProcessor):
    def __init__(self, words):
        super().__init__()
        self._words = words

    async def process_frame(self, frame, direction):
        await super().process_frame(frame, direction)
        if isinstance(frame, LLMContextFrame) and direction is FrameDirection.DOWNSTREAM:
            for answer in (LLMFullResponseStartFrame(), LLMTextFrame(self._words), LLMFullResponseEndFrame()):
                await self.push_frame(answer)
        else:
            await self.push_frame(frame, direction)


def free_port():
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


async def bot(n_calls, words):
    logger.remove()
    path = Path(transcriber.__file__).parent / "assets" / "tiny-en"
    models = asyncio.Queue()
    for _ in range(DECODERS):
        model = transcriber.Transcriber(path, moonshine_api.ModelArch.TINY, options=OPTIONS)
        model.transcribe_without_streaming([0.0] * STT_RATE, STT_RATE)
        models.put_nowait(model)
    ports = [free_port() for _ in range(n_calls)]
    runner = WorkerRunner(handle_sigint=False)
    workers = []
    for port in ports:
        serializer = TwilioFrameSerializer("MZ0", params=TwilioFrameSerializer.InputParams(auto_hang_up=False))
        params = SingleClientWebsocketServerParams(audio_out_enabled=True, audio_in_enabled=True, serializer=serializer)
        transport = SingleClientWebsocketServerTransport(params, HOST, port)
        ears = LLMUserAggregatorParams(vad_analyzer=SileroVADAnalyzer(sample_rate=STT_RATE))
        user, assistant = LLMContextAggregatorPair(LLMContext(), user_params=ears)
        stages = [transport.input(), Moonshine(models), user, Brain(words), Espeak(), transport.output(), assistant]
        rates = PipelineParams(audio_in_sample_rate=STT_RATE, audio_out_sample_rate=RATE)
        worker = PipelineWorker(Pipeline(stages), params=rates, idle_timeout_secs=None)
        workers.append(worker)

        @transport.event_handler("on_client_connected")
        async def on_connected(transport, websocket, worker=worker):
            await worker.queue_frame(TTSSpeakFrame(words))

    await runner.add_workers(*workers)
    running = asyncio.create_task(runner.run())
    print(*ports, flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await runner.cancel()
    await asyncio.wait([running], timeout=5)
    print(json.dumps({}), flush=True)


if __name__ == "__main__":
    asyncio.run(bot(int(sys.argv[1]), sys.argv[2]))
