"""Versions of TLS, in Twisted's names and pyOpenSSL's numbers, as the `ssl` module has them."""

from __future__ import annotations

import enum
import ssl
import warnings


class TLSVersion(enum.Enum):
    """The versions of TLS, from the oldest on."""

    SSLv3 = ssl.TLSVersion.SSLv3
    TLSv1_0 = ssl.TLSVersion.TLSv1
    TLSv1_1 = ssl.TLSVersion.TLSv1_1
    TLSv1_2 = ssl.TLSVersion.TLSv1_2
    TLSv1_3 = ssl.TLSVersion.TLSv1_3

    def __lt__(self, other: TLSVersion) -> bool:
        return bool(self.value < other.value)


#: The lowest that is spoken unless something else is asked for.
LOWEST = TLSVersion.TLSv1_2

#: pyOpenSSL's TLS_METHOD: whatever versions both sides speak.
ANY_METHOD = 7

#: pyOpenSSL's numbers for its methods, and the only version that each speaks; None for all.
METHODS: dict[int, TLSVersion | None] = {
    2: TLSVersion.SSLv3,
    3: None,
    4: TLSVersion.TLSv1_0,
    5: TLSVersion.TLSv1_1,
    6: TLSVersion.TLSv1_2,
    7: None,
    8: None,
    9: None,
}


def limit(context: ssl.SSLContext, lowest: TLSVersion | None, highest: TLSVersion | None) -> None:
    """Have `context` speak no other versions. None is no limit: what OpenSSL can, at that end."""
    with warnings.catch_warnings():
        # Whoever asks for an old version has been told that it is insecure by having to.
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = lowest.value if lowest else ssl.TLSVersion.MINIMUM_SUPPORTED
        context.maximum_version = highest.value if highest else ssl.TLSVersion.MAXIMUM_SUPPORTED


def limit_to_method(context: ssl.SSLContext, method: int) -> None:
    """Have `context` speak what one of pyOpenSSL's methods does, but not SSLv3 unless it's that.

    Raises `ValueError` for a number that is none of them.
    """
    if method not in METHODS:
        raise ValueError(
            f"{method!r} is no method of pyOpenSSL's: TLS_METHOD, which is 7, or one of"
            f" {sorted(METHODS)}"
        )
    only = METHODS[method]
    limit(context, only or LOWEST, only)
