"""A small reverse proxy that serves a server below a path."""

from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import TracebackType
from typing import Self

from namesrv.testing.peer import Address

PREFIX = "/tools/namesrv"
_HOP = ("connection", "keep-alive", "transfer-encoding")


class SubPath:
    """Serves `/tools/namesrv/...` with the answers of a server for `/...`."""

    def __init__(self, target: Address) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                forward(self, target)

            do_DELETE = do_PUT = do_GET

            def log_message(self, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}{PREFIX}/"

    def __enter__(self) -> Self:
        Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._server.server_close()


def forward(handler: BaseHTTPRequestHandler, target: Address) -> None:
    """One request, and its answer as it comes."""
    if not handler.path.startswith(f"{PREFIX}/"):
        handler.send_error(404)
        return
    client = HTTPConnection(target[0], target[1])
    headers = {n: v for n, v in handler.headers.items() if n.lower() not in _HOP}
    path = handler.path.removeprefix(PREFIX)
    client.request(handler.command, path, headers=headers)
    answer = client.getresponse()
    handler.send_response(answer.status)
    for name, value in answer.getheaders():
        if name.lower() not in _HOP:
            handler.send_header(name, value)
    handler.send_header("Connection", "close")
    handler.end_headers()
    try:
        while piece := answer.read1(1 << 16):
            handler.wfile.write(piece)
            handler.wfile.flush()
    except OSError:
        pass
    client.close()
