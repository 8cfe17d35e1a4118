"""The audit: who asked for which change, and with which result.

It has every request that may change something, and every refusal. A registration is
audited if it put an event: if it changed more than the time at which the broker was
heard from, also if only its connection is another one. Heartbeats are not audited.
Values and bodies are left out: they may be secrets, and they may be long.
"""

from typing import Final

from namesrv.codes import RequestCode, ResponseCode
from namesrv.routing.access.control import CLASSES, AccessControl, RequestClass
from namesrv.routing.access.request import Request
from namesrv.routing.outbox import AuditEvent, Outbox
from namesrv.routing.settings.configuration import Configuration
from namesrv.wire.command import RemotingCommand

_BROKER: Final = ("clusterName", "brokerName", "brokerId", "brokerAddr")
_IDENTIFYING: Final[dict[int, tuple[str, ...]]] = {
    RequestCode.PUT_KV_CONFIG: ("namespace", "key"),
    RequestCode.DELETE_KV_CONFIG: ("namespace", "key"),
    RequestCode.REGISTER_BROKER: _BROKER,
    RequestCode.UNREGISTER_BROKER: _BROKER,
    RequestCode.QUERY_DATA_VERSION: ("clusterName", "brokerName", "brokerAddr"),
    RequestCode.BROKER_HEARTBEAT: ("clusterName", "brokerName", "brokerAddr"),
    RequestCode.WIPE_WRITE_PERM_OF_BROKER: ("brokerName",),
    RequestCode.ADD_WRITE_PERM_OF_BROKER: ("brokerName",),
    RequestCode.DELETE_TOPIC_IN_NAMESRV: ("topic", "clusterName"),
    RequestCode.REGISTER_TOPIC_IN_NAMESRV: ("topic",),
}
_HEARTBEATS: Final = (RequestCode.QUERY_DATA_VERSION, RequestCode.BROKER_HEARTBEAT)
_AUDITED: Final = (RequestClass.BROKER_CONTROL, RequestClass.ADMIN_WRITE)

LONGEST_TEXT: Final = 512
"""Characters of an ext field or a remark that are kept."""


class Audit:
    """Puts audit events into the outbox; does nothing without an `auditLog`."""

    def __init__(
        self,
        configuration: Configuration,
        access: AccessControl,
        outbox: Outbox,
        *,
        is_on: bool,
    ) -> None:
        self._configuration = configuration
        self._access = access
        self._outbox = outbox
        self._is_on = is_on

    def note(self, request: Request, answer: RemotingCommand) -> None:
        """A request was answered."""
        if not self._is_on or not _is_audited(request, answer):
            return
        code, cause = RequestCode(request.code), request.cause
        fields: dict[str, object] = {"code": int(code), "remote": cause.peer}
        if cause.proxy is not None:
            fields["via"] = cause.proxy
        if request.is_http:
            fields["protocol"] = "HTTP"
        elif answer.code != ResponseCode.NO_PERMISSION:
            fields["access_key"] = self._access.signer(request.command)
        for name in _IDENTIFYING.get(code, ()):
            fields[name] = _cut(request.ext_fields.get(name))
        if code == RequestCode.UPDATE_NAMESRV_CONFIG and not answer.code:
            body = request.command.body or b""
            fields["changes"] = _cut(self._configuration.changes_text(body))
        fields |= {"result": answer.code, "remark": _cut(answer.remark)}
        self._outbox.put(AuditEvent(code.name, fields, is_done=not answer.code))


def _is_audited(request: Request, answer: RemotingCommand) -> bool:
    code = request.code
    if CLASSES.get(code) not in _AUDITED:
        return False
    if code in _HEARTBEATS:
        return answer.code == ResponseCode.NO_PERMISSION
    if code == RequestCode.REGISTER_BROKER and not answer.code:
        return request.cause.event_count > 0
    return True


def _cut(text: str | None) -> str | None:
    return text if text is None else text[:LONGEST_TEXT]
