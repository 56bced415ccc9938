"""A session without a browser: Streamlit's own messages, also such as no page would send."""

from __future__ import annotations

import socket
import ssl
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.Common_pb2 import FileUploaderState
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol

PATIENCE = 300
WHOLE = (ForwardMsg.FINISHED_SUCCESSFULLY, ForwardMsg.FINISHED_WITH_COMPILE_ERROR)


def answer(port: int, request: str) -> str:
    """What the server answers to these very bytes, at most 64 kB of it."""
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as wire:
        wire.sendall(request.encode())
        return wire.recv(65536).decode("utf-8", "replace")


def status(port: int, path: str, method: str = "GET", host: str | None = None, **headers: str) -> int:
    """The status of a raw request with this Host header."""
    named = {"Host": f"localhost:{port}" if host is None else host, "Connection": "close", **headers}
    lines = [f"{method} {path} HTTP/1.1"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in named.items()]
    return int(answer(port, "\r\n".join([*lines, "", ""])).split(" ", 2)[1])


def handshake(port: int, host: str | None = None, **headers: str) -> int:
    """The status of a WebSocket's handshake; 101 where it is let in."""
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec_WebSocket_Version": "13",
        "Sec_WebSocket_Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec_WebSocket_Protocol": "streamlit",
    }
    return status(port, "/_stcore/stream", host=host, **(upgrade | headers))


@dataclass
class Seen:
    """What a run of the page has sent: its words, and its buttons with their ids."""

    words: str = ""
    buttons: dict[str, str] = field(default_factory=dict)
    disabled: set[str] = field(default_factory=set)
    component: tuple[str, str] = ("", "")  # the explorer in the page: its id and what it is given
    files: dict[str, str] = field(default_factory=dict)  # what can be downloaded, and the ids of these
    uploaders: int = 0
    uploader: str = ""  # the id of the last of the page's own
    redirect: str = ""


class Session:
    """A WebSocket to the app, with the cookies of an HTTP client."""

    def __init__(self, client: httpx.Client) -> None:
        base = str(client.base_url).rstrip("/")
        self.client = client
        client.get("/_stcore/health")  # brings the XSRF cookie
        token = client.cookies["_streamlit_xsrf"]
        cookies = "; ".join(f"{c.name}={c.value}" for c in client.cookies.jar)
        context = None
        if base.startswith("https"):
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        headers = {"Cookie": cookies}
        self._connection = connect(
            base.replace("http", "ws", 1) + "/_stcore/stream",
            origin=Origin(base),
            ssl=context,
            subprotocols=[Subprotocol("streamlit"), Subprotocol(token)],
            additional_headers=headers,
            open_timeout=PATIENCE,
            max_size=None,
            proxy=None,
            ping_interval=None,
        )
        self.id = ""

    def __enter__(self) -> Session:
        self.wire = self._connection.__enter__()
        return self

    def __exit__(self, *what: Any) -> None:
        self._connection.__exit__(*what)

    def explore(self, query: str, widgets: Sequence[WidgetState] = ()) -> Seen:
        """Ask for a run of the page Explore, and wait for the explorer alone."""
        return self.run("", query, widgets, until_component=True)

    def ask(self, page: str, query: str = "", widgets: Sequence[WidgetState] = ()) -> None:
        """Ask for a run of a page, with these widgets' states, and don't wait for it."""
        message = BackMsg()
        message.rerun_script.query_string = query
        message.rerun_script.page_name = page
        message.rerun_script.widget_states.widgets.extend(widgets)
        self.wire.send(message.SerializeToString())

    def run(
        self,
        page: str,
        query: str = "",
        widgets: Sequence[WidgetState] = (),
        until_component: bool = False,
        until_button: str = "",
        until_file: str = "",
    ) -> Seen:
        """Ask for a run of a page, with these widgets' states, and wait for its end."""
        self.ask(page, query, widgets)
        seen, begun = Seen(), False
        while True:
            forward = ForwardMsg()
            forward.ParseFromString(self.wire.recv(PATIENCE))
            kind = forward.WhichOneof("type")
            begun |= kind == "new_session"
            if not begun:
                continue  # what is left of the run before
            if kind == "new_session":
                self.id = forward.new_session.initialize.session_id
                seen.words, seen.buttons = "", {}
            elif kind == "auth_redirect":
                seen.redirect = forward.auth_redirect.url
            elif kind == "delta":
                self._note(seen, forward.delta.new_element)
                if (
                    until_component
                    and seen.component[0]
                    or (until_button and until_button in seen.buttons)
                    or (until_file and until_file in seen.files)
                ):
                    return seen
            elif kind == "script_finished" and forward.script_finished in WHOLE:
                return seen

    def ended(self) -> bool:
        """Whether the run that was asked for last has come to its end by now."""
        while True:
            forward = ForwardMsg()
            try:
                forward.ParseFromString(self.wire.recv(0))
            except TimeoutError:
                return False
            if forward.WhichOneof("type") == "script_finished" and forward.script_finished in WHOLE:
                return True

    def film(self, file: str) -> tuple[str, bytes]:
        """Ask for a file that is made when it is asked for: why there is none, or its bytes."""
        message = BackMsg()
        message.backend_operation_request.request_id = uuid.uuid4().hex
        message.backend_operation_request.session_id = self.id
        message.backend_operation_request.deferred_file.file_id = file
        self.wire.send(message.SerializeToString())
        while True:
            forward = ForwardMsg()
            forward.ParseFromString(self.wire.recv(PATIENCE))
            answered = forward.backend_operation_response
            if forward.WhichOneof("type") != "backend_operation_response":
                continue
            if answered.error_msg or not answered.deferred_file.url:
                return answered.error_msg or "no file", b""
            return "", self.client.get(answered.deferred_file.url).content

    def upload(self, content: bytes, name: str) -> str:
        """Put a file where the page's uploader would; its id, "" where the server refuses."""
        file = f"file-{uuid.uuid4()}"
        answered = self.client.put(
            f"/_stcore/upload_file/{self.id}/{file}",
            files={"file": (name, content)},
            headers={"X-Xsrftoken": self.client.cookies["_streamlit_xsrf"]},
        )
        return file if answered.status_code == 204 else ""

    def remove(self, file: str) -> int:
        """Take it away as the page's uploader would; the status."""
        return self.client.delete(
            f"/_stcore/upload_file/{self.id}/{file}", headers={"X-Xsrftoken": self.client.cookies["_streamlit_xsrf"]}
        ).status_code

    @staticmethod
    def _note(seen: Seen, element: Any) -> None:
        kind = element.WhichOneof("type")
        if kind is None:
            return
        value = getattr(element, kind)
        for name in ("body", "label", "message"):
            said = getattr(value, name, "")
            if isinstance(said, str):
                seen.words += f" {said}"
        if kind == "button":
            seen.buttons[value.label] = value.id
            if value.disabled:
                seen.disabled.add(value.label)
        elif kind == "download_button":
            seen.files[value.label] = value.deferred_file_id
        elif kind == "file_uploader":
            seen.uploaders += 1
            if not value.id.endswith("whence.file"):  # that one stands below every page
                seen.uploader = value.id
        elif kind == "bidi_component" and "live" in value.component_name:
            seen.component = (value.id, value.json)


def click(identity: str) -> WidgetState:
    """The message of a click on a button."""
    return WidgetState(id=identity, trigger_value=True)


def given(uploader: str, files: dict[str, str]) -> WidgetState:
    """The message of an uploader that has these files: the ids that they were put under, and their names."""
    state = FileUploaderState()
    for number, (file, name) in enumerate(files.items(), 1):
        info = state.uploaded_file_info.add()
        info.file_id, info.name, info.size = file, name, number
        info.file_urls.file_id = file
    return WidgetState(id=uploader, file_uploader_state_value=state)
