"""How a crash leaves a small file that was being written: empty, or full of NULs."""


def damage_of(data: bytes) -> str | None:
    """The damage of a text file that has a content when it is whole, as the end of
    a sentence; None if nothing is.

    Such a file is damaged and not empty: to take it for empty would lose its content
    for good with the next write.
    """
    if b"\0" in data:
        return "has NUL bytes, as after a crash"
    if not data.strip():
        return "is empty, as after a crash"
    return None
