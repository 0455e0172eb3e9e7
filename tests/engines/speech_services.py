# SPDX-License-Identifier: GPL-3.0-or-later
"""OpenAI's and ElevenLabs' speech endpoints on loopback, as their references describe them. What they hear is coded speech;
what they say is a tone of 30 ms a letter between two rests."""

from __future__ import annotations

import base64
import io
import json
import wave
from email import message_from_bytes
from urllib.parse import parse_qs

import numpy as np

from sipagent.testing import CodedSpeech
from tests.engines.http_server import Request, Response

KEY = "sk-test-0123456789abcdef"
LETTER_S = 0.03
REST_S = 0.2


def tone(text: str, rate: int, speed: float = 1.0) -> bytes:
    """The service's voice."""
    n = int(LETTER_S * len(text) / speed * rate)
    rest = bytes(2 * int(REST_S * rate))
    wave_ = 8000 * np.sin(2 * np.pi * 440 * np.arange(n) / rate)
    return rest + wave_.astype("<i2").tobytes() + rest


def with_times(pcm: bytes, rate: int = 16000, text: str = "", step: int = 4001) -> bytes:
    """Lines of ElevenLabs: sound cut anywhere, and the letters that begin in each piece."""
    lines, seconds = [], step / 2 / rate
    for at in range(0, len(pcm), step):
        begin_s = at / 2 / rate
        inside = [(c, REST_S + i * LETTER_S) for i, c in enumerate(text) if 0 <= REST_S + i * LETTER_S - begin_s < seconds]
        times = {
            "characters": [c for c, _ in inside],
            "character_start_times_seconds": [s for _, s in inside],
            "character_end_times_seconds": [s + LETTER_S for _, s in inside],
        }
        audio = base64.b64encode(pcm[at : at + step]).decode()
        lines.append(json.dumps({"audio_base64": audio, "alignment": times if inside else None}))
    return "".join(f"{line}\n" for line in lines).encode()


def openai_error(status: int, words: str) -> Response:
    return Response(json.dumps({"error": {"message": words, "type": "invalid_request_error", "code": None}}).encode(), status)


class OpenAi:
    """/models, /audio/transcriptions, /audio/speech."""

    def __init__(self, speech: CodedSpeech, key: str = KEY) -> None:
        self._speech = speech
        self._key = key

    def __call__(self, request: Request) -> Response:
        sent = request.headers.get("authorization", "")
        if self._key and sent != f"Bearer {self._key}":
            return openai_error(401, f"Incorrect API key provided: {sent.removeprefix('Bearer ')}.")
        if (request.method, request.path) == ("GET", "/v1/models"):
            return Response(b'{"object": "list", "data": []}')
        if (request.method, request.path) == ("POST", "/v1/audio/transcriptions"):
            return self._transcribe(request)
        if (request.method, request.path) == ("POST", "/v1/audio/speech"):
            return self._speak(request)
        return openai_error(404, f"Invalid URL ({request.method} {request.path})")

    def _transcribe(self, request: Request) -> Response:
        form = form_of(request)
        if not form.get("model"):
            return openai_error(400, "you must provide a model parameter")
        with wave.open(io.BytesIO(form["file"])) as file:
            seconds = file.getnframes() / file.getframerate()
            pcm = file.readframes(file.getnframes())
        if seconds < 0.1:
            return openai_error(400, "Audio file is too short. Minimum audio length is 0.1 seconds.")
        return Response(json.dumps({"text": self._speech.read(pcm), "usage": {"type": "duration", "seconds": 1}}).encode())

    def _speak(self, request: Request) -> Response:
        order = json.loads(request.body)
        if order["response_format"] != "pcm" or not 1 <= len(order["input"]) <= 4096 or not order["model"]:
            return openai_error(400, "bad order")
        if not 0.25 <= order.get("speed", 1.0) <= 4.0:
            return openai_error(400, "speed must be from 0.25 to 4.0")
        return Response(tone(order["input"], 24000, order.get("speed", 1.0)), kind="audio/pcm")


class ElevenLabs:
    """/models and /text-to-speech/VOICE/stream/with-timestamps."""

    def __init__(self, key: str = KEY) -> None:
        self._key = key

    def __call__(self, request: Request) -> Response:
        if request.headers.get("xi-api-key", "") != self._key:
            return Response(json.dumps({"detail": {"status": "invalid_api_key", "message": "Invalid API key"}}).encode(), 401)
        if request.path == "/v1/models":
            return Response(b"[]")
        order = json.loads(request.body)
        if not 0.7 <= order["voice_settings"].get("speed", 1.0) <= 1.2:
            return Response(json.dumps({"detail": [{"loc": ["body", "voice_settings", "speed"], "msg": "bad"}]}).encode(), 422)
        (output,) = parse_qs(request.query)["output_format"]
        rate = int(output.removeprefix("pcm_"))
        return Response(with_times(tone(order["text"], rate), rate, order["text"]))


def form_of(request: Request) -> dict[str, bytes]:
    """multipart/form-data (RFC 7578) as name -> value."""
    message = message_from_bytes(f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode() + request.body)
    parts = [part for part in message.walk() if not part.is_multipart()]
    payloads = [(str(part.get_param("name", header="content-disposition")), part.get_payload(decode=True)) for part in parts]
    return {name: payload for name, payload in payloads if isinstance(payload, bytes)}
