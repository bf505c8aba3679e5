"""Digests, checksums and encodings."""

# a case is a line

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.language.functions.expressions import holds, lines, value_of

CASES = lines(r"""
[MD5("a"), SHA1("a")] => ["0cc175b9c0f1b6a831c399e269772661", "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8"]
SHA256("a") => "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"
[CRC32("a"), CRC32("foobar"), FNV64("a"), MD5(null)] => ["C1D04330", "D5F5C7F", "AF63DC4C8601EC8C", null]
MD5(2.0) == MD5("2") => true
HMAC_SHA256("k", "m") => "b60090e3052297aeb5a080889ce2fc4bca957e756faeb4df7d31800ca1e771ec"
[BASE64_ENCODE("a"), FROM_BASE64("YQ=="), TO_HEX("é"), HEX_DECODE("c3a9")] => ["YQ==", "a", "c3a9", "é"]
BASE64_DECODE("?") !! invalid base64
HEX_DECODE("ff") !! not valid UTF-8
""")


@pytest.mark.parametrize("line", CASES, ids=str)
def test_digests_answer_as_the_server(line: str) -> None:
    assert holds(line)


@given(st.text())
def test_decoding_gives_the_text_back(text: str) -> None:
    assert value_of("[BASE64_DECODE(BASE64_ENCODE(@t)), HEX_DECODE(HEX_ENCODE(@t))]", t=text) == [text, text]


def test_a_password_fits_its_hash_alone() -> None:
    pytest.importorskip("argon2")
    digest = value_of("ARGON2_HASH('secret')")
    assert value_of("[ARGON2_VERIFY(@h, 'secret'), ARGON2_VERIFY(@h, 'nope')]", h=digest) == [True, False]
