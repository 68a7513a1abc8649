"""trio, whose loop uses epoll directly: sockets, processes, deadlines, threads."""

import sys

import trio


async def echo(stream: trio.SocketStream) -> None:
    async for piece in stream:
        await stream.send_all(piece)


async def talk(port: int, number: int, done: list[int]) -> None:
    message = b"%d " % number * 30_000
    stream = await trio.open_tcp_stream("127.0.0.1", port)
    async with stream, trio.open_nursery() as nursery:
        nursery.start_soon(stream.send_all, message)
        read = b""
        while len(read) < len(message):
            read += await stream.receive_some()
    assert read == message
    done.append(number)


async def main() -> None:
    manager = trio.lowlevel.current_statistics().io_statistics
    assert manager.backend == "epoll"
    done: list[int] = []
    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            listeners = await nursery.start(trio.serve_tcp, echo, 0)
            port = listeners[0].socket.getsockname()[1]
            async with trio.open_nursery() as talking:
                for number in range(20):
                    talking.start_soon(talk, port, number, done)
            nursery.cancel_scope.cancel()
        child = await trio.run_process(
            [sys.executable, "-c", "print(input())"], stdin=b"hi\n", capture_stdout=True
        )
        assert child.stdout == b"hi\n"
        assert await trio.to_thread.run_sync(sum, [1, 2]) == 3
    with trio.move_on_after(0.05) as scope:
        await trio.sleep_forever()
    assert scope.cancelled_caught
    assert len(done) == 20


trio.run(main)
