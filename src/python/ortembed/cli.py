"""The ``ortembed`` command: embed a file of texts, search in one."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from ortembed.errors import InvalidInputError, OrtembedError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import BinaryIO, TextIO

    import numpy as np
    import numpy.typing as npt

    from ortembed.embedder import Embedder

_SUFFIXES = (".npy", ".jsonl")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; give the exit status: 0, 1 for an error of ours, 2 for wrong usage."""
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
        sys.stdout.flush()
    except BrokenPipeError:  # the reader, such as head, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except KeyboardInterrupt:
        return 130
    except (OrtembedError, OSError, UnicodeDecodeError) as error:
        print(f"ortembed: {type(error).__name__}: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="ortembed", description="Turn text into vectors.")
    parser.add_argument("--version", action="version", version=f"ortembed {version('ortembed')}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    embed = commands.add_parser("embed", help="embed a file, one text a line")
    embed.add_argument("file", metavar="FILE", help="UTF-8 text, one text a line; - for standard input")
    embed.add_argument("-o", "--output", metavar="OUT", help=".npy or .jsonl file; JSON lines on stdout by default")
    embed.add_argument("--truncate-dim", type=int, metavar="N", help="keep the first N dimensions")
    _add_model_options(embed)
    embed.set_defaults(run=_embed)

    search = commands.add_parser("search", help="find the lines of a file nearest in meaning to a query")
    search.add_argument("query", metavar="QUERY")
    search.add_argument("--in", dest="file", metavar="FILE", required=True, help="one text a line; - for stdin")
    search.add_argument("--top", type=_positive, default=5, metavar="K", help="matches to print (default: 5)")
    _add_model_options(search)
    search.set_defaults(run=_search)
    return parser


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise ValueError(text)
    return value


def _add_model_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--model",
        default="all-minilm-l6-v2",
        metavar="M",
        help="short name, hub name or folder (default: %(default)s)",
    )
    parser.add_argument("--threads", type=int, metavar="N", help="threads a run (default: cores allowed)")
    parser.add_argument("--offline", action="store_true", help="never touch the network")


def _load(options: argparse.Namespace) -> Embedder:
    from ortembed.embedder import Embedder  # noqa: PLC0415 - so that --help is quick

    return Embedder(options.model, threads=options.threads, local_files_only=options.offline)


def _read_lines(name: str) -> list[str]:
    data = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    # Only newlines end a text: str.splitlines would also split at form feeds and Unicode separators.
    lines = data.decode("utf-8").replace("\r\n", "\n").split("\n")
    return lines[:-1] if lines[-1] == "" else lines


def _embed(options: argparse.Namespace) -> None:
    if options.output and Path(options.output).suffix not in _SUFFIXES:
        raise InvalidInputError(f"{options.output} ends in neither {' nor '.join(_SUFFIXES)}")
    texts = _read_lines(options.file)
    vectors = _load(options).encode(texts, truncate_dim=options.truncate_dim)
    if options.output is None:
        _write_json_lines(sys.stdout, texts, vectors)
    else:
        _write_file(Path(options.output), texts, vectors)


def _write_json_lines(stream: TextIO, texts: list[str], vectors: npt.NDArray[np.float32]) -> None:
    stream.writelines(
        json.dumps({"text": text, "embedding": vector.tolist()}) + "\n"
        for text, vector in zip(texts, vectors, strict=True)
    )


def _write_file(path: Path, texts: list[str], vectors: npt.NDArray[np.float32]) -> None:
    """Write beside the target and rename, so that a failure leaves no half of a file."""
    partial = path.with_name(path.name + ".partial")
    try:
        if path.suffix == ".npy":
            with partial.open("wb") as file:
                _save_array(file, vectors)
        else:
            with partial.open("w", encoding="utf-8") as stream:
                _write_json_lines(stream, texts, vectors)
        partial.replace(path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            partial.unlink()


def _save_array(file: BinaryIO, vectors: npt.NDArray[np.float32]) -> None:
    import numpy as np  # noqa: PLC0415 - so that --help is quick

    np.save(file, vectors, allow_pickle=False)


def _search(options: argparse.Namespace) -> None:
    texts = [text for text in _read_lines(options.file) if text.strip()]
    embedder = _load(options)
    scores = embedder.similarity(embedder.encode_query(options.query), embedder.encode_document(texts))[0]
    for index in (-scores).argsort(kind="stable")[: options.top]:
        print(f"{scores[index]:.4f}  {texts[index]}")
