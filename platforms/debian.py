"""Owns taking packages from Debian without installing them: for any of its architectures, into a folder of ours."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from platforms.paths import WORK, run, say

RELEASE = "trixie"


class NoDebianError(Exception):
    """This machine does not get packages from Debian."""


def unpack(
    packages: list[str], architecture: str, folder: Path, *, dependencies: bool = True, only: str | None = None
) -> Path:
    """Unpack packages into a folder, unless it is there, and give it back.

    Args:
        packages: Their names.
        architecture: Debian's name of it.
        folder: Where to.
        dependencies: Whether what they depend on comes too.
        only: The one file that is wanted, where the rest is large; its path in the folder.

    Raises:
        NoDebianError: This machine has no apt, or no source of Debian's packages; or what is wanted is not in them.
        subprocess.CalledProcessError: A package cannot be had.
    """
    if folder.exists():
        return folder
    say(f"downloading from Debian, {architecture}: {', '.join(packages)}")
    options = _own_apt(architecture)
    archives = WORK / f"apt/{folder.name}"
    shutil.rmtree(archives, ignore_errors=True)  # of a run that was interrupted, perhaps long ago
    archives.joinpath("partial").mkdir(parents=True)
    if dependencies:
        options += ["-o", f"Dir::Cache::Archives={archives}", "--download-only", "--yes", "--no-install-recommends"]
        run("apt-get", *options, "-qq", "install", *packages)
    else:
        run("apt-get", *options, "-qq", "download", *packages, cwd=archives)
    partial = folder.with_name(f"{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    for archive in sorted(archives.glob("*.deb")):
        run("dpkg-deb", "-x", archive, partial)
    shutil.rmtree(archives)
    if only is not None:
        _remove_others(partial, partial / only)
        if not (partial / only).is_file():
            raise NoDebianError(f"Debian's {', '.join(packages)} has no {only}")
    for name in ("bin", "lib", "lib64"):  # what an installed Debian has, and programs name
        if not (partial / name).exists():
            (partial / name).symlink_to(f"usr/{name}")
    partial.rename(folder)
    return folder


def _remove_others(folder: Path, kept: Path) -> None:
    for path in folder.rglob("*"):
        if path != kept and (path.is_symlink() or path.is_file()):
            path.unlink()


def debian_source() -> str:
    """Give a sources.list line for our release, from wherever this machine gets its own Debian packages."""
    folder = Path("/etc/apt")
    files = [*folder.glob("sources.list.d/*.sources"), folder / "sources.list", *folder.glob("sources.list.d/*.list")]
    for path in files:
        text = path.read_text("utf-8") if path.exists() else ""
        uri = re.search(r"^(?:URIs:|deb\s(?:\[[^]]*\])?)\s*(\S+/debian)/?(?:\s|$)", text, re.MULTILINE)
        keys = re.search(r"^Signed-By:\s*(\S+)|\[[^]]*signed-by=([^] ]+)", text, re.MULTILINE)
        if uri:
            signed_by = f"[signed-by={keys[1] or keys[2]}] " if keys else ""
            return f"deb {signed_by}{uri[1]} {RELEASE} main\n"
    raise NoDebianError("this machine does not get packages from Debian")


def _own_apt(architecture: str) -> list[str]:
    # apt with sources, lists, cache and state of its own: the system's are neither read nor written.
    if shutil.which("apt-get") is None:
        raise NoDebianError("this machine has no apt-get")
    base = WORK / f"apt/{architecture}"
    base.joinpath("lists/partial").mkdir(parents=True, exist_ok=True)
    (base / "sources.list").write_text(debian_source(), "utf-8")
    (base / "status").write_text("", "utf-8")  # nothing is installed, so each dependency comes too
    settings = {
        "APT::Architecture": architecture,
        "APT::Architectures": architecture,
        "APT::Sandbox::User": "",
        "Dir::Cache": base / "cache",
        "Dir::Etc::SourceList": base / "sources.list",
        "Dir::Etc::SourceParts": "-",
        "Dir::State::Lists": base / "lists",
        "Dir::State::Status": base / "status",
    }
    options = [part for name, value in settings.items() for part in ("-o", f"{name}={value}")]
    # Each time: lists grow old, and half of them would pass for all.
    run("apt-get", *options, "-o", "APT::Update::Error-Mode=any", "-qq", "update")
    return options
