"""Shared: the state that the parts of a recorder share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch.nn.parameter import UninitializedParameter

from homeostat.execute.loop.control import Stop
from homeostat.inspect.tracer.names import Names
from homeostat.inspect.tracer.recording import Call, Recording, Weight
from homeostat.inspect.tracer.sampling import remember
from homeostat.record.outcome import Outcome


class Halt(Stop):
    """Ends a run from inside the loop: enough was seen, or the time is up. It is no failure."""

    def __init__(self) -> None:
        super().__init__(Outcome.INTERRUPTED, "enough was seen")


class Shared:
    """The recording that is filled, the order of events, and the weights that were seen.

    Args:
        recording: Where to note.
        look: Which updates are looked at closely; the number counts from 0.
        keep_going: Asked now and then; False ends the run.
    """

    def __init__(
        self,
        recording: Recording,
        look: Callable[[int], bool],
        keep_going: Callable[[], bool],
    ) -> None:
        self.recording = recording
        self.keep_going = keep_going
        self.names = Names()
        self.busy = False
        """The recorder computes something itself, which is not the loop's doing."""
        self.stepping = False
        """An optimiser is making its step."""
        self.update = 0
        """How many steps optimisers have made."""
        self.backward_depth = 0
        self.open: list[Call] = []
        """Calls since the last report."""
        self.weights: dict[int, Weight] = {}
        self.leaves: dict[int, Any] = {}
        """Other tensors that the last backward pass led to."""
        self._look = look
        self._clock = 0

    @property
    def close_look(self) -> bool:
        return self._look(self.update)

    @property
    def looking(self) -> bool:
        return not self.busy and self.close_look

    def tick(self) -> int:
        """The number of the next event."""
        self._clock += 1
        return self._clock

    def weight(self, tensor: Any) -> Weight:
        """What is noted of a weight, from the first time it is seen."""
        found = self.weights.get(id(tensor))
        if found is None:
            start = None
            if not isinstance(tensor, UninitializedParameter):
                start = remember(tensor)
            found = Weight(tensor, "", start=start)
            self.weights[id(tensor)] = found
            self.recording.weights.append(found)
        elif found.start is None and not isinstance(tensor, UninitializedParameter):
            found.start = remember(tensor)
        return found
