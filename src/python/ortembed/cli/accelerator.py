"""What an accelerator's self-test saw, as lines to read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ortembed.self_test import BucketResult, Verdict


def table(verdict: Verdict) -> dict[str, Any]:
    """Give a line for each shape of batch, and the outcome."""
    rows = {f"{bucket.rows} x {bucket.tokens} tokens": _figures(bucket) for bucket in verdict.buckets}
    return {**rows, "outcome": verdict.reason or f"right, and {verdict.speedup:.2f} times the CPU's speed"}


def _figures(bucket: BucketResult) -> str:
    if bucket.failure:
        return bucket.failure
    return (
        f"cosine {bucket.cosine:.6f}, norm {bucket.norm_ratio:.4f}, {bucket.milliseconds:.2f} ms and the CPU "
        f"{bucket.cpu_milliseconds:.2f}; {bucket.partition}"
    )
