"""Started with the command of a fork server: hands it two rings by their descriptors with one write, and says what it hears."""

import array
import os
import socket
import struct
import subprocess
import sys
import tempfile

ROOM = 1 << 16
RING = struct.pack("<8sIIIII", b"PLRING1\n", 1, 0, ROOM, 4096, 4096 + ROOM) + bytes(4096 - 28 + 2 * ROOM)


def listening(path):
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    server.listen()
    server.settimeout(20)
    return server


def hear(connection):
    return connection.recv(1000).decode().strip()


with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "fork")
    own, instances = listening(path), listening(path + "-1")
    child = subprocess.Popen(sys.argv[1:], env={**os.environ, "PILOTLIGHT_SOCKET": path, "PILOTLIGHT_FORK": "1"})
    connection, _ = own.accept()
    print(hear(connection), flush=True)
    rings = []
    for _ in range(2):
        rings.append(tempfile.TemporaryFile(dir=folder))
        rings[-1].write(RING)
        rings[-1].flush()
    lines = f"FORK 7 {path}-1 fd\nFORK 8 {path}-1 -\nFORK 9 {path}-1 fd\n".encode()
    connection.sendmsg([lines], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [ring.fileno() for ring in rings]))])
    heard = [instances.accept()[0] for _ in range(3)]
    for line in sorted(hear(instance) for instance in heard):
        print(line, flush=True)
    # Said behind what came before it: by then the rings are with their instances alone.
    connection.sendall(f"FORK 10 {path}-1 -\n".encode())
    heard.append(instances.accept()[0])
    said = ""
    while "FORKED 10" not in said:
        said += hear(connection)
    descriptors = os.listdir(f"/proc/{child.pid}/fd")
    print("rings kept:", sum("deleted" in os.readlink(f"/proc/{child.pid}/fd/{one}") for one in descriptors))
    connection.close()
    print("exit code", child.wait(20))
