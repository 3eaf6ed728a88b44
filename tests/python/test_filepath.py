"""Paths as objects: names that stay where they belong, files, directories, and what is known."""

import errno
import os
import pickle
import time

import pytest

from reactorlite.python.filepath import (
    RWX,
    FilePath,
    InsecurePath,
    LinkError,
    Permissions,
    UnlistableError,
)


@pytest.fixture(params=[str, os.fsencode], ids=["text", "bytes"])
def here(request, tmp_path):
    """An empty directory, as text and as bytes."""
    return FilePath(request.param(str(tmp_path)))


@pytest.fixture
def name(here):
    """Makes names of the kind that the path has."""
    return lambda text: text if isinstance(here.path, str) else os.fsencode(text)


# ── names ────────────────────────────────────────────────────────────────────────────────


def test_path_is_absolute():
    """A path is made absolute, and normal, when it is made."""
    assert FilePath("/a/../b").path == "/b"
    assert FilePath("x").path == os.path.abspath("x")
    assert FilePath("x").isabs()


@pytest.mark.parametrize("bad", ["..", "../x", "/etc", "a/b", "./../x"])
def test_child_stays_inside(here, name, bad):
    """`child` refuses what is more than a name."""
    with pytest.raises(InsecurePath):
        here.child(name(bad))


@pytest.mark.parametrize("bad", ["..", "../x", "/etc", "a/../.."])
def test_preauth_child_stays_inside(here, name, bad):
    """`preauthChild` takes several names, that stay inside."""
    assert here.preauthChild(name("a/b")).segmentsFrom(here) == [name("a"), name("b")]
    with pytest.raises(InsecurePath):
        here.preauthChild(name(bad))


def test_preauth_child_is_no_mere_prefix():
    """A path beside, whose name only begins the same, isn't inside; and all is in the root."""
    with pytest.raises(InsecurePath):
        FilePath("/a").preauthChild("../ab")

    assert FilePath("/").preauthChild("a").path == "/a"


def test_relatives(here, name):
    """Children, siblings, parents, descendants and what leads from one to the other."""
    deep = here.descendant([name("a"), name("b"), name("c.tar.gz")])

    assert deep.basename() == name("c.tar.gz")
    assert deep.parent().dirname() == here.child(name("a")).path
    assert deep.sibling(name("d")) == deep.parent().child(name("d"))
    assert deep.segmentsFrom(here) == [name("a"), name("b"), name("c.tar.gz")]
    assert list(deep.parents())[1] == here.child(name("a"))
    assert deep.splitext()[1] == name(".gz")
    assert deep.siblingExtension(name(".x")).basename() == name("c.tar.gz.x")
    with pytest.raises(ValueError, match="no parent of"):
        here.segmentsFrom(deep)


def test_what_is_made_is_of_the_kind_of_the_argument(tmp_path):
    """Text makes paths of text, bytes make paths of bytes."""
    text = FilePath(str(tmp_path))

    assert isinstance(text.child(b"a").path, bytes)
    assert isinstance(text.asBytesMode().child("a").path, str)
    assert isinstance(text.temporarySibling(b".x").path, bytes)
    assert isinstance(text.siblingExtension(b".x").path, bytes)
    assert text.asBytesMode().asTextMode() == text
    assert text.asTextMode() is text
    assert (text.sep, text.asBytesMode().sep) == ("/", b"/")


def test_modes_with_an_encoding():
    """An encoding may be given, and must fit."""
    assert FilePath("/\u2603").asBytesMode("utf-8").path == b"/\xe2\x98\x83"
    assert FilePath(b"/\xe2\x98\x83").asTextMode("utf-8").path == "/\u2603"
    with pytest.raises(UnicodeError):
        FilePath("/\u2603").asBytesMode("ascii")


def test_as_values():
    """Paths are compared and hashed by what they are, and are none of the text they hold."""
    assert FilePath("/a") == FilePath("/a")
    assert FilePath("/a") != FilePath(b"/a")
    assert FilePath("/a") != "/a"
    assert FilePath("/a") < FilePath("/b") <= FilePath("/b")
    assert FilePath("/b") > FilePath("/a") >= FilePath("/a")
    assert len({FilePath("/a"), FilePath("/a"), "/a"}) == 2
    assert repr(FilePath(b"/a")) == "FilePath(b'/a')"
    assert os.fspath(FilePath("/a")) == "/a"
    for compare in ("__lt__", "__le__", "__gt__", "__ge__"):
        assert getattr(FilePath("/a"), compare)(b"/a") is NotImplemented


def test_pickled_path_asks_anew(here):
    """What is known of the file is no part of a path that is kept."""
    assert here.exists()

    again = pickle.loads(pickle.dumps(here))

    assert again == here
    assert again._statinfo is None


# ── files ────────────────────────────────────────────────────────────────────────────────


def test_content(here, name):
    """`setContent` replaces the file at once; nothing is left beside it."""
    file = here.child(name("file"))
    file.setContent(b"one")
    file.setContent(b"two", name("-part"))

    assert file.getContent() == b"two"
    assert here.children() == [file]
    assert file.getsize() == 3


def test_content_that_cannot_be(here, name):
    """`setContent` leaves the file as it was, and nothing beside it, when it fails."""
    file = here.child(name("file"))
    file.setContent(b"one")

    with pytest.raises(TypeError):
        file.setContent("text")

    assert file.getContent() == b"one"
    assert here.children() == [file]


def test_open_is_binary(here, name):
    """Files are read and written as bytes."""
    file = here.child(name("file"))

    with file.open("w") as opened:
        opened.write(b"a\n")
    with file.open("ab") as opened:
        opened.write(b"b\n")

    with file.open() as opened:
        assert opened.read() == b"a\nb\n"


def test_always_create(here, name):
    """What is always created is never what was there, nor appended to."""
    file = FilePath(here.child(name("file")).path, alwaysCreate=True)
    file.open("w").close()

    with pytest.raises(FileExistsError):
        file.open("w")
    with pytest.raises(AssertionError, match="appended"):
        file.touch()
    file.requireCreate(False)
    file.touch()


def test_what_is_known_is_remembered(here, name):
    """The system is asked once, and again after `changed` and `restat`."""
    file = here.child(name("file"))
    file.setContent(b"12345")
    before = file.getsize()
    os.truncate(file.path, 3)

    remembered = file.getsize()
    file.changed()
    after = file.getsize()
    os.remove(file.path)
    exists = file.exists()
    file.restat(False)

    assert (before, remembered, after, exists, file.exists()) == (5, 5, 3, True, False)
    with pytest.raises(FileNotFoundError):
        file.restat()


def test_what_is_known(here, name):
    """Kinds, times, numbers and permissions."""
    file = here.child(name("file"))
    file.touch()
    file.chmod(0o640)

    assert (file.isfile(), file.isdir(), here.isdir()) == (True, False, True)
    assert not file.isSocket()
    assert not file.isBlockDevice()
    assert not file.islink()
    times = file.getmtime(), file.getctime(), file.getatime()
    assert all(abs(each - time.time()) < 60 and type(each) is int for each in times)
    assert type(file.getModificationTime()) is float
    status = os.stat(file.path)
    assert file.getInodeNumber() == status.st_ino
    assert file.getDevice() == status.st_dev
    assert file.getNumberOfHardLinks() == 1
    assert (file.getUserID(), file.getGroupID()) == (status.st_uid, status.st_gid)
    assert file.getPermissions() == Permissions(0o640)
    assert file.getPermissions().shorthand() == "rw-r-----"


def test_permissions_as_values():
    """Permissions are compared by what they allow, and show it."""
    assert Permissions(0o755).other == RWX(True, False, True)
    assert Permissions(0o755) != Permissions(0o754)
    assert Permissions(0o755) != 0o755
    assert hash(Permissions(0o755)) == hash(Permissions(0o100755))
    assert "RWX(read=True, write=True, execute=True)" in repr(Permissions(0o755))


def test_search(here, name):
    """The first name, or extension, of which there is a file."""
    file = here.child(name("file"))
    here.child(name("file.b")).touch()

    assert here.childSearchPreauth(name("none"), name("file.b")).basename() == name("file.b")
    assert here.childSearchPreauth(name("none"), name("..")) is None
    assert file.siblingExtensionSearch(name(".a"), name(".b")).basename() == name("file.b")
    assert file.siblingExtensionSearch(name("*")).basename() == name("file.b")
    assert file.siblingExtensionSearch(name("")) is None
    assert [each.basename() for each in here.globChildren(name("*.b"))] == [name("file.b")]


# ── directories, links, and moving ───────────────────────────────────────────────────────


@pytest.fixture
def tree(here, name):
    """A directory with a file in a directory, and a link to it."""
    tree = here.child(name("tree"))
    inner = tree.child(name("inner"))
    inner.makedirs()
    inner.child(name("file")).setContent(b"content")
    inner.child(name("file")).linkTo(tree.child(name("link")))
    return tree


def test_directories(here, name):
    """Directories are made one or many at once, and once."""
    inner = here.child(name("a")).child(name("b"))
    inner.makedirs()
    inner.makedirs(ignoreExistingDirectory=True)
    inner.child(name("file")).touch()

    with pytest.raises(FileExistsError):
        inner.makedirs()
    with pytest.raises(FileExistsError):
        inner.createDirectory()
    with pytest.raises(FileExistsError):
        inner.child(name("file")).makedirs(ignoreExistingDirectory=True)


def test_children_of_what_has_none(here, name):
    """A file, and nothing at all, can't be listed; the error tells why."""
    with pytest.raises(UnlistableError) as caught:
        here.child(name("none")).children()

    assert caught.value.errno == errno.ENOENT
    assert isinstance(caught.value.originalException, FileNotFoundError)


def test_walk(tree, name):
    """All that is in a directory is walked, but for what one wouldn't descend into."""
    found = {each.basename() for each in tree.walk()}
    shallow = {each.basename() for each in tree.walk(lambda each: False)}

    assert found == {name(each) for each in ("tree", "inner", "file", "link")}
    assert shallow == {name(each) for each in ("tree", "inner", "link")}


def test_walk_in_a_circle(tree, name):
    """A link that leads back is an error, unless one doesn't descend into it."""
    tree.linkTo(tree.child(name("circle")))

    with pytest.raises(LinkError):
        list(tree.walk())

    assert len(list(tree.walk(lambda each: not each.islink()))) == 5


def test_real_paths(tree, name):
    """Links are followed to what they name; in a circle they name nothing."""
    circle = tree.child(name("circle"))
    circle.linkTo(circle)

    assert tree.child(name("link")).realpath() == tree.child(name("inner")).child(name("file"))
    assert tree.child(name("none")).realpath() == tree.child(name("none"))
    with pytest.raises(LinkError):
        circle.realpath()


@pytest.mark.parametrize("follow", [True, False])
def test_copy(tree, name, follow):
    """A directory is copied with all that is in it; links become files, or stay links."""
    copy = tree.sibling(name("copy"))
    tree.copyTo(copy, followLinks=follow)
    copy.child(name("again")).createDirectory()
    tree.copyTo(copy.child(name("again")), followLinks=follow)

    assert copy.child(name("inner")).child(name("file")).getContent() == b"content"
    assert copy.child(name("link")).getContent() == b"content"
    assert copy.child(name("link")).islink() is not follow
    with pytest.raises(FileNotFoundError):
        tree.child(name("none")).copyTo(copy)


def test_remove(tree, name):
    """A directory goes with all that is in it; of a link only the link."""
    outside = tree.sibling(name("outside"))
    outside.createDirectory()
    outside.child(name("file")).touch()
    outside.linkTo(tree.child(name("away")))

    tree.remove()

    assert not tree.exists()
    assert outside.child(name("file")).exists()


@pytest.mark.parametrize("far", [False, True])
def test_move(tree, name, far, monkeypatch):
    """A directory is moved, to another file system too, and both paths know."""
    goal, rename, refused = tree.sibling(name("goal")), os.rename, []

    def once(source, to):
        if far and not refused:
            refused.append(source)
            raise OSError(errno.EXDEV, "another file system")
        rename(source, to)

    monkeypatch.setattr(os, "rename", once)
    assert (tree.exists(), goal.exists()) == (True, False)

    tree.moveTo(goal)

    assert (tree.exists(), goal.exists(), len(refused)) == (False, True, far)
    assert goal.child(name("inner")).child(name("file")).getContent() == b"content"


def test_move_that_fails(tree, name):
    """What can't be moved is an error, and stays."""
    with pytest.raises(OSError, match="inner"):
        tree.moveTo(tree.child(name("inner")).child(name("deeper")))

    assert tree.exists()
