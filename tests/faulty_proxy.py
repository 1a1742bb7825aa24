"""A proxy in front of a real S3 server that does to the next requests what it is told."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple
from urllib.parse import urlsplit


class Refuse(NamedTuple):
    """Answer with this status and S3 error code; the server hears nothing."""

    status: int
    code: str


LOSE_REPLY = "lose reply"
"""The server does it, then the connection breaks."""

CUT_BODY = "cut body"
"""The body ends in the middle of what was announced."""

PASS = "pass"
"""Nothing happens to this request."""

Fault = Refuse | str


class FaultyProxy:
    """`plan` holds what befalls the next requests, in order; `seen` their methods."""

    def __init__(self, upstream: str) -> None:
        self.upstream = urlsplit(upstream).netloc
        self.plan: list[Fault] = []
        self.seen: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.endpoint_url = f"http://127.0.0.1:{self._server.server_port}"

    @contextmanager
    def running(self) -> Iterator[FaultyProxy]:
        thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            thread.join()
            self._server.server_close()


def _handler(proxy: FaultyProxy) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            proxy.seen.append(self.command)
            fault = proxy.plan.pop(0) if proxy.plan else PASS
            if isinstance(fault, Refuse):
                text = f"<Error><Code>{fault.code}</Code><Message>planned</Message></Error>"
                self.answer(fault.status, {}, text.encode(), len(text))
                return
            status, headers, data = self.forward(body)
            if fault != LOSE_REPLY:
                shown = data[: len(data) // 2] if fault == CUT_BODY else data
                self.answer(status, headers, shown, int(headers.get("Content-Length", len(data))))
            self.close_connection = fault != PASS

        def forward(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
            connection = http.client.HTTPConnection(proxy.upstream, timeout=30)
            try:
                connection.request(self.command, self.path, body, dict(self.headers))
                answer = connection.getresponse()
                headers = {name.title(): value for name, value in answer.getheaders()}
                return answer.status, headers, answer.read()
            finally:
                connection.close()

        def answer(self, status: int, headers: dict[str, str], data: bytes, size: int) -> None:
            self.send_response(status)
            for name, value in headers.items():
                if name not in ("Transfer-Encoding", "Content-Length", "Connection", "Date"):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(size))
            self.end_headers()
            self.wfile.write(b"" if self.command == "HEAD" else data)

        def log_message(self, *args: object) -> None:
            """`seen` is log enough."""

        # the names that http.server calls
        do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = handle_any

    return Handler
