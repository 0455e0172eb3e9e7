# SPDX-License-Identifier: GPL-3.0-or-later
"""What every benchmark shares: the generator, the systems under test as processes of their own, rounds in A B B A order, the
noise floor, and the report.

The generator has core 0, the system under test core 1; with one core both share it and the report says so.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, is_dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TypeVar

HERE = Path(__file__).parent
TREE = HERE.parent.parent
NOISE_P99_US = 1000.0  # a round on a machine that wakes later than this says nothing
GENERATOR_CPU = 0
SYSTEM_CPU = 1 if (os.cpu_count() or 1) > 1 else 0
ALL_CPUS = f"0-{(os.cpu_count() or 1) - 1}"
GRACE_S = 60.0
STOP_S = 15.0

T = TypeVar("T")

journal: Path | None = None  # each round goes here when it is over, a JSON line: what a run that is killed has measured


def cache() -> Path:
    return Path(os.environ.get("SIPAGENT_CACHE", Path.home() / ".cache" / "sipagent"))


def compiled(name: str, sources: Sequence[Path], arguments: Sequence[str]) -> Path:
    """A C program or library from the cache, or made now. `sources`: the .c files among them are compiled, all of them and
    `arguments` (flags, libraries) make its key."""
    key = hashlib.sha256(b"".join(p.read_bytes() for p in sources) + " ".join(arguments).encode()).hexdigest()[:16]
    target = cache() / "bench" / f"{name}-{key}"
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent) as room:
            made = Path(room) / name
            flags = ["-std=c11", "-O2", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Wno-unused-parameter"]
            files = [str(p) for p in sources if p.suffix == ".c"]
            subprocess.run(["cc", *flags, *files, "-o", str(made), *arguments], check=True)
            made.replace(target)
    return target


def rtpgen() -> Path:
    """The compiled generator."""
    return compiled("rtpgen", [HERE / name for name in ("rtpgen.c", "rtpgen.h", "aim.h", "sockets.h")], ["-lm"])


def pinned(cpu: int | str, command: Sequence[str | Path]) -> list[str]:
    """`cpu`: a core, or several as taskset names them."""
    return ["taskset", "-c", str(cpu), *map(str, command)]


class Child:
    """A process that speaks in lines and is ended by the end of its input."""

    def __init__(self, cpu: int | str, command: Sequence[str | Path]) -> None:
        self.name = " ".join(map(str, command))
        self.process = subprocess.Popen(
            pinned(cpu, command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=TREE, bufsize=1
        )

    def line(self) -> str:
        assert self.process.stdout is not None
        text = self.process.stdout.readline()
        if not text:
            raise RuntimeError(f"{self.name} ended early (exit {self.process.wait()})")
        return text.strip()

    def tell(self, text: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()

    def finish(self, seconds: float = 0.0) -> dict[str, Any]:
        """Ends its input; its last line is its result. `seconds`: how long it has still to run."""
        out, _ = self.process.communicate(timeout=seconds + GRACE_S)
        if self.process.returncode != 0:
            raise RuntimeError(f"{self.name} failed (exit {self.process.returncode})")
        result: dict[str, Any] = json.loads(out.strip().splitlines()[-1])
        return result

    def stop(self) -> None:
        """Ends its input first, so that it can end what it has started itself."""
        if self.process.poll() is not None:
            return
        try:
            self.process.communicate(timeout=STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()


@contextmanager
def children() -> Iterator[Callable[[int | str, Sequence[str | Path]], Child]]:
    """Gives a function that starts processes; whatever still runs at the end is killed."""
    started: list[Child] = []

    def start(cpu: int | str, command: Sequence[str | Path]) -> Child:
        started.append(Child(cpu, command))
        return started[-1]

    try:
        yield start
    finally:
        for child in started:
            child.stop()


def noise_us(seconds: float = 0.5) -> float:
    """p99 lateness of a 1 ms timer on the worse of the two cores, now."""
    worst = 0.0
    for cpu in {GENERATOR_CPU, SYSTEM_CPU}:
        out = subprocess.run(pinned(cpu, [rtpgen(), "idle", str(seconds)]), capture_output=True, text=True, check=True).stdout
        worst = max(worst, float(json.loads(out)["late_p99_us"]))
    return worst


@dataclass
class Rounds:
    """Results by system, one entry a round that counted; when no round was quiet, of all of them, and `valid` is False."""

    results: dict[str, list[Any]] = field(default_factory=dict)
    kept: int = 0
    discarded: int = 0
    noise_p99_us: list[float] = field(default_factory=list)

    @property
    def valid(self) -> bool:
        return self.kept > 0

    @property
    def remark(self) -> str:
        """For the head of a table."""
        if self.valid:
            return f"{self.kept} rounds, {self.discarded} thrown away for noise"
        return f"NO ROUND WAS QUIET of {self.discarded}: these numbers prove nothing"


def rounds_report(rounds: Rounds) -> dict[str, Any]:
    return {
        "valid": rounds.valid,
        "rounds_kept": rounds.kept,
        "rounds_discarded": rounds.discarded,
        "noise_p99_us": rounds.noise_p99_us,
    }


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median with its range over the rounds; nan, all three, when one round has no figure: it may have been the worst."""
    if any(math.isnan(value) for value in values):
        return {"median": math.nan, "min": math.nan, "max": math.nan, "rounds": len(values)}
    return {"median": statistics.median(values), "min": min(values), "max": max(values), "rounds": len(values)}


def cells(value: dict[str, float]) -> list[str]:
    """Median and range for a table."""
    return [f"{value['median']:.0f}", f"{value['min']:.0f}-{value['max']:.0f}"]


def plain(value: Any) -> Any:
    """For JSON, which has no nan and no infinity: null."""
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def note_round(part: str, floor_us: float, results: dict[str, Any]) -> None:
    """Into the journal, if there is one."""
    if journal is not None:
        with journal.open("a") as lines:
            line = {"part": part, "quiet": floor_us <= NOISE_P99_US, "noise_p99_us": floor_us, "results": results}
            lines.write(json.dumps(plain(line), allow_nan=False, default=str) + "\n")


def run_rounds(systems: Sequence[str], measure: Callable[[str], Any], want: int, progress: str) -> Rounds:
    """`want` rounds, systems in turn A B C ... then C B A. A round with noise before or after it is thrown away and counted;
    after twice `want` it gives up, and when one was wanted after that one."""
    rounds = Rounds({name: [] for name in systems})
    noisy: dict[str, list[Any]] = {name: [] for name in systems}
    most = 2 * want if want > 1 else 1
    while rounds.kept < want and rounds.kept + rounds.discarded < most:
        order = list(systems) if (rounds.kept + rounds.discarded) % 2 == 0 else list(reversed(systems))
        floor = noise_us()
        results = {name: measure(name) for name in order}
        floor = max(floor, noise_us())
        rounds.noise_p99_us.append(round(floor, 1))
        quiet = floor <= NOISE_P99_US
        rounds.kept += quiet
        rounds.discarded += not quiet
        note_round(progress, floor, results)
        for name, result in results.items():
            (rounds.results if quiet else noisy)[name].append(result)
        print(
            f"    {progress}: round {rounds.kept}/{want}, {rounds.discarded} discarded, floor p99 {floor:.0f} us",
            file=sys.stderr,
            flush=True,
        )
    if not rounds.valid:
        rounds.results = noisy
    return rounds


def _installed(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "none"


def _fifo() -> bool:
    """Whether this machine lets us have SCHED_FIFO, as the media worker asks for it."""
    code = "import os; os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))"
    return subprocess.run([sys.executable, "-c", code], stderr=subprocess.DEVNULL, check=False).returncode == 0


def environment() -> dict[str, Any]:
    """The machine line and the versions."""
    model = next((x.split(":")[1].strip() for x in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in x), "?")
    return {
        "machine": f"{model}, {os.cpu_count()} cores, Linux {platform.release()}, load {os.getloadavg()[0]:.1f}, "
        f"SCHED_FIFO {'granted' if _fifo() else 'refused'}",
        "cores": {"generator": GENERATOR_CPU, "system": SYSTEM_CPU, "shared": GENERATOR_CPU == SYSTEM_CPU},
        "versions": {"python": platform.python_version(), "uvloop": _installed("uvloop"), "sipagent": _installed("sipagent")},
    }


def table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(r[i]) for r in [head, *rows]) for i in range(len(head))]
    lines = [
        "  ".join(c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(r, widths, strict=True)))
        for r in [head, *rows]
    ]
    return "\n".join([title, lines[0], "-" * len(lines[0]), *lines[1:]])
