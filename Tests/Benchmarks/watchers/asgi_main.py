"""A server of events in Python: see hubs.py.

    asgi_main.py CERTIFICATE KEY MOMENTS BYTES TIMES
"""
import asyncio
import os
import socket
import sys
import time

import uvicorn
import uvloop
from starlette.applications import Starlette
from starlette.responses import StreamingResponse
from starlette.routing import Route

queues = set()


async def messages(queue):
    try:
        while True:
            yield await queue.get()
    finally:
        queues.discard(queue)


async def events(_):
    queue = asyncio.Queue()
    queues.add(queue)
    return StreamingResponse(messages(queue), media_type="text/event-stream")


async def publish(moments, size, path):
    begun, moment = time.monotonic(), time.time_ns() // 1000
    with open(path, "w") as file:
        for number, after in enumerate(map(int, open(moments)), start=1):
            if (left := begun + after / 1e6 - time.monotonic()) > 0:
                await asyncio.sleep(left)
            message = f"data: {number} ".ljust(size - 2, ".") + "\n\n"
            file.write(f"{number} {moment + after}\n")
            for queue in queues:
                queue.put_nowait(message)
            await asyncio.sleep(0)
    print("published", flush=True)


async def main(certificate, key, moments, size, path):
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    configuration = uvicorn.Config(
        Starlette(routes=[Route("/events", events)]), ssl_certfile=certificate, ssl_keyfile=key, log_level="error",
        backlog=1024)
    loop, tasks = asyncio.get_running_loop(), []

    def asked():
        os.read(0, 16)
        loop.remove_reader(0)
        tasks.append(loop.create_task(publish(moments, int(size), path)))

    loop.add_reader(0, asked)
    print(listener.getsockname()[1], flush=True)
    await uvicorn.Server(configuration).serve(sockets=[listener])


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
