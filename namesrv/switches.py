"""The two variables that choose between the twins of the hot path.

`namesrv._impl` follows them, and `namesrv --version` reports the choice without it.
"""

from collections.abc import Mapping
from typing import Final

NO_EXTENSIONS: Final = "NAMESRV_NO_EXTENSIONS"
REQUIRE_EXTENSIONS: Final = "NAMESRV_REQUIRE_EXTENSIONS"
PROBE: Final = "namesrv._fast.connection"
"""The module of the compiled twin whose presence decides."""
_NO: Final = ("", "0", "false", "no", "off")


def is_on(environ: Mapping[str, str], switch: str) -> bool:
    """Whether a variable is set; 0, false, no and off mean unset."""
    return environ.get(switch, "").strip().lower() not in _NO
