"""Running the suites in an environment of their own, from a wheel of this tree: ``python -m bench.suites``.

Its arguments go to pytest, for example ``-k whole``, ``--every-size``, ``--benchmark-json FILE``.
"""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from bench.engines.base import Environment
from bench.engines.ours_float32 import Competitor
from bench.environments import ROOT, make_environment, python_of

if TYPE_CHECKING:
    from collections.abc import Sequence

ENVIRONMENT = Environment(
    "suites",
    (*Competitor.environment.requirements, "transformers==5.23.0", "pytest==9.2.0 pytest-benchmark==5.3.1"),
    builds_tree=True,
)
DEFAULTS = ("--benchmark-columns=min,median,stddev,rounds", "--benchmark-sort=name", "--quiet")


def main(arguments: Sequence[str]) -> int:
    """Make the environment where it is missing or old, and run pytest there; give its exit status."""
    make_environment(ENVIRONMENT)
    pytest = [str(python_of(ENVIRONMENT)), "-m", "pytest", "-p", "no:cacheprovider", "bench/suites"]
    return subprocess.run([*pytest, *DEFAULTS, *arguments], cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
