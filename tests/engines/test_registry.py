# SPDX-License-Identifier: GPL-3.0-or-later
"""Engines by name: our own, and one that an installed package brings."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from sipagent.config import Config
from sipagent.engines import registry
from sipagent.engines.base import EngineMissing

HERE = Path(__file__).parent
TREE = HERE.parent.parent


def configured(**engines: object) -> Config:
    return Config.model_validate({"engines": engines})


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example package, installed by pip as a user would."""
    target = tmp_path_factory.mktemp("site")
    source = tmp_path_factory.mktemp("source")
    for file in (HERE / "example_package").iterdir():
        if file.is_file():
            (source / file.name).write_text(file.read_text())
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--no-build-isolation"]
    subprocess.run([*pip, "--target", str(target), str(source)], check=True, timeout=120)
    return target


def doctor(installed: Path, *settings: str) -> list[dict[str, str]]:
    env = {**os.environ, "PYTHONPATH": f"{installed}:{TREE}", "SIPAGENT_ENGINES__STT": "acme", "SIPAGENT_API__ENABLED": "false"}
    env |= dict(setting.split("=") for setting in settings)
    command = [sys.executable, "-m", "sipagent", "doctor", "--json", "--sip", "udp:127.0.0.1:0"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, check=False)
    findings: list[dict[str, str]] = json.loads(done.stdout)["findings"]
    return [finding for finding in findings if finding["name"] == "engine stt"]


def test_an_engine_of_another_package_is_chosen_by_its_name(installed: Path) -> None:
    (finding,) = doctor(installed)
    assert finding["status"] == "ok", finding
    assert finding["detail"].startswith("acme loads")


def test_its_options_reach_it_and_its_complaints_reach_the_user(installed: Path) -> None:
    (finding,) = doctor(installed, "SIPAGENT_ENGINES__OPTIONS__ACME__UNIT=fathoms")
    assert finding["status"] == "fatal"
    assert 'unit = "fathoms" is unknown; use seconds or minutes' in finding["detail"]


def test_a_name_that_nobody_has_is_answered_with_those_that_are_there() -> None:
    with pytest.raises(EngineMissing, match=r'engines\.stt = "nobody" is not an engine; choose one of: .*moonshine'):
        registry.create_stt("nobody", configured())


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("json:loads", "can't be used"),
        ("no_such_package:Engine", "No module named 'no_such_package'"),
        ("types:SimpleNamespace", "can't be used"),
        ("builtins:id", "lacks load, close, synthesize, prime, name"),
    ],
)
def test_a_broken_package_is_named(monkeypatch: pytest.MonkeyPatch, value: str, words: str) -> None:
    point = EntryPoint("broken", value, "sipagent.tts")
    monkeypatch.setattr(registry, "entry_points", lambda group: [point] if group == "sipagent.tts" else [])
    assert "broken" in registry.available()["tts"]
    with pytest.raises(EngineMissing, match="broken") as caught:
        registry.create_tts("broken", configured())
    assert words in str(caught.value)


def test_another_package_does_not_take_over_a_name_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "entry_points", lambda group: [EntryPoint("espeak", "builtins:id", group)])
    assert registry.create_tts("espeak", configured()).name == "espeak"
