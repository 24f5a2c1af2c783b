"""PyTorch, eager."""

from __future__ import annotations

import sys

from benchmarks import limits  # noqa: F401  (before NumPy)

import torch  # isort: skip
from torch import nn  # isort: skip

from benchmarks.first_epoch import LAST, RATE, batches
from benchmarks.networks import LENET5
from benchmarks.settings import THREADS
from benchmarks.trained import channels_first

torch.set_num_threads(THREADS)
model = nn.Sequential(
    nn.Conv2d(1, 6, 5, padding=2), nn.Tanh(), nn.AvgPool2d(2), nn.Conv2d(6, 16, 5), nn.Tanh(), nn.AvgPool2d(2),
    nn.Flatten(), nn.Linear(400, 120), nn.Tanh(), nn.Linear(120, 84), nn.Tanh(), nn.Linear(84, 10),
)  # fmt: skip
layers = [layer for layer in model if hasattr(layer, "weight")]
with torch.no_grad():
    for layer, start in zip(layers, channels_first(LENET5, LENET5.parameters()).values(), strict=True):
        w = torch.tensor(start["w"])
        layer.weight.copy_(w if w.ndim == 4 else w.T)
        layer.bias.copy_(torch.tensor(start["b"]))

optimizer = torch.optim.SGD(model.parameters(), lr=RATE)
losses = []
for x, y in batches(sys.argv[1]):
    images = torch.from_numpy(x).permute(0, 3, 1, 2)
    loss = nn.functional.cross_entropy(model(images), torch.from_numpy(y))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
print(sum(losses[-LAST:]) / LAST)
