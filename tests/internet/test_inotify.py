"""Changes of files and directories, told as they happen."""

import ctypes
import errno
import os
import pathlib
import select
import sys

import pytest

from reactorlite.internet import error, inotify
from reactorlite.internet._inotify import Calls, events
from reactorlite.internet.inotify import INotify, INotifyError, humanReadableMask
from reactorlite.python.filepath import FilePath
from tests.waiting import call_after_turns, call_when

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="inotify is Linux'")


class Watching:
    """A directory that is watched, and what was told of it."""

    def __init__(self, reactor, root):
        self.reactor, self.root, self.told = reactor, root, []
        self.notify = INotify(reactor)
        self.notify.startReading()

    def tell(self, _, path, mask):
        name = os.fsdecode(os.path.relpath(path.path, os.fsencode(self.root)))
        self.told.append((name, *humanReadableMask(mask)))

    def watch(self, path=None, **options):
        return self.notify.watch(path or self.root, callbacks=[self.tell], **options)

    def play(self, *acts):
        """Run the reactor, with each act when all has been told of the one before."""
        waiting = iter((*acts, self.reactor.stop))

        def act():
            next(waiting)()
            if self.reactor.running:
                call_when(self.reactor, self.has_told_all, go_on)

        def go_on():
            call_after_turns(self.reactor, act, 2)

        self.reactor.callWhenRunning(act)
        self.reactor.run()
        return self.told

    def has_told_all(self):
        """Whether the system has nothing more for the reactor to read."""
        descriptor = self.notify.fileno()
        return descriptor < 0 or not select.select([descriptor], [], [], 0)[0]


@pytest.fixture
def watching(reactor, tmp_path):
    """A watch on an empty directory, that has not been begun."""
    return Watching(reactor, tmp_path)


# ── events ───────────────────────────────────────────────────────────────────────────────


def test_files_in_a_directory(watching, tmp_path):
    """What happens to the files of a directory is told, by name and in order."""
    file = tmp_path / "file"
    watching.watch()

    told = watching.play(
        file.touch,
        lambda: file.write_text("x"),
        lambda: file.rename(tmp_path / "other"),
        (tmp_path / "other").unlink,
    )

    assert [each for each in told if each[1] != "attrib"] == [
        ("file", "create"),
        ("file", "modify"),
        ("file", "moved_from"),
        ("other", "moved_to"),
        ("other", "delete"),
    ]


def test_mask_chooses(watching, tmp_path):
    """Only what the mask has is told."""
    watching.watch(mask=inotify.IN_CLOSE_WRITE)

    told = watching.play(lambda: (tmp_path / "file").write_text("x"))

    assert told == [("file", "close_write")]


@pytest.mark.parametrize("kind", [str, os.fsencode, pathlib.Path, FilePath], ids=lambda k: str(k))
def test_any_kind_of_path(watching, tmp_path, kind):
    """A path may be text, bytes, a `PathLike` or a `FilePath`; a `FilePath` of bytes is told."""
    paths = []
    path = kind(str(tmp_path))
    watching.notify.watch(path, inotify.IN_CREATE, callbacks=[lambda *args: paths.append(args[1])])

    watching.play((tmp_path / "file").touch)

    assert paths == [FilePath(os.fsencode(tmp_path / "file"))]


def test_recursive(watching, tmp_path):
    """The directories that are there are watched too, but not those that links lead to."""
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "circle").symlink_to(tmp_path)
    watching.watch(recursive=True, mask=inotify.IN_CREATE)

    told = watching.play((tmp_path / "a" / "b" / "file").touch, (tmp_path / "a" / "c").mkdir)

    assert told == [("a/b/file", "create"), ("a/c", "create", "is_dir")]
    assert not watching.notify.connected


def test_directories_that_come_are_added(watching, tmp_path):
    """With `autoAdd` a new directory is watched, and what came into it before is told."""
    watching.watch(autoAdd=True, mask=inotify.IN_CREATE)

    def act():
        (tmp_path / "a" / "b").mkdir(parents=True)
        (tmp_path / "a" / "b" / "early").touch()

    told = watching.play(act, (tmp_path / "a" / "b" / "late").touch)

    assert told == [
        ("a", "create", "is_dir"),
        ("a/b", "create", "is_dir"),
        ("a/b/early", "close_write", "create"),
        ("a/b/late", "create"),
    ]


def test_directory_that_is_renamed(watching, tmp_path):
    """A directory that is moved within what is watched is told by its new name from then on."""
    (tmp_path / "old").mkdir()
    watching.watch(autoAdd=True, recursive=True, mask=inotify.IN_CREATE | inotify.IN_MOVED_TO)

    told = watching.play(
        lambda: (tmp_path / "old").rename(tmp_path / "new"), (tmp_path / "new" / "file").touch
    )

    assert told == [("new", "moved_to", "is_dir"), ("new/file", "create")]
    assert not watching.notify._isWatched(tmp_path / "old")


def test_mask_chooses_what_is_found(watching, tmp_path):
    """What is found in a directory that came is told only if the mask has it."""
    (tmp_path / "old" / "inner").mkdir(parents=True)
    watching.watch(tmp_path / "old", autoAdd=True, mask=inotify.IN_MOVED_TO)
    (tmp_path / "other" / "empty").mkdir(parents=True)

    told = watching.play(lambda: (tmp_path / "other").rename(tmp_path / "old" / "other"))

    assert told == [("old/other", "moved_to", "is_dir")]


def test_directory_that_comes_and_goes(watching, tmp_path):
    """A directory that is gone by the time it is heard of isn't watched, and is no error."""

    def act():
        (tmp_path / "short").mkdir()
        (tmp_path / "short").rmdir()

    watching.watch(autoAdd=True)

    told = watching.play(act)

    assert told == [("short", "create", "is_dir"), ("short", "delete", "is_dir")]


def test_directory_that_comes_and_cannot_be_watched(watching, tmp_path, log, monkeypatch):
    """When there are too many watches, a directory that comes is logged, and the rest goes on."""
    watching.watch(autoAdd=True, mask=inotify.IN_CREATE)

    class Full(Calls):
        def add(self, fd, path, mask):
            raise INotifyError(errno.ENOSPC, "no more")

    monkeypatch.setattr(INotify, "_inotify", Full())

    told = watching.play((tmp_path / "a").mkdir, (tmp_path / "b").touch)

    assert [each[0] for each in told] == ["a", "b"]
    assert log.take() == ["INotifyError(28, 'no more')"]


def test_callback_that_raises(watching, tmp_path, log):
    """What a callback raises is logged; the others are called, now and later."""

    def broken(*_):
        raise ValueError("broken")

    watching.notify.watch(tmp_path, inotify.IN_CREATE, callbacks=[broken, watching.tell])

    told = watching.play((tmp_path / "a").touch, (tmp_path / "b").touch)

    assert told == [("a", "create"), ("b", "create")]
    assert log.take() == ["ValueError('broken')"] * 2


def test_lost_events_are_logged(watching, tmp_path, log, monkeypatch):
    """When the system has dropped events, the log says so."""
    watching.watch()
    lost = (-1).to_bytes(4, sys.byteorder, signed=True)
    lost += inotify.IN_Q_OVERFLOW.to_bytes(4, sys.byteorder) + bytes(8)
    monkeypatch.setattr(inotify.os, "read", lambda *_: lost)

    assert watching.notify.doRead() is None

    watching.notify.loseConnection()
    assert ["lost events" in line for line in log.take()] == [True]


def test_nothing_to_read(watching):
    """A call with nothing there is no error."""
    assert watching.notify.doRead() is None
    watching.notify.loseConnection()


# ── watching and ignoring ────────────────────────────────────────────────────────────────


def test_ignored_path_is_not_told(watching, tmp_path):
    """After `ignore` nothing is told, and the path may be watched again."""
    watching.watch(mask=inotify.IN_CREATE)

    def again():
        watching.watch(mask=inotify.IN_CREATE)

    told = watching.play(
        (tmp_path / "a").touch,
        lambda: watching.notify.ignore(tmp_path),
        (tmp_path / "b").touch,
        again,
        (tmp_path / "c").touch,
    )

    assert told == [("a", "create"), ("c", "create")]


def test_ignored_by_a_callback(watching, tmp_path):
    """A callback may ignore the path; what was read with the event isn't told."""
    watching.watch(mask=inotify.IN_CREATE)
    tell = watching.tell

    def once(*args):
        tell(*args)
        watching.notify.ignore(tmp_path)

    watching.notify.ignore(tmp_path)
    watching.notify.watch(tmp_path, inotify.IN_CREATE, callbacks=[once])

    def act():
        (tmp_path / "a").touch()
        (tmp_path / "b").touch()

    assert watching.play(act) == [("a", "create")]


def test_ended_by_a_callback(watching, tmp_path):
    """After a callback has ended it, nothing more is told."""

    def once(*args):
        watching.tell(*args)
        watching.notify.loseConnection()

    watching.notify.watch(tmp_path, inotify.IN_CREATE, callbacks=[once])

    def act():
        (tmp_path / "a").touch()
        (tmp_path / "b").touch()

    assert watching.play(act) == [("a", "create")]


def test_watched_path_stays_as_it_was(watching, tmp_path):
    """To watch a path again changes nothing, and answers the same number."""
    first = watching.watch(mask=inotify.IN_CREATE)
    again = watching.watch(mask=inotify.IN_ATTRIB)

    assert first == again
    assert watching.play((tmp_path / "a").touch) == [("a", "create")]


def test_path_that_is_not_watched(watching, tmp_path):
    """To ignore it is a `KeyError`."""
    with pytest.raises(KeyError, match="not watched"):
        watching.notify.ignore(tmp_path)
    watching.notify.loseConnection()


@pytest.mark.parametrize("bad", [5, None, object()])
def test_what_is_no_path(watching, bad):
    """The error says what is taken."""
    with pytest.raises(TypeError, match="as FilePath, text or bytes, not"):
        watching.notify.watch(bad)
    watching.notify.loseConnection()


def test_path_that_is_not_there(watching, tmp_path):
    """The error has the reason and the path."""
    with pytest.raises(INotifyError) as caught:
        watching.watch(tmp_path / "none")

    watching.notify.loseConnection()
    assert caught.value.errno == errno.ENOENT
    assert caught.value.filename == os.fsencode(tmp_path / "none")


# ── the end ──────────────────────────────────────────────────────────────────────────────


def test_end_of_the_last_path_is_the_end(watching, tmp_path):
    """When the last path is removed, that is told, whatever the mask, and the descriptor closed."""
    file = tmp_path / "file"
    file.touch()
    watching.watch(file, mask=inotify.IN_OPEN)

    told = watching.play(file.unlink)

    assert told == [("file", "delete_self")]
    assert watching.notify.disconnected
    assert watching.notify.fileno() == -1


def test_end_of_one_path_of_two(watching, tmp_path):
    """While there is another path, the end of one is not the end."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        watching.watch(tmp_path / name, mask=inotify.IN_CREATE)

    told = watching.play((tmp_path / "one").rmdir, (tmp_path / "two" / "file").touch)

    assert told == [("one", "delete_self"), ("two/file", "create")]


def test_reactor_that_ends_closes_it(watching):
    """The end of the reactor closes the descriptor, and nothing is watched any longer."""
    watching.watch()
    descriptor = watching.notify.fileno()

    watching.play()

    assert not os.path.exists(f"/proc/self/fd/{descriptor}")
    watching.notify.loseConnection()
    watching.notify.connectionLost(error.ConnectionLost())
    with pytest.raises(INotifyError, match="has ended"):
        watching.watch()


def test_close_that_fails_is_logged(watching, log):
    """A descriptor that somebody else has closed is logged."""
    watching.notify.stopReading()
    os.close(watching.notify.fileno())

    watching.notify.loseConnection()

    assert log.take() == ["OSError(9, 'Bad file descriptor')"]


# ── the system ───────────────────────────────────────────────────────────────────────────


def test_system_without_inotify(monkeypatch):
    """Elsewhere than on Linux the error says that this is the reason."""
    monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: object())

    with pytest.raises(INotifyError, match="inotify is Linux'"):
        Calls().init()


def test_limits_say_where_they_are(monkeypatch):
    """When the system has too few left, the error says where to raise the limit."""

    class Refusing:
        def inotify_init1(self, flags):
            ctypes.set_errno(errno.EMFILE)
            return -1

    monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: Refusing())

    with pytest.raises(INotifyError, match="max_user_instances"):
        Calls().init()


def test_events_are_read_from_bytes():
    """Several events in one read, with names and without."""
    one = b"\x01\0\0\0\x02\0\0\0\0\0\0\0\0\0\0\0"
    two = b"\x02\0\0\0\x00\x01\0\0\0\0\0\0\x10\0\0\0" + b"name".ljust(16, b"\0")

    assert list(events(one + two)) == [(1, 2, b""), (2, 0x100, b"name")]


def test_names_of_masks():
    """Every flag has a name, and a mask those of its flags."""
    assert humanReadableMask(inotify.IN_CREATE | inotify.IN_ISDIR) == ["create", "is_dir"]
    assert humanReadableMask(inotify.IN_CHANGED) == ["modify", "attrib"]
    assert humanReadableMask(0) == []
    assert {"IN_CREATE", "IN_WATCH_MASK", "INotify"} < set(inotify.__all__)
