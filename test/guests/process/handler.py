"""What the tests of the clients call; the same as handler.mjs and handler.c. CONCURRENCY, AHEAD and BODY_MAX come from the environment."""

import os
import sys
import threading
import time

import pilotlight


def echo(request):
    headers = [("x-method", request.method), ("x-target", request.target), ("x-seen", request.headers.get("X-Sent", "")), ("Connection", "close")]
    return 200, headers, request.body


def pieces(request):
    for number in range(int(request.query["n"])):
        if number == int(request.query.get("fail", -1)):
            raise RuntimeError("the stream broke")
        yield f"piece {number};"


def patient(request):
    while not request.cancelled:
        time.sleep(0.001)
    print("it was cancelled", file=sys.stderr, flush=True)
    return "too late"


def endless(request):
    while True:
        yield bytes(4096)


TOGETHER = threading.Barrier(4, timeout=20)


def together(request):
    """Answered when four are asked at a time."""
    TOGETHER.wait()
    return "together"


def busy(request):
    print("busy", file=sys.stderr, flush=True)
    time.sleep(float(request.query["s"]))
    return "done"


HANDLERS = {
    "/echo": echo,
    "/fail": lambda request: 1 / 0,
    "/pieces": pieces,
    "/patient": patient,
    "/endless": endless,
    "/busy": busy,
    "/together": together,
    "/large": lambda request: bytes(int(request.query["bytes"])),
    "/status": lambda request: (int(request.query["code"]), "so be it"),
    "/header": lambda request: (200, {request.query["name"]: request.query["value"]}, ""),
    "/json": lambda request: {"params": request.params, "id": request.request_id, "sent": request.json()},
    "/nothing": lambda request: None,
    "/pid": lambda request: str(os.getpid()),
}

pilotlight.serve(
    lambda request: HANDLERS[request.path](request),
    concurrency=int(os.environ.get("CONCURRENCY", "1")),
    ahead=int(os.environ.get("AHEAD", "0")),
    body_max=int(os.environ.get("BODY_MAX", "16777216")),
)
