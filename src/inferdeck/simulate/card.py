"""A GPU: how busy it is follows from its engines, its power from that, its temperature from the power.

Between two events its state is constant, but for the temperature, which goes to what the power settles at as
settle + (celsius - settle) * exp(-t / heat_seconds); so the moment at which it is too hot is known in advance.

Unverified, measured on no card: that it is one thermal mass with one time constant, how far its clock falls when it is
too hot and how cool it must get, and how its power falls with the clock.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

from inferdeck.simulate.events import GpuChanged
from inferdeck.simulate.fleet import Gpu
from inferdeck.simulate.kernel import Kernel

STEP = 0.05
"""Smaller changes of how busy it is are not told."""
THROTTLED_CLOCK = 0.55
"""Of its clock, when it is too hot."""
COOL_AGAIN = 8.0
"""Kelvin below the limit at which it runs at full speed again."""
CLOCK_EXPONENT = 1.8
"""Dynamic power falls with about this power of the clock."""


class Card:
    """One GPU. `clock_changed` is called when its speed changes."""

    def __init__(self, gpu: Gpu, kernel: Kernel, clock_changed: Callable[[], None]) -> None:
        self.gpu = gpu
        self._kernel = kernel
        self._clock_changed = clock_changed
        self.ambient_celsius = gpu.ambient_celsius
        self._busy = 0.0
        self._memory: dict[str, float] = {}
        self._loads: dict[str, float] = {}
        self._throttled = False
        self._since = kernel.now
        self._reckon()
        self._celsius = self._settle
        self._version = 0

    @property
    def speed(self) -> float:
        """Return its clock as a share of its full clock."""
        return THROTTLED_CLOCK if self._throttled else 1.0

    def load(self, engine: str, busy: float, memory_bytes: float) -> None:
        """Take over what one engine does with it: the share of time that it computes, and the memory it holds."""
        quantized = round(busy / STEP) * STEP
        if self._loads.get(engine) == quantized and self._memory.get(engine) == memory_bytes:
            return
        self._loads[engine] = quantized
        self._memory[engine] = memory_bytes
        self._change()

    def heat(self, ambient_celsius: float) -> None:
        """Change the air around it."""
        self._change(ambient_celsius)

    def tell(self) -> None:
        """Say what it is like now."""
        self._cool()
        gpu = self.gpu
        self._kernel.emit(
            GpuChanged(
                self._kernel.now,
                gpu.name,
                self._busy,
                self._watts,
                gpu.clock_mhz * self.speed,
                self._celsius,
                self._settle,
                min(sum(self._memory.values()), gpu.memory_bytes),
                "thermal" if self._throttled else "",
            ),
            gpu.name,
        )

    def _change(self, ambient: float | None = None) -> None:
        self._cool()
        if ambient is not None:
            self.ambient_celsius = ambient
        self._busy = min(1.0, sum(self._loads.values()))
        self._reckon()
        self._judge()

    def _cool(self) -> None:
        now = self._kernel.now
        if now <= self._since:
            return
        settle = self._settle
        self._celsius = settle + (self._celsius - settle) * math.exp(-(now - self._since) / self.gpu.heat_seconds)
        self._since = now

    def _judge(self) -> None:
        """Throttle or not, say so, and look again when it will have crossed a limit."""
        limit = self.gpu.slowdown_celsius - (COOL_AGAIN if self._throttled else 0.0)
        crossed = self._celsius >= limit - 1e-9
        if crossed != self._throttled:
            self._throttled = crossed
            self._reckon()
            self._clock_changed()
        self.tell()
        self._version += 1
        limit = self.gpu.slowdown_celsius - (COOL_AGAIN if self._throttled else 0.0)
        settle = self._settle
        if (self._celsius < limit < settle) or (self._celsius > limit > settle):
            wait = self.gpu.heat_seconds * math.log((self._celsius - settle) / (limit - settle))
            self._kernel.at(self._kernel.now + wait, partial(self._look, self._version))

    def _look(self, version: int) -> None:
        if version == self._version:
            self._cool()
            # Rounding must not leave it a hair before the limit that it was to cross.
            self._celsius += math.copysign(1e-6, self._settle - self._celsius)
            self._judge()

    def _reckon(self) -> None:
        """Find its power, and the temperature that it goes to, from how busy it is and how fast its clock goes."""
        gpu, clock = self.gpu, math.pow(self.speed, CLOCK_EXPONENT)
        self._watts = gpu.idle_watts + (gpu.limit_watts - gpu.idle_watts) * self._busy * clock
        self._settle = self.ambient_celsius + gpu.celsius_per_watt * self._watts
