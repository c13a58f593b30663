"""Wheels for other platforms, made and checked on one Linux machine; nothing here is in a wheel."""
