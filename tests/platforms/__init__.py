"""Tests of what builds and checks the wheels of other platforms."""
