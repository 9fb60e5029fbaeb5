"""A message of every type with a value that is no default in every field."""

from typing import Any

import msgspec
from msgspec import inspect as shapes

from polybot.domain.fill import Fill
from polybot.domain.market import Market
from polybot.domain.order import Order
from polybot.messages.codec import COMMAND_TYPES, EVENT_TYPES, decode_body, encode_body
from tests.story import fill_at, market_at, order_at

MESSAGE_TYPES = EVENT_TYPES | COMMAND_TYPES
# Past 2^53 a JSON number that went through a float would no longer be the same.
BIG = 1_800_000_000_000_000_001

# Domain values have rules of their own, so they are not made up field by field.
_DOMAIN_VALUES: dict[type, Any] = {Market: market_at(), Order: order_at(), Fill: fill_at()}


def sample(message_type: type[msgspec.Struct]) -> Any:
    """Make a message with something in every field."""
    fields = {field.name: _value(field) for field in shape_of(message_type).fields}
    return message_type(**fields)


def shape_of(message_type: type[msgspec.Struct]) -> shapes.StructType:
    """Return the fields of a message type."""
    shape = shapes.type_info(message_type)
    assert isinstance(shape, shapes.StructType)
    return shape


def required_fields() -> list[tuple[str, str]]:
    """List each message type with each field it cannot be without."""
    return [
        (name, field.name)
        for name, message_type in MESSAGE_TYPES.items()
        for field in shape_of(message_type).fields
        if field.required
    ]


def travelled(message: msgspec.Struct) -> Any:
    """Return what the other side reads."""
    return decode_body(type(message).__name__, encode_body(message))


def _value(field: shapes.Field) -> Any:
    return _of(field.type, field.name)


def _of(shape: shapes.Type, name: str) -> Any:  # noqa: PLR0911
    match shape:
        case shapes.BoolType():
            return True
        case shapes.IntType():
            return BIG
        case shapes.FloatType():
            return 0.375
        case shapes.StrType():
            return f'{name} "ü" \n'
        case shapes.EnumType():
            return list(shape.cls)[-1]
        case shapes.VarTupleType():
            return (_of(shape.item_type, name), _of(shape.item_type, name))
        case shapes.DictType():
            return {"key": _of(shape.value_type, name)}
        case shapes.UnionType():
            return _of(shape.types[0], name)
        case shapes.StructType():
            return _DOMAIN_VALUES.get(shape.cls) or sample(shape.cls)
    raise AssertionError(f"no sample for {shape}")
