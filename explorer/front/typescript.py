"""TypeScript of pydantic models: an interface for each, by way of their JSON schemas."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel

PLAIN = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean", "null": "null"}


def typescript(models: Mapping[str, type[BaseModel]], mode: Literal["serialization", "validation"]) -> dict[str, str]:
    """Interfaces by their names: of the models under the names given, and of all that they hold.

    Args:
        mode: "serialization" of what Python sends, where no field is missing; "validation" of what it takes,
            where one with a default may be.

    Raises:
        ValueError: a model holds what has no counterpart here.
    """
    found: dict[str, str] = {}
    for name, model in models.items():
        schema = model.model_json_schema(mode=mode, ref_template="{model}")
        for part, own in {**schema.get("$defs", {}), name: schema}.items():
            found[part] = _interface(part, own)
    return found


def _interface(name: str, schema: dict[str, Any]) -> str:
    required = schema.get("required", [])
    lines = [
        f"  {field}{'' if field in required else '?'}: {_type(own)};" for field, own in schema["properties"].items()
    ]
    return "\n".join([f"export interface {name} {{", *lines, "}"])


def _type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"])
    if "anyOf" in schema:
        return " | ".join(dict.fromkeys(_type(one) for one in schema["anyOf"]))
    if "enum" in schema:
        return " | ".join(json.dumps(one) for one in schema["enum"])
    match schema.get("type"):
        case "array" if "prefixItems" in schema:
            return f"[{', '.join(_type(one) for one in schema['prefixItems'])}]"
        case "array":
            inner = _type(schema["items"])
            return f"({inner})[]" if {"anyOf", "enum"} & schema["items"].keys() else f"{inner}[]"
        case "object" if "properties" not in schema:
            # Keys that are integers in Python are text in JSON, and fit a pattern that has no type.
            values = [schema.get("additionalProperties"), *schema.get("patternProperties", {}).values()]
            return f"Record<string, {_type(next(one for one in values if one))}>"
        case str(plain) if plain in PLAIN:
            return PLAIN[plain]
    raise ValueError(f"no TypeScript for {schema}")
