"""Other packages on the same images: each runs in an environment of its own and is scored by our metrics."""

from .conditions import Conditions
from .environment import make_environment, peer_python
from .exchange import write_arrays
from .heard import heard_on_terminal
from .peer import Peer, peer_names, read_peer
from .run_peer import Prediction, needs_training, segment_with_peer, train_peer
from .scoring import score_label_maps
from .training_run import training_run

__all__ = [
    "Conditions",
    "Peer",
    "Prediction",
    "heard_on_terminal",
    "make_environment",
    "needs_training",
    "peer_names",
    "peer_python",
    "read_peer",
    "segment_with_peer",
    "train_peer",
    "score_label_maps",
    "training_run",
    "write_arrays",
]
