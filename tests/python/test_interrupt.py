"""Ctrl-C: encode ends within a batch, and the embedder goes on working."""

import os

import pytest

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")

INTERRUPTED = """if True:
    import os, signal, sys, threading, time
    import numpy as np
    import ortembed
    embedder = ortembed.Embedder(cache_dir=sys.argv[1], local_files_only=True)
    texts = [f"{i} " + "many words in a text " * 60 for i in range(int(sys.argv[2]))]
    def interrupt():
        while embedder.stats().batches < 3:
            time.sleep(0.005)
        os.kill(os.getpid(), signal.SIGINT)
    before = embedder.encode("a cat")
    thread = threading.Thread(target=interrupt)
    start = embedder.stats()
    thread.start()
    try:
        if sys.argv[3] in ("encode", "token_embeddings"):
            getattr(embedder, sys.argv[3])(texts)
        elif sys.argv[3] == "iter_encode":
            for vector in embedder.iter_encode(texts, chunk_size=512):
                pass
        else:
            ids = np.full(200 * len(texts), 2088)
            getattr(embedder, sys.argv[3])(ids, np.arange(0, len(ids) + 1, 200))
    except KeyboardInterrupt:
        done = embedder.stats() - start
        assert np.allclose(embedder.encode("a cat"), before, atol=1e-6)
        names = [t.name for t in threading.enumerate() if t.name.startswith("ortembed-tokenizer")]
        print(done.tokens, *names)
"""


@pytest.mark.parametrize(
    ("method", "count"),
    [
        ("encode", 600),
        pytest.param("encode", 5000, marks=pytest.mark.one_runtime),
        pytest.param("iter_encode", 5000, marks=pytest.mark.one_runtime),
        ("encode_ids", 600),
        pytest.param("token_embeddings", 600, marks=pytest.mark.one_runtime),
        pytest.param("token_embeddings_of_ids", 600, marks=pytest.mark.one_runtime),
    ],
)
def test_an_interrupt_ends_a_call_within_a_batch(run_python, embedder, cache_dir, method, count):
    """600 texts are one window (three of token embeddings), 5000 are two; one is tokenized while another runs."""
    (tokens,) = map(int, run_python(INTERRUPTED, cache_dir, count, method).split())
    assert tokens < 200 * count / 4
