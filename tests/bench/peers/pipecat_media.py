# SPDX-License-Identifier: GPL-3.0-or-later
# mypy: ignore-errors
# It runs in the Python of pipecat.py, which has what it imports.
"""What stands between pipecat's web socket and the telephone in `barge-in` and `turn`: a media server without faults. What
comes is played on a 20 ms grid as RTP, "clear" empties it at once; RTP that comes goes on at once.

    python pipecat_media.py SOCKET:PORT ...      prints its own RTP ports, one for each
"""

import asyncio
import base64
import json
import socket
import sys

import websockets

HOST = "127.0.0.1"
FRAME, FRAME_S = 160, 0.02


async def line(websocket_port, rtp_port, up):
    loop, held = asyncio.get_running_loop(), bytearray()
    out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    out.bind((HOST, 0))
    out.connect((HOST, rtp_port))
    out.setblocking(False)
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

    async def hear():
        while True:
            payload = base64.b64encode((await loop.sock_recv(out, 2048))[12:]).decode()
            await websocket.send(json.dumps({"event": "media", "media": {"track": "inbound", "payload": payload}}))

    up.set_result(out.getsockname()[1])
    tasks = [asyncio.create_task(play()), asyncio.create_task(hear())]
    try:
        async for text in websocket:
            message = json.loads(text)
            if message["event"] == "media":
                held += base64.b64decode(message["media"]["payload"])
            elif message["event"] == "clear":
                held.clear()
    except websockets.ConnectionClosed:
        pass
    for task in tasks:
        task.cancel()


async def media(pairs):
    loop = asyncio.get_running_loop()
    ups = [loop.create_future() for _ in pairs]
    lines = [asyncio.create_task(line(*map(int, pair.split(":")), up)) for pair, up in zip(pairs, ups, strict=True)]
    print(*await asyncio.gather(*ups), flush=True)
    await asyncio.gather(*lines)


if __name__ == "__main__":
    asyncio.run(media(sys.argv[1:]))
