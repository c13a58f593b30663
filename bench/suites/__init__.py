"""Suites of pytest-benchmark: ortembed beside the pure-Python path, whole and stage by stage."""
