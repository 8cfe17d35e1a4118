"""A RocketMQ NameServer in Python.

The names in `__all__` are public: CHANGELOG.md has the promises about them, and
docs/embedding.md how a program uses them. They are imported when they are first used,
so that `import namesrv` costs nothing.
"""

from typing import TYPE_CHECKING

__all__ = (
    "Companion",
    "NameServer",
    "Options",
    "OptionsInvalid",
    "StartFailed",
    "__version__",
    "run",
    "serving",
)

__version__ = "0.1.0"

if TYPE_CHECKING:
    from namesrv.errors import OptionsInvalid, StartFailed
    from namesrv.options import Options
    from namesrv.server.nameserver import NameServer
    from namesrv.server.running.companions import Companion
    from namesrv.server.running.run import run
    from namesrv.server.running.serving import serving
else:
    _HOMES = {
        "Companion": "namesrv.server.running.companions",
        "NameServer": "namesrv.server.nameserver",
        "Options": "namesrv.options",
        "OptionsInvalid": "namesrv.errors",
        "StartFailed": "namesrv.errors",
        "run": "namesrv.server.running.run",
        "serving": "namesrv.server.running.serving",
    }

    def __getattr__(name: str) -> object:
        from importlib import import_module  # noqa: PLC0415

        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = globals()[name] = getattr(import_module(_HOMES[name]), name)
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
