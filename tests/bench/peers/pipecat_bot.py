# SPDX-License-Identifier: GPL-3.0-or-later
# mypy: ignore-errors
# It runs in the Python of pipecat.py, which has what it imports.
"""pipecat as a peer of `barge-in`: a pipeline that ends in its own output transport with the serializer of Twilio's Media
Streams. Ten seconds of speech are queued as a TTS frame, and the decision to be silent is an InterruptionFrame from the head of
the pipeline, as a turn strategy sends it.

    python pipecat_bot.py TRIALS CALLS      prints the ports of its web sockets, one for each call

The result is that of tests/bench/barge_in_systems.py, whose numbers are repeated here.
"""

import asyncio
import json
import random
import socket
import sys
import time

from loguru import logger
from pipecat.frames.frames import InterruptionFrame, TTSAudioRawFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.serializers.twilio import TwilioFrameSerializer
from pipecat.transports.websocket.server import SingleClientWebsocketServerParams, SingleClientWebsocketServerTransport
from pipecat.workers.runner import WorkerRunner

HOST = "127.0.0.1"
RATE = 8000
QUEUED_S, SPEAK_S, QUIET_S = 10.0, (0.3, 0.5), 0.4


def free_port():
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


async def bot(n, n_calls):
    logger.remove()
    rng = random.Random(1)
    speech = b"".join(rng.randrange(-8000, 8000).to_bytes(2, "little", signed=True) for _ in range(round(QUEUED_S * RATE)))
    ports = [free_port() for _ in range(n_calls)]
    runner = WorkerRunner(handle_sigint=False)
    workers, connected = [], []
    for port in ports:
        serializer = TwilioFrameSerializer("MZ0", params=TwilioFrameSerializer.InputParams(auto_hang_up=False))
        params = SingleClientWebsocketServerParams(audio_out_enabled=True, audio_in_enabled=True, serializer=serializer)
        transport = SingleClientWebsocketServerTransport(params, HOST, port)
        there = asyncio.Event()
        connected.append(there)

        @transport.event_handler("on_client_connected")
        async def on_connected(transport, websocket, there=there):
            there.set()

        rates = PipelineParams(audio_in_sample_rate=RATE, audio_out_sample_rate=RATE)
        pipeline = Pipeline([transport.input(), transport.output()])
        workers.append(PipelineWorker(pipeline, params=rates, idle_timeout_secs=None))
    await runner.add_workers(*workers)
    running = asyncio.create_task(runner.run())
    print(*ports, flush=True)

    async def trials(worker, seed):
        rng = random.Random(seed)
        out = []
        for _ in range(n):
            await worker.queue_frame(TTSAudioRawFrame(speech, RATE, 1))
            await asyncio.sleep(rng.uniform(*SPEAK_S))
            decided = time.time_ns()
            await worker.queue_frame(InterruptionFrame())
            await asyncio.sleep(QUIET_S)
            out.append((decided, time.time_ns()))
        return out

    await asyncio.wait_for(asyncio.gather(*(there.wait() for there in connected)), 30)
    await asyncio.sleep(0.5)
    found = await asyncio.gather(*(trials(worker, seed) for seed, worker in enumerate(workers)))
    print(json.dumps({"trials": found}), flush=True)
    await runner.cancel()
    await asyncio.wait([running], timeout=5)


if __name__ == "__main__":
    asyncio.run(bot(int(sys.argv[1]), int(sys.argv[2])))
