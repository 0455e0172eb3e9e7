# SPDX-License-Identifier: GPL-3.0-or-later
"""The generated pages: name -> text, written or compared."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from behaviour_table import behaviour_page
from rfc_table import rfc_page

from sipagent.agents.reference import reference as agent_file
from sipagent.api.app import openapi
from sipagent.config_docs import reference, sample

TREE = Path(__file__).resolve().parent.parent


def pages() -> dict[str, str]:
    """File name below docs/ -> what should stand in it."""
    return {
        "configuration.md": reference(),
        "sipagent.sample.toml": sample(),
        "agent-file.md": agent_file(),
        "openapi.json": json.dumps(openapi(), indent=1) + "\n",
        "rfc.md": rfc_page(TREE),
        "behaviour.md": behaviour_page(TREE),
    }


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="scripts/docs", description="Writes the pages of docs/ that are generated from the source."
    )
    parser.add_argument("--check", action="store_true", help="write nothing; fail when a page is stale")
    check = parser.parse_args().check
    stale = [name for name, text in pages().items() if _read(name) != text]
    for name in stale:
        if check:
            print(f"docs/{name} is stale: run scripts/docs", file=sys.stderr)
        else:
            (TREE / "docs" / name).write_text(pages()[name], encoding="utf-8")
            print(f"docs/{name} written")
    return int(check and bool(stale))


def _read(name: str) -> str | None:
    path = TREE / "docs" / name
    return path.read_text(encoding="utf-8") if path.exists() else None


if __name__ == "__main__":
    sys.exit(main())
