"""Log lines and files of a fleet's programs in their own formats."""

from inferdeck.simulate.servers.logs.files import LogFiles, build
from inferdeck.simulate.servers.logs.journal import Journal, Line

__all__ = ["Journal", "Line", "LogFiles", "build"]
