"""How the commands explain themselves: what each does, its options, and examples."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ortembed.cli.arguments import Commands

_EXAMPLES = "examples:\n"


class HelpFormatter(argparse.HelpFormatter):
    """Wraps descriptions, and leaves examples as they are."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return text if text.startswith(_EXAMPLES) else super()._fill_text(text, width, indent)


def add_command(
    commands: Commands,
    name: str,
    *,
    help: str,  # noqa: A002 - argparse's name
    description: str,
    examples: Sequence[str],
) -> argparse.ArgumentParser:
    """Add a command that is described and has examples."""
    epilog = _EXAMPLES + "\n".join(f"  {line}" for line in examples)
    return commands.add_parser(name, help=help, description=description, epilog=epilog, formatter_class=HelpFormatter)
