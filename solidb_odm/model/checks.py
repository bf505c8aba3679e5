"""What every document class is held to when it is made, besides its indexes."""

from __future__ import annotations

from typing import Any, Literal, cast, get_args, get_origin

from pydantic import AliasChoices, Field, PlainSerializer, SecretBytes, SecretStr, WrapSerializer
from pydantic.fields import FieldInfo

from ..errors import DeclarationError
from . import shapes
from .fields import stored_name
from .keys import KEY_PATTERN, MAXIMUM_KEY_LENGTH

_RESERVED = ("id", "rev")
_KEY_RULES: list[Any] = cast(
    FieldInfo, Field(min_length=1, max_length=MAXIMUM_KEY_LENGTH, pattern=KEY_PATTERN)
).metadata


def check_reserved(cls: Any) -> None:
    """Refuse fields and attributes that would hide the document's own."""
    for name in _RESERVED:
        if name in cls.__pydantic_fields__ or name in cls.__dict__:
            raise DeclarationError(
                f"is kept for the document's own {'address' if name == 'id' else 'revision'}",
                model=cls.__name__,
                field=name,
                hint=f"call the field something else; Field(alias={name!r}) keeps the name in JSON",
            )


def check_key(cls: Any) -> None:
    """Hold the key to be text, and to be stored as ``_key`` where a class declares it anew."""
    info = cls.__pydantic_fields__["key"]
    if not all(isinstance(kind, type) and issubclass(kind, str) for kind in shapes.kinds(info.annotation)):
        raise DeclarationError(
            f"a key is text (str), not {info.annotation!r}",
            model=cls.__name__,
            field="key",
            hint="make it of the value you have, e.g. with default_factory; keep that in a field of its own",
        )
    if stored_name(cls, "key") != "_key":
        info.validation_alias, info.serialization_alias = AliasChoices("_key", "key"), "_key"
        if shapes.strip(info.annotation) is str:
            info.metadata = [*info.metadata, *_KEY_RULES]
        cls.model_rebuild(force=True)
    default = info.default
    if isinstance(default, str) and (not default or "/" in default):
        raise DeclarationError(
            f"{default!r} is not a key",
            model=cls.__name__,
            field="key",
            hint="a key is not empty and has no '/'",
        )


def check_secrets(cls: Any, owner: Any = None, above: tuple[Any, ...] = ()) -> None:
    """Refuse secrets that would be stored as the asterisks Pydantic writes for them."""
    model = owner or cls
    decorated = [
        name
        for decorator in getattr(model, "__pydantic_decorators__").field_serializers.values()  # noqa: B009
        for name in decorator.info.fields
    ]
    for name, info in model.__pydantic_fields__.items():
        written = any(isinstance(note, (PlainSerializer, WrapSerializer)) for note in info.metadata)
        if (
            _holds_secret(info.annotation)
            and not written
            and name not in decorated
            and info.exclude is not True
        ):
            raise DeclarationError(
                "would be stored as asterisks, because that is how Pydantic writes a secret",
                model=cls.__name__,
                field=name if owner is None else f"{model.__name__}.{name}",
                hint="Annotated[SecretStr, PlainSerializer(lambda s: s.get_secret_value(), "
                'when_used="json")] stores the secret itself, Field(exclude=True) nothing',
            )
        for inner in shapes.embedded(info.annotation):
            if inner not in above and inner is not cls and hasattr(inner, "__pydantic_decorators__"):
                check_secrets(cls, inner, (*above, inner))


def _holds_secret(annotation: Any) -> bool:
    return any(
        (isinstance(member, type) and issubclass(member, (SecretStr, SecretBytes)))
        or (
            get_origin(member) is not Literal
            and any(_holds_secret(argument) for argument in get_args(member) if argument is not Ellipsis)
        )
        for member in shapes.alternatives(annotation)
    )
