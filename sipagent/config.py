# SPDX-License-Identifier: GPL-3.0-or-later
"""The one configuration tree: types, defaults, limits and words. `docs/configuration.md` and the commented sample file are
generated from it (`sipagent config --reference`, `--sample`)."""

from __future__ import annotations

import ipaddress
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, field_validator, model_validator

from sipagent.config_dialogue import Dialogue
from sipagent.config_engines import Engines
from sipagent.config_errors import ConfigError, explain
from sipagent.config_memory import Memory
from sipagent.config_protection import Protection
from sipagent.config_routes import AUTO, Bridge, Parking, Route, Supervisor
from sipagent.config_seeing import Seeing
from sipagent.config_sip import Account, Listen, Sip
from sipagent.config_sources import from_environment, merge
from sipagent.config_tracing import Tracing
from sipagent.config_types import IP_RULE, IpAddress, Port, Section, SrtpPolicy

__all__ = ["IP_RULE", "Account", "Config", "ConfigError", "Dialogue", "Listen", "Section", "Sip", "SrtpPolicy", "load"]


OPUS_MAX_BITRATE = 510_000  # RFC 7587 section 6.1, maxaveragebitrate: no coder goes higher
Level = Literal["debug", "info", "warning", "error"]


class Media(Section):
    """The media core."""

    host: IpAddress = Field(
        default="127.0.0.1", description="Local address of RTP. Left out, it is the host of the first sip.listen."
    )
    ports: tuple[Port, Port] = Field(default=(20000, 29999), description="Range of RTP ports, even ones are used.")
    port_rest_s: Annotated[float, Field(ge=0, le=600)] = Field(
        default=5.0,
        description="A port rests so long after its call, so that late packets of one call are not heard in another.",
    )
    codecs: list[str] = Field(
        default=["opus/48000", "G722/8000", "PCMU/8000", "PCMA/8000", "L16/16000", "L16/8000"],
        min_length=1,
        description="Offered, in order of preference: NAME/CLOCK.",
    )
    ptime_ms: Literal[10, 20, 40, 60] = Field(default=20, description="Packet time that is offered, ms.")
    rate: Literal[8000, 16000, 24000, 48000] = Field(default=16000, description="Engine rate, Hz.")
    rx_timeout_s: Annotated[float, Field(gt=0)] = Field(default=30.0, description="A call without RTP for so long is ended.")
    suppress_silence: bool = Field(
        default=False,
        description="Rest while nothing is said, both ways: comfort noise (RFC 3389) and Opus DTX instead of silence.",
    )
    opus_max_bitrate: Annotated[int, Field(ge=6000, le=OPUS_MAX_BITRATE)] = Field(
        default=OPUS_MAX_BITRATE,
        description="Most that peers may send us in Opus, bit/s on average (maxaveragebitrate, RFC 7587); 510000 = no limit.",
    )
    opus_cbr: bool = Field(
        default=False,
        description="Ask peers for Opus at a constant bit rate: in SRTP the length of packets then tells nothing of the speech "
        "(RFC 6562).",
    )
    inband_dtmf: bool = Field(
        default=False, description="Hear digits that come as sound too, from callers who send no telephone-events."
    )
    jitter_max_ms: Annotated[int, Field(ge=20, le=1000)] = Field(
        default=400, description="Longest that playout for people (bridges, rooms, recordings) waits for a late packet, ms."
    )
    jitter_price_ms: Annotated[int, Field(ge=1, le=1000)] = Field(
        default=20,
        description="Delay, ms, that one percent fewer late packets is worth there: less is livelier, more is smoother.",
    )
    fifo: bool = Field(default=True, description="Ask for SCHED_FIFO for the media worker; reported when refused.")
    cpu: int = Field(default=-1, ge=-1, description="Pin the media worker to this core; -1 = don't.")

    @field_validator("ports")
    @classmethod
    def _range(cls, ports: tuple[int, int]) -> tuple[int, int]:
        low, high = ports
        if low < 1024 or high < low + 1:
            raise ValueError(f"[{low}, {high}] is not a usable range; write [LOW, HIGH] with 1024 <= LOW < HIGH")
        return ports

    @field_validator("codecs")
    @classmethod
    def _codec_names(cls, codecs: list[str]) -> list[str]:
        for name in codecs:
            if re.fullmatch(r"[A-Za-z0-9-]+/[1-9][0-9]{3,5}", name) is None:
                raise ValueError(f"{name!r} is not NAME/CLOCK; write for example 'PCMU/8000'")
        return codecs


class Api(Section):
    """HTTP. There is no authentication yet, so only a loopback address is accepted."""

    host: str = Field(default="127.0.0.1", description="Loopback address to bind.")
    port: Port = Field(default=8080, description="0 = any free port.")
    enabled: bool = Field(default=True, description="Serve HTTP at all.")

    @field_validator("host")
    @classmethod
    def _loopback_only(cls, host: str) -> str:
        try:
            loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
        except ValueError:
            loopback = False
        if not loopback:
            raise ValueError(
                f"{host!r} is not a loopback address, and the API has no authentication; use 127.0.0.1 or ::1 and put a proxy "
                "that authenticates before it"
            )
        return host


class Store(Section):
    """What is kept."""

    dir: Path | None = Field(default=None, description="Where recordings and call records go; none = keep nothing on disk.")
    record: bool = Field(default=False, description="Record each call in stereo: caller left, bot right.")
    format: Literal["wav", "opus"] = Field(
        default="wav", description="Of recordings: 16-bit WAV (64 kB/s at 16 kHz), or Ogg Opus (6 kB/s)."
    )
    recent_calls: Annotated[int, Field(ge=0, le=100000)] = Field(
        default=200, description="Ended calls that the API still shows."
    )

    @model_validator(mode="after")
    def _somewhere_to_record(self) -> Self:
        if self.record and self.dir is None:
            raise ValueError("record is on but there is nowhere to put recordings; set store.dir")
        return self


class Log(Section):
    """Logging, to stderr."""

    level: Level = Field(default="info", description="Lowest level that is written.")
    json_lines: bool = Field(default=False, description="One JSON object a line instead of text.")
    sip: Annotated[int, Field(ge=0, le=6)] = Field(default=1, description="PJSIP's own log level.")


class Config(Section):
    """Everything."""

    sip: Sip = Field(default=Sip(), description="Signalling.")
    protection: Protection = Field(default=Protection(), description="What strangers may do, and whom we may call.")
    media: Media = Field(default=Media(), description="The media core.")
    routes: list[Route] = Field(default=[], description="Where calls go; without rows, to dialogue.agent.")
    parking: Parking = Field(default=Parking(), description="Parked calls.")
    bridge: Bridge = Field(default=Bridge(), description="Two calls that are joined.")
    supervisors: list[Supervisor] = Field(default=[], description="Who may listen in, and on whom.")
    dialogue: Dialogue = Field(default=Dialogue(), description="Turn-taking.")
    engines: Engines = Field(default=Engines(), description="Speech engines.")
    api: Api = Field(default=Api(), description="HTTP.")
    store: Store = Field(default=Store(), description="What is kept.")
    memory: Memory = Field(default=Memory(), description="Conversations that outlive their call.")
    seeing: Seeing = Field(
        default=Seeing(), description="What is kept of the signalling, for whoever asks later what happened in a call."
    )
    tracing: Tracing = Field(default=Tracing(), description="Spans of turns.")
    log: Log = Field(default=Log(), description="Logging.")

    @model_validator(mode="after")
    def _media_beside_sip(self) -> Self:
        """A switch on a LAN address must not send its RTP from loopback."""
        host = self.sip.listen[0].host
        if "host" not in self.media.model_fields_set and host != self.media.host:
            object.__setattr__(self, "media", self.media.model_copy(update={"host": host}))
        return self

    @model_validator(mode="after")
    def _routes_have_what_they_need(self) -> Self:
        trunks = {trunk.name for trunk in self.sip.trunks}
        for place, route in enumerate(self.routes, 1):
            accounts = [f"{a.user}@{a.host}" for a in self.sip.accounts if route.via in (a.user, f"{a.user}@{a.host}")]
            if route.via and route.via not in trunks and not accounts:
                raise ValueError(
                    f"routes, row {place}: via {route.via!r} is no account or trunk; name one of sip.accounts or sip.trunks"
                )
            if route.via not in trunks and len(accounts) > 1:
                raise ValueError(
                    f"routes, row {place}: via {route.via!r} may be {' or '.join(accounts)}; write one of them out"
                )
            if route.park == AUTO and not self.parking.slots:
                raise ValueError(f"routes, row {place}: park = 'auto' needs slots to give out; set parking.slots")
            if route.listen is not None and not self.supervisors:
                raise ValueError(f"routes, row {place}: nobody may listen; say who, in [[supervisors]]")
        return self


def load(path: Path | None, env: Mapping[str, str] | None = None, overrides: Mapping[str, Any] | None = None) -> Config:
    """Reads a TOML file; None gives the defaults. `env` (see config_sources) wins over the file, `overrides` over both.
    ConfigError names every bad key, its value and the fix."""
    tree = merge(merge(_read(path), from_environment(env or {})), overrides or {})
    try:
        return Config.model_validate(tree)
    except ValidationError as exc:
        lines = explain(Config, exc)
        where = f"{path}" if path else "configuration"
        raise ConfigError(f"{where}: {lines[0]}" if len(lines) == 1 else "\n  ".join([f"{where}:", *lines])) from None


def _read(path: Path | None) -> dict[str, Any]:
    if path is None:
        return {}
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file; write one with: sipagent config --sample > {path}") from None
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError(f"{path}: can't be read: {exc}") from None
    except tomllib.TOMLDecodeError as exc:
        raise ConfigError(f"{path}: not TOML: {exc}") from None
