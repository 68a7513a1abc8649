"""asyncore, which waits with select(): a server and its clients in one loop."""

import asyncore
import socket
import sys

import descriptors

if "beyond" in sys.argv:
    descriptors.take()

CLIENTS = 10
SIZE = 100_000


class Loud(asyncore.dispatcher_with_send):
    """By itself it prints an error and closes the connection."""

    def handle_error(self) -> None:
        raise


class Echo(Loud):
    """Sends back what it reads."""

    def handle_read(self) -> None:
        self.send(self.recv(4096))


class Server(Loud):
    """Makes an Echo of each connection."""

    def __init__(self, listener: socket.socket) -> None:
        super().__init__(listener)
        self.listen(CLIENTS)

    def handle_accepted(self, connection: socket.socket, address: object) -> None:
        Echo(connection)


class Client(Loud):
    """Sends bytes, and closes when it has them all back."""

    def __init__(self, address: tuple[str, int], byte: bytes) -> None:
        super().__init__()
        self.sent, self.echoed = byte * SIZE, b""
        self.create_socket(socket.AF_INET, socket.SOCK_STREAM)
        self.connect(address)

    def handle_connect(self) -> None:
        self.send(self.sent)

    def handle_read(self) -> None:
        self.echoed += self.recv(4096)
        if len(self.echoed) >= SIZE:
            self.close()


listener = socket.create_server(("127.0.0.1", 0))
server = Server(listener)
address = listener.getsockname()
clients = [Client(address, b"%d" % number) for number in range(CLIENTS)]
while any(client.connected or client.connecting for client in clients):
    asyncore.loop(timeout=60, count=1)
assert all(client.echoed == client.sent for client in clients)
server.close()
asyncore.close_all()
