"""Messages and errors, as they reach the standard logging module."""

import logging

import pytest

from reactorlite.python import log
from reactorlite.python.failure import Failure, NoCurrentExceptionError


@pytest.fixture
def logged(caplog):
    """What was logged, at any level."""
    caplog.set_level(logging.DEBUG, logger="reactorlite")
    return caplog


def fallen():
    """A failure with a traceback."""
    try:
        raise ValueError("fell")
    except ValueError:
        return Failure()


def test_message(logged):
    """A message is logged as information, its parts joined with blanks."""
    log.msg("opened", 3, None)

    (record,) = logged.records
    assert (record.name, record.levelno) == ("reactorlite", logging.INFO)
    assert record.getMessage() == "opened 3 None"


def test_message_is_logged_from_where_it_was_said(logged):
    """A record names the function that called `msg` or `err`."""
    log.msg("here")
    log.err("here")

    assert {record.funcName for record in logged.records} == {
        "test_message_is_logged_from_where_it_was_said"
    }


def test_percent_signs_are_left_alone(logged):
    """A message is no format."""
    log.msg("100 %s")

    assert logged.records[0].getMessage() == "100 %s"


def test_format(logged):
    """`format` is filled in from the keyword arguments, which stay on the record."""
    log.msg(format="%(count)d open", count=3)

    assert logged.records[0].getMessage() == "3 open"
    assert logged.records[0].event["count"] == 3


@pytest.mark.parametrize(
    ("said", "level"),
    [({"logLevel": logging.DEBUG}, logging.DEBUG), ({"isError": 1}, logging.ERROR)],
)
def test_level(logged, said, level):
    """A message may say its level, or that it is an error."""
    log.msg("said", **said)

    assert logged.records[0].levelno == level


def test_messages_that_nobody_wants_are_not_made(caplog):
    """A message below the logger's level isn't turned into text."""

    class Unprinted:
        def __str__(self):
            raise AssertionError("was turned into text")

    caplog.set_level(logging.WARNING, logger="reactorlite")

    log.msg(Unprinted())

    assert caplog.records == []


def test_error_of_a_failure(logged):
    """A failure is logged as an error, with its exception and traceback."""
    made = fallen()

    log.err(made)

    (record,) = logged.records
    assert record.levelno == logging.ERROR
    assert record.getMessage() == "Unhandled Error"
    assert record.exc_info == (ValueError, made.value, made.tb)


def test_error_of_an_exception(logged):
    """An exception is logged with its own traceback."""
    error = fallen().value

    log.err(error)

    assert logged.records[0].exc_info == (ValueError, error, error.__traceback__)


def test_error_being_handled(logged):
    """Without an argument the current exception is logged."""
    try:
        raise KeyError("k")
    except KeyError as error:
        log.err()
        expected = error

    assert logged.records[0].exc_info[1] is expected


def test_no_error_to_log(logged):
    """Without an argument and a current exception there is nothing to log."""
    with pytest.raises(NoCurrentExceptionError):
        log.err()

    assert logged.records == []


def test_error_says_why(logged):
    """The second argument is the message, further ones stay on the record."""
    log.err(fallen(), "while falling", height=3)

    assert logged.records[0].getMessage() == "while falling"
    assert logged.records[0].event == {"height": 3}


@pytest.mark.parametrize(("why", "text"), [(None, "'odd'"), ("because", "because: 'odd'")])
def test_error_of_anything_else(logged, why, text):
    """What is no exception is logged as its repr."""
    log.err("odd", why)

    assert (logged.records[0].levelno, logged.records[0].getMessage()) == (logging.ERROR, text)
    assert logged.records[0].exc_info is None


def test_error_of_a_cleaned_failure_shows_its_frames(caplog):
    """A failure without traceback is logged with the frames it remembers."""
    made = fallen()
    made.cleanFailure()

    log.err(made)

    assert ", in fallen\n    raise ValueError" in caplog.text


def test_error_of_a_failure_without_exception(caplog):
    """A failure of a plain string is logged with that string."""
    log.err(Failure("text"))

    assert "<class 'str'>: text" in caplog.text


def test_errors_that_nobody_wants_are_not_made(caplog):
    """An error below the logger's level isn't logged, and says whether there is one at all."""
    caplog.set_level(logging.CRITICAL, logger="reactorlite")

    log.err(fallen())

    assert caplog.records == []
    with pytest.raises(NoCurrentExceptionError):
        log.err()


def test_deferr():
    """`deferr` is `err`, made to be added as an errback."""
    assert log.deferr is log.err
