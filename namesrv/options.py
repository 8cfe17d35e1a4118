"""Every option: Java's name, type and default, its limit and one line on why.

Sources: `NamesrvConfig` and `NettyServerConfig` of RocketMQ 5.3.3; protocol.md sections
4.2, 4.3 and 9.4. `option_sources` reads their values.
"""

import os.path
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from functools import partial
from typing import Any, Final

from namesrv.option import (
    ACCESS,
    DAY_MILLIS,
    DIRECTORY,
    FILE,
    FILES,
    GIB,
    HIDDEN,
    INT_MIN,
    JVM,
    LIMITS,
    LOGS,
    MIB,
    NETWORK,
    ROUTES,
    TIB,
    TLS,
    Option,
    Value,
    option_field,
    value_text,
)

KV_CONFIG_FILE: Final = "kvConfig.json"
CONFIG_STORE_FILE: Final = "namesrv.properties"

_SECRET: Final = re.compile("password|passwd|secret|credential|token|accesskey", re.I)


def _jvm(default: Value | None, meaning: str) -> Any:
    return option_field(default, JVM, meaning, INT_MIN)


_ours = partial(option_field, java=False)
_live = partial(_ours, live=True)
_remote = partial(option_field, remote=True)
_file = partial(_ours, placeholder=FILE)
_live_file = partial(_file, live=True)
_written_file = partial(_file, written=True)


@dataclass(slots=True)
class Options:
    """The value of every option, under Java's name in snake_case.

    `kv_config_path` and `config_store_path` left empty lie below `data_dir`. Nothing is
    checked here; `checked` in `option_sources` does that.
    """

    bind_address: str = option_field(
        "0.0.0.0",
        NETWORK,
        "IP addresses, joined by commas; 0.0.0.0: all of IPv4 and IPv6; ipv4, ipv6: all"
        " of one kind",
        placeholder="ADDRESSES",
    )
    listen_port: int = option_field(
        9876, NETWORK, "TCP port; 0 takes a free one", 0, 65535
    )
    http_bind: str = _ours(
        "",
        NETWORK,
        "more addresses, for HTTP only: host:port, joined by commas",
        placeholder="ADDRESSES",
    )
    advertise: str = _live(
        "",
        NETWORK,
        "host:port;host:port of servers, this one first, for clients that ask HTTP",
        placeholder="ADDRESSES",
    )
    peers: str = _ours(
        "",
        NETWORK,
        "host:port;host:port of other NameServers, whose routes are compared with ours",
        placeholder="ADDRESSES",
    )
    serialize_type: str = _ours(
        "JSON", NETWORK, "headers of answers", choices="JSON ROCKETMQ"
    )
    loop: str = _ours("auto", NETWORK, "event loop", choices="auto uvloop asyncio")
    server_channel_max_idle_time_seconds: int = _remote(
        120, NETWORK, "close connections that are idle for so long; 0: never"
    )
    max_connections: int = _ours(
        0, NETWORK, "limit; 0: derived from the limit of open files"
    )
    lookup_lanes: int = _ours(
        1, NETWORK, "threads that answer lookups beside the loop, Linux; 0: none", 0, 64
    )
    server_socket_backlog: int = option_field(
        1024, NETWORK, "connections not yet accepted"
    )
    server_socket_snd_buf_size: int = option_field(0, NETWORK, "bytes; 0: the system's")
    server_socket_rcv_buf_size: int = option_field(0, NETWORK, "bytes; 0: the system's")
    write_buffer_high_water_mark: int = option_field(
        0, NETWORK, "unsent bytes that stop reading; 0: 65536"
    )
    write_buffer_low_water_mark: int = option_field(
        0, NETWORK, "unsent bytes that resume it; 0: 32768"
    )
    enable_shutdown_gracefully: bool = option_field(
        False, NETWORK, "at the end, send clients to other servers first", live=True
    )
    shutdown_wait_time_seconds: int = option_field(
        30, NETWORK, "longest duration of that", live=True
    )

    tls_server_mode: str = _ours(
        "permissive",
        TLS,
        "accepted connections",
        choices="disabled permissive enforcing",
    )
    tls_server_cert_path: str = _live_file("", TLS, "certificate and its chain, in PEM")
    tls_server_key_path: str = _live_file(
        "", TLS, "its private key, in PEM; empty: in the same file"
    )
    tls_server_key_password: str = _live(
        "", TLS, "password of the private key", secret=True
    )
    tls_test_mode_enable: bool = _ours(
        True, TLS, "make a throw-away certificate if none is named"
    )
    tls_server_need_client_auth: str = _live(
        "none", TLS, "clients' certificates", choices="none optional require"
    )
    tls_server_auth_client: bool = _live(
        False, TLS, "check clients' certificates; false: accept any"
    )
    tls_server_trust_cert_path: str = _live_file(
        "", TLS, "trusted certificates for that check"
    )
    tls_protocols: str = _live(
        "", TLS, "TLSv1.2, TLSv1.3 or both, joined by a comma; empty: both"
    )
    tls_ciphers: str = _live(
        "", TLS, "names of ciphers, joined by commas; empty: OpenSSL's choice"
    )
    tls_config_file: str = _file(
        "/etc/rocketmq/tls.properties", TLS, "overrides these, except the mode"
    )

    scan_not_active_broker_interval: int = _remote(
        5000, ROUTES, "milliseconds between scans for dead brokers", 10, DAY_MILLIS
    )
    support_acting_master: bool = _remote(
        False, ROUTES, "show a slave as master while there is none"
    )
    notify_min_broker_id_changed: bool = _remote(
        False, ROUTES, "notify brokers of a new lowest id in their group"
    )
    delete_topic_with_broker_registration: bool = _remote(
        False, ROUTES, "drop topics that a registration no longer has"
    )
    order_message_enable: bool = _remote(
        False, ROUTES, "put the order configuration into routes"
    )
    return_order_topic_config_to_broker: bool = _remote(
        True, ROUTES, "answer registrations with the order configuration"
    )
    need_wait_for_service: bool = _remote(
        False, ROUTES, "answer no route lookup in the first seconds"
    )
    wait_seconds_for_service: int = _remote(45, ROUTES, "number of these seconds")
    enable_all_topic_list: bool = _remote(True, ROUTES, "serve the list of all topics")
    enable_topic_list: bool = _remote(True, ROUTES, "serve the other lists of topics")
    cluster_test: bool = option_field(
        False, ROUTES, "ask another cluster for unknown topics"
    )
    product_env_name: str = option_field("center", ROUTES, "name of that cluster")
    product_namesrv_addr: str = _ours("", ROUTES, "host:port;host:port of its servers")

    admin_access: str = _live(
        "open",
        ACCESS,
        "peers that may change KV, topics, permissions, configuration",
        choices="open loopback signed off",
    )
    broker_access: str = _live(
        "open", ACCESS, "peers that may register as a broker", choices="open signed"
    )
    access_keys_file: str = _live_file(
        "", ACCESS, "keys of signatures: accessKey=secretKey lines"
    )
    http_access: str = _live(
        "open",
        ACCESS,
        "peers that may read over HTTP; changes always need a write token",
        choices="open loopback token off",
    )
    http_token_file: str = _live_file(
        "", ACCESS, "tokens of HTTP: read=TOKEN and write=TOKEN lines"
    )
    http_hosts: str = _live(
        "", ACCESS, "names of this server in URLs, joined by commas, beside its own"
    )
    audit_log: str = _written_file(
        "", ACCESS, "file for changes and refusals; empty: none"
    )

    data_dir: str = _ours(
        "~/namesrv", FILES, "directory of the files below", placeholder=DIRECTORY
    )
    kv_config_path: str = _written_file("", FILES, "key-value configuration", java=True)
    config_store_path: str = _written_file(
        "", FILES, "options that remote updates have changed", java=True
    )
    warm_start: bool = _ours(
        True, FILES, "save the routes in a file and start with them"
    )
    snapshot_interval_millis: int = _live(
        5000, FILES, "shortest time between two saves", 100, DAY_MILLIS
    )
    warm_start_max_age_millis: int = _ours(
        600_000, FILES, "routes of an older last run are dropped"
    )
    warm_start_lease_millis: int = _ours(
        90_000, FILES, "lease of a broker until it is heard from"
    )
    ready_confirmed_percent: int = _live(
        0, FILES, "/readyz: share of restored brokers to be heard from", 0, 100
    )
    config_black_list: str = option_field(
        "configBlackList;configStorePath;kvConfigPath",
        FILES,
        "options that no remote update may change",
    )

    record_dir: str = _ours(
        "",
        FILES,
        "keep all events in files here; empty: do not",
        placeholder=DIRECTORY,
    )
    record_bytes: int = _ours(256 * MIB, FILES, "size of all those files", MIB, TIB)

    log_level: str = _live("INFO", LOGS, "verbosity", choices="DEBUG INFO WARN ERROR")
    log_format: str = _ours("text", LOGS, "format of a line", choices="text json")
    log_file: str = _written_file("", LOGS, "empty: standard error")
    log_file_max_bytes: int = _ours(100 * MIB, LOGS, "size of a full file", 4096, TIB)
    log_file_backups: int = _ours(5, LOGS, "old files to keep", 1, 1000)
    metrics_per_broker: bool = _live(
        True, LOGS, "/metrics: a series for each broker, up to 1,000"
    )

    frame_max_length: int = _ours(16 * MIB, LIMITS, "longest frame", 1024, GIB)
    input_budget_bytes: int = _live(256 * MIB, LIMITS, "unfinished frames", 1024, TIB)
    output_budget_bytes: int = _live(256 * MIB, LIMITS, "unsent answers", 1024, TIB)
    body_max_inflated_bytes: int = _live(64 * MIB, LIMITS, "inflated body", 1024, GIB)
    answer_cache_bytes: int = _ours(64 * MIB, LIMITS, "ready route answers", 0, TIB)
    history_bytes: int = _ours(8 * MIB, LIMITS, "last events, for readers", 0, GIB)
    max_event_streams: int = _live(
        100, LIMITS, "streams of events at a time, HTTP; a quarter for one address"
    )
    max_route_waits: int = _live(
        5000,
        LIMITS,
        "waits for routes at a time, HTTP; at most half of all connections, and a"
        " quarter of that for one address",
    )
    max_topics_per_registration: int = _live(
        100_000, LIMITS, "number of topics that a broker may register", 1
    )
    max_name_bytes: int = _live(
        4096, LIMITS, "longest name or address of a topic, broker or cluster", 64
    )
    max_filter_servers: int = _live(256, LIMITS, "number of a broker's filter servers")
    max_queues_per_mapping: int = _live(
        10_000, LIMITS, "number of a static topic's queues on a broker", 1
    )
    max_mapped_queues_per_registration: int = _live(
        500_000, LIMITS, "number of queues of all static topics on a broker", 1
    )
    max_routes: int = _live(
        0, LIMITS, "number of topics, counted once for each broker group; 0: any"
    )
    kv_max_namespaces: int = _live(1024, LIMITS, "number of key-value namespaces")
    kv_max_keys: int = _live(65536, LIMITS, "number of keys in all of them")
    kv_max_name_bytes: int = _live(1024, LIMITS, "longest namespace or key", 1)
    kv_max_value_bytes: int = _live(65536, LIMITS, "longest value")

    rocketmq_home: str | None = _jvm(None, "RocketMQ's directory (ROCKETMQ_HOME)")
    enable_controller_in_namesrv: bool = _jvm(False, "only false is possible")
    client_request_thread_pool_nums: int = _jvm(8, "threads for lookups")
    client_request_thread_pool_queue_capacity: int = _jvm(50000, "lookups in line")
    default_thread_pool_nums: int = _jvm(16, "threads for other requests")
    default_thread_pool_queue_capacity: int = _jvm(10000, "other requests in line")
    un_register_broker_queue_capacity: int = _jvm(3000, "unregistrations in line")
    server_worker_threads: int = _jvm(8, "Netty's worker threads")
    server_callback_executor_threads: int = _jvm(0, "Netty's callback threads")
    server_selector_threads: int = _jvm(3, "Netty's selector threads")
    server_oneway_semaphore_value: int = _jvm(256, "one-way calls under way")
    server_async_semaphore_value: int = _jvm(64, "other calls under way")
    server_netty_worker_group_enable: bool = _jvm(True, "use Netty's worker threads")
    server_pooled_byte_buf_allocator_enable: bool = _jvm(True, "pool Netty's buffers")
    use_epoll_native_selector: bool = _jvm(False, "use Netty's own epoll")

    extra: dict[str, str] = field(default_factory=dict)
    """Unknown keys of the `-c` file; 319 reports them."""

    def __post_init__(self) -> None:
        if not self.kv_config_path:
            self.kv_config_path = os.path.join(self.data_dir, KV_CONFIG_FILE)
        if not self.config_store_path:
            self.config_store_path = os.path.join(self.data_dir, CONFIG_STORE_FILE)

    @property
    def bind_addresses(self) -> tuple[str, ...]:
        """The addresses of `bind_address`, without brackets."""
        parts = re.split("[,;]", self.bind_address)
        return tuple(part.strip().strip("[]") for part in parts if part.strip())

    @property
    def http_addresses(self) -> tuple[str, ...]:
        """The addresses of `http_bind`, each host:port."""
        parts = self.http_bind.split(",")
        return tuple(part.strip() for part in parts if part.strip())

    @property
    def black_list(self) -> frozenset[str]:
        """The keys that the operator forbids to remote updates."""
        entries = self.config_black_list.split(";")
        return frozenset(entry.strip() for entry in entries if entry.strip())


def _options() -> Iterator[Option]:
    standard = Options()
    for entry in fields(Options):
        if "about" in entry.metadata:
            first, *others = entry.name.split("_")
            name = first + "".join(word.capitalize() for word in others)
            default: Value | None = getattr(standard, entry.name)
            kind = str if default is None else type(default)
            yield Option(name, kind, default, *entry.metadata["about"])


OPTIONS: Final = tuple(_options())
BY_NAME: Final[Mapping[str, Option]] = {option.name: option for option in OPTIONS}
REMOTE_KEYS: Final = frozenset(option.name for option in OPTIONS if option.remote)
PATHS: Final = tuple(option for option in OPTIONS if option.is_path)


def java_texts(options: Options) -> dict[str, str]:
    """The values that 319 answers (section 4.3): Java's keys and extra ones.

    The value of an extra key that is named after a secret is hidden (section 9.10).
    """
    table = {
        key: HIDDEN if _SECRET.search(key) else text
        for key, text in options.extra.items()
    }
    for option in OPTIONS:
        value = getattr(options, option.attribute)
        if option.java and value is not None:
            table[option.name] = value_text(value)
    keys = sorted(table, key=lambda key: key.encode("utf-16-be", "surrogatepass"))
    return {key: table[key] for key in keys}


def java_values(options: Options) -> dict[str, Value]:
    """The values of Java's options with their types."""
    values = {o.name: getattr(options, o.attribute) for o in OPTIONS if o.java}
    return {name: value for name, value in values.items() if value is not None}


def java_text(options: Options) -> str:
    """The body of 319: `java_texts` as lines, in UTF-16 order."""
    return "".join(f"{key}={text}\n" for key, text in java_texts(options).items())
