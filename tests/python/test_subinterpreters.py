"""Sub-interpreters, with a GIL of their own and with the process's: refused, in words that say what to do."""

import pytest

INSIDE = """
try:
    import ortembed
except ImportError as error:
    print(error)
"""
SUB_INTERPRETER = """if True:
    import sys
    try:
        import _interpreters as interpreters
    except ImportError:
        import _xxsubinterpreters as interpreters
    order, kind, inside = sys.argv[1:]
    if order == "main first":
        import ortembed
    if sys.version_info >= (3, 13):
        name = interpreters.create(kind)
        failure = interpreters.exec(name, inside)
        assert failure is None, failure
    else:
        name = interpreters.create(isolated=kind == "isolated")
        interpreters.run_string(name, inside)
    interpreters.destroy(name)
    import ortembed
    ortembed.quantize_embeddings([[1.0, -1.0]], "ubinary")
    print("main works")
"""


@pytest.mark.parametrize("kind", ["isolated", "legacy"])
@pytest.mark.parametrize("order", ["main first", "sub-interpreter first"])
def test_an_import_is_refused_and_the_main_interpreter_works_on(run_python, order, kind):
    refusal, last = run_python(SUB_INTERPRETER, order, kind, INSIDE).splitlines()
    assert refusal.startswith("ortembed cannot be imported in a sub-interpreter: ")
    assert "Use threads, which share one Embedder, or processes" in refusal
    assert last == "main works"
