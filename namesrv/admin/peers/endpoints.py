"""`/v1/peers`: the other NameServers, and whether they have the same routes."""

from typing import Annotated, Final

from msgspec import UNSET, Meta, Struct, UnsetType

from namesrv.admin.api.answers import respond
from namesrv.admin.api.endpoint import Call, Endpoint
from namesrv.admin.http.messages import HttpAnswer
from namesrv.routing.history.peer_views import PeerView
from namesrv.work import Cost, Steps, batches

_DIFFERENCE_UNITS: Final = 2


class ComparedPeer(Struct):
    """One peer, as it was when it was asked last."""

    address: Annotated[str, Meta(description="its address in the option `peers`")]
    kind: Annotated[
        str,
        Meta(
            description="`namesrv`, `rocketmq` (asked in the remoting protocol only) or"
            " `unknown`"
        ),
    ]
    state: Annotated[
        str,
        Meta(
            description="`new`, `agrees`, `settling` (differs for less than 60 s),"
            " `disagrees`, `down`, `wrong` (no NameServer) or `itself`"
        ),
    ]
    since_millis: Annotated[
        int,
        Meta(
            description="date at which the state began; with differences that of the"
            " oldest one"
        ),
    ]
    asked_millis: Annotated[
        int | None, Meta(description="date at which it was asked last")
    ]
    differences: Annotated[
        list[str], Meta(description="a sentence for each, the oldest first")
    ]
    differences_left_out: Annotated[
        int, Meta(description="differences beyond the first 200")
    ]
    only_there: Annotated[
        int, Meta(description="topics that only the peer has, 2,000 at most")
    ]
    reason: Annotated[
        str | UnsetType,
        Meta(description="why it is not compared, for `down`, `wrong` and `itself`"),
    ] = UNSET
    digest: Annotated[
        str | UnsetType, Meta(description="its digest, as /v1/digest defines it")
    ] = UNSET
    brokers: Annotated[
        int | UnsetType, Meta(description="addresses of brokers that it has")
    ] = UNSET


class ComparedPeers(Struct):
    """All peers, in the order of the option."""

    peers: Annotated[list[ComparedPeer], Meta(description="the peers")]
    orphan: Annotated[
        str | None,
        Meta(
            description="a sentence while clients ask here and brokers register at the"
            " peers only"
        ),
    ]
    digest: Annotated[
        str | None, Meta(description="that of this server, for the last comparison")
    ]


def get_peers(call: Call) -> Steps[HttpAnswer]:
    """All peers."""
    views = call.inside.state.peer_views
    found = []
    for view in views.views:
        found.append((yield from _peer(view)))
    return respond(call.request, ComparedPeers(found, views.orphan, views.digest))


def _peer(view: PeerView) -> Steps[ComparedPeer]:
    sentences: list[str] = []
    for some in batches(view.differences, _DIFFERENCE_UNITS):
        sentences += [one.sentence for one in some]
        yield len(some) * _DIFFERENCE_UNITS
    yield Cost.ENTRY
    return ComparedPeer(
        address=view.address,
        kind=view.kind,
        state=view.state,
        since_millis=_since(view),
        asked_millis=view.asked_millis,
        differences=sentences,
        differences_left_out=view.differences_left_out,
        only_there=len(view.topics_there),
        reason=UNSET if view.reason is None else view.reason,
        digest=UNSET if view.digest is None else view.digest,
        brokers=UNSET if view.brokers is None else view.brokers,
    )


def _since(view: PeerView) -> int:
    """A difference is older than the disagreement: it settles first."""
    return view.differences[0].since_millis if view.differences else view.since_millis


ENDPOINTS: Final = (
    Endpoint(
        "GET",
        "/v1/peers",
        "Other NameServers, and whether they have the same routes",
        get_peers,
        answer=ComparedPeers,
    ),
)
