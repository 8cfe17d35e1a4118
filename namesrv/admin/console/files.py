"""The files of the console, read once; they are in the package beside this module.

`static/` has our own pages, `vendored/` the libraries of others with their licences.
"""

from pathlib import Path
from typing import Final, NamedTuple

PAGE: Final = "index.html"
_FOLDER: Final = Path(__file__).parent
_TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


class StaticFile(NamedTuple):
    """The bytes of a file, and their type."""

    content: bytes
    content_type: str


def read_files() -> dict[str, StaticFile]:
    """All files by name. Raises OSError if the package lacks them."""
    own, vendored = (_FOLDER / "static").iterdir(), (_FOLDER / "vendored").iterdir()
    contents = {path: _slim(path.read_bytes()) for path in own}
    contents |= {path: path.read_bytes() for path in vendored}
    return {
        path.name: StaticFile(contents[path], _TYPES[path.suffix])
        for path in sorted(contents)
        if path.suffix in _TYPES
    }


def _slim(content: bytes) -> bytes:
    """A file of ours without indentation and comments. Lines keep their numbers."""
    lines = [line.strip() for line in content.split(b"\n")]
    return b"\n".join(b"" if line.startswith(b"//") else line for line in lines)
