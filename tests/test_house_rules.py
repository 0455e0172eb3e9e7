# SPDX-License-Identifier: GPL-3.0-or-later
"""Every rule of scripts/house_rules.py bites, and the tree keeps them."""

from __future__ import annotations

import importlib.util
from pathlib import Path, PurePosixPath

import pytest

TREE = Path(__file__).resolve().parent.parent
spec = importlib.util.spec_from_file_location("house_rules", TREE / "scripts" / "house_rules.py")
assert spec
assert spec.loader
house_rules = importlib.util.module_from_spec(spec)
spec.loader.exec_module(house_rules)

SPDX = "# SPDX-License-Identifier: GPL-3.0-or-later\n"


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("sipagent/a.py", "x = 1\n", "no SPDX"),
        ("scripts/tool", "#!/bin/bash\ntrue\n", "no SPDX"),
        ("mediacore/leg.pyx", SPDX + "cdef void f() noexcept with  gil:\n", "takes the GIL"),
        ("sipagent/switch.py", SPDX + "from mediacore import pjsua2\n", "pjsua2 outside"),
        ("sipagent/dialogue/ear.py", SPDX + "import mediacore._pjsua2\n", "pjsua2 outside"),
        ("csrc/ring.c", SPDX + "#include <Python.h>\n", "csrc knows Python"),
        ("csrc/leg.c", SPDX + '# include "pjsua-lib/pjsua.h"\n', "knows PJSIP"),
        ("mediacore/leg.pyx", SPDX + "from sipagent.config import Media\n", "mediacore imports sipagent"),
        ("sipagent/switch.py", SPDX + "import ctypes\n", "sipagent imports ctypes"),
        ("sipagent/x_process.py", SPDX + "import cffi\n", "sipagent imports cffi"),
        ("scripts/x.sh", SPDX + "cd /" + "root/x\n", "path of one machine"),
        ("tests/x.py", SPDX + 'open("/' + 'tmp/x")\n', "fixed path under"),
        ("scripts/x.sh", SPDX + "curl https://pypi" + ".org/simple\n", "registry or mirror"),
    ],
)
def test_breach_is_found(name: str, text: str, words: str) -> None:
    found = [said for rule in house_rules.RULES for _, said in rule(PurePosixPath(name), text)]
    assert len(found) == 1
    assert words in found[0]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("sipagent/signalling/agent.py", SPDX + "from mediacore import pjsua2\n"),
        ("csrc/pjsip/stream.c", SPDX + "#include <pjsua-lib/pjsua.h>\n"),
        ("scripts/x.sh", SPDX + "cat $root/tmp/x ${TMPDIR:-/tmp}/y\n"),
    ],
)
def test_what_is_allowed_passes(name: str, text: str) -> None:
    assert [said for rule in house_rules.RULES for _, said in rule(PurePosixPath(name), text)] == []


def test_cycle_is_found_through_relative_imports() -> None:
    files = {
        PurePosixPath("top/__init__.py"): "",
        PurePosixPath("top/a.py"): "from . import b\n",
        PurePosixPath("top/b.py"): "from top.c import thing\n",
        PurePosixPath("top/c.py"): "def f():\n    from .a import x\n",
        PurePosixPath("top/d.py"): "import top.a\n",
    }
    cycles = house_rules.import_cycles(house_rules.import_graph(files, "top"))
    assert cycles == [["top.a", "top.b", "top.c", "top.a"]]
    del files[PurePosixPath("top/c.py")]
    assert house_rules.import_cycles(house_rules.import_graph(files, "top")) == []


def test_the_tree_keeps_the_rules() -> None:
    assert house_rules.main() == 0
