# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of RFCs finds citations as people write them."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

SCRIPTS = Path(__file__).parent.parent / "scripts"


@pytest.fixture(scope="module")
def rfc_table() -> ModuleType:
    spec = importlib.util.spec_from_file_location("rfc_table", SCRIPTS / "rfc_table.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("/* RFC 3550 section 5.1 */", [(3550, "5.1")]),
        ("RFC 3550 appendix A.3.", [(3550, "appendix A.3")]),
        ("(RFC 3261, section 19.1.2)", [(3261, "19.1.2")]),
        ("RFC 4733 sections 2.3 and 2.5.1.2", [(4733, "2.3"), (4733, "2.5.1.2")]),
        ("RFC 3550\n * section 6.4.1", [(3550, "6.4.1")]),
        ("# as RFC 7587\n# section 6.1 wants", [(7587, "6.1")]),
        ("RFC 6716, then RFC 3551 section 4.5.11", [(6716, ""), (3551, "4.5.11")]),
        ("RFCs are many", []),
    ],
)
def test_citations(rfc_table: ModuleType, text: str, found: list[tuple[int, str]]) -> None:
    assert list(rfc_table.citations(text)) == found


def test_page_names_source_and_tests(rfc_table: ModuleType, tmp_path: Path) -> None:
    for name, text in (
        ("csrc/rtp.c", "/* RFC 3550 section 5.1 */"),
        ("tests/c/test_rtp.c", ""),
        ("tests/test_x.py", "# RFC 3550"),
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    row = rfc_table.rfc_page(tmp_path).splitlines()[-1]
    assert row.endswith("| 5.1 | `csrc/rtp.c` | `tests/c/test_rtp.c` `tests/test_x.py` |")


def test_rfc_without_a_title_is_asked_for(rfc_table: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "csrc").mkdir()
    (tmp_path / "csrc" / "a.c").write_text("/* RFC 99999 */")
    assert "[99999]" in rfc_table.rfc_page(tmp_path)
    assert "add the title of RFC 99999" in capsys.readouterr().err
