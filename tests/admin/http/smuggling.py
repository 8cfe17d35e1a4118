"""Requests that two servers could read differently, and their right answers.

A proxy and the server behind it must agree where a request ends. Sources of the kinds:
RFC 9112, section 11.2; "HTTP Desync Attacks" (Kettle, 2019) and its successors. The
bytes are our own.
"""

from typing import Final

HOST: Final = b"Host: a\r\n"
_POST: Final = b"POST / HTTP/1.1\r\n" + HOST
_CHUNKED: Final = _POST + b"Transfer-Encoding: chunked\r\n\r\n"
SMUGGLED: Final = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"

_LENGTHS: Final = {
    "two lengths": b"Content-Length: 3\r\nContent-Length: 4\r\n",
    "one length twice": b"Content-Length: 3\r\nContent-Length: 3\r\n",
    "lengths in a list": b"Content-Length: 3, 3\r\n",
    "length and chunks": b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
    "chunks and length": b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n",
    "negative length": b"Content-Length: -3\r\n",
    "length with a sign": b"Content-Length: +3\r\n",
    "length in hexadecimal": b"Content-Length: 0x3\r\n",
    "length with an underscore": b"Content-Length: 1_0\r\n",
    "length with a space": b"Content-Length: 1 0\r\n",
    "length in other digits": b"Content-Length: \xb3\r\n",
    "empty length": b"Content-Length:\r\n",
    "length of many digits": b"Content-Length: 18446744073709551619\r\n",
    "space before the colon": b"Content-Length : 3\r\n",
    "tab before the colon": b"Content-Length\t: 3\r\n",
    "space before a name": b" Content-Length: 3\r\n",
    "name without a colon": b"Content-Length\r\n",
    "empty name": b": 3\r\n",
    "folded line": b"X: 1\r\n Content-Length: 3\r\n",
    "folded line with a tab": b"X: 1\r\n\tContent-Length: 3\r\n",
    "bare CR": b"X: 1\rContent-Length: 3\r\n",
    "bare LF": b"X: 1\nContent-Length: 3\r\n",
    "NUL in a value": b"X: 1\x002\r\n",
    "NUL in a name": b"X\x00: 1\r\n",
    "control character": b"X: \x01\r\n",
    "letter outside ASCII in a name": b"Content-L\xe9ngth: 3\r\n",
    "separator in a name": b"Content(Length): 3\r\n",
    "chunks twice": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
    "chunks in a list twice": b"Transfer-Encoding: chunked, chunked\r\n",
    "chunks before another coding": b"Transfer-Encoding: chunked, identity\r\n",
    "unknown coding": b"Transfer-Encoding: xchunked\r\n",
    "coding with a vertical tab": b"Transfer-Encoding: \x0bchunked\r\n",
    "coding with a space before the colon": b"Transfer-Encoding : chunked\r\n",
    "two hosts": b"Host: b\r\n",
    "two origins": b"Origin: http://a\r\nOrigin: http://b\r\n",
    "two tokens": b"Authorization: Bearer a\r\nAuthorization: Bearer b\r\n",
}
_CHUNKS: Final = {
    "size with 0x": b"0x3\r\nabc\r\n0\r\n\r\n",
    "size with a sign": b"+3\r\nabc\r\n0\r\n\r\n",
    "negative size": b"-3\r\nabc\r\n0\r\n\r\n",
    "size with a space before": b" 3\r\nabc\r\n0\r\n\r\n",
    "size with an underscore": b"0_3\r\nabc\r\n0\r\n\r\n",
    "size of many digits": b"100000000000000003\r\nabc\r\n0\r\n\r\n",
    "size that is no number": b"g\r\nabc\r\n0\r\n\r\n",
    "empty size": b"\r\nabc\r\n0\r\n\r\n",
    "size with bare LF": b"3\nabc\r\n0\r\n\r\n",
    "size with bare CR": b"3\rabc\r\n0\r\n\r\n",
    "size with NUL": b"3\x00\r\nabc\r\n0\r\n\r\n",
    "extension with bare CR": b"3;a\rb\r\nabc\r\n0\r\n\r\n",
    "extension with NUL": b"3;a\x00\r\nabc\r\n0\r\n\r\n",
    "extension without end": b"3;" + b"a" * 5000,
    "data longer than its size": b"3\r\nabcd\r\n0\r\n\r\n",
    "data with bare LF": b"3\r\nabc\n0\r\n\r\n",
    "trailer with a space before the colon": b"0\r\nX : 1\r\n\r\n",
    "trailer with bare LF": b"0\r\nX: 1\n\r\n",
    "trailer that is folded": b"0\r\nX: 1\r\n 2\r\n\r\n",
    "trailer that is a request": b"0\r\n" + SMUGGLED,
    "trailer without end": b"0\r\n" + b"X: 1\r\n" * 1000,
}
_LINES: Final = {
    "no version": b"GET /\r\n\r\n",
    "old version": b"GET / HTTP/0.9\r\n" + HOST + b"\r\n",
    "unknown version": b"GET / HTTP/1.2\r\n" + HOST + b"\r\n",
    "version of two digits": b"GET / HTTP/1.10\r\n" + HOST + b"\r\n",
    "version in lower case": b"GET / http/1.1\r\n" + HOST + b"\r\n",
    "two spaces": b"GET  / HTTP/1.1\r\n" + HOST + b"\r\n",
    "space in the target": b"GET /a b HTTP/1.1\r\n" + HOST + b"\r\n",
    "tab in the line": b"GET\t/\tHTTP/1.1\r\n" + HOST + b"\r\n",
    "space at the end": b"GET / HTTP/1.1 \r\n" + HOST + b"\r\n",
    "bare LF in the line": b"GET / HTTP/1.1\n" + HOST + b"\r\n",
    "bare CR in the line": b"GET /\r HTTP/1.1\r\n" + HOST + b"\r\n",
    "NUL in the line": b"GET /\x00 HTTP/1.1\r\n" + HOST + b"\r\n",
    "letter outside ASCII": b"GET /\xc3\xa9 HTTP/1.1\r\n" + HOST + b"\r\n",
    "target without a slash": b"GET a HTTP/1.1\r\n" + HOST + b"\r\n",
    "target of another host": b"GET http://b/ HTTP/1.1\r\n" + HOST + b"\r\n",
    "target of another scheme": b"GET ftp://a/ HTTP/1.1\r\n" + HOST + b"\r\n",
    "target with a fragment": b"GET /#a HTTP/1.1\r\n" + HOST + b"\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "host with a path": b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
    "host with a user": b"GET / HTTP/1.1\r\nHost: u@a\r\n\r\n",
    "host with a space": b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
    "hosts in a list": b"GET / HTTP/1.1\r\nHost: a, b\r\n\r\n",
    "space before the line": b" GET / HTTP/1.1\r\n" + HOST + b"\r\n",
    "preface of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/2 in a line": b"GET / HTTP/2.0\r\n" + HOST + b"\r\n",
    "tunnel": b"CONNECT a:1 HTTP/1.1\r\n" + HOST + b"\r\n",
    "trace": b"TRACE / HTTP/1.1\r\n" + HOST + b"\r\n",
    "unknown method": b"GETT / HTTP/1.1\r\n" + HOST + b"\r\n",
    "method in lower case": b"get / HTTP/1.1\r\n" + HOST + b"\r\n",
    "a response": b"HTTP/1.1 200 OK\r\n\r\n",
    "chunks in HTTP/1.0": (
        b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
    ),
    "other coding before chunks": (
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"
    ),
}

CORPUS: Final[dict[str, bytes]] = {
    **{kind: _POST + lines + b"\r\nabc" for kind, lines in _LENGTHS.items()},
    **{f"chunk: {kind}": _CHUNKED + chunks for kind, chunks in _CHUNKS.items()},
    **{f"line: {kind}": data for kind, data in _LINES.items()},
}
"""Each of them gets an error and the end of its connection."""
STATUSES: Final = (400, 501, 505)
