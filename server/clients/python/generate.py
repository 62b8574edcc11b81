"""Writes resellerd/api.py from an OpenAPI document: python3 generate.py < openapi.json

Every schema becomes a TypedDict: answers are plain dicts, in which a column that the
user may not see is missing.
"""

import json
import sys

SIMPLE = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}


def named(ref):
    return '"' + ref.rsplit("/", 1)[-1] + '"'


def hint(schema):
    """The annotation of a schema."""
    if "$ref" in schema:
        return named(schema["$ref"])
    if "enum" in schema:
        return "Literal[" + ", ".join(repr(v) for v in schema["enum"]) + "]"
    if "anyOf" in schema:
        return union(hint(s) for s in schema["anyOf"])
    kinds = schema.get("type", [])
    return union(of_kind(schema, k) for k in ([kinds] if isinstance(kinds, str) else kinds)) if kinds else "Any"


def of_kind(schema, kind):
    if kind == "array":
        return f"list[{hint(schema.get('items', {}))}]"
    if kind == "object":
        values = schema.get("additionalProperties")
        return f"dict[str, {hint(values) if isinstance(values, dict) else 'Any'}]"
    return SIMPLE[kind]


def union(hints):
    unique = list(dict.fromkeys(hints))
    return unique[0] if len(unique) == 1 else f"Union[{', '.join(unique)}]"


def typed_dict(name, schema):
    required = schema.get("required", [])
    lines = [f'{name} = TypedDict("{name}", {{']
    for field, value in sorted(schema.get("properties", {}).items()):
        text = hint(value)
        lines.append(f'    "{field}": {f"Required[{text}]" if field in required else text},')
    return lines + ["}, total=False)", ""]


def main():
    schemas = json.load(sys.stdin)["components"]["schemas"]
    lines = [
        '"""The shapes of requests and answers. Written by generate.py: do not edit."""',
        "",
        "from typing import Any, Literal, Required, TypedDict, Union",
        "",
    ]
    for name, schema in sorted(schemas.items()):
        if "properties" in schema:
            lines += typed_dict(name, schema)
        else:
            lines += [f"{name} = {hint(schema)}", ""]
    print("\n".join(lines).rstrip())


main()
