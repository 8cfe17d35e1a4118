"""Peers: other NameServers that have other routes, or do not answer."""

from namesrv.admin.api.endpoint import Call
from namesrv.admin.console.finding import Finding, counted, run, short
from namesrv.routing.history.peer_views import PeerState, PeerView
from namesrv.work import Cost, Steps


def peer_problems(call: Call) -> Steps[list[Finding]]:
    """One finding for each peer with a problem."""
    views = call.inside.state.peer_views.views
    yield len(views) * Cost.GROUP
    here = call.request.headers.get("host", "HERE:PORT")
    found = (_finding(view, here) for view in views)
    return [finding for finding in found if finding is not None]


def _finding(view: PeerView, here: str) -> Finding | None:
    if view.state is PeerState.DISAGREES:
        first = f", such as: {view.differences[0].sentence}" if view.differences else ""
        points = counted(view.difference_count, "difference")
        sentence = f"The server {view.address} has other routes, {points}{first}"
        return _of("peer_disagrees", view, sentence, run("diff", here, view.address))
    if view.state in (PeerState.DOWN, PeerState.WRONG):
        sentence = f"The peer {view.address} cannot be compared: {view.reason}"
        return _of("peer_down", view, sentence, "It is asked again every few seconds.")
    return None


def _of(word: str, view: PeerView, sentence: str, after: str) -> Finding:
    text = sentence.rstrip(".") + "."
    return Finding(word, "warning", "peer", short(view.address), text, after)
