"""What ./dev wheel runs: the native wheel, or with --target those of other platforms; all into dist/."""

from __future__ import annotations

import argparse
import shutil

from platforms.native import make_native
from platforms.paths import DIST
from platforms.targets import TARGETS


def main() -> None:
    """Build what was asked for, check it, and run it where this machine can."""
    parser = argparse.ArgumentParser(prog="dev wheel", description=__doc__)
    parser.add_argument("--model-package", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--target", choices=[*TARGETS, "all"], help="a platform to build for instead of this one")
    options = parser.parse_args()
    shutil.rmtree(DIST, ignore_errors=True)
    if options.target is None:
        make_native(options.model_package)
        return
    from platforms.cross import make_wheels  # noqa: PLC0415 - the native wheel needs none of its tools

    make_wheels(list(TARGETS) if options.target == "all" else [options.target], options.model_package)


if __name__ == "__main__":
    main()
