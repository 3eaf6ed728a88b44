"""Messages and errors, to the logger "reactorlite" of the standard logging module.

What `msg` and `err` say, and what a `reactorlite.logger.Logger` says, goes to `logging`, and to
the observers that are added here or to `reactorlite.logger.globalLogPublisher`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reactorlite.python._saying import callWithContext, callWithLogger, err, msg

if TYPE_CHECKING:
    from reactorlite.python._classic import (
        DefaultObserver,
        FileLogObserver,
        Logger,
        LogPublisher,
        PythonLoggingObserver,
        StdioOnnaStick,
        addObserver,
        defaultObserver,
        logerr,
        logfile,
        removeObserver,
        showwarning,
        startLogging,
        startLoggingWithObserver,
        textFromEventDict,
        theLogPublisher,
    )
    from reactorlite.python._classic_interfaces import ILogObserver

__all__ = [
    "DefaultObserver",
    "FileLogObserver",
    "ILogObserver",
    "LogPublisher",
    "Logger",
    "PythonLoggingObserver",
    "StdioOnnaStick",
    "addObserver",
    "callWithContext",
    "callWithLogger",
    "defaultObserver",
    "deferr",
    "err",
    "logerr",
    "logfile",
    "msg",
    "removeObserver",
    "showwarning",
    "startLogging",
    "startLoggingWithObserver",
    "textFromEventDict",
    "theLogPublisher",
]

deferr = err

_MISSING = {
    "ILogContext": "callWithContext adds to the context of what is logged",
    "NullFile": "open(os.devnull) is such a file",
    "discardLogs": "logging.disable() makes the log quiet",
}


def __getattr__(name: str) -> Any:
    value: Any
    # On first use: every program says something, few look at what is said.
    if name == "ILogObserver":
        from reactorlite.python import _classic_interfaces

        value = _classic_interfaces.ILogObserver
    elif name in __all__:
        from reactorlite.python import _classic

        value = getattr(_classic, name)
    elif name in _MISSING:
        raise AttributeError(f"reactorlite.python.log has no {name}: {_MISSING[name]}")
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value
