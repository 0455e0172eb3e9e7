# SPDX-License-Identifier: GPL-3.0-or-later
# mypy: ignore-errors
# It runs in the Python of pipecat.py, which has what it imports.
"""What stands between pipecat's web socket and the telephone in `barge-in`: a media server without faults. What comes is played
on a 20 ms grid as RTP, "clear" empties it at once.

    python pipecat_media.py SOCKET:PORT ...
"""

import asyncio
import base64
import json
import socket
import sys

import websockets

HOST = "127.0.0.1"
FRAME, FRAME_S = 160, 0.02


async def line(websocket_port, rtp_port):
    loop, held = asyncio.get_running_loop(), bytearray()
    out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    out.connect((HOST, rtp_port))
    for _ in range(200):
        try:
            websocket = await websockets.connect(f"ws://{HOST}:{websocket_port}")
            break
        except OSError:
            await asyncio.sleep(0.1)
    else:
        raise RuntimeError(f"no web socket at port {websocket_port}")

    async def play():
        at, n = loop.time(), 0
        while True:
            frame = bytes(held[:FRAME]).ljust(FRAME, b"\xff")
            del held[:FRAME]
            stamp = (n & 0xFFFF).to_bytes(2, "big") + (n * FRAME & 0xFFFFFFFF).to_bytes(4, "big")
            out.send(b"\x80\x00" + stamp + bytes(4) + frame)
            n += 1
            await asyncio.sleep(at + n * FRAME_S - loop.time())

    playing = asyncio.create_task(play())
    try:
        async for text in websocket:
            message = json.loads(text)
            if message["event"] == "media":
                held += base64.b64decode(message["media"]["payload"])
            elif message["event"] == "clear":
                held.clear()
    except websockets.ConnectionClosed:
        pass
    playing.cancel()


async def media(pairs):
    await asyncio.gather(*(line(*map(int, pair.split(":"))) for pair in pairs))


if __name__ == "__main__":
    asyncio.run(media(sys.argv[1:]))
