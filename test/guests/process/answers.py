"""Everything that a handler in Python may return, and what it may not, by the last part of the path."""

import io

import pilotlight


class Closing:
    """An iterable that says when it was closed."""

    closed = False

    def __iter__(self):
        yield b"one;"
        raise ValueError("no more")

    def close(self):
        Closing.closed = True


ANSWERS = {
    "str": lambda request: "grüße",
    "bytes": lambda request: b"\x00\xff",
    "bytearray": lambda request: bytearray(b"abc"),
    "dict": lambda request: {"a": [1, "ü"]},
    "list": lambda request: [1, 2],
    "status": lambda request: (418, "teapot"),
    "no-content": lambda request: (204, None),
    "headers": lambda request: (200, {"X-A": 1, "Content-Type": "text/html"}, "<p>"),
    "pairs": lambda request: (200, [("set-cookie", "a=1"), ("set-cookie", "b=2"), ("Content-Length", "7"), ("Connection", "x")], ""),
    "response": lambda request: pilotlight.Response({"a": 1}, status=201, headers={"x-a": "b"}),
    "generator": lambda request: (part for part in (b"one;", "two;", b"")),
    "file": lambda request: io.BytesIO(b"file" * 50000),
    "closing": lambda request: Closing(),
    "closed": lambda request: str(Closing.closed),
    "headers-seen": lambda request: [request.headers["USER-AGENT"], request.headers.get("None", "-"), "x-twice" in request.headers, request.headers["x-twice"], request.headers["cookie"], len(request.headers)],
    "query": lambda request: [request.path, request.query, request.query_string],
    "text": lambda request: request.text().upper(),
    "none": lambda request: None,
    "number": lambda request: 5,
    "four": lambda request: (200, {}, "", 4),
    "status-text": lambda request: ("200 OK", ""),
    "status-low": lambda request: (100, ""),
    "header-line": lambda request: (200, {"x-a": "b\r\nx-c: d"}, ""),
    "header-name": lambda request: (200, {"x a": "b"}, ""),
    "header-long": lambda request: (200, {"x-a": "b" * 2_000_000}, ""),
    "header-greek": lambda request: (200, {"x-a": "\u03b1"}, ""),
    "generator-of-numbers": lambda request: (number for number in (1, 2)),
}

pilotlight.serve(lambda request: ANSWERS[request.path.rpartition("/")[2]](request))
