"""Where options come from, in rising order.

Defaults, Java's two environment variables, the `-c` file, the file that it names for
TLS, the remote updates that were kept (protocol.md section 9.4), the variables
NAMESRV_OPT_..., the command line.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Final

from namesrv.cli import tls_properties
from namesrv.cli.words import Words
from namesrv.errors import OptionsInvalid, PropertiesInvalid, StorageError
from namesrv.option_sources import Given, Source, build
from namesrv.options import CONFIG_STORE_FILE, OPTIONS, REMOTE_KEYS, Option, Options
from namesrv.server.files import read
from namesrv.wire.damage import damage_of
from namesrv.wire.properties import read_properties

VARIABLE_PREFIX: Final = "NAMESRV_OPT_"
_JAVA_VARIABLES: Final = {
    "ROCKETMQ_HOME": "rocketmqHome",
    "ROCKETMQ_SERIALIZE_TYPE": "serializeType",
    "NAMESRV_ADDR": "productNamesrvAddr",
}
_PATHS: Final = (
    "data_dir",
    "kv_config_path",
    "config_store_path",
    "access_keys_file",
    "audit_log",
    "log_file",
    "tls_server_cert_path",
    "tls_server_key_path",
    "tls_server_trust_cert_path",
)


def variable(option: Option) -> str:
    """The environment variable of an option: NAMESRV_OPT_LISTEN_PORT."""
    return VARIABLE_PREFIX + option.attribute.upper()


def read_options(words: Words, environ: Mapping[str, str]) -> tuple[Options, list[str]]:
    """Options from all sources in rising order, and warnings.

    Raises `OptionsInvalid` with the mistakes of all of them.
    """
    mistakes = list(words.mistakes)
    warnings: list[str] = []
    below = [_java_variables(environ), *_config_file(words, mistakes, warnings)]
    above = [_variables(environ), Source("command line", words.given)]
    below += _tls_config_file([*below, *above], mistakes, warnings)
    options = _build([*below, *above], mistakes)
    if options is not None:
        _check_directory(options, words.config_file, mistakes)
        _choose_store(options, words.config_file, warnings)
        store = _store(options, mistakes, warnings)
        options = _build([*below, *store, *above], mistakes)
    if options is None or mistakes:
        raise OptionsInvalid(list(dict.fromkeys(mistakes)))
    _choose_store(options, words.config_file, [])
    warnings += _misspellings(options, words.config_file)
    return options, warnings


def _build(sources: Sequence[Source], mistakes: list[str]) -> Options | None:
    try:
        options = build(sources)
    except OptionsInvalid as error:
        mistakes += error.mistakes
        return None
    for attribute in _PATHS:
        path = os.path.expanduser(getattr(options, attribute))
        setattr(options, attribute, path)
    if options.data_dir.startswith("~"):
        mistakes.append(
            f"{options.data_dir} cannot be found, because its home directory is not"
            " known; give --data-dir a path without ~"
        )
    return options


def _check_directory(
    options: Options, config_file: str | None, mistakes: list[str]
) -> None:
    """Where the working directory is gone, no path may begin there.

    Raises `OptionsInvalid`, with all mistakes.
    """
    try:
        os.getcwd()
    except FileNotFoundError:
        paths = [config_file or "", *(getattr(options, name) for name in _PATHS)]
        relative = [path for path in paths if path and not os.path.isabs(path)]
        if relative:
            mistakes.append(
                f"{relative[0]} is relative to the working directory, which is gone;"
                " change to a directory that exists, or give an absolute path"
            )
            raise OptionsInvalid(mistakes) from None


def _choose_store(
    options: Options, config_file: str | None, warnings: list[str]
) -> None:
    """Keep remote updates out of the `-c` file, which is the operator's.

    Java makes that file its store, and writes its name into it.
    """
    store = os.path.realpath(options.config_store_path)
    if config_file and os.path.realpath(config_file) == store:
        options.config_store_path = os.path.join(options.data_dir, CONFIG_STORE_FILE)
        warnings.append(
            "configStorePath is the -c file, which is never written;"
            f" remote updates are kept in {options.config_store_path}"
        )


def _java_variables(environ: Mapping[str, str]) -> Source:
    items = [
        Given(key, environ[name], name)
        for name, key in _JAVA_VARIABLES.items()
        if environ.get(name)
    ]
    return Source("environment", items)


def _variables(environ: Mapping[str, str]) -> Source:
    names = sorted(name for name in environ if name.startswith(VARIABLE_PREFIX))
    items = [Given(name, environ[name], name) for name in names]
    return Source("environment", items, spell=variable)


def _config_file(
    words: Words, mistakes: list[str], warnings: list[str]
) -> Iterator[Source]:
    if words.config_file is not None:
        name = f"file {words.config_file}"
        items = _properties(words.config_file, mistakes)
        items = list(tls_properties.translated(items, name, mistakes, warnings))
        yield Source(name, items, keeps_unknown=True)


def _tls_config_file(
    sources: Sequence[Source], mistakes: list[str], warnings: list[str]
) -> Iterator[Source]:
    path = tls_properties.config_file(sources)
    if path is not None:
        items = _properties(path, mistakes)
        yield tls_properties.of_config_file(path, items, mistakes, warnings)


def _store(
    options: Options, mistakes: list[str], warnings: list[str]
) -> Iterator[Source]:
    """A file of ours, unlike the others: no link, and damaged where it has no text."""
    path = options.config_store_path
    try:
        data = read(path) if os.path.lexists(path) else None
    except StorageError as error:
        mistakes.append(str(error))
        return
    if data is None:
        return
    damage = damage_of(data)
    if damage is not None:
        warnings.append(
            f"file {path} {damage}, so the options that were changed remotely are not"
            f" known any more; put a copy of it there, such as {path}.bak, which the"
            " Java server writes, or change them again"
        )
        return
    allowed = REMOTE_KEYS - options.black_list
    items = _given(path, data.decode("iso-8859-1"), mistakes)
    yield Source(f"file {path}", [item for item in items if item.key in allowed])


def _properties(path: str, mistakes: list[str]) -> list[Given]:
    try:
        with open(path, encoding="iso-8859-1", newline="") as file:
            text = file.read()
    except OSError as error:
        mistakes.append(f"file {path} cannot be read: {error.strerror}")
        return []
    return _given(path, text, mistakes)


def _given(path: str, text: str, mistakes: list[str]) -> list[Given]:
    try:
        properties = read_properties(text)
    except PropertiesInvalid as error:
        mistakes.append(f"file {path}, line {error.line}: {error.reason}")
    else:
        return [Given(one.key, one.value, f"line {one.line}") for one in properties]
    return []


def _misspellings(options: Options, config_file: str | None) -> Iterator[str]:
    """Warnings about keys that are kept as Java keeps them, but look like options."""
    names = {option.name.lower(): option.name for option in OPTIONS}
    for key in options.extra:
        word = key.replace("-", "").replace("_", "").lower()
        for near in get_close_matches(word, names, n=1, cutoff=0.9):
            yield (
                f"file {config_file}: there is no option {key!r}, so it has no effect;"
                f" did you mean {names[near]}?"
            )
