"""Where a file is from: the models with their weights' hashes, the data, the version and the view, kept in the file.

What a file says of itself comes from strangers, too: it is small, has known fields, names only pages of this program,
and a checksum tells whether it is as it was written.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Literal
from urllib.parse import parse_qs, urlencode

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from explorer import __version__
from explorer.checkpoints import Checkpoint, Description, describe
from explorer.errors import UserError
from explorer.naming import MAX_NAME

KEY = "beta-vae-explorer"  # under which each kind of file holds it
FIELDS = 200  # of a query
LONGEST = 32_768  # characters of the text
PAGES = ("explore", "compare", "train", "measure", "insight", "library", "theory")
Page = Literal["explore", "compare", "train", "measure", "insight", "library", "theory"]


class ModelIdentity(BaseModel):
    """A model by its name, and by a hash of its weights and of what builds it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=MAX_NAME + 32)]
    hash: Annotated[str, Field(pattern=r"^[0-9a-f]{8,64}(-[0-9.e+-]{1,24})?$")]


class Origin(BaseModel):
    """What a file says of itself.

    Attributes:
        version: of the program that wrote it.
        page, query: the view that it shows: a page of the program, and the query of its address.
        models: those that it is made of. data: the name of the data set, empty where none is in it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: Annotated[str, Field(max_length=40)]
    page: Page
    query: Annotated[str, Field(max_length=8000)]
    models: tuple[ModelIdentity, ...] = Field((), max_length=16)
    data: Annotated[str, Field(max_length=200)] = ""

    @field_validator("query")
    @classmethod
    def _readable(cls, value: str) -> str:
        parse_qs(value, keep_blank_values=True, max_num_fields=FIELDS)
        return value

    @property
    def params(self) -> dict[str, list[str]]:
        """The query, taken apart."""
        return parse_qs(self.query, keep_blank_values=True, max_num_fields=FIELDS)

    @property
    def link(self) -> str:
        """The view as an address from the root of wherever the app is served."""
        page = "" if self.page == "explore" else self.page
        return f"/{page}?{self.query}" if self.query else f"/{page}"

    def text(self) -> str:
        """One line of ASCII that `read` takes, with a checksum in it."""
        fields = self.model_dump()
        return json.dumps(fields | {"check": _check(fields)}, sort_keys=True)


def origin(
    page: Page, params: Mapping[str, Sequence[str] | str], models: Iterable[Description | Checkpoint], data: str = ""
) -> Origin:
    """The origin of what is made now; `data` is that of the first model if left out."""
    models = list(models)
    if not data and models:
        data = str(models[0].config.data or (models[0].config.training or {}).get("data") or "")
    told = tuple(ModelIdentity(name=of.name, hash=of.hash) for of in models)
    listed = ((key, [own] if isinstance(own, str) else own) for key, own in params.items())
    query = urlencode([(key, value) for key, values in listed for value in values])
    return Origin(version=__version__, page=page, query=query[:8000], models=told, data=data[:200])


def read(text: str) -> Origin:
    """The origin in such a line. Raises UserError where it is not as it was written."""
    try:
        fields: Any = json.loads(text) if len(text) <= LONGEST else None
        check = fields.pop("check")
        found = Origin.model_validate(fields)
    except (ValueError, KeyError, AttributeError, TypeError, RecursionError, ValidationError) as error:
        raise UserError("what the file says of where it is from is damaged, and is not used") from error
    if check != _check(found.model_dump()):
        raise UserError("what the file says of where it is from was changed since it was written, and is not used")
    return found


def missing(found: Origin) -> list[str]:
    """Why the view can't be shown here as it was: a sentence for each model that is another one or not here."""
    said = []
    for model in found.models:
        try:
            here = describe(model.name)
        except UserError:
            said.append(f"there is no model {model.name!r} here")
            continue
        if here.content != model.hash.partition("-")[0]:
            said.append(f"{model.name!r} has other weights here than the file was made with")
    return said


def _check(fields: Mapping[str, Any]) -> str:
    text = json.dumps({name: value for name, value in fields.items() if name != "check"}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
