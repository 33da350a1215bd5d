"""A peer: a package of others, as its folder in `peers` describes it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..bundle_config import project_root, read_json
from ..messages import suggest

__all__ = ["ADAPTER_RUNNER", "Peer", "peer_names", "read_peer"]

ADAPTER_RUNNER = "run_adapter.py"
_FILE = "peer.json"


@dataclass(frozen=True)
class Peer:
    """A package of others that can be trained or run here."""

    name: str
    folder: Path
    """Holds peer.json, requirements.txt and adapter.py."""
    says: str
    """What is run, in a sentence."""
    trains: bool
    """Whether it is trained here; else it is run with weights that the user names."""
    needs: str | None
    """Which weights it cannot do without and where they are; None where it begins with random ones."""

    @property
    def requirements(self) -> Path:
        """The packages of its environment."""
        return self.folder / "requirements.txt"

    @property
    def adapter(self) -> Path:
        """What runs inside its environment."""
        return self.folder / "adapter.py"

    @property
    def runner(self) -> Path:
        """What runs the adapter, the same file for all peers."""
        return self.folder.parent / ADAPTER_RUNNER

    def check_weights(self, pretrained: str | Path | None) -> None:
        """Refuse to begin without weights that cannot be done without, or with some that are not there.

        Args:
            pretrained: file or folder that the user named.

        Raises:
            FileNotFoundError: in either case.
        """
        if pretrained is None and self.needs is not None:
            raise FileNotFoundError(f"{self.name} needs weights: {self.needs}")
        if pretrained is not None and not Path(pretrained).exists():
            raise FileNotFoundError(
                f"--pretrained {pretrained} is not there: name the weights of {self.name}"
            )


def peer_names(peers: Path | None = None) -> list[str]:
    """Return the names of all peers.

    Args:
        peers: folder of the peers; None: the project's.

    Example:
        >>> "stardist" in peer_names()
        True
    """
    return sorted(file.parent.name for file in _folder(peers).glob(f"*/{_FILE}"))


def read_peer(name: str, peers: Path | None = None) -> Peer:
    """Read what a peer's folder says.

    Args:
        name: the peer.
        peers: folder of the peers; None: the project's.

    Raises:
        ValueError: if there is no such peer; the nearest is named.
    """
    names = peer_names(peers)
    if name not in names:
        raise ValueError(f"there is no peer {str(name)!r}: {suggest(str(name), names)}")
    folder = _folder(peers) / name
    told = read_json(folder / _FILE)
    return Peer(name, folder, str(told["says"]), bool(told["trains"]), told.get("needs"))


def _folder(peers: Path | None) -> Path:
    return project_root() / "peers" if peers is None else peers
