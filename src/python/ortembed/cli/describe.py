"""What a prepared model is, as plain values and as lines to read."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ortembed.manifest import find_manifest
from ortembed.pipeline import Pipeline

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ortembed.prepared_model import PreparedModel


def describe(name: str, prepared: PreparedModel) -> dict[str, Any]:
    """Give all that is known of a prepared model, in values that JSON has. The model is loaded for it."""
    manifest = find_manifest(name)
    settings = prepared.settings
    return {
        "model": name,
        "hub_id": manifest.hub_id if manifest else None,
        "licence": manifest.licence if manifest else None,
        "type": settings.model_type,
        "dimension": Pipeline(prepared).dimension,
        "matryoshka": list(settings.matryoshka_dims),
        "max_seq_length": settings.max_seq_length,
        "max_positions": settings.max_positions,
        "pooling": list(settings.pooling),
        "head": [step.kind for step in settings.head],
        "normalize": settings.normalize,
        "similarity": settings.similarity,
        "lowercase": settings.tokenizer.lowercase,
        "prompts": dict(settings.prompts),
        "default_prompt_name": settings.default_prompt_name,
        **asdict(prepared.facts),
        "form_reason": prepared.form_reason,
        "quality": asdict(prepared.quality) if prepared.quality else None,
        "folder": str(prepared.folder),
        "bytes": prepared.size(),
        "files": {
            path.relative_to(prepared.folder).as_posix(): path.stat().st_size
            for path in sorted(prepared.folder.rglob("*"))
            if path.is_file()
        },
    }


def lines(values: Mapping[str, Any], indent: str = "") -> Iterator[str]:
    """Give a line for each value that there is, those of a mapping indented below its name."""
    shown = {key: value for key, value in values.items() if value not in (None, "", [], {})}
    width = max(map(len, shown), default=0)
    for key, value in shown.items():
        if isinstance(value, dict):
            yield f"{indent}{key}"
            yield from lines(value, indent + "  ")
        else:
            yield f"{indent}{key:{width}}  {_text(value)}"


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return str(value)
