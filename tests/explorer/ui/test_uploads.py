"""Uploads at the door: each byte counted as it comes, each person known by the cookie, the gone forgotten."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from streamlit import runtime

from explorer import access
from explorer.policy import ACCESS_FILE, ACCESS_SETTING, Person
from explorer.ui import sign_in as people
from explorer.ui.server import door, uploads
from explorer.ui.sign_in import who
from tests import asynchronous

ADA, EVE = Person("ada@lab.test", "member"), Person("", "visitor")
LIMITS = "[members]\nemails = ['ada@lab.test']\n[limits]\nupload_mb = 1\nuploads_mb = 2\n"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("BETA_VAE_HOME", str(tmp_path))
    monkeypatch.delenv(ACCESS_SETTING, raising=False)
    (tmp_path / ACCESS_FILE).write_text(LIMITS)
    monkeypatch.setattr(people, "_people", {"hers": ADA, "eves": EVE})
    monkeypatch.setattr(people, "of_request", lambda headers: headers.get("cookie", ""))
    yield tmp_path
    access.asked_by(who)


class Server:
    """The door with a place for uploads behind it, which keeps what comes."""

    def __init__(self) -> None:
        self.kept: list[int] = []
        route = Route("/_stcore/upload_file/{session}/{file}", self.take, methods=["PUT", "DELETE"])
        self.door = door.Door(Starlette(routes=[route]))

    async def take(self, request: Request) -> Response:
        self.kept.append(len(await request.body()))
        return Response(status_code=204)

    def ask(
        self,
        *chunks: bytes,
        method: str = "PUT",
        session: str = "hers",
        cut: bool = False,
        headers: dict[str, str] | None = None,
        cookie: str = ADA.name,
    ) -> int:
        """The status of a request with these bytes; 0 where there is none. `cut`: the line breaks then."""
        said = {"content-length": str(sum(map(len, chunks)))} if headers is None else headers
        scope = {
            "type": "http",
            "method": method,
            "path": f"/_stcore/upload_file/{session}/file",
            "query_string": b"",
            "http_version": "1.1",
            "scheme": "http",
            "root_path": "",
            "headers": [
                (name.encode(), value.encode())
                for name, value in [("host", "localhost"), ("cookie", cookie), *pairs(said)]
            ],
        }
        coming = [{"type": "http.request", "body": c, "more_body": True} for c in chunks]
        if cut:
            coming.append({"type": "http.disconnect"})
        elif coming:
            coming[-1]["more_body"] = False
        else:
            coming.append({"type": "http.request", "body": b"", "more_body": False})
        sent: list[MutableMapping[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return coming.pop(0)

        async def send(message: MutableMapping[str, Any]) -> None:
            sent.append(message)

        async def run() -> None:
            await self.door(scope, receive, send)

        asynchronous.run(run())
        return next((m["status"] for m in sent if m["type"] == "http.response.start"), 0)


def pairs(headers: dict[str, str]) -> list[tuple[str, str]]:
    return [(name.rstrip("+"), value) for name, value in headers.items()]


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.mark.parametrize(
    "headers",
    [
        {"content-length": "5", "transfer-encoding": "chunked"},
        {"content-length": "5", "transfer-encoding": "identity"},
        {"content-length": "5", "content-length+": "300000"},
    ],
)
@pytest.mark.parametrize("session", ["hers", "eves", "nobodys"])
def test_a_request_that_says_in_two_ways_how_long_it_is_is_refused(
    server: Server, headers: dict[str, str], session: str
) -> None:
    assert server.ask(b"x" * 300_000, headers=headers, session=session) == 400
    assert server.kept == []


@pytest.mark.parametrize("length", ["", "-5", "+5", "5.0", "5,5", "0x5", "\N{SUPERSCRIPT TWO}", "9" * 30])
def test_a_length_that_is_no_number_is_refused(server: Server, length: str) -> None:
    assert server.ask(b"x", headers={"content-length": length}) in (400, 403)
    assert server.ask(b"x", headers={"transfer-encoding": "chunked"}) == 411
    assert server.kept == []


def test_a_body_that_is_longer_or_shorter_than_it_says_is_refused_while_it_comes(server: Server) -> None:
    assert server.ask(b"x" * 5, b"y" * 300_000, b"z", headers={"content-length": "5"}) == 400
    assert server.ask(b"x" * 5, headers={"content-length": "6"}) == 400
    assert server.kept == []
    assert server.ask(b"x" * 5, b"y") == 204 and server.kept == [6]


def test_bytes_count_as_they_come_and_what_broke_off_counts_as_what_came(server: Server) -> None:
    megabyte = b"x" * 1_000_000
    assert server.ask(megabyte[:600_000], headers={"content-length": "1000000"}, cut=True) != 204
    [taken] = server.door.allowance.taken[ADA.name]
    assert taken.size == 600_000
    assert server.ask(megabyte) == 204
    assert server.ask(megabyte) == 403  # 2.6 MB in a day
    assert server.ask(megabyte[:300_000]) == 204
    assert server.ask(megabyte + b"x" * 20_000) == 403  # one file
    assert server.kept == [1_000_000, 300_000]


def test_very_many_very_small_uploads_are_not_endlessly_many(server: Server) -> None:
    answers = [server.ask(b"x") for _ in range(220)]
    assert answers.count(204) == 200 and set(answers[200:]) == {403}


def test_a_member_removes_an_upload_and_nobody_else_does(server: Server) -> None:
    assert server.ask(method="DELETE", headers={}) == 204
    assert server.ask(method="DELETE", headers={}, cookie="") == 403
    assert server.ask(method="DELETE", headers={}, session="eves", cookie="") == 403
    assert server.door.allowance.taken[ADA.name] == deque()


def test_one_who_knows_a_members_session_does_not_upload_as_the_member(server: Server) -> None:
    assert server.ask(b"x", cookie="") == 403
    assert server.ask(b"x", cookie="bob@lab.test") == 403
    assert server.ask(b"x") == 204
    assert server.kept == [1]


def test_what_a_session_uploaded_goes_some_minutes_after_its_tab_unless_it_comes_back(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    freed: list[str] = []
    active = {"hers"}
    running = SimpleNamespace(
        is_active_session=active.__contains__, uploaded_file_mgr=SimpleNamespace(remove_session_files=freed.append)
    )
    now, later = [0.0], []
    monkeypatch.setattr(runtime, "exists", lambda: True)
    monkeypatch.setattr(runtime, "get_instance", lambda: running)
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    loop = SimpleNamespace(call_later=lambda seconds, look: later.append(look) or look)
    monkeypatch.setattr(asyncio, "get_running_loop", lambda: loop)
    allowance = uploads.Allowance()
    allowance._note("hers")
    allowance._note("nobodys")

    def look(at: float) -> None:
        now[0] = at
        later.pop()()

    look(30)
    active.clear()
    look(60)
    active.add("hers")  # the tab came back
    look(190)
    active.clear()
    look(220)
    look(300)
    assert freed == [] and len(later) == 1
    look(400)
    assert freed == ["hers"] and later == []
