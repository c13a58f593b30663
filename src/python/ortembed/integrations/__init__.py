"""Adapters to databases and frameworks that have a plug-in convention, one a file; each needs that package."""
