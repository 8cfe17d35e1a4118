"""Draws the pictures of docs/console.md: python -m tests.browser.screenshots"""

import shutil
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from tests.browser.site import Site

DOCS = Path(__file__).parents[2] / "docs"
PICTURES: dict[str, dict[str, Any]] = {
    "overview": {"place": "", "size": (1080, 820), "scheme": "light"},
    "topic": {"place": "topics/Payments", "size": (1080, 820), "scheme": "dark"},
    "phone": {"place": "topics/Ordrs", "size": (390, 820), "scheme": "light"},
}


def main() -> None:
    """All pictures, of a server with a few brokers and lookups."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=["--no-sandbox"]
        )
        with Site(Path(folder)) as site:
            for name, picture in PICTURES.items():
                width, height = picture["size"]
                page = browser.new_page(
                    viewport={"width": width, "height": height},
                    color_scheme=picture["scheme"],
                )
                page.goto(f"{site.url}#/{picture['place']}")
                page.wait_for_selector("main table, main .say")
                page.wait_for_timeout(12_000 if name == "overview" else 2_000)
                page.screenshot(path=DOCS / f"console-{name}.png")
        browser.close()


if __name__ == "__main__":
    main()
