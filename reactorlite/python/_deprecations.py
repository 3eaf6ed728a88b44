"""Warnings of what is deprecated, in the form by which programs filter them."""

from __future__ import annotations

import warnings

__all__ = ["warn_of"]


def warn_of(name: str, version: str, instead: str = "", stacklevel: int = 2) -> None:
    """Warn of a use, by the caller's caller, of what Twisted calls `name`.

    `version` is Twisted's that deprecated it, and `instead` what to use.
    """
    text = f"{name} was deprecated in Twisted {version}"
    if instead:
        text = f"{text}; please use {instead} instead"
    warnings.warn(text, DeprecationWarning, stacklevel=stacklevel + 1)
