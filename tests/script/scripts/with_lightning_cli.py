import lightning as L
import torch
from lightning.pytorch.cli import LightningCLI
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class Net(L.LightningModule):
    def __init__(self, lr: float = 0.01, width: int = 16):
        super().__init__()
        self.lr = lr
        self.net = nn.Sequential(nn.Linear(4, width), nn.ReLU(), nn.Linear(width, 1))

    def training_step(self, batch, _):
        loss = (self.net(batch[0]) - batch[1]).pow(2).mean()
        self.log("train_loss", loss)
        return loss

    def validation_step(self, batch, _):
        self.log("val_loss", (self.net(batch[0]) - batch[1]).pow(2).mean())

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), self.lr)


class Data(L.LightningDataModule):
    def __init__(self, batch_size: int = 16):
        super().__init__()
        self.batch_size = batch_size
        g = torch.Generator().manual_seed(0)
        x = torch.randn(320, 4, generator=g)
        self.data = TensorDataset(x, x.pow(2).sum(1, keepdim=True))

    def train_dataloader(self):
        return DataLoader(
            torch.utils.data.Subset(self.data, range(256)), batch_size=self.batch_size, shuffle=True
        )

    def val_dataloader(self):
        return DataLoader(torch.utils.data.Subset(self.data, range(256, 320)), batch_size=64)


if __name__ == "__main__":
    LightningCLI(
        Net,
        Data,
        trainer_defaults={
            "max_epochs": 3,
            "accelerator": "cpu",
            "logger": False,
            "enable_checkpointing": False,
        },
    )
