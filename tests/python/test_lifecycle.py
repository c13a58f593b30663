"""How an Embedder ends, and how a process with one in use does: quietly, with the status that it asked for."""

import weakref

import ortembed
from tests.python.no_collector import no_collector

DAEMON = """
import sys, threading, time
import numpy as np
import ortembed
embedder = ortembed.Embedder(cache_dir=sys.argv[1], local_files_only=True)
ids, offsets = np.full(512, 2088), np.arange(0, 513, 64)
def work():
    while True:
        embedder.encode_ids(ids, offsets)
for _ in range(3):
    threading.Thread(target=work, daemon=True).start()
time.sleep(0.5)
print("end")
"""


def test_daemon_threads_inside_the_model_do_not_abort_the_exit(run_python, embedder, cache_dir):
    assert run_python(DAEMON, cache_dir) == "end\n"


GIL = """
import sys, threading
import numpy as np
import ortembed
embedder = ortembed.Embedder(cache_dir=sys.argv[1], local_files_only=True, threads=1)
ids, offsets = np.full(25600, 2088), np.arange(0, 25601, 256)
sys.setswitchinterval(1e-4)
done = threading.Event()
def work():
    embedder.encode_ids(ids, offsets)
    done.set()
thread = threading.Thread(target=work)
thread.start()
turns = 0
while not done.wait(0.001):
    turns += 1
print(turns)
"""


def test_other_threads_run_while_the_model_does(run_python, embedder, cache_dir):
    """The call takes seconds; a thread that needs the GIL for each turn would get one or two if it were held."""
    assert int(run_python(GIL, cache_dir)) > 100


def test_an_embedder_is_gone_when_its_last_name_is(cache_dir, embedder):
    """Its memory is the model's: it must not wait for the collector of cycles."""
    own = ortembed.Embedder(cache_dir=cache_dir, local_files_only=True)
    own.encode("a text")
    left = weakref.ref(own), weakref.ref(own._pipeline)
    with no_collector():
        del own
        assert [reference() for reference in left] == [None, None]
