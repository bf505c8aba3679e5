from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solidb_odm.errors import ConfigurationError
from solidb_odm.wire.url import Host, parse_url


def test_all_parts_of_a_url_are_read() -> None:
    address = parse_url("solidb://ada:secret@db.example:7000/shop?timeout=5&pool_size=3")

    assert address.hosts == (Host("db.example", 7000),)
    assert (address.username, address.password, address.database) == ("ada", "secret", "shop")
    assert (address.options.timeout, address.options.pool_size, address.tls) == (5.0, 3, False)


def test_the_port_is_6745_unless_given() -> None:
    assert parse_url("solidb://h/d").hosts == (Host("h", 6745),)


def test_several_hosts_stay_in_order() -> None:
    hosts = parse_url("solidb://u:p@b,a:1,[::1]:2/d").hosts

    assert [str(host) for host in hosts] == ["b:6745", "a:1", "[::1]:2"]


def test_solidbs_means_tls() -> None:
    assert parse_url("solidbs://h/d").tls_context() is not None
    assert parse_url("solidb://h/d").tls_context() is None


@given(st.text(min_size=1), st.text(), st.text(min_size=1).filter(lambda name: not {"/", ":"} & set(name)))
def test_parts_are_percent_decoded(user: str, password: str, database: str) -> None:
    parts = (quote(part, safe="") for part in (user, password, database))
    address = parse_url("solidb://{}:{}@h/{}".format(*parts))

    assert (address.username, address.password, address.database) == (user, password, database)


def test_the_shown_url_has_no_secrets() -> None:
    address = parse_url("solidbs://ada:secret@h:1,i/shop?api_key=sk_1")

    assert address.url == "solidbs://ada@h:1,i:6745/shop"
    assert "secret" not in repr(address)
    assert "sk_1" not in repr(address)


def test_options_given_beside_the_url_win() -> None:
    address = parse_url("solidb://h/d?timeout=5&verify=true", timeout=9, verify=False)

    assert (address.options.timeout, address.options.verify) == (9.0, False)


def test_an_api_key_is_an_option() -> None:
    assert parse_url("solidb://h/d?api_key=sk_1").api_key == "sk_1"


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("h:6745/d", "not the URL of a server"),
        ("http://h/d", "http://"),
        ("solidb:///d", "names no host"),
        ("solidb://h,/d", "names no host"),
        ("solidb://h:x/d", "'x' is not a port"),
        ("solidb://h:70000/d", "not a port"),
        ("solidb://h:²/d", "not a port"),
        ("solidb://h/a/b", "name of a database"),
        ("solidb://h/d?speed=1", "unknown option speed"),
        ("solidb://h/d?timeout=fast", "timeout='fast' must be a number"),
        ("solidb://h/d?timeout=-1", "at least"),
        ("solidb://h/d?timeout=nan", "at least"),
        ("solidb://h/d?verify=maybe", "true or false"),
        ("solidb://h/d?timeout", "can't be read"),
    ],
)
def test_what_is_wrong_with_a_url_is_said(url: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        parse_url(url)


def test_a_password_is_never_part_of_the_message() -> None:
    with pytest.raises(ConfigurationError) as raised:
        parse_url("solidb:/u:secret@h/d")

    assert "secret" not in str(raised.value)


def test_certificates_that_cannot_be_read_are_a_configuration_error() -> None:
    with pytest.raises(ConfigurationError, match=r"missing\.pem"):
        parse_url("solidbs://h/d?ca=missing.pem").tls_context()


def test_a_password_that_is_written_wrongly_is_in_no_message() -> None:
    for url in (
        "solidb://user:se/cret@h/d",
        "solidb://user:se:cret@h:x/d",
        "solidb://user:se/cret@h:70000/d",
    ):
        with pytest.raises(ConfigurationError) as caught:
            parse_url(url)
        assert not any(part in str(caught.value) for part in ("'se'", "cret"))
