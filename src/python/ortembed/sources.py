"""The places that may hold a model's files: a folder, a repository on the hub, either of them with hashes checked."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from ortembed import hub_client
from ortembed.errors import IntegrityError, ModelLoadError, ModelNotFoundError
from ortembed.manifest import verify

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class Source(Protocol):
    """A place that may hold a model."""

    def get(self, name: str) -> Path | None:
        """Give the local path of a file of the model; None when the model has no such file."""

    def at_commit_of(self, file: Path, /) -> Source:
        """Give the place as it was when a file at the model's top was there, so that no two states mix."""


@dataclass(frozen=True)
class Folder:
    """A model's files in a local folder. Links are followed wherever they lead: the folder is the user's own."""

    path: Path

    def __str__(self) -> str:
        """Give the path."""
        return str(self.path)

    def get(self, name: str) -> Path | None:
        """Give the file's path, or None.

        Raises:
            ModelLoadError: There is something of that name, and it is not a file that can be read.
        """
        path = self.path / name
        try:
            mode = path.stat().st_mode
        except (FileNotFoundError, NotADirectoryError) as error:
            if path.is_symlink():
                raise ModelLoadError(f"{path} is a link to {path.readlink()}, which is missing") from error
            return None
        except (OSError, ValueError) as error:
            raise ModelLoadError(f"cannot read {path}: {error}") from error
        if not stat.S_ISREG(mode):  # a pipe would keep whoever reads it waiting
            raise ModelLoadError(f"{path} is not a regular file")
        if not os.access(path, os.R_OK):
            raise ModelLoadError(f"cannot read {path}: its permissions do not allow it")
        return path

    def at_commit_of(self, _file: Path, /) -> Folder:
        """Give the folder itself: it has no commits."""
        return self


@dataclass(frozen=True)
class HubRepository:
    """A repository on the hub, through huggingface_hub and its cache; a file that is cached costs no request."""

    repo_id: str
    revision: str | None
    local_files_only: bool

    def __str__(self) -> str:
        """Name the repository and the revision."""
        return f"{self.repo_id} at revision {self.revision}" if self.revision else self.repo_id

    def get(self, name: str) -> Path | None:
        """Give the cached file's path, downloading it first where that is allowed; see hub_client.fetch_file."""
        return hub_client.fetch_file(
            self.repo_id, name, revision=self.revision, local_files_only=self.local_files_only
        )

    def get_again(self, name: str) -> Path | None:
        """Download a file whatever the cache has."""
        return hub_client.fetch_file(
            self.repo_id, name, revision=self.revision, local_files_only=self.local_files_only, again=True
        )

    def at_commit_of(self, file: Path, /) -> HubRepository:
        """Give the repository at the commit that a file at its top was got from."""
        return replace(self, revision=file.parent.name)


@dataclass(frozen=True)
class Verified:
    """A source whose files are checked against a manifest's hashes, those that it lists."""

    source: Folder | HubRepository
    sha256: Mapping[str, str]

    def __str__(self) -> str:
        """Name the source."""
        return str(self.source)

    def get(self, name: str) -> Path | None:
        """Give the file's path, or None. One that the hub's cache has wrongly is downloaded once more.

        Raises:
            IntegrityError: The file does not hash as the manifest says.
        """
        path = self.source.get(name)
        if path is None or name not in self.sha256:
            return path
        try:
            verify(path, self.sha256[name])
        except IntegrityError:
            path = self._get_again(name)
            if path is None:
                raise
            verify(path, self.sha256[name])
        return path

    def at_commit_of(self, file: Path, /) -> Verified:
        """Give the source at that commit, checked likewise."""
        return replace(self, source=self.source.at_commit_of(file))

    def _get_again(self, name: str) -> Path | None:
        if isinstance(self.source, Folder) or self.source.local_files_only:
            return None
        try:
            return self.source.get_again(name)
        except (ModelLoadError, ModelNotFoundError):  # the hash that is wrong says more
            return None
