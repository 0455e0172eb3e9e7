# SPDX-License-Identifier: GPL-3.0-or-later
"""`sipagent config`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from sipagent import config_docs
from sipagent.commands.common import exit_codes
from sipagent.commands.usable import usable
from sipagent.config import load


@exit_codes
def configuration(*, sample: bool, check: Path | None) -> int:
    """Prints the sample or the reference page, or checks a file."""
    if check is not None:
        usable(load(check, os.environ))
    else:
        sys.stdout.write(config_docs.sample() if sample else config_docs.reference())
    return 0
