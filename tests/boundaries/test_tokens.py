"""Tokens and keys, of URLs and of logins: they are sent as they are, or refused and not shown."""

from __future__ import annotations

import httpx
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from solidb_odm.errors import AuthError, ConfigurationError, ProtocolError, SolidbError
from solidb_odm.wire.exchange import HttpAnswer, HttpCall
from solidb_odm.wire.http import HeaderAuth, TokenAuth, request_of, send
from solidb_odm.wire.url import Host, parse_url
from tests.sizes import examples

ADDRESS = parse_url("solidb://ada:secret@h/d")
TEXTS = st.text(st.characters(exclude_categories=[]), max_size=20) | st.from_regex(
    r"\A[\w-]+\.[\w-]+\.[\w-]+\n?\Z"
)
ODD = st.none() | st.booleans() | st.integers() | st.lists(st.text(max_size=2)) | st.just({"a": 1})


def sent(auth: HeaderAuth | TokenAuth) -> bytes:
    """Return what a server sees of who asks."""
    seen: list[bytes] = []

    def page(request: httpx.Request) -> httpx.Response:
        seen.append(dict(request.headers.raw)[b"Authorization"])
        return httpx.Response(204)

    with httpx.Client(transport=httpx.MockTransport(page)) as client:
        request = request_of(client, Host("h", 1), ADDRESS, HttpCall("GET", "/a"))
        send(client, auth.flow(request, once=False), request)
    return seen[0]


@given(text=TEXTS)
@example("a.b.c\n")
@example("\ud800")
@example("")
@settings(max_examples=examples(100))
def test_a_token_of_a_url_is_sent_as_it_is_or_refused(text: str) -> None:
    try:
        auth = HeaderAuth("Authorization", text, "Bearer ")
    except ConfigurationError as refused:
        problem = str(refused)
    else:
        assert sent(auth) == f"Bearer {text}".encode()
        return
    with pytest.raises(ConfigurationError) as another:
        HeaderAuth("Authorization", "\0")
    assert str(another.value) == problem  # whatever the secret is
    assert not (text.isascii() and text.isprintable() and text == text.strip() != "")


@given(token=TEXTS | ODD)
@example("a.b.c\n")
@example("\ud800")
@settings(max_examples=examples(100))
def test_a_token_that_a_server_gives_is_sent_as_it_is_or_refused(token: object) -> None:
    flow = TokenAuth(ADDRESS).flow(httpx.Request("GET", "http://h/a"), once=False)
    next(flow)
    is_text = isinstance(token, str) and token.isprintable() and token == token.strip() != ""
    if is_text:
        request = flow.send(HttpAnswer(200, {"token": token}))  # type: ignore[dict-item]
        assert request.headers["Authorization"] == f"Bearer {token}"
    else:
        with pytest.raises(ProtocolError, match=r"token that can't be sent$"):
            flow.send(HttpAnswer(200, {"token": token}))  # type: ignore[dict-item]


@given(body=st.none() | ODD | st.text(max_size=5) | st.dictionaries(st.sampled_from(["token", "x"]), ODD))
@settings(max_examples=examples(50))
def test_any_other_answer_to_a_login_is_refused(body: object) -> None:
    flow = TokenAuth(ADDRESS).flow(httpx.Request("GET", "http://h/a"), once=False)
    next(flow)
    with pytest.raises((AuthError, ProtocolError)) as raised:
        flow.send(HttpAnswer(200, body))  # type: ignore[arg-type]
    assert isinstance(raised.value, SolidbError)
