"""Our own ext_proc messages are Envoy's: same numbers, same wire types, and generated from protos/."""

import dataclasses
import subprocess
from pathlib import Path
from typing import Any

import envoy_data_plane.envoy.config.core.v3 as core
import envoy_data_plane.envoy.extensions.filters.http.ext_proc.v3 as filters
import envoy_data_plane.envoy.service.ext_proc.v3 as service
import envoy_data_plane.envoy.type.v3 as type_v3
import pytest
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor

from plano_extproc._pb import ext_proc_pb2

ROOT = Path(__file__).parent.parent

ENVOYS = {
    "HeaderValue": core,
    "HeaderMap": core,
    "HeaderValueOption": core,
    "HttpStatus": type_v3,
    "Metadata": core,
    "ProcessingMode": filters,
}

# Differences on purpose that are the same on the wire: text that a client controls is bytes, a status is any number.
THEIRS_IS = {("HeaderValue", "value"): "string", ("HttpStatus", "code"): "enum"}

TYPES = {
    FieldDescriptor.TYPE_STRING: "string",
    FieldDescriptor.TYPE_BYTES: "bytes",
    FieldDescriptor.TYPE_BOOL: "bool",
    FieldDescriptor.TYPE_INT32: "int32",
    FieldDescriptor.TYPE_MESSAGE: "message",
    FieldDescriptor.TYPE_ENUM: "enum",
}


def envoys(name: str) -> Any:
    return getattr(ENVOYS.get(name, service), name)


def messages() -> list[Descriptor]:
    return list(ext_proc_pb2.DESCRIPTOR.message_types_by_name.values())


def enums() -> list[tuple[str, EnumDescriptor]]:
    return [(m.name, e) for m in messages() for e in m.enum_types]


@pytest.mark.parametrize("message", messages(), ids=lambda m: m.name)
def test_every_field_has_envoys_number_and_type(message: Descriptor) -> None:
    theirs = {f.name.rstrip("_"): f.metadata["betterproto"] for f in dataclasses.fields(envoys(message.name))}

    for field in message.fields:
        their = theirs[field.name]
        ours = THEIRS_IS.get((message.name, field.name), TYPES[field.type])
        is_map = field.message_type is not None and field.message_type.GetOptions().map_entry
        ours, is_repeated = ("map", False) if is_map else (ours, field.is_repeated)
        assert (field.number, ours, is_repeated) == (their.number, their.proto_type, their.repeated), field.name
        assert (field.containing_oneof.name if field.containing_oneof else None) == their.group, field.name


@pytest.mark.parametrize(("owner", "enum"), enums(), ids=lambda x: getattr(x, "name", x))
def test_every_enum_value_is_envoys(owner: str, enum: EnumDescriptor) -> None:
    theirs = getattr(ENVOYS.get(owner, service), f"{owner}{enum.name}")

    numbers = {int(value) for value in theirs}
    assert {value.number for value in enum.values} <= numbers
    names = {value.name: int(value) for value in theirs}
    assert {v.name: v.number for v in enum.values}.items() <= names.items()


def test_generated_modules_are_current(tmp_path: Path) -> None:
    subprocess.run([ROOT / "scripts" / "protos", tmp_path], check=True)

    for made in tmp_path.glob("*_pb2.py*"):
        assert made.read_text() == (ROOT / "plano_extproc" / "_pb" / made.name).read_text(), (
            f"{made.name} is stale; run scripts/protos"
        )
