"""What the mapper asks of Pydantic's classes and objects beyond its documentation, in one place.

``tests/unit/model/test_pydantic_internals.py`` says first which of it a new version has moved. The functions
read an attribute in one step, since some are called for every document.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel
from pydantic_core import PydanticSerializationError

if TYPE_CHECKING:
    from pydantic._internal import _model_construction
    from pydantic.fields import ComputedFieldInfo, FieldInfo

    ModelMetaclass = _model_construction.ModelMetaclass
else:
    ModelMetaclass = type(BaseModel)


FIELDS: Final = "__pydantic_fields__"
COMPUTED_FIELDS: Final = "__pydantic_computed_fields__"
ROOT_MODEL: Final = "__pydantic_root_model__"
CONFIG: Final = "__pydantic_config__"
GENERIC: Final = "__pydantic_generic_metadata__"
"""Attributes of models, and the first of Pydantic's dataclasses too."""

FIELDS_SET: Final = "__pydantic_fields_set__"
EXTRA: Final = "__pydantic_extra__"
PRIVATE: Final = "__pydantic_private__"
"""Slots of objects, which are set past ``__setattr__``."""

PARENT_NAMESPACE: Final = "__pydantic_parent_namespace__"
RESETS_NAMESPACE: Final = "__pydantic_reset_parent_namespace__"
"""Where a class finds the names in its annotations, and the option not to look for that."""

class_fields: Final[Callable[[Any], dict[str, FieldInfo]]] = attrgetter(FIELDS)
"""Returns the fields of a model or of one of Pydantic's dataclasses."""

class_computed_fields: Final[Callable[[Any], dict[str, ComputedFieldInfo]]] = attrgetter(COMPUTED_FIELDS)
"""Returns the computed fields of a model."""

class_decorators: Final[Callable[[Any], Any]] = attrgetter("__pydantic_decorators__")
"""Returns the validators and serializers that a model defines by decorators."""

is_built: Final[Callable[[Any], bool]] = attrgetter("__pydantic_complete__")
"""Returns whether all names in a model's annotations were found, and its validator is made."""

generic_parts: Final[Callable[[Any], Any]] = attrgetter(GENERIC)
"""Returns of what generic model a class was made, with which arguments, and its own parameters."""

set_fields_of: Final[Callable[[Any], set[str]]] = attrgetter(FIELDS_SET)
"""Returns the names of the fields that were set of an object."""

put_fields_set: Final[Callable[[Any, set[str]], None]] = BaseModel.__dict__[FIELDS_SET].__set__
"""Puts those names into the slot of an object, where the slot is."""

extra_of: Final[Callable[[Any], dict[str, Any] | None]] = attrgetter(EXTRA)
"""Returns what an object holds beside its fields; None if its class takes no such."""

private_of: Final[Callable[[Any], dict[str, Any] | None]] = attrgetter(PRIVATE)
"""Returns the private attributes of an object."""

_interrupt = re.compile(
    r"Error calling function `[^`\n]*`: (KeyboardInterrupt|SystemExit)(?:: (.*))?$", re.DOTALL
)


def raise_interrupt(error: BaseException) -> None:
    """Raise what interrupted a serializer, if something did: Pydantic makes an error of its own of it.

    A signal comes while any function runs. Of JSON, and of a serializer in another's, only the text is left.
    """
    cause = error.__cause__
    if cause is not None and not isinstance(cause, Exception):
        raise cause
    if not isinstance(error, PydanticSerializationError) or (told := _interrupt.search(str(error))) is None:
        return
    name, text = told.groups()
    if name == "KeyboardInterrupt":
        raise KeyboardInterrupt(*([text] if text else [])) from error
    is_number = re.fullmatch(r"-?\d+", text or "None")
    raise SystemExit(int(text) if is_number else None if text in ("None", "") else text) from error
