"""Model preparation: from a model's own files to a graph, tokenizer and settings that are ready to load."""

from ortembed.prepare.prepared import PreparedModel, prepare

__all__ = ["PreparedModel", "prepare"]
