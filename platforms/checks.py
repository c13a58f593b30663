"""Owns what a wheel for another platform is checked for; the checks of its module are a file for each system."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import tempfile
import zipfile
from email.parser import Parser
from pathlib import Path
from typing import TYPE_CHECKING

from platforms import checks_linux, checks_macos, checks_windows
from platforms.paths import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from platforms.targets import Target

MODULE_CHECKS = {"Darwin": checks_macos, "Linux": checks_linux, "Windows": checks_windows}
SOURCES = ROOT / "src/python"


class WheelError(Exception):
    """A wheel is not what its name says; the message lists what is wrong."""


def check_wheel(wheel: Path, target: Target) -> None:
    """Check a wheel's tags, files and module.

    Raises:
        WheelError: With everything that is wrong.
    """
    found = [*_file_problems(wheel, target), *_module_problems(wheel, target)]
    if found:
        raise WheelError("\n".join([f"{wheel.name}:", *(f"  {problem}" for problem in found)]))


def _file_problems(wheel: Path, target: Target) -> Iterator[str]:
    name, version, tag = wheel.stem.split("-", 2)
    if tag != target.wheel_tag:
        yield f"the name says {tag}, which should be {target.wheel_tag}"
    with zipfile.ZipFile(wheel) as archive:
        files = {entry: archive.read(entry) for entry in archive.namelist()}
    folder = f"{name}-{version}.dist-info"
    facts = Parser().parsestr(files[f"{folder}/METADATA"].decode())
    if (facts["Name"], facts["Version"]) != (name, version):
        yield f"METADATA is of {facts['Name']} {facts['Version']}"
    tags = Parser().parsestr(files[f"{folder}/WHEEL"].decode()).get_all("Tag")
    if tags != [target.wheel_tag]:
        yield f"WHEEL has the tags {tags}"
    yield from _record_problems(files, f"{folder}/RECORD")
    wanted = {
        path.relative_to(SOURCES).as_posix() for path in SOURCES.glob("ortembed/**/*.py*") if path.suffix != ".pyc"
    }
    wanted.add(f"ortembed/{target.module}")
    missing = sorted(wanted - set(files))
    if missing:
        yield f"lacks {', '.join(missing)}"
    extra = sorted(
        f for f in files if f.endswith((".py", ".pyc", ".so", ".pyd", ".dll", ".dylib", ".lib")) and f not in wanted
    )
    if extra:
        yield f"has {', '.join(extra)}"


def _record_problems(files: dict[str, bytes], record: str) -> Iterator[str]:
    rows = {row[0]: row[1] for row in csv.reader(io.StringIO(files[record].decode())) if row}
    if set(rows) != set(files):
        yield f"RECORD and the files differ in {', '.join(sorted(set(rows) ^ set(files)))}"
    for name, content in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        if name != record and rows.get(name) != f"sha256={digest}":
            yield f"RECORD has another hash of {name}"


def _module_problems(wheel: Path, target: Target) -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(wheel) as archive:
        member = f"ortembed/{target.module}"
        if member in archive.namelist():
            module = Path(archive.extract(member, folder))
            yield from MODULE_CHECKS[target.system].problems(module, target)
        if target.system == "Linux":
            yield from checks_linux.tag_problems(wheel, target)
