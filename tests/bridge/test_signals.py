"""Signals stop a reactor that runs its own loop, and are as before when it returns."""

import asyncio
import os
import signal
import threading

import pytest

from reactorlite.bridge.signals import stopping_on_signals

STOPPING = [signal.SIGINT, signal.SIGTERM]


@pytest.fixture(autouse=True)
def _signals_as_before():
    """Every test leaves the signals as it found them."""
    before = {number: signal.getsignal(number) for number in STOPPING}
    yield
    after = {number: signal.getsignal(number) for number in STOPPING}
    for number, listener in before.items():
        signal.signal(number, listener)
    assert after == before


def heard(loop, number, stop=None):
    """Send a signal while the loop listens, and give what it heard."""
    signals = []

    def hear(which):
        signals.append(which)
        loop.stop()

    with stopping_on_signals(loop, hear):
        loop.call_soon(os.kill, os.getpid(), number)
        loop.run_forever()
    return signals


@pytest.mark.parametrize("number", STOPPING, ids=lambda number: number.name)
def test_signal_is_heard_by_the_loop(loop_factory, number):
    """SIGINT and SIGTERM are told to the reactor, from the loop, by their number."""
    assert heard(loop_factory(), number) == [number]


def test_listening_again(loop_factory):
    """A loop may listen, cease to, and listen again."""
    loop = loop_factory()

    assert [heard(loop, signal.SIGTERM), heard(loop, signal.SIGTERM)] == [[signal.SIGTERM]] * 2


def test_listeners_of_the_program_come_back(loop_factory):
    """What a program had set for SIGTERM is set again."""

    def listener(number, frame):
        pass

    loop = loop_factory()
    before = signal.signal(signal.SIGTERM, listener)
    with stopping_on_signals(loop, print):
        during = signal.getsignal(signal.SIGTERM)
    after = signal.signal(signal.SIGTERM, before)

    assert during is not listener
    assert after is listener


@pytest.mark.parametrize("action", [signal.SIG_IGN, signal.SIG_DFL])
def test_plain_actions_come_back(loop_factory, action):
    """A signal that was ignored, or had the system's meaning, has that again."""
    before = signal.signal(signal.SIGTERM, action)
    with stopping_on_signals(loop_factory(), print):
        pass
    after = signal.signal(signal.SIGTERM, before)

    assert after == action


def test_programs_own_sigint_is_left_alone(loop_factory):
    """A program that listens to SIGINT itself goes on to."""
    calls = []
    before = signal.signal(signal.SIGINT, lambda number, frame: calls.append(number))
    loop = loop_factory()
    with stopping_on_signals(loop, lambda number: calls.append("reactor")):
        loop.call_soon(os.kill, os.getpid(), signal.SIGINT)
        loop.call_later(0.01, loop.stop)
        loop.run_forever()
    signal.signal(signal.SIGINT, before)

    assert calls == [signal.SIGINT]


def test_restored_when_an_exception_passes(loop_factory):
    """An exception out of the loop doesn't leave the reactor listening."""
    before = signal.getsignal(signal.SIGTERM)

    def listen_and_leave():
        with stopping_on_signals(loop_factory(), print):
            raise SystemExit

    with pytest.raises(SystemExit):
        listen_and_leave()

    assert signal.getsignal(signal.SIGTERM) is before


def test_restored_when_the_loop_was_closed(loop_factory):
    """The loop may be closed by the time the reactor ceases to listen."""
    before = signal.getsignal(signal.SIGTERM)
    loop = loop_factory()

    with stopping_on_signals(loop, print):
        loop.close()

    assert signal.getsignal(signal.SIGTERM) is before


def test_wakeup_descriptor_is_given_back(loop_factory):
    """The descriptor that wakes a loop for signals is no longer set."""
    loop = loop_factory()
    with stopping_on_signals(loop, print):
        loop.call_soon(loop.stop)
        loop.run_forever()

    assert signal.set_wakeup_fd(-1) == -1


def test_other_threads_listen_to_nothing(loop_factory):
    """Off the main thread signals can't be listened to, and are left alone."""
    seen = []

    def work():
        loop = loop_factory()
        with stopping_on_signals(loop, print):
            seen.append([signal.getsignal(number) for number in STOPPING])

    before = [signal.getsignal(number) for number in STOPPING]
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()

    assert seen == [before]


def test_loop_without_signals_is_listened_to_all_the_same():
    """On a loop that can't listen, as Windows' can't, Python's own way is used."""

    class Deaf(asyncio.SelectorEventLoop):
        def add_signal_handler(self, *args):
            raise NotImplementedError

        remove_signal_handler = add_signal_handler

    loop = Deaf()
    signals = heard(loop, signal.SIGTERM)
    loop.close()

    assert signals == [signal.SIGTERM]
