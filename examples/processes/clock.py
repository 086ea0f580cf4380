#!/usr/bin/env python3
"""An HTTP server like any other, which knows nothing of Pilotlight but its port: called by HTTP, and kept, limited and scaled all the same."""

import os
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Clock(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = time.strftime("%Y-%m-%dT%H:%M:%SZ\n", time.gmtime()).encode()
        self.send_response(200)
        self.send_header("content-type", "text/plain")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Clock).serve_forever()
