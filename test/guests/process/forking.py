"""A function that loads slowly, for the fork server; with WITH_THREAD=1 one that must not be forked."""

import os
import random
import signal
import sys
import threading
import time

import pilotlight

LOADED_BY = os.getpid()
print("loaded", file=sys.stderr, flush=True)

if os.environ.get("WITH_THREAD"):
    threading.Thread(target=time.sleep, args=(600,), name="background", daemon=True).start()


def handler(request):
    if request.path == "/exit":
        os._exit(int(request.query["code"]))
    if request.path == "/kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if request.path == "/stuck":
        print("stuck", file=sys.stderr, flush=True)
        time.sleep(600)
    return {
        "pid": os.getpid(),
        "loaded_by": LOADED_BY,
        "instance": os.environ["PILOTLIGHT_INSTANCE"],
        "fork": os.environ.get("PILOTLIGHT_FORK"),
        "random": random.random(),
        "handles_children": signal.getsignal(signal.SIGCHLD) != signal.SIG_DFL,
    }


pilotlight.serve(handler)
