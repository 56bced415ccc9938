"""A server for a lab: who is let in, who may do what, and what forged messages come to."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from streamlit.proto.WidgetStates_pb2 import WidgetState

from explorer.checkpoints import catalogue
from explorer.launch.status import Launch

from .conftest import ACCESS, LAUNCH, Lab
from .driving import Session, answer, click, handshake, status

ROUTES = [
    "/",
    "/train",
    "/_stcore/health",
    "/_stcore/host-config",
    "/_stcore/metrics",
    "/app/static/live.mjs",
    "/static/none.js",
    "/media/none.png",
    "/component/none/x",
    "/_stcore/bidi-components/none/x",
    "/auth/login",
    "/oauth2callback?code=1&state=2",
]
UPLOAD = "/_stcore/upload_file/session/file"
HOSTS = [
    "evil.example",
    "evil.example:{port}",
    "localhost.evil.example",
    "127.0.0.1.nip.example",
    "xlab.test",
    "lab.test@evil.example",
    "127.0.0.1:{port}",
    "[::1",
    "",
]
ORIGINS = [
    "http://evil.example",
    "http://localhost:1",
    "http://localhost.evil.example:{port}",
    "null",
    "",
    "https://lab.test:{port}",
    "file://",
]


def test_other_hosts_get_nothing_by_http_or_websocket(lab: Lab) -> None:
    port = lab.port
    for host in (host.format(port=port) for host in HOSTS):
        refused = {path: status(port, path, host=host) for path in ROUTES}
        assert set(refused.values()) == {400}, (host, refused)
        assert status(port, UPLOAD, "PUT", host=host) == 400
        assert handshake(port, host=host) == 400, host
    for host in (f"localhost:{port}", "lab.test", "LAB.test:443"):
        assert status(port, "/_stcore/health", host=host) == 200
        assert status(port, "/app/static/live.mjs", host=host) == 200
        assert handshake(port, host=host) == 101


def test_pages_of_other_origins_get_nothing_by_http_or_websocket(lab: Lab) -> None:
    port = lab.port
    for origin in (origin.format(port=port) for origin in ORIGINS):
        refused = {path: status(port, path, Origin=origin) for path in ROUTES}
        assert set(refused.values()) == {403}, (origin, refused)
        for method in ("PUT", "DELETE", "OPTIONS"):
            assert status(port, UPLOAD, method, Origin=origin) == 403
        assert handshake(port, Origin=origin) == 403, origin
    assert status(port, "/_stcore/health", Origin=lab.url) == 200
    assert handshake(port, Origin=lab.url) == 101


def test_nobody_can_frame_the_app_or_guess_at_types(lab: Lab) -> None:
    with lab.client() as client:
        for path in ("/", "/_stcore/health", "/app/static/live.mjs"):
            headers = client.get(path).headers
            assert "frame-ancestors 'self'" in headers["content-security-policy"]
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["cross-origin-resource-policy"] == "same-origin"


WAYS_OUT = [
    "/../app.py",
    "/..%2fapp.py",
    "/%2e%2e/app.py",
    "/..%5capp.py",
    "/..%252fapp.py",
    "/....//app.py",
    "/%2fetc/passwd",
    "//etc/passwd",
    "/x%00.js",
    "/..%2f..%2fetc%2fpasswd",
    "/\\\\evil\\share\\x",
]


def test_no_address_leads_out_of_its_folder(lab: Lab) -> None:
    for route in ("/app/static", "/static", "/media", "/component", "/_stcore/bidi-components/x"):
        for way in WAYS_OUT:
            request = f"GET {route}{way} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
            said = answer(lab.port, request)
            assert said.startswith("HTTP/1.1 "), (route, way)
            assert "set_page_config" not in said and "root:" not in said, (route, way)
    assert status(lab.port, "/_stcore/agent/interact", "POST") in (403, 404, 405)


def upload(client: Any, session: Session, size: int) -> int:
    return client.put(
        f"/_stcore/upload_file/{session.id}/file-{time.monotonic_ns()}",
        files={"file": b"x" * size},
        headers={"X-Xsrftoken": client.cookies["_streamlit_xsrf"]},
    ).status_code


def named(element: str, value: str) -> WidgetState:
    """What the explorer in the page sends when a dimension was given a name."""
    data = json.loads(value)
    touch = {name: data[name] for name in ("hash", "locked", "order")}
    touch |= {"seq": 1, "z": [], "names": {"0": "forged"}, "local": True}
    return WidgetState(id=element, json_value=json.dumps({"state": touch}))


def kept(lab: Lab) -> set[str]:
    """All that persons can have made: runs, names, models, images, measurements."""
    made = [lab.home.rglob(f"{part}/**/*") for part in ("runs", "labels", "library", "data", "trash", "jobs")]
    return {str(path) for paths in made for path in paths}


def test_a_visitor_looks_and_changes_nothing_by_page_address_or_forged_message(lab: Lab) -> None:
    shipped = catalogue()[0].name
    before = kept(lab)
    with lab.client() as client, Session(client) as session:
        seen = session.run("", f"model={shipped}&count=10")
        assert "You are a visitor" in seen.words and "Sign in" in seen.buttons
        session.run("", f"model={shipped}&count=10", [named(*seen.component)])
        seen = session.run("train", LAUNCH)
        assert "Launch" not in seen.buttons and "is for members of this server" in seen.words
        with lab.client("chief@lab.test") as other, Session(other) as chief:
            known = chief.run("train", LAUNCH).buttons["Launch"]
        session.run("train", LAUNCH, [click(known)])  # the button of somebody else's page
        seen = session.run("measure", f"model={shipped}")
        [measure] = [label for label in seen.buttons if label.startswith("Measure")]
        assert measure in seen.disabled
        session.run("measure", f"model={shipped}", [click(seen.buttons[measure])])  # pressed all the same
        for place in ("import", "images", "trash"):
            seen = session.run("library", f"show={place}")
            assert seen.uploaders == 0 and not {"Keep", "Fetch it", "Delete"} & set(seen.buttons)
            assert place == "trash" or "is for members of this server" in seen.words
        assert upload(client, session, 10) == 403
    assert kept(lab) == before


def test_the_same_message_of_a_manager_names_the_dimension(lab: Lab) -> None:
    shipped = catalogue()[0].name
    with lab.client("chief@lab.test") as client, Session(client) as session:
        seen = session.run("", f"model={shipped}&count=10")
        session.run("", f"model={shipped}&count=10", [named(*seen.component)])
    kept = json.loads((lab.home / "labels" / f"{shipped}.json").read_text())
    assert kept["names"] == {"0": "forged"}


@pytest.mark.parametrize(
    "email, claims",
    [("eve@lab.test", {}), ("ada@lab.test", {"email_verified": False}), ("ada@lab.test@evil.example", {})],
)
def test_who_is_on_no_list_stays_a_visitor(lab: Lab, email: str, claims: dict[str, Any]) -> None:
    with lab.client(email, **claims) as client, Session(client) as session:
        seen = session.run("train", LAUNCH)
        assert "Sign out" in seen.buttons and "Launch" not in seen.buttons
        assert upload(client, session, 10) == 403


def test_a_member_trains_within_limits_until_taken_off_the_list(lab: Lab) -> None:
    runs = lab.home / "runs"
    with lab.client("ada@lab.test") as client, Session(client) as session:
        long = LAUNCH.replace("steps=3", "steps=501")
        seen = session.run("train", long)
        seen = session.run("train", long, [click(seen.buttons["Launch"])])
        assert "a run may have 500 steps on this server" in seen.words.lower().replace("\\", "")
        hidden = LAUNCH.replace("dsprites", "folder") + "&root=/etc"
        seen = session.run("train", hidden)
        assert "images are opened only from the folders that this server allows" in seen.words.lower()
        seen = session.run("train", hidden, [click(seen.buttons["Launch"])])
        assert not list(runs.glob("*/"))
        seen = session.run("train", LAUNCH)
        seen = session.run("train", LAUNCH, [click(seen.buttons["Launch"])])
        [run] = runs.glob("*/")
        assert Launch.model_validate_json((run / "launch.json").read_text()).owner == "ada@lab.test"
        seen = session.run("train", LAUNCH + "&name=second")
        seen = session.run("train", LAUNCH + "&name=second", [click(seen.buttons["Launch"])])
        assert "1 runs waiting or running" in seen.words
        assert session.run("library", "show=images").uploaders == 2  # the page's own, and that below every page
        assert [upload(client, session, size) for size in (900_000, 900_000, 900_000, 1_100_000)] == [
            204,
            204,
            403,
            403,
        ]

        begin = time.monotonic()
        state = run / "state.json"  # the run's own process makes it
        while not state.is_file() or json.loads(state.read_text())["status"] != "finished":
            assert time.monotonic() - begin < 480
            time.sleep(0.3)
        shown = session.run("train", f"run={run.name}")
        with lab.client("bob@lab.test") as other, Session(other) as stranger:
            seen = stranger.run("train", f"run={run.name}")
            assert "Move to the trash" not in seen.buttons  # a member, but it is not his
        (lab.home / "access.toml").write_text(ACCESS.replace("ada@", "gone@"))
        try:
            seen = session.run("train", f"run={run.name}", [click(shown.buttons["Move to the trash"])])
            assert "deleting is for members of this server" in seen.words.lower()
            assert run.is_dir()
        finally:
            (lab.home / "access.toml").write_text(ACCESS)
        shown = session.run("train", f"run={run.name}")
        session.run("train", f"run={run.name}", [click(shown.buttons["Move to the trash"])])
        assert not run.exists()
