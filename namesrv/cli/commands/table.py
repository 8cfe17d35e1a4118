"""The table of commands: words, arguments, flags and help of each.

Parsing, help, completion scripts and the test of docs/command-line.md read it.
"""

from __future__ import annotations

from typing import Final

from namesrv.cli.commands.command import (
    ANY,
    MANY,
    ONE,
    Argument,
    Command,
    Flag,
)
from namesrv.cli.commands.leading import (
    ADDRESSES,
    CONNECTING,
    HELP,
    JSON,
    TIMEOUT,
    TLS,
)

_WATCH: Final = Flag(
    "--watch",
    "SECONDS",
    "repeat every so many seconds [2], until Ctrl-C",
    may_stand_alone=True,
)
_TOKEN: Final = Flag(
    "--token-file", "FILE", "file that holds one token [NAMESRV_TOKEN]"
)
_OVER_HTTP: Final = (JSON, ADDRESSES, TIMEOUT, _TOKEN, *TLS, HELP)
"""The flags of commands that ask over HTTP."""
_READING: Final = (JSON, _WATCH, *CONNECTING, HELP)
_WRITING: Final = (JSON, *CONNECTING, HELP)
_CLUSTER: Final = Flag("-c --cluster", "CLUSTER", "only this cluster")
_TOPIC: Final = Argument("TOPIC")
_BROKER: Final = Argument("BROKER")
_NAMESPACE: Final = Argument("NAMESPACE")
_KEY: Final = Argument("KEY")

_ALL: Final = "The change goes to every NameServer of the list, as with mqadmin."

COMMANDS: Final = (
    Command("serve", [], [], "serve; every flag of it works without this word, too"),
    Command("demo-broker", [], [ADDRESSES, HELP], "register a broker to try a server"),
    Command(
        "topic list",
        [],
        [
            _CLUSTER,
            Flag("-p --prefix", "TEXT", "only topics whose names begin so"),
            *_READING,
        ],
        "the names of all topics",
        handler="topics:list_topics",
    ),
    Command(
        "topic show",
        [_TOPIC],
        _READING,
        "clusters, brokers, queues and order configuration of a topic",
        handler="topics:show_topic",
    ),
    Command(
        "topic route",
        [_TOPIC],
        [Flag("--zone", "ZONE", "as a client of this zone gets it"), *_READING],
        "the route of a topic, as a client gets it",
        "With --json it is the body of the answer.",
        "topics:show_route",
    ),
    Command(
        "topic missing",
        [],
        [
            Flag("-p --prefix", "TEXT", "only topics whose names begin so"),
            Flag("--limit", "N", "most topics, up to 500 [50]"),
            _WATCH,
            *_OVER_HTTP,
        ],
        "topics that clients ask for in vain, who asks, and a similar topic",
        "It asks a namesrv over HTTP; other NameServers do not know it.",
        "missing:list_missing",
    ),
    Command(
        "topic delete",
        [_TOPIC],
        [_CLUSTER, *_WRITING],
        "delete the route of a topic",
        f"{_ALL} It deletes nothing at the brokers: a broker that still has the topic"
        " brings its route back with its next registration.",
        "topics:delete_topic",
    ),
    Command(
        "cluster list",
        [],
        _READING,
        "the clusters, with the numbers of their broker groups and brokers",
        handler="brokers:list_clusters",
    ),
    Command(
        "broker list",
        [],
        [_CLUSTER, *_READING],
        "all brokers with their addresses and roles",
        handler="brokers:list_brokers",
    ),
    Command(
        "broker show",
        [_BROKER],
        [Flag("--topics", "", "also its topics, with their queues"), *_READING],
        "the addresses of a broker group, its clusters and its zone",
        handler="brokers:show_broker",
    ),
    Command(
        "broker wipe-write",
        [_BROKER],
        _WRITING,
        "take the write permission from all topics of a broker group",
        f"{_ALL} Producers then send nothing more to it, for instance before it is"
        " stopped. A broker that registers a changed topic has it back.",
        "brokers:wipe_write",
    ),
    Command(
        "broker add-write",
        [_BROKER],
        _WRITING,
        "give the write permission back",
        _ALL,
        "brokers:add_write",
    ),
    Command(
        "kv list",
        [_NAMESPACE],
        _READING,
        "the keys of a namespace with their values",
        "RocketMQ itself uses the namespace ORDER_TOPIC_CONFIG. A server"
        " cannot list its namespaces.",
        "kv:list_keys",
    ),
    Command(
        "kv get", [_NAMESPACE, _KEY], _READING, "the value of a key", "", "kv:get_value"
    ),
    Command(
        "kv put",
        [_NAMESPACE, _KEY, Argument("VALUE")],
        _WRITING,
        "set the value of a key",
        f"{_ALL} Write -- before a value that begins with a hyphen.",
        "kv:put_value",
    ),
    Command(
        "kv delete", [_NAMESPACE, _KEY], _WRITING, "delete a key", _ALL, "kv:delete_key"
    ),
    Command(
        "config get",
        [Argument("OPTION", ANY)],
        _READING,
        "the options of each NameServer, or some of them",
        "One option of one server is printed as its bare value.",
        "config:get_options",
    ),
    Command(
        "config set",
        [Argument("OPTION=VALUE", MANY)],
        _WRITING,
        "change options",
        f"{_ALL} Then the options are read again: an option that did not change is an"
        " error, because a Java server ignores a name that it does not know.",
        "config:set_options",
    ),
    Command(
        "ping",
        [],
        _READING,
        "ask each NameServer for a route, and print how long the answer took",
        "The exit code is 0 if all of them answer, so that a probe can use it. The"
        " topic that it asks for does not exist.",
        "ping:ping",
    ),
    Command(
        "history",
        [],
        [
            Flag("--topic", "TOPIC", "only events that name this topic"),
            Flag("--broker", "BROKER", "only events of this group, or of an address"),
            Flag("--type", "TYPES", "only events of these types, joined by commas"),
            Flag("--since", "TIME", "only events from then on: 10m, 2h30m, a date"),
            Flag("--limit", "N", "most events [50]"),
            Flag("--at", "TIME", "instead: topics and brokers of that moment"),
            Flag("--between", "TIME,TIME", "instead: the differences of two moments"),
            Flag("--directory", "DIR", "read the files of a recorder (recordDir)"),
            *_OVER_HTTP,
        ],
        "the last changes of routes, keys and options, and the reason of each",
        "It asks a namesrv over HTTP; other NameServers keep no history. A time is an"
        " age (10m, 2h30m), a date in the zone of this machine ('2026-11-28 14:30'),"
        " a time of today (14:30), or milliseconds since 1970.",
        "history:history",
    ),
    Command(
        "diff",
        [Argument("HOST:PORT", ANY)],
        [
            Flag("--namespaces", "NAMES", "also the keys of these KV namespaces"),
            Flag("--follow", "", "compare again and again, until nothing differs"),
            Flag("--every", "SECONDS", "--follow: time between two comparisons [10]"),
            Flag(
                "--for",
                "SECONDS",
                "--follow: end after so many seconds without a difference [600]",
            ),
            JSON,
            *CONNECTING,
            HELP,
        ],
        "the differences of several NameServers",
        "The first is compared with each other one: brokers, addresses, topics, queues,"
        " order configuration, options. The exit code is 1 if anything differs. Name KV"
        " namespaces yourself; a server cannot list them. Options of one machine are"
        " left out. -n adds servers to those named as words.",
        "diff:diff",
    ),
    Command(
        "explain",
        [Argument("NAME")],
        [
            Flag("--topic", "", "the name is that of a topic"),
            Flag("--broker", "", "the name is that of a broker group, or an address"),
            Flag("--zone", "ZONE", "for a client in this zone"),
            Flag(
                "--client-version", "N", "for a client of this remoting version [479]"
            ),
            Flag("-c --cluster", "CLUSTER", "for a client that expects it there"),
            JSON,
            _TOKEN,
            *CONNECTING,
            HELP,
        ],
        "why a topic or a broker has no route, or not the expected one",
        "The name is that of a topic or of a broker group, or the address of a broker."
        " It asks a namesrv over HTTP. From another NameServer it takes the answers of"
        " the remoting protocol, and lists the things that these do not show. The exit"
        " code is 1 if the name does not exist.",
        "explain:explain",
    ),
    Command(
        "watch",
        [Argument("TOPIC", ANY)],
        [
            Flag("--every", "SECONDS", "time between two questions [1]"),
            Flag("--exec", "COMMAND", "run this in a shell for each change of a route"),
            JSON,
            _TOKEN,
            *CONNECTING,
            HELP,
        ],
        "print each change of clusters, brokers and topics, or of some routes",
        "It asks again and again, compares, and ends with Ctrl-C. With --json each"
        " line is an object. The command of --exec runs at the beginning, too, never"
        " twice at once, and gets the facts as JSON on standard input.",
        "watch:watch",
    ),
    Command(
        "top",
        [],
        [
            Flag("--every", "SECONDS", "time between two questions [2]"),
            *CONNECTING,
            HELP,
        ],
        "a screen that shows servers, clusters, brokers and changes, until Ctrl-C",
        "It needs the Python package rich.",
        "top:top",
    ),
    Command(
        "bench",
        [Argument("TOPIC", ANY)],
        [
            Flag("--seconds", "N", "length, up to 30 [3]"),
            Flag("--connections", "N", "connections, up to 32 [4]"),
            Flag("--depth", "N", "requests at once on a connection, up to 64 [1]"),
            JSON,
            *CONNECTING,
            HELP,
        ],
        "load one NameServer with lookups for some seconds",
        "The server has to be named with -n. It asks for the topics given, or for those"
        " that the server lists, and prints percentiles of the time until the answer.",
        "bench:bench",
    ),
    Command(
        "completion",
        [Argument("SHELL", ONE, "bash zsh fish")],
        [HELP],
        "print a completion script for a shell",
        handler="completion:print_script",
    ),
)

BY_WORDS: Final = {command.words: command for command in COMMANDS}
GROUPS: Final = {
    command.words[0]: [one for one in COMMANDS if one.words[0] == command.words[0]]
    for command in COMMANDS
}
"""The commands by their first word."""
