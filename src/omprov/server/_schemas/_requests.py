"""What requests may say. Unknown fields are refused: a typing error is no default."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    RootModel,
)

from omprov.records import (
    AssetName,
    Kind,
    Missing,
    Policy,
    Role,
    RunId,
    RunStatus,
    Treatment,
    check_depth,
)
from omprov.repository import RunBegin, RunEnd

_ID = "019ca8a7-93c0-7000-8000-0000000000a1"
_DIGEST = "b3:" + "5f" * 32
Text = Annotated[str, Field(max_length=10_000)]
Name = Annotated[str, Field(min_length=1, max_length=500)]
Word = Annotated[str, Field(max_length=100_000)]
Tags = dict[Annotated[str, Field(max_length=500)], str | None]
Id = Annotated[str, Field(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
DigestText = Annotated[
    str,
    Field(pattern=r"^(b3:)?[0-9a-f]{64}$", examples=[_DIGEST]),
]
_NOT_FINITE = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}


def _number(value: object) -> object:
    """Read the three numbers that JSON lacks; no other text is a number."""
    if isinstance(value, str):
        if value not in _NOT_FINITE:
            raise ValueError("a number, or one of the words NaN, Infinity and -Infinity")
        return _NOT_FINITE[value]
    if isinstance(value, bool):
        raise ValueError("a number is wanted")  # noqa: TRY004 pydantic wants this one
    return value


Value = Annotated[
    float,
    BeforeValidator(
        _number,
        json_schema_input_type=float | Literal["NaN", "Infinity", "-Infinity"],
    ),
]


def _shallow(facts: dict[str, Any]) -> dict[str, Any]:
    check_depth(facts)
    return facts


def _in_calendar(time: datetime) -> datetime:
    """Refuse a time that is in no year of UTC: it could be kept, and not read again."""
    try:
        time.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("no calendar has this time") from error
    return time


Facts = Annotated[dict[str, Any], AfterValidator(_shallow)]
Moment = Annotated[AwareDatetime, AfterValidator(_in_calendar)]


class Body(BaseModel):
    """A body: an object with these fields and no others."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Named(Body):
    """The full name of an asset."""

    project: Name
    kind: Kind
    name: Name

    def record(self) -> AssetName:
        """Return the name."""
        return AssetName(self.project, self.kind, self.name)


class VersionNamed(BaseModel):
    """A version as an answer holds it; only its id is read."""

    model_config = ConfigDict(extra="allow", frozen=True)
    id: Id


AssetText = Annotated[
    str | Named,
    Field(description="A reference, or the parts of a name.", examples=["dataset/digits"]),
]
VersionText = Annotated[
    Name | VersionNamed,
    Field(
        description="A reference, an id, or a version as an answer holds it.",
        examples=["dataset/digits:v3", _ID],
    ),
]


class NewProject(Body):
    """A project to make."""

    name: Name = Field(examples=["vision"])


class PolicyText(Body):
    """How the roles of runs count; see `Policy`."""

    roles: dict[str, Treatment] = Field(default_factory=dict, examples=[{"params": "ignored"}])
    missing: Missing = Missing.SEPARATE

    def record(self) -> Policy:
        """Return the policy."""
        return Policy(roles=dict(self.roles), missing=self.missing)


class NewAsset(Body):
    """An asset to make."""

    name: AssetText
    description: Text = ""
    policy: PolicyText | None = None
    measure: Name | None = None


class AssetChange(Body):
    """What to change of an asset; what is left out stays."""

    description: Text | None = None
    measure: Name | None = Field(None, examples=["files"])
    policy: PolicyText | None = None


class AliasTarget(Body):
    """Where an alias is to point."""

    version: Id = Field(examples=[_ID])
    previous: Id | None = Field(
        None,
        description="Where it has to point now (null: nowhere), else nothing is changed (409); "
        "left out, it does not matter.",
    )


class Protection(Body):
    """Whether only owners move an alias."""

    protected: bool


class StoredContent(Body):
    """Content that was uploaded before."""

    digest: DigestText | None = Field(None, description="Of its tree; null for the fact alone.")
    size: int = Field(0, ge=0, lt=2**63, description="Bytes; the server looks for itself.")
    files: int = Field(0, ge=0, lt=2**63)


class NewVersion(StoredContent):
    """A version to record."""

    asset: AssetText
    words: int | None = Field(None, ge=0, lt=2**63, description="A hint that is not needed.")
    message: Text = ""
    inherits: Literal["auto"] | list[VersionText] = "auto"
    held: Id | None = Field(None, description="The version that the folder is known to have held.")
    source: Facts = Field(default_factory=dict)


class NewChild(Body):
    """A version that was made from another one."""

    digest: DigestText = Field(description="Of its tree, which was uploaded before.")
    size: int = Field(0, ge=0, lt=2**63)
    files: int = Field(0, ge=0, lt=2**63)
    message: Text = ""
    source: Facts = Field(default_factory=dict)


class EdgeEnds(Body):
    """Two versions."""

    newer: Id = Field(examples=[_ID])
    older: Id


class NewEdge(EdgeEnds):
    """An edge to declare."""

    weight: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = Field(
        None, description="The amount of difference; measured where it is left out."
    )


class OutputMade(StoredContent):
    """Something that a run made."""

    asset: AssetText
    message: Text = ""
    source: Facts = Field(default_factory=dict)


class Point(Body):
    """One point of a metric."""

    name: Name
    step: int = Field(ge=-(2**63), lt=2**63)
    value: Value
    time: Moment


class NewRun(Body):
    """A run that is over."""

    inputs: dict[str, VersionText] = Field(default_factory=dict)
    outputs: dict[str, OutputMade] = Field(default_factory=dict)
    name: Name = "run"
    status: RunStatus = RunStatus.SUCCEEDED
    started: Moment | None = None
    ended: Moment | None = None
    params: Facts | None = None
    metrics: dict[str, Value] | None = None
    points: list[Point] = Field(default_factory=list)
    environment: Facts | None = None
    command: list[Word] = Field(default_factory=list)
    exit_status: int | None = Field(None, ge=-(2**31), lt=2**31)
    message: Text = ""
    source: Facts | None = None
    tags: dict[str, str] | None = None


class Begin(Body):
    """That a run began, or goes on."""

    name: Name
    started: Moment
    parent: Id | None = None

    def record(self) -> RunBegin:
        """Return the record."""
        parent = None if self.parent is None else RunId(self.parent)
        return RunBegin(self.name, self.started, parent)


class End(Body):
    """That a run ended."""

    status: RunStatus
    ended: Moment
    exit_status: int | None = Field(None, ge=-(2**31), lt=2**31)
    message: Text = ""

    def record(self) -> RunEnd:
        """Return the record."""
        return RunEnd(self.status, self.ended, self.exit_status, self.message)


Position = Annotated[int, Field(ge=0, lt=2**63)]


class RunChange(Body):
    """What became known of a run."""

    begin: Begin | None = None
    inputs: dict[str, VersionText] = Field(default_factory=dict)
    params: Facts = Field(default_factory=dict)
    points: list[Point] = Field(default_factory=list)
    tags: dict[str, str] = Field(default_factory=dict)
    source: Facts = Field(default_factory=dict)
    command: list[Word] | None = None
    environment: Facts | None = None
    outputs: dict[str, OutputMade] = Field(default_factory=dict)
    files: StoredContent | None = None
    trees: dict[str, DigestText] = Field(default_factory=dict)
    end: End | None = None
    journals: dict[str, tuple[Position, Position]] = Field(default_factory=dict)


class LateFacts(Body):
    """What became known of a run after it was recorded."""

    points: list[Point] = Field(default_factory=list)
    params: Facts | None = None
    status: RunStatus | None = None
    ended: Moment | None = None
    source: Facts | None = None
    tags: Tags | None = None


class TaggedRuns(Body):
    """Which runs to look for by a tag."""

    name: Name
    values: list[str] = Field(max_length=10_000)


class TagChange(RootModel[Tags]):
    """Name → value, or null to take the tag away."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"good": "yes"}]})


class SignInBody(Body):
    """A name and a password."""

    name: str = Field(max_length=200)
    password: str = Field(max_length=1000)


class NewUser(SignInBody):
    """A user to make."""

    owner: bool = Field(default=False, description="Of the whole server.")


class UserChange(Body):
    """What to change of a user; what is left out stays."""

    password: str | None = Field(None, max_length=1000)
    owner: bool | None = None
    disabled: bool | None = None


class NewToken(Body):
    """A token to make."""

    name: Name = Field(examples=["laptop"])
    role: Role = Role.EDITOR
    project: Name | None = None
    expires: Moment | None = None


class MemberRole(Body):
    """The role of a member."""

    role: Role


class CommitHome(Body):
    """A version that a commit makes."""

    commit: str = Field(pattern=r"^[0-9a-f]{40}([0-9a-f]{24})?$")
    content: NewChild
    inherits: list[tuple[str | int, Facts]] = Field(
        default_factory=list,
        description="(commit, or key of a version) and the difference to it.",
    )
    message: str = ""
    creator: str = ""
    created: Moment
    source: Facts = Field(default_factory=dict)


class NewCommits(Body):
    """A history that git recorded."""

    asset: AssetText
    versions: list[CommitHome]
    commits: dict[str, str | int | None] = Field(
        description="Every commit → its version: by the commit that makes it, or by its key."
    )
    tags: Tags = Field(default_factory=dict)


class CommitNames(Body):
    """Which commits to look for."""

    asset: AssetText
    commits: list[str] | None = Field(None, description="All that are known, where left out.")


class CommitTags(Body):
    """What to say of the versions that commits make."""

    asset: AssetText
    states: dict[str, str | None]
