"""An SSH server and client of paramiko; the client waits with select()."""

import select
import socket
import sys
import threading

import descriptors
import paramiko

if "beyond" in sys.argv:
    descriptors.take()


class Server(paramiko.ServerInterface):
    """Lets everybody in, and runs everything by echoing it."""

    def check_auth_password(self, username: str, password: str) -> int:
        return paramiko.AUTH_SUCCESSFUL

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return paramiko.OPEN_SUCCEEDED

    def check_channel_exec_request(
        self, channel: paramiko.Channel, command: bytes
    ) -> bool:
        threading.Thread(target=answer, args=(channel, command)).start()
        return True


def answer(channel: paramiko.Channel, command: bytes) -> None:
    assert channel.recv(2) == b"go"
    for _ in range(20):
        channel.sendall(command)
    channel.send_exit_status(3)
    channel.close()


def serve(connection: socket.socket) -> None:
    transport = paramiko.Transport(connection)
    transport.add_server_key(paramiko.RSAKey.generate(2048))
    transport.start_server(server=Server())


def read_all(channel: paramiko.Channel) -> bytes:
    """As interactive clients do: select() on the channel, then read."""
    read = b""
    while True:
        ready, _, _ = select.select([channel], [], [], 60)
        assert ready == [channel], "nothing came"
        piece = channel.recv(1000)
        if not piece:
            return read
        read += piece


ours, theirs = socket.socketpair()
threading.Thread(target=serve, args=(theirs,)).start()
client = paramiko.Transport(ours)
client.connect(username="somebody", password="anything")
channel = client.open_session()
channel.exec_command("some words ")
channel.sendall(b"go")
assert read_all(channel) == b"some words " * 20
assert channel.recv_exit_status() == 3
client.close()
