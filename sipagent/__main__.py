# SPDX-License-Identifier: GPL-3.0-or-later
"""`python -m sipagent`."""

from __future__ import annotations

from sipagent.cli import main

if __name__ == "__main__":
    main()
