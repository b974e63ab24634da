"""The families that prometheus_client adds to a Python process: `python_*` and `process_*`.

The world knows nothing of a collector's runs, so those stand at 0; memory and open files of an idle process are those
of the captured one, as constants of the program. Its processor time is the time in which it had something to do.
"""

from __future__ import annotations

from dataclasses import dataclass

from inferdeck.simulate.table import Family, Table


@dataclass(frozen=True, slots=True)
class ProcessFamilies:
    """What changes while the process lives."""

    cpu: Family
    files: Family
    idle_files: int

    def set(self, busy_seconds: float, connections: int) -> None:
        """Take how long the process had work and how many requests it holds open."""
        self.cpu.set(busy_seconds)
        self.files.set(self.idle_files + connections)


def process_families(
    table: Table, started: float, *, python: str = "3.12.11", resident: float, virtual: float, files: int
) -> ProcessFamilies:
    """Declare them in the order in which prometheus_client writes them."""
    generations = (
        ("python_gc_objects_collected_total", "Objects collected during gc"),
        ("python_gc_objects_uncollectable_total", "Uncollectable objects found during GC"),
        ("python_gc_collections_total", "Number of times this generation was collected"),
    )
    for name, text in generations:
        family = table.counter(name, text, ("generation",))
        for generation in "012":
            family.set(0.0, (generation,))
    major, minor, patch = python.split(".")
    labels = ("implementation", "major", "minor", "patchlevel", "version")
    table.gauge("python_info", "Python platform information", labels).set(1.0, ("CPython", major, minor, patch, python))
    table.gauge("process_virtual_memory_bytes", "Virtual memory size in bytes.").set(virtual)
    table.gauge("process_resident_memory_bytes", "Resident memory size in bytes.").set(resident)
    begun = table.gauge("process_start_time_seconds", "Start time of the process since unix epoch in seconds.")
    begun.set(started)
    cpu = table.counter("process_cpu_seconds_total", "Total user and system CPU time spent in seconds.")
    cpu.set(0.0)
    open_files = table.gauge("process_open_fds", "Number of open file descriptors.")
    open_files.set(files)
    table.gauge("process_max_fds", "Maximum number of open file descriptors.").set(65536.0)
    return ProcessFamilies(cpu, open_files, files)
