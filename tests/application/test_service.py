"""Services, what holds them, and a program's root."""

from __future__ import annotations

import copy
import gc
import pickle
from typing import Any

import pytest

from reactorlite.application.service import (
    Application,
    IProcess,
    IService,
    IServiceCollection,
    IServiceMaker,
    MultiService,
    Process,
    Service,
    ServiceMaker,
)
from reactorlite.internet.defer import Deferred, fail


class Told(Service):
    """Records what it is told; `end` is what `stopService` returns."""

    def __init__(self, name: str, story: list[str], end: Any = None) -> None:
        self.called, self.story, self.end = name, story, end

    def privilegedStartService(self) -> None:
        self.story.append(f"{self.called} takes rights")

    def startService(self) -> None:
        super().startService()
        self.story.append(f"{self.called} starts")

    def stopService(self) -> Any:
        super().stopService()
        self.story.append(f"{self.called} stops")
        return self.end


@pytest.fixture
def story() -> list[str]:
    """What happened."""
    return []


@pytest.fixture
def two(story: list[str]) -> MultiService:
    """A collection of a and b, which does not run."""
    collection = MultiService()
    for name in "ab":
        Told(name, story).setServiceParent(collection)
    return collection


# ── one service ──────────────────────────────────────────────────────────────────────────


def test_service_runs_from_start_to_stop() -> None:
    """`running` says whether a service was started and not stopped."""
    service = Service()
    said = [service.running]
    service.startService()
    said.append(service.running)
    service.stopService()

    assert [*said, service.running] == [False, True, False]
    assert IService.providedBy(service)


def test_name_is_kept_in_a_collection() -> None:
    """A service is named before it goes into a collection, and no more afterwards."""
    service, collection = Service(), MultiService()
    service.setName("one")
    service.setServiceParent(collection)

    with pytest.raises(RuntimeError, match="'one' is in a collection"):
        service.setName("other")

    assert collection.getServiceNamed("one") is service


def test_running_is_not_kept() -> None:
    """Copies and pickles of a service that runs don't run."""
    collection = MultiService()
    Service().setServiceParent(collection)
    collection.startService()

    for other in (copy.copy(collection), pickle.loads(pickle.dumps(collection))):
        assert not other.running
    assert [each.running for each in pickle.loads(pickle.dumps(collection))] == [False]


# ── a collection ─────────────────────────────────────────────────────────────────────────


def test_all_start_in_order_and_stop_in_reverse(two: MultiService, story: list[str]) -> None:
    """A collection starts its services in the order in which they came; the last stops first."""
    two.privilegedStartService()
    two.startService()
    two.stopService()

    assert story == [
        *("a takes rights", "b takes rights", "a starts", "b starts"),
        *("b stops", "a stops"),
    ]
    assert IServiceCollection.providedBy(two)
    assert IService.providedBy(two)


def test_newcomer_starts_at_once(two: MultiService, story: list[str]) -> None:
    """A service that comes into a collection that runs is started, rights and all."""
    two.startService()
    del story[:]

    Told("c", story).setServiceParent(two)

    assert story == ["c takes rights", "c starts"]


def test_parent_is_there_when_started() -> None:
    """A service that is started in its new collection finds that as its parent."""

    class Curious(Service):
        def startService(self) -> None:
            self.found = self.parent

    collection, service = MultiService(), Curious()
    collection.startService()

    service.setServiceParent(collection)

    assert service.found is collection


def test_stop_waits_for_all(two: MultiService, story: list[str]) -> None:
    """The Deferred of a collection fires when the last of its services has ended."""
    end: Deferred[None] = Deferred()
    Told("slow", story, end).setServiceParent(two)
    two.startService()
    ended: list[Any] = []

    two.stopService().addCallback(ended.append)

    assert ended == []
    end.callback(None)
    assert len(ended) == 1


def test_one_that_fails_to_stop_holds_up_nobody(story: list[str], log: Any) -> None:
    """What a service raises, or fails with, is logged, and the others stop all the same."""

    class Raising(Service):
        def stopService(self) -> None:
            raise ZeroDivisionError

    class Failing(Service):
        def stopService(self) -> Any:
            return fail(KeyError())

    collection = MultiService()
    for service in (Told("a", story), Raising(), Failing(), Told("b", story)):
        service.setServiceParent(collection)
    collection.startService()
    del story[:]
    ended: list[Any] = []

    collection.stopService().addCallback(ended.append)

    assert (story, len(ended)) == (["b stops", "a stops"], 1)
    del ended[:]
    gc.collect()  # by when errors are known to be nobody's
    assert sorted(log.take()) == ["KeyError()", "ZeroDivisionError()"]


def test_one_that_fails_to_start_is_heard(story: list[str]) -> None:
    """What a service raises when it starts passes through."""

    class Raising(Service):
        def startService(self) -> None:
            raise ZeroDivisionError

    collection = MultiService()
    Raising().setServiceParent(collection)

    with pytest.raises(ZeroDivisionError):
        collection.startService()


def test_leaving_stops(two: MultiService, story: list[str]) -> None:
    """A service that leaves a running collection is stopped, and its end can be waited for."""
    end: Deferred[None] = Deferred()
    service = Told("c", story, end)
    service.setServiceParent(two)
    two.startService()

    left = service.disownServiceParent()

    assert left is end
    assert (story[-1], service.parent, service in list(two)) == ("c stops", None, False)


def test_leaving_a_collection_that_rests(two: MultiService, story: list[str]) -> None:
    """Nothing is stopped where nothing runs; the name is free again."""
    service = Told("c", story)
    service.setName("c")
    service.setServiceParent(two)

    assert service.disownServiceParent() is None
    assert (story, two.namedServices) == ([], {})


def test_leaving_without_a_parent() -> None:
    """A service that is nowhere can't leave."""
    with pytest.raises(RuntimeError, match="no parent"):
        Service().disownServiceParent()


def test_moving(story: list[str]) -> None:
    """A service that goes into a collection leaves the one it was in."""
    first, second, service = MultiService(), MultiService(), Told("a", story)
    service.setServiceParent(first)

    service.setServiceParent(second)

    assert (list(first), list(second), service.parent) == ([], [service], second)


def test_names_are_used_once(two: MultiService) -> None:
    """A collection refuses a second service of one name, and one that is not there to leave."""
    one, other = Service(), Service()
    one.setName("x")
    other.setName("x")
    one.setServiceParent(two)

    with pytest.raises(RuntimeError, match="'x' already"):
        two.addService(other)
    with pytest.raises(ValueError, match="not in list"):
        two.removeService(other)

    assert two.getServiceNamed("x") is one
    with pytest.raises(KeyError):
        two.getServiceNamed("y")


# ── a program ────────────────────────────────────────────────────────────────────────────


def test_application_is_a_parent() -> None:
    """Services go into an application, which answers for the collection by its name."""
    application, service = Application("web"), Service()

    service.setServiceParent(application)

    assert list(IServiceCollection(application)) == [service]
    assert IService(application) is IServiceCollection(application) is service.parent
    assert IService(application).name == "web"


def test_application_says_as_whom_it_runs() -> None:
    """The numbers of user and group, 0 included, are what the application was given."""
    process = IProcess(Application("web", 0, 7))

    assert (process.uid, process.gid, process.processName) == (0, 7, None)
    assert (Process().uid, Process().gid) == (None, None)


def test_parent_must_be_a_collection() -> None:
    """What can hold no service is refused."""
    with pytest.raises(AttributeError, match="addService"):
        Service().setServiceParent(object())


def test_service_maker_imports_when_asked(tmp_path: Any, monkeypatch: Any) -> None:
    """The module is imported for its options, or to make the service, and not before."""
    (tmp_path / "made_by_test.py").write_text("Options = dict\ndef makeService(options): return 7")
    monkeypatch.syspath_prepend(tmp_path)
    maker = ServiceMaker("Test", "made_by_test", "A service.", "test")

    assert IServiceMaker.providedBy(maker)
    assert (maker.tapname, maker.description, maker.name) == ("test", "A service.", "Test")
    assert maker.options is dict
    assert maker.makeService({}) == 7
