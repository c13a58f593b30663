"""Lets ``python -m ortembed`` run the command line."""

from ortembed.cli import main

raise SystemExit(main())
