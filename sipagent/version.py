# SPDX-License-Identifier: GPL-3.0-or-later
"""The version, from the installed package's own data."""

from __future__ import annotations

from importlib import metadata

try:
    VERSION = metadata.version("sipagent")
except metadata.PackageNotFoundError:  # run from a tree that was built in place and not installed
    VERSION = "0+tree"
