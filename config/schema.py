"""The JSON Schema (draft 2020-12) of the whole configuration, for editors: made from the models that check it."""

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

import probes
from config.sections import NAME, Copies, Defaults, FlowSettings, Keep, Place, Site
from config.web_settings import Web
from retabli.alerts.channels import CHANNELS
from retabli.alerts.heartbeat import Heartbeat
from retabli.alerts.routes import Route
from retabli.model.probe import Probe
from retabli.model.settings import Mailbox, Proxy, Resolver, format_duration

DRAFT = "https://json-schema.org/draft/2020-12/schema"
REF = "#/$defs/{model}"
Schema = dict[str, Any]


def schema() -> Schema:
    """What a single file, or all files of a directory together, may hold."""
    kinds = [probes.kind(name) for name in probes.kinds()]
    parts: list[type[BaseModel]] = [
        Site,
        Web,
        Keep,
        Copies,
        Defaults,
        Place,
        Resolver,
        Proxy,
        Mailbox,
        FlowSettings,
        Route,
        Heartbeat,
    ]
    models = [*parts, *CHANNELS.values(), *kinds]
    refs, defined = models_json_schema([(model, "validation") for model in models], ref_template=REF)
    definitions: Schema = {name: tidy(each) for name, each in defined["$defs"].items()}

    def ref(model: type[BaseModel]) -> Schema:
        return dict(refs[(model, "validation")])

    def own(model: type[BaseModel]) -> Schema:
        found: Schema = definitions[ref(model)["$ref"].rpartition("/")[2]]
        return found

    for model in (Proxy, Mailbox):
        del own(model)["properties"]["name"]  # it is the key
    for kind in kinds:
        settle_rhythm(own(kind), kind)
    own(FlowSettings)["properties"]["probes"] = named(one_of(ref(kind) for kind in kinds)) | {"minProperties": 1}
    own(FlowSettings)["required"] = [*own(FlowSettings).get("required", ()), "probes"]
    place = own(Place)["properties"]
    del definitions[ref(Place)["$ref"].rpartition("/")[2]]
    return {
        "$schema": DRAFT,
        "title": "Retabli",
        "type": "object",
        "additionalProperties": False,
        "required": ["site", "flows"],
        "properties": {
            "site": ref(Site),
            **place,
            "web": ref(Web),
            "resolver": ref(Resolver),
            "defaults": ref(Defaults),
            "keep": ref(Keep),
            "copies": ref(Copies),
            "proxies": named(ref(Proxy)),
            "mailboxes": named(ref(Mailbox)),
            "alerts": alerts(one_of(ref(channel) for channel in CHANNELS.values()), ref(Route), ref(Heartbeat)),
            "flows": named(ref(FlowSettings)) | {"minProperties": 1},
        },
        "$defs": definitions,
    }


def alerts(channel: Schema, route: Schema, heartbeat: Schema) -> Schema:
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {"channels": named(channel), "routes": {"type": "array", "items": route}, "heartbeat": heartbeat},
    }


def named(schema: Schema) -> Schema:
    """A mapping whose keys are names of the operator's choosing."""
    return {"type": "object", "propertyNames": {"pattern": NAME}, "additionalProperties": schema}


def one_of(schemas: Any) -> Schema:
    """Told apart by their `kind`, which is a constant in each."""
    return {"type": "object", "required": ["kind"], "oneOf": list(schemas)}


def settle_rhythm(schema: Schema, kind: type[Probe]) -> None:
    if kind.EVERY is not None:
        schema["properties"]["every"]["default"] = kind.EVERY


def tidy(schema: Any) -> Any:
    """A schema without pydantic's generated titles, and with durations as an operator writes them."""
    if isinstance(schema, list):
        return [tidy(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    tidied: Schema = {}
    for key, value in schema.items():
        if key == "title" and isinstance(value, str):
            continue
        if key == "properties":
            tidied[key] = {name: tidy(each) for name, each in value.items()}
        else:
            tidied[key] = value if key in ("default", "examples", "enum", "const") else tidy(value)
    if set(tidied.get("properties", ())) == {"file", "env", "credential"}:
        tidied |= {"minProperties": 1, "maxProperties": 1}
    if isinstance(tidied.get("default"), int | float) and durable(tidied):
        tidied["default"] = format_duration(tidied["default"])
    return tidied


def durable(schema: Schema) -> bool:
    """Whether it is a duration, or may be one."""
    shapes = [schema, *schema.get("anyOf", ())]
    return any(shape.get("type") == "string" and "500ms" in shape.get("examples", ()) for shape in shapes)


def of_kind(kind: type[BaseModel]) -> Schema:
    """One model's schema, for its documentation."""
    made: Schema = tidy(kind.model_json_schema(by_alias=True))
    if issubclass(kind, Probe):
        settle_rhythm(made, kind)
    return made
