"""What a network is found to be by running it: how far it sees, and what memory it takes."""

from .evaluating import evaluating
from .forward_memory import ForwardMemory, measure_forward
from .live_bytes import LiveBytes
from .reach import reach_px
from .receptive_field import effective_receptive_field, encoder_layers, energy_radius, energy_within
from .step_memory import StepMemory, check_step_memory, measure_step

__all__ = [
    "ForwardMemory",
    "LiveBytes",
    "StepMemory",
    "check_step_memory",
    "effective_receptive_field",
    "encoder_layers",
    "energy_radius",
    "energy_within",
    "evaluating",
    "measure_forward",
    "measure_step",
    "reach_px",
]
