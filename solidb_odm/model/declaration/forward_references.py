"""Classes that name others which come later: made complete as soon as those are there.

Pydantic looks for a name where a class is made and where it is used. Two more places are looked at here: the
classes that are made later beside it, in the same module or call of a function, and what the module imports
for type checkers only (``if TYPE_CHECKING: from app.users import User``), since modules that import each
other can't do so otherwise. A class of the same name elsewhere is another class.
"""

from __future__ import annotations

import ast
import inspect
import sys
import weakref
from collections.abc import Iterator
from importlib.util import resolve_name
from itertools import count
from types import FrameType, ModuleType
from typing import Annotated, Any, ForwardRef, Literal, TypeAlias, get_args, get_origin

from pydantic.errors import PydanticUndefinedAnnotation

from ...errors import DeclarationError
from ..stored.pydantic_attributes import is_built

_ORDER = "__solidb_order__"
_order = count()
_known: dict[tuple[str, str], weakref.WeakSet[type[Any]]] = {}
"""The classes by the module and the function or class that they were made in."""
_waiting: weakref.WeakKeyDictionary[type[Any], str] = weakref.WeakKeyDictionary()
"""Classes that are not complete, with the name they miss; empty where it is not known."""


def check_names(model: str, annotations: dict[str, Any], metaclass: FrameType | None) -> None:
    """Refuse a name that means a class of the module, or one it imports for type checkers, and another one
    that a function makes later.

    DeclarationError; the class of the module would be taken.
    """
    frame = metaclass and metaclass.f_back
    if frame is None or frame.f_locals is frame.f_globals:
        return
    code = frame.f_code
    later = {*code.co_varnames, *code.co_cellvars}.difference(frame.f_locals, (model,))
    for field, annotation in annotations.items() if later else ():
        for text in _texts(annotation):
            for other in sorted(later.intersection(_names_in(text))):
                if (said := _said_of(other, frame.f_globals)) is not None:
                    raise DeclarationError(
                        f"names {other!r}, which {said} the module, and one that the function makes later",
                        model=model,
                        field=field,
                        hint=f"make {other} before {model}, or give it another name",
                    )


def _said_of(name: str, module: dict[str, Any]) -> str | None:
    """Return what a name is to a module: a class of it, or of another, for type checkers."""
    if isinstance(module.get(name), type):
        return "is a class of"
    guarded = {imported for imported, _, _ in _guarded_imports(module.get("__name__", ""))}
    return "is imported for type checkers by" if name in guarded and name not in module else None


def _texts(annotation: Any) -> Iterator[str]:
    """Yield the texts in an annotation, whose names are looked up when the class is made."""
    if isinstance(annotation, str):
        yield annotation
    elif isinstance(annotation, ForwardRef):
        yield annotation.__forward_arg__
    elif get_origin(annotation) is not Literal:
        arguments = get_args(annotation)
        for argument in arguments[:1] if get_origin(annotation) is Annotated else arguments:
            yield from _texts(argument)


def _names_in(text: str) -> Iterator[str]:
    """Yield the names that the text of an annotation looks up."""
    try:
        waiting: list[ast.AST] = [ast.parse(text, mode="eval")]
    except SyntaxError:
        return
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from _names_in(node.value)
        elif isinstance(node, ast.Subscript) and "Literal" in ast.dump(node.value):
            continue
        elif isinstance(node, ast.Subscript) and "Annotated" in ast.dump(node.value):
            waiting += node.slice.elts[:1] if isinstance(node.slice, ast.Tuple) else [node.slice]
        else:
            waiting += ast.iter_child_nodes(node)


def note_class(cls: Any, *, waits: bool) -> list[Any]:
    """Note a new class; return the classes that waited for others, and are complete now.

    One that does not wait for another is complete when it is first used.
    """
    type.__setattr__(cls, _ORDER, next(_order))
    _known.setdefault(_place(cls), weakref.WeakSet()).add(cls)
    if waits and not is_built(cls):
        _waiting[cls] = ""
    if not _waiting:  # as in most programs
        return []
    concerned = [
        model for model, name in list(_waiting.items()) if model is cls or _may_miss(model, name, cls)
    ]
    done = [model for model in concerned if is_built(model) or is_completed(model)]
    for model in done:
        _waiting.pop(model, None)
    return sorted(done, key=lambda model: model.__dict__[_ORDER])


def is_completed(cls: Any) -> bool:
    """Make a class complete if that is possible now; whatever is wrong is said when the class is used."""
    try:
        return bool(_rebuild(cls))
    except Exception as error:  # noqa: BLE001  an annotation of another class, in the statement of this one
        if cls in _waiting:
            _waiting[cls] = getattr(error, "name", None) or ""  # of PydanticUndefinedAnnotation
        return False


def complete(cls: Any, depth: int) -> None:
    """Make a class complete; DeclarationError if a name in it is still unknown.

    ``depth`` is the number of frames to the code that uses the class, whose names count too.
    """
    if is_completed(cls):
        return
    try:
        cls.__solidb_rebuild__(_parent_namespace_depth=depth + 2)
    except PydanticUndefinedAnnotation as error:
        raise DeclarationError(
            f"an annotation names {error.name!r}, which is not known",
            model=cls.__name__,
            hint="import the module that declares it before the class is used; "
            "under `if TYPE_CHECKING:` where the modules import each other",
        ) from error
    except (NameError, AttributeError, TypeError) as error:
        raise DeclarationError(f"an annotation can't be evaluated: {error}", model=cls.__name__) from error


def _rebuild(cls: Any) -> bool | None:
    is_complete: bool | None = cls.__solidb_rebuild__(_types_namespace=_names_for(cls))
    return is_complete


def _names_for(cls: Any) -> dict[str, Any]:
    """Return what the annotations of a class may name, besides what Pydantic finds."""
    module = vars(sys.modules[cls.__module__]) if cls.__module__ in sys.modules else {}
    names = {name: value for name, value in _guarded(cls) if name not in module}
    own = cls.__dict__.get(_ORDER, 0)
    beside = [other for other in _known.get(_place(cls), ()) if other.__dict__[_ORDER] > own]
    for other in sorted(beside, key=lambda model: model.__dict__[_ORDER], reverse=True):
        names[other.__name__] = other
    return names


def _may_miss(waiting: Any, name: str, cls: Any) -> bool:
    """Return whether a class may be complete now that another one is there, whose name it may miss."""
    if name and name != cls.__name__ and not hasattr(sys.modules.get(waiting.__module__), name):
        return any(
            (alias, module, attribute) == (name, cls.__module__, cls.__qualname__)
            for alias, module, attribute in _guarded_imports(waiting.__module__)
        )
    if _place(waiting) == _place(cls):
        return True
    target = cls.__module__, cls.__qualname__
    return any((module, attribute) == target for _, module, attribute in _guarded_imports(waiting.__module__))


def _place(cls: Any) -> tuple[str, str]:
    return cls.__module__, cls.__qualname__.rpartition(".")[0]


# --- imports for type checkers --------------------------------------------------------------------

Guarded: TypeAlias = tuple[str, str, str]
"""A name that is imported for type checkers, its module and its name there."""

_read_imports: weakref.WeakKeyDictionary[ModuleType, tuple[Guarded, ...]] = weakref.WeakKeyDictionary()


def _guarded(cls: Any) -> Iterator[tuple[str, Any]]:
    """Yield what a module imports for type checkers only, as far as it is there."""
    for name, module, attribute in _guarded_imports(cls.__module__):
        loaded = sys.modules.get(module)
        value = getattr(loaded, attribute, None)
        if value is None:  # a class that is being made is not in its module yet
            made = [model for model in _known.get((module, ""), ()) if model.__qualname__ == attribute]
            value = max(made, key=lambda model: model.__dict__[_ORDER], default=None)
        if value is not None:
            yield name, value


def _guarded_imports(module: str) -> tuple[Guarded, ...]:
    """Return the names a module imports under ``if TYPE_CHECKING:``."""
    loaded = sys.modules.get(module)
    if loaded is None:
        return ()
    imports = _read_imports.get(loaded)
    if imports is None:
        imports = _read_imports[loaded] = _guarded_in(loaded)
    return imports


def _guarded_in(module: ModuleType) -> tuple[Guarded, ...]:
    try:
        tree = ast.parse(inspect.getsource(module))
    except (OSError, TypeError, SyntaxError):  # no source, as at a prompt
        return ()
    package = module.__package__ or module.__name__.rpartition(".")[0]
    return tuple(
        (
            alias.asname or alias.name,
            resolve_name("." * node.level + (node.module or ""), package),
            alias.name,
        )
        for branch in ast.walk(tree)
        if isinstance(branch, ast.If) and "TYPE_CHECKING" in ast.unparse(branch.test)
        for node in branch.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    )
