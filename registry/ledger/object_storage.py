"""The log's files in an S3-compatible object store (`storage.LogStorage`), by obstore.

A put is durable, and visible whole, when the store has answered it. What must not change is put
with ``If-None-Match: *``, so the store itself refuses a second one. Staged files are objects
below ``staging/<round>/``; who serves the bucket to the public leaves that part out.

Where the bucket is and who may write to it comes from the ``AWS_…`` variables of the
environment, as with every tool for S3.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import islice
from typing import Final, TypeVar

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import ObjectStore, S3Store

from registry.ledger.storage import StorageFailed, conflict

STAGING: Final = "staging"
PROBE: Final = f"{STAGING}/probe"
REQUESTS_AT_ONCE: Final = 8
OBJECTS_AT_ONCE: Final = 64
"""Objects held in memory at a time."""
PATIENCE: Final = timedelta(seconds=30)
"""How long one request may take, its repetitions included."""

Item = TypeVar("Item")


class ObjectStorage:
    """Objects below one prefix. All methods raise ``StorageFailed`` if the store refuses."""

    __slots__ = ("_probed", "_store")

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._probed = False

    @contextlib.contextmanager
    def exclusive(self) -> Iterator[None]:
        """Hold nothing: an object store has no locks.

        The turn is the database's, and the head's compare-and-swap lets one round through.
        """
        yield

    def read(self, path: str) -> bytes:
        """Return the bytes at ``path``; ``FileNotFoundError`` if there are none."""
        try:
            return bytes(obstore.get(self._store, path).bytes())
        except FileNotFoundError:
            raise
        except (BaseError, OSError) as error:
            raise _refused(error) from error

    def names(self, folder: str) -> frozenset[str]:
        """Return the names of the objects directly below ``folder``."""
        found = (key.removeprefix(f"{folder}/") for key in self._keys(f"{folder}/"))
        return frozenset(name for name in found if "/" not in name)

    def stage(self, round_id: str, items: Iterable[tuple[str, bytes]]) -> None:
        """Keep files for the round: durable when the store has answered for each."""
        self._probe()

        def put(item: tuple[str, bytes]) -> None:
            path, data = item
            with contextlib.suppress(FileNotFoundError):
                if self.read(path) != data:
                    raise conflict(path)
            self._create(_staged(round_id, path), data)

        _in_parallel(put, items)

    def read_staged(self, round_id: str, path: str) -> bytes:
        """Return staged bytes; ``FileNotFoundError`` if the round has none for ``path``."""
        return self.read(_staged(round_id, path))

    def place(self, round_id: str) -> None:
        """Put a copy of every staged file at its path, then delete the staged ones.

        By get and put: to copy on condition is not among what all these stores can do. The
        staged file goes when all copies are answered for.
        """
        prefix = _staged(round_id, "")
        names = self._keys(prefix)

        def copy(name: str) -> None:
            path = name.removeprefix(prefix)
            try:
                data = self.read(name)
            except FileNotFoundError:
                # Another process that holds the same committed head has placed it meanwhile.
                self.read(path)
            else:
                self._create(path, data)

        _in_parallel(copy, names)
        self._delete(names)

    def rounds(self) -> frozenset[str]:
        """Return the rounds of which something is staged."""
        names = (name.split("/") for name in self._keys(f"{STAGING}/"))
        return frozenset(parts[1] for parts in names if len(parts) > len(PROBE.split("/")))

    def discard(self, round_ids: Iterable[str]) -> None:
        """Delete what these rounds staged."""
        for round_id in round_ids:
            self._delete(self._keys(_staged(round_id, "")))

    def replace(self, path: str, data: bytes) -> None:
        """Put ``data`` at ``path``, over what is there; durable when this returns."""
        with _refusals():
            obstore.put(self._store, path, data, mode="overwrite", use_multipart=False)

    def _create(self, path: str, data: bytes) -> None:
        # Also after a lost answer, when the store has our bytes and the repetition is refused.
        try:
            with _refusals():
                obstore.put(self._store, path, data, mode="create", use_multipart=False)
        except _Exists:
            if self.read(path) != data:
                raise conflict(path) from None

    def _probe(self) -> None:
        """Refuse, before anything is signed, a store that does not know ``If-None-Match``.

        It would overwrite a tile without a word.
        """
        if self._probed:
            return
        self.replace(PROBE, b"")
        try:
            with _refusals():
                obstore.put(self._store, PROBE, b"", mode="create", use_multipart=False)
        except _Exists:
            self._probed = True
            return
        raise StorageFailed(
            "this object store ignores If-None-Match, so it would overwrite what was signed: "
            "nothing was signed; use one that supports conditional writes"
        )

    def _keys(self, prefix: str) -> list[str]:
        with _refusals():
            return [found["path"] for part in obstore.list(self._store, prefix) for found in part]

    def _delete(self, names: list[str]) -> None:
        # Gone already is as good.
        if names:
            with contextlib.suppress(FileNotFoundError), _refusals():
                obstore.delete(self._store, names)


class _Exists(Exception):
    """There is an object of that name."""


def open_bucket(url: str) -> ObjectStorage:
    """Open ``s3://bucket/prefix``; ``StorageFailed`` for any other address.

    Nothing is asked of the store yet.
    """
    if not url.startswith("s3://"):
        raise StorageFailed("log_storage must be an address like s3://bucket/prefix")
    try:
        store = S3Store.from_url(
            url,
            # Said here, so that no variable of the environment can switch it off.
            config={"conditional_put": "etag"},
            retry_config={"max_retries": 3, "retry_timeout": PATIENCE},
        )
    except (BaseError, ValueError) as error:
        msg = f"{url} cannot be opened: compare log_storage and the AWS_ variables"
        raise StorageFailed(msg) from error
    return ObjectStorage(store)


def _staged(round_id: str, path: str) -> str:
    return f"{STAGING}/{round_id}/{path}"


def _in_parallel(run: Callable[[Item], None], items: Iterable[Item]) -> None:
    """Run for all items; the first error comes out when the others under way have ended."""
    waiting = iter(items)
    with ThreadPoolExecutor(REQUESTS_AT_ONCE) as pool:
        while some := list(islice(waiting, OBJECTS_AT_ONCE)):
            list(pool.map(run, some))


@contextlib.contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except AlreadyExistsError as error:
        raise _Exists from error
    except FileNotFoundError:
        raise
    except (BaseError, OSError) as error:
        raise _refused(error) from error


def _refused(error: Exception) -> StorageFailed:
    # Only the kind of error: its text holds addresses and request headers.
    return StorageFailed(
        f"the log's object store refused ({type(error).__name__}): what was committed stays, "
        "nothing else was signed; see that it can be reached and written to, then run "
        "`certreg anchor` again"
    )
