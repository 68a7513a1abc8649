"""gevent's monkey-patching over `select`: waits that let others run."""

from gevent import monkey

original = __import__("select")
monkey.patch_all()

import http.client  # noqa: E402
import http.server  # noqa: E402
import select  # noqa: E402
import selectors  # noqa: E402
import socket  # noqa: E402
import subprocess  # noqa: E402
import sys  # noqa: E402
import threading  # noqa: E402

import gevent  # noqa: E402

assert select is original
assert select.select is not monkey.get_original("select", "select")
assert monkey.get_original("select", "select")([], [], [], 0) == ([], [], [])
assert not hasattr(select, "epoll")


def waits_let_others_run() -> None:
    """Two greenlets in one thread: the waiting one is woken by the other."""
    left, right = socket.socketpair()
    poll = select.poll()
    poll.register(left, select.POLLIN)
    waits = [
        gevent.spawn(select.select, [left], [], [], 60),
        gevent.spawn(poll.poll, 60_000),
        gevent.spawn(selectors.DefaultSelector().select, 0.01),
    ]
    gevent.sleep(0)
    right.send(b"x")
    gevent.joinall(waits, raise_error=True)
    assert waits[0].value == ([left], [], [])
    assert waits[1].value == [(left.fileno(), select.POLLIN)]


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers with the path."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.path.encode())

    def log_message(self, *arguments: object) -> None:
        pass


def servers_and_clients_share_a_thread() -> None:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever).start()

    def ask(number: int) -> None:
        connection = http.client.HTTPConnection(
            "127.0.0.1", server.server_port, timeout=60
        )
        connection.request("GET", f"/{number}")
        assert connection.getresponse().read() == b"/%d" % number

    gevent.joinall([gevent.spawn(ask, n) for n in range(30)], raise_error=True)
    server.shutdown()
    server.server_close()


def child_processes() -> None:
    code = "import select; print(select.select([], [], [], 0))"
    answer = subprocess.check_output([sys.executable, "-c", code], text=True)
    assert answer == "([], [], [])\n"


waits_let_others_run()
servers_and_clients_share_a_thread()
child_processes()
