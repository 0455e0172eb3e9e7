# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds three kinds of native code into the package `mediacore`:

* libmediacore.so from csrc/*.c (no Python in it),
* one extension per mediacore/*.pyx, linked to it,
* _pjsua2, PJSIP's own Python module with csrc/pjsip/*.c in it, when scripts/pjsip has built PJSIP for this Python.

Only what changed is built again.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from Cython.Build import cythonize
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

CFLAGS = ["-std=c11", "-O2", "-g", "-Wall", "-Wextra", "-Wno-unused-parameter", "-fno-strict-aliasing", "-D_GNU_SOURCE"]
RPATH = ["-Wl,-rpath,$ORIGIN"]
CORE_LIBS = ["opus", "ogg", "m", "pthread"]
# Functions of PJSIP, and one of OpenSSL that it calls, that csrc/pjsip takes the place of
WRAPPED = [
    "pjmedia_transport_udp_attach",
    "pjmedia_transport_srtp_create",
    "pjsip_inv_verify_request3",
    "pjmedia_sdp_neg_negotiate",
    "pjsua_media_channel_init",
    "pjsua_media_channel_create_sdp",
    "pjsip_endpt_send_request_stateless",
    "pj_getaddrinfo",
    "pjsip_endpt_send_request",
    "pjsip_tsx_create_uac",
    "pjsua_acc_on_tp_state_changed",
    "pjsip_tpmgr_receive_packet",
    "pjsip_tcp_transport_start3",
    "pjsip_tls_transport_start2",
    "pjsip_dlg_create_response",
    "pjsip_dlg_respond",
    "pjsip_replaces_verify_request",
    "pjsip_inv_send_msg",
    "pjsip_100rel_on_rx_prack",
    "SSL_CTX_set_session_id_context",
]


def pjsip_manifest() -> dict[str, Any] | None:
    """What scripts/pjsip built for this Python, or None."""
    asked = subprocess.run([sys.executable, "scripts/pjsip", "--print"], capture_output=True, text=True, check=False)
    manifest = Path(asked.stdout.strip()) / "manifest.json" if asked.stdout.strip() else None
    if manifest is None or not manifest.exists():
        print(
            "PJSIP is not built for this Python: only the media core is built. For SIP run scripts/pjsip, then install again."
        )
        return None
    return dict(json.loads(manifest.read_text()))


def newer(target: Path, sources: list[str]) -> bool:
    """Whether `target` is there and younger than all `sources`."""
    return target.exists() and all(os.path.getmtime(s) < target.stat().st_mtime for s in sources)


class BuildNative(build_ext):
    """libmediacore first, so that the extensions find it; pjsua2 is linked by hand."""

    def run(self) -> None:
        self.target = Path("mediacore") if self.inplace else Path(self.build_lib) / "mediacore"
        self.target.mkdir(parents=True, exist_ok=True)
        super().run()

    def build_extensions(self) -> None:
        self.build_core()
        for ext in self.extensions:
            ext.library_dirs.append(str(self.target))
        super().build_extensions()

    def build_extension(self, ext: Extension) -> None:
        if ext is PJSUA2:
            self.build_pjsua2(PJSIP or {})
        else:
            super().build_extension(ext)

    def compile_c(self, sources: list[Path], include_dirs: list[str], defines: list[str], flags: list[str]) -> list[str]:
        """Objects of all sources; compiles those that are older than their source, any header beside it or this file."""
        headers = [str(h) for h in Path("csrc").rglob("*.h")]
        objects: list[str] = []
        for source in sources:
            built = Path(self.build_temp) / source.with_suffix(".o")
            if not newer(built, [str(source), "setup.py", *headers]):
                macros = [tuple(d.split("=", 1)) for d in defines]
                self.compiler.compile(
                    [str(source)], output_dir=self.build_temp, macros=macros, include_dirs=include_dirs, extra_postargs=flags
                )
            objects.append(str(built))
        return objects

    def build_core(self) -> None:
        sources = sorted(Path("csrc").glob("*.c"))
        objects = self.compile_c(sources, ["csrc"], [], [*CFLAGS, "-fPIC"])
        target = self.target / "libmediacore.so"
        if not newer(target, objects):
            self.compiler.link_shared_object(
                objects, str(target), libraries=CORE_LIBS, extra_postargs=["-Wl,-soname,libmediacore.so"]
            )

    def build_pjsua2(self, manifest: dict[str, Any]) -> None:
        sources = [Path(s) for s in PJSUA2.sources]
        # PJSIP's headers as system headers: their warnings are not ours.
        system = [f"-isystem{d}" for d in manifest["include_dirs"]]
        objects = self.compile_c(sources, ["csrc"], manifest["defines"], [*CFLAGS, *system, "-fPIC"])
        target = Path(self.get_ext_fullpath("mediacore._pjsua2"))
        inputs = [*objects, manifest["wrapper"], *manifest["libs"], str(self.target / "libmediacore.so"), __file__]
        if not newer(target, inputs):
            # One symbol leaves the module: PJSIP, libsrtp and the seam's C functions meet nobody else's of the same name.
            exports = Path(self.build_temp) / "pjsua2.map"
            exports.write_text("{ global: PyInit__pjsua2; local: *; };\n")
            self.compiler.link_shared_object(
                [manifest["wrapper"], *objects],
                str(target),
                library_dirs=[str(self.target)],
                libraries=["mediacore"],
                extra_preargs=[f"-Wl,--wrap={name}" for name in WRAPPED],
                extra_postargs=[
                    "-Wl,--start-group",
                    *manifest["libs"],
                    "-Wl,--end-group",
                    *(f"-l{lib}" for lib in manifest["system_libs"]),
                    f"-Wl,--version-script={exports}",
                    "-Wl,--no-undefined-version",
                    *RPATH,
                ],
                target_lang="c++",
            )
        shutil.copyfile(manifest["module"], self.target / "pjsua2.py")


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
    return list(cythonize(extensions, language_level=3, build_dir="build/cython")) if extensions else []


PJSIP = pjsip_manifest()
PJSUA2 = Extension("mediacore._pjsua2", sorted(str(p) for p in Path("csrc/pjsip").glob("*.c")))

setup(ext_modules=[*cython_extensions(), *([PJSUA2] if PJSIP else [])], cmdclass={"build_ext": BuildNative})
