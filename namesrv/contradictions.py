"""Values of options that contradict the values of others.

Each sentence names the option to change.
"""

import os.path
from collections.abc import Iterator
from ipaddress import IPv6Address
from operator import attrgetter
from typing import Final

from namesrv.misspellings import meant_name
from namesrv.option import FILE, Option
from namesrv.options import BY_NAME, PATHS, Options

MOST_PEERS: Final = 16
"""Peers with which one server compares itself."""


def contradictions(options: Options) -> Iterator[tuple[str, str]]:
    """Pairs of an option's name and a sentence about its contradiction."""
    if options.enable_controller_in_namesrv:
        yield (
            "enableControllerInNamesrv",
            "enableControllerInNamesrv is true, expected false, because this server has"
            " no controller inside; run RocketMQ's controller as a process of its own",
        )
    if not options.bind_addresses:
        yield "bindAddress", "bindAddress is empty, expected at least one address"
    if not options.data_dir:
        yield "dataDir", "dataDir is empty, expected the path of a directory"
    for name in ("adminAccess", "brokerAccess"):
        is_signed = getattr(options, BY_NAME[name].attribute) == "signed"
        if is_signed and not options.access_keys_file:
            yield (
                name,
                f"{name} is signed, expected accessKeysFile to name the file of keys",
            )
    yield from _http_contradictions(options)
    yield from _shared_files(options)
    yield from _tls_contradictions(options)
    yield from _black_list_mistakes(options)
    if options.cluster_test:
        addresses = options.product_namesrv_addr
        yield from _address_mistakes("productNamesrvAddr", addresses)
    yield from _address_mistakes("advertise", options.advertise)
    yield from _address_mistakes("peers", options.peers)
    count = sum(bool(part.strip()) for part in options.peers.split(";"))
    if count > MOST_PEERS:
        yield "peers", f"peers has {count} addresses, the limit is {MOST_PEERS}"
    low = options.write_buffer_low_water_mark
    high = options.write_buffer_high_water_mark
    if 0 < high < low:
        yield (
            "writeBufferLowWaterMark",
            f"writeBufferLowWaterMark is {low}, expected at most"
            f" writeBufferHighWaterMark, which is {high}",
        )
    if options.input_budget_bytes < options.frame_max_length:
        yield (
            "inputBudgetBytes",
            f"inputBudgetBytes is {options.input_budget_bytes}, expected at least"
            f" frameMaxLength, which is {options.frame_max_length}",
        )


def _http_contradictions(options: Options) -> Iterator[tuple[str, str]]:
    """HTTP that nobody could use."""
    if options.http_access == "token" and not options.http_token_file:
        yield (
            "httpAccess",
            "httpAccess is token, expected httpTokenFile to name the file of tokens",
        )
    if options.http_bind and options.http_access == "off":
        yield "httpBind", "httpBind is given, expected an httpAccess other than off"
    if options.http_bind.strip() and not options.http_addresses:
        yield "httpBind", f"httpBind is {options.http_bind!r}, expected host:port in it"
    for part in options.http_addresses:
        if not _is_host_and_port(part, lowest=0):
            yield (
                "httpBind",
                f"httpBind has {part!r}, expected host:port, and a comma between"
                " several",
            )


def _shared_files(options: Options) -> Iterator[tuple[str, str]]:
    """Files that the server would write over another one that it needs."""
    seen: dict[str, Option] = {}
    # Those that are only read come first: a sentence then names the written one.
    for option in sorted(PATHS, key=attrgetter("written")):
        path = getattr(options, option.attribute)
        if not path or option.placeholder != FILE:
            continue
        other = seen.setdefault(os.path.normpath(path), option)
        if other is not option and (option.written or other.written):
            mistake = f"{option.name} is the {other.name}, expected a file of its own"
            yield option.name, mistake


def _tls_contradictions(options: Options) -> Iterator[tuple[str, str]]:
    """TLS options that admit everybody, or nobody, by mistake."""
    if options.tls_server_mode == "disabled":
        return
    has_certificate = bool(options.tls_server_cert_path)
    if options.tls_server_key_path and not has_certificate:
        yield (
            "tlsServerKeyPath",
            "tlsServerKeyPath is given, expected tlsServerCertPath beside it",
        )
    elif options.tls_server_mode == "enforcing" and not (
        has_certificate or options.tls_test_mode_enable
    ):
        yield (
            "tlsServerMode",
            "tlsServerMode is enforcing, expected tlsServerCertPath beside it, because"
            " without a certificate nobody can connect",
        )
    if options.tls_server_auth_client and not options.tls_server_trust_cert_path:
        yield (
            "tlsServerAuthClient",
            "tlsServerAuthClient is true, expected tlsServerTrustCertPath beside it,"
            " which says whose certificates are good",
        )
    if (
        options.tls_server_need_client_auth == "require"
        and not options.tls_server_auth_client
    ):
        yield (
            "tlsServerNeedClientAuth",
            "tlsServerNeedClientAuth is require, expected tlsServerAuthClient=true"
            " beside it, because any certificate would do without",
        )
    if (
        options.tls_server_auth_client
        and options.tls_server_trust_cert_path
        and options.tls_server_need_client_auth == "none"
    ):
        yield (
            "tlsServerAuthClient",
            "tlsServerAuthClient is true, expected tlsServerNeedClientAuth=require or"
            " optional beside it, because nobody is asked for a certificate without",
        )


def _black_list_mistakes(options: Options) -> Iterator[tuple[str, str]]:
    """Entries that would forbid nothing. Java accepts any text."""
    for entry in sorted(options.black_list - set(BY_NAME)):
        meant = meant_name(entry, BY_NAME)
        if meant is not None or "," in entry:
            hint = f"did you mean {meant}?" if meant else "names are joined by ;"
            yield (
                "configBlackList",
                f"configBlackList has {entry!r}, which forbids nothing; {hint}",
            )


def _address_mistakes(name: str, addresses: str) -> Iterator[tuple[str, str]]:
    """Addresses of an option to which no connection is possible."""
    for part in addresses.split(";"):
        if part.strip() and not _is_host_and_port(part.strip()):
            yield (
                name,
                f"{name} has {part.strip()!r}, expected host:port, and ; between"
                " several",
            )


def _is_host_and_port(text: str, *, lowest: int = 1) -> bool:
    host, colon, port = text.rpartition(":")
    is_port = port.isascii() and port.isdigit() and lowest <= int(port[:6]) < 65536
    if not (colon and host and is_port) or set(host) & set(" \t,/@"):
        return False
    if ":" not in host:
        return True
    try:
        IPv6Address(host.strip("[]"))
    except ValueError:
        return False
    return True
