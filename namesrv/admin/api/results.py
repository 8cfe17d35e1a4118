"""Results of requests of the remoting protocol as statuses of HTTP."""

import re
from collections.abc import Callable
from typing import Final

from namesrv.admin.http.messages import HttpAnswer
from namesrv.admin.http.problems import problem
from namesrv.codes import ResponseCode
from namesrv.wire.command import RemotingCommand

_STATUSES: Final[dict[int, int]] = {
    ResponseCode.TOPIC_NOT_EXIST: 404,
    ResponseCode.QUERY_NOT_FOUND: 404,
    ResponseCode.NO_PERMISSION: 403,
    ResponseCode.GO_AWAY: 503,
}
_RETRY: Final = ("Retry-After", "5")
_LATER: Final = re.compile(r"\bwait(?:ing)? already\b|^name server not ready$")
_LIMIT: Final = re.compile(r"\bthe limit is\b")
_FILE: Final = re.compile(r"^cannot \w+ ")


def status_of(code: int, remark: str | None) -> int:
    """The status for a result code.

    Code 1 is all that the remoting protocol has for a failure. Its remark makes the
    difference: a file that cannot be written or too many changes that wait (503), a
    limit (422), a switch (403), a mistake of ours (500), or a wrong request (400).
    """
    if code in _STATUSES:
        return _STATUSES[code]
    text = remark or ""
    if _LATER.search(text) or _FILE.search(text):
        return 503
    if _LIMIT.search(text):
        return 422
    if text == "disable":
        return 403
    return 500 if text.startswith("internal error") else 400


def refusal_of(code: int, remark: str | None) -> HttpAnswer:
    """A problem for a result code that is not a success."""
    status = status_of(code, remark)
    headers = (_RETRY,) if status == 503 else ()
    detail = remark or f"the request failed with code {code}"
    return problem(status, detail, *headers, code=code)


def translation(
    succeed: Callable[[RemotingCommand], HttpAnswer],
) -> Callable[[RemotingCommand], HttpAnswer]:
    """A translator of answers: `succeed` makes the answer to a success."""

    def translate(answer: RemotingCommand) -> HttpAnswer:
        if answer.code != ResponseCode.SUCCESS:
            return refusal_of(answer.code, answer.remark)
        return succeed(answer)

    return translate
