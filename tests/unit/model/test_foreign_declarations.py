"""Lines that users of other mappers write in a class: each works, or is refused and names the way."""

from __future__ import annotations

import sys
import textwrap
from types import ModuleType
from typing import Any

import pytest

from solidb_odm import Document, Registry
from solidb_odm.errors import DeclarationError

HEAD = """
from datetime import datetime
from typing import Annotated, Any, Callable, ClassVar
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PrivateAttr, computed_field
from pydantic import model_validator
from solidb_odm import Document, Index, Neighbours, Registry, outgoing

class Indexed:
    def __init__(self, **options):
        pass

async def wait(value=None):
    return value

"""
FUTURE = "from __future__ import annotations\n"


def declared(body: str, head: str = "") -> Any:
    """Return a class with these lines in it."""
    module = ModuleType("foreign_declarations")
    vars(module)["registry"] = Registry()
    statement = "class Doc(Document, collection='foreign', registry=registry):"
    text = f"{head}{HEAD}{statement}\n{textwrap.indent(body, '    ')}\n"
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, module.__name__, module)  # where names in annotations are looked up
        exec(compile(text, module.__name__, "exec"), vars(module))
    return vars(module)["Doc"]


REFUSED: list[tuple[str, str]] = [
    # SQLAlchemy and SQLModel
    ("__tablename__ = 'users'", "collection='users'"),
    ("__table_args__ = {'schema': 'x'}", "indexes = "),
    ("__abstract__ = True", "abstract=True"),
    ("__table__ = object()", "collection='users'"),
    ("__allow_unmapped__ = True", "nothing instead"),
    ("__bind_key__ = 'x'", "create_engine"),
    ("a: int = Field(0, index=True)", r"Doc\.a: Field\(index=.*Index\("),
    ("a: int = Field(0, primary_key=True)", "key: str"),
    ("a: int = Field(0, foreign_key='others.id')", r"Link\[Other\]"),
    ("a: int = Field(0, sa_column=object())", "Index"),
    ("a: str = Field('', server_default='x')", "default="),
    ("a: str = Field('', onupdate=str)", "Timestamped"),
    ("posts: Any = Field(None, back_populates='x')", "back_reference"),
    ("a: str = Field('', max_len=3)", "max_length="),
    ("a: str = Field('', json_schema_extra={'unique': True})", "Index"),
    # Beanie and ODMantic
    ("_id: str = 'x'", "key: str"),
    ("_key: str = 'x'", "key: str"),
    ("_rev: str = ''", r"Doc\.rev"),
    ("_id: str = PrivateAttr(default='x')", "key: str"),
    ("_from: str", r"Edge\[From, To\]"),
    ("_collection = 'users'", "collection='users'"),
    ("_collection: ClassVar[str] = 'users'", "collection='users'"),
    ("_collection_name: str = 'users'", "collection='users'"),
    ("collection_name: ClassVar[str] = 'users'", "collection='users'"),
    ("indexes: ClassVar[list[Any]] = ['a']", "indexes = "),
    ("indexes: ClassVar[list[Any]] = [{'fields': ['a'], 'unique': True}]", "indexes = "),
    ("_indexes: list[Any] = [Index('a')]", "indexes = "),
    ("meta: ClassVar[dict[str, Any]] = {'collection': 'x'}", "indexes = "),
    ("meta: dict[str, Any] = {'indexes': [Index('a')]}", "indexes = "),
    ("unique_together: ClassVar[tuple[str, ...]] = ('a', 'b')", "indexes = "),
    ("timestamps = True", "Timestamped"),
    ("timestamps: ClassVar[bool] = True", "Timestamped"),
    ("__soft_delete__ = True", "SoftDelete"),
    ("soft_deletes: ClassVar[bool] = True", "SoftDelete"),
    ("ordering: ClassVar[list[str]] = ['a']", "order_by"),
    ("database: ClassVar[str] = 'x'", "create_engine"),
    ("primary_key: ClassVar[str] = 'a'", "key: str"),
    ("idx: ClassVar[Index] = Index('key')", "indexes = "),
    ("a: ClassVar[Annotated[int, Index()]] = 0", "no field"),
    ("_a: Annotated[int, Index()] = 0", "no field"),
    ("a: Annotated[int, Index()] = Field(0, exclude=True)", "excluded from what is stored"),
    ("a: Annotated[str, 'index'] = ''", "Index"),
    ("a: Annotated[str, {'unique': True}] = ''", "Index"),
    ("a: Annotated[str, Indexed(unique=True)] = ''", "Index"),
    ("@computed_field\n@property\ndef x(self) -> Annotated[int, Index()]:\n    return 1", r"Index\('x'\)"),
    ("class Settings:\n    name = 'users'", "choose one of .*collection"),
    ("class Settings:\n    collection = 'users'", "two names for its collection"),
    ("class Settings:\n    use_state_management = True", "choose one of"),
    ("class Settings:\n    _indexes = [Index('a')]", "did you mean 'indexes'"),
    ("class Settings:\n    __indexes__ = [Index('a')]", "did you mean 'indexes'"),
    ("class Settings:\n    @property\n    def version(self):\n        return 1", "'version', as a function"),
    ("model_config = {'extar': 'forbid'}", "did you mean 'extra'"),
    ("model_config = {'use_revision': True}", "revisions are always compared"),
    ("model_config = ConfigDict(table=True)", "collection='users'"),
    ("model_config = {'bson_encoders': {}}", "PlainSerializer"),
    ("model_config = {'something': 1}", "ConfigDict lists"),
    ("class Config:\n    use_cache = True", "'use_cache'"),
    # hooks
    ("def before_insert(self, session): pass", r"takes self, session.*session\.on"),
    ("def after_load(): pass", "takes nothing"),
    ("def before_update(self):\n    yield 1", "is a generator"),
    ("async def before_insert(self): pass", "async"),
    ("def before_inserts(self): pass", "before_insert,"),
    ("def beforeInsert(self): pass", "before_insert,"),
    ("def on_before_insert(self): pass", "before_insert,"),
    ("def after_refresh(self): pass", "hooks are"),
    ("def before_upsert(self): pass", "hooks are"),
    ("def __post_init__(self): pass", "model_post_init"),
    ("def before_validate(self): pass", "model_validator"),
    ("def clean(self): pass", "model_validator"),
    ("def init_on_load(self): pass", "after_load"),
    ("async def model_post_init(self, context): pass", "async"),
    ("async def __init__(self, **data): pass", "async"),
    ("a: Annotated[int, AfterValidator(wait)] = 0", "async"),
    ("a: Any = Field(default_factory=wait)", "async"),
    # values that are none
    ("a: datetime = datetime.now", "default_factory=now"),
    ("key: str = Field(alias='email')", "alias 'email'"),
    ("@property\ndef key(self):\n    return 'x'", "the key is a property"),
    ("class Settings:\n    indexes = [Index('key', sparse=True)]", r"no option 'sparse'.*where="),
]  # fmt: skip


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("head", ["", FUTURE], ids=["types", "texts"])
@pytest.mark.parametrize(("body", "said"), REFUSED, ids=[body for body, _ in REFUSED])
def test_a_line_that_would_have_no_effect_is_refused_and_names_the_way(
    body: str, said: str, head: str
) -> None:
    with pytest.raises(DeclarationError, match=f"(?s){said}"):
        declared(body, head)


TAKEN = [
    "collection: str = 'a field'",
    "index: int = 0\nttl: int = 60\ndatabase: str = ''\nordering: list[str] = []\nabstract: bool = False",
    "table: ClassVar[dict[str, Any]] = {}\nindex: ClassVar[dict[str, Any]] = {}",
    "_cache: dict[str, int] = PrivateAttr(default_factory=dict)",
    "__repr_fields__ = ['a']",
    "a: int = Field(0, json_schema_extra={'examples': [1], 'nullable': True})",
    "a: Annotated[int, 'a note', {'widget': 'slider'}] = 0",
    "def before_insert(self): pass\ndef after_load(self, *more): pass\ndef before_update(self, a=1): pass",
    "def save(self): pass\ndef on_change(self): pass\ndef update_all(self): pass",
    "@classmethod\ndef create(cls): pass",
    "class Settings:\n    collection = 'foreign'\n    indexes = [Index('key')]",
    "class Settings:\n    'A doc.'\n    version: int = 1",
    "model_config = ConfigDict(extra='allow', json_schema_extra={'examples': [{}]})",
    "@model_validator(mode='after')\ndef clean_it(self): return self",
    "a: Callable[[], int] = Field(default=len, exclude=True)",
    "class Inner(BaseModel):\n    x: int = 1\ninner: Inner = Inner()",
    "before_insert = lambda self: None",
    "__slots__ = ('_seen',)",
]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("head", ["", FUTURE], ids=["types", "texts"])
@pytest.mark.parametrize("body", TAKEN)
def test_a_line_that_means_something_else_is_taken(body: str, head: str) -> None:
    assert issubclass(declared(body, head), Document)


def test_edges_that_are_none_are_refused_where_they_are_followed() -> None:
    doc = declared("near: ClassVar[Neighbours[Any]] = outgoing('Doc')")
    with pytest.raises(DeclarationError, match="reached by an Edge class, and Doc is none"):
        _ = doc.near.__solidb_edges__
