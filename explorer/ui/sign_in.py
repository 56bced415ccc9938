"""Who a session belongs to, by Streamlit's own sign-in, and the line on the page that says so."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping

import streamlit as st
from starlette.datastructures import Headers
from starlette.requests import Request
from streamlit import runtime
from streamlit.errors import StreamlitAPIException
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.web.server.starlette import starlette_websocket
from streamlit.web.server.starlette.starlette_server_config import USER_COOKIE_NAME

from explorer import access
from explorer.policy import NOBODY, OWNER, Person, alike
from explorer.ui.text import plain

MOST_SESSIONS = 10_000
FAILED = "access.failed"
_log = logging.getLogger(__name__)
_people: dict[str, Person] = {}  # by session, those whose page has run last


def who() -> Person:
    """Whose script or callback runs here. Work of the server outside of any session has no rights."""
    if not runtime.exists():
        return OWNER  # a shell
    policy = access.policy()
    if policy is None:
        return OWNER
    if get_script_run_ctx(suppress_warning=True) is None:
        return NOBODY
    return policy.person(_email(), st.context.ip_address)


def _email() -> str | None:
    """The address that the sign-in vouches for; one that its provider calls unverified is none."""
    user = st.user.to_dict()
    if user.get("is_logged_in") is not True or user.get("email_verified") in (False, "false"):
        return None
    email = user.get("email")
    return email if isinstance(email, str) else None


def note_session() -> None:
    """Note whose session this is, for the requests that come beside its script: uploads."""
    context = get_script_run_ctx(suppress_warning=True)
    if context is None:
        return
    _people.pop(context.session_id, None)
    _people[context.session_id] = who()
    while len(_people) > MOST_SESSIONS:
        _people.pop(next(iter(_people)), None)


def of_session(session: str) -> Person:
    """Whose session that is, as noted when its page ran last."""
    return OWNER if access.policy() is None else _people.get(session, NOBODY)


def of_request(headers: Headers) -> str:
    """The address that a request's own cookie, or a header that is trusted, vouches for; "" without any."""
    known: dict[str, object] = {}
    cookies = Request({"type": "http", "headers": headers.raw}).cookies
    try:
        signed = starlette_websocket._get_signed_cookie_with_chunks(cookies, USER_COOKIE_NAME)
        found = json.loads(signed) if signed else {}
    except ValueError:
        found = {}
    if isinstance(found, dict) and found.get("is_logged_in") is True:
        known = found
    known |= starlette_websocket.gather_user_info(headers)
    return alike(str(known.get("email") or ""))


def upload_mb() -> int:
    """MB that a file dropped on a page may have: what the server takes, or the less that the person may."""
    most = int(st.get_option("server.maxUploadSize"))
    limit = access.upload_limit()
    return most if limit is None else max(1, min(most, limit // access.MB))


def identity_line() -> None:
    """Who one is here and what that means, on a server that has others; nothing on one's own machine."""
    note_session()
    me = who()
    if me.role == "owner":
        return
    with st.container(horizontal=True, horizontal_alignment="right", vertical_alignment="center", key="access"):
        st.caption(plain(WORDS[me.role].format(me.name)), width="content")
        if st.user.to_dict().get("is_logged_in"):
            st.button("Sign out", key="access.out", type="tertiary", on_click=st.logout)
        else:
            for name in _providers():
                st.button(
                    f"Sign in with {plain(name)}" if name else "Sign in",
                    key=f"access.in.{name}",
                    type="tertiary",
                    icon=":material/login:",
                    on_click=_sign_in,
                    args=(name,),
                )
    if st.session_state.pop(FAILED, False):
        st.error("Signing in is not set up rightly on this server: its log says what is missing.")


WORDS = {
    "visitor": "You are a visitor: look around.",
    "member": "{}: you may train and keep models here.",
    "manager": "{}: you manage this server.",
}


def _providers() -> list[str]:
    """The identity providers that secrets.toml has; "" is the one without a name."""
    if "is_logged_in" not in st.user.to_dict():
        return []
    auth = st.secrets.get("auth", {}) if st.secrets.load_if_toml_exists() else {}
    named = [name for name in auth if isinstance(auth[name], Mapping) and "client_id" in auth[name]]
    return [*([""] if "client_id" in auth else []), *named]


def _sign_in(provider: str) -> None:
    try:
        st.login(provider or None)
    except StreamlitAPIException:
        _log.exception("the sign-in by %s can't begin", provider or "the provider in [auth]")
        st.session_state[FAILED] = True


access.asked_by(who)
