"""Loads a model for each manifest, by its short name, from a hub that has a small one under its hub id.

A process of its own, since huggingface_hub reads its variables at import: main(FOLDER), where FOLDER/NAME has the
files of each. FOLDER/loaded.json gets what each Embedder says of itself, or its error; FOLDER/loaded.npz its vectors.
"""

from __future__ import annotations

import json
import os
import re
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np

from tests.python.hub_server import HubServer

COMMIT = "0123456789abcdef0123456789abcdef01234567"
BARE_COMMIT = "89abcdef0123456789abcdef0123456789abcdef"


def main() -> None:
    folder = Path(sys.argv[1])
    with HubServer("nobody/nothing", COMMIT, {}) as hub:
        hub._http.daemon_threads = True  # the client is this process too, and keeps its connections
        os.environ |= {"HF_HOME": str(folder / "hf"), "HF_ENDPOINT": hub.endpoint, "HF_HUB_OFFLINE": "0"}
        load_all(folder, hub)


def load_all(folder: Path, hub: HubServer) -> None:
    from ortembed.errors import OrtembedError  # noqa: PLC0415 - reads the variables
    from ortembed.manifest import manifests  # noqa: PLC0415

    told, vectors = {}, {}
    for name, manifest in manifests().items():
        # Another commit than the manifest's where that has hashes, which these files do not have.
        asked = COMMIT if manifest.sha256 else None
        serve(hub, manifest.hub_id, asked or manifest.revision or COMMIT, repository(folder / name))
        try:
            told[name] = load(name, asked, folder, vectors)
        except OrtembedError as error:
            told[name] = {"error": f"{type(error).__name__}: {error}"}
    for manifest in {(m.pooling, m.normalize): m for m in manifests().values()}.values():
        files = repository(folder / manifest.name)
        bare = {name: content for name, content in files.items() if not re.match("modules|sentence_|1_", name)}
        serve(hub, manifest.hub_id, BARE_COMMIT, bare)
        load(manifest.name, BARE_COMMIT, folder, vectors, kind="bare ")
    (folder / "loaded.json").write_text(json.dumps(told), "utf-8")
    np.savez(folder / "loaded.npz", **vectors)


def repository(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def serve(hub: HubServer, repo_id: str, commit: str, files: dict[str, bytes]) -> None:
    hub.repo_id, hub.history, hub.commit = repo_id, {commit: files}, commit


def load(name: str, revision: str | None, folder: Path, vectors: dict, kind: str = "") -> dict:
    from ortembed import Embedder  # noqa: PLC0415

    texts = json.loads((folder / "texts.json").read_text("utf-8"))
    embedder = Embedder(name, revision=revision, cache_dir=folder / "prepared")
    vectors[f"{name}/{kind}query"] = embedder.encode_query(texts)
    vectors[f"{name}/{kind}document"] = embedder.encode_document(texts)
    return {"prompts": embedder.prompts, **asdict(embedder.model_info())}
