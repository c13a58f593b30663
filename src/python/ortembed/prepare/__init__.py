"""Model preparation: from a model's own files to a graph, tokenizer and settings that are ready to load."""

from ortembed.prepare.prepared import DTYPES, FORMS, check_entry, find_prepared, prepare

__all__ = ["DTYPES", "FORMS", "check_entry", "find_prepared", "prepare"]
