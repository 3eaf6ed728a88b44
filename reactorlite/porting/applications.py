"""Running the `application` of a `.tac` file, in front, as `twistd -n` does."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import Any

__all__ = ["run_application"]


def run_application(application: Any, file: str) -> None:
    """Start what is in an application, run the reactor, and stop that again when it ends.

    The log is printed, unless the application has an `ILogObserver` to hear it. Once rights have
    been used, the process becomes the user and the group that the application was given.
    """
    for root in ("reactorlite", "twisted"):
        interfaces: Any = import_module(f"{root}.application.service")
        service = interfaces.IService(application, None)
        if service is not None:
            break
    else:
        raise SystemExit(f"{file} makes no `application`, a service.Application, to be run")
    log = import_module(f"{root}.python.log")
    observer = log.ILogObserver(application, None)
    if observer is None:
        log.startLogging(sys.stdout)
    else:
        log.startLoggingWithObserver(observer)
    reactor: Any = import_module("reactorlite.internet.reactor")
    service.privilegedStartService()
    _become(interfaces.IProcess(application))
    reactor.addSystemEventTrigger("before", "shutdown", service.stopService)
    service.startService()
    reactor.run()


def _become(process: Any) -> None:
    """Take on a process's user and group, where they are said, and their groups."""
    if process.uid is not None:
        import pwd  # which not every system has

        user = pwd.getpwuid(process.uid)
        os.initgroups(user.pw_name, user.pw_gid if process.gid is None else process.gid)
    if process.gid is not None:
        os.setgid(process.gid)
    if process.uid is not None:
        os.setuid(process.uid)
