"""Owns the list of platforms that wheels are made for, and what each is called by the tools."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Target:
    """One platform: its names, and the name of the module in its wheel."""

    name: str
    triple: str  # zig's, with the oldest system that the wheel is for
    system: str  # CMake's
    processor: str  # CMake's
    platform_tag: str
    module: str = "_native.abi3.so"

    @property
    def wheel_tag(self) -> str:
        """The stable ABI from Python 3.12 on: one wheel for that Python and all that follow.

        Earlier Pythons lack parts that nanobind needs, so each of them needs a wheel of its own with its own headers;
        those are made where that Python is (cibuildwheel, see pyproject.toml).
        """
        return f"cp312-abi3-{self.platform_tag}"


# glibc 2.28 and macOS 14 are what the runtime's own wheels ask for.
TARGETS = {
    target.name: target
    for target in (
        Target("macos-arm64", "aarch64-macos.14.0", "Darwin", "arm64", "macosx_14_0_arm64"),
        Target("linux-aarch64", "aarch64-linux-gnu.2.28", "Linux", "aarch64", "manylinux_2_28_aarch64"),
        Target("linux-x86_64", "x86_64-linux-gnu.2.28", "Linux", "x86_64", "manylinux_2_28_x86_64"),
        Target("windows-x64", "x86_64-windows-gnu", "Windows", "AMD64", "win_amd64", "_native.pyd"),
    )
}
