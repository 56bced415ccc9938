"""What may be uploaded, by whom and how much: each byte counted as it comes, and forgotten with its session."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict, deque
from dataclasses import dataclass, field

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive, Scope
from streamlit import runtime

from explorer import access
from explorer.ui import sign_in as people

PLACE = "/_stcore/upload_file/"
DAY = 24 * 3600.0
FRAME = 10_000  # bytes of the form around a file; and what the smallest counts, so that they are not endlessly many
# Seconds between two looks at the sessions that uploaded, and how long one may be gone: Streamlit takes a tab back
# within two minutes.
LOOK, GONE = 30.0, 150.0


@dataclass
class Upload:
    """Bytes of one upload, with the time at which it began: those it says it has, then those that came."""

    at: float
    size: int


@dataclass
class Listening:
    """The body of an upload as it comes. Raises HTTPException where it is longer or shorter than it says."""

    receive: Receive
    length: int
    taken: Upload
    came: int = field(default=0)

    async def __call__(self) -> Message:
        message = await self.receive()
        if message["type"] == "http.request":
            self.came += len(message.get("body", b""))
            over = self.came > self.length
            if over or (self.came < self.length and not message.get("more_body", False)):
                raise HTTPException(
                    400, f"The upload is {'longer' if over else 'shorter'} than it says.", {"Connection": "close"}
                )
        return message


class Allowance:
    """What each person has uploaded in the last 24 hours, or since the server was started."""

    def __init__(self) -> None:
        self.taken: dict[str, deque[Upload]] = defaultdict(deque)
        self.sessions: dict[str, float | None] = {}  # that have uploaded, and since when they are gone
        self._looking: asyncio.TimerHandle | None = None

    def listen(self, scope: Scope, headers: Headers, receive: Receive) -> Receive:
        """How the body of a request is heard. Raises HTTPException where it may not be made."""
        lengths = headers.getlist("content-length")
        if len(lengths) > 1 or (lengths and "transfer-encoding" in headers):
            raise HTTPException(400, "A request says in one way how long it is.")
        _, found, rest = scope["path"].partition(PLACE)
        if not found or scope["method"] in ("GET", "HEAD", "OPTIONS"):
            return receive
        session = rest.partition("/")[0]
        person, policy = people.of_session(session), access.policy()
        if scope["method"] != "DELETE":
            self._note(session)
        if person.role == "owner" or policy is None:
            return receive
        if not any(access.allows(person, policy, action) for action in ("upload", "import")):
            raise HTTPException(403, "Uploading is for members of this server.")
        if "@" in person.name and people.of_request(headers) != person.name:
            raise HTTPException(403, "This is the session of somebody else.")
        if person.role == "manager" or scope["method"] == "DELETE":
            return receive
        if not lengths:
            raise HTTPException(411, "An upload says how long it is.")
        if not (lengths[0].isascii() and lengths[0].isdecimal() and len(lengths[0]) < 16):
            raise HTTPException(400, "An upload says how long it is, in bytes.")
        length, limits = int(lengths[0]), policy.limits
        size = max(FRAME, length)
        if length > limits.upload_mb * access.MB + FRAME:
            raise HTTPException(403, f"One file may have {limits.upload_mb:,} MB on this server.")
        now, before = time.monotonic(), self.taken[person.name]
        while before and now - before[0].at > DAY:
            before.popleft()
        if sum(each.size for each in before) + size > limits.uploads_mb * access.MB:
            raise HTTPException(403, f"Each person may upload {limits.uploads_mb:,} MB a day on this server.")
        before.append(Upload(now, size))
        return Listening(receive, length, before[-1])

    def ended(self, listening: Receive) -> None:
        """A request has ended: of an upload that broke off only those bytes count that came."""
        if isinstance(listening, Listening):
            listening.taken.size = max(FRAME, listening.came)

    # --- sessions that are gone -------------------------------------------------------------------------

    def _note(self, session: str) -> None:
        if runtime.exists() and runtime.get_instance().is_active_session(session):
            self.sessions[session] = None
            if self._looking is None:
                self._looking = asyncio.get_running_loop().call_later(LOOK, self._look)

    def _look(self) -> None:
        """Free what sessions uploaded that are gone; Streamlit does so only when others come and go."""
        self._looking = None
        if not runtime.exists():
            return
        server, now = runtime.get_instance(), time.monotonic()
        for session, since in list(self.sessions.items()):
            if server.is_active_session(session):
                self.sessions[session] = None
            elif since is None:
                self.sessions[session] = now
            elif now - since > GONE:
                del self.sessions[session]
                server.uploaded_file_mgr.remove_session_files(session)
        if self.sessions:
            self._looking = asyncio.get_running_loop().call_later(LOOK, self._look)
