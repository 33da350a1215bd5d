"""The figures of the papers, drawn on any image of a data set."""

from .cascaded_unet import cascaded_unet_figures
from .logsage import logsage_figures
from .resnet18_unet import resnet18_unet_figures
from .subject import Subject

__all__ = ["Subject", "cascaded_unet_figures", "logsage_figures", "resnet18_unet_figures"]
