"""Links that work without a token, for one thing and for a while: where the Hub sends clients for content."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from hubkit.localhub.refusals import LinkError


@dataclass(frozen=True)
class Signer:
    """HMAC-SHA256 over method, path, fields and the second of expiry."""

    secret: bytes
    lifetime: int
    """Seconds."""
    clock: Callable[[], float] = time.time

    def sign(self, method: str, path: str, fields: Mapping[str, str]) -> str:
        """`path` with a query that `check` accepts. GET covers HEAD."""
        signed = {**fields, "expires": str(int(self.clock()) + self.lifetime)}
        return f"{path}?{urlencode({**signed, 'signature': self._signature(method, path, signed)})}"

    def check(self, method: str, path: str, query: Mapping[str, str]) -> dict[str, str]:
        """The fields of a signed link. Raises LinkError when it was altered, is for another method, or is too old."""
        fields = {key: value for key, value in query.items() if key != "signature"}
        expected = self._signature("GET" if method == "HEAD" else method, path, fields)
        if not hmac.compare_digest(expected.encode(), query.get("signature", "").encode()):
            raise LinkError("this link's signature does not fit")
        if self.clock() > int(fields["expires"]):
            raise LinkError("this link has expired: ask the Hub for a new one")
        return fields

    def _signature(self, method: str, path: str, fields: Mapping[str, str]) -> str:
        text = f"{method}\n{path}\n{urlencode(sorted(fields.items()))}"  # encoded: no value can pose as another field
        return hmac.new(self.secret, text.encode("utf-8"), hashlib.sha256).hexdigest()
