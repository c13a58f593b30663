"""Which machine and system this is, as far as what an accelerator compiles, and how fast it is, depend on them."""

from __future__ import annotations

import platform
import plistlib
import subprocess
import sys
from functools import cache
from pathlib import Path

_SYSTEM_VERSION = Path("/System/Library/CoreServices/SystemVersion.plist")
_SYSCTL = "/usr/sbin/sysctl"


def system_build() -> str:
    """Name the build of the system."""
    if sys.platform == "darwin":
        try:
            with _SYSTEM_VERSION.open("rb") as file:
                version = plistlib.load(file)
            return f"{version['ProductVersion']} {version['ProductBuildVersion']}"
        except (OSError, ValueError, KeyError, plistlib.InvalidFileException):
            pass
    return f"{platform.system()} {platform.version()}"


@cache
def processor() -> str:
    """Name the architecture that this process runs as, and the processor: a home may move to another machine."""
    names = [platform.machine(), platform.processor()]
    if sys.platform == "darwin":
        command = [_SYSCTL, "-n", "machdep.cpu.brand_string"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=False)  # noqa: S603 - fixed
            names.append(done.stdout.strip())
        except (OSError, subprocess.SubprocessError):
            pass
    return ", ".join(filter(None, names))
