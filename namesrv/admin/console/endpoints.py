"""`/` and the files of the console.

A thread imports this module with the rest of HTTP, so that the files are read there.
They show nothing of the server: the page asks the API for everything, with the token of
its user. So nobody needs a token to load them.
"""

from typing import Annotated, Final

from msgspec import Meta, Struct

from namesrv.admin.api.endpoint import Call, Endpoint
from namesrv.admin.console.files import PAGE, StaticFile, read_files
from namesrv.admin.http.messages import Access, HttpAnswer
from namesrv.errors import HttpRefused
from namesrv.work import Cost, kilobytes

CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self';"
    " connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
FILES: Final = read_files()
_HEADERS: Final = (
    ("Content-Security-Policy", CONTENT_SECURITY_POLICY),
    ("Referrer-Policy", "no-referrer"),
)


class FileParameter(Struct, forbid_unknown_fields=True, kw_only=True):
    """One file of the console."""

    file: Annotated[str, Meta(description="its name, such as `style.css`")]


def get_page(call: Call) -> HttpAnswer:
    """The page that loads all others."""
    return _answer(call, FILES[PAGE])


def get_file(call: Call) -> HttpAnswer:
    """A script, a style or a picture."""
    name = call.parameters.file
    found = FILES.get(name)
    if found is None:
        raise HttpRefused(404, f"the console has no file {name[:100]!r}")
    return _answer(call, found)


def _answer(call: Call, found: StaticFile) -> HttpAnswer:
    units = kilobytes(len(found.content), Cost.ANSWER_KILOBYTE)
    call.inside.state.turn.spend(units)
    return HttpAnswer(200, found.content, found.content_type, _HEADERS)


def _never_changes(call: Call) -> tuple[object, ...]:
    """Files are those of the process, and a tag has the process in it."""
    return (0,)


ENDPOINTS: Final = (
    Endpoint(
        "GET",
        "/",
        "The console, pages for operators",
        get_page,
        Access.PAGE,
        produces=FILES[PAGE].content_type,
        depends=_never_changes,
    ),
    Endpoint(
        "GET",
        "/console/{file}",
        "A file of the console",
        get_file,
        Access.PAGE,
        parameters=FileParameter,
        produces="text/javascript; charset=utf-8",
        errors=(404,),
        depends=_never_changes,
    ),
)
