"""access.toml: the persons that a server of several knows, their roles, what each role may do, and the limits."""

from __future__ import annotations

import os
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from explorer import paths
from explorer.errors import UserError, in_words

ACCESS_SETTING = "BETA_VAE_ACCESS"  # the file's place where it is not access.toml in the home folder

ACCESS_FILE = "access.toml"

Role = Literal["visitor", "member", "manager"]

ROLES: tuple[Role, ...] = ("visitor", "member", "manager")

# Each action in the words of "... is for members", and the least role that may do it where nothing else is set.
ACTIONS: dict[str, tuple[str, Role]] = {
    "train": ("starting, stopping and resuming runs", "member"),
    "measure": ("computing scores", "member"),
    "upload": ("uploading images", "member"),
    "import": ("importing models", "member"),
    "download": ("downloading data sets", "member"),
    "label": ("naming dimensions", "member"),
    "rename": ("renaming", "member"),
    "delete": ("deleting", "member"),
    "push": ("publishing models", "manager"),
    "export": ("exporting models", "visitor"),
}


@dataclass(frozen=True)
class Person:
    """Who asks: "" or an e-mail address or "address 10.0.0.7", and the role; "owner" is without limits."""

    name: str
    role: Role | Literal["owner"]


_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,190}")

OWNER = Person("", "owner")

NOBODY = Person("", "visitor")


def alike(address: str) -> str:
    """An e-mail address, or what is behind its @, as it is compared. Letters that are not ASCII stay as they are:
    the small one of the Kelvin sign, say, is a plain k, and somebody else's."""
    return re.sub("[A-Z]+", lambda found: found[0].lower(), address.strip())


class People(BaseModel):
    """A list of persons: by e-mail address, or by all that is behind the @."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    emails: frozenset[str] = frozenset()
    domains: frozenset[str] = frozenset()

    @field_validator("emails", "domains")
    @classmethod
    def _alike(cls, values: frozenset[str]) -> frozenset[str]:
        return frozenset(map(alike, values))

    def __contains__(self, email: str) -> bool:
        return email in self.emails or email.rpartition("@")[2] in self.domains


Megabytes = Annotated[int, Field(ge=1, le=10**9)]


class Limits(BaseModel):
    """What one member may have; a manager has no limits."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    upload_mb: Megabytes = 200  # one uploaded file
    uploads_mb: Megabytes = 1000  # all that is uploaded in 24 hours
    disk_mb: Megabytes = 5000  # runs, models, images, the trash, and what is not kept yet
    runs: int = Field(8, ge=1, le=10_000)  # that wait or run at a time
    steps: int = Field(500_000, ge=1)  # of a run
    measurements: int = Field(2, ge=1, le=1000)  # at a time, of all persons together
    look_seconds: int = Field(600, ge=1, le=10**6)  # of a processor, for one look at given images
    array_mb: Megabytes = 500  # of values in one array of a file of images, unpacked


# A site as Content-Security-Policy takes it: "https://lab.example", "https://*.lab.example", "http://localhost:8080".
Site = Annotated[str, Field(pattern=r"^https?://(\*\.)?[a-zA-Z0-9](?:[a-zA-Z0-9.-]{0,250}[a-zA-Z0-9])?(:[0-9]{1,5})?$")]


class Policy(BaseModel):
    """access.toml."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    everyone: Literal["visitor", "member"] = "visitor"  # who is on no list, or has not signed in
    folders: tuple[str, ...] = ()  # whose images may be opened, besides those in data/
    frames: tuple[Site, ...] = ()  # sites whose pages may show the app in a frame; none if left out
    members: People = People()
    managers: People = People()
    limits: Limits = Limits()
    may: dict[str, Role] = Field(default_factory=dict)  # the least role for an action

    @field_validator("may")
    @classmethod
    def _known(cls, may: dict[str, Role]) -> dict[str, Role]:
        if strange := [name for name in may if name not in ACTIONS]:
            raise ValueError(f"{strange[0]!r} is no action; there are {', '.join(ACTIONS)}")
        return may

    def person(self, email: str | None, address: str | None) -> Person:
        """Who somebody is: by the e-mail address of a sign-in, else by the address of the machine."""
        email = alike(email or "")
        if not _EMAIL.fullmatch(email):
            email = ""
        if email in self.managers:
            return Person(email, "manager")
        if email in self.members:
            return Person(email, "member")
        if email or self.everyone == "visitor":
            return Person(email, self.everyone)
        return Person(f"address {address or 'of this machine'}", self.everyone)

    def least(self, action: str) -> Role:
        """The least role that may do `action`."""
        return self.may.get(action, ACTIONS[action][1])


CLOSED = Policy()  # nobody is on a list: all are visitors


def policy_file() -> Path | None:
    """The file that says that this server is for others; None where there is none."""
    said = os.environ.get(ACCESS_SETTING, "").strip()
    if said:
        return paths.absolute(said)
    file = paths.home() / ACCESS_FILE
    return file if file.is_file() else None


def read_policy(file: Path) -> Policy:
    """The policy in a file. Raises UserError where it can't be used; one sentence."""
    try:
        return Policy.model_validate(tomllib.loads(file.read_text(encoding="utf-8")))
    except ValidationError as error:
        raise UserError(f"{file}: {in_words(error)}") from error
    except (OSError, ValueError) as error:  # a TOMLDecodeError is a ValueError
        raise UserError(f"{file} can't be read: {error}") from error
