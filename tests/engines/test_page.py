# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/engines.md says what is."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from sipagent.config import Config
from sipagent.engines.registry import ROLES

TREE = Path(__file__).parent.parent.parent
PAGE = (TREE / "docs" / "engines.md").read_text(encoding="utf-8")
EXAMPLE = TREE / "tests" / "engines" / "example_package"


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def test_its_table_names_every_engine() -> None:
    rows = set(re.findall(r"^\| (\w+) \| `([\w-]+)` \|", PAGE, re.MULTILINE))
    assert rows == {(role, name) for role, known in ROLES.items() for name in known}


def test_its_configurations_are_valid() -> None:
    configurations = [tomllib.loads(block) for block in blocks("toml") if "[engines" in block]
    assert len(configurations) == 2
    for tree in configurations:
        Config.model_validate(tree)


def test_its_example_is_the_package_that_is_tested() -> None:
    source = (EXAMPLE / "acme_speech.py").read_text(encoding="utf-8")
    assert any(block in source for block in blocks("python"))
    assert any(block in (EXAMPLE / "pyproject.toml").read_text(encoding="utf-8") for block in blocks("toml"))


def test_its_links_lead_somewhere() -> None:
    links = re.findall(r"\]\((?!http)([^)#]+)\)", PAGE)
    assert len(links) > 5
    for link in links:
        assert (TREE / "docs" / link).exists(), link
