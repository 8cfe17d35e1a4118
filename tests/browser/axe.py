"""axe-core, which finds parts that a screen reader or a keyboard cannot use."""

import hashlib
from pathlib import Path
from typing import Any

from tools.vendored import fetched

_CACHED = Path(__file__).parents[2] / ".cache/browser/axe.min.js"
SOURCE = {
    "package": "axe-core",
    "version": "4.14.1",
    "path": "package/axe.min.js",
    "sha256": "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c",
}
RUN = """async () => (await axe.run(document)).violations
  .map(({id, nodes}) => `${id}: ${nodes.map((node) => node.html).join(" ")}`)"""


def axe_script() -> str:
    """The script, from npm at the first time. Fails if it is another one."""
    if not _CACHED.exists():
        content = fetched(SOURCE)
        _CACHED.parent.mkdir(parents=True, exist_ok=True)
        _CACHED.write_bytes(content)
    content = _CACHED.read_bytes()
    assert hashlib.sha256(content).hexdigest() == SOURCE["sha256"]
    return content.decode()


def violations(page: Any, script: str) -> list[str]:
    """The violations of a page as it is now."""
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(script)
    found: list[str] = page.evaluate(RUN)
    return found
