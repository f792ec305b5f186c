"""Compiles the package's own kernels with the system's C compiler, or Zig's where there is none.

Where that fails, or on other processors, the package works without them, on ncnn's.
"""

import os
import platform
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

_HERE = Path("src/superres/runtime/kernels")
_ENDING = ".dll" if sys.platform == "win32" else ".so"
_KINDS = {"avx512": ("-mavx512f", "-mfma"), "avx2": ("-mavx2", "-mfma")}  # of processors, as library.py names them
_FLAGS = (
    "-O3",
    "-ffp-contract=off",  # or what is meant to round twice would not
    "-fvisibility=hidden",
    "-shared",
    "-s",
    *(() if sys.platform == "win32" else ("-fPIC",)),
)


class Kernels(BuildHookInterface):  # type: ignore[type-arg]
    """Puts the compiled library beside its source, and into wheels."""

    PLUGIN_NAME = "custom"

    def dependencies(self) -> list[str]:
        return ["ziglang"] if self.target_name == "wheel" and _wanted() and not _compiler() else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - the interface's
        if self.target_name != "wheel" or not _wanted():
            return
        made = [name for kind, flags in _KINDS.items() if (name := self._compiled(kind, flags))]
        if made:
            build_data["artifacts"] += [f"/{_HERE.as_posix()}/{name}" for name in made]
            build_data["pure_python"] = False
            name = sysconfig.get_platform().replace("universal2", "x86_64")
            build_data["tag"] = f"py3-none-{name.replace('-', '_').replace('.', '_')}"

    def _compiled(self, kind: str, flags: tuple[str, ...]) -> str:
        """The name of the library for a kind of processors, beside its source; empty where it cannot be had."""
        folder = Path(self.root) / _HERE
        made, sources = folder / f"_kernels_{kind}{_ENDING}", sorted(map(str, folder.glob("*.c")))
        command = _compiler() or [sys.executable, "-m", "ziglang", "cc"]
        with_source = [*command, *_FLAGS, *flags, "-o", f"{made}.new", *sources]
        try:
            ended = subprocess.run(with_source, capture_output=True, text=True, check=False)
            failed = ended.stderr[-2000:] or "the compiler failed" if ended.returncode else ""
        except OSError as error:  # CC names no program
            failed = str(error)
        if failed:
            self.app.display_warning(f"without kernels of its own for {kind}, others are used instead: {failed}")
            return ""
        Path(f"{made}.new").replace(made)
        return made.name


def _wanted() -> bool:
    return platform.machine().lower() in ("x86_64", "amd64") and sys.maxsize > 2**32


def _compiler() -> list[str] | None:
    """The system's C compiler, as a command; not Microsoft's, which has other flags."""
    named = os.environ.get("CC")
    if named:
        return named.split()
    names = ("gcc", "clang") if sys.platform == "win32" else ("cc", "gcc", "clang")
    return next(([found] for name in names if (found := shutil.which(name))), None)
