"""Texts in many languages."""

import random
from typing import Annotated

from solidb_odm import (
    Document,
    Engine,
    Index,
    Registry,
    Session,
    and_,
    any_,
    asc,
    coalesce,
    contains,
    desc,
    func,
    in_,
    is_null,
    label,
    like,
    not_,
    or_,
    select,
    union,
    update,
)


class Base(Document, abstract=True, registry=Registry()):
    pass


WORDS = [
    "Straße",
    "STRASSE",
    "strasse",
    "Ünal",
    "ünal",
    "éclair",
    "e\u0301clair",
    "Éclair",
    "zèbre",
    "Zoë",
    "Ω",
    "ω",
    "ﬁn",
    "fin",
    "日本",
    "日本語",
    "한국",
    "😀",
    "😀👍🏽",
    "\U0001f468\u200d\U0001f469",
    "İstanbul",
    "istanbul",
    "ıstanbul",
    "",
    " ",
    "\t",
    "50% off",
    "a_b",
    "a\\b",
    "O'Brien",
    'say "hi"',
    "new\nline",
    "\u00a0",
    "ǆ",
    "ß",
    "ẞ",
    "\ufffd",
    "א",
    "ﷺ",
    "100",
    "1e3",
    "null",
    "true",
    "@x",
    "${a}",
    "`tick`",
    "--",
    "/*",
]


class Term(Base, collection="i18n_terms"):
    text: Annotated[str, Index()]
    translations: dict[str, str] = {}
    synonyms: list[str] = []
    plural: str | None = None


def run(engine: Engine) -> None:
    rng = random.Random(4)
    langs = ["en", "pt-BR", "zh_Hant", "x.y", "de@euro", "", "_id", "a b", "0"]
    terms = [
        Term(
            key=f"t{n:03}",
            text=w,
            translations={k: rng.choice(WORDS) for k in rng.sample(langs, 4)},
            synonyms=rng.sample(WORDS, rng.randrange(4)),
            plural=rng.choice([None, w + "s"]),
        )
        for n, w in enumerate(WORDS)
    ]
    with Session(engine) as s:
        s.add_all(terms)
        s.commit()
    with Session(engine) as s:
        for w in WORDS:
            assert s.scalars(select(Term.key).where(Term.text == w)).all() == [
                t.key for t in terms if t.text == w
            ], w
            assert s.scalars(select(Term.key).where(Term.text < w).order_by(Term.key)).all() == [
                t.key for t in terms if t.text < w
            ], w
            if w:
                assert s.scalars(select(Term.key).where(contains(Term.text, w)).order_by(Term.key)).all() == [
                    t.key for t in terms if w in t.text
                ], w
            assert s.scalars(select(Term.key).where(Term.text.startswith(w)).order_by(Term.key)).all() == [
                t.key for t in terms if t.text.startswith(w)
            ], w
            assert s.scalars(select(Term.key).where(Term.text.endswith(w)).order_by(Term.key)).all() == [
                t.key for t in terms if t.text.endswith(w)
            ], w
            assert s.scalars(select(Term.key).where(contains(Term.synonyms, w)).order_by(Term.key)).all() == [
                t.key for t in terms if w in t.synonyms
            ], w
            pattern = "%" + w.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
            assert s.scalars(select(Term.key).where(like(Term.text, pattern)).order_by(Term.key)).all() == [
                t.key for t in terms if w in t.text
            ], (w, pattern)
        assert s.scalars(select(Term.text).order_by(Term.text)).all() == sorted(WORDS)
        assert (
            s.scalars(select(Term.text).order_by(desc(Term.text)).limit(5)).all()
            == sorted(WORDS, reverse=True)[:5]
        )
        for lang in langs:
            assert s.scalars(
                select(Term.key).where(contains(Term.translations, lang)).order_by(Term.key)
            ).all() == [t.key for t in terms if lang in t.translations], lang
            some_ = rng.choice(WORDS)
            assert s.scalars(
                select(Term.key).where(Term.translations[lang] == some_).order_by(Term.key)
            ).all() == [t.key for t in terms if t.translations.get(lang) == some_], lang
            assert s.scalars(select(Term.translations[lang]).order_by(Term.key)).all() == [
                t.translations.get(lang) for t in terms
            ], lang
        lens = s.execute(select(Term.text, label("n", func.length(Term.text))).order_by(Term.key)).all()
        assert lens == [(w, len(w)) for w in WORDS], [(a, b) for (a, b) in lens if len(a) != b]
        ups = s.execute(
            select(Term.text, Term.text.upper(), Term.text.lower(), Term.text.strip()).order_by(Term.key)
        ).all()
        bad = [
            (a, u, a.upper(), lo, a.lower(), st)
            for a, u, lo, st in ups
            if (u, lo, st) != (a.upper(), a.lower(), a.strip())
        ]
        assert not bad, bad
        firsts = s.execute(
            select(label("f", func.left(Term.text, 1)), func.count()).group_by(func.left(Term.text, 1))
        ).all()
        from collections import Counter

        assert dict(firsts) == dict(Counter(w[:1] for w in WORDS)), (firsts,)
        ci = s.scalars(select(Term.key).where(func.lower(Term.text) == "strasse").order_by(Term.key)).all()
        assert ci == [t.key for t in terms if t.text.lower() == "strasse"]
        both = s.scalars(
            select(Term.key)
            .where(
                or_(
                    in_(Term.text, ["Ω", "ω"]),
                    and_(not_(is_null(Term.plural)), like(Term.plural, "%s"), Term.text > "z"),
                )
            )
            .order_by(Term.key)
        ).all()
        assert both == [
            t.key for t in terms if t.text in ("Ω", "ω") or (t.plural is not None and t.text > "z")
        ]
        s.execute(
            update(Term)
            .where(Term.text == "fin")
            .set(Term.plural, coalesce(Term.plural, Term.text) + "é" + Term.text.upper())
        )
        s.commit()
        fin = next(t for t in terms if t.text == "fin")
        assert (
            s.scalars(select(Term.plural).where(Term.text == "fin")).one() == (fin.plural or "fin") + "éFIN"
        )
        u = union(
            select(Term.text).where(any_(Term.synonyms) == "ß"), select(Term.text).where(Term.text == "ß")
        )
        assert set(s.scalars(u)) == {t.text for t in terms if "ß" in t.synonyms or t.text == "ß"}
        rev = s.scalars(select(Term.text).order_by(asc(func.lower(Term.text)), Term.key)).all()
        assert rev == [t.text for t in sorted(terms, key=lambda t: (t.text.lower(), t.key))]
