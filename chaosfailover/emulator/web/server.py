"""
The HTTP server: Starlette and uvicorn on one background thread, beside the data plane.
"""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable, Iterable

import uvicorn
from starlette.requests import Request as HttpRequest
from starlette.types import Receive, Scope, Send

from chaosfailover.emulator.clock import real_monotonic
from chaosfailover.emulator.cloud import ClosedError
from chaosfailover.emulator.dataplane import DataPlane
from chaosfailover.emulator.dataplane.sockets import reset_on_close
from chaosfailover.emulator.wire import Reply, Request

__all__ = ["Server"]

Answer = Callable[[Request], Reply]

LONGEST_BODY = 1_000_000
KEEP_ALIVE = 30
"""
Seconds after which an idle connection is closed. The API closes after 25 (API reference 6.1), so
no client loses a connection that it may still use.
"""


class Server:
    """
    A thread that serves the API on a bound socket and runs the data plane on the same loop.
    """

    def __init__(self, answer: Answer, plane: DataPlane, sock: socket.socket) -> None:
        self._plane = plane
        self._socket = sock
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        config = uvicorn.Config(
            Endpoint(answer),
            http="h11",
            ws="none",
            loop="asyncio",
            lifespan="off",
            log_config=None,
            log_level="critical",
            access_log=False,
            server_header=False,
            date_header=False,
            timeout_graceful_shutdown=1,
            timeout_keep_alive=KEEP_ALIVE,
        )
        self._uvicorn = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._run, name="failover-emulator", daemon=True)

    def start(self) -> None:
        """
        Start the thread, and wait until it serves.
        """
        self._thread.start()
        self._ready.wait()
        if self._failure:
            self._thread.join()
            raise self._failure

    def stop(self) -> None:
        """
        End the thread, and wait for it; safe to call twice and from a signal handler.
        """
        self._uvicorn.should_exit = True
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def wake(self) -> None:
        """
        Let the data plane follow the cloud: at once on the loop's thread, soon from other threads.
        """
        if threading.current_thread() is self._thread:
            self._plane.wake()
        else:
            self._soon(self._plane.wake)

    def settle(self) -> None:
        """
        Wait until the data plane has followed; call it without the lock, from any thread.
        """
        done = threading.Event()
        if threading.current_thread() is not self._thread and self._soon(done.set):
            while not done.wait(0.05) and self._thread.is_alive():
                pass

    def _soon(self, action: Callable[[], None]) -> bool:
        if self._loop is None or self._uvicorn.should_exit:
            return False
        with contextlib.suppress(RuntimeError):  # the loop has just been closed
            self._loop.call_soon_threadsafe(action)
            return True
        return False

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=_loop) as runner:
                runner.run(self._serve())
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


def _loop() -> asyncio.AbstractEventLoop:
    """
    Make a loop whose timers run also where a test has frozen time.
    """
    loop = asyncio.new_event_loop()
    loop.time = real_monotonic  # type: ignore[method-assign]
    return loop


class Endpoint:
    """
    The ASGI application; plain, as some replies break the protocol on purpose.
    """

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """
        Answer one request; late, partly or not at all if the reply says so.
        """
        request = HttpRequest(scope, receive)
        body = await _body(request)
        query = scope["query_string"].decode("latin-1")
        headers = _headers(request.headers.items())
        try:
            reply = self._answer(Request(request.method, scope["path"], query, headers, body))
            await asyncio.sleep(reply.delay)
        except (ClosedError, asyncio.CancelledError):  # the emulator is being stopped
            _transport(receive).abort()
            raise
        if reply.ending in ("lost", "reset"):
            await _hang_up(receive, reset=reply.ending == "reset")
            return
        await send(_start(reply))
        cut = reply.ending == "cut"
        rest = reply.body[: len(reply.body) // 2] if cut else reply.body
        await send({"type": "http.response.body", "body": rest, "more_body": cut})


async def _body(request: HttpRequest) -> bytes:
    """
    Read the body; the excess over the limit is dropped, so that its hash cannot match.
    """
    body = b""
    async for chunk in request.stream():
        body += chunk[: LONGEST_BODY - len(body)]
    return body


async def _hang_up(receive: Receive, *, reset: bool) -> None:
    """
    Close or reset the connection without a reply, which ASGI cannot express.
    """
    transport = _transport(receive)
    if reset:
        reset_on_close(transport.get_extra_info("socket"))
        transport.abort()
    else:
        transport.close()
    await receive()


def _transport(receive: Receive) -> asyncio.Transport:
    transport: asyncio.Transport = receive.__self__.transport  # type: ignore[attr-defined]
    return transport


def _start(reply: Reply) -> dict[str, object]:
    encoded = [
        (name.lower().encode(), value.encode("latin-1"))
        for name, value in reply.framed_headers.items()
    ]
    return {"type": "http.response.start", "status": reply.status, "headers": encoded}


def _headers(items: Iterable[tuple[str, str]]) -> dict[str, str]:
    """
    Return headers by lower-case name; repeated headers are sorted and joined, as they are signed.
    """
    headers: dict[str, list[str]] = {}
    for name, value in items:
        headers.setdefault(name.lower(), []).append(value.strip())
    return {name: ",".join(sorted(values)) for name, values in headers.items()}
