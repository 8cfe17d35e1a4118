"""A page in a browser: its address, its texts, and every error that it reports."""

import time
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, expect

from tests.browser.axe import violations

PHONE: Any = {"width": 390, "height": 844}
DESK: Any = {"width": 1280, "height": 900}
WAIT_MILLIS = 20_000
# The browser may draw the old content for a while after a click.
expect.set_options(timeout=WAIT_MILLIS)
_DRAWN = "() => new Promise((drawn) => requestAnimationFrame(() => setTimeout(drawn)))"


class LookedAt:
    """An open page. `may_fail`: answers with an error status are part of the test."""

    def __init__(
        self,
        browser: Browser,
        axe: str,
        address: str,
        *,
        phone: bool = False,
        dark: bool = False,
        token: str = "",
        may_fail: bool = False,
    ) -> None:
        self._axe = axe
        self._address = address
        self._may_fail = may_fail
        self.errors: list[str] = []
        self.asked: list[str] = []
        self._context = browser.new_context(
            viewport=PHONE if phone else DESK,
            color_scheme="dark" if dark else "light",
            has_touch=phone,
        )
        self.page: Page = self._context.new_page()
        self.page.set_default_timeout(WAIT_MILLIS)
        self.page.on("console", self._note_line)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        if token:
            self.page.add_init_script(
                f"sessionStorage['namesrv.token'] = '{token}';"
                "sessionStorage['namesrv.writes'] = 'yes'"
            )

    def _note_line(self, line: Any) -> None:
        is_status = line.text.startswith("Failed to load resource")
        if line.type in ("error", "warning") and not (is_status and self._may_fail):
            self.errors.append(f"{line.text} {line.location}")

    def go(self, place: str = "") -> Self:
        """Open a page of the console and wait for its heading and its answers."""
        self.page.goto(f"{self._address}#/{place}")
        self.settle()
        return self

    def settle(self) -> None:
        """Wait until the page was drawn and no part waits for the server."""
        self.page.evaluate(_DRAWN)
        self.page.wait_for_selector("main h1")
        self.page.wait_for_function("() => !document.body.innerText.includes('Asking')")

    def text(self) -> str:
        """The text of the page's content."""
        return self.page.inner_text("main")

    def sees(self, text: str) -> None:
        """Wait until a text is there."""
        self.page.wait_for_function(
            "(text) => document.querySelector('main').innerText.includes(text)",
            arg=text,
        )

    def leads_to(self, heading: str) -> None:
        """Wait for a page with this heading, and for its answers."""
        expect(self.page.locator("main h1")).to_have_text(heading)
        self.settle()

    def asks_for(self, part: str) -> None:
        """Wait until the page has sent a request with this in its address."""
        if not any(part in url for url in self.asked):
            self.page.wait_for_event("request", lambda request: part in request.url)

    def has_state(self, text: str) -> None:
        """Wait until the header says this about the server."""
        expect(self.page.locator("header .state")).to_have_text(text)

    def first_kind(self) -> str:
        """The tag of the first element of the content, which begins with its name."""
        found: str = self.page.evaluate(
            "() => document.querySelector('.page').firstElementChild.tagName"
        )
        return found

    def violations(self) -> list[str]:
        """What axe finds."""
        return violations(self.page, self._axe)

    def focused(self) -> str:
        """The text or name of the element with the focus."""
        script = (
            "({innerText, ariaLabel, name, id}) => innerText || ariaLabel || name || id"
        )
        found: str = self.page.evaluate(f"() => ({script})(document.activeElement)")
        return found.strip()

    def has_focus(self, name: str) -> None:
        """Wait until the element with this text or name has the focus."""
        deadline = time.monotonic() + WAIT_MILLIS / 1000
        while self.focused() != name and time.monotonic() < deadline:
            self.page.wait_for_timeout(20)
        assert self.focused() == name

    def is_wider_than_the_window(self) -> bool:
        """Whether it has to be moved sideways."""
        found: bool = self.page.evaluate(
            "() => document.documentElement.scrollWidth > innerWidth"
        )
        return found

    def foreign(self) -> list[str]:
        """Requests for other servers."""
        own = urlsplit(self._address).netloc
        return [url for url in self.asked if urlsplit(url).netloc != own]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # An answer that a test changes may be under way: the page goes on to ask.
        self.page.unroute_all(behavior="ignoreErrors")
        self._context.close()
        if kind is None:
            assert self.errors == [], self.errors
            assert self.foreign() == []


Looked = LookedAt
