"""A scope in which only reference counts free memory, so that a cycle of references shows."""

import gc
from contextlib import contextmanager


@contextmanager
def no_collector():
    """Switch the collector of cycles off for a while, with nothing left for it to find."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
