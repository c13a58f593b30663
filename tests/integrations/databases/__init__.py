"""Tests in the environment of the databases, of real engines in folders of their own, without a network."""
