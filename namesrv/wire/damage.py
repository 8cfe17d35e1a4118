"""Traces of a crash in a small file that was being written: no bytes, or NULs."""


def damage_of(data: bytes) -> str | None:
    """The damage of a text file that is never empty, as the end of a sentence.

    None means undamaged. A damaged file must not count as empty, because the next write
    would then replace its content for good.
    """
    if b"\0" in data:
        return "has NUL bytes, as after a crash"
    if not data.strip():
        return "is empty, as after a crash"
    return None
