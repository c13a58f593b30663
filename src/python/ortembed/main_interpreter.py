"""Refuses to be imported in a sub-interpreter, before numpy or tokenizers load there and fail, or hang, later."""

import importlib
from contextlib import suppress


def _is_main() -> bool:
    for name in ("_interpreters", "_xxsubinterpreters"):  # the second up to Python 3.12
        with suppress(ImportError):
            interpreters = importlib.import_module(name)
            return bool(interpreters.get_current() == interpreters.get_main())
    return True  # a Python without sub-interpreters


if not _is_main():
    raise ImportError(
        "ortembed cannot be imported in a sub-interpreter: numpy, tokenizers and its own native code serve one "
        "interpreter a process. Use threads, which share one Embedder, or processes; under mod_wsgi, set "
        "WSGIApplicationGroup %{GLOBAL}"
    )
