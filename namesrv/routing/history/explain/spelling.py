"""Names that differ only in their spelling: letter case, separators, a namespace or a
prefix of RocketMQ.

Source: `NamespaceUtil`, `MixAll#RETRY_GROUP_TOPIC_PREFIX` and `#DLQ_GROUP_TOPIC_PREFIX`
of RocketMQ.
"""

from __future__ import annotations

from typing import Final

_PREFIXES: Final = ("%RETRY%", "%DLQ%")
_SEPARATORS: Final = str.maketrans("", "", "-_. ")
_AT_ENDS: Final = "-_. %"
AUTO_CREATE_TOPIC: Final = "TBW102"
"""Brokers with autoCreateTopicEnable announce this topic, and take the settings of new
ones from it."""


def folded(name: str) -> str:
    """Equal for names that differ in letter case, separators, namespace or prefix."""
    if "%" in name:
        name = core(name)
    return name.translate(_SEPARATORS).casefold()


def may_fold_alike(name: str, wanted: str) -> bool:
    """Whether the folded form of a name may be `wanted`: false is certain, and cheap
    for most names."""
    last = name[-1:]
    return last in _AT_ENDS or last.casefold()[-1:] == wanted[-1:]


def core(name: str) -> str:
    """A name without the prefix of a retry or dead letter topic, and without its
    namespace (`namespace%name`)."""
    for prefix in _PREFIXES:
        name = name.removeprefix(prefix)
    return name.rpartition("%")[2] or name


def difference(name: str, other: str) -> str:
    """How two names with the same `folded` form differ, in a few words."""
    if name.casefold() == other.casefold():
        return "only in letter case"
    if core(name) == core(other):
        if name.startswith(_PREFIXES) or other.startswith(_PREFIXES):
            return "in a prefix of RocketMQ (%RETRY%, %DLQ%)"
        return "in the namespace before the %"
    if name.strip() == other.strip():
        return "in blanks at the beginning or end"
    return "in separators or letter case"
