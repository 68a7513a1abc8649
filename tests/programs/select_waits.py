"""select() itself, on a pair of sockets: nothing, writable, readable, the end."""

import select
import socket
import sys

import descriptors

if "beyond" in sys.argv:
    descriptors.take()

left, right = socket.socketpair()
assert select.select([left], [], [], 0.01) == ([], [], [])
assert select.select([left], [left, right], [left], 60) == ([], [left, right], [])
right.send(b"x")
assert select.select([left.fileno()], [], [], 60) == ([left.fileno()], [], [])
assert left.recv(10) == b"x"
right.close()
assert select.select([left], [], [], 60) == ([left], [], [])
assert left.recv(10) == b""
