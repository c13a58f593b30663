"""Models made of fewer bits from their own files: what calibrates them, and what is told where that does not do."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tokenizers

import ortembed
from ortembed import IntegrityError, ModelLoadError, hub
from ortembed.instructions import instruction_set
from ortembed.prepare import prepare
from ortembed.prepare.packed import inputs
from tests.python.test_prepare import linked_by_hash
from tests.python.tiny_models import BERT_CONFIG, MEAN_POOLING, WORDS, bert_weights, save_bert

PLAIN_TOKENIZER = {"tokenizer_config": {"tokenizer_class": "PreTrainedTokenizerFast"}}


@pytest.mark.parametrize("form", ["cpu", "packed"])
@pytest.mark.parametrize("token", ["[MASK]", "[PAD]"])
def test_a_token_that_the_weights_have_no_row_for_is_in_no_built_in_text(tmp_path, form, token):
    """It comes after the last of ten words; [MASK] is in texts to calibrate on, [PAD] in those to judge by too."""
    folder = save_bert(tmp_path / "model", **MEAN_POOLING, **PLAIN_TOKENIZER)
    tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    vocabulary = {(word if word != token else "padding"): index for word, index in tokenizer.get_vocab().items()}
    tokenizer.model = tokenizers.models.WordLevel(vocabulary, unk_token="[UNK]")  # noqa: S106
    tokenizer.add_special_tokens([token])
    tokenizer.save(str(folder / "tokenizer.json"))
    embedder = ortembed.Embedder(folder, cache_dir=tmp_path / "cache", dtype="int8", form=form)
    assert embedder.tokenize([token]).ids.max() == len(WORDS)
    assert embedder.model_info().form == form


TOO_LARGE = {
    "int8": "the inputs of encoder.layer.0.output.dense are too large to round by; use dtype='float32'",
    "bfloat16": "bfloat16 vectors cannot be compared .* not finite for row 79; use dtype='float32'",
}


@pytest.mark.parametrize("dtype", TOO_LARGE)
def test_values_that_fewer_bits_do_not_hold_are_told_with_a_way_out(tmp_path, dtype):
    weights = bert_weights()
    weights["encoder.layer.0.intermediate.dense.bias"] += 1e20
    folder = save_bert(tmp_path / "model", weights=weights, **MEAN_POOLING, **PLAIN_TOKENIZER)
    where = {"cache_dir": tmp_path / "cache"}
    assert np.isfinite(ortembed.Embedder(folder, **where).encode("hello")).all()
    with pytest.raises(ModelLoadError, match=TOO_LARGE[dtype]):
        ortembed.Embedder(folder, dtype=dtype, form="packed", **where)


def test_what_is_measured_never_takes_more_of_the_disk_than_a_run_of_the_graph_adds_up(tmp_path, monkeypatch):
    monkeypatch.setattr(inputs, "_MOST_BYTES", 1)
    taken = []
    read = np.load

    def watch(file, *arguments, **options):
        if "value_" in str(file):
            taken.append(len(list(tmp_path.rglob("value_*.npz"))))
        return read(file, *arguments, **options)

    monkeypatch.setattr(inputs.np, "load", watch)
    folder = save_bert(tmp_path / "model", **MEAN_POOLING, **PLAIN_TOKENIZER)
    prepare(str(folder), cache_dir=tmp_path / "cache", dtype="int8", form="packed")
    assert taken == [1] * 4 * BERT_CONFIG["num_hidden_layers"]


def test_an_entry_tells_by_which_instructions_it_was_compared(ortembed, tmp_path):
    folder = save_bert(tmp_path / "model", **MEAN_POOLING, **PLAIN_TOKENIZER)
    where = [str(folder), "--cache-dir", tmp_path / "cache"]
    for dtype, expected in (("bfloat16", "plain"), ("float32", "")):
        done = ortembed("prepare", *where, "--dtype", dtype, ORTEMBED_ISA="plain")
        assert done.returncode == 0, done.stderr
        told = json.loads(ortembed("info", *where, "--dtype", dtype, "--json").stdout)
        assert told["instructions"] == expected
        assert told["machine"]["instruction set"].split()[0] == instruction_set()


def test_a_known_model_is_found_without_its_files(cache_dir, embedder, monkeypatch):
    options = {"cache_dir": cache_dir, "local_files_only": True, "dtype": "bfloat16"}
    made = ortembed.Embedder(**options)
    monkeypatch.setattr(hub, "find_model", lambda *_, **__: pytest.fail("the model's own files were looked for"))
    assert ortembed.Embedder(**options).fingerprint == made.fingerprint


@pytest.mark.parametrize("dtype", ["int8", "bfloat16"])
def test_weights_that_changed_since_float32_was_made_are_not_rounded(tmp_path, dtype):
    folder = save_bert(tmp_path / "model", **MEAN_POOLING, **PLAIN_TOKENIZER)
    blob = linked_by_hash(folder)
    prepare(str(folder), cache_dir=tmp_path / "cache")
    blob.write_bytes(blob.read_bytes()[:-1] + b"x")
    with pytest.raises(IntegrityError, match=f"{blob.name} was expected; delete"):
        prepare(str(folder), cache_dir=tmp_path / "cache", dtype=dtype, form="packed")
