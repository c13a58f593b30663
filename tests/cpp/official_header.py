"""Takes the official C header out of Debian's libonnxruntime-dev, where this machine has Debian's sources.

Run as ``python official_header.py FOLDER``: the header goes to FOLDER/header, for the check of ort/abi.h.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path


def download_header(base: Path) -> None:
    """Fill base/header, unless it is there."""
    folder = base / "header"
    if folder.exists() or shutil.which("apt-get") is None:
        return
    source = debian_source()
    if source is None:
        return
    print("dev: downloading the official header", file=sys.stderr)
    apt_dir = base / "apt"
    for name in ("lists/partial", "cache/archives/partial"):
        (apt_dir / name).mkdir(parents=True, exist_ok=True)
    (apt_dir / "sources.list").write_text(source, "utf-8")
    options = ["-o", f"Dir::Etc::SourceList={apt_dir / 'sources.list'}", "-o", "Dir::Etc::SourceParts=-",
               "-o", f"Dir::State::Lists={apt_dir / 'lists'}", "-o", f"Dir::Cache={apt_dir / 'cache'}",
               "-o", "APT::Sandbox::User="]  # fmt: skip
    partial = apt_dir / "unpacked"
    try:
        run("apt-get", *options, "-qq", "update")
        run("apt-get", *options, "-qq", "download", "libonnxruntime-dev", cwd=apt_dir)
        (package,) = apt_dir.glob("libonnxruntime-dev_*.deb")
        run("dpkg-deb", "-x", package, partial)
        (header,) = partial.rglob("onnxruntime_c_api.h")
        header.parent.rename(folder)
    except (subprocess.CalledProcessError, ValueError) as error:
        print(f"dev: the official header cannot be had here: {error}", file=sys.stderr)


def debian_source() -> str | None:
    """Give a sources.list line for Debian trixie, from wherever this machine gets its own Debian packages."""
    folder = Path("/etc/apt")
    for path in [
        *folder.glob("sources.list.d/*.sources"),
        folder / "sources.list",
        *folder.glob("sources.list.d/*.list"),
    ]:
        text = path.read_text("utf-8") if path.exists() else ""
        uri = re.search(r"^(?:URIs:|deb\s(?:\[[^]]*\])?)\s*(\S+/debian)/?(?:\s|$)", text, re.MULTILINE)
        keys = re.search(r"^Signed-By:\s*(\S+)|\[[^]]*signed-by=([^] ]+)", text, re.MULTILINE)
        if uri:
            signed_by = f"[signed-by={keys[1] or keys[2]}] " if keys else ""
            return f"deb {signed_by}{uri[1]} trixie main\n"
    return None


def run(*command: object, cwd: Path | None = None) -> None:
    """Run a command; CalledProcessError where it fails."""
    subprocess.run([str(part) for part in command], cwd=cwd, check=True)


if __name__ == "__main__":
    download_header(Path(sys.argv[1]))
