"""Processes in one call, and warnings put aside."""

from __future__ import annotations

import asyncio
import warnings
from typing import Any

import pytest

from reactorlite.internet import error, utils
from reactorlite.internet.asyncioreactor import Reactor
from reactorlite.internet.defer import Deferred


@pytest.fixture
def ask(run: Any) -> Any:
    """Awaits what `call(reactor=...)` answers, in a host's loop."""

    def ask(call: Any, *args: Any, **options: Any) -> Any:
        async def main() -> Any:
            async with Reactor() as reactor:
                return await call(*args, reactor=reactor, **options)

        return run(main())

    return ask


def sh(script: str) -> tuple[str, list[str]]:
    """The program and the arguments for a script."""
    return "/bin/sh", ["-c", script]


def test_output(ask: Any) -> None:
    """The output is all that counts, whatever the exit code."""
    assert ask(utils.getProcessOutput, *sh("echo one; echo two; exit 3")) == b"one\ntwo\n"


def test_output_of_a_program_that_complains(run: Any) -> None:
    """Error output fails the Deferred at once; the error's own Deferred fires at the end."""

    async def main() -> Any:
        async with Reactor() as reactor:
            complaint = utils.getProcessOutput(*sh("echo oh >&2; cat"), reactor=reactor)
            with pytest.raises(OSError, match=r"got stderr: b'oh\\n'") as raised:
                await complaint
            ended = []
            raised.value.processEnded.addErrback(ended.append)
            while not ended:
                await asyncio.sleep(0.001)
            return ended[0]

    assert run(main()).check(error.ProcessDone, error.ProcessTerminated)


def test_output_with_errors(ask: Any) -> None:
    """With `errortoo` the error output is output."""
    script = sh("echo out; echo err >&2")

    assert sorted(ask(utils.getProcessOutput, *script, errortoo=True).split()) == [b"err", b"out"]


def test_environment_and_directory(ask: Any) -> None:
    """The environment is empty unless given; `path` is where the program runs."""
    assert ask(utils.getProcessOutput, "/usr/bin/env") == b""
    assert ask(utils.getProcessOutput, "/usr/bin/env", env={"A": "1"}) == b"A=1\n"
    assert ask(utils.getProcessOutput, "/bin/pwd", path="/usr") == b"/usr\n"


@pytest.mark.parametrize(("script", "value"), [("exit 3", 3), ("true", 0), ("kill -9 $$", None)])
def test_value(ask: Any, script: str, value: int | None) -> None:
    """The exit code, or None if there is none."""
    assert ask(utils.getProcessValue, *sh(script)) == value


def test_output_and_value(ask: Any) -> None:
    """Output, error output and exit code; the program reads what it is given."""
    script = sh("cat; echo err >&2; exit 3")

    result = ask(utils.getProcessOutputAndValue, *script, stdinBytes=b"x" * 100_000)

    assert result == (b"x" * 100_000, b"err\n", 3)


def test_output_and_value_of_a_program_that_is_killed(run: Any) -> None:
    """A signal is a failure, whose value has the outputs and the signal."""

    async def main() -> Any:
        async with Reactor() as reactor:
            asked = utils.getProcessOutputAndValue(*sh("echo hi; kill -9 $$"), reactor=reactor)
            failures: list[Any] = []
            asked.addErrback(failures.append)
            while not failures:
                await asyncio.sleep(0.001)
            return failures[0].value

    assert run(main()) == (b"hi\n", b"", 9)


def test_no_such_program(ask: Any) -> None:
    """A program that can't be started is an error in the call."""
    with pytest.raises(FileNotFoundError, match="/nonexistent/program"):
        ask(utils.getProcessValue, "/nonexistent/program")


@pytest.mark.parametrize("args", ["-l", b"-l"])
def test_text_for_arguments(args: Any) -> None:
    """One argument in place of a sequence, which would be taken apart, is refused."""
    with pytest.raises(TypeError, match=r"takes its arguments as a sequence, not b?'-l'"):
        utils.getProcessOutput("/bin/echo", args)


def test_current_reactor(run: Any) -> None:
    """Without a reactor, the running loop's is meant."""

    async def main() -> Any:
        return await utils.getProcessOutput("/bin/echo", ["hi"])

    assert run(main()) == b"hi\n"


IGNORE = (("ignore", "on purpose"), {})


def warn(result: Any = None) -> Any:
    """Warn, and answer `result`."""
    warnings.warn("on purpose", UserWarning, stacklevel=1)
    return result


def test_warnings_suppressed() -> None:
    """The filters hold for the call, and are gone when it has returned."""
    before = list(warnings.filters)

    assert utils.runWithWarningsSuppressed([IGNORE], warn, "answer") == "answer"

    assert warnings.filters == before
    with pytest.warns(UserWarning, match="on purpose"):
        warn()


def test_warnings_suppressed_for_a_deferred() -> None:
    """With a Deferred the filters hold until it has fired, and its result is kept."""
    before = list(warnings.filters)
    waiting: Deferred[str] = Deferred()
    results: list[str] = []

    utils.runWithWarningsSuppressed([IGNORE], warn, waiting).addCallback(results.append)
    warn()
    waiting.callback("answer")

    assert results == ["answer"]
    assert warnings.filters == before


def test_warnings_suppressed_when_it_raises() -> None:
    """What the call raises passes, and the filters are gone."""
    before = list(warnings.filters)

    with pytest.raises(ZeroDivisionError):
        utils.runWithWarningsSuppressed([IGNORE], divmod, 1, 0)

    assert warnings.filters == before


def test_suppressing_function() -> None:
    """`suppressWarnings` makes a function of the same name that warns no longer."""
    quiet = utils.suppressWarnings(warn, IGNORE)

    assert quiet("answer") == "answer"
    assert quiet.__name__ == "warn"
