"""eventlet's monkey-patching, which pops `select` and imports it again."""

import warnings

warnings.simplefilter("ignore")  # it tells everybody not to use it

import eventlet  # noqa: E402
import eventlet.patcher  # noqa: E402

eventlet.monkey_patch()

import http.client  # noqa: E402
import http.server  # noqa: E402
import select  # noqa: E402
import socket  # noqa: E402
import threading  # noqa: E402

original = eventlet.patcher.original("select")
assert original is not select
assert original.__file__ == select.__file__
assert original.epoll().fileno() > 2
assert original.select is not select.select
assert type(eventlet.hubs.get_hub()).__module__.endswith(("epolls", "asyncio"))


def waits_let_others_run() -> None:
    left, right = socket.socketpair()
    waiting = eventlet.spawn(select.select, [left], [], [], 60)
    eventlet.sleep(0)
    right.send(b"x")
    assert waiting.wait() == ([left], [], [])


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
    thread = threading.Thread(target=server.serve_forever)
    thread.start()

    def ask(number: int) -> bytes:
        connection = http.client.HTTPConnection(
            "127.0.0.1", server.server_port, timeout=60
        )
        connection.request("GET", f"/{number}")
        return connection.getresponse().read()

    pool = eventlet.GreenPool()
    answers = list(pool.imap(ask, range(30)))
    assert answers == [b"/%d" % number for number in range(30)]
    server.shutdown()
    thread.join()


waits_let_others_run()
servers_and_clients_share_a_thread()
