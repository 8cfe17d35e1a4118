"""Lists of NameServers."""

import pytest

from namesrv.client.addresses import Address, read_addresses
from namesrv.errors import OptionsInvalid


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ns:9876", [("ns", 9876)]),
        ("10.0.0.1:9876;10.0.0.2:1", [("10.0.0.1", 9876), ("10.0.0.2", 1)]),
        ("a:1, b:2;", [("a", 1), ("b", 2)]),
        ("ns", [("ns", 9876)]),
        ("a:1;a:1", [("a", 1)]),
        ("[::1]:9876", [("::1", 9876)]),
        ("[::1]", [("::1", 9876)]),
        ("::1", [("::1", 9876)]),
    ],
)
def test_addresses_are_read(text: str, expected: list[tuple[str, int]]) -> None:
    assert read_addresses(text, "-n") == expected


@pytest.mark.parametrize(
    "text",
    ["ns:", "ns:x", "ns:0", "ns:65536", ":9876", "http://ns:80", "a b:1", "[::1:1"],
)
def test_wrong_address_is_quoted(text: str) -> None:
    with pytest.raises(OptionsInvalid) as caught:
        read_addresses(text, "-n")
    assert str(caught.value).startswith("-n has ")
    assert "expected HOST:PORT" in str(caught.value)


def test_empty_list_and_very_long_list_are_refused() -> None:
    with pytest.raises(OptionsInvalid, match="NAMESRV_ADDR is empty"):
        read_addresses(" ; ", "NAMESRV_ADDR")
    many = ";".join(f"h{number}:1" for number in range(101))
    with pytest.raises(OptionsInvalid, match="101 addresses, the limit is 100"):
        read_addresses(many, "-n")


def test_address_is_written_as_it_is_read() -> None:
    assert [str(Address("::1", 1)), str(Address("ns", 2))] == ["[::1]:1", "ns:2"]
