"""`/v1/problems`: everything that is wrong, in sentences, the worst first."""

from collections.abc import Callable, Iterator
from typing import Annotated, Final

from msgspec import Meta, Struct

from namesrv.admin.api.answers import respond
from namesrv.admin.api.endpoint import MOST_ITEMS, Call, Endpoint
from namesrv.admin.console.client_problems import client_problems
from namesrv.admin.console.finding import SEVERITIES, Finding
from namesrv.admin.console.gone_brokers import gone_brokers
from namesrv.admin.console.group_problems import group_problems
from namesrv.admin.console.peer_problems import peer_problems
from namesrv.admin.console.server_problems import server_problems
from namesrv.admin.console.topic_problems import topic_problems
from namesrv.admin.http.messages import HttpAnswer
from namesrv.work import Cost, Steps

_FEW: Final = 100
_SOURCES: Final[tuple[Callable[[Call], Steps[list[Finding]]], ...]] = (
    server_problems,
    group_problems,
    gone_brokers,
    topic_problems,
    client_problems,
    peer_problems,
)


class ProblemsParameters(Struct, forbid_unknown_fields=True, kw_only=True):
    """How many problems are wanted."""

    limit: Annotated[
        int, Meta(ge=1, le=MOST_ITEMS, description="most problems of the answer")
    ] = _FEW


class FoundProblems(Struct):
    """The problems of this moment, the worst first."""

    problems: Annotated[list[Finding], Meta(description="the problems")]
    errors: Annotated[int, Meta(description="all problems that are errors")]
    warnings: Annotated[int, Meta(description="all problems that are warnings")]
    notes: Annotated[int, Meta(description="all problems that are notes")]


def get_problems(call: Call) -> Steps[HttpAnswer]:
    """All sources one after the other."""
    found: list[Finding] = []
    for source in _SOURCES:
        found += yield from source(call)
    found.sort(key=_rank)
    yield len(found) * Cost.GROUP
    shown = found[: call.parameters.limit]
    page = FoundProblems(shown, *_counts(found))
    return respond(call.request, page)


def _rank(finding: Finding) -> tuple[int, str, str]:
    return SEVERITIES.index(finding.severity), finding.id, finding.name or ""


def _counts(found: list[Finding]) -> Iterator[int]:
    for severity in SEVERITIES:
        yield sum(finding.severity == severity for finding in found)


ENDPOINTS: Final = (
    Endpoint(
        "GET",
        "/v1/problems",
        "Everything that is wrong, the worst first",
        get_problems,
        parameters=ProblemsParameters,
        answer=FoundProblems,
    ),
)
