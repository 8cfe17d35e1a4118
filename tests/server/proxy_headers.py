"""What HAProxy sends in front of a connection of 192.0.2.7:4321, in both versions."""

PROXY_V1 = b"PROXY TCP4 192.0.2.7 198.51.100.1 4321 9876\r\n"
PROXY_V2 = (
    b"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c"
    b"\xc0\x00\x02\x07\xc6\x33\x64\x01\x10\xe1\x26\x94"
)
