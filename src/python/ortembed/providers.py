"""Which execution providers may run a model: the caller's words, and what this runtime has, joined to one choice."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, NamedTuple, Union

from ortembed.errors import InvalidInputError, ProviderUnavailableError

PROVIDERS_VARIABLE = "ORTEMBED_PROVIDERS"
CPU = "CPUExecutionProvider"
COREML = "CoreMLExecutionProvider"
_SUFFIX = "ExecutionProvider"

# What the runtime calls a provider when one is added, where that is not its name without the suffix.
_APPENDED_AS = {
    "Azure": "AZURE",
    "Dml": "DML",
    "Js": "JS",
    "NvTensorRTRTX": "NvTensorRtRtx",
    "WebGpu": "WebGPU",
    "WebNN": "WEBNN",
    "Xnnpack": "XNNPACK",
}
_ALIASES = {"directml": "dml", "tensorrt_rtx": "nvtensorrtrtx"}

# ONNX Runtime's own names of CoreML's options; the others that it has are not for the caller to choose.
_COREML_NAMES = {
    "MLComputeUnits": "compute_units",
    "SpecializationStrategy": "specialization",
    "AllowLowPrecisionAccumulationOnGPU": "low_precision_accumulation",
}
_LARGEST = 16384  # dimension that CoreML takes
_COMPUTE_UNITS = ("ALL", "CPUOnly", "CPUAndGPU", "CPUAndNeuralEngine")
_SPECIALIZATIONS = ("Default", "FastPrediction")


@dataclass(frozen=True)
class CoreMLOptions:
    """How CoreML runs a model, as an ML program.

    CoreML compiles a program for each shape of a batch, so batches are padded to one of a few shapes. A text longer
    than all of them runs on the CPU where that is among the providers, and is refused at load where it is not.

    Attributes:
        compute_units: "ALL", "CPUOnly", "CPUAndGPU" or "CPUAndNeuralEngine".
        specialization: "Default", or "FastPrediction": longer compilation for faster runs (macOS 15 or newer).
        low_precision_accumulation: Let the GPU add up in float16.
        sequence_lengths: Tokens of the shapes that hold one text.
        batch: Texts and tokens of the one shape that holds several; None for none.
    """

    compute_units: str = "ALL"
    specialization: str = "Default"
    low_precision_accumulation: bool = False
    sequence_lengths: Sequence[int] = (16, 32, 64, 128, 256, 512)
    # Below ten rows: from there on, attention on Apple's GPU has been wrong (apple/coremltools#2650).
    batch: tuple[int, int] | None = (8, 128)

    def __post_init__(self) -> None:
        """Raise InvalidInputError for a value that is none of those above."""
        for name, value, known in (
            ("compute_units", self.compute_units, _COMPUTE_UNITS),
            ("specialization", self.specialization, _SPECIALIZATIONS),
            ("low_precision_accumulation", self.low_precision_accumulation, (False, True)),
        ):
            if value not in known:
                raise InvalidInputError(f"{name} is {value!r}, none of {', '.join(map(str, known))}")
        lengths, batch = self.sequence_lengths, self.batch
        if not _are_sizes(lengths) or not lengths or len(set(lengths)) != len(lengths):
            raise InvalidInputError(f"sequence_lengths is {lengths!r}, not different ints of 1 to 16384")
        if batch is not None and not (_are_sizes(batch) and len(batch) == 2 and batch[0] > 1):  # noqa: PLR2004
            raise InvalidInputError(f"batch is {batch!r}, not (texts, tokens) with at least 2 texts")
        object.__setattr__(self, "sequence_lengths", tuple(sorted(lengths)))

    @property
    def longest(self) -> int:
        """Tokens of the longest shape of one text."""
        return max(self.sequence_lengths)

    def buckets(self, max_seq_length: int) -> tuple[tuple[int, int], ...]:
        """Give (texts, tokens) of each shape for a model whose texts have at most so many tokens, shortest first."""
        longest = min(self.longest, max_seq_length)
        singles = [(1, length) for length in self.sequence_lengths if length < longest]
        batches = [] if self.batch is None else [(self.batch[0], min(self.batch[1], max_seq_length))]
        return (*singles, (1, longest), *batches)

    def native(self) -> tuple[tuple[str, str], ...]:
        """Give the options by the runtime's own names. MLProgram: the older format cannot hold an encoder."""
        return (
            ("ModelFormat", "MLProgram"),
            ("MLComputeUnits", self.compute_units),
            ("RequireStaticInputShapes", "1"),
            ("SpecializationStrategy", self.specialization),
            ("AllowLowPrecisionAccumulationOnGPU", str(int(self.low_precision_accumulation))),
        )


@dataclass(frozen=True)
class Provider:
    """An execution provider of ONNX Runtime by name, with options.

    Attributes:
        name: "coreml", "cuda", "openvino", "directml" …, or ONNX Runtime's own name, such as "CUDAExecutionProvider".
        options: Its options by ONNX Runtime's names; for CoreML a CoreMLOptions, or the attributes of one by name.
    """

    name: str
    options: CoreMLOptions | Mapping[str, str | int | bool] = field(default_factory=dict)


Providers = Union[str, Provider, "Sequence[str | Provider | tuple[str, Mapping[str, str | int | bool]]]", None]


class Accelerator(NamedTuple):
    """A provider that is not the CPU, checked.

    Attributes:
        name: ONNX Runtime's own name.
        options: Its options by the runtime's names; not CoreML's.
        coreml: CoreML's.
    """

    name: str
    options: tuple[tuple[str, str], ...] = ()
    coreml: CoreMLOptions | None = None

    @property
    def native(self) -> tuple[str, tuple[tuple[str, str], ...]]:
        """Name and options as the runtime takes them."""
        short = self.name.removesuffix(_SUFFIX)
        return _APPENDED_AS.get(short, short), self.coreml.native() if self.coreml else self.options


class ProviderChoice(NamedTuple):
    """What may run a model.

    Attributes:
        accelerators: In order of preference; none for the CPU alone.
        may_use_cpu: Whether the CPU takes over where these cannot be used.
        is_automatic: Whether the caller left it to ortembed.
    """

    accelerators: tuple[Accelerator, ...]
    may_use_cpu: bool
    is_automatic: bool = False


def asked_providers(providers: Providers) -> Providers:
    """Give what the caller asked for, else what ORTEMBED_PROVIDERS names, with commas between; else None."""
    named = os.environ.get(PROVIDERS_VARIABLE)
    return split_names(named) if providers is None and named else providers


def split_names(text: str) -> list[str]:
    """Read names with commas, and perhaps blanks, between."""
    return [name.strip() for name in text.split(",")]


def choose_providers(asked: Providers, available: Sequence[str]) -> ProviderChoice:
    """Join what the caller asked for with what the runtime was built with, by its own names.

    Left to ortembed, CoreML is taken where there is one, since that is checked against the CPU; others only by name.

    Raises:
        InvalidInputError: Something that is no provider, no such option, or an order without meaning.
        ProviderUnavailableError: A provider that this runtime does not have; the message lists those that it has.
    """
    if asked is None:
        found = (Accelerator(COREML, coreml=CoreMLOptions()),) if COREML in available else ()
        return ProviderChoice(found, may_use_cpu=True, is_automatic=True)
    listed = [asked] if isinstance(asked, (str, Provider)) else _sequence(asked)
    accelerators = [_accelerator(item, available) for item in listed]
    names = [item.name for item in accelerators]
    if len(set(names)) != len(names):
        raise InvalidInputError(f"providers names one twice: {', '.join(names)}")
    if CPU in names[:-1]:
        raise InvalidInputError("providers has the CPU before others; it takes every model, so it comes last")
    if COREML in names and len(set(names) - {CPU, COREML}):
        raise InvalidInputError("CoreML goes with no other provider than the CPU")
    return ProviderChoice(tuple(item for item in accelerators if item.name != CPU), may_use_cpu=CPU in names)


def _sequence(asked: object) -> list[object]:
    if not isinstance(asked, Sequence) or not asked:
        raise InvalidInputError(f"providers is {asked!r}, neither a name, a Provider nor a list of these")
    return list(asked)


def _accelerator(item: object, available: Sequence[str]) -> Accelerator:
    provider = Provider(item) if isinstance(item, str) else item
    if isinstance(item, tuple) and len(item) == 2:  # noqa: PLR2004 - name and options, as onnxruntime takes them
        provider = Provider(*item)
    if not isinstance(provider, Provider) or not isinstance(provider.name, str) or not provider.name:
        raise InvalidInputError(f"providers has {item!r}, neither a name nor a Provider")
    name = _official_name(provider.name, available)
    if name == COREML:
        return Accelerator(name, coreml=_coreml_options(provider.options))
    options = _plain_options(name, provider.options)
    if name == CPU and options:
        raise InvalidInputError(f"the CPU has no options, and is given {', '.join(key for key, _ in options)}")
    return Accelerator(name, options)


def _official_name(name: str, available: Sequence[str]) -> str:
    short = name.lower().removesuffix(_SUFFIX.lower())
    wanted = _ALIASES.get(short, short)
    for known in available:
        if known.lower().removesuffix(_SUFFIX.lower()) == wanted:
            return known
    raise ProviderUnavailableError(
        f"this ONNX Runtime has no execution provider {name!r}; it has {', '.join(available)}. "
        "Other builds of the onnxruntime package have others."
    )


def _coreml_options(options: object) -> CoreMLOptions:
    if isinstance(options, CoreMLOptions):
        return options
    known = {attribute.name for attribute in fields(CoreMLOptions)}
    if not isinstance(options, Mapping) or options.keys() - known - _COREML_NAMES.keys():
        raise InvalidInputError(f"CoreML's options are {options!r}; there are {', '.join(sorted(known))}")
    flags = {"0": False, "1": True}
    given: dict[str, Any] = {
        _COREML_NAMES.get(str(name), str(name)): flags.get(str(value), value) for name, value in options.items()
    }
    return CoreMLOptions(**given)


def _plain_options(name: str, options: object) -> tuple[tuple[str, str], ...]:
    if not isinstance(options, Mapping):
        raise InvalidInputError(f"the options of {name} are {options!r}, not a mapping")
    for key, value in options.items():
        if not isinstance(key, str) or not isinstance(value, (str, int)) or not _is_plain(f"{key}{value}"):
            raise InvalidInputError(
                f"option {key!r} of {name} is {value!r}; names are texts, values text, int or bool"
            )
    return tuple((key, str(int(value)) if isinstance(value, bool) else str(value)) for key, value in options.items())


def _is_plain(text: str) -> bool:
    """Tell whether a C string can hold a text."""
    return "\0" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def _are_sizes(values: object) -> bool:
    return isinstance(values, Sequence) and all(
        isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= _LARGEST for value in values
    )
