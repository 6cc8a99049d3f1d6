"""Examples of the document: one story, told by every record."""

from __future__ import annotations

from typing import Any

_TIME = "2026-03-01T09:30:00.000120Z"
_ASSET = {"project": "vision", "kind": "dataset", "name": "digits"}
_POLICY = {"roles": {"params": "ignored"}, "missing": "separate"}
VERSION: dict[str, Any] = {
    "id": "019ca8a7-93c0-7000-8000-0000000000a1",
    "key": 7,
    "asset": _ASSET,
    "number": 3,
    "digest": "b3:" + "5f" * 32,
    "size": 18230,
    "files": 12,
    "created": _TIME,
    "creator": "ada",
    "message": "relabelled the sevens",
    "run": None,
    "source": {},
    "removed": None,
    "tags": {"checked": "yes"},
    "aliases": ["stable"],
}
OLDER = {
    **VERSION,
    "id": "019ca8a7-93c0-7000-8000-0000000000a0",
    "key": 4,
    "number": 2,
    "digest": "b3:" + "4e" * 32,
    "message": "",
    "tags": {},
    "aliases": [],
}
_MODEL = {
    **VERSION,
    "id": "019ca8a7-93c0-7000-8000-0000000000b1",
    "key": 9,
    "asset": {**_ASSET, "kind": "model"},
    "number": 1,
    "run": "019ca8a7-93c0-7000-8000-0000000000c1",
    "message": "",
    "tags": {},
    "aliases": [],
}
RUN: dict[str, Any] = {
    "id": "019ca8a7-93c0-7000-8000-0000000000c1",
    "project": "vision",
    "name": "train",
    "status": "succeeded",
    "started": _TIME,
    "ended": "2026-03-01T09:42:10.500000Z",
    "creator": "ada",
    "inputs": {"dataset": VERSION},
    "outputs": {"model": _MODEL},
    "params": {"lr": 0.1, "depth": 3},
    "metrics": {"accuracy": 0.97},
    "command": ["python", "train.py"],
    "exit_status": 0,
    "message": "",
    "source": {"host": "gpu-1"},
    "tags": {},
    "parent": None,
    "files": {"log": "b3:" + "1a" * 32},
}
_CHANGE = {
    "name": "labels.csv",
    "change": "changed",
    "old_name": None,
    "counts": {"deleted": 3, "inserted": 3},
    "old": None,
    "new": None,
}
_DIFFERENCE = {
    "measure": "files",
    "amount": 1,
    "total": 12,
    "counts": {"differing": 1},
    "changes": [_CHANGE],
    "changed": 1,
    "exact": True,
    "note": "",
}
_INHERITS = {
    "newer": VERSION,
    "older": OLDER,
    "weight": 0.083,
    "origin": "declared",
    "because": [],
    "difference": _DIFFERENCE,
}
_LINK = {"kind": "used", "source": RUN, "target": VERSION, "role": "dataset", "weight": None}
_USER = {
    "id": "019ca8a7-93c0-7000-8000-0000000000d1",
    "name": "ada",
    "created": _TIME,
    "is_owner": False,
    "disabled": False,
}

EXAMPLES: dict[str, dict[str, Any]] = {
    "Added": {"version": VERSION, "created": True, "inherits": [_INHERITS]},
    "Asset": {
        "id": "019ca8a7-93c0-7000-8000-000000000001",
        "name": _ASSET,
        "created": _TIME,
        "creator": "ada",
        "description": "handwritten digits",
        "policy": _POLICY,
        "measure": None,
        "removed": None,
        "tags": {},
    },
    "AssetName": _ASSET,
    "AuditRow": {
        "key": 12,
        "time": _TIME,
        "who": "ada",
        "action": "alias.set",
        "target": "vision/dataset/digits:stable",
        "project": "vision",
        "detail": {"version": 7, "previous": 4},
    },
    "Because": {"role": "dataset", "newer": VERSION, "older": OLDER, "distance": 0.083},
    "Change": _CHANGE,
    "Difference": _DIFFERENCE,
    "Edge": {"newer": 7, "older": 4, "weight": 0.083},
    "Happened": {
        "position": 41,
        "kind": "alias",
        "time": _TIME,
        "project": "vision",
        "asset": _ASSET,
        "version": VERSION["id"],
        "run": None,
        "data": {"alias": "stable", "version": 7, "previous": 4},
    },
    "History": {"asset": _ASSET, "versions": [VERSION, OLDER], "edges": [_INHERITS]},
    "Inherits": _INHERITS,
    "Lineage": {
        "root": _MODEL,
        "versions": [_MODEL, VERSION],
        "runs": [RUN],
        "links": [_LINK],
        "cut": False,
    },
    "Link": _LINK,
    "Member": {"user": _USER, "role": "editor"},
    "MetricPoint": {"name": "loss", "step": 3, "value": 0.25, "time": _TIME},
    "Policy": _POLICY,
    "Problem": {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "detail": "no version 'dataset/digits:v9'. The newest is v3.",
        "error": "NotFound",
        "fields": {"what": "version", "name": "dataset/digits:v9", "near": []},
    },
    "Project": {
        "id": "019ca8a7-93c0-7000-8000-000000000002",
        "name": "vision",
        "created": _TIME,
    },
    "Route": {"versions": [VERSION, OLDER], "steps": [_INHERITS], "distance": 0.083},
    "Run": RUN,
    "SignIn": {"user": _USER, "csrf": "Zm9yZ2VyeQ", "expires": _TIME},
    "Token": {
        "id": "019ca8a7-93c0-7000-8000-0000000000e1",
        "user": "ada",
        "name": "laptop",
        "role": "editor",
        "project": "vision",
        "created": _TIME,
        "expires": None,
        "last_used": None,
    },
    "User": _USER,
    "Version": VERSION,
}
