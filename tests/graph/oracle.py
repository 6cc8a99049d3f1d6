"""The meaning of inferred graphs written out: Algorithm 1 over all pairs, both ways, and reduction.

Slow on purpose and without any index: what the real graphs are checked against.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from omprov.records import Missing, Policy, Treatment


@dataclass
class NaiveGraph:
    """An explicit version graph: id → {parent: weight}."""

    parents: dict = field(default_factory=dict)

    def __contains__(self, id):
        return id in self.parents

    def reaches(self, newer, older):
        return self.distance(newer, older) < math.inf

    def distance(self, newer, older):
        """Relax every edge until nothing changes (Bellman and Ford)."""
        distance = {newer: 0.0}
        changed = True
        while changed:
            changed = False
            for version, reached in list(distance.items()):
                for parent, weight in self.parents[version].items():
                    if reached + weight < distance.get(parent, math.inf):
                        distance[parent] = reached + weight
                        changed = True
        return distance.get(older, math.inf)


@dataclass
class NaiveOutputs:
    """An inferred graph: tuples in the order of creation, everything by definition."""

    inputs: dict = field(default_factory=dict)  # role → list of graphs
    policy: Policy = field(default_factory=Policy)
    free_distance: object = None
    tuples: dict = field(default_factory=dict)  # id → {role: id}

    def __contains__(self, id):
        return id in self.tuples

    def lineage(self, id):
        used = self.tuples[id]
        return {r: v for r, v in used.items() if self.policy.treatment(r) is Treatment.LINEAGE}

    def graph_of(self, role, id):
        return next(graph for graph in self.inputs[role] if id in graph)

    def input_reaches(self, role, newer, older):
        graph = self.graph_of(role, newer)
        return older in graph and graph.reaches(newer, older)

    def reaches(self, newer, older):
        if newer == older:
            return True
        new, old = self.lineage(newer), self.lineage(older)
        if not new or not old:
            return False  # with no constraining role nothing is known
        if new == old:  # replicas: the later inherits the earlier
            created = list(self.tuples)
            return created.index(newer) > created.index(older)
        if self.policy.missing is Missing.SEPARATE and new.keys() != old.keys():
            return False
        return all(role in new and self.input_reaches(role, new[role], old[role]) for role in old)

    def relation(self):
        """Algorithm 1, in both directions: every pair."""
        return {i: {j for j in self.tuples if i != j and self.reaches(i, j)} for i in self.tuples}

    def edges(self):
        """The transitive reduction of the relation."""
        below = self.relation()
        return {
            (i, j)
            for i in below
            for j in below[i]
            if not any(j in below[between] for between in below[i])
        }

    def distance(self, newer, older):
        if newer == older:
            return 0.0
        if not self.reaches(newer, older):
            return math.inf
        terms = [distance for _, _, distance in self.because(newer, older).values()]
        return sum(terms) / len(terms) if terms else 0.0

    def because(self, newer, older):
        terms = {}
        new, old = self.tuples[newer], self.tuples[older]
        for role in new.keys() | old.keys():
            k, m = new.get(role), old.get(role)
            match self.policy.treatment(role):
                case Treatment.LINEAGE if m is None:
                    terms[role] = k, m, 1.0
                case Treatment.LINEAGE:
                    terms[role] = k, m, self.graph_of(role, k).distance(k, m)
                case Treatment.FREE:
                    terms[role] = k, m, self.free(role, k, m)
        return terms

    def free(self, role, newer, older):
        if newer == older:
            return 0.0
        return 1.0 if self.free_distance is None else self.free_distance(role, newer, older)

    def lightest_route_of_full_graph(self, newer, older):
        """Search the graph that Algorithm 1 writes: an edge for every related pair."""
        below = self.relation()
        parents = {i: {j: self.distance(i, j) for j in below[i]} for i in below}
        return NaiveGraph(parents).distance(newer, older)
