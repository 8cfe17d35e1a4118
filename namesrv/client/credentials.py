"""An access key with its secret, which sign requests (ACL 1.0, section 9.14)."""

from namesrv.client.frames import Request


class Credentials:
    """Signs requests; the secret is never shown."""

    __slots__ = ("_access_key", "_secret")

    def __init__(self, access_key: str, secret: str) -> None:
        self._access_key = access_key
        self._secret = secret.encode()

    def signed(self, request: Request) -> Request:
        """The same request with the access key and the signature in its ext fields."""
        # A request that is not signed does not load OpenSSL.
        from namesrv.wire.signature import (  # noqa: PLC0415
            ACCESS_KEY,
            SIGNATURE,
            signature,
        )

        fields = {**request.ext_fields, ACCESS_KEY: self._access_key}
        sign = signature(fields, request.body, self._secret)
        return Request(request.code, {**fields, SIGNATURE: sign.decode()}, request.body)
