"""Numbers that other people's programs know."""

from namesrv.codes import (
    FLAG_ONEWAY,
    FLAG_RESPONSE,
    PERM_INHERIT,
    PERM_PRIORITY,
    PERM_READ,
    PERM_WRITE,
    LanguageCode,
    RequestCode,
    ResponseCode,
    SerializeType,
)


def test_request_codes() -> None:
    """Section 2.0."""
    assert sorted(RequestCode) == [
        *(100, 101, 102, 103, 104, 105, 106, 205, 206, 216, 217, 219, 224),
        *(304, 311, 312, 313, 318, 319, 322, 327, 901, 904, 905),
    ]
    assert RequestCode(105).name == "GET_ROUTEINFO_BY_TOPIC"


def test_response_codes() -> None:
    """Section 1.7."""
    assert sorted(ResponseCode) == [0, 1, 2, 3, 16, 17, 22, 1500]


def test_languages() -> None:
    """Section 1.6."""
    names = (
        "JAVA CPP DOTNET PYTHON DELPHI ERLANG RUBY OTHER HTTP GO PHP OMS RUST NODE_JS"
    )
    assert [language.name for language in LanguageCode] == names.split()
    assert list(LanguageCode) == list(range(14))


def test_bits() -> None:
    assert (SerializeType.JSON, SerializeType.ROCKETMQ) == (0, 1)
    assert (FLAG_RESPONSE, FLAG_ONEWAY) == (1, 2)
    assert (PERM_PRIORITY, PERM_READ, PERM_WRITE, PERM_INHERIT) == (8, 4, 2, 1)
