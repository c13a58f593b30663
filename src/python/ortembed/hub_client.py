"""How huggingface_hub is asked for a file: without telemetry, with bounded waits, its faults put in words."""

from __future__ import annotations

import errno
import re
import threading
import time
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from ortembed.errors import ModelLoadError, ModelNotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# A hub that asks for a longer pause than this gets none: the error says when to try again.
_LONGEST_WAIT_S = 60
_REACHABILITY_TIMEOUT_S = 3.0
# A download that runs has written more recently than this.
_LITTER_AGE_S = 120.0
# huggingface_hub's name for a file that is being downloaded, in versions where no later one continues it.
_LITTER = re.compile(r"(?P<etag>[^.]+)\.[0-9a-f]{8}\.incomplete")

# Of an error without a file's name; others are the network's.
_DISK_FAULTS = (errno.EDQUOT, errno.EFBIG, errno.EIO, errno.ENOSPC, errno.EROFS)

_waits_are_bounded: ContextVar[bool] = ContextVar("_waits_are_bounded", default=False)


def fetch_file(
    repo_id: str, name: str, *, revision: str | None, local_files_only: bool, again: bool = False
) -> Path | None:
    """Give the path of a file in huggingface_hub's cache, downloading it where that is needed and allowed.

    Gives None when the repository is known not to have the file. A file that is cached costs no request, unless
    it is to be downloaded ``again``. The token comes from where huggingface_hub looks for it.

    Raises:
        ModelNotFoundError: The hub does not answer or does not know the repository, or the file is not in
            the cache and downloading is not allowed.
        ModelLoadError: The cache cannot be read or written.
    """
    import huggingface_hub as hub  # noqa: PLC0415 - 15 ms that a prepared model need not pay
    from huggingface_hub import errors  # noqa: PLC0415

    try:
        known = None if again else hub.try_to_load_from_cache(repo_id, name, revision=revision)
        if known is not None:  # else a path, or the knowledge that the repository has no such file
            return Path(known) if isinstance(known, str) else None
        if not local_files_only:
            _remove_litter(repo_id)
        with without_telemetry, _bounded_waits():
            return Path(
                hub.hf_hub_download(
                    repo_id, name, revision=revision, local_files_only=local_files_only, force_download=again
                )
            )
    except errors.LocalEntryNotFoundError as error:
        raise _not_found(repo_id, name, revision, error) from error
    except errors.EntryNotFoundError:
        return None
    except Exception as error:  # of the HTTP library too, whichever one huggingface_hub uses
        raise _not_found(repo_id, name, revision, error) from error


def hub_answers() -> bool:
    """Ask once, briefly. huggingface_hub itself retries for over 20 s, too long where another source is at hand."""
    from huggingface_hub import constants  # noqa: PLC0415
    from huggingface_hub.utils import get_session  # type: ignore[attr-defined]  # noqa: PLC0415

    if constants.HF_HUB_OFFLINE:
        return False
    try:
        get_session().head(constants.ENDPOINT, timeout=_REACHABILITY_TIMEOUT_S)
    except Exception:  # noqa: BLE001 - requests or httpx, by version; any failure means the same
        return False
    return True


def _not_found(repo_id: str, name: str, revision: str | None, error: Exception) -> Exception:
    from huggingface_hub import constants  # noqa: PLC0415

    for cause in _chain(error):
        if isinstance(cause, OSError) and (cause.filename is not None or cause.errno in _DISK_FAULTS):
            return ModelLoadError(
                f"cannot use huggingface_hub's cache {constants.HF_HUB_CACHE} for {name} of {repo_id}: {cause}; "
                "make room there or allow it, or choose another folder with HF_HOME"
            )
    place = f"{repo_id} at revision {revision}" if revision else repo_id
    return ModelNotFoundError(f"{place}, {name}: {_reason(error)}")


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__


def _reason(error: Exception) -> str:
    from huggingface_hub import errors  # noqa: PLC0415

    if isinstance(error, errors.GatedRepoError):
        return "the repository is gated; accept its conditions on its page, and give your token in HF_TOKEN"
    if isinstance(error, errors.RepositoryNotFoundError):
        return "no such repository, or a private one that the token in HF_TOKEN, if any, does not open"
    for cause in _chain(error):
        seconds = _seconds_to_wait(cause)
        if seconds is not None:
            until = time.strftime("%H:%M:%S", time.localtime(time.time() + seconds))
            return f"the hub limits the rate of requests (429); try again in {seconds} s, after {until}"
    *_, origin = _chain(error)
    line = (str(origin).strip() or "no reason given").splitlines()[0]
    return f"{type(origin).__name__}: {line}"


class _WaitTooLongError(Exception):
    def __init__(self, response: Any) -> None:  # noqa: ANN401 - httpx or requests, by version
        super().__init__("the hub asks for a long pause")
        self.response = response


def _seconds_to_wait(error: BaseException) -> int | None:
    """Give how long the answer that an error came from asks to wait; None when it is not a 429."""
    response: Any = getattr(error, "response", None)
    if getattr(response, "status_code", None) != 429:  # noqa: PLR2004 - Too Many Requests
        return None
    return _announced_wait(response.headers)


def _announced_wait(headers: Mapping[str, str]) -> int:
    """Read RateLimit, which huggingface_hub heeds before Retry-After."""
    limit = re.search(r";\s*r\s*=\s*0\s*;\s*t\s*=\s*(\d+)", headers.get("ratelimit", ""))
    announced = limit[1] if limit else headers.get("retry-after", "").strip()
    return int(announced) if announced.isdigit() else 0


def _refuse_long_wait(response: Any) -> None:  # noqa: ANN401
    error = _WaitTooLongError(response)
    if _waits_are_bounded.get() and (_seconds_to_wait(error) or 0) > _LONGEST_WAIT_S:
        raise error


@contextmanager
def _bounded_waits() -> Iterator[None]:
    """Keep huggingface_hub, which waits as long as a 429 says, from waiting for very long.

    Versions before 1.0 do not wait at all, and have no hooks of this form.
    """
    from huggingface_hub.utils import get_session  # type: ignore[attr-defined]  # noqa: PLC0415

    hooks = getattr(get_session(), "event_hooks", None)
    if isinstance(hooks, dict) and _refuse_long_wait not in hooks.setdefault("response", []):
        hooks["response"].append(_refuse_long_wait)
    token = _waits_are_bounded.set(True)
    try:
        yield
    finally:
        _waits_are_bounded.reset(token)


class _WithoutTelemetry:
    """Keeps huggingface_hub from adding a request that looks up which tool is calling, while any thread is inside."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self._before = False

    def __enter__(self) -> None:
        from huggingface_hub import constants  # noqa: PLC0415

        with self._lock:
            if not self._inside:
                self._before = constants.HF_HUB_DISABLE_TELEMETRY
                constants.HF_HUB_DISABLE_TELEMETRY = True
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        from huggingface_hub import constants  # noqa: PLC0415

        with self._lock:
            self._inside -= 1
            if not self._inside:
                constants.HF_HUB_DISABLE_TELEMETRY = self._before


without_telemetry = _WithoutTelemetry()


def _remove_litter(repo_id: str) -> None:
    """Delete what killed downloads of a repository left: files that nothing writes to and nothing will continue.

    Both the file's age and its lock are asked, since locks do not work on every file system.
    """
    from huggingface_hub import constants  # noqa: PLC0415
    from huggingface_hub.file_download import repo_folder_name  # noqa: PLC0415

    folder = repo_folder_name(repo_id=repo_id, repo_type="model")
    cache = Path(constants.HF_HUB_CACHE)
    for path in (cache / folder / "blobs").glob("*.incomplete"):
        named = _LITTER.fullmatch(path.name)
        try:
            if named and time.time() - path.stat().st_mtime > _LITTER_AGE_S:
                with FileLock(cache / ".locks" / folder / f"{named['etag']}.lock", timeout=0):
                    path.unlink(missing_ok=True)
        except (OSError, NotImplementedError, Timeout):
            continue  # in use, or not ours to delete
