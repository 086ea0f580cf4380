"""The functions of the engine contract suite, as a process function in Python; HANDLER names the one it is."""

import os
import time

import pilotlight

COUNTED = []
HOARDED = []


def echo(request):
    headers = {"x-method": request.method, "x-target": request.target, "x-echo": request.headers.get("x-probe", "")}
    return 200, headers, request.body


def count(request):
    COUNTED.append(None)
    return str(len(COUNTED))


def throw(request):
    raise TypeError("the handler gave up")


def spin(request):
    while True:
        pass


def hoard(request):
    while True:
        HOARDED.append(b"\1" * (1 << 20))


def wait(request):
    time.sleep(int(request.target[1:]) / 1000)
    return "waited"


def status(request):
    return int(request.target[1:]), {}, b""


HANDLERS = {"echo": echo, "count": count, "throw": throw, "spin": spin, "hoard": hoard, "wait": wait, "status": status}

pilotlight.serve(HANDLERS[os.environ["HANDLER"]], concurrency=8)
