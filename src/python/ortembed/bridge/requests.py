"""What a line asks for: pure functions from its bytes to an action, or to an error that says what is wrong."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ortembed.bridge.fields import Fields, is_unicode, json_type, shown
from ortembed.bridge.frame import Form, Frame
from ortembed.errors import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

ENCODINGS = ("float", "base64")
INPUT_TYPES = ("query", "document")


@dataclass(frozen=True)
class Embed:
    """Vectors are asked for. What is None is left to the bridge or to the model's own files.

    Attributes:
        must_be_loaded: Whether it is an error that no model has been loaded; else the bridge's default one is.
    """

    texts: list[str]
    model: str | None
    must_be_loaded: bool
    normalize: bool | None
    truncate_dim: int | None
    prompt_name: str | None
    prompt: str | None
    input_type: str | None
    base64: bool
    usage: bool


@dataclass(frozen=True)
class LoadModel:
    """A model is to be loaded, if it is not loaded yet."""

    model: str
    cache_dir: str | None


@dataclass(frozen=True)
class Ping:
    """A sign of life is asked for."""


@dataclass(frozen=True)
class DescribeModel:
    """What is known of a loaded model is asked for."""

    model: str | None


@dataclass(frozen=True)
class CheckHealth:
    """Whether an embedding can be made is asked for."""

    model: str | None


Action = Embed | LoadModel | Ping | DescribeModel | CheckHealth


def read_object(line: bytes) -> dict[str, object]:
    """Give the JSON object of a line.

    Raises:
        InvalidInputError: It is not UTF-8, not JSON in the strict sense, nested too deeply, no object, or has a key
            twice.
    """
    try:
        value = _DECODER.decode(line.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise InvalidInputError(f"not UTF-8: byte {error.start} is 0x{line[error.start]:02x}") from error
    except RecursionError as error:
        raise InvalidInputError("not a request: nested too deeply") from error
    except InvalidInputError:
        raise
    except ValueError as error:
        raise InvalidInputError(f"not JSON: {error}") from error
    if not isinstance(value, dict):
        raise InvalidInputError(f"a request is a JSON object, not {json_type(value)}")
    return value


def _present(values: dict[str, object]) -> dict[str, object]:
    """Leave out what is null, which is as good as absent."""
    return {name: value for name, value in values.items() if value is not None}


def read_frame(request: dict[str, object]) -> Frame:
    """Tell which form a request has, Form.UNKNOWN where it has neither or both, and its id.

    Raises:
        InvalidInputError: Its id is no scalar.
    """
    found = [form for form in (Form.TEXTS, Form.METHOD) if request.get(form.value) is not None]
    form = found[0] if len(found) == 1 else Form.UNKNOWN
    if "id" not in request:
        return Frame(form)
    identity = request["id"]
    if isinstance(identity, (dict, list)):
        raise InvalidInputError(f"id is {json_type(identity)}, not a string, number, boolean or null")
    if isinstance(identity, float) and not math.isfinite(identity):
        raise InvalidInputError("id is a number that is too large")
    if isinstance(identity, str) and not is_unicode(identity):
        raise InvalidInputError("id has an unpaired surrogate")
    return Frame(form, {"id": identity})


def read_action(form: Form, request: dict[str, object], *, max_texts: int) -> Action:
    """Give what a request asks for.

    Raises:
        InvalidInputError: It is of no form, a field has the wrong type, is missing or is none that is known, or there
            are too many texts.
    """
    if form is Form.UNKNOWN:
        raise InvalidInputError('a request has either "texts" or "method"')
    rest = {name: value for name, value in _present(request).items() if name != "id"}
    if form is Form.TEXTS:
        return _embed(Fields(rest), "texts", max_texts, by_method=False)
    method = rest.pop("method")
    read = _METHODS.get(method) if isinstance(method, str) else None
    if read is None:
        raise InvalidInputError(f"unknown method {shown(method)}; there are {', '.join(_METHODS)}")
    return read(Fields(_with_params(rest)), max_texts)


def _with_params(rest: dict[str, object]) -> dict[str, object]:
    """Join what stands in "params" with what stands beside it."""
    params = rest.pop("params", None)
    if params is None:
        return rest
    if not isinstance(params, dict):
        raise InvalidInputError(f"params is {json_type(params)}, not an object")
    params = _present(params)
    if twice := rest.keys() & params.keys():
        raise InvalidInputError(f'"{min(twice)}" stands both in params and beside it')
    return {**rest, **params}


def _embed(fields: Fields, texts: str, max_texts: int, *, by_method: bool) -> Embed:
    action = Embed(
        texts=fields.texts(texts, max_texts),
        model=fields.text("model") if by_method else None,
        must_be_loaded=by_method,
        normalize=fields.flag("normalize", default=True if by_method else None),
        truncate_dim=fields.count("truncate_dim"),
        prompt_name=fields.text("prompt_name"),
        prompt=fields.text("prompt"),
        input_type=fields.choice("input_type", INPUT_TYPES),
        base64=fields.choice("encoding", ENCODINGS) == "base64",
        usage=bool(fields.flag("usage", default=False)),
    )
    fields.end()
    return action


def _load_model(fields: Fields) -> LoadModel:
    action = LoadModel(model=fields.required_text("model"), cache_dir=fields.text("cache_dir"))
    fields.end()
    return action


def _of_model(fields: Fields, kind: type[DescribeModel | CheckHealth]) -> DescribeModel | CheckHealth:
    action = kind(model=fields.text("model"))
    fields.end()
    return action


def _ping(fields: Fields) -> Ping:
    fields.end()
    return Ping()


_METHODS: dict[str, Callable[[Fields, int], Action]] = {
    "ping": lambda fields, _: _ping(fields),
    "load_model": lambda fields, _: _load_model(fields),
    "embed_batch": lambda fields, max_texts: _embed(fields, "inputs", max_texts, by_method=True),
    "model_info": lambda fields, _: _of_model(fields, DescribeModel),
    "health": lambda fields, _: _of_model(fields, CheckHealth),
}


def _refuse_constant(name: str) -> NoReturn:
    raise InvalidInputError(f"not JSON: {name} is no number of JSON's")


def _refuse_twice(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Make an object; which of two values of one key was meant, nobody can tell."""
    values: dict[str, object] = {}
    for name, value in pairs:
        if name in values:
            raise InvalidInputError(f"{shown(name)} comes twice in one object")
        values[name] = value
    return values


_DECODER = json.JSONDecoder(object_pairs_hook=_refuse_twice, parse_constant=_refuse_constant)
