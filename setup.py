# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds three kinds of native code into the package `mediacore`:

* libmediacore.so from csrc/*.c (no Python in it),
* one extension per mediacore/*.pyx, linked to it,
* _pjsua2, PJSIP's own Python module with csrc/pjsip/*.c in it, when scripts/pjsip has built PJSIP.
"""

from __future__ import annotations

from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

CFLAGS = ["-std=c11", "-O2", "-g", "-Wall", "-Wextra", "-Wno-unused-parameter", "-fno-strict-aliasing", "-D_GNU_SOURCE"]
RPATH = ["-Wl,-rpath,$ORIGIN"]


class BuildNative(build_ext):
    """libmediacore first, so that the extensions find it."""

    def run(self) -> None:
        super_setup = self.inplace
        target = Path("mediacore") if super_setup else Path(self.build_lib) / "mediacore"
        target.mkdir(parents=True, exist_ok=True)
        self.core_dir = str(target)
        super().run()

    def build_extensions(self) -> None:
        objects = self.compiler.compile(
            sorted(str(p) for p in Path("csrc").glob("*.c")),
            output_dir=self.build_temp,
            include_dirs=["csrc"],
            extra_postargs=[*CFLAGS, "-fPIC"],
        )
        self.compiler.link_shared_object(
            objects, f"{self.core_dir}/libmediacore.so", libraries=["opus", "m", "pthread"], extra_postargs=["-Wl,-soname,libmediacore.so"]
        )
        for ext in self.extensions:
            ext.library_dirs.append(self.core_dir)
        super().build_extensions()


def cython_extensions() -> list[Extension]:
    """One extension for each .pyx."""
    sources = sorted(Path("mediacore").glob("*.pyx"))
    extensions = [
        Extension(
            f"mediacore.{p.stem}",
            [str(p)],
            include_dirs=["csrc"],
            libraries=["mediacore"],
            extra_compile_args=["-O2", "-D_GNU_SOURCE"],
            extra_link_args=RPATH,
            depends=[str(h) for h in Path("csrc").glob("*.h")],
        )
        for p in sources
    ]
    return list(cythonize(extensions, language_level=3)) if extensions else []


setup(ext_modules=cython_extensions(), cmdclass={"build_ext": BuildNative})
