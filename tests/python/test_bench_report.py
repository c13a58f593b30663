"""The benchmark's report, goals and choice of texts, from a small fixed result."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from bench import environments, run
from bench.agreement import check_vectors
from bench.corpora.selection import evenly, select_texts
from bench.engines import MODULES, load_engine, with_isas
from bench.engines.base import BFLOAT16_COSINE, FLOAT32_COSINE, Environment, Setup
from bench.environments import is_made, write_stamp
from bench.errors import EngineError
from bench.figures import all_figures
from bench.plan import FULL
from bench.report import markdown
from bench.run import check_made, read_options
from bench.targets import targets
from bench.workload import workload
from filelock import FileLock

MINILM = {"hidden_size": 384, "intermediate_size": 1536, "num_hidden_layers": 6}
LOAD = {"texts": 100, "tokens": 2_000, "matmul_flop": 40e9, "attention_flop": 10e9}


def record(name, dtype, *, query_ms, mixed_s, failure=None, peak=100):
    """An engine with queries of query_ms (and one of twice that), and three rounds of 100 mixed texts."""
    corpus = [{"seconds": mixed_s * factor, "cpu_seconds": 1.0, "peak_rss_mb": peak} for factor in (1, 5, 0.5)]
    return {
        "name": name,
        "label": f"label of {name}",
        "dtype": dtype,
        "ours": name.startswith("ours"),
        "versions": {"numpy": "2.0"},
        "settings": "as it comes",
        "remark": "packed" if dtype == "int8" else "",
        "agreement": {"min_cosine": 0.98765, "mean_cosine": 1.0, "max_difference": 0.1, "left_out": {"7": "odd"}},
        "starts": [{"import_seconds": 0.1, "load_seconds": 0.1, "first_seconds": 0.05}] * 2,
        "queries": [
            {"seconds": [query_ms / 1000] * 9, "idle_cores": 0.0, "cpu_seconds": 1.0},
            {"seconds": [query_ms / 1000, query_ms / 500], "idle_cores": 0.0, "cpu_seconds": 1.0},
        ],
        "corpora": {"short": corpus, "mixed": corpus, "long": corpus},
        "tokenized": [0.8 * turn["seconds"] if name.startswith("ours") else None for turn in corpus],
        "failure": failure,
    }


@pytest.fixture
def result():
    rate = {"one": 50.0, "all": 100.0}
    return {
        "command": "./dev bench --quick",
        "date": "2026-01-01",
        "max_tokens": 256,
        "machine": {
            "processor": "Fast One",
            "instructions": ["avx2"],
            "cores": 4,
            "threads_used": 2,
            "memory_gb": 8.0,
            "system": "Linux",
        },
        "texts": dict.fromkeys(("queries", "short", "mixed", "long"), LOAD),
        "roofline": {
            "threads": 2,
            "dots": {name: {"instruction": "fma", "rate": rate} for name in ("float32", "int8")},
            "reading": [{"bytes": 1_000_000, "rate": rate}],
        },
        "engines": [
            record("ours-float32", "float32", query_ms=4.0, mixed_s=1.0),
            record("ours-int8", "int8", query_ms=2.0, mixed_s=0.5, peak=170),
            record("pure-python", "float32", query_ms=5.0, mixed_s=5.0),
            record("sentence-transformers-torch", "float32", query_ms=9.0, mixed_s=2.0),
            record("sentence-transformers-onnx", "float32", query_ms=8.0, mixed_s=4.0),
            record("fastembed", "float32", query_ms=1.0, mixed_s=1.0, failure="wrong vectors: norms\nmore"),
        ],
    }


def test_figures_are_medians_and_percentiles(result):
    ours = next(row for row in all_figures(result) if row.name == "ours-float32")
    assert ours.p50_ms == pytest.approx(4.0)
    assert ours.p99_ms == pytest.approx(7.6)  # the 11th of 11 is 8 ms
    assert ours.texts_per_s["mixed"] == pytest.approx(100.0)  # the median of 100, 20 and 200
    assert ours.tokenized_per_s == pytest.approx(125.0)
    assert np.isnan(next(row for row in all_figures(result) if not row.ours).tokenized_per_s)
    assert ours.ready_s == pytest.approx(0.25)
    assert ours.cpu_ms_per_text == pytest.approx(10.0)


def test_the_table_has_a_row_an_engine_and_names_those_left_out(result):
    text = markdown(result)
    assert "Fast One (avx2), 2 of 4 cores" in text
    assert "`./dev bench --quick`" in text
    row = next(line for line in text.splitlines() if "label of ours-float32" in line and "4.00 / " in line)
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells == [
        "**label of ours-float32**",
        "**0.25**",
        "**4.00 / 6.00 / 7.60**",
        "**100**",
        "**100**",
        "**100**",
        "**10.0**",
        "**100**",
        "**0.9877 / 1**",
    ]
    compared = "Not compared: 1 golden texts that it tokenizes otherwise (odd)"
    assert f"- label of ours-int8: numpy 2.0; as it comes; packed. {compared}\n" in text
    assert f"- label of ours-float32: numpy 2.0; as it comes. {compared}\n" in text
    assert "- label of fastembed: wrong vectors: norms\n" in text
    shown = " ".join(text.split())
    assert "| single query, p50 | 4.00 ms | 5.00 ms | 125% |" in shown
    assert "| label of ours-int8 | mixed texts | 200/s | 200/s | 100% |" in shown
    assert "| label of ours-int8 | mixed texts, tokenized before | 250/s | 200/s | 125% |" in shown
    assert "| int8, mean cosine on the golden texts | at least 0.999 | 1 | yes |" in shown
    assert "| int8, least cosine on the golden texts | at least 0.996 | 0.98765 | no |" in shown


def test_a_result_without_limits_and_without_ours_is_reported_too(result):
    result["roofline"] = None
    result["engines"][2]["queries"][0]["idle_cores"] = 0.6
    goals = {goal.what: goal.met for goal in targets(all_figures(result), result)}
    assert goals["float32, mixed texts, part of the machine's limit"] is None
    result["engines"] = result["engines"][2:]
    text = markdown(result)
    assert "keep cores busy for a while after a query: label of pure-python (0.30)" in text
    assert "goal" not in text


def test_texts_are_real_and_of_the_asked_length():
    texts = select_texts(60, {"short": 20, "mixed": 30, "long": 10})
    assert {name: len(some) for name, some in texts.items()} == {"queries": 60, "short": 20, "mixed": 30, "long": 10}
    assert all(20 <= len(text) <= 60 for text in texts["short"])
    assert all(len(text) >= 1200 for text in texts["long"])
    assert texts["queries"][50] == texts["queries"][0]
    assert all(len(set(texts[name])) == len(texts[name]) for name in ("short", "mixed", "long"))


def test_float32_is_held_to_its_differences_as_well_as_to_its_cosine(golden):
    vectors = np.concatenate([golden[1]["normalized"], golden[1]["normalized"][:1]]).astype(np.float64)
    check_vectors(vectors, min_cosine=FLOAT32_COSINE, other_tokens={})
    vectors[5, 7] += 1e-3  # the cosine stays above 0.999999
    with pytest.raises(EngineError, match=r"golden text \d+, largest difference 1\.0e-03"):
        check_vectors(vectors, min_cosine=FLOAT32_COSINE, other_tokens={})
    assert check_vectors(vectors, min_cosine=BFLOAT16_COSINE, other_tokens={}).min_cosine > FLOAT32_COSINE
    assert check_vectors(vectors, min_cosine=FLOAT32_COSINE, other_tokens={5: "odd"}).left_out == {5: "odd"}


def test_texts_are_picked_at_even_distances():
    assert evenly(list("abcdefghij"), 4) == ["a", "c", "f", "h"]
    assert evenly(["a"], 4) == ["a"]


def test_the_work_of_a_text_is_that_of_the_model():
    load = workload([10, 20], MINILM)
    assert load.tokens == 30
    assert load.matmul_flop / load.tokens == pytest.approx(21.3e6, rel=0.01)
    assert load.attention_flop == 4 * 384 * 6 * (100 + 400)


def test_every_competitor_describes_itself():
    engines = [load_engine(module) for module in MODULES]
    assert len({engine.name for engine in engines}) == len({engine.label for engine in engines}) == len(engines)
    assert {engine.name for engine in engines} >= {name for engine in engines for name in engine.needs}
    for engine in engines:
        json.dumps(environments.describe(engine.environment))
        packages = [part for line in engine.environment.requirements for part in line.split() if part[0] != "-"]
        assert packages
        assert all("==" in package for package in packages), f"{engine.name} does not pin its packages"


def test_an_installation_that_fails_says_why(tmp_path):
    missing = f"{tmp_path}/missing-1.0-py3-none-any.whl"
    with pytest.raises(EngineError, match=r"pip install .*missing-1\.0(.|\n)*ended with 1:(.|\n)*missing-1\.0"):
        environments.pip(Path(sys.executable), "install", "--no-index", "--dry-run", missing)


def test_an_environment_is_made_again_when_its_requirements_change(tmp_path, monkeypatch):
    monkeypatch.setattr(environments, "HOME", tmp_path)
    environment = Environment("one", ("a==1",))
    (tmp_path / "one").mkdir()
    assert not is_made(environment)
    write_stamp(tmp_path / "one", environments.describe(environment))
    assert is_made(environment)
    assert not is_made(Environment("one", ("a==2",)))
    assert not is_made(Environment("one", ("a==1",), variables={"CC": "clang"}))


def test_a_restricted_engine_follows_those_that_choose_by_themselves():
    names = with_isas(["ours_int8", "ours_bfloat16", "ours_float32", "fastembed_onnx"], ["avx2"])
    assert names == [
        "ours_int8",
        "ours_bfloat16",
        "ours_int8@avx2",
        "ours_bfloat16@avx2",
        "ours_float32",
        "fastembed_onnx",
    ]
    assert with_isas(MODULES, []) == MODULES
    engine = load_engine("ours_int8@avx2")
    assert (engine.name, engine.label) == ("ours-int8-avx2", "ortembed, int8, avx2")
    assert engine.variables == {"ORTEMBED_ISA": "avx2"}
    assert load_engine("ours_int8").variables == {}
    assert "ours_int8@avx2" in read_options(["--quick", "--isa", "avx2"]).engines


def test_only_competitors_have_to_be_made_before_a_quick_run(tmp_path, monkeypatch):
    monkeypatch.setattr(environments, "HOME", tmp_path)
    setup = Setup(tmp_path, tmp_path, threads=1)
    check_made("ours_int8", setup)
    check_made("ours_int8@avx2", setup)
    with pytest.raises(EngineError, match="without --quick makes it"):
        check_made("fastembed_onnx", setup)


def test_two_runs_do_not_disturb_each_other(tmp_path, monkeypatch):
    monkeypatch.setattr(run, "HOME", tmp_path)
    with FileLock(tmp_path / "lock"), pytest.raises(SystemExit, match="another run of the benchmark is going on"):
        run.main(["--smoke", "--output", str(tmp_path)])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--engines", "ours_int8,magic"], "unknown engines: magic"),
        (["--threads", "0"], "--threads is 0"),
        (["--texts", "0"], "--texts is 0"),
        (["--quick", "--smoke"], "not allowed with"),
    ],
)
def test_options_that_cannot_be_are_refused(arguments, message, capsys):
    with pytest.raises(SystemExit):
        read_options(arguments)
    assert message in capsys.readouterr().err


def test_a_number_of_texts_scales_all_corpora():
    assert FULL.with_texts(192).texts == {"short": 192, "mixed": 192, "long": 24}
