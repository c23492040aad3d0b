"""
The HTTP face of the emulator: Starlette in front of the cloud, uvicorn on one background thread.
"""

import asyncio
import contextlib
import socket
import threading

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import Route

from chaosfailover.emulator.api import answer
from chaosfailover.emulator.cloud import Cloud
from chaosfailover.emulator.dataplane import DataPlane
from chaosfailover.emulator.messages import Request

__all__ = ["Server"]


class Server:
    """
    A thread that serves the API on a bound socket and runs the data plane on the same loop.
    """

    def __init__(self, cloud: Cloud, plane: DataPlane, sock: socket.socket) -> None:
        self._cloud = cloud
        self._plane = plane
        self._socket = sock
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        config = uvicorn.Config(
            application(cloud),
            http="h11",
            ws="none",
            loop="asyncio",
            lifespan="off",
            log_config=None,
            log_level="critical",
            access_log=False,
            timeout_graceful_shutdown=1,
        )
        self._uvicorn = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._run, name="failover-emulator", daemon=True)

    def start(self) -> None:
        """
        Start the thread and wait until it serves.
        """
        self._thread.start()
        self._ready.wait()
        if self._failure:
            self._thread.join()
            raise self._failure

    def stop(self) -> None:
        """
        End the thread and wait for its end; safe to call twice and from a signal handler.
        """
        self._uvicorn.should_exit = True
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def wake(self) -> None:
        """
        Let the data plane follow the cloud; from any thread.
        """
        if self._loop and not self._uvicorn.should_exit:
            with contextlib.suppress(RuntimeError):  # the loop has just been closed
                self._loop.call_soon_threadsafe(self._plane.wake)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as exc:  # noqa: BLE001 - handed to the thread that waits in start()
            self._failure = exc
        finally:
            self._socket.close()
            self._plane.close()
            self._ready.set()

    async def _serve(self) -> None:
        await self._plane.start()
        try:
            self._loop = asyncio.get_running_loop()
            self._socket.listen(2048)
            self._ready.set()
            await self._uvicorn.serve(sockets=[self._socket])
        finally:
            await self._plane.stop()


def application(cloud: Cloud) -> Starlette:
    """
    Build the ASGI application of a cloud.
    """

    async def endpoint(request: HttpRequest) -> Response:
        reply = answer(cloud, await _read(request))
        return Response(reply.body, reply.status, dict(reply.headers))

    return Starlette(routes=[Route("/{path:path}", endpoint, methods=METHODS)])


METHODS = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"]


async def _read(request: HttpRequest) -> Request:
    headers = {name.lower(): value for name, value in request.headers.items()}
    query = request.scope["query_string"].decode("latin-1")
    return Request(request.method, request.url.path, query, headers, await request.body())
