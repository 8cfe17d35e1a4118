"""`/v1/config`: options of the server, and the change of some of them."""

from typing import Annotated, Any, Final

import msgspec
from msgspec import UNSET, Meta, UnsetType, structs

from namesrv.admin.api.answers import respond
from namesrv.admin.api.endpoint import Call, Endpoint
from namesrv.admin.api.results import translation
from namesrv.admin.http.messages import NO_CONTENT, Access, Asked, HttpAnswer
from namesrv.codes import RequestCode
from namesrv.errors import HttpRefused
from namesrv.option import Option, value_text
from namesrv.options import OPTIONS, java_texts, java_values
from namesrv.wire.command import RemotingCommand

_CONFIG_UNITS: Final = 250
_BY_NAME: Final = {option.name: option for option in OPTIONS}


Config = Annotated[
    dict[str, bool | int | str],
    Meta(
        description="The options that Java's server has, by its names, and unknown keys"
        " of the file as texts; secrets are hidden."
    ),
]


def _field(option: Option) -> tuple[str, Any, UnsetType]:
    kind: Any = option.type
    meaning = Meta(description=option.meaning)
    if option.type is int:
        limits = Meta(ge=option.minimum, le=option.maximum)
        kind = Annotated[kind, limits]
    return option.name, Annotated[kind, meaning] | UnsetType, UNSET


Changes: Final = msgspec.defstruct(
    "Changes",
    [_field(option) for option in OPTIONS if option.remote],
    forbid_unknown_fields=True,
    kw_only=True,
    module=__name__,
    namespace={"__doc__": "New values of options; the others keep theirs."},
)


def get_config(call: Call) -> HttpAnswer:
    """The options, as 319 answers them, in the shape in which PATCH takes them."""
    call.inside.state.turn.spend(_CONFIG_UNITS)
    options = call.inside.options
    return respond(call.request, {**java_texts(options), **java_values(options)})


def change_config(call: Call) -> Asked:
    """Change options, as 318 does: all of them or none; answered when the file has
    them."""
    changes = {
        name: value
        for name, value in structs.asdict(call.body).items()
        if value is not UNSET
    }
    if not changes:
        raise HttpRefused(400, "the body changes no option")
    lines = (f"{name}={value_text(value)}\n" for name, value in changes.items())
    body = "".join(lines).encode()
    command = RemotingCommand(RequestCode.UPDATE_NAMESRV_CONFIG, body=body)
    return Asked(command, translation(lambda _: NO_CONTENT))


def about_option(name: str) -> str | None:
    """A sentence about an option that the body does not have."""
    option = _BY_NAME.get(name)
    if option is None:
        return None
    remedy = "reload the server (SIGHUP)" if option.live else "start the server anew"
    return (
        f"option {name} cannot be changed over HTTP; change it where the server is"
        f" configured, and {remedy}"
    )


def config_state(call: Call) -> tuple[object, ...]:
    """Equal as long as the options are."""
    return (call.inside.state.configuration_changes,)


ENDPOINTS = (
    Endpoint(
        "GET",
        "/v1/config",
        "The options that Java's server has, too",
        get_config,
        answer=Config,
        depends=config_state,
    ),
    Endpoint(
        "PATCH",
        "/v1/config",
        "Change options while the server runs",
        change_config,
        access=Access.WRITE,
        body=Changes,
        status=204,
        errors=(422, 503),
        explain=about_option,
    ),
)
