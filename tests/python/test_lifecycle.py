"""How a process ends with an Embedder in use: quietly, and with the status that it asked for."""

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
