"""Where options come from, in rising order.

Defaults, Java's two environment variables, the `-c` file, the file that it names for
TLS, the remote updates that were kept (protocol.md section 9.4), the variables
NAMESRV_OPT_..., the command line.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from namesrv.cli import tls_properties
from namesrv.cli.words import Words
from namesrv.errors import OptionsInvalid, PropertiesInvalid, StorageError
from namesrv.misspellings import meant_name
from namesrv.option import Option
from namesrv.option_sources import Given, Source, build
from namesrv.options import CONFIG_STORE_FILE, OPTIONS, PATHS, REMOTE_KEYS, Options
from namesrv.server.files.atomic import read
from namesrv.server.files.home import expand_home
from namesrv.switches import NO_EXTENSIONS, REQUIRE_EXTENSIONS
from namesrv.wire.damage import damage_of
from namesrv.wire.properties import Property, properties_text, read_properties

VARIABLE_PREFIX: Final = "NAMESRV_OPT_"
_JAVA_VARIABLES: Final = {
    "ROCKETMQ_HOME": "rocketmqHome",
    "ROCKETMQ_SERIALIZE_TYPE": "serializeType",
    "NAMESRV_ADDR": "productNamesrvAddr",
}
_LONGEST_FILE_BYTES: Final = 1 << 20
_OTHER_VARIABLES: Final = (NO_EXTENSIONS, REQUIRE_EXTENSIONS)


def variable(option: Option) -> str:
    """The environment variable of an option: NAMESRV_OPT_LISTEN_PORT."""
    return VARIABLE_PREFIX + option.attribute.upper()


def read_options(words: Words, environ: Mapping[str, str]) -> tuple[Options, list[str]]:
    """Options from all sources in rising order, and warnings.

    Raises `OptionsInvalid` with the mistakes of all of them.
    """
    mistakes = [*words.mistakes, *_misspelt_variables(environ)]
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
    return options, warnings


def _build(sources: Sequence[Source], mistakes: list[str]) -> Options | None:
    try:
        options = build(sources)
    except OptionsInvalid as error:
        mistakes += error.mistakes
        return None
    unreachable = expand_home(options)
    mistakes += unreachable
    return None if unreachable else options


def _check_directory(
    options: Options, config_file: str | None, mistakes: list[str]
) -> None:
    """Refuse relative paths if the working directory is gone.

    Raises `OptionsInvalid`, with all mistakes.
    """
    try:
        os.getcwd()
    except FileNotFoundError:
        paths = [
            config_file or "",
            *(getattr(options, option.attribute) for option in PATHS),
        ]
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
    if config_file and _is_same_file(config_file, options.config_store_path):
        options.config_store_path = os.path.join(options.data_dir, CONFIG_STORE_FILE)
        warnings.append(
            "configStorePath is the -c file, which is never written;"
            f" remote updates are kept in {options.config_store_path}"
        )


def _is_same_file(one: str, other: str) -> bool:
    try:
        return os.path.samefile(one, other)
    except OSError:
        return False


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


def _misspelt_variables(environ: Mapping[str, str]) -> Iterator[str]:
    """Mistakes for variables that are nearly ours and have no effect.

    Kubernetes sets variables of its own for a service with the name namesrv.
    """
    known = [*map(variable, OPTIONS), *_OTHER_VARIABLES]
    for name in sorted(environ):
        is_ours = name.startswith(VARIABLE_PREFIX) or name in _OTHER_VARIABLES
        of_kubernetes = environ[name].startswith(("tcp://", "udp://", "sctp://"))
        if is_ours or of_kubernetes or not name.upper().startswith("NAMESRV"):
            continue
        short = VARIABLE_PREFIX + name.upper().removeprefix("NAMESRV_")
        meant = meant_name(name, known) or (short if short in known else None)
        if meant is not None:
            yield f"environment, {name}: it has no effect; did you mean {meant}?"


def _config_file(
    words: Words, mistakes: list[str], warnings: list[str]
) -> Iterator[Source]:
    if words.config_file is not None:
        name = f"file {words.config_file}"
        items = _properties(words.config_file, mistakes, warnings)
        items = list(tls_properties.translated(items, name, mistakes, warnings))
        yield Source(name, items, keeps_unknown=True)


def _tls_config_file(
    sources: Sequence[Source], mistakes: list[str], warnings: list[str]
) -> Iterator[Source]:
    path = tls_properties.config_file(sources)
    if path is not None:
        items = _properties(path, mistakes, warnings)
        yield tls_properties.of_config_file(path, items, sources, mistakes, warnings)


def _store(
    options: Options, mistakes: list[str], warnings: list[str]
) -> Iterator[Source]:
    """The remote updates that were kept. The server owns this file, so that a link is
    refused, and a file without text is damaged."""
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
    items = _given(path, data, mistakes, [])
    yield Source(f"file {path}", [item for item in items if item.key in allowed])


def _properties(path: str, mistakes: list[str], warnings: list[str]) -> list[Given]:
    try:
        with open(path, "rb") as file:
            data = file.read(_LONGEST_FILE_BYTES + 1)
    except OSError as error:
        mistakes.append(f"file {path} cannot be read: {error.strerror}")
        return []
    if len(data) > _LONGEST_FILE_BYTES:
        mistakes.append(f"file {path} is longer than {_LONGEST_FILE_BYTES} bytes")
        return []
    return _given(path, data, mistakes, warnings)


def _given(
    path: str, data: bytes, mistakes: list[str], warnings: list[str]
) -> list[Given]:
    try:
        properties = read_properties(properties_text(data))
    except PropertiesInvalid as error:
        mistakes.append(f"file {path}, line {error.line}: {error.reason}")
        return []
    warnings += _repetitions(path, properties)
    return [Given(one.key, one.value, f"line {one.line}") for one in properties]


def _repetitions(path: str, properties: Iterable[Property]) -> Iterator[str]:
    """Warnings about values that later lines replace, as in Java."""
    earlier: dict[str, Property] = {}
    for one in properties:
        before = earlier.get(one.key)
        if before is not None and before.value != one.value:
            yield (
                f"file {path}, line {one.line}: {one.key!r} stands in line"
                f" {before.line} with another value, which has no effect"
            )
        earlier[one.key] = one
