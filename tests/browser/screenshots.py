"""Draws the pictures of docs/console.md: python -m tests.browser.screenshots"""

import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from namesrv.testing.peer import Peer, lookup
from tests.browser.site import Site
from tests.browser.small_png import with_palette

DOCS = Path(__file__).parents[2] / "docs"
PICTURES: dict[str, dict[str, Any]] = {
    "overview": {"place": "", "size": (1000, 680), "scheme": "light"},
    "topic": {"place": "topics/Payments", "size": (1000, 680), "scheme": "dark"},
    "phone": {"place": "topics/Ordrs", "size": (390, 680), "scheme": "light"},
}


def main() -> None:
    """All pictures, of a server with a few brokers and lookups."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox", "--disable-lcd-text"]
        )
        with Site(Path(folder)) as site:
            with Peer(site.address) as client:
                for second in range(30):
                    for _ in range(20 + second * 7 % 30):
                        client.ask(lookup("Orders"))
                    time.sleep(1)
            for name, picture in PICTURES.items():
                width, height = picture["size"]
                page = browser.new_page(
                    viewport={"width": width, "height": height},
                    color_scheme=picture["scheme"],
                )
                page.goto(f"{site.url}#/{picture['place']}")
                page.wait_for_selector("main table, main .say")
                page.wait_for_timeout(2_000)
                picture_bytes = with_palette(page.screenshot())
                (DOCS / f"console-{name}.png").write_bytes(picture_bytes)
        browser.close()


if __name__ == "__main__":
    main()
