"""What must be quick, timed: parts of the way, inference and training of every bundle, and a peer beside."""

from .bundle_choice import chosen_bundles
from .exported import EAGER, time_exported
from .inference import time_inference
from .machine import describe_machine
from .parts import PARTS, Task, make_pair, time_task
from .rounds import CLOCKS, in_turns
from .scene import write_scene
from .table import markdown, write_report
from .training import time_training

__all__ = [
    "CLOCKS",
    "EAGER",
    "PARTS",
    "Task",
    "chosen_bundles",
    "describe_machine",
    "in_turns",
    "make_pair",
    "markdown",
    "time_exported",
    "time_inference",
    "time_task",
    "time_training",
    "write_report",
    "write_scene",
]
