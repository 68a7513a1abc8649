"""uvicorn on asyncio serves requests from threads that keep their connections."""

import asyncio
import http.client
import select
import threading
from typing import Any

import uvicorn


async def application(scope, receive, send) -> None:
    assert scope["type"] == "http"
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message["body"], message["more_body"]
    await asyncio.sleep(0.001)
    headers = [(b"content-length", b"%d" % len(body))]
    start = {"type": "http.response.start", "status": 200, "headers": headers}
    await send(start)
    await send({"type": "http.response.body", "body": body[::-1]})


def ask(port: int, number: int, answered: list[int]) -> None:
    body = b"%d " % number * 20_000
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    for _ in range(20):
        connection.request("POST", "/", body)
        assert connection.getresponse().read() == body[::-1]
        answered.append(number)
    connection.close()


async def main() -> None:
    loop: Any = asyncio.get_running_loop()
    assert type(loop._selector._selector) is select.epoll
    config = uvicorn.Config(
        application, port=0, lifespan="off", log_level="warning", http="h11"
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    answered: list[int] = []
    asking = [asyncio.to_thread(ask, port, n, answered) for n in range(10)]
    await asyncio.gather(*asking)
    server.should_exit = True
    await serving
    assert len(answered) == 200
    assert threading.active_count() <= 1 + 32


asyncio.run(main())
