# SPDX-License-Identifier: GPL-3.0-or-later
"""The one configuration tree: types, defaults, limits and words. `docs/configuration.md` and the commented sample file are
generated from it (`sipagent config --reference`, `--sample`)."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator


class ConfigError(Exception):
    """The configuration can't be used; the text names each key and the fix."""


class Section(BaseModel):
    """A table of the file. Unknown keys are errors: a typing mistake must not pass for a default."""

    model_config = ConfigDict(extra="forbid", frozen=True)


Port = Annotated[int, Field(ge=0, le=65535)]
SrtpPolicy = Literal["off", "optional", "required"]


class Listen(Section):
    """One SIP transport."""

    transport: Literal["udp", "tcp", "tls"] = "udp"
    host: str = Field("127.0.0.1", description="Local address to bind.")
    port: Port = Field(5060, description="0 = any free port.")


class Tls(Section):
    """Certificates of the TLS transport."""

    cert: Path | None = Field(None, description="PEM certificate chain.")
    key: Path | None = Field(None, description="PEM private key.")
    ca: Path | None = Field(None, description="PEM authorities to check peers against.")
    verify_server: bool = Field(True, description="Check the certificate of a server we connect to.")


class Account(Section):
    """A registration at a PBX or registrar."""

    user: str
    password: str = Field("", repr=False)
    host: str = Field(description="Registrar's host name or address.")
    port: Port = 5060
    transport: Literal["udp", "tcp", "tls"] = "udp"
    realm: str = Field("*", description='Digest realm that the password answers to; "*" = any realm of this registrar.')
    expires_s: Annotated[int, Field(ge=30, le=86400)] = 300
    srtp: SrtpPolicy | None = Field(None, description="Overrides sip.srtp for calls of this account.")


class Sip(Section):
    """Signalling."""

    listen: list[Listen] = Field(default_factory=lambda: [Listen()], description="Transports to open.")
    tls: Tls = Tls()
    accounts: list[Account] = []
    max_calls: Annotated[int, Field(ge=1, le=8000)] = Field(2000, description="Calls at once; beyond it 503 with Retry-After.")
    retry_after_s: Annotated[int, Field(ge=1, le=3600)] = 10
    user_agent: str = "sipagent"
    srtp: SrtpPolicy = Field("optional", description="SDES SRTP: off, optional (RTP/SAVP accepted, RTP/AVP offered), required.")
    public_host: str | None = Field(None, description="Address to advertise when behind NAT.")


class Media(Section):
    """The media core."""

    host: str = Field("127.0.0.1", description="Local address of RTP.")
    ports: tuple[Port, Port] = Field((20000, 29999), description="Range of RTP ports, even ones are used.")
    codecs: list[str] = Field(
        ["opus/48000", "PCMU/8000", "PCMA/8000", "L16/16000", "L16/8000"], description="Offered, in order of preference."
    )
    ptime_ms: Literal[10, 20, 40, 60] = 20
    rate: Literal[8000, 16000, 24000, 48000] = Field(16000, description="Engine rate, Hz.")
    rx_timeout_s: Annotated[float, Field(gt=0)] = Field(30.0, description="A call without RTP for so long is ended.")
    fifo: bool = Field(True, description="Ask for SCHED_FIFO for the media worker; reported when refused.")
    cpu: int = Field(-1, description="Pin the media worker to this core; -1 = don't.")


class Dialogue(Section):
    """Turn-taking."""

    agent: str = Field("reception", description='"echo", "reception" or "play:FILE".')
    facts: Path | None = Field(None, description="Fact file of the reception agent; none = the one it ships.")
    speech_threshold: Annotated[float, Field(gt=0, lt=1)] = Field(0.5, description="VAD probability that starts speech.")
    end_silence_ms: Annotated[int, Field(ge=100, le=3000)] = Field(300, description="Silence that ends a complete turn.")
    end_silence_incomplete_ms: Annotated[int, Field(ge=100, le=5000)] = Field(800, description="Silence that ends an unfinished one.")
    barge_in: bool = True
    stt_timeout_s: Annotated[float, Field(gt=0)] = 5.0
    tts_timeout_s: Annotated[float, Field(gt=0)] = 5.0
    idle_s: Annotated[float, Field(gt=0)] = Field(20.0, description="Silence of both sides before the agent asks; twice that ends the call.")
    max_duration_s: Annotated[float, Field(gt=0)] = 3600.0


class Engines(Section):
    """Speech engines by name; loaded before the first call."""

    vad: str = "silero"
    stt: str = "moonshine"
    tts: str = Field("espeak", description='"espeak" or "piper".')
    brain: str = "rules"
    voice: str = Field("", description="Voice of the TTS engine; empty = its default.")
    model_path: Path | None = Field(None, description="Local STT model directory; none = the one in the package.")
    threads: Annotated[int, Field(ge=1, le=64)] = Field(2, description="CPU threads that engines share.")


class Api(Section):
    """HTTP."""

    host: str = "127.0.0.1"
    port: Port = 8080
    enabled: bool = True


class Store(Section):
    """What is kept."""

    dir: Path | None = Field(None, description="Where recordings and call records go; none = keep nothing on disk.")
    record: bool = Field(False, description="Stereo WAV of each call: caller left, bot right.")
    recent_calls: Annotated[int, Field(ge=0, le=100000)] = Field(200, description="Ended calls that the API still shows.")


class Log(Section):
    """Logging."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    json_lines: bool = Field(False, description="One JSON object a line instead of text.")
    sip: Annotated[int, Field(ge=0, le=6)] = Field(1, description="PJSIP's own log level.")


class Config(Section):
    """Everything."""

    sip: Sip = Sip()
    media: Media = Media()
    dialogue: Dialogue = Dialogue()
    engines: Engines = Engines()
    api: Api = Api()
    store: Store = Store()
    log: Log = Log()


def load(path: Path | None) -> Config:
    """Reads a TOML file; None gives the defaults. ConfigError names every bad key."""
    raise ConfigError("not written yet")
