# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line as a user meets it: in a process of its own for what must not be loaded, in this one for the rest."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sipagent import cli, config_docs
from sipagent.commands.common import Overrides
from sipagent.config import load

HEAVY = ("fastapi", "uvicorn", "uvloop", "numpy", "onnxruntime", "mediacore", "sipagent.config", "sipagent.switch")


@pytest.fixture(autouse=True)
def root_logger() -> Iterator[None]:
    """Commands set up the process's logging; it is put back as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers, root.level = handlers, level


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = cli.run(list(arguments))
    out, err = capsys.readouterr()
    return code, out, err


def test_help_loads_nothing_heavy() -> None:
    program = (
        "import sys\nfrom sipagent import cli\n"
        "for a in ([], ['serve'], ['call'], ['doctor'], ['config'], ['route']): cli.run([*a, '--help'])\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules and type(sys.modules[name]).__name__ != '_LazyModule'])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_help_names_the_commands_and_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "--help")
    assert code == 0
    assert all(word in out for word in ("serve", "call", "doctor", "config", "route", "Exit codes"))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["srve"], "srve"),
        (["serve", "--frobnicate"], "--frobnicate"),
        (["call"], "URI"),
        (["call", "sip:x@127.0.0.1", "--duration", "long"], "duration"),
        (["call", "127.0.0.1"], "no scheme"),
        (["call", "sip:x@127.0.0.1", "--play", "/nowhere/at/all.wav"], "--play: /nowhere/at/all.wav: No such file"),
        (["serve", "--sip", "127.0.0.1:5060"], "--sip: '127.0.0.1:5060' must start with udp:, tcp: or tls:"),
        (["serve", "--rtp", "5000"], "--rtp: '5000' is not LO-HI"),
        (["serve", "--api", "127.0.0.1"], "--api: '127.0.0.1' is not HOST:PORT"),
        (["serve", "--register", "1000:hunter2@pbx"], "--register: write it as sip:"),
        (["config"], "give one of --sample, --reference, --check FILE"),
        (["config", "--sample", "--reference"], "give one of"),
    ],
)
def test_bad_usage_is_one_line_and_exit_code_2(capsys: pytest.CaptureFixture[str], arguments: list[str], says: str) -> None:
    code, out, err = run(capsys, *arguments)
    assert (code, out) == (2, "")
    assert says in err
    assert err.startswith("sipagent: ")
    assert len(err.splitlines()) == 1
    assert "hunter2" not in err


def test_bad_configuration_is_exit_code_3(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "switch.toml"
    path.write_text("[sip]\nmax_cals = 1\n")
    for arguments in (["serve", "-c", str(path)], ["doctor", "-c", str(path)], ["config", "--check", str(path)]):
        code, out, err = run(capsys, *arguments)
        assert (code, out) == (3, "")
        assert "sip.max_cals: unknown key; did you mean 'max_calls'?" in err


def test_agent_that_does_not_exist_is_exit_code_3(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "serve", "--agent", "parrot", "--sip", "udp:127.0.0.1:0", "--api", "127.0.0.1:0")
    assert (code, out) == (3, "")
    assert err.splitlines()[-1].startswith('sipagent: dialogue.agent = "parrot" is not an agent; choose one of: echo')


def test_a_memory_that_can_not_be_opened_is_exit_code_3(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "memory.db").write_text("no database at all " * 100)
    (tmp_path / "switch.toml").write_text("[memory]\nfile = '{}'\n[api]\nport = 0\n".format(tmp_path / "memory.db"))
    code, out, err = run(capsys, "serve", "--agent", "echo", "--sip", "udp:127.0.0.1:0", "-c", str(tmp_path / "switch.toml"))
    assert (code, out) == (3, "")
    assert "memory.file = " in err.splitlines()[-1]
    assert "move it away" in err.splitlines()[-1]


def test_public_api_address_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "serve", "--api", "0.0.0.0:8080")
    assert code == 3
    assert "has no authentication" in err


def test_config_prints_what_the_types_say(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert run(capsys, "config", "--sample") == (0, config_docs.sample(), "")
    assert run(capsys, "config", "--reference") == (0, config_docs.reference(), "")
    path = tmp_path / "sample.toml"
    path.write_text(config_docs.sample())
    assert run(capsys, "config", "--check", str(path)) == (0, "", "")


def test_options_become_configuration() -> None:
    overrides = Overrides(
        agent="echo",
        sip=["udp:127.0.0.1:5070", "tcp:127.0.0.1:5070"],
        rtp="30000-30999",
        api="127.0.0.1:9000",
        register=["sip:1000:secret@192.0.2.1"],
    )
    cfg = load(None, overrides=overrides.tree())
    assert (cfg.dialogue.agent, cfg.media.ports, cfg.api.port) == ("echo", (30000, 30999), 9000)
    assert [row.transport for row in cfg.sip.listen] == ["udp", "tcp"]
    assert cfg.sip.accounts[0].host == "192.0.2.1"
    assert load(None, overrides=Overrides().tree()) == load(None)


def test_doctor_prints_json(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "doctor", "--json", "--sip", "udp:127.0.0.1:0")
    report = json.loads(out)
    assert code == (0 if report["healthy"] else 1)
    assert report["healthy"] == all(finding["status"] != "fatal" for finding in report["findings"])
    assert {"media core", "PJSIP", "codecs", "scheduling", "open files", "disk"} <= {f["name"] for f in report["findings"]}
    assert all(finding["fix"] for finding in report["findings"] if finding["status"] != "ok")


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("agent = 'parrot'", 'routes, row 2: agent = "parrot" is not an agent; choose one of: echo'),
        ("play = '/nowhere/x.wav'", "routes, row 2: play: /nowhere/x.wav: no such file"),
    ],
)
@pytest.mark.parametrize("command", [("config", "--check"), ("route", "600", "--config")])
def test_agents_of_routes_are_looked_at_before_the_start(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, row: str, says: str, command: tuple[str, ...]
) -> None:
    file = tmp_path / "switch.toml"
    file.write_text(f"[[routes]]\nagent = 'echo'\n[[routes]]\n{row}\n")
    code, _, err = run(capsys, *command, str(file))
    assert code == 3
    assert err.startswith(f"sipagent: {says}")


def test_an_agent_that_no_route_uses_is_not_looked_at(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    file = tmp_path / "switch.toml"
    file.write_text("[dialogue]\nagent = 'parrot'\n[[routes]]\nagent = 'echo'\n")
    assert run(capsys, "config", "--check", str(file))[0] == 0
