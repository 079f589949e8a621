"""Reading through: what the store lacks is looked for in a remote before it is computed."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ws_dsl.errors import RemoteError
from ws_dsl.registry.remote import Remote
from ws_dsl.registry.store import Store
from ws_dsl.registry.transfer import pull


class ReadThrough:
    """Looks up keys in a store, and those that it lacks in a remote, each once (`ws_dsl.plan.state.Lookup`).

    A remote that fails is left alone from then on: what it may have is computed.

    Attributes:
        found: How many artifacts came from the remote.
    """

    def __init__(self, store: Store, url: str, note: Callable[[str], None]):
        self._store = store
        self._url = url
        self._note = note
        self._remote: Remote | None = None
        self._asked: set[str] = set()
        self._failed = False
        self.found = 0

    def __call__(self, keys: Iterable[str]) -> dict[str, str]:
        """Content digests of those keys that exist, here or there."""
        wanted = list(keys)
        known = self._store.lookup(wanted)
        lacking = [key for key in dict.fromkeys(wanted) if key not in known and key not in self._asked]
        if not lacking or self._failed:
            return known
        self._asked.update(lacking)
        try:
            self._remote = self._remote or Remote(self._url)
            done = pull(self._store, self._remote, lacking, self._note)
        except RemoteError as error:
            self._failed = True
            self._note(f"{error}\nThe remote is left alone for the rest of this run")
        else:
            came = self._store.lookup(lacking)
            self.found += len(came)
            for line in done.refused:
                self._note(line)
            if came:
                self._note(f"{len(came)} of {len(lacking)} missing artifacts came from {self._remote.url}")
            return known | came
        return known | self._store.lookup(lacking)
