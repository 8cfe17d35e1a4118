"""Our server without lookup lanes, with one, and with several."""

from dataclasses import replace
from pathlib import Path

from bench.driver.servers import OURS_FAST, Server


def ours(lanes: int) -> Server:
    """The compiled server with so many lanes."""
    plural = "lane" if lanes == 1 else "lanes"

    def command(home: Path, port: int) -> list[str]:
        return [*OURS_FAST.command(home, port), "--lookup-lanes", str(lanes)]

    title = f"namesrv, {lanes or 'no'} {plural}"
    return replace(OURS_FAST, name=f"ours-{lanes}-lanes", title=title, command=command)
