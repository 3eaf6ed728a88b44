"""Descriptors by number: modes, and reads and writes that don't wait."""

import os

import pytest

from reactorlite.internet import fdesc


@pytest.fixture
def pipe():
    """Both ends of a pipe, that doesn't block."""
    ends = os.pipe()
    for end in ends:
        fdesc.setNonBlocking(end)
    yield ends
    for end in ends:
        if os.path.exists(f"/dev/fd/{end}"):
            os.close(end)


def test_blocking_and_not(pipe):
    """The mode is set, and set back."""
    reading, writing = pipe
    before = os.get_blocking(reading), os.get_blocking(writing)

    fdesc.setBlocking(reading)

    assert before == (False, False)
    assert os.get_blocking(reading)


def test_inherited_or_not(pipe):
    """Programs that are started get a descriptor, or don't."""
    reading, _ = pipe

    fdesc._unsetCloseOnExec(reading)
    inherited = os.get_inheritable(reading)
    fdesc._setCloseOnExec(reading)

    assert inherited
    assert not os.get_inheritable(reading)


def test_read_what_was_written(pipe):
    """What is written comes to the callback, up to 8 KiB at once."""
    reading, writing = pipe
    taken = []

    assert fdesc.writeToFD(writing, bytes(10_000)) == 10_000
    assert fdesc.readFromFD(reading, taken.append) is None
    assert fdesc.readFromFD(reading, taken.append) is None

    assert [len(piece) for piece in taken] == [8192, 1808]


def test_nothing_to_read(pipe):
    """With nothing there the callback isn't called, and nothing is wrong."""
    assert fdesc.readFromFD(pipe[0], pytest.fail) is None


def test_no_room(pipe):
    """A full pipe takes 0 bytes."""
    while fdesc.writeToFD(pipe[1], bytes(65536)):
        pass

    assert fdesc.writeToFD(pipe[1], b"x") == 0


def test_end_of_data(pipe):
    """After the last of the data the answer is `CONNECTION_DONE`."""
    reading, writing = pipe
    os.close(writing)

    assert fdesc.readFromFD(reading, pytest.fail) is fdesc.CONNECTION_DONE


def test_nobody_reads(pipe):
    """To write what nobody can read any more is answered by `CONNECTION_LOST`."""
    reading, writing = pipe
    os.close(reading)

    assert fdesc.writeToFD(writing, b"x") is fdesc.CONNECTION_LOST


def test_closed(pipe):
    """A descriptor that is closed is `CONNECTION_LOST` both ways."""
    for end in pipe:
        os.close(end)

    assert fdesc.readFromFD(pipe[0], pytest.fail) is fdesc.CONNECTION_LOST
    assert fdesc.writeToFD(pipe[1], b"x") is fdesc.CONNECTION_LOST
