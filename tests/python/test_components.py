"""Declaring, asking and adapting, with zope.interface and without."""

from __future__ import annotations

import importlib
import importlib.util
import pickle
import subprocess
import sys
from itertools import count
from types import ModuleType
from typing import Any

import pytest

from reactorlite.python import components

serial = count()


@pytest.fixture(params=["_zope", "_standin"])
def backing(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Each of the two places where interfaces are made."""
    if request.param == "_zope":
        pytest.importorskip("zope.interface")
    module = importlib.import_module(f"reactorlite.python.{request.param}")
    monkeypatch.setattr(components, "backing", lambda: module)
    return module


@pytest.fixture
def interfaces(backing: ModuleType) -> Any:
    """Three interfaces: IBase, IMore that extends it, and IOther."""
    # zope.interface takes interfaces for equal that have the same name and module.
    body = {"__module__": f"made_up_{next(serial)}"}
    make = type(backing.Interface)
    base = make("IBase", (backing.Interface,), dict(body))
    more = make("IMore", (base,), dict(body))
    other = make("IOther", (backing.Interface,), dict(body))
    return base, more, other


def run_fresh(code: str, *, zope: bool = True) -> str:
    """Run a program in a new process, with zope.interface or as if it were missing."""
    block = "" if zope else "import sys; sys.modules['zope.interface'] = None\n"
    command = [sys.executable, "-X", "dev", "-W", "error", "-c", block + code]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


either = pytest.mark.parametrize(
    "zope",
    [
        pytest.param(
            True,
            marks=pytest.mark.skipif(
                importlib.util.find_spec("zope") is None, reason="needs zope.interface"
            ),
        ),
        False,
    ],
)


# ── declaring and asking ─────────────────────────────────────────────────────────────────


def test_declared_is_provided(interfaces: Any) -> None:
    """What a class declares, its instances provide."""
    base, _, other = interfaces

    @components.implementer(base)
    class Kept:
        pass

    assert base.implementedBy(Kept)
    assert base.providedBy(Kept())
    assert not other.providedBy(Kept())
    assert not base.providedBy(Kept)


def test_subclass_inherits_declarations(interfaces: Any) -> None:
    """A subclass keeps what its parents declared, beside its own."""
    base, _, other = interfaces

    @components.implementer(base)
    class Parent:
        pass

    @components.implementer(other)
    class Child(Parent):
        pass

    assert base.providedBy(Child())
    assert other.providedBy(Child())
    assert not other.providedBy(Parent())


def test_extending_interface_provides_the_extended(interfaces: Any) -> None:
    """Who keeps an interface keeps those it extends, not those that extend it."""
    base, more, _ = interfaces

    @components.implementer(more)
    class Kept:
        pass

    @components.implementer(base)
    class Less:
        pass

    assert base.providedBy(Kept())
    assert not more.providedBy(Less())
    assert more.extends(base)
    assert not base.extends(base)
    assert base.extends(base, strict=False)


def test_slots_do_not_hinder(interfaces: Any) -> None:
    """A class without instance dictionaries can declare."""
    base, _, _ = interfaces

    @components.implementer(base)
    class Tight:
        __slots__ = ()

    assert base.providedBy(Tight())


def test_one_object_provides_directly(interfaces: Any) -> None:
    """One object can provide more than its class says, and others don't."""
    base, _, other = interfaces

    @components.implementer(base)
    class Kept:
        pass

    special = Kept()
    components.directlyProvides(special, other)

    assert other.providedBy(special)
    assert base.providedBy(special)
    assert not other.providedBy(Kept())


def test_class_as_an_object(interfaces: Any) -> None:
    """What a class provides itself, neither its instances nor its subclasses provide."""
    base, _, _ = interfaces

    class Plugin:
        pass

    class Child(Plugin):
        pass

    components.directlyProvides(Plugin, base)

    assert base.providedBy(Plugin)
    assert not base.providedBy(Plugin())
    assert not base.providedBy(Child)


def test_proxy_that_forwards_attributes(interfaces: Any) -> None:
    """An object that passes attributes on provides what the other one does."""
    base, _, other = interfaces

    @components.implementer(base)
    class Kept:
        pass

    class Front:
        def __getattr__(self, name: str) -> Any:
            return getattr(Kept(), name)

    assert base.providedBy(Front())
    assert not other.providedBy(Front())


def test_answering_to_any_name_is_not_declaring() -> None:
    """To the stand-in, an object with every attribute does not provide every interface."""
    standin = importlib.import_module("reactorlite.python._standin")

    class Agreeable:
        def __getattr__(self, name: str) -> Any:
            return self

    assert not standin.Interface.providedBy(Agreeable())


def test_shape_lists_its_names(backing: ModuleType) -> None:
    """A body written with `self` and properties tells its methods and attributes."""

    class IThing(backing.Shape):  # type: ignore[name-defined, misc]  # chosen at run time
        """A thing."""

        @property
        def size(self) -> int:
            """How big it is."""

        def grow(self, by: int = 1) -> None:
            """Grow."""

    class IBig(IThing, backing.Shape):  # type: ignore[name-defined, misc]
        """A big thing."""

        def shrink(self) -> None:
            """Shrink."""

    assert sorted(IThing.names()) == ["grow", "size"]
    assert list(IBig.names()) == ["shrink"]
    assert sorted(IBig.names(all=True)) == ["grow", "shrink", "size"]
    assert IBig.extends(IThing)
    assert backing.is_interface(IBig)
    assert not backing.is_interface(backing.Interface)
    assert not backing.is_interface(backing.Shape)


def test_attribute_documents_itself(backing: ModuleType) -> None:
    """One text alone is an attribute's documentation, two are its name and that."""
    alone = backing.Attribute("How big it is.")
    named = backing.Attribute("size", "How big it is.")

    assert alone.__doc__ == named.__doc__ == "How big it is."
    assert named.__name__ == "size"


# ── by name ──────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget which interfaces there are, for the time of a test."""
    for name, empty in (("_known", {}), ("_waiting", []), ("_waiting_for", {})):
        monkeypatch.setattr(components, name, empty)


@pytest.mark.usefixtures("nothing_known")
def test_name_waits_for_the_interface(interfaces: Any) -> None:
    """A declaration by name takes effect when the interface comes into being."""
    base, _, other = interfaces

    @components.implementer("IBase", other)
    class Kept:
        pass

    assert not base.providedBy(Kept())
    components.come_into_being({"IBase": base, "unrelated": 3})

    assert base.providedBy(Kept())
    assert other.providedBy(Kept())


@pytest.mark.usefixtures("nothing_known")
def test_known_name_takes_effect_at_once(interfaces: Any) -> None:
    """A declaration by the name of an interface that exists needs no waiting."""
    base, _, _ = interfaces
    components.come_into_being({"IBase": base})

    @components.implementer("IBase")
    class Kept:
        pass

    assert base.providedBy(Kept())


@pytest.mark.usefixtures("nothing_known")
def test_waits_for_all_names(interfaces: Any) -> None:
    """A declaration of names from two modules waits for the second of them."""
    base, _, other = interfaces

    @components.implementer("IBase", "IOther")
    class Kept:
        pass

    components.come_into_being({"IBase": base})
    waited = components.adapted("IOther", Kept())
    components.come_into_being({"IOther": other})

    assert isinstance(waited, Kept)
    assert base.providedBy(Kept())
    assert other.providedBy(Kept())


@pytest.mark.usefixtures("nothing_known", "backing")
def test_adapted_before_the_interface_exists() -> None:
    """Until there is an interface, only who declared its very name can keep it."""

    @components.implementer("IBase")
    class Kept:
        pass

    class Child(Kept):
        pass

    child = Child()

    assert components.adapted("IBase", child) is child
    assert components.adapted("IBase", object()) is None
    assert components.adapted("IBase", object(), 7) == 7
    assert components.adapted("IUnheardOf", child, 7) == 7


@pytest.mark.usefixtures("nothing_known")
def test_adapted_once_the_interface_exists(interfaces: Any) -> None:
    """Then the answer is the interface's own, adapters included."""
    base, more, _ = interfaces
    components.come_into_being({"IBase": base})

    @components.implementer(more)
    class Kept:
        pass

    class Foreign:
        pass

    components.registerAdapter(components.Adapter, Foreign, base)
    kept, foreign = Kept(), Foreign()

    assert components.adapted("IBase", kept) is kept
    assert components.adapted("IBase", foreign).original is foreign
    assert components.adapted("IBase", object(), 7) == 7


@either
def test_late_interface_reaches_early_subclass(zope: bool) -> None:
    """A subclass declared, and asked about, before the interface exists keeps it too."""
    said = run_fresh(
        """
from reactorlite.python.components import Interface, implementer
class IMine(Interface): pass
@implementer("IConsumer")
class Ours: pass
@implementer(IMine)
class Theirs(Ours): pass
assert IMine.providedBy(Theirs())
from reactorlite.internet.interfaces import IConsumer
print(IConsumer.providedBy(Theirs()), IConsumer.implementedBy(Theirs), IMine.providedBy(Ours()))
""",
        zope=zope,
    )

    assert said == "True True False"


def test_early_decorator_of_zope_meets_late_interface() -> None:
    """The same for a subclass that zope.interface's own decorator declared."""
    pytest.importorskip("zope.interface")

    said = run_fresh(
        """
from zope.interface import Interface, implementer, providedBy
from reactorlite.python import components
class IMine(Interface): pass
@components.implementer("IConsumer")
class Ours: pass
@implementer(IMine)
class Theirs(Ours): pass
thing = Theirs()
before = [i.__name__ for i in providedBy(thing)]
from reactorlite.internet.interfaces import IConsumer
print(before, [i.__name__ for i in providedBy(thing)])
"""
    )

    assert said == "['IMine'] ['IMine', 'IConsumer']"


@either
def test_declaring_by_name_imports_nothing(zope: bool) -> None:
    """Neither zope.interface nor our interfaces are loaded by declarations and `adapted`."""
    said = run_fresh(
        """
import sys
before = set(sys.modules)
from reactorlite.python.components import Adapter, adapted, implementer
@implementer("IProtocol")
class Ours: pass
assert adapted("IHalfCloseableProtocol", Ours()) is None
print(sorted(m for m in set(sys.modules) - before if "nterface" in m or "_standin" in m))
""",
        zope=zope,
    )

    assert said == "[]"


# ── which backing ────────────────────────────────────────────────────────────────────────


def test_zope_objects_are_real() -> None:
    """Where zope.interface is installed, its objects are what this module gives."""
    zope_interface = pytest.importorskip("zope.interface")

    assert components.Interface is zope_interface.Interface
    assert components.Attribute is zope_interface.Attribute


def test_stand_in_serves_without_zope() -> None:
    """Where it is missing, our own interfaces serve, and say where they are from."""
    said = run_fresh(
        "from reactorlite.python.components import Interface; print(Interface.__module__)",
        zope=False,
    )

    assert said == "reactorlite.python._standin"


def test_unknown_name_is_an_attribute_error() -> None:
    """A name that is not there is reported as in any module."""
    with pytest.raises(AttributeError, match="no attribute 'IFrobnicate'"):
        components.IFrobnicate  # noqa: B018  # the look-up is what is tested


# ── adapting ─────────────────────────────────────────────────────────────────────────────


def test_provider_adapts_to_itself(interfaces: Any) -> None:
    """An object is its own adapter to what it provides."""
    base, _, _ = interfaces

    @components.implementer(base)
    class Kept:
        pass

    kept = Kept()

    assert base(kept) is kept


def test_without_adapter(interfaces: Any) -> None:
    """Without an adapter the default is the answer, else `TypeError` is raised."""
    base, _, _ = interfaces

    assert base(3, None) is None
    with pytest.raises(TypeError, match="Could not adapt"):
        base(3)


def test_registered_for_an_interface(interfaces: Any) -> None:
    """An adapter registered from an interface serves whoever provides that."""
    base, more, other = interfaces

    @components.implementer(more)
    class Kept:
        pass

    kept = Kept()
    components.registerAdapter(components.Adapter, base, other)

    assert other(kept).original is kept


def test_registered_for_a_class(interfaces: Any) -> None:
    """An adapter registered from a class serves its subclasses' instances."""
    base, _, _ = interfaces

    class Plain:
        pass

    class Child(Plain):
        pass

    child = Child()
    components.registerAdapter(components.Adapter, Plain, base)

    assert base(child).original is child


def test_registered_for_several_targets(interfaces: Any) -> None:
    """One registration can name several targets; asking for one they extend serves too."""
    base, more, other = interfaces

    class Plain:
        pass

    components.registerAdapter(components.Adapter, Plain, more, other)

    assert isinstance(more(Plain()), components.Adapter)
    assert isinstance(other(Plain()), components.Adapter)
    assert isinstance(base(Plain()), components.Adapter)


def test_nearest_registration_wins(interfaces: Any) -> None:
    """A class's own adapter comes before its interface's, and that before its parent's."""
    base, _, other = interfaces

    class Near(components.Adapter):
        pass

    class Parent:
        pass

    @components.implementer(base)
    class Child(Parent):
        pass

    components.registerAdapter(components.Adapter, Parent, other)
    components.registerAdapter(Near, base, other)
    by_interface = type(other(Child()))

    class Nearest(components.Adapter):
        pass

    components.registerAdapter(Nearest, Child, other)

    assert by_interface is Near
    assert type(other(Child())) is Nearest


def test_second_registration_is_refused(interfaces: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second adapter of the same pair raises and leaves the first, unless allowed."""
    base, more, other = interfaces

    class Second(components.Adapter):
        pass

    components.registerAdapter(components.Adapter, base, other)
    with pytest.raises(ValueError, match="already registered"):
        components.registerAdapter(Second, base, more, other)
    refused = components.getAdapterFactory(base, more, None)
    monkeypatch.setattr(components, "ALLOW_DUPLICATES", True)
    components.registerAdapter(Second, base, other)

    assert refused is None
    assert components.getAdapterFactory(base, other, None) is Second


def test_registration_needs_a_target(interfaces: Any) -> None:
    """To adapt to nothing is an error."""
    base, _, _ = interfaces

    with pytest.raises(ValueError, match="needs an interface"):
        components.registerAdapter(components.Adapter, base)


def test_factory_is_found(interfaces: Any) -> None:
    """`getAdapterFactory` finds what is registered from a class or an interface."""
    base, more, other = interfaces

    class Plain:
        pass

    components.registerAdapter(components.Adapter, base, other)
    components.registerAdapter(components.Adapter, Plain, other)

    assert components.getAdapterFactory(more, other, None) is components.Adapter
    assert components.getAdapterFactory(Plain, other, None) is components.Adapter
    assert components.getAdapterFactory(int, other, 7) == 7


def test_factory_may_decline(interfaces: Any) -> None:
    """A factory that answers None has not adapted."""
    base, _, _ = interfaces

    class Plain:
        pass

    components.registerAdapter(lambda original: None, Plain, base)

    assert base(Plain(), 7) == 7


def test_adapter_lets_the_original_answer(interfaces: Any) -> None:
    """An adapter adapts to what its original says it conforms to."""
    base, _, _ = interfaces

    class Conforming:
        def __conform__(self, interface: Any) -> Any:
            return "answered" if interface is base else None

        def isuper(self, iface: Any, adapter: Any) -> Any:
            return iface, adapter

    adapter = components.Adapter(Conforming())

    assert base(adapter) == "answered"
    assert base(components.Adapter(3), None) is None
    assert adapter.isuper(base, 1) == (base, 1)


def test_registry_is_shown(backing: ModuleType) -> None:
    """The registry that `getRegistry` gives is the one in use."""
    assert components.getRegistry() is backing.registry


def test_registry_of_ones_own(
    backing: ModuleType, interfaces: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Adapters may be registered apart, and serve from `_addHook` to `_removeHook`."""
    base, _, other = interfaces
    monkeypatch.setitem(vars(components), "globalRegistry", type(backing.registry)())

    @components.implementer(other)
    class Thing:
        pass

    components.registerAdapter(components.Adapter, other, base)

    assert components.getRegistry() is not backing.registry
    assert components.getAdapterFactory(Thing, base, None) is components.Adapter
    assert base(Thing(), None) is None
    hook = backing.consult(components.getRegistry())
    assert isinstance(base(Thing()), components.Adapter)
    backing.ignore(hook)
    assert base(Thing(), None) is None
    with pytest.raises(ValueError, match=r"."):
        backing.ignore(hook)


def test_names_that_the_backing_has() -> None:
    """Twisted's names for a registry and for consulting it are those of the backing."""
    backing = components.backing()

    assert components.globalRegistry is backing.registry
    assert components._addHook is backing.consult
    assert components._removeHook is backing.ignore


# ── components ───────────────────────────────────────────────────────────────────────────


def test_adapter_is_kept(interfaces: Any) -> None:
    """A componentized object is adapted once, and the adapter kept."""
    base, _, _ = interfaces

    class Many(components.Componentized):
        pass

    components.registerAdapter(components.Adapter, Many, base)
    many = Many()

    assert base(many) is base(many)
    assert many.getComponent(base).original is many


def test_temporary_adapter_is_not_kept(interfaces: Any) -> None:
    """An adapter that says it is temporary is made anew each time."""
    base, _, _ = interfaces

    class Many(components.Componentized):
        pass

    class Passing(components.Adapter):
        temporaryAdapter = 1

    components.registerAdapter(Passing, Many, base)
    many = Many()

    assert base(many) is not base(many)


def test_multi_component_serves_all_it_is_registered_for(interfaces: Any) -> None:
    """An adapter is kept for each interface it declares and is registered for, if it likes."""
    base, _, other = interfaces

    @components.implementer(base, other)
    class Both(components.Adapter):
        pass

    class Single(Both):
        multiComponent = 0

    class Many(components.Componentized):
        pass

    class Few(components.Componentized):
        pass

    components.registerAdapter(Both, Many, base, other)
    components.registerAdapter(Single, Few, base, other)
    many, few = Many(), Few()

    assert base(many) is other(many)
    assert base(few) is not other(few)


def test_components_are_set_and_forgotten(interfaces: Any) -> None:
    """Components can be given, and taken away by interface or by themselves."""
    base, more, other = interfaces
    many = components.Componentized()

    many.setComponent(base, "one")
    many.setComponent(more, "one")
    many.setAdapter(other, components.Adapter)
    adapter = other(many)
    many.unsetComponent(other)
    removed = many.removeComponent("one")

    assert adapter.original is many
    assert removed == [base, more]
    assert many.getComponent(base) is None
    assert many.getComponent(other, 7) == 7
    with pytest.raises(KeyError):
        many.unsetComponent(base)


def test_component_is_added_for_what_it_declares(interfaces: Any) -> None:
    """A component is added for its interfaces, by default only where it is registered."""
    base, _, other = interfaces

    @components.implementer(base, other)
    class Both(components.Adapter):
        pass

    class Many(components.Componentized):
        pass

    components.registerAdapter(Both, Many, base)
    strict, lax = Many(), Many()
    added = strict.addAdapter(Both)
    lax.addComponent(Both(3), ignoreClass=1)

    assert strict.getComponent(base) is added
    assert strict.getComponent(other) is None
    assert other(lax) is base(lax)


def test_printed_components(interfaces: Any) -> None:
    """The printable kind names its components, itself included."""
    base, _, other = interfaces
    many = components.implementer(base)(type("Many", (components.ReprableComponentized,), {}))()
    base(many)
    many.setComponent(other, 3)

    assert repr(many) == "<Many of {IBase: itself, IOther: 3}>"


# ── standing for ─────────────────────────────────────────────────────────────────────────


@pytest.fixture
def proxied(backing: ModuleType) -> Any:
    """An interface with a method and an attribute, and a proxy class for it."""

    class IThing(backing.Shape):  # type: ignore[name-defined, misc]  # chosen at run time
        """A thing."""

        @property
        def size(self) -> int:
            """How big it is."""

        def grow(self, by: int = 1) -> str:
            """Grow."""

    return IThing, components.proxyForInterface(IThing)


class Thing:
    """Something to stand for."""

    size = 3

    def grow(self, by: int = 1) -> str:
        """Tell what was asked."""
        return f"grown by {by}"


def test_proxy_passes_on(proxied: Any) -> None:
    """A proxy provides the interface by asking what it stands for."""
    IThing, Proxy = proxied
    thing = Thing()
    proxy = Proxy(thing)

    proxy.size = 5

    assert IThing.providedBy(proxy)
    assert proxy.original is thing
    assert (thing.size, proxy.size) == (5, 5)
    assert proxy.grow(by=2) == "grown by 2"
    del proxy.size
    assert proxy.size == 3


def test_proxy_passes_nothing_else_on(proxied: Any) -> None:
    """What the interface does not name is not passed on."""
    _, Proxy = proxied
    thing = Thing()
    thing.colour = "red"  # type: ignore[attr-defined]  # beyond the interface

    assert not hasattr(Proxy(thing), "colour")


def test_proxy_subclass_overrides(proxied: Any) -> None:
    """A subclass may override, and call what it overrode in either spelling."""
    _, Proxy = proxied

    class Loud(Proxy):  # type: ignore[misc]  # made at run time
        def grow(self, by: int = 1) -> Any:
            return super().grow(by).upper(), Proxy.grow(self, by)

    assert Loud(Thing()).grow(2) == ("GROWN BY 2", "grown by 2")


def test_proxy_keeps_where_told(backing: ModuleType) -> None:
    """The attribute that holds the original can be named."""
    interface = type(backing.Interface)("IEmpty", (backing.Interface,), {})

    proxy = components.proxyForInterface(interface, "inner")(3)

    assert vars(proxy) == {"inner": 3}


def test_interfaces_are_pickled_by_name() -> None:
    """A componentized object's interfaces survive pickling as themselves."""
    from reactorlite.internet.interfaces import IReactorTCP

    many = components.Componentized()
    many.setComponent(IReactorTCP, "kept")

    assert pickle.loads(pickle.dumps(many)).getComponent(IReactorTCP) == "kept"


def test_components_of_a_pickle_can_be_removed() -> None:
    """What is removed from an object that was pickled is told by its interfaces, found by name."""
    from reactorlite.internet.interfaces import IReactorTCP

    many = components.Componentized()
    many.setComponent(IReactorTCP, many)
    del components._met["reactorlite.internet.interfaces.IReactorTCP"]  # as in a new process
    other = pickle.loads(pickle.dumps(many))

    assert other.removeComponent(other) == [IReactorTCP]


def test_state_has_only_names_and_components() -> None:
    """What is kept is by name, for programs that write an object's state as they please."""
    from reactorlite.internet.interfaces import IReactorTCP

    many = components.Componentized()
    many.setComponent(IReactorTCP, "kept")

    assert many.__getstate__() == {
        "_adapterCache": {"reactorlite.internet.interfaces.IReactorTCP": "kept"}
    }
