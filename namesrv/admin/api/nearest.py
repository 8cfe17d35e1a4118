"""The existing topics that missing ones were probably meant to be.

A name that differs only in letter case, separators, namespace or prefix comes first.
One pass over all topics finds these for all missing ones together; other similar names
are found one by one. Results are kept with the missing topics for a minute, because
pages ask again and again; one without such a topic is asked for anew as soon as the
tables have changed.
"""

from collections.abc import Sequence
from typing import Final

from namesrv.admin.api.similar import similar_in
from namesrv.routing.history.explain.spelling import folded
from namesrv.routing.history.missing import MissingTopic
from namesrv.routing.state import RoutingState
from namesrv.routing.tables.ordered_texts import OrderedTexts
from namesrv.work import Steps

_NAMES_OF_A_STEP: Final = 250
_NAME_UNITS: Final = 2


def note_nearest(
    state: RoutingState, topics: Sequence[MissingTopic], now_ms: int
) -> Steps[None]:
    """Find the nearest topic of each that has no recent one (`MissingTopic.nearest`);
    none if the list of topics may not be seen."""
    known = state.tables.topic_queue_table
    changes = state.tables.changes
    stale = [one for one in topics if not one.knows_nearest(known, changes, now_ms)]
    if not stale or not state.options.enable_all_topic_list:
        return
    texts = yield from state.topic_lists.names()
    variants = yield from _variants({folded(one.topic) for one in stale}, texts)
    for one in stale:
        nearest = variants.get(folded(one.topic))
        if nearest is None:
            similar = yield from similar_in(one.topic, texts, known)
            nearest = similar[0] if similar else None
        one.note_nearest(nearest, changes, now_ms)


def _variants(wanted: set[str], texts: OrderedTexts) -> Steps[dict[str, str]]:
    """The first topic of each folded name."""
    found: dict[str, str] = {}
    names = texts.following("", _NAMES_OF_A_STEP, is_included=True)
    while names:
        for name in names:
            short = folded(name)
            if short in wanted:
                found.setdefault(short, name)
        yield len(names) * _NAME_UNITS
        names = texts.following(names[-1], _NAMES_OF_A_STEP)
    return found
