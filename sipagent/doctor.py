# SPDX-License-Identifier: GPL-3.0-or-later
"""Can the switch run here? Each check tries the real thing (binds the port, loads the model, asks for the priority) and says
what to do when it fails. Nothing here needs a part that may be missing: native ones are imported by the check on them."""

from __future__ import annotations

import asyncio
import importlib
import os
import resource
import shutil
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Literal
from urllib.parse import urlsplit

from sipagent import engines, tracing
from sipagent.config import Account, Config, Listen
from sipagent.config_sip import Trunk
from sipagent.config_types import Transport
from sipagent.engines.base import Engine, EngineError, EngineMissing
from sipagent.signalling.errors import SignallingError
from sipagent.signalling.locate import Locator
from sipagent.signalling.names import Dns
from sipagent.store.memory import Memory
from sipagent.store.rows import StoreError

Status = Literal["ok", "warning", "fatal"]

FILES_PER_CALL = 3  # RTP and RTCP sockets, and a recording
FILES_BESIDE = 200  # transports, models, HTTP, logs
PORTS_PER_CALL = 2  # RTP and RTCP (RFC 3550 section 11)
DISK_FREE_MIN = 1 << 30
FIFO_PRIORITY = 1


@dataclass(frozen=True)
class Finding:
    """What one check saw."""

    name: str
    status: Status
    detail: str
    fix: str = ""  # empty when there is nothing to do


def ok(name: str, detail: str) -> Finding:
    return Finding(name, "ok", detail)


def warning(name: str, detail: str, fix: str) -> Finding:
    return Finding(name, "warning", detail, fix)


def fatal(name: str, detail: str, fix: str) -> Finding:
    return Finding(name, "fatal", detail, fix)


async def examine(cfg: Config) -> list[Finding]:
    """All checks, in the order in which a switch would need the things."""
    findings = [native("media core", "mediacore"), native("PJSIP", "mediacore.pjsua2"), codecs(cfg), scheduling(cfg)]
    findings += [files(cfg), *sip_ports(cfg), *rtp_ports(cfg), *addresses(cfg), *tls(cfg), api_port(cfg)]
    findings += [await account(row, cfg) for row in cfg.sip.accounts]
    findings += [await trunk(row, cfg) for row in cfg.sip.trunks]
    return [*findings, disk(cfg), await memory(cfg), await spans(cfg), *await conversation(cfg)]


def native(name: str, module: str) -> Finding:
    """A compiled part: is it there, and does it load?"""
    try:
        found = importlib.import_module(module)
    except ImportError as exc:
        return fatal(name, f"{module} does not load: {exc}", "build it: scripts/setup")
    return ok(name, f"{module} loads{_version(found)}")


def _version(module: ModuleType) -> str:
    """PJSIP tells its version through its endpoint's class; reading it creates nothing."""
    number = getattr(module, "PJ_VERSION", None)
    return f", version {number}" if number else ""


def codecs(cfg: Config) -> Finding:
    """Every name in media.codecs against what the core has."""
    try:
        core = importlib.import_module("mediacore")
    except ImportError:
        return fatal("codecs", "unknown without the media core", "build it: scripts/setup")
    known = {f"{name}/{clock}".lower() for name, clock in core.codecs()}
    missing = [name for name in cfg.media.codecs if name.lower() not in known]
    if missing:
        return fatal(
            "codecs", f"not in the core: {', '.join(missing)}", f"media.codecs: choose from {', '.join(sorted(known))}"
        )
    return ok("codecs", ", ".join(cfg.media.codecs))


def scheduling(cfg: Config) -> Finding:
    """Asks for SCHED_FIFO on a thread of its own, as the media worker does."""
    if not cfg.media.fifo:
        return ok("scheduling", "SCHED_FIFO is not asked for (media.fifo = false)")
    refused: list[OSError] = []

    def ask() -> None:
        try:
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(FIFO_PRIORITY))
        except OSError as exc:
            refused.append(exc)

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    if refused:
        fix = "run with CAP_SYS_NICE, or give the user rtprio (systemd: LimitRTPRIO=1; /etc/security/limits.d: rtprio 1)"
        return warning("scheduling", f"SCHED_FIFO refused ({refused[0].strerror}): audio may stutter on a busy machine", fix)
    return ok("scheduling", f"SCHED_FIFO allowed, {len(os.sched_getaffinity(0))} cores")


def files(cfg: Config) -> Finding:
    """The hard limit of open files; the soft one is raised to it at start."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    need = FILES_PER_CALL * cfg.sip.max_calls + FILES_BESIDE
    if hard not in (resource.RLIM_INFINITY, -1) and hard < need:
        possible = max(1, (hard - FILES_BESIDE) // FILES_PER_CALL)
        fix = f"raise it (ulimit -Hn {need}; systemd: LimitNOFILE={need}), or lower sip.max_calls to {possible}"
        return fatal("open files", f"the limit is {hard}, {cfg.sip.max_calls} calls need {need}", fix)
    return ok("open files", f"limit {hard}, {cfg.sip.max_calls} calls need {need}")


def bind_error(kind: socket.SocketKind, host: str, port: int) -> OSError | None:
    """None when the address can be had now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, kind) as probe:
        if kind is socket.SOCK_STREAM:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as exc:
            return exc
    return None


def sip_ports(cfg: Config) -> Iterator[Finding]:
    """One check for each transport."""
    for row in cfg.sip.listen:
        yield sip_port(row)


def sip_port(row: Listen) -> Finding:
    name = f"SIP {row.transport}:{row.host}:{row.port}"
    kind = socket.SOCK_DGRAM if row.transport == "udp" else socket.SOCK_STREAM
    error = bind_error(kind, row.host, row.port)
    if error is None:
        return ok(name, "free")
    return fatal(
        name, error.strerror or str(error), "stop what uses it (a switch that runs already?), or change sip.listen or --sip"
    )


def rtp_ports(cfg: Config) -> Iterator[Finding]:
    """Is the range wide enough, and are its ends and its middle free?"""
    low, high = cfg.media.ports
    room = (high - low + 1) // PORTS_PER_CALL
    if room < cfg.sip.max_calls:
        fix = f"widen media.ports to {PORTS_PER_CALL * cfg.sip.max_calls} ports, or lower sip.max_calls to {room}"
        yield warning("RTP ports", f"{low}-{high} is room for {room} calls, sip.max_calls is {cfg.sip.max_calls}", fix)
    else:
        yield ok("RTP ports", f"{low}-{high}: room for {room} calls")
    taken = [port for port in (low, (low + high) // 2, high) if bind_error(socket.SOCK_DGRAM, cfg.media.host, port)]
    if taken:
        fix = "choose a range that nothing else uses: media.ports or --rtp"
        yield warning(f"RTP {cfg.media.host}", f"can't bind {', '.join(map(str, taken))}", fix)
    yield from _kernel_range(low, high)


def _kernel_range(low: int, high: int) -> Iterator[Finding]:
    """Ports the kernel hands out to other programs' sockets may be gone when a call needs them."""
    path = Path("/proc/sys/net/ipv4/ip_local_port_range")
    if path.exists():
        first, last = map(int, path.read_text().split())
        if low <= last and first <= high:
            fix = f"move media.ports below {first}, or reserve them: sysctl net.ipv4.ip_local_reserved_ports={low}-{high}"
            yield warning("RTP range", f"{low}-{high} overlaps the kernel's own range {first}-{last}", fix)


def addresses(cfg: Config) -> Iterator[Finding]:
    """Who can reach the addresses that are configured?"""
    hosts = {row.host for row in cfg.sip.listen}
    if all(_loopback(host) for host in hosts):
        fix = "to be phoned from elsewhere: --sip udp:ADDRESS:5060 with an address of this machine"
        yield warning("addresses", "only this machine can call: SIP listens on loopback", fix)
    else:
        yield ok("addresses", f"SIP on {', '.join(sorted(hosts))}, RTP on {cfg.media.host}")
    if _loopback(cfg.media.host) and not all(_loopback(host) for host in hosts):
        yield fatal("addresses", "SIP is reachable from outside but RTP is on loopback", "set media.host to the address of SIP")


def _loopback(host: str) -> bool:
    return host == "::1" or host.startswith("127.")


def tls(cfg: Config) -> Iterator[Finding]:
    """Do the certificate and the key belong together, and is the certificate still good?"""
    given = cfg.sip.tls
    if given.cert is None or given.key is None:
        return
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(given.cert, given.key)
        if given.ca is not None:
            context.load_verify_locations(given.ca)
    except (OSError, ssl.SSLError) as exc:
        yield fatal("TLS", f"{given.cert}: {exc}", "sip.tls.cert and sip.tls.key must be PEM files that belong together")
        return
    yield ok("TLS", f"{given.cert} and its key belong together")


def api_port(cfg: Config) -> Finding:
    if not cfg.api.enabled:
        return ok("API", "off")
    error = bind_error(socket.SOCK_STREAM, cfg.api.host, cfg.api.port)
    if error is None:
        return ok("API", f"{cfg.api.host}:{cfg.api.port} is free")
    return fatal("API", f"{cfg.api.host}:{cfg.api.port}: {error.strerror}", "change api.port, or --api off")


async def account(row: Account, cfg: Config) -> Finding:
    """Only names are looked up: a REGISTER from here would draw calls away from a switch that runs."""
    return await whereabouts(f"account {row.user}@{row.host}", row.servers(), row.transport, cfg)


async def trunk(row: Trunk, cfg: Config) -> Finding:
    """Names again; whether its hosts answer is seen in /v1/trunks once the switch runs."""
    return await whereabouts(f"trunk {row.name}", row.servers(), row.transport, cfg)


async def whereabouts(name: str, hosts: list[tuple[str, int]], transport: Transport, cfg: Config) -> Finding:
    """Every host must lead to an address; one that does not is worth a word while another does."""
    can: list[tuple[Transport, int]] = [(transport, version) for version in {6 if ":" in r.host else 4 for r in cfg.sip.listen}]
    locator = Locator(Dns(cfg.sip.dns), can)
    found, missing = [], []
    for host, port in hosts:
        try:
            found += [target.where for target in await locator.locate(host, port, transport)]
        except SignallingError as exc:
            missing.append(str(exc))
    fix = "correct the host, check sip.dns.servers, or give an address"
    if not found:
        return fatal(name, "; ".join(missing), fix)
    if missing:
        return warning(name, f"resolves to {', '.join(found)}, but {'; '.join(missing)}", fix)
    return ok(name, f"resolves to {', '.join(found)}")


def disk(cfg: Config) -> Finding:
    """Can records be written, and is there room?"""
    where = cfg.store.dir
    if where is None:
        return ok("disk", "nothing is kept on disk (store.dir is not set)")
    existing = next(path for path in (where, *where.absolute().parents) if path.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        return fatal("disk", f"{existing} can't be written", "change its owner, or store.dir")
    free = shutil.disk_usage(existing).free
    if free < DISK_FREE_MIN:
        return warning(
            "disk", f"{free >> 20} MiB are free at {existing}", "make room: recordings take 64 kB a second at 16 kHz"
        )
    return ok("disk", f"{free >> 30} GiB are free at {existing}")


async def memory(cfg: Config) -> Finding:
    """Can conversations be kept, and will anybody ever be known again?"""
    file = cfg.memory.file
    if file is None:
        return ok("memory", "nobody is known again (memory.file is not set)")
    if not os.access(file.absolute().parent, os.W_OK | os.X_OK):
        return fatal("memory", f"{file.absolute().parent} can't be written", "change its owner, or memory.file")
    if file.exists():
        kept = Memory(cfg.memory)
        try:
            await kept.open()
        except StoreError as exc:
            return fatal("memory", str(exc), "move the file away, or change memory.file")
        finally:
            await kept.close()
    by_from = cfg.memory.callers == "account" and (cfg.sip.accounts or cfg.sip.trunks)
    if not by_from and not cfg.sip.trusted_peers and not any(row.trust_identity for row in cfg.sip.trunks):
        fix = 'set sip.trusted_peers, or trust_identity of a trunk, or memory.callers = "account"'
        return warning("memory", "no caller will be known again: nobody's word is taken on who calls", fix)
    return ok("memory", f"{file} keeps conversations for {cfg.memory.keep_s / 3600:g} h")


async def spans(cfg: Config) -> Finding:
    """Can turns be traced, and is the collector there?"""
    if cfg.tracing.exporter == "none":
        return ok("tracing", "off")
    where = urlsplit(cfg.tracing.endpoint)
    port = where.port or (443 if where.scheme == "https" else 80)
    try:
        await asyncio.to_thread(tracing.exporter, cfg.tracing)
        _, writer = await asyncio.wait_for(asyncio.open_connection(where.hostname, port), cfg.tracing.timeout_s)
    except EngineMissing as exc:
        return fatal("tracing", str(exc), 'install it, or tracing.exporter = "none"')
    except (OSError, TimeoutError) as exc:
        return warning("tracing", f"{where.hostname}:{port}: {exc or 'no answer'}", "start the collector: spans would be lost")
    writer.close()
    return ok("tracing", f"{where.hostname}:{port} takes connections")


async def conversation(cfg: Config) -> list[Finding]:
    """The agent, and the engines if it speaks."""
    name = cfg.dialogue.agent
    try:
        agents = importlib.import_module("sipagent.agents")
        agents.check(cfg)
        if agents.speaks(name):
            return [ok("agent", name), *await speech(cfg)]
        agents.create(name, cfg)
    except ImportError as exc:
        return [fatal("agent", f"does not load: {exc}", "build it: scripts/setup"), *await speech(cfg)]
    except ValueError as exc:
        return [fatal("agent", str(exc), "change dialogue.agent")]
    return [ok("agent", f"{name}, which needs no engines")]


async def speech(cfg: Config) -> list[Finding]:
    """Loads each engine as the switch would."""
    names = cfg.engines
    makers: list[tuple[str, str, Callable[[str, Config], Engine]]] = [
        ("vad", names.vad, engines.create_vad),
        ("stt", names.stt, engines.create_stt),
        ("tts", names.tts, engines.create_tts),
        ("brain", names.brain, engines.create_brain),
    ]
    if names.turn != "text":
        makers.append(("turn", names.turn, _second_opinion))
    more = names.failover
    makers += [("stt that takes over", name, engines.create_stt) for name in more.stt]
    makers += [("tts that takes over", name, engines.create_tts) for name in more.tts]
    makers += [("brain that takes over", name, engines.create_brain) for name in more.brain]
    return [await engine(f"engine {role}", name, make, cfg) for role, name, make in makers]


def _second_opinion(name: str, cfg: Config) -> Engine:
    made = engines.create_turn(name, cfg)
    assert made is not None, "text alone is no engine"
    return made


async def engine(name: str, choice: str, make: Callable[[str, Config], Engine], cfg: Config) -> Finding:
    started = time.monotonic()
    try:
        made = make(choice, cfg)
        await made.load()
    except EngineMissing as exc:
        return fatal(name, f"{choice}: {exc}", f"install what is missing, or choose another one: engines.{name.split()[1]}")
    except Exception as exc:  # a library that breaks in its own way is a finding, not the end of the examination
        return fatal(name, f"{choice}: {exc!r}", "install the versions of requirements.txt: scripts/setup")
    loaded = f"{choice} loads in {time.monotonic() - started:.1f} s"
    try:
        return await _reached(name, loaded, made)
    finally:
        await made.close()


async def _reached(name: str, loaded: str, made: Engine) -> Finding:
    """A service is asked whether it is there and takes the key: one that is down now may be up when a call comes."""
    probe = getattr(made, "probe", None)
    if probe is None:
        return ok(name, loaded)
    try:
        await probe()
    except EngineError as exc:
        fix = f"callers would hear an apology; name another engine behind it: engines.failover.{name.split()[1]}"
        return warning(name, f"{loaded}, but {exc}", fix)
    return ok(name, f"{loaded}, its service answers")
