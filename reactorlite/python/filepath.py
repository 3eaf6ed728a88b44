"""Paths as objects, from which one gets no further than one meant to.

A path is of text or of bytes, and what is made of it is of the kind of the argument it was made
with. Where Twisted is installed its own module answers to the name in `twisted`.
"""

from __future__ import annotations

import errno
import glob
import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import IO, Any, Generic, TypeVar

from reactorlite.python._permissions import RWX, Permissions
from reactorlite.python._statistics import Known

__all__ = [
    "RWX",
    "FilePath",
    "InsecurePath",
    "LinkError",
    "Permissions",
    "UnlistableError",
]

Kind = TypeVar("Kind", str, bytes)


class InsecurePath(Exception):
    """A name leads out of the path that it was to be in."""


class LinkError(Exception):
    """Symbolic links lead in a circle."""


class UnlistableError(OSError):
    """A path has no children to list; `originalException` says why."""

    def __init__(self, originalException: OSError) -> None:
        super().__init__(*originalException.args)
        self.__dict__.update(originalException.__dict__)
        self.filename = originalException.filename
        self.originalException = originalException


class FilePath(Known, Generic[Kind]):
    """An absolute path; `path` is it as text or bytes.

    `child` takes a plain name from anywhere, however hostile, and never leaves the path. What is
    asked of the system is remembered until `changed` or `restat`. With `alwaysCreate`, opening
    it always makes a new file.
    """

    path: Kind

    def __init__(self, path: Kind | os.PathLike[Kind], alwaysCreate: bool = False) -> None:
        self.path = os.path.abspath(path)
        self.alwaysCreate = alwaysCreate

    def clonePath(self, path: Any, alwaysCreate: bool = False) -> Any:
        """Another path of this class; for subclasses with more arguments to override."""
        return type(self)(path, alwaysCreate)

    # -- text and bytes

    def asBytesMode(self, encoding: str | None = None) -> Any:
        """The same path as bytes, by the system's encoding if none is given."""
        return self if isinstance(self.path, bytes) else self.clonePath(self._asBytesPath(encoding))

    def asTextMode(self, encoding: str | None = None) -> Any:
        """The same path as text, by the system's encoding if none is given."""
        return self if isinstance(self.path, str) else self.clonePath(self._asTextPath(encoding))

    def _asBytesPath(self, encoding: str | None = None) -> bytes:
        if isinstance(self.path, str) and encoding is not None:
            return self.path.encode(encoding)
        return os.fsencode(self.path)

    def _asTextPath(self, encoding: str | None = None) -> str:
        if isinstance(self.path, bytes) and encoding is not None:
            return self.path.decode(encoding)
        return os.fsdecode(self.path)

    def _as(self, kind: object) -> Any:
        """The path, as text or bytes like `kind`."""
        return self._asBytesPath() if isinstance(kind, bytes) else self._asTextPath()

    @property
    def sep(self) -> Any:
        """What stands between names, as the path is: text or bytes."""
        return os.fsencode(os.sep) if isinstance(self.path, bytes) else os.sep

    # -- other paths

    def child(self, path: Any) -> Any:
        """The path of that name in this one.

        Raises `InsecurePath` for a name with separators, or that leads elsewhere.
        """
        norm = os.path.normpath(path)
        sep = os.fsencode(os.sep) if isinstance(norm, bytes) else os.sep
        if sep in norm or os.path.splitdrive(norm)[0]:
            raise InsecurePath(f"{path!r} is more than a name: use child() for each part of it")
        return self.preauthChild(norm)

    def preauthChild(self, path: Any) -> Any:
        """The path in this one that several names lead to; `InsecurePath` if it isn't in it."""
        own: Any = self._as(path)
        found: Any = os.path.abspath(os.path.join(own, path))
        sep = os.fsencode(os.sep) if isinstance(own, bytes) else os.sep
        if found != own and not found.startswith(own.rstrip(sep) + sep):
            raise InsecurePath(f"{path!r} leads out of {own!r}")
        return self.clonePath(found)

    def childSearchPreauth(self, *paths: Any) -> Any:
        """The first of those in this path that exists, or None."""
        for path in paths:
            found = self.clonePath(os.path.join(self._as(path), path))
            if found.exists() and found._is_in(self):
                return found
        return None

    def _is_in(self, other: FilePath[Any]) -> bool:
        return other._asTextPath() in [each._asTextPath() for each in (self, *self.parents())]

    def descendant(self, segments: Sequence[Any]) -> Any:
        """The path that the names lead to one by one, as `child` does."""
        path = self
        for name in segments:
            path = path.child(name)
        return path

    def sibling(self, path: Any) -> Any:
        """The path of that name beside this one."""
        return self.parent().child(path)

    def parent(self) -> Any:
        """The path this one is in; that of the root is the root."""
        return self.clonePath(self.dirname())

    def parents(self) -> Iterator[Any]:
        """All that this path is in, the nearest first."""
        path, parent = self, self.parent()
        while path.path != parent.path:
            yield parent
            path, parent = parent, parent.parent()

    def segmentsFrom(self, ancestor: FilePath[Any]) -> list[Kind]:
        """The names that lead here from `ancestor`; `ValueError` if this isn't in it."""
        names: list[Any] = []
        path: Any = self
        while path.path != path.dirname():
            names.insert(0, path.basename())
            path = path.parent()
            if path == ancestor:
                return names
        raise ValueError(f"{ancestor!r} is no parent of {self!r}")

    def siblingExtension(self, ext: Any) -> Any:
        """This path with `ext` at its end."""
        return self.clonePath(self._as(ext) + ext)

    def siblingExtensionSearch(self, *exts: Any) -> Any:
        """The first of such paths that exists, or None; "*" stands for any extension."""
        for ext in exts:
            own: Any = self._as(ext)
            if not ext:
                found: list[Any] = [own]
            elif ext in ("*", b"*"):
                found = sorted(glob.glob(glob.escape(own) + _dot(ext) + ext))
            else:
                found = [own + ext]
            for path in map(self.clonePath, found):
                if path.exists():
                    return path
        return None

    def temporarySibling(self, extension: Any = None) -> Any:
        """A path beside this one, of a name that nobody can guess."""
        ext: Any = self.path[:0] if extension is None else extension
        name: Any = secrets.token_hex(16)
        return self.sibling((name.encode() if isinstance(ext, bytes) else name) + ext)

    def realpath(self) -> Any:
        """The path that symbolic links lead to; `LinkError` if they lead in a circle."""
        try:
            real = os.path.realpath(self.path, strict=False)
            os.stat(real)
        except OSError as exc:
            if exc.errno == errno.ELOOP:
                raise LinkError(f"{self.path!r} leads back to itself") from exc
        return self.clonePath(real)

    # -- what is in it

    def listdir(self) -> list[Kind]:
        """The names in the directory, in no particular order."""
        return os.listdir(self.path)

    def children(self) -> list[Any]:
        """The paths in the directory; `UnlistableError` if it is none, or isn't there."""
        try:
            names = self.listdir()
        except OSError as exc:
            raise UnlistableError(exc) from exc
        return [self.child(name) for name in names]

    def globChildren(self, pattern: Any) -> list[Any]:
        """The paths in the directory whose names match a pattern as of a shell."""
        own: Any = self._as(pattern)
        return [self.clonePath(each) for each in glob.glob(os.path.join(glob.escape(own), pattern))]

    def walk(self, descend: Callable[[Any], bool] | None = None) -> Iterator[Any]:
        """This path and all in it; what `descend` refuses is given and not entered.

        Raises `LinkError` when a link leads back to a directory that it is in.
        """
        yield self
        if not self.isdir():
            return
        for each in self.children():
            # Asked first, so that who refuses to follow links meets no circle.
            if descend is not None and not descend(each):
                yield each
                continue
            if each.islink() and each.isdir() and self._is_in(each.realpath()):
                raise LinkError(f"{each!r} leads back to a directory that it is in")
            yield from each.walk(descend)

    # -- the path itself

    def basename(self) -> Kind:
        """The last name."""
        return os.path.basename(self.path)

    def dirname(self) -> Kind:
        """All but the last name."""
        return os.path.dirname(self.path)

    def splitext(self) -> tuple[Kind, Kind]:
        """All but the extension, and that, with its dot."""
        return os.path.splitext(self.path)

    def isabs(self) -> bool:
        """Whether it begins at the root, as all of them do."""
        return os.path.isabs(self.path)

    # -- files

    def requireCreate(self, val: bool = True) -> None:
        """Say whether opening it is always to make a new file; see `create`."""
        self.alwaysCreate = val

    def create(self) -> IO[bytes]:
        """A new file to read and write; `FileExistsError` if there is one."""
        flags = os.O_EXCL | os.O_CREAT | os.O_RDWR | getattr(os, "O_BINARY", 0)
        return os.fdopen(os.open(self.path, flags), "w+b")

    def open(self, mode: str = "r") -> IO[bytes]:
        """Open the file, as bytes whatever the mode says."""
        if self.alwaysCreate:
            if "a" in mode:
                raise AssertionError(f"{self!r} is always created, so that nothing can be appended")
            return self.create()
        return open(self.path, mode.replace("b", "") + "b")

    def getContent(self) -> bytes:
        """All that is in the file."""
        with self.open() as file:
            return file.read()

    def setContent(self, content: bytes, ext: Any = ".new") -> None:
        """Put `content` into the file, at once and whole.

        It is written beside it, to a file whose name ends in `ext`, which takes its place;
        nothing is left when that can't be done.
        """
        new = self.temporarySibling(ext)
        try:
            with new.open("w") as file:
                file.write(content)
            os.replace(new.path, self._as(new.path))
        except BaseException:
            with suppress(OSError):  # it may be what couldn't be made
                os.unlink(new.path)
            raise
        self.changed()

    def touch(self) -> None:
        """Make the file if there is none, and set its times to now."""
        self.open("a").close()
        os.utime(self.path)
        self.changed()

    def chmod(self, mode: int) -> None:
        """Set the permissions."""
        os.chmod(self.path, mode)
        self.changed()

    def linkTo(self, linkFilePath: FilePath[Kind]) -> None:
        """Make a symbolic link at `linkFilePath` that leads here."""
        os.symlink(self.path, linkFilePath.path)

    # -- directories and all

    def createDirectory(self) -> None:
        """Make a directory."""
        os.mkdir(self.path)
        self.changed()

    def makedirs(self, ignoreExistingDirectory: bool = False) -> None:
        """Make a directory and all that it is in; one may be there if so it is said."""
        try:
            os.makedirs(self.path)
        except OSError as exc:
            there = exc.errno == errno.EEXIST and os.path.isdir(self.path)
            if not (there and ignoreExistingDirectory):
                raise
        self.changed()

    def remove(self) -> None:
        """Remove a file or a link, or a directory with all that is in it."""
        self.changed()
        if self.isdir() and not self.islink():
            for each in self.children():
                each.remove()
            os.rmdir(self.path)
        else:
            os.remove(self.path)
        self.changed()

    def copyTo(self, destination: FilePath[Any], followLinks: bool = True) -> None:
        """Copy a file, or a directory with all that is in it, to another path.

        Symbolic links are followed, or else copied as links.
        """
        if self.islink() and not followLinks:
            os.symlink(os.readlink(self.path), destination._as(self.path))
        elif self.isdir():
            if not destination.exists():
                destination.createDirectory()
            for each in self.children():
                each.copyTo(destination.child(each.basename()), followLinks)
        elif not (self.isfile() or self.exists()):
            raise OSError(errno.ENOENT, os.strerror(errno.ENOENT), self.path)
        else:
            with destination.open("w") as goal, self.open() as source:
                while piece := source.read(_PIECE):
                    goal.write(piece)
        destination.changed()

    def moveTo(self, destination: FilePath[Any], followLinks: bool = True) -> None:
        """Move it to another path, on another file system too, where it is copied and removed.

        A link that is moved to another file system is followed, or else moved as a link.
        """
        try:
            os.rename(self._as(destination.path), destination.path)
        except OSError as exc:
            if exc.errno != errno.EXDEV:
                raise
            # First whole beside it, so that nobody ever finds a part of it.
            whole = destination.temporarySibling()
            self.copyTo(whole, followLinks)
            whole.moveTo(destination, followLinks)
            self.remove()
        self.changed()
        destination.changed()

    # -- as a value

    def _compared(self, other: object) -> Any:
        """What to compare with `self.path`; None if that can't be."""
        same = isinstance(other, FilePath) and type(other.path) is type(self.path)
        return other.path if isinstance(other, FilePath) and same else None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, FilePath):
            return NotImplemented
        return bool(self.path == other.path)

    def __lt__(self, other: object) -> bool:
        path = self._compared(other)
        return NotImplemented if path is None else self.path < path

    def __le__(self, other: object) -> bool:
        path = self._compared(other)
        return NotImplemented if path is None else self.path <= path

    def __gt__(self, other: object) -> bool:
        path = self._compared(other)
        return NotImplemented if path is None else self.path > path

    def __ge__(self, other: object) -> bool:
        path = self._compared(other)
        return NotImplemented if path is None else self.path >= path

    def __hash__(self) -> int:
        return hash((FilePath, self.path))

    def __fspath__(self) -> Kind:
        return self.path

    def __getstate__(self) -> dict[str, Any]:
        # What is known of the file is no part of the path.
        return {name: value for name, value in vars(self).items() if name != "_statinfo"}

    def __repr__(self) -> str:
        return f"FilePath({self.path!r})"


_PIECE = 65536


def _dot(kind: object) -> Any:
    return b"." if isinstance(kind, bytes) else "."
