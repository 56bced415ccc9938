"""access.toml: who somebody is by it, and what it lets each person do."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
import streamlit
from hypothesis import given
from hypothesis import strategies as st

from explorer import access
from explorer.errors import UserError
from explorer.policy import ACCESS_FILE, ACCESS_SETTING, ACTIONS, CLOSED, NOBODY, OWNER, Person, Policy, read_policy
from explorer.ui.server import door

from .people import ADA, BOB, CHIEF, finished


def test_without_configuration_everybody_is_the_owner(home: Path) -> None:
    assert access.policy() is None and access.person() == OWNER and access.limits() is None
    assert all(access.may(action) for action in ACTIONS)
    assert access.check_folder("/etc") == Path("/etc")


def test_a_server_that_others_reach_is_for_looking_until_it_is_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    options = {"server.allowedHosts": ["localhost", "127.0.0.1"], "server.address": "127.0.0.1"}
    monkeypatch.setattr(streamlit, "get_option", options.get)
    for changed, open_ in (
        ({}, False),
        ({"server.address": "0.0.0.0"}, True),
        ({"server.address": None}, True),
        ({"server.allowedHosts": ["localhost", "explorer.lab.test"]}, True),
        ({"server.allowedHosts": []}, True),
    ):
        monkeypatch.setattr(streamlit, "get_option", (options | changed).get)
        door.middleware()
        assert (access.policy() is not None) == open_, changed
        assert access.policy() is None or access.policy().person("a@b", None).role == "visitor"


@pytest.mark.parametrize(
    "text",
    ["members = 3", "[members]\nemail = ['a@b']", "everyone = 'manager'", "[may]\nfly = 'visitor'",
     "not toml", "[limits]\nruns = 0", "\xff"],
)  # fmt: skip
def test_a_policy_that_cannot_be_used_lets_nobody_act(home: Path, text: str) -> None:
    file = home / ACCESS_FILE
    file.write_bytes(text.encode("latin-1"))
    with pytest.raises(UserError, match=r"access\.toml"):
        read_policy(file)
    assert access.policy() == CLOSED
    assert access.policy().person("a@b", None) == Person("a@b", "visitor")


def test_a_policy_that_is_not_where_it_was_said_to_be_lets_nobody_act(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ACCESS_SETTING, str(home / "elsewhere.toml"))
    assert access.policy() == CLOSED


def test_a_changed_policy_holds_at_once(home: Path) -> None:
    file = home / ACCESS_FILE
    file.write_text("[members]\nemails = ['ada@lab.test']")
    assert access.policy().person("ada@lab.test", None).role == "member"
    file.write_text("[members]\nemails = ['eda@lab.test']")
    os.utime(file, ns=(1, 1))
    assert access.policy().person("ada@lab.test", None).role == "visitor"


RULES = Policy.model_validate(
    {
        "members": {"emails": ["Ada@Lab.test", "kate@lab.test"], "domains": ["uni.test"]},
        "managers": {"emails": ["chief@lab.test"]},
    }
)


@pytest.mark.parametrize(
    "email, role",
    [("ada@lab.test", "member"), (" ADA@lab.TEST ", "member"), ("x@uni.test", "member"),
     ("chief@lab.test", "manager"), ("x@sub.uni.test", "visitor"), ("x@uni.test.evil", "visitor"),
     ("x@evil@uni.test", "visitor"), ("@uni.test", "visitor"), ("uni.test", "visitor"),
     ("ada@lab.test\n", "member"), ("KATE@lab.test", "member"),
     ("\u212aate@lab.test", "visitor"), ("a da@uni.test", "visitor"), ("", "visitor"), (None, "visitor")],
)  # fmt: skip
def test_who_somebody_is_by_the_address_that_was_vouched_for(email: str | None, role: str) -> None:
    assert RULES.person(email, "10.0.0.7").role == role


@given(st.text(max_size=60))
def test_no_other_address_becomes_a_member(text: str) -> None:
    person = RULES.person(text, None)
    known = text.strip().lower()
    is_listed = known in ("ada@lab.test", "kate@lab.test", "chief@lab.test") or (
        known.endswith("@uni.test") and known.count("@") == 1
    )
    assert person.role == "visitor" or is_listed


def test_in_a_class_without_sign_in_each_machine_is_a_person() -> None:
    rules = Policy(everyone="member")
    assert rules.person(None, "10.0.0.7") != rules.person(None, "10.0.0.8")
    assert rules.person(None, "10.0.0.7") == Person("address 10.0.0.7", "member")


def test_roles_may_what_they_may_and_a_member_changes_what_is_his(as_person: Callable[..., None], home: Path) -> None:
    run = finished("hers", ADA.name).path
    for person, may, may_hers in (
        (NOBODY, False, False),
        (BOB, True, False),
        (ADA, True, True),
        (CHIEF, True, True),
        (OWNER, True, True),
    ):
        as_person(person)
        assert access.may("export")
        for action in ("train", "measure", "upload", "import", "label", "rename", "delete"):
            assert access.may(action) == may, (person, action)
            assert access.may(action, run) == may_hers, (person, action)
        assert access.may("push") == (person.role in ("manager", "owner"))
    as_person(NOBODY, "[may]\nexport = 'member'\nmeasure = 'visitor'")
    assert not access.may("export") and access.may("measure")
    assert access.why_not("export") == "exporting models is for members of this server: sign in first"
