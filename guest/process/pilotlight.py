"""Pilotlight functions in Python: answers the calls of a server, as docs/process-protocol.md says.

    import pilotlight

    def handler(request):
        return {"hello": request.query.get("name", "world")}

    pilotlight.serve(handler)

CPython 3.8 or newer, nothing but the standard library. A server finds this file for its functions (PYTHONPATH); it may also
be copied beside one. Calls come through the shared-memory ring where this machine has what that needs, otherwise in frames.
"""

import gc
import mmap
import os
import socket
import struct
import sys
import threading
import zlib
from collections import deque
from collections.abc import Mapping
from time import perf_counter

REQUEST, REQUEST_BODY, RESPONSE, RESPONSE_BODY, CANCEL, PING, PONG, STOP, FAILED = range(1, 10)
END = 1
FRAME_MAX = 1024 * 1024
TEXT = b"content-type: text/plain; charset=utf-8\n"
JSON = b"content-type: application/json\n"
BYTES = b"content-type: application/octet-stream\n"
# The server says these; and Set-Cookie apart, a list of pairs may repeat a name.
_SERVERS_OWN = frozenset(("connection", "content-length", "transfer-encoding"))
_TOKEN = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")


class Response:
    """An answer with a status and headers: a mapping, or pairs where a name comes twice. `body` is what a handler may return alone."""

    __slots__ = ("status", "headers", "body")

    def __init__(self, body=b"", status=200, headers=()):
        self.status, self.headers, self.body = status, headers, body


class Headers(Mapping):
    """Header fields by name, in any case; a field that came twice is joined as HTTP says."""

    def __init__(self, lines):
        self._values = values = {}
        for line in lines.decode("latin-1").split("\n"):
            name, colon, value = line.partition(":")
            if colon:
                value = value.strip()
                known = values.get(name)
                values[name] = value if known is None else known + ("; " if name == "cookie" else ", ") + value

    def __getitem__(self, name):
        return self._values[name.lower()]

    def __iter__(self):
        return iter(self._values)

    def __len__(self):
        return len(self._values)


class Request:
    """One call. `method`, `target` (as in the request line) and `body` (bytes) are there; the rest is parsed when looked at."""

    _headers = _query = _params = _parts = None
    _cancelled = False

    def __init__(self, calls, call, head, body):
        line, _, self._lines = head.partition(b"\n")
        self.method, space, self.target = line.decode("latin-1").partition(" ")
        if not space:
            raise _Broken("a request without a target")
        self.body = body
        self._calls, self._call = calls, call

    @property
    def path(self):
        """Without the query; still percent-encoded."""
        return self.target.partition("?")[0]

    @property
    def query(self):
        """Parameters of the query string, the first of each name. Others: parse_qs(request.query_string)."""
        if self._query is None:
            from urllib.parse import parse_qsl

            self._query = dict(reversed(parse_qsl(self.query_string, keep_blank_values=True)))
        return self._query

    @property
    def query_string(self):
        return self.target.partition("?")[2]

    @property
    def headers(self):
        if self._headers is None:
            self._headers = Headers(self._lines)
        return self._headers

    @property
    def params(self):
        """What stands for [name] in the function's route."""
        if self._params is None:
            import json

            self._params = json.loads(self.headers.get("x-pilotlight-params", "{}"))
        return self._params

    @property
    def request_id(self):
        return self.headers.get("x-request-id", "")

    @property
    def cancelled(self):
        """True when nobody waits for the answer any more; for handlers that take long."""
        if not self._cancelled:
            self._calls.look()
        return self._cancelled

    def text(self):
        return self.body.decode("utf-8")

    def json(self):
        import json

        return json.loads(self.body)


class _Ended(Exception):
    """The connection has ended: so does the process."""


class _Broken(Exception):
    """The server said what it can't have meant."""


class _Link:
    """What both ways have in common: the connection. Threads share it after `share`."""

    _lock = None

    def __init__(self, connection):
        self._connection = connection

    def share(self):
        self._lock = threading.Lock()

    def send(self, kind, flags, status, call, head, body):
        if self._lock is None:
            self._write(kind, flags, status, call, head, body)
        else:
            with self._lock:
                self._write(kind, flags, status, call, head, body)

    def hang_up(self):
        """Wakes the thread that waits for messages: there will be no more."""
        self._connection.shutdown(socket.SHUT_RD)


class _Frames(_Link):
    name = "frames/1"
    message_max = FRAME_MAX
    _message = struct.Struct("<IBBHIII")

    def __init__(self, connection):
        super().__init__(connection)
        self._data = b""
        self._at = 0

    def take(self):
        message = self._next()
        while message is None:
            self._more()
            message = self._next()
        return message

    def poll(self):
        message = self._next()
        while message is None:
            try:
                self._more(socket.MSG_DONTWAIT)
            except BlockingIOError:
                return None
            message = self._next()
        return message

    def _more(self, flags=0):
        try:
            data = self._connection.recv(65536, flags)
        except ConnectionError:
            data = b""
        if not data:
            raise _Ended
        self._data, self._at = self._data[self._at :] + data, 0

    def _next(self):
        data, at = self._data, self._at
        there = len(data) - at
        if there < 4:
            return None
        length = int.from_bytes(data[at : at + 4], "little")
        if not 16 <= length <= FRAME_MAX:
            raise _Broken(f"a frame of {length} bytes")
        if there < 4 + length:
            return None
        _, kind, flags, _, call, head_bytes, body_bytes = self._message.unpack_from(data, at)
        if length != 16 + head_bytes + body_bytes:
            raise _Broken(f"a message of {length} bytes says that it has {16 + head_bytes + body_bytes}")
        middle = at + 20 + head_bytes
        self._at = at + 4 + length
        return kind, flags, call, data[at + 20 : middle], data[middle : self._at]

    def _write(self, kind, flags, status, call, head, body):
        length = 16 + len(head) + len(body)
        try:
            self._connection.sendall(b"".join((self._message.pack(length, kind, flags, status, call, len(head), len(body)), head, body)))
        except ConnectionError:
            raise _Ended from None


class _Ring(_Link):
    """Hot path, once per message: no objects but the message's own, words by one memoryview, no system call while both are awake.

    A word is read and written by one move of 4 bytes (memoryview's format "I" is a memcpy of that size), and x86-64 keeps stores in
    their order and loads in theirs, so publishing needs nothing more. What must not be reordered is a store before a load of another
    word. Python has no fence for that; but taking a free lock is an atomic exchange in every CPython (sem_trywait, or PyMutex), and
    on x86-64 that is a full fence. No other machine promises as much: `fits` says so, and calls come in frames there.
    """

    name = "ring/1"
    # Words of the header page: head, tail, asleep, waits for room.
    _asked, _taken_word, _asleep, _asking_waits = 32, 64, 96, 128
    _told, _told_taken, _server_asleep, _waits = 288, 320, 352, 384
    _entry, _prefix, _header = struct.Struct("<IIBBHIII"), struct.Struct("<II"), struct.Struct("<BBHIII")
    _zeros = [bytes(count) for count in range(8)]
    # Looks before sleeping, some 40 ns each, where calls lately came that soon after the answer before them. Over HTTP, with one call at a
    # time, 100 cost what none do (51 us of CPU a request, on both sides together) and 400 cost 19 more; with calls ahead 100 save 3 of 35.
    _looks = range(100)
    _near_s = 25e-6

    def __init__(self, connection, path):
        super().__init__(connection)
        file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            self._memory = mmap.mmap(file, os.fstat(file).st_size)
        finally:
            os.close(file)
        magic, version, flags, self._room, self._requests, self._answers = struct.unpack_from("<8sIIIII", self._memory)
        room = self._room
        if magic != b"PLRING1\n" or version != 1:
            raise ValueError(f"{path} is no ring of version 1")
        if room < 64 or room & (room - 1) or (self._requests, self._answers) != (4096, 4096 + room) or len(self._memory) < 4096 + 2 * room:
            raise ValueError(f"{path}: its parts do not fit in it")
        self.message_max = min(FRAME_MAX, room // 2 - 8)
        self._mask = room - 1
        self._checks = flags & 1
        self._bytes = memoryview(self._memory)
        self._words = self._bytes[:4096].cast("I")
        self._taken = self._words[self._taken_word]
        self._published = self._words[self._told]
        self._fence, self._write_fence = threading.Lock(), threading.Lock()
        self._bells = bytearray(256)
        self._rung = None
        self._over = False
        self._warmth = 0

    @staticmethod
    def fits():
        return sys.implementation.name == "cpython" and os.uname().machine in ("x86_64", "amd64")

    def share(self):
        super().share()
        self._rung = threading.Event()

    def take(self):
        head = self._words[self._asked]
        if head == self._taken:
            head = self._wait()
        return self._read(head)

    def poll(self):
        head = self._words[self._asked]
        return None if head == self._taken else self._read(head)

    def _read(self, head):
        memory, taken, start = self._memory, self._taken, self._requests
        there = (head - taken) & 0xFFFFFFFF
        at = taken & self._mask
        skipped = 0
        length, crc, kind, flags, _, call, head_bytes, body_bytes = self._entry.unpack_from(memory, start + at)
        if length == 0xFFFFFFFF:
            skipped, at = self._room - at, 0
            length, crc, kind, flags, _, call, head_bytes, body_bytes = self._entry.unpack_from(memory, start)
        whole = skipped + ((length + 15) & ~7)
        if there > self._room or whole > there or at + 8 + length > self._room or length != 16 + head_bytes + body_bytes:
            raise _Broken(f"the ring has an entry of {length} bytes where {there} were written")
        at += start + 24
        if self._checks and zlib.crc32(self._bytes[at - 16 : at - 16 + length]) != crc:
            raise _Broken("a message of the ring has another CRC-32 than it says")
        middle = at + head_bytes
        message = kind, flags, call, memory[at:middle], memory[middle : middle + body_bytes]
        words = self._words
        self._taken = words[self._taken_word] = (taken + whole) & 0xFFFFFFFF
        self._fence.acquire(False)
        self._fence.release()
        if words[self._asking_waits]:
            self._ring()
        return message

    def _wait(self):
        words, asked, taken = self._words, self._asked, self._taken
        if self._warmth > 2 and self._rung is None:
            for _ in self._looks:
                if words[asked] != taken:
                    if self._warmth < 8:
                        self._warmth += 1
                    return words[asked]
            self._warmth -= 2
        since = perf_counter()
        while True:
            words[self._asleep] = 1
            self._fence.acquire(False)
            self._fence.release()
            if words[asked] == taken:
                self._hear()
            words[self._asleep] = 0
            if words[asked] != taken:
                break
        if perf_counter() - since > self._near_s:
            self._warmth = 0
        elif self._warmth < 8:
            self._warmth += 1
        return words[asked]

    def _write(self, kind, flags, status, call, head, body):
        memory, words, published, room = self._memory, self._words, self._published, self._room
        length = 16 + len(head) + len(body)
        whole = (length + 15) & ~7
        at = published & self._mask
        skipped = room - at if at + whole > room else 0
        if ((published - words[self._told_taken]) & 0xFFFFFFFF) + skipped + whole > room:
            self._wait_for_room(skipped + whole)
        if skipped:
            memory[self._answers + at : self._answers + at + 4] = b"\xff\xff\xff\xff"
            at = 0
        at += self._answers
        message = b"".join((self._header.pack(kind, flags, status, call, len(head), len(body)), head, body))
        self._prefix.pack_into(memory, at, length, zlib.crc32(message) if self._checks else 0)
        memory[at + 8 : at + 8 + length] = message
        memory[at + 8 + length : at + whole] = self._zeros[whole - 8 - length]
        self._published = words[self._told] = (published + skipped + whole) & 0xFFFFFFFF
        self._write_fence.acquire(False)
        self._write_fence.release()
        if words[self._server_asleep]:
            words[self._server_asleep] = 0
            self._ring()

    def _wait_for_room(self, needed):
        words = self._words
        while True:
            if self._rung is not None:
                self._rung.clear()
            words[self._waits] = 1
            self._write_fence.acquire(False)
            self._write_fence.release()
            if ((self._published - words[self._told_taken]) & 0xFFFFFFFF) + needed <= self._room:
                break
            if self._rung is None:
                self._hear()
            elif self._over:
                raise _Ended
            else:
                # The thread that reads hears the bell, but not while it finds messages without sleeping.
                self._rung.wait(0.1)
        words[self._waits] = 0

    def _hear(self):
        """Sleeps until the server rings. Into the same few bytes each time: who looks next looks at the ring."""
        try:
            self._over = self._connection.recv_into(self._bells) == 0
        except ConnectionError:
            self._over = True
        if self._rung is not None:
            self._rung.set()
        if self._over:
            raise _Ended

    def _ring(self):
        try:
            self._connection.send(b"\0", socket.MSG_DONTWAIT)
        except BlockingIOError:
            pass  # It has bells enough to hear.
        except ConnectionError:
            raise _Ended from None


class _Calls:
    """What is done with messages: requests are gathered, given to the handler, answered. Alone, or by threads."""

    def __init__(self, link, handler, concurrency, body_max):
        self._link, self._handler, self._body_max = link, handler, body_max
        self._open = {}
        self._gathering = 0
        self._early = deque()
        self._stopping = False
        self._part_max = link.message_max // 2
        self._head_max = link.message_max - self._part_max - 16
        self._waiting, self._unanswered, self._lock = None, 0, threading.Lock()
        if concurrency > 1:
            from queue import SimpleQueue

            link.share()
            self._waiting = SimpleQueue()
            for number in range(concurrency):
                threading.Thread(target=self._work, name=f"pilotlight-{number}", daemon=True).start()

    def serve(self):
        link = self._link
        while not self._is_done():
            early = self._early
            request = self._receive(early.popleft() if early else link.take())
            if request is None:
                continue
            if self._waiting is None:
                self._answer(request)
            else:
                with self._lock:
                    self._unanswered += 1
                self._waiting.put(request)

    def look(self):
        """Messages that came while the only thread runs a handler wait, except for what says that nobody waits for it."""
        if self._waiting is not None:
            return
        message = self._link.poll()
        while message is not None:
            if message[0] != CANCEL:
                self._early.append(message)
            elif message[2] in self._open:
                self._receive(message)
            else:
                self._forget(message[2])
            message = self._link.poll()

    def _forget(self, call):
        """Cancelled before it was begun: nobody waits for it, and it need not wait for its turn to be told so."""
        early = [message for message in self._early if message[2] != call]
        if len(early) < len(self._early):
            self._early = deque(early)
            self._link.send(FAILED, END, 0, call, b"", b"cancelled before it was begun")

    def _is_done(self):
        return self._stopping and not (self._gathering or self._unanswered or self._early)

    def _work(self):
        while True:
            request = self._waiting.get()
            try:
                self._answer(request)
            except _Ended:
                return
            with self._lock:
                self._unanswered -= 1
                if self._is_done():
                    self._link.hang_up()

    def _receive(self, message):
        """Returns a request that is whole now, or None."""
        kind, flags, call, head, body = message
        if kind == REQUEST:
            if call in self._open:
                raise _Broken(f"call {call} twice")
            request = self._open[call] = Request(self, call, head, body)
            if flags & END and len(body) <= self._body_max:
                return request
            request._parts, request._size = [], 0
            self._gathering += 1
            return self._gather(request, flags, body)
        if kind == REQUEST_BODY:
            request = self._open.get(call)
            return None if request is None or request._parts is None else self._gather(request, flags, body)
        if kind == CANCEL:
            request = self._open.get(call)
            if request is not None:
                request._cancelled = True
                if request._parts is not None:
                    self._give_up(request, "cancelled before its body had come")
        elif kind == PING:
            self._link.send(PONG, 0, 0, 0, b"", body)
        elif kind == STOP:
            with self._lock:
                self._stopping = True
        else:
            raise _Broken(f"a message of kind {kind}")
        return None

    def _gather(self, request, flags, part):
        request._parts.append(part)
        request._size += len(part)
        if request._size > self._body_max:
            self._gathered(request)
            text = f"The body is longer than the {self._body_max} bytes that this function takes\n".encode()
            self._end(request, RESPONSE, 413, TEXT, text)
        elif flags & END:
            request.body = b"".join(request._parts)
            self._gathered(request)
            return request
        return None

    def _gathered(self, request):
        request._parts = None
        self._gathering -= 1

    def _give_up(self, request, text):
        self._gathered(request)
        self._end(request, FAILED, 0, b"", text.encode())

    def _end(self, request, kind, status, head, body):
        # Forgotten before it is answered: the server may use the number again at once.
        del self._open[request._call]
        self._link.send(kind, END, status, request._call, head, body)

    def _answer(self, request):
        try:
            answer = self._handler(request)
            kind = type(answer)
            if kind is str:
                status, head, body = 200, TEXT, answer.encode()
            elif kind is bytes:
                status, head, body = 200, BYTES, answer
            else:
                status, head, body = _parts_of(answer)
            if len(head) > self._head_max:
                raise ValueError(f"the headers of the answer have {len(head)} bytes; the most is {self._head_max}")
            if type(body) is bytes and len(body) <= self._part_max:
                self._end(request, RESPONSE, status, head, body)
            else:
                self._stream(request, status, head, body)
        except (_Ended, _Broken):
            raise
        except Exception as error:
            self._failed(request, error)

    def _stream(self, request, status, head, body):
        kind, part_max, call, send = RESPONSE, self._part_max, request._call, self._link.send
        chunks = (body,) if isinstance(body, bytes) else body
        try:
            for chunk in chunks:
                if request.cancelled:
                    return self._end(request, FAILED, 0, b"", b"cancelled")
                view = memoryview(chunk.encode() if isinstance(chunk, str) else chunk).cast("B")
                for at in range(0, len(view), part_max):
                    send(kind, 0, status, call, head, view[at : at + part_max])
                    kind, status, head = RESPONSE_BODY, 0, b""
        finally:
            if hasattr(chunks, "close"):
                chunks.close()
        return self._end(request, kind, status, head, b"")

    def _failed(self, request, error):
        import traceback

        said = f"pilotlight: {request.method} {request.target} failed (request {request.request_id or request._call})"
        sys.stderr.write(f"{said}\n{traceback.format_exc()}")
        sys.stderr.flush()
        self._end(request, FAILED, 0, b"", f"{type(error).__name__}: {error}"[:2048].encode("utf-8", "replace"))


def _parts_of(answer):
    """Status, head and body of whatever a handler may return."""
    status, headers = 200, ()
    if isinstance(answer, Response):
        status, headers, answer = answer.status, answer.headers, answer.body
    elif isinstance(answer, tuple):
        if len(answer) == 2:
            status, answer = answer
        elif len(answer) == 3:
            status, headers, answer = answer
        else:
            raise TypeError("a tuple that a handler returns is (status, body) or (status, headers, body)")
    elif answer is None:
        raise TypeError("the handler returned None; for an empty answer return b\"\" or (204, b\"\")")
    if not isinstance(status, int) or not 200 <= status <= 599:
        raise ValueError(f"the status of an answer is a number from 200 to 599, not {status!r}")
    kind, body = _body_of(answer)
    head = _head_of(headers) if headers else b""
    return status, head if kind == b"" or b"content-type:" in head else kind + head, body


def _body_of(body):
    if isinstance(body, str):
        return TEXT, body.encode()
    if body is None:
        return b"", b""
    if isinstance(body, (bytes, bytearray, memoryview)):
        return BYTES, bytes(body)
    if isinstance(body, (dict, list)):
        import json

        return JSON, json.dumps(body, ensure_ascii=False).encode()
    if hasattr(body, "read"):
        return BYTES, _chunks_of(body)
    if hasattr(body, "__iter__"):
        return BYTES, body
    raise TypeError(f"a handler can't answer with a {type(body).__name__}")


def _chunks_of(file):
    with file:
        chunk = file.read(65536)
        while chunk:
            yield chunk
            chunk = file.read(65536)


def _head_of(headers):
    lines = []
    for name, value in headers.items() if hasattr(headers, "items") else headers:
        name, value = str(name).lower(), str(value)
        if name == "" or not _TOKEN.issuperset(name):
            raise ValueError(f"{name!r} is no name of a header")
        if "\n" in value or "\r" in value or "\0" in value:
            raise ValueError(f"the header {name} has a line's end in its value: {value!r}")
        if name not in _SERVERS_OWN:
            lines.append(f"{name}: {value}\n")
    return "".join(lines).encode("latin-1")


def serve(handler, concurrency=1, ahead=0, body_max=64 * 1024 * 1024):
    """Answers calls with `handler` until the server says stop; then the process exits with 0, and this never returns.

    A handler returns a Response, a str, bytes, a dict or list (JSON), (status, body) or (status, headers, body). A body may also be
    an open file or an iterable of bytes, which is sent as it comes. What it raises is logged, and its call answered with 500.
    With `concurrency` above 1 it runs in that many threads. So many calls as `ahead` says may be sent here while those are at work:
    short calls then need no sleep between them, but wait behind a long one. A longer request body than `body_max` is answered with 413.
    """
    if concurrency < 1 or ahead < 0 or concurrency + ahead > 65535:
        raise ValueError(f"concurrency and ahead are at least 1 and 0, together at most 65535, not {concurrency} and {ahead}")
    # Standard output is the function's log, and a log that comes in blocks comes too late.
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(line_buffering=True)
    try:
        if os.environ.get("PILOTLIGHT_FORK") == "1":
            server = _ForkServer(_connected())
            try:
                server.run()
            finally:
                server.end_children()
        elif os.environ.get("PILOTLIGHT_SNAPSHOT"):
            _wait_in_image(int(os.environ["PILOTLIGHT_SNAPSHOT"]))
        link = _linked(_connected())
        link._connection.sendall(f"READY {link.name} {concurrency + ahead}\n".encode())
        _Calls(link, handler, concurrency, body_max).serve()
    except (_Ended, ConnectionError):
        pass
    except _Broken as error:
        sys.exit(f"pilotlight: the server sent {error}")
    sys.exit(0)


def _connected():
    path = os.environ.get("PILOTLIGHT_SOCKET") or os.environ.get("AETHER_SOCKET")
    if not path:
        sys.exit("pilotlight: PILOTLIGHT_SOCKET is not set: this program is a function; start it with `pilotlight serve FILE`")
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.connect(path)
    except OSError as error:
        sys.exit(f"pilotlight: cannot connect to the server at {path}: {error.strerror}")
    return connection


def _linked(connection):
    path = os.environ.get("PILOTLIGHT_RING")
    if path:
        try:
            if _Ring.fits():
                return _Ring(connection, path)
            reason = f"there is no memory fence in {sys.implementation.name} on {os.uname().machine}"
        except (OSError, ValueError, struct.error) as error:
            reason = str(error)
        sys.stderr.write(f"pilotlight: calls come in frames, not through the ring: {reason}\n")
    return _Frames(connection)


def _wait_in_image(descriptor):
    """The image of this process is taken while it waits for the line, without a connection. Each process made of it gets another line."""
    connection = _connected()
    files = {getattr(module, "__file__", None) or "" for module in list(sys.modules.values())}
    lines = sorted(os.path.abspath(file) for file in files if file and "\n" not in file)
    connection.sendall(b"READY snapshot/1\n" + b"".join(os.fsencode(line) + b"\n" for line in lines))
    connection.close()
    gc.collect()
    line = b""
    while not line.endswith(b"\n"):
        data = os.read(descriptor, 4096)
        if not data:
            raise _Ended
        line += data
    os.close(descriptor)
    words = os.fsdecode(line[:-1]).split(" ", 3)
    if len(words) != 4 or words[0] != "INSTANCE":
        raise _Broken(f"the line {' '.join(words)!r} to a process that waits in an image")
    _, instance, ring, path = words
    os.environ.pop("PILOTLIGHT_SNAPSHOT")
    _take_place(instance, path, ring)
    # What was random once is the same in all processes of an image: each begins anew. os.urandom and `secrets` are the kernel's.
    if "random" in sys.modules:
        sys.modules["random"].seed()
    if "ssl" in sys.modules:
        sys.modules["ssl"].RAND_add(os.urandom(64), 64.0)


def _take_place(instance, path, ring):
    """This process, forked or restored, is another instance than it was started as."""
    os.environ["PILOTLIGHT_INSTANCE"], os.environ["PILOTLIGHT_SOCKET"] = instance, path
    os.environ.pop("PILOTLIGHT_RING", None)
    if ring != "-":
        os.environ["PILOTLIGHT_RING"] = ring
    # The module random sees to itself after a fork; NumPy's global generator does not.
    if "numpy.random" in sys.modules:
        sys.modules["numpy.random"].seed()


class _ForkServer:
    """Forks an instance for each FORK line; says what became of it. One thread, so that a fork copies no lock that somebody holds."""

    def __init__(self, connection):
        import ctypes
        import select
        import signal

        self._connection, self._signal, self._children = connection, signal, {}
        self._pid = os.getpid()
        # Descriptors of rings, in the order of the lines that say "fd".
        self._rings = deque()
        # Loaded before the first fork: a child ends with this process, however that ends, and must not need to load anything for it.
        self._prctl = getattr(ctypes.CDLL(None), "prctl", None)
        # A signal that comes between a look at the children and the poll leaves a byte: none is missed.
        self._wake, self._wake_write = os.pipe()
        os.set_blocking(self._wake, False)
        os.set_blocking(self._wake_write, False)
        signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        self._before = signal.signal(signal.SIGCHLD, lambda *_: None)
        self._poll = select.poll()
        self._poll.register(connection, select.POLLIN)
        self._poll.register(self._wake, select.POLLIN)

    def run(self):
        """Returns in a child. The server itself exits here."""
        self._connection.sendall(b"READY fork/1\n")
        # What is there now stays out of the collector, so that it touches none of the pages that all share.
        gc.collect()
        gc.freeze()
        rest = b""
        while True:
            ready = [file for file, _ in self._poll.poll()]
            if self._wake in ready:
                os.read(self._wake, 4096)
            self._report_ended()
            if self._connection.fileno() not in ready:
                continue
            data = self._receive()
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                if self._obey(os.fsdecode(line).split(" ")):
                    return

    def _receive(self):
        data, sent, _, _ = self._connection.recvmsg(65536, socket.CMSG_SPACE(64 * 4), getattr(socket, "MSG_CMSG_CLOEXEC", 0))
        for _, _, descriptors in sent:
            self._rings.extend(struct.unpack(f"{len(descriptors) // 4}i", descriptors[: len(descriptors) // 4 * 4]))
        if not data:
            raise _Ended
        return data

    def _obey(self, words):
        """True in the child."""
        if len(words) != 4 or words[0] != "FORK" or (words[3] == "fd" and not self._rings):
            raise _Broken(f"the line {' '.join(words)!r} to a fork server")
        ring = self._rings.popleft() if words[3] == "fd" else None
        try:
            return self._fork(words[1], words[2], words[3] if ring is None else f"/proc/self/fd/{ring}")
        finally:
            if ring is not None and os.getpid() == self._pid:
                os.close(ring)

    def _fork(self, instance, path, ring):
        if instance in self._children.values():
            return self._say(f"FAILED {instance} it runs already")
        if threading.active_count() > 1:
            names = ", ".join(thread.name for thread in threading.enumerate() if thread is not threading.main_thread())
            return self._say(f"FAILED {instance} threads run before the fork ({names}): start them in the handler, or leave snapshot: fork out")
        sys.stdout.flush()
        sys.stderr.flush()
        try:
            pid = os.fork()
        except OSError as error:
            return self._say(f"FAILED {instance} cannot fork: {error.strerror}")
        if pid == 0:
            self._become_instance(instance, path, ring)
            return True
        self._children[pid] = instance
        return self._say(f"FORKED {instance} {pid}")

    def _become_instance(self, instance, path, ring):
        self._connection.close()
        if self._prctl is not None:
            self._prctl(1, self._signal.SIGKILL, 0, 0, 0)  # PR_SET_PDEATHSIG
        if os.getppid() != self._pid:
            os._exit(1)
        self._signal.set_wakeup_fd(-1)
        self._signal.signal(self._signal.SIGCHLD, self._before or self._signal.SIG_DFL)
        for descriptor in (self._wake, self._wake_write, *self._rings):
            os.close(descriptor)
        os.environ.pop("PILOTLIGHT_FORK", None)
        _take_place(instance, path, ring)

    def _report_ended(self):
        for pid in list(self._children):
            try:
                ended, status = os.waitpid(pid, os.WNOHANG)
            except ChildProcessError:
                ended, status = pid, 0
            if ended:
                code, killed_by = (0, os.WTERMSIG(status)) if os.WIFSIGNALED(status) else (os.WEXITSTATUS(status), 0)
                self._say(f"EXITED {self._children.pop(pid)} {code} {killed_by}")

    def _say(self, line):
        self._connection.sendall(line.encode() + b"\n")
        return False

    def end_children(self):
        if os.getpid() != self._pid:
            return
        for pid in self._children:
            os.kill(pid, self._signal.SIGKILL)
        for pid in self._children:
            os.waitpid(pid, 0)
