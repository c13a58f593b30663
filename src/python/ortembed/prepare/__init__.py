"""Model preparation: from a model's own files to a graph, tokenizer and settings that are ready to load."""

from ortembed.prepare.forms import BFLOAT16, COREML, DTYPES, FLOAT32, FORMS, INT8, PACKED, PADDED
from ortembed.prepare.prepared import check_entry, find_prepared, prepare

__all__ = [
    "BFLOAT16",
    "COREML",
    "DTYPES",
    "FLOAT32",
    "FORMS",
    "INT8",
    "PACKED",
    "PADDED",
    "check_entry",
    "find_prepared",
    "prepare",
]
