"""Companies' servers of a stage: they answer webhooks as the scenarios declare. Called by `private.py`."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread

from ivr.flow import commands as c
from ivr.scenarios.plan import Stage

SLOW_S = 15.0  # longer than any flow waits


@contextlib.contextmanager
def serve_replies(stage: Stage) -> Iterator[str]:
    """Serve the declared replies of webhooks on a port of this machine; yields its address."""
    replies: dict[str, c.Fetched] = {key[1]: reply for key, reply in stage.needs.items() if key[0] == "webhook"}

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            reply = replies.get(self.path.strip("/"))
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if reply is not None and reply.outcome == "timeout":
                waiting.wait(SLOW_S)
                return
            fine = reply is not None and reply.outcome == "answered"
            body = json.dumps({"result": reply.result, **reply.values}).encode() if fine and reply else b"no"
            self.send_response(200 if fine else 500)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    waiting = Event()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        waiting.set()
        server.shutdown()
        server.server_close()
