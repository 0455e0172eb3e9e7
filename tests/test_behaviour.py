# SPDX-License-Identifier: GPL-3.0-or-later
"""The behaviour matrix is read from the tests as they are written, and a mark that would mislead is refused."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

SCRIPTS = Path(__file__).parent.parent / "scripts"


@pytest.fixture(scope="module")
def behaviour_table() -> ModuleType:
    spec = importlib.util.spec_from_file_location("behaviour_table", SCRIPTS / "behaviour_table.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["behaviour_table"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def write(tree: Path, decorators: str, name: str = "test_it") -> None:
    path = tree / "tests" / "interop" / "test_a.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"import pytest\n\n{decorators}\nasync def {name}() -> None: ...\n")


def test_page_has_a_row_for_each_mark(behaviour_table: ModuleType, tmp_path: Path) -> None:
    write(
        tmp_path,
        '@pytest.mark.behaviour("Seeing", "shows | it", peer="SIPp")\n'
        '@pytest.mark.behaviour("Accounts", "registers", peer="Asterisk 22", rfc="3261 10.2")',
    )
    page = behaviour_table.behaviour_page(tmp_path)
    assert page.index("## Accounts") < page.index("## Seeing")
    assert "| registers | Asterisk 22 | 3261 10.2 | `tests/interop/test_a.py::test_it` |" in page
    assert r"| shows \| it | SIPp |  | `tests/interop/test_a.py::test_it` |" in page
    assert "; 2 of them" in page


def test_the_matrix_has_its_rows(behaviour_table: ModuleType) -> None:
    """60 scenarios with real peers at least, and none of them twice in the same words."""
    rows = behaviour_table.real(behaviour_table.rows(SCRIPTS.parent))
    assert len(rows) >= 60
    texts = [(row.text, row.peer) for row in rows]
    assert len(set(texts)) == len(texts), sorted(text for text in texts if texts.count(text) > 1)


def test_own_peer_is_shown_but_not_counted(behaviour_table: ModuleType, tmp_path: Path) -> None:
    write(tmp_path, '@pytest.mark.behaviour("Protection", "refuses", peer="own peer")')
    assert "; 0 of them" in behaviour_table.behaviour_page(tmp_path)


def test_marks_of_single_parameters_count(behaviour_table: ModuleType, tmp_path: Path) -> None:
    mark = 'pytest.mark.behaviour("Dialogs", "rings", peer="baresip")'
    write(tmp_path, f'@pytest.mark.parametrize("x", [pytest.param(1, marks={mark})])')
    assert [row.text for row in behaviour_table.rows(tmp_path)] == ["rings"]


def test_a_helper_is_no_scenario(behaviour_table: ModuleType, tmp_path: Path) -> None:
    write(tmp_path, '@pytest.mark.behaviour("Dialogs", "rings", peer="baresip")', "helper")
    assert not list(behaviour_table.rows(tmp_path))


@pytest.mark.parametrize(
    ("mark", "words"),
    [
        ('"Nowhere", "text", peer="SIPp"', "not an area"),
        ('"Switch", "text", peer="a mock"', "not a peer"),
        ('"Switch", "text"', "write @pytest.mark.behaviour"),
        ('"Switch", "text", peer="SIPp", mood="good"', "write @pytest.mark.behaviour"),
        ('"Switch", TEXT, peer="SIPp"', "plain text only"),
        ('"Switch", " ", peer="SIPp"', "plain text only"),
    ],
)
def test_a_bad_mark_is_named(behaviour_table: ModuleType, tmp_path: Path, mark: str, words: str) -> None:
    write(tmp_path, f"@pytest.mark.behaviour({mark})")
    with pytest.raises(behaviour_table.MarkError, match=rf"tests/interop/test_a.py:3: .*{words}"):
        list(behaviour_table.rows(tmp_path))
