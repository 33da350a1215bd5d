"""The segmentation of images without labels."""

from .inference_progress import InferenceProgress

__all__ = ["InferenceProgress"]
