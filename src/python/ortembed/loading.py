"""From a model's name to a loaded pipeline, on the first provider that is there, right, and worth its while."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ortembed.backend import Backend
from ortembed.callers import callers_level
from ortembed.errors import (
    IntegrityError,
    InvalidInputError,
    ModelLoadError,
    ModelNotFoundError,
    ProviderUnavailableError,
)
from ortembed.partition import Partition, partition_of
from ortembed.prepare import BFLOAT16, INT8
from ortembed.prepare import COREML as COREML_FORM
from ortembed.providers import COREML, CPU
from ortembed.responses import ProviderWarning

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ortembed.load_request import LoadRequest
    from ortembed.pipeline import Pipeline
    from ortembed.self_test import Verdict


@dataclass(frozen=True)
class Loaded:
    """A model, loaded, and how that went.

    Attributes:
        pipeline: Texts to rows.
        providers: ONNX Runtime's names of what runs it, in order of preference.
        verdict: Of the accelerator's self-test, where one has been made.
        remark: Why an accelerator does not run it, though it was asked for or is there; empty where none is missing.
    """

    pipeline: Pipeline
    providers: tuple[str, ...]
    verdict: Verdict | None = None
    remark: str = ""

    def report(self) -> ProviderReport:
        """Tell what runs the model and why."""
        engine = self.pipeline.engine
        partitions = {
            f"{rows} x {tokens} tokens": partition_of(assignment)
            for rows, tokens, is_open, _, assignment in engine.buckets
            if is_open
        }
        if assignment := engine.assignment:
            partitions["any shape"] = partition_of(assignment)
        remark = self.remark or self.pipeline.bucket_failures()
        prepared = self.pipeline.prepared
        return ProviderReport(
            self.providers, remark, self.verdict, partitions, prepared.facts.form, prepared.form_reason
        )


@dataclass(frozen=True)
class ProviderReport:
    """What runs a model, and why.

    Attributes:
        providers: ONNX Runtime's names, in order of preference.
        remark: Why an accelerator does not run it, though it was asked for or is there; or which shapes have moved to
            the CPU, and why; empty for neither.
        self_test: What an accelerator's self-test saw; None where there was none.
        partitions: By shape of batch, which provider runs how many of the graph's nodes; of the sessions that are
            open, where there is an accelerator.
        form: Of the graph: "cpu" (padded batches, the runtime's operators), "packed" (ortembed's own) or "coreml".
        form_reason: Why that one.
    """

    providers: tuple[str, ...]
    remark: str
    self_test: Verdict | None
    partitions: Mapping[str, Partition]
    form: str
    form_reason: str


@dataclass(frozen=True)
class _Refusal:
    """Why CoreML does not run a model.

    Attributes:
        reason: In words.
        is_news: Whether it came out just now, by a test.
        verdict: The test's.
        on_cpu: The model on the CPU, where it was loaded for the test.
    """

    reason: str
    is_news: bool = False
    verdict: Verdict | None = None
    on_cpu: Pipeline | None = None


def load(request: LoadRequest) -> Loaded:
    """Load a model on the first of the providers that can run it.

    CoreML is used where its vectors are the CPU's and come sooner, by a test on this machine. Where it is not, the
    CPU takes over with one ProviderWarning that says why; where CoreML was ortembed's own choice, only at the time of
    the test.

    Raises:
        ProviderUnavailableError: No accelerator that was asked for can be used, and the CPU was not asked for.
        ModelNotFoundError, ModelLoadError, IntegrityError, InvalidInputError, RuntimeLibraryError: As Embedder's.
    """
    if request.form == COREML_FORM:
        raise InvalidInputError(f"form={request.form!r} is what providers='coreml' runs; leave the form out")
    accelerators, may_use_cpu, is_automatic = request.choice
    if not accelerators:
        return Loaded(_on_cpu(request), (CPU,))
    loaded = _try_coreml(request) if accelerators[0].name == COREML else _try_others(request)
    if isinstance(loaded, Loaded):
        return loaded
    message = f"{', '.join(item.name for item in accelerators)} cannot be used for {request.name!r}: {loaded.reason}"
    if not may_use_cpu:
        raise ProviderUnavailableError(f"{message}. With providers=[..., 'cpu'] the CPU takes over.")
    if loaded.is_news or not is_automatic:
        warnings.warn(f"{message}. The CPU is used.", ProviderWarning, stacklevel=callers_level())
    return Loaded(loaded.on_cpu or _on_cpu(request), (CPU,), loaded.verdict, loaded.reason)


def _on_cpu(request: LoadRequest) -> Pipeline:
    return request.pipeline(request.prepare())


def _try_others(request: LoadRequest) -> Loaded | _Refusal:
    """Load on providers that the caller named; the runtime gives the CPU what they leave."""
    accelerators = request.choice.accelerators
    try:
        prepared = request.prepare(accelerators[0].name)
    except ProviderUnavailableError as error:  # of a dtype or form that it cannot run
        return _Refusal(str(error))
    try:
        pipeline = request.pipeline(prepared, Backend(tuple(item.native for item in accelerators)))
    except (ProviderUnavailableError, ModelLoadError) as error:
        return _Refusal(str(error))
    if partition_of(pipeline.engine.assignment).takes_nothing:  # it would run on the CPU, without what is best there
        return _Refusal("it takes no node of the graph")
    return Loaded(pipeline, (*(item.name for item in accelerators), CPU))


def _try_coreml(request: LoadRequest) -> Loaded | _Refusal:
    if reason := _against_coreml(request):
        return _Refusal(reason)
    try:
        prepared = request.prepare(COREML)
    except (ModelLoadError, ModelNotFoundError, IntegrityError) as error:
        if not request.choice.may_use_cpu:
            raise
        return _Refusal(str(error))  # the form for the CPU may be there all the same
    from ortembed.coreml_trial import CoreMLTrial  # noqa: PLC0415 - with much that the CPU does not need

    trial = CoreMLTrial(request, prepared)
    if reason := trial.refusal():
        return _Refusal(reason)
    verdict, is_new = trial.verdict()
    if not verdict.is_kept:
        return _Refusal(verdict.reason, is_new or verdict.crashes > 0, verdict, trial.on_cpu)
    try:
        pipeline = trial.pipeline()
    except (ProviderUnavailableError, ModelLoadError) as error:
        return _Refusal(str(error), is_news=True)
    pipeline.watch_buckets(_warn_of_bucket)
    return Loaded(pipeline, (COREML, CPU) if request.choice.may_use_cpu else (COREML,), verdict)


def _against_coreml(request: LoadRequest) -> str:
    """Tell what in the request is against it; empty for nothing."""
    if request.dtype in (BFLOAT16, INT8) or request.onnx_file:
        return "it runs float32 graphs that ortembed makes from safetensors, no other dtypes, no ONNX files"
    return f"form={request.form!r} was asked for" if request.form else ""


def _warn_of_bucket(message: str) -> None:
    warnings.warn(
        f"CoreML failed, and the CPU takes over for batches of {message}", ProviderWarning, stacklevel=callers_level()
    )
