# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a service is and where its key is found: mistakes are explained, and no key is shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from sipagent.config import ConfigError, load
from sipagent.config_engines import OpenAiStt
from sipagent.engines.base import EngineMissing
from sipagent.engines.secrets import MAX_TOLD, read_key, told


@pytest.mark.parametrize("key", ["sk-proj-4f3c2b1a", "sk_4f3c2b1a", "4f3c2b1a4f3c2b1a", "f3c2b1a4f3c2b1a", "a key"])
def test_a_key_in_place_of_its_variable_is_refused_and_not_shown(tmp_path: Path, key: str) -> None:
    file = tmp_path / "sipagent.toml"
    file.write_text(f'[engines.deepgram]\nkey_env = "{key}"\n')
    with pytest.raises(ConfigError, match=r"engines\.deepgram\.key_env: must be the name of an environment variable") as caught:
        load(file)
    assert key not in str(caught.value)


@pytest.mark.parametrize(
    ("table", "url"),
    [
        ("openai_stt", "api.example.com/v1"),
        ("openai_stt", "wss://api.example.com/v1"),
        ("openai_tts", "https://user:secret@api.example.com/v1"),
        ("elevenlabs", "https://api.example.com/v1?key=secret"),
        ("elevenlabs", "https://"),
        ("deepgram", "https://api.example.com/v1"),
    ],
)
def test_an_address_that_is_none_is_refused(tmp_path: Path, table: str, url: str) -> None:
    file = tmp_path / "sipagent.toml"
    file.write_text(f'[engines.{table}]\nbase_url = "{url}"\n')
    with pytest.raises(ConfigError, match=rf"engines\.{table}\.base_url: must be an address such as") as caught:
        load(file)
    assert "secret" not in str(caught.value)


def test_a_slash_at_the_end_makes_no_difference() -> None:
    assert OpenAiStt(base_url="http://127.0.0.1:8000/v1/").base_url == "http://127.0.0.1:8000/v1"


@pytest.mark.parametrize("content", [b"", b"\n", b"two\nlines", "schlüssel".encode(), b"\xff\xfe"])
def test_a_file_without_a_key_is_explained_and_not_shown(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "key"
    file.write_bytes(content)
    with pytest.raises(EngineMissing, match=r"engines\.openai_stt\.key_file") as caught:
        read_key(OpenAiStt(key_file=file), "engines.openai_stt")
    assert "lines" not in str(caught.value)


def test_a_file_goes_before_the_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "key"
    file.write_text(" from-the-file \n")
    monkeypatch.setenv("OPENAI_API_KEY", "from-the-variable")
    assert read_key(OpenAiStt(key_file=file), "") == "from-the-file"
    assert read_key(OpenAiStt(), "") == "from-the-variable"
    assert read_key(OpenAiStt(key_env=""), "") == ""


def test_what_a_service_says_is_one_short_line_without_the_key() -> None:
    assert told("bad\r\nkey: secret!\x1b[2J", "secret") == "bad key: ***!?[2J"
    assert len(told("x" * 5000, "")) == MAX_TOLD + 3
