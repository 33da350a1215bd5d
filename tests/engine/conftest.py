"""A network of one convolution, engines around it and images of two squares, for the tests of handlers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from ignite.engine import Events
from monai.bundle import ConfigWorkflow
from monai.data import MetaTensor
from monai.engines import SupervisedEvaluator, SupervisedTrainer
from scipy import ndimage
from torch.utils.data import DataLoader

from common.sample import write_sample


def _item(number: int) -> dict[str, Any]:
    generator = torch.Generator().manual_seed(number)
    label_map = torch.zeros(1, 24, 24, dtype=torch.int32)
    label_map[:, 2:8, 3 : 9 + number % 3] = 1
    label_map[:, 12:20, 10:18] = 2
    image = (label_map > 0).float() + 0.1 * torch.randn(label_map.shape, generator=generator)
    meta = {"filename_or_obj": f"images/cells_{number}.png"}
    return {
        "image": MetaTensor(image, meta=meta),
        "label": (label_map > 0).float(),
        "label_map": label_map,
    }


class TermedLoss(torch.nn.Module):
    """Cross-entropy plus a second term, each told in `terms`."""

    def __init__(self) -> None:
        super().__init__()
        self.terms: dict[str, torch.Tensor] = {}

    def forward(self, maps: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        entropy = torch.nn.functional.binary_cross_entropy_with_logits(maps, targets)
        size = 0.01 * maps.square().mean()
        self.terms = {"entropy": entropy, "size": size}
        return entropy + size


def decode(item: dict[str, Any]) -> dict[str, Any]:
    """Give every connected component of the foreground its number."""
    foreground = torch.sigmoid(item["pred"])
    labels, _ = ndimage.label(foreground[0].numpy() > 0.5)
    return {**item, "pred_map": torch.as_tensor(labels)[None], "foreground": foreground}


class Workshop:
    """Makes engines that share one network."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.network = torch.nn.Conv2d(1, 1, 1)
        # Everything is background at first, so that the first epoch is not the best already.
        torch.nn.init.constant_(self.network.weight, 2.0)
        torch.nn.init.constant_(self.network.bias, -2.5)
        self.loss = TermedLoss()
        self.optimizer = torch.optim.SGD(self.network.parameters(), lr=0.5)

    def loader(self, images: int = 3) -> DataLoader:
        from monai.data import list_data_collate

        return DataLoader([_item(n) for n in range(images)], batch_size=1, collate_fn=list_data_collate)

    def evaluator(self, handlers: Sequence[Any] = (), **metrics: Any) -> SupervisedEvaluator:
        from common.engine.evaluation import instance_metrics

        return SupervisedEvaluator(
            device="cpu",
            val_data_loader=self.loader(),
            network=self.network,
            postprocessing=decode,
            key_val_metric=instance_metrics(**metrics),
            val_handlers=list(handlers),
        )

    def trainer(
        self,
        epochs: int = 2,
        handlers: Sequence[Any] = (),
        evaluator: SupervisedEvaluator | None = None,
        interval: int = 1,
        **options: Any,
    ) -> SupervisedTrainer:
        from common.engine.evaluation import Validation

        validation = [] if evaluator is None else [Validation(evaluator, interval=interval)]
        return SupervisedTrainer(
            device="cpu",
            max_epochs=epochs,
            train_data_loader=self.loader(),
            network=self.network,
            optimizer=self.optimizer,
            loss_function=self.loss,
            train_handlers=[*handlers, *validation],
            **options,
        )


class At:
    """Calls a function at an event of an engine."""

    def __init__(self, event: Any, call: Callable[[Any], Any]) -> None:
        self.event = event
        self.call = call

    def attach(self, engine: Any) -> None:
        engine.add_event_handler(self.event, self.call)


ROOT = Path(__file__).parents[2]
TINY = {
    "_target_": "common.networks.LoGSAGE",
    "in_channels": 1,
    "out_channels": 4,
    "saliency_features": [2, 2, 2, 2, 4, 4],
    "embed_dim": 6,
    "depths": [1, 1, 1],
    "num_heads": [1, 1, 1],
    "dropout": 0.2,
    "drop_path_rate": 0.2,
}


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sample(tmp_path_factory.mktemp("data") / "sample", counts=(3, 2, 1), shape=(96, 80))


class Cut(Exception):
    """Stands for a power cut."""


@pytest.fixture
def tiny() -> dict[str, Any]:
    """The network that `train` trains."""
    return TINY


@pytest.fixture
def train(sample: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Run the bundle's own training with a tiny network; `cut` is (epoch, iteration) at which it breaks.

    `change` is called with the parser of the configuration before anything is made of it.
    """
    monkeypatch.chdir(ROOT)

    def run(
        folder: Path,
        *,
        cut: tuple[int, int] | None = None,
        change: Callable[[Any], None] | None = None,
        **options: Any,
    ) -> ConfigWorkflow:
        settings = {
            **{"epochs": 3, "steps_per_epoch": 2, "batch_size": 2, "crop_px": 64, "warmup_epochs": 1},
            **{"mlflow": False, "select_by": "val_loss", "network_def": TINY},
            **{"dataset_dir": str(sample), "ckpt_dir": str(folder)},
            **options,
        }
        workflow = ConfigWorkflow(
            config_file="bundles/logsage/configs/train.json",
            meta_file="bundles/logsage/configs/metadata.json",
            workflow_type="train",
            logging_file=False,
            **settings,
        )
        if change is not None:
            change(workflow.parser)
        workflow.initialize()
        trainer = workflow.parser.get_parsed_content("train::trainer")
        if cut is not None:

            def break_off(engine: Any) -> None:
                if (
                    engine.state.epoch == cut[0]
                    and (engine.state.iteration - 1) % engine.state.epoch_length == cut[1]
                ):
                    raise Cut

            trainer.add_event_handler(Events.ITERATION_COMPLETED, break_off)
        try:
            workflow.parser.get_parsed_content("training")
        except RuntimeError as error:
            if cut is None or not isinstance(error.__cause__, Cut):
                raise
        return workflow

    return run


@pytest.fixture(scope="session")
def mlflow_tables(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """An empty data base of MLflow: making its tables takes seconds."""
    import mlflow

    path = tmp_path_factory.mktemp("mlflow") / "mlruns.db"
    mlflow.MlflowClient(f"sqlite:///{path}").search_experiments()
    return path.read_bytes()


@pytest.fixture
def client(mlflow_tables: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A client of the store that a command would use in this, empty, folder."""
    import mlflow

    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)
    Path("mlruns.db").write_bytes(mlflow_tables)
    # Absolute: within one process MLflow keeps the data base that a relative address first meant.
    return mlflow.MlflowClient(f"sqlite:///{tmp_path}/mlruns.db")


@pytest.fixture
def workshop() -> Workshop:
    return Workshop()


@pytest.fixture
def at() -> type[At]:
    return At
