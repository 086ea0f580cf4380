#!/usr/bin/env python3
"""A process function in Python: loaded once, kept warm, called through shared memory.

Names are counted as long as this process lives; each of a function's processes counts for itself.
"""

from collections import Counter

import pilotlight

visits = Counter()


def handler(request):
    if request.method == "POST":
        visits[request.json()["name"]] += 1
        return 201, {"visits": sum(visits.values())}
    name = request.query.get("name")
    if name is None:
        return dict(visits)
    return {"name": name, "visits": visits[name]} if name in visits else (404, f"{name} was not here\n")


pilotlight.serve(handler)
