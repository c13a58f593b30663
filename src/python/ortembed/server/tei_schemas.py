"""Bodies of text-embeddings-inference's API."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field, StrictBool, StrictInt, StrictStr

from ortembed.server.inputs import Text, TextList, TextOrIds, Texts, TokenIdLists, TokenIds


class Truncation(BaseModel):
    """What is done with texts before they are read."""

    truncate: StrictBool | None = Field(
        default=None, description="Cut what is too long; by default as the service was started"
    )
    truncation_direction: Literal["Left", "Right", "left", "right"] | None = Field(
        default=None, description="Where to cut; by default as the model's files say"
    )
    prompt_name: StrictStr | None = Field(default=None, description="The model's prompt to put before each text")


class OfModel(BaseModel):
    """Which model is meant."""

    model: StrictStr | None = Field(
        default=None, description="Ours: a model's name; the first model where there is none"
    )


class EmbedRequest(Truncation, OfModel):
    """What to embed, and how."""

    inputs: TextOrIds = Field(description="A text, texts, ids of one text's tokens, or of each text's")
    normalize: StrictBool = True
    dimensions: Annotated[StrictInt, Field(ge=1)] | None = None


class EmbedAllRequest(Truncation, OfModel):
    """What to give a vector for each token of."""

    inputs: TextOrIds


class Comparison(BaseModel):
    """A text and those that it is compared with."""

    source_sentence: Text
    sentences: TextList


class SimilarityRequest(OfModel):
    """What to compare."""

    inputs: Comparison
    parameters: Truncation | None = None


class TokenizeRequest(OfModel):
    """What to make tokens of."""

    inputs: Texts
    add_special_tokens: StrictBool = True
    prompt_name: StrictStr | None = None


class DecodeRequest(OfModel):
    """What to make texts of."""

    ids: TokenIds | TokenIdLists
    skip_special_tokens: StrictBool = True


class SimpleToken(BaseModel):
    """A token, with the characters that it stands for."""

    id: int
    text: str
    special: bool
    start: int | None
    stop: int | None


class TeiError(BaseModel):
    """An error."""

    error: str
    error_type: str


class Info(BaseModel, extra="allow"):
    """What a model is, and what may be asked of it."""

    model_id: str
