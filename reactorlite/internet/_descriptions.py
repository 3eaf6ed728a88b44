r"""Endpoints described in one line of text, such as `tcp:80:interface=127.0.0.1`.

A description is fields between colons. The first is the kind of endpoint; the others are its
arguments, in their order or by `name=`. A backslash takes the meaning from what follows it:
`tcp6:80:interface=\:\:1`. Nothing else is special; an `=` in a value is only that.

Kinds of other packages are found by entry points, whose names are the kinds: of the group
`reactorlite.stream_servers` for objects that keep `IStreamServerEndpointStringParser`, and of
`reactorlite.stream_clients` for `IStreamClientEndpointStringParserWithReactor`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

SERVERS = "reactorlite.stream_servers"
CLIENTS = "reactorlite.stream_clients"

#: Further places to look for parsers: called with a group and a kind, they give one or None.
sources: list[Callable[[str, str], Any]] = []


def quoteStringArgument(argument: str) -> str:
    """`argument` with backslashes that let it be a field of a description."""
    return argument.replace("\\", "\\\\").replace(":", "\\:")


def fields(description: str | bytes) -> tuple[tuple[str, ...], dict[str, str]]:
    """Take a description apart: the fields without a name, the kind first, and those with one.

    Bytes are UTF-8. Raises `TypeError` for what is no text, and `ValueError` where it can't be
    read.
    """
    if isinstance(description, bytes):
        description = description.decode("utf-8")
    if not isinstance(description, str):
        raise TypeError(f"an endpoint's description is text, not {description!r}")
    found = _split(description)
    named: dict[str, str] = {}
    for name, text in found:
        if text is not None and name in named:
            raise ValueError(f"{description!r} says {name!r} twice")
        if text is not None:
            named[name] = text
    plain = tuple(text for text, value in found if value is None)
    return plain, named


def _split(description: str) -> list[tuple[str, str | None]]:
    """The fields, each with its value if it has a name."""
    found: list[tuple[str, str | None]] = []
    name: str | None = None
    text = ""
    characters = iter(description)
    for character in characters:
        if character == "\\":
            quoted = next(characters, None)
            if quoted is None:
                raise ValueError(f"{description!r} ends in a backslash, which stands for nothing")
            text += quoted
        elif character == ":":
            found.append((text, None) if name is None else (name, text))
            name, text = None, ""
        elif character == "=" and name is None:
            name, text = text, ""
        else:
            text += character
    return [*found, (text, None) if name is None else (name, text)]


def read(
    description: str | bytes, group: str, own: dict[str, Any]
) -> tuple[Any, tuple[str, ...], dict[str, str]]:
    """What parses a description, and its arguments without and with a name.

    The parser is ours, an entry point's, or another source's. Raises `ValueError` for an
    unknown kind, and as `fields`.
    """
    plain, named = fields(description)
    if not plain:
        raise ValueError(f"{description!r} doesn't begin with a kind of endpoint, such as tcp:")
    return _parser_for(group, plain[0], own), plain[1:], named


def _parser_for(group: str, kind: str, own: dict[str, Any]) -> Any:
    parser = own.get(kind) or _from_entry_points(group, kind)
    for source in sources:
        parser = parser or source(group, kind)
    if parser is None:
        unknown = ValueError(f"Unknown endpoint type: {kind!r}")
        unknown.add_note(f"Known are {', '.join(sorted(own))}, and what packages add to {group!r}")
        raise unknown
    return parser


def _from_entry_points(group: str, kind: str) -> Any:
    # Costs more to import than the rest of the endpoints, and few need it.
    from importlib.metadata import entry_points

    for entry in entry_points(group=group, name=kind):
        return entry.load()
    return None


def built(build: Callable[..., Any], args: tuple[Any, ...], named: dict[str, Any]) -> Any:
    """Call `build(*args, **named)`; its docstring tells how the description is to be written.

    Raises `TypeError` where the arguments don't fit.
    """
    import inspect

    try:
        inspect.signature(build).bind(*args, **named)
    except TypeError as exc:
        usage = (build.__doc__ or "").partition("\n")[0]
        raise TypeError(f"not an endpoint's description: {exc}. It is written {usage}") from None
    return build(*args, **named)


def by_name(args: tuple[Any, ...], named: dict[str, Any], order: tuple[str, ...]) -> Any:
    """`args` and `named` where `args` stand for those of `order` that have no value by name."""
    lacking = [name for name in order if name not in named]
    if len(args) > len(lacking):
        return args, named  # too many: `built` says so
    return (), {**named, **dict(zip(lacking, args, strict=False))}


# ── what the text of an argument says ────────────────────────────────────────────────────


def port(text: str | int) -> int:
    """A port's number."""
    number = whole("port", text)
    if not 0 <= number <= 65535:
        raise ValueError(f"a port is a number from 0 to 65535, not {text!r}")
    return number


def whole(name: str, text: str | int, base: int = 10) -> int:
    """A whole number."""
    try:
        return text if isinstance(text, int) else int(text, base)
    except ValueError:
        kind = "an octal number" if base == 8 else "a number"
        raise ValueError(f"{name} is {kind}, not {text!r}") from None


def seconds(text: str | float) -> float:
    """A time, not below zero."""
    try:
        time = float(text)
    except ValueError:
        time = -1.0
    if not time >= 0:
        raise ValueError(f"timeout is a number of seconds, not {text!r}")
    return int(time) if time.is_integer() else time


def local(bind: str | None) -> tuple[str, int] | None:
    """The local address to come from, any port of it."""
    return None if bind is None else (bind, 0)


def written(args: tuple[Any, ...], named: dict[str, Any]) -> str:
    """A description of these fields: the reverse of `fields`."""
    # A first `=` would make a name of what is before it.
    plain = [quoteStringArgument(str(value)).replace("=", "\\=") for value in args]
    with_names = [f"{name}={quoteStringArgument(str(value))}" for name, value in named.items()]
    return ":".join([*plain, *with_names])
