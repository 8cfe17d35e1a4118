"""Options of a server for a transcript, given to it as an operator would."""

from collections.abc import Mapping
from pathlib import Path

from namesrv.cli.sources import read_options
from namesrv.cli.words import read_words
from namesrv.options import Options


def server_options(
    home: Path,
    properties: Mapping[str, str],
    environ: Mapping[str, str] | None = None,
    files: Mapping[str, str] | None = None,
) -> Options:
    """Options from a real `-c` file, the environment and the command line.

    `{home}` in a property is the scratch directory `home`, below which `files` are
    written first.
    """
    for name, content in (files or {}).items():
        path = home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, "utf-8")
    config = home / "ns.properties"
    lines = {"listenPort": "0", "bindAddress": "127.0.0.1", **properties}
    text = "".join(f"{key}={value}\n" for key, value in lines.items())
    config.write_text(text.replace("{home}", str(home)), "iso-8859-1")
    words = read_words(["-c", str(config), "--data-dir", str(home / "data")])
    return read_options(words, environ or {})[0]
