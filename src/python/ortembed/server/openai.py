"""OpenAI's API: /v1/embeddings and /v1/models."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field, StrictInt, StrictStr

from ortembed.server.answers import MANY_VALUES, JsonResponse, to_base64, to_json, values_of
from ortembed.server.described import GET_ERRORS, OPENAI_ERRORS, errors, keys
from ortembed.server.inputs import TextOrIds, read_inputs
from ortembed.server.record import record_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ortembed.server.answers import Floats
    from ortembed.server.record import Record
    from ortembed.server.service import Service


class EmbeddingsRequest(BaseModel):
    """What to embed, and how."""

    input: TextOrIds = Field(description="A text, texts, ids of one text's tokens, or of each text's")
    model: StrictStr | None = Field(default=None, description="A model's name; the first model where there is none")
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: Annotated[StrictInt, Field(ge=1)] | None = Field(
        default=None, description="Values of each vector to keep"
    )
    user: StrictStr | None = None
    prompt_name: StrictStr | None = Field(
        default=None, description="Ours: the model's prompt to put before each text"
    )


class Embedding(BaseModel):
    """One text's vector."""

    object: Literal["embedding"]
    index: int
    embedding: list[float] | str


class Usage(BaseModel):
    """Tokens that were read, after truncation."""

    prompt_tokens: int
    total_tokens: int


class EmbeddingsAnswer(BaseModel):
    """Vectors in the order of the texts."""

    object: Literal["list"]
    data: list[Embedding]
    model: str
    usage: Usage


class ModelCard(BaseModel):
    """One model."""

    id: str
    object: Literal["model"]
    created: int
    owned_by: str


class ModelList(BaseModel):
    """All models."""

    object: Literal["list"]
    data: list[ModelCard]


class ErrorDetails(BaseModel):
    """What is wrong."""

    message: str
    type: str
    param: str | None
    code: str | None


class OpenAIError(BaseModel):
    """An error."""

    error: ErrorDetails


def openai_router(service: Service) -> APIRouter:
    """Give the routes."""
    router = APIRouter(prefix="/v1", tags=["OpenAI"], dependencies=keys(service.settings))
    get_errors = errors(OpenAIError, GET_ERRORS)

    @router.post("/embeddings", response_model=EmbeddingsAnswer, responses=errors(OpenAIError, OPENAI_ERRORS))
    async def embeddings(body: EmbeddingsRequest, request: Request) -> Any:  # noqa: ANN401 - a response of our own
        """Embed texts, or ids of tokens with their special ones."""
        return await _embed(service, body, record_of(request.scope))

    @router.get("/models", response_model=ModelList, responses=get_errors)
    async def models() -> Any:  # noqa: ANN401 - the same
        """List the models."""
        return JsonResponse({"object": "list", "data": [_card(service, name) for name in service.names]})

    @router.get("/models/{name:path}", response_model=ModelCard, responses=get_errors)
    async def model(name: str) -> Any:  # noqa: ANN401 - the same
        """Describe a model."""
        return JsonResponse(_card(service, service.known_name(name)))

    return router


async def _embed(service: Service, body: EmbeddingsRequest, record: Record) -> JsonResponse:
    model = service.model(body.model)
    inputs = read_inputs(body.input, "input", service.settings.limits, body.prompt_name)
    tokens = await model.tokenize(inputs, record, prompt_name=body.prompt_name)
    kind = model.kind(normalize=True, dimensions=body.dimensions, skip_tokens=tokens.skip_tokens)
    vectors = await model.embed(tokens, kind, record)
    write = partial(_answer, vectors, model.name, record.tokens, as_base64=body.encoding_format == "base64")
    return JsonResponse(await model.in_thread(write) if values_of(vectors) > MANY_VALUES else write())


def _answer(vectors: Sequence[Floats], name: str, tokens: int, *, as_base64: bool) -> bytes:
    data = [
        {"object": "embedding", "index": index, "embedding": to_base64(vector) if as_base64 else vector}
        for index, vector in enumerate(vectors)
    ]
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return to_json({"object": "list", "data": data, "model": name, "usage": usage})


def _card(service: Service, name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": service.started, "owned_by": "ortembed"}
