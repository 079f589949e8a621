"""What of a plan exists, what is missing, and what cannot be known yet."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ws_dsl.plan.environment import Environment
from ws_dsl.plan.foreign import Foreign
from ws_dsl.plan.keys import Derivation, derivation, key_of
from ws_dsl.plan.node import Node
from ws_dsl.specs.canonical import Json

Lookup = Callable[[Iterable[str]], dict[str, str]]
"""Content digest by key, for the keys that exist."""


@dataclass
class State:
    """Keys and digests of a plan's nodes, as far as they are known.

    Attributes:
        environment: The environment class of computing kinds.
        lookup: Asks the registry for many keys at once.
        hash_path: Content digest of an external file, or of a checkpoint folder's files.
        find_foreign: Asks the registry for an artifact of another environment.
        derivations: What each node is made from, where all its inputs exist.
        keys: The key of each such node.
        digests: Content digest of each node that exists.
        foreign: The artifacts of another environment that stand for nodes; those have their keys.
    """

    environment: Environment
    lookup: Lookup
    hash_path: Callable[[Path], Json]
    find_foreign: Callable[[Derivation], Foreign | None] = lambda found: None
    derivations: dict[Node, Derivation] = field(default_factory=dict[Node, Derivation])
    keys: dict[Node, str] = field(default_factory=dict[Node, str])
    digests: dict[Node, str] = field(default_factory=dict[Node, str])
    foreign: dict[Node, Foreign] = field(default_factory=dict[Node, Foreign])

    def update(self, nodes: Iterable[Node]) -> None:
        """Works out keys and digests of nodes, level by level: one question to the registry per level."""
        waiting = [node for node in nodes if node not in self.digests]
        while waiting:
            fresh: dict[Node, str] = {}
            for node in waiting:
                found = derivation(
                    node.kind,
                    node.params,
                    node.inputs,
                    node.made,
                    node.files,
                    self.digests,
                    self.hash_path,
                    self.environment,
                )
                if found is not None:
                    self.derivations[node] = found
                    self.keys[node] = fresh[node] = key_of(found)
            known = self.lookup(fresh.values()) if fresh else {}
            exist = {node: known[key] for node, key in fresh.items() if key in known}
            exist |= self._foreign([node for node in fresh if node not in exist])
            if not exist:
                return
            self.digests.update(exist)
            waiting = [node for node in waiting if node not in exist and node not in fresh]

    def _foreign(self, nodes: Iterable[Node]) -> dict[Node, str]:
        """Content digests of those nodes for which an artifact of another environment stands."""
        exist: dict[Node, str] = {}
        for node in nodes:
            self.foreign.pop(node, None)
            computes = self.derivations[node]["environment"]
            found = self.find_foreign(self.derivations[node]) if computes else None
            if found is not None:
                self.foreign[node] = found
                self.keys[node] = found.key
                self.derivations[node] = {**self.derivations[node], "environment": found.environment}
                exist[node] = found.digest
        return exist

    def supposing(self, former: Mapping[str, str]) -> State:
        """A state of its own in which artifacts exist that are gone; `former` has their digests by key."""

        def lookup(keys: Iterable[str]) -> dict[str, str]:
            wanted = list(keys)
            return {key: former[key] for key in wanted if key in former} | self.lookup(wanted)

        copies = (dict(self.derivations), dict(self.keys), dict(self.digests), dict(self.foreign))
        return State(self.environment, lookup, self.hash_path, self.find_foreign, *copies)

    def missing(self, nodes: Iterable[Node]) -> list[Node]:
        """Nodes that do not exist, one per key where keys are known."""
        seen: set[str] = set()
        found: list[Node] = []
        for node in nodes:
            key = self.keys.get(node)
            if node in self.digests or (key is not None and key in seen):
                continue
            if key is not None:
                seen.add(key)
            found.append(node)
        return found

    def status(self, node: Node) -> str:
        """`cached`, `foreign`, `new`, or `waiting` for an input that does not exist."""
        if node in self.foreign and node in self.digests:
            return "foreign"
        if node in self.digests:
            return "cached"
        return "new" if node in self.keys else "waiting"
