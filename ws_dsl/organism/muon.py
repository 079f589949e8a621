"""Muon in fp32: momentum orthogonalised by a Newton–Schulz iteration (Jordan et al., 2024).

Not to be confused with `torch.optim.Muon`, which iterates in bfloat16 and one matrix at a time: slow on a
CPU, where matrices of one shape are better stacked.
"""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

_COEFFICIENTS = (3.4445, -4.7750, 2.0315)


class Muon:
    """Optimiser for the two-dimensional weights of a network, embeddings excluded.

    The update's root mean square is about 0.2, so that a learning rate means what it does in AdamW.
    """

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        learning_rate: float,
        momentum: float = 0.95,
        weight_decay: float = 0.05,
        iterations: int = 4,
    ) -> None:
        self.learning_rate = learning_rate
        self._momentum, self._weight_decay, self._iterations = momentum, weight_decay, iterations
        self._groups: dict[tuple[int, int], list[nn.Parameter]] = {}
        for parameter in parameters:
            rows, columns = sorted(parameter.shape)
            self._groups.setdefault((rows, columns), []).append(parameter)
        self._averages = {shape: torch.zeros(len(group), *shape) for shape, group in self._groups.items()}

    def _orthogonalise(self, stacked: Tensor) -> Tensor:
        """Push all singular values of each matrix (batch, rows, columns) towards one."""
        x = stacked / (stacked.norm(dim=(1, 2), keepdim=True) + 1e-7)
        a, b, c = _COEFFICIENTS
        for _ in range(self._iterations):
            gram = x @ x.mT
            x = a * x + (b * gram + c * gram @ gram) @ x
        return x

    @torch.no_grad()
    def step(self) -> None:
        """Update every parameter from its gradient."""
        for shape, group in self._groups.items():
            gradients = torch.stack([_upright(p.grad, shape) for p in group if p.grad is not None])
            average = self._averages[shape].mul_(self._momentum).add_(gradients)
            updates = self._orthogonalise(gradients + self._momentum * average) * 0.2 * max(shape) ** 0.5
            for parameter, update in zip(group, updates, strict=True):
                parameter.mul_(1 - self.learning_rate * self._weight_decay)
                parameter.add_(_upright(update, tuple(parameter.shape)), alpha=-self.learning_rate)

    def zero_grad(self) -> None:
        """Drop the gradients."""
        for group in self._groups.values():
            for parameter in group:
                parameter.grad = None


def _upright(matrix: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Transpose a matrix if that is how it gets its shape."""
    return matrix if tuple(matrix.shape) == shape else matrix.mT
