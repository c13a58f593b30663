"""Benchmarks and the demo: real work, timed, with the answers checked first."""
