"""What every request passes before Streamlit sees it: hosts, origins, uploads; and headers on every answer.

Streamlit itself asks for the host on its WebSocket alone, lets any page of localhost connect there, and
takes an upload from any session, whether or not its page shows a place for one.
"""

from __future__ import annotations

from urllib.parse import urlsplit

import streamlit as st
from google.protobuf.message import DecodeError
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import ClientDisconnect
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit.proto.BackMsg_pb2 import BackMsg

from explorer import access, paths, stages
from explorer.datasets import own
from explorer.ui.server.uploads import Allowance

LOOPBACK = {"localhost", "127.0.0.1", "::1", "[::1]"}
HEADERS = {
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


def headers_now() -> dict[str, str]:
    """The headers of every answer. Who frames the app could lead a click to a button in it: only listed sites may."""
    policy = access.policy()
    sites = policy.frames if policy is not None else ()
    ancestors = " ".join(["'self'", *sites])
    own = {"Content-Security-Policy": f"frame-ancestors {ancestors}; base-uri 'self'; object-src 'none'"}
    # The older header knows no lists: where it says less than the newer one, it is left out.
    return HEADERS | own | ({} if sites else {"X-Frame-Options": "SAMEORIGIN"})


def middleware() -> list[Middleware]:
    """The door, for st.App. Whether others reach the server, by itself or by a proxy, is noted on the way."""
    hosts = [host.strip().lower() for host in st.get_option("server.allowedHosts") or ["*"]]
    access.open_to_others(not {st.get_option("server.address"), *hosts} <= LOOPBACK)
    for root in (paths.library(), own.sets_root()):
        stages.sweep_dead(root)  # what a server that was killed had not kept
    return [Middleware(TrustedHostMiddleware, allowed_hosts=hosts, www_redirect=False), Middleware(Door)]


class Door:
    """Refuses pages of other origins and uploads that nobody may make; an ASGI middleware."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.allowance = Allowance()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if not own_origin(headers.get("origin"), headers.get("host", "")):
            refusal = PlainTextResponse("Pages of other origins are not served here.", 403)
            await refusal(scope, receive, send)
            return

        over = False  # a connection: its tab has gone, or was told goodbye

        async def answer(message: Message) -> None:
            nonlocal over
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(headers_now())
            over = over or message["type"] == "websocket.close"
            try:
                await send(message)
            except OSError:
                over = True
                raise

        listen = receive
        if scope["type"] == "http":
            try:
                listen = self.allowance.listen(scope, headers, receive)
            except HTTPException as error:
                await PlainTextResponse(error.detail, error.status_code)(scope, receive, answer)
                return

        async def heard() -> Message:
            message = await listen()
            if message["type"] == "websocket.receive" and access.policy() is not None:
                return _harmless(message)
            return message

        try:
            await self.app(scope, heard, answer)
        except RuntimeError:  # Streamlit listens on, to a tab closed while it was told something
            if not over:
                raise
        except ClientDisconnect:  # in the middle of an upload: nobody waits for an answer
            pass
        finally:
            self.allowance.ended(listen)


def _harmless(message: Message) -> Message:
    """A message of a page, unless it would clear the caches that all sessions share: any page can ask that."""
    sent = BackMsg()
    try:
        sent.ParseFromString(message.get("bytes") or b"")
    except DecodeError:
        return message  # Streamlit ends the connection
    if sent.WhichOneof("type") != "clear_cache":
        return message
    return {"type": "websocket.receive", "bytes": BackMsg(app_heartbeat=True).SerializeToString()}


def own_origin(origin: str | None, host: str) -> bool:
    """Whether a request comes from a page of this server, of an allowed origin, or of none at all."""
    if origin is None or not st.get_option("server.enableCORS"):
        return True
    allowed = [urlsplit(other).netloc for other in st.get_option("server.corsAllowedOrigins") or []]
    return bool(urlsplit(origin).netloc) and urlsplit(origin).netloc.lower() in (
        host.lower(),
        *(other.lower() for other in allowed),
    )
