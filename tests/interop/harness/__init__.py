"""Real RocketMQ peers, run headless on loopback, for the interop tests.

Peers:
    fetch         everything from outside: Maven, pip, javac, below `.cache/peers`
    java          how a RocketMQ JVM is started
    ports         free ports of loopback
    process       one child process: its log, its signals, its end
    conversation  a Java program of ours that answers lines
    nameserver    the server under test, and Java's beside it
    broker        a Java broker of either version
    mqadmin       the real mqadmin, many commands in one JVM
    traffic       a real producer and consumer, steered from here
    haproxy       a real HAProxy in front of a name server
    certificates  certificates that the openssl command makes
    openssl       its client
    fleet         peers that belong together, and their common end

Judgement:
    remoting      a connection to a name server
    json_text     JSON kept as text, so that quotes and bare keys can be compared
    answers       one answer's canonical form, and the difference of two
    view          what one name server knows
    reads         every read request, sent to two servers
    mirror        our server and Java's, fed by the same brokers
    world         a name server, a broker and an mqadmin of their own
    waiting       polling with a deadline

Of `namesrv` only its peer kit is imported, which shares no code with the server: the
judge must not use what it judges.
`INTEROP_SERVER=java` puts a second Java server into our server's place; that run must
pass too, and shows that the comparison finds no differences where there are none.
"""
