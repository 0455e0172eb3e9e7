# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line. Only words and options live here: what the commands need is imported when one starts, so that `--help`
answers at once.

Exit codes: 0 done; 1 it failed (the call was not answered, doctor found something fatal, the switch stopped on an error);
2 bad usage; 3 the configuration can't be used; 4 it could not start (a port in use, a part not built); 130 interrupted.
"""

from __future__ import annotations

import importlib.util
import sys
from datetime import datetime
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Annotated, cast

import typer


def _lazy(name: str) -> ModuleType:
    """A module that is loaded at its first use (the recipe of importlib's documentation)."""
    spec = importlib.util.find_spec(name)
    assert spec is not None
    assert spec.loader is not None
    spec.loader = importlib.util.LazyLoader(spec.loader)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


if TYPE_CHECKING:
    from sipagent.commands import call as call_command
    from sipagent.commands import common
    from sipagent.commands import config as config_command
    from sipagent.commands import doctor as doctor_command
    from sipagent.commands import route as route_command
    from sipagent.commands import serve as serve_command
else:
    common = _lazy("sipagent.commands.common")
    call_command = _lazy("sipagent.commands.call")
    config_command = _lazy("sipagent.commands.config")
    doctor_command = _lazy("sipagent.commands.doctor")
    route_command = _lazy("sipagent.commands.route")
    serve_command = _lazy("sipagent.commands.serve")

# Base of all that typer raises for bad usage; typer does not export it, and where it lives depends on typer's version.
_UsageError = cast("type[Exception]", typer.BadParameter.__bases__[0])

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="A softswitch that puts AI on the telephone.",
    epilog="Exit codes: 0 done, 1 failed, 2 bad usage, 3 bad configuration, 4 could not start, 130 interrupted.",
)

ConfigFile = Annotated[Path | None, typer.Option("--config", "-c", metavar="FILE", help="TOML file; none = the defaults.")]
SipListen = Annotated[
    list[str] | None, typer.Option("--sip", metavar="udp:IP:PORT", help="Listen here (also tcp:, tls:); may be repeated.")
]
RtpPorts = Annotated[str | None, typer.Option("--rtp", metavar="LO-HI", help="RTP ports, as 20000-29999.")]
Register = Annotated[
    list[str] | None,
    typer.Option(
        "--register",
        metavar="sip:USER:PASSWORD@HOST",
        help=r"Register at a PBX; may end in \[:PORT]\[;transport=udp|tcp|tls]. Others on this machine can read a command "
        "line: a configuration file or SIPAGENT_SIP__ACCOUNTS__0__PASSWORD is safer.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def serve(
    config: ConfigFile = None,
    agent: Annotated[str | None, typer.Option(metavar="NAME", help="echo, reception, play:FILE, FILE.toml or FILE.py.")] = None,
    sip: SipListen = None,
    rtp: RtpPorts = None,
    api: Annotated[str | None, typer.Option(metavar="IP:PORT", help="HTTP address, or off.")] = None,
    register: Register = None,
) -> int:
    """Answer calls until SIGTERM or Ctrl-C."""
    overrides = common.Overrides(agent=agent, sip=sip or [], rtp=rtp, api=api, register=register or [])
    return serve_command.serve(config, overrides)


@app.command()
def call(
    uri: Annotated[str, typer.Argument(metavar="URI", help="Whom to call: sip:600@192.0.2.1:5060;transport=tcp")],
    play: Annotated[Path | None, typer.Option(metavar="WAV", help="Play this file to the far end.")] = None,
    say: Annotated[str | None, typer.Option(metavar="TEXT", help="Speak this, after --play if both are given.")] = None,
    record: Annotated[Path | None, typer.Option(metavar="FILE", help="Record what is heard (WAV).")] = None,
    stereo: Annotated[
        bool, typer.Option("--stereo", help="Record both sides: left = heard, right = sent; FILE.opus: Ogg Opus.")
    ] = False,
    duration: Annotated[
        float | None,
        typer.Option(
            metavar="S", min=0.1, help="Hang up so long after the answer; else when all is played, or the far end does."
        ),
    ] = None,
    ring: Annotated[float, typer.Option(metavar="S", min=1.0, help="Give up when nobody answers for so long.")] = 30.0,
    config: ConfigFile = None,
    sip: SipListen = None,
    rtp: RtpPorts = None,
    register: Register = None,
    as_json: AsJson = False,
) -> int:
    """Make one call, and report it. Exit code 0 when it was answered."""
    plan = call_command.Plan(play=play, say=say, record=record, stereo=stereo, duration_s=duration, ring_s=ring)
    overrides = common.Overrides(sip=sip or [], rtp=rtp, api="off", register=register or [])
    return call_command.call(uri, plan, config, overrides, as_json=as_json)


@app.command()
def route(
    called: Annotated[str, typer.Argument(metavar="CALLED", help="Called number, name or URI.")],
    calling: Annotated[str, typer.Option("--from", metavar="CALLING", help="Calling number, name or URI.")] = "",
    account: Annotated[str, typer.Option(metavar="NAME", help="Account or trunk that the call comes by.")] = "direct",
    header: Annotated[list[str] | None, typer.Option(metavar="NAME:VALUE", help="A header field of the call.")] = None,
    at: Annotated[
        datetime | None, typer.Option(metavar="TIME", help="Local time of the call, as 2026-12-24T18:30; else now.")
    ] = None,
    config: ConfigFile = None,
    as_json: AsJson = False,
) -> int:
    """Say which route a call would take, and why no other. Exit code 1 when it would be refused with 404."""
    question = route_command.Question(called, calling, account, header or [], at)
    return route_command.route(question, config, as_json=as_json)


@app.command()
def doctor(
    config: ConfigFile = None,
    sip: SipListen = None,
    rtp: RtpPorts = None,
    as_json: AsJson = False,
) -> int:
    """Check that the switch can run here, and say what to do. Exit code 0 when nothing is fatal."""
    return doctor_command.doctor(config, common.Overrides(sip=sip or [], rtp=rtp), as_json=as_json)


@app.command(name="config")
def configuration(
    sample: Annotated[bool, typer.Option("--sample", help="Print a commented sample file.")] = False,
    reference: Annotated[bool, typer.Option("--reference", help="Print the reference page.")] = False,
    check: Annotated[Path | None, typer.Option(metavar="FILE", help="Check a file, and print nothing when it is good.")] = None,
) -> int:
    """Show or check the configuration."""
    if [sample, reference, check is not None].count(True) != 1:
        raise typer.BadParameter("give one of --sample, --reference, --check FILE")
    return config_command.configuration(sample=sample, check=check)


def main(arguments: list[str] | None = None) -> None:
    """Entry point of `sipagent`."""
    sys.exit(run(arguments))


def run(arguments: list[str] | None = None) -> int:
    """Runs one command and returns its exit code. Bad usage is one line on stderr."""
    try:
        return int(app(arguments, prog_name="sipagent", standalone_mode=False) or 0)
    except (typer.Abort, KeyboardInterrupt):
        return 130
    except ImportError as exc:
        sys.stderr.write(
            f"sipagent: {exc}; is everything built and installed? scripts/setup does it, sipagent doctor tells more\n"
        )
        return 4
    except _UsageError as exc:
        message = exc.format_message()  # type: ignore[attr-defined]
        if message:
            sys.stderr.write(f"sipagent: {' '.join(message.split())} (sipagent --help tells more)\n")
        return 2
