# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/agent-file.md, written from the types of `sipagent.agents.spec`."""

from __future__ import annotations

from sipagent.agents.spec import AgentFile
from sipagent.config_docs import Table, page, tables

HEAD = """\
# Keys of an agent file

Generated from the types by `scripts/docs`; [agents.md](agents.md) shows how they work together. Keys of the file itself come
first. An unknown key is an error that names it.
"""


def reference() -> str:
    """The page."""
    return page(HEAD, [Table("", AgentFile, False, True), *tables(AgentFile)]).replace("## `[]`", "## The file", 1)
