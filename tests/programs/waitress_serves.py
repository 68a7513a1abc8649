"""waitress, which waits with select(), answers a hundred requests."""

import http.client
import logging
import os
import sys
import threading
import traceback

import descriptors
import waitress

if "beyond" in sys.argv:
    descriptors.take()


def application(environ, start_response):
    body = environ["wsgi.input"].read()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body[::-1]]


def ask(number: int) -> None:
    body = b"%d " % number * 1000
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    for _ in range(10):
        connection.request("POST", "/", body)
        assert connection.getresponse().read() == body[::-1]
        answered.append(number)
    connection.close()


def serve() -> None:
    try:
        server.run()
    except BaseException:
        traceback.print_exc()
        os._exit(1)


logging.getLogger("waitress.queue").setLevel(logging.ERROR)
answered: list[int] = []
server = waitress.create_server(application, host="127.0.0.1", port=0)
port = server.effective_port
threading.Thread(target=serve, daemon=True).start()
asking = [threading.Thread(target=ask, args=(number,)) for number in range(10)]
for thread in asking:
    thread.start()
for thread in asking:
    thread.join()
assert len(answered) == 100
