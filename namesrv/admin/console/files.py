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
    paths = [*(_FOLDER / "static").iterdir(), *(_FOLDER / "vendored").iterdir()]
    return {
        path.name: StaticFile(path.read_bytes(), _TYPES[path.suffix])
        for path in sorted(paths)
        if path.suffix in _TYPES
    }
