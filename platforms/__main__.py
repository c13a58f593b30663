"""What ./dev wheel runs: the native wheel, or with --target those of other platforms; all into dist/."""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import time

from platforms.paths import DIST, say


def main() -> None:
    """Build what was asked for, check it, and run it where this machine can."""
    from platforms.targets import TARGETS

    parser = argparse.ArgumentParser(prog="dev wheel", description=__doc__.splitlines()[0])
    parser.add_argument("--model-package", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--target", choices=[*TARGETS, "all"], help="a platform to build for instead of this one")
    options = parser.parse_args()
    shutil.rmtree(DIST, ignore_errors=True)
    if options.target is None:
        from platforms.native import make_native

        make_native(options.model_package)
        return
    chosen = list(TARGETS) if options.target == "all" else [options.target]
    try:
        for name in chosen:
            _make(name, options.model_package)
    except subprocess.CalledProcessError as error:
        sys.exit(f"dev: {error}")


def _make(name: str, model_package: str) -> None:
    from platforms.build import build_wheel
    from platforms.checks import WheelError, check_wheel
    from platforms.debian import NoDebianError
    from platforms.emulated import run_wheel
    from platforms.targets import TARGETS

    target = TARGETS[name]
    began = time.monotonic()
    try:
        wheel = build_wheel(target)
        built = time.monotonic() - began
        check_wheel(wheel, target)
        if target.system == "Linux":
            run_wheel(wheel, target, model_package)
    except NoDebianError as error:
        sys.exit(f"dev: no wheel for {name}: {error}, which has the headers, linker and emulator; see docs/platforms.md")
    except WheelError as error:
        sys.exit(f"dev: {error}")
    took = f"built in {built:.0f} s, the rest {time.monotonic() - began - built:.0f} s"
    ran = "checked and run" if target.system == "Linux" else "checked; what runs it is not here"
    say(f"wheel: {wheel.name}, {wheel.stat().st_size / 1024:.0f} KiB, {ran}; {took}")


if __name__ == "__main__":
    main()
