"""The API of text-embeddings-inference: /embed, /embed_all, /similarity, /tokenize, /decode and /info."""

from __future__ import annotations

from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
from fastapi import APIRouter, Request

from ortembed.server.answers import MANY_VALUES, JsonResponse, to_json, values_of
from ortembed.server.api_errors import invalid
from ortembed.server.described import GET_ERRORS, POST_ERRORS, computed, errors, keys
from ortembed.server.inputs import Inputs, read_inputs
from ortembed.server.queue import Kind
from ortembed.server.record import record_of
from ortembed.server.tei_schemas import (
    DecodeRequest,
    EmbedAllRequest,
    EmbedRequest,
    Info,
    SimilarityRequest,
    SimpleToken,
    TeiError,
    TokenizeRequest,
    Truncation,
)
from ortembed.similarity import similarity as compare

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ortembed.server.answers import Floats
    from ortembed.server.model import ServedModel
    from ortembed.server.record import Record
    from ortembed.server.service import Service
    from ortembed.tokenizer import TokenizedTexts


def tei_router(service: Service) -> APIRouter:
    """Give the routes."""
    router = APIRouter(tags=["text-embeddings-inference"], dependencies=keys(service.settings))
    refused = errors(TeiError, POST_ERRORS)
    responses = {**computed(), **refused}

    @router.post("/", response_model=list[list[float]], include_in_schema=False)  # where InferenceClient asks
    @router.post("/embed", response_model=list[list[float]], responses=responses)
    async def embed(body: EmbedRequest, request: Request) -> Any:  # noqa: ANN401 - a response of our own
        """Embed texts, or ids of tokens with their special ones."""
        record = record_of(request.scope)
        model = service.model(body.model)
        tokens = await _tokenize(service, model, body, record)
        kind = model.kind(normalize=body.normalize, dimensions=body.dimensions, skip_tokens=tokens.skip_tokens)
        return await _answer(model, await model.embed(tokens, kind, record), record)

    @router.post("/embed_all", response_model=list[list[list[float]]], responses=responses)
    async def embed_all(body: EmbedAllRequest, request: Request) -> Any:  # noqa: ANN401 - the same
        """Give the model's last hidden state of each token, without pooling."""
        record = record_of(request.scope)
        model = service.model(body.model)
        tokens = await _tokenize(service, model, body, record)
        return await _answer(model, await model.embed(tokens, Kind(per_token=True), record), record)

    @router.post("/similarity", response_model=list[float], responses=responses)
    async def similarity(body: SimilarityRequest, request: Request) -> Any:  # noqa: ANN401 - the same
        """Compare a text with others."""
        return await _similarity(service, body, record_of(request.scope))

    @router.post("/tokenize", response_model=list[list[SimpleToken]], responses=refused)
    async def tokenize(body: TokenizeRequest) -> Any:  # noqa: ANN401 - the same
        """Give the tokens of texts, with the characters that they stand for."""
        model = service.model(body.model)
        inputs = read_inputs(body.inputs, "inputs", service.settings.limits)
        most = service.settings.limits.max_text_characters
        if inputs.characters > most:  # the answer is twenty times as long
            raise invalid(
                f"the inputs have {inputs.characters} characters, more than {most} together", param="inputs"
            )
        return JsonResponse(
            await model.in_thread(lambda: _tokens(model, inputs, body.prompt_name, special=body.add_special_tokens))
        )

    @router.post("/decode", response_model=list[str], responses=refused)
    async def decode(body: DecodeRequest) -> Any:  # noqa: ANN401 - the same
        """Give the texts of ids."""
        model = service.model(body.model)
        inputs = read_inputs(body.ids, "ids", service.settings.limits)
        special = body.skip_special_tokens
        call = partial(model.embedder.detokenize, inputs.ids or [], skip_special_tokens=special)
        return JsonResponse(await model.in_thread(call))

    @router.get("/info", response_model=Info, responses=errors(TeiError, GET_ERRORS))
    async def info(model: str = "") -> Any:  # noqa: ANN401 - the same
        """Describe a model and the service's limits."""
        return JsonResponse(service.model(model).info())

    return router


async def _tokenize(
    service: Service, model: ServedModel, body: EmbedRequest | EmbedAllRequest, record: Record
) -> TokenizedTexts:
    inputs = read_inputs(body.inputs, "inputs", service.settings.limits, body.prompt_name)
    return await model.tokenize(inputs, record, **_options(body))


def _options(truncation: Truncation) -> dict[str, Any]:
    side = truncation.truncation_direction
    return {
        "prompt_name": truncation.prompt_name,
        "side": side.lower() if side else None,
        "truncate": truncation.truncate,
    }


async def _similarity(service: Service, body: SimilarityRequest, record: Record) -> JsonResponse:
    model = service.model(body.model)
    source = read_inputs(body.inputs.source_sentence, "source_sentence", service.settings.limits)
    others = read_inputs(body.inputs.sentences, "sentences", service.settings.limits)
    inputs = Inputs([*source.texts, *others.texts], None, is_batch=True)
    tokens = await model.tokenize(inputs, record, **_options(body.parameters or Truncation()))
    vectors = await model.embed(tokens, Kind(normalize=True, skip_tokens=tokens.skip_tokens), record)
    scores = compare("cosine", vectors[0], np.stack(vectors[1:]))[0]
    return JsonResponse(to_json(scores), headers=_headers(record))


def _tokens(model: ServedModel, inputs: Inputs, prompt_name: str | None, *, special: bool) -> bytes:
    rows = model.embedder.tokens(inputs.texts, prompt_name=prompt_name, add_special_tokens=special)
    return to_json([[token._asdict() for token in row] for row in rows])


async def _answer(model: ServedModel, vectors: Sequence[Floats], record: Record) -> JsonResponse:
    write = partial(to_json, vectors)
    body = await model.in_thread(write) if values_of(vectors) > MANY_VALUES else write()
    return JsonResponse(body, headers=_headers(record))


def _headers(record: Record) -> dict[str, str]:
    """Give what a request took, in whole milliseconds as TEI has it."""
    seconds = {
        "total": perf_counter() - record.started,
        "tokenization": record.tokenization_seconds,
        "queue": record.queue_seconds,
        "inference": record.inference_seconds,
    }
    return {
        "x-compute-type": "cpu",
        "x-compute-tokens": str(record.tokens),
        "x-compute-characters": str(record.characters),
        "x-truncated-texts": str(record.truncated),
        **{f"x-{stage}-time": str(int(value * 1000)) for stage, value in seconds.items()},
    }
