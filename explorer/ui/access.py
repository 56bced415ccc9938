"""Who a session belongs to, by Streamlit's own sign-in, and the line on the page that says so."""

from __future__ import annotations

import streamlit as st
from streamlit import runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

from explorer import access
from explorer.access import Person
from explorer.ui.text import plain

MOST_SESSIONS = 10_000
_people: dict[str, Person] = {}  # by session, those whose page has run last


def who() -> Person:
    """Whose script or callback runs here. Work of the server outside of any session has no rights."""
    if not runtime.exists():
        return access.OWNER  # a shell
    policy = access.policy()
    if policy is None:
        return access.OWNER
    if get_script_run_ctx(suppress_warning=True) is None:
        return access.NOBODY
    return policy.person(_email(), st.context.ip_address)


def _email() -> str | None:
    """The address that the sign-in vouches for; one that its provider calls unverified is none."""
    user = st.user.to_dict()
    if user.get("is_logged_in") is not True or user.get("email_verified") in (False, "false"):
        return None
    email = user.get("email")
    return email if isinstance(email, str) else None


def note() -> None:
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
    return access.OWNER if access.policy() is None else _people.get(session, access.NOBODY)


def line() -> None:
    """Who one is here and what that means, on a server that has others; nothing on one's own machine."""
    note()
    me = who()
    if me.role == "owner":
        return
    with st.container(
        horizontal=True, horizontal_alignment="right", vertical_alignment="center", key="access"
    ):
        st.caption(plain(WORDS[me.role].format(me.name)), width="content")
        if not _can_sign_in():
            return
        if st.user.get("is_logged_in"):
            st.button("Sign out", key="access.out", type="tertiary", on_click=st.logout)
        else:
            st.button("Sign in", key="access.in", type="tertiary", icon=":material/login:",
                      on_click=st.login)  # fmt: skip


WORDS = {
    "visitor": "You look around: training and changing things is for members.",
    "member": "{}: you may train and keep models here.",
    "manager": "{}: you manage this server.",
}


def _can_sign_in() -> bool:
    """Whether secrets.toml names an identity provider, so that st.login has somewhere to go."""
    return "is_logged_in" in st.user.to_dict()


access.asked_by(who)
