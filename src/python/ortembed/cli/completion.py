"""``ortembed completion``: what a shell needs to complete commands, options, models and files at a tab."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from ortembed.cli.help import add_command
from ortembed.cli.streams import standard_output
from ortembed.manifest import manifests

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ortembed.cli.arguments import Commands

SHELLS = ("bash", "zsh", "fish")
_FILES = {"FILE", "OUT", "TEXTS", "VECTORS"}  # what options and arguments that take a file call it
_FOLDERS = {"DIR"}
_MODELS = {"M", "MODEL"}


def add_parser(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "completion",
        help="print a script for a shell's completion",
        description="Print a script with which a shell completes commands, options, models and files at a tab. It is "
        "fixed text: nothing of ortembed runs at a tab, and a new version wants a new script.",
        examples=[
            "ortembed completion bash > ~/.local/share/bash-completion/completions/ortembed",
            "ortembed completion zsh > ~/.zsh/completions/_ortembed   # a folder in $fpath",
            "ortembed completion fish > ~/.config/fish/completions/ortembed.fish",
        ],
    )
    parser.add_argument("shell", choices=SHELLS, help="whose script")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print the script."""
    import shtab  # noqa: PLC0415 - for this command alone

    stream = standard_output()
    words = " ".join(manifests())
    models: dict[str, str] = {
        "bash": "_ortembed_models",
        "zsh": f"({words})",
        "fish": f"(string split ' ' '{words}')",
    }
    kinds = ((_FILES, shtab.FILE), (_FOLDERS, shtab.DIRECTORY), (_MODELS, models))
    completers = {name: completer for names, completer in kinds for name in names}
    for action in _actions(options.parser):
        if action.metavar in completers:
            action.complete = completers[action.metavar]  # type: ignore[attr-defined] # where shtab looks
    function = f'_ortembed_models() {{ compgen -W "{words}" -- "$1"; compgen -d -- "$1"; }}'
    preamble = function if options.shell == "bash" else ""
    print(shtab.complete(options.parser, options.shell, preamble=preamble), file=stream)
    return 0


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """Give all arguments and options of a parser and of its commands."""
    for action in parser._actions:  # noqa: SLF001 - as shtab itself does
        yield action
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001
            for command in action.choices.values():
                yield from _actions(command)
