"""The inferred graph of a repository by definition, from what the catalog says was used.

Written out naively on purpose: recursion over provenance tuples, closure by walking, Bellman-Ford
for routes, transitive reduction by trying every third version.
"""

from __future__ import annotations

import math
from collections import defaultdict
from functools import cache

from omprov.records import Missing, Origin, Policy, Treatment


class Oracle:
    def __init__(self, repo) -> None:
        self.declared = defaultdict(dict)  # uploaded newer → {uploaded older: weight}
        self.tuples = {}  # produced → {role: used}
        self.asset = {}
        self.policy = {}
        self.measure = {}
        self.stored = {}
        self.versions = {}
        with repo._catalog.read() as reader:
            for asset in reader.list_assets(removed=True):
                self.policy[asset.name] = asset.policy or Policy()
                self.measure[asset.name] = asset.measure
                for version in reader.list_versions(asset.name, removed=True):
                    self.versions[version.key] = version
                    self.asset[version.key] = asset.name
                    if version.run is not None:
                        self.tuples[version.key] = reader.producing_tuple(version.key)
                for edge in reader.edges_of(asset.name):
                    if edge.origin is Origin.INFERRED:
                        self.stored[edge.newer, edge.older] = edge.weight
            keys = list(self.versions)
            for edge in reader.edges_from(keys):
                ends = {edge.newer, edge.older}
                if edge.origin is Origin.DECLARED and not ends & self.tuples.keys():
                    self.declared[edge.newer][edge.older] = edge.weight
        self.repo = repo
        self.reaches = cache(self._reaches)
        self.distance = cache(self._distance)

    def lineage_tuple(self, key):
        policy = self.policy[self.asset[key]]
        return {
            role: used
            for role, used in self.tuples[key].items()
            if policy.treatment(role) is Treatment.LINEAGE
        }

    def _reaches(self, a, b):
        if a == b:
            return True
        if (a in self.tuples) != (b in self.tuples):
            return False
        if a not in self.tuples:
            return any(self.reaches(parent, b) for parent in self.declared[a])
        if self.asset[a] != self.asset[b]:
            return False
        ours, theirs = self.lineage_tuple(a), self.lineage_tuple(b)
        if not ours or not theirs:
            return False
        if self.policy[self.asset[a]].missing is Missing.SEPARATE and ours.keys() != theirs.keys():
            return False
        if ours == theirs:
            return a > b
        return all(role in ours and self.reaches(ours[role], used) for role, used in theirs.items())

    def _distance(self, a, b):
        if a == b:
            return 0.0
        if not self.reaches(a, b):
            return math.inf
        if a not in self.tuples:
            return min(w + self.distance(p, b) for p, w in self.declared[a].items())
        parts = self.because(a, b)
        return sum(parts.values()) / len(parts) if parts else 0.0

    def because(self, a, b):
        policy = self.policy[self.asset[a]]
        ours, theirs = self.tuples[a], self.tuples[b]
        parts = {}
        for role in ours.keys() | theirs.keys():
            k, m = ours.get(role), theirs.get(role)
            match policy.treatment(role):
                case Treatment.LINEAGE:
                    parts[role] = 1.0 if m is None else self.distance(k, m)
                case Treatment.FREE:
                    parts[role] = self.free(k, m)
        return parts

    def free(self, k, m):
        if k == m:
            return 0.0
        digest = [None if key is None else self.versions[key].digest for key in (m, k)]
        name = self.asset[m if k is None else k]
        return self.repo._differences.between(*digest, name.kind, self.measure[name]).weight

    def covers(self):
        found = {}
        by_asset = defaultdict(list)
        for key in self.tuples:
            by_asset[self.asset[key]].append(key)
        for keys in by_asset.values():
            above = {a: {b for b in keys if a != b and self.reaches(a, b)} for a in keys}
            for a in keys:
                for b in above[a]:
                    if not any(b in above[c] for c in above[a]):
                        found[a, b] = self.distance(a, b)
        return found

    def check(self):
        expected = self.covers()
        assert self.stored.keys() == expected.keys()
        for ends, weight in expected.items():
            assert self.stored[ends] == pytest_approx(weight), ends


def pytest_approx(value):
    import pytest

    return pytest.approx(value, abs=1e-12)
