"""Leaves the databases' own tests to their environment: test_databases.py runs them there."""

import sys
from pathlib import Path

from tests.integrations.environment import FOLDER

collect_ignore = [] if Path(sys.prefix) == FOLDER else ["databases"]
