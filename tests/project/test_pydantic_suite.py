"""How the runs of Pydantic's tests are compared; the tests themselves run by night."""

from __future__ import annotations

from tools.pydantic_suite import KINDS, KNOWN, differences, failures

REPORT = """<testsuites><testsuite>
<testcase classname="tests.test_main" name="test_fine"/>
<testcase classname="tests.test_main" name="test_hash"><failure message="E1">more</failure></testcase>
<testcase classname="tests.test_rich" name="test_error">
<error>is reserved for the document's own id</error></testcase>
<testcase classname="tests.test_types" name="test_typeddict_all[typing]"><failure message="E3"/></testcase>
</testsuite></testsuites>"""


def test_what_fails_with_documents_alone_is_a_difference_of_some_kind_or_a_fault() -> None:
    found = differences({"tests/test_other::test_x": "fails anyway"}, failures(REPORT))
    assert [(each.test, each.kind) for each in found] == [
        ("tests/test_main::test_hash", None),
        ("tests/test_rich::test_error", "id"),
        ("tests/test_types::test_typeddict_all[typing]", "text"),
    ]
    assert "E1" in found[0].text


def test_what_fails_anyway_is_no_difference() -> None:
    assert differences(failures(REPORT), failures(REPORT)) == []


def test_every_kind_is_explained() -> None:
    assert KINDS.keys() == KNOWN.keys() | {"id"}
