"""Why a log could not be looked at: nothing is said of it then, neither good nor bad."""

from __future__ import annotations

from typing import ClassVar

from registry.errors import RegistryError


class CannotMonitor(RegistryError):
    """The monitor could not do its work; its subclasses say why."""

    code: ClassVar[str] = "cannot-monitor"


class LogUnreachable(CannotMonitor):
    """The log's server or folder gives no answer, or none that is complete."""

    code = "log-unreachable"


class MonitorStateBad(CannotMonitor):
    """The monitor's own state is in use, damaged, or of another log."""

    code = "monitor-state"


class AnswerTooLong(RegistryError):
    """A file of the log is longer than any such file can be."""

    code: ClassVar[str] = "answer-too-long"
