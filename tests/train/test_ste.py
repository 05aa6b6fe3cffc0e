"""The estimators of JumpReLU's missing gradient, against what they estimate."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

pytestmark = pytest.mark.train

N = 4000


def sample(n: int = N, seed: int = 0) -> torch.Tensor:
    """Pre-activations (n, 1), in float64: two lumps, so that their density is not flat."""
    rng = np.random.default_rng(seed)
    parts = np.where(rng.random(n) < 0.4, rng.normal(-0.5, 0.3, n), rng.normal(0.7, 0.5, n))
    return torch.from_numpy(parts[:, None])


def gradients(
    function: Any, x: torch.Tensor, threshold: float, bandwidth: float, *, to_input: bool = False
) -> tuple[torch.Tensor, float]:
    """d sum(function) / d x (n,) and / d threshold."""
    x = x.clone().requires_grad_()
    edge = torch.full((1,), threshold, dtype=torch.float64, requires_grad=True)
    function.apply(x, edge, bandwidth, to_input).sum().backward()
    assert edge.grad is not None
    return (torch.zeros_like(x) if x.grad is None else x.grad)[:, 0], float(edge.grad)


@pytest.mark.parametrize("threshold", [0.05, 0.3, 0.9])
@pytest.mark.parametrize("bandwidth", [0.05, 0.2])
def test_the_gaussian_step_is_a_kernel_density_estimate(threshold: float, bandwidth: float) -> None:
    """d/dt E[H(x - t)] = -p(t): the gradient per row is scipy's density of the sample, with the same kernel."""
    from scipy.stats import gaussian_kde

    from hubkit.train.ste import GaussianJumpReLU, GaussianStep

    x = sample()
    density = gaussian_kde(x[:, 0].numpy(), bw_method=bandwidth / float(x.std(correction=1)))
    expected = float(density(threshold)[0])
    assert gradients(GaussianStep, x, threshold, bandwidth)[1] / N == pytest.approx(-expected, rel=1e-9)
    found = gradients(GaussianJumpReLU, x, threshold, bandwidth)[1] / N
    assert found == pytest.approx(-threshold * expected, rel=1e-9)


def test_the_gaussian_is_the_derivative_of_a_smoothed_step() -> None:
    """By finite differences: the kernel is the derivative of a step smoothed with it, the normal distribution function."""
    from hubkit.train.ste import GaussianStep

    x, bandwidth, h = sample(50), 0.1, 1e-5

    def smoothed(threshold: float) -> float:
        return float(torch.special.ndtr((x - threshold) / bandwidth).sum())

    slope = (smoothed(0.3 + h) - smoothed(0.3 - h)) / (2 * h)
    assert gradients(GaussianStep, x, 0.3, bandwidth)[1] == pytest.approx(slope, rel=1e-7)


def test_both_kernels_estimate_the_same_density_in_the_limit() -> None:
    """Many rows and a narrow kernel; and there it is the density itself, (0.4 N(-0.5, 0.3) + 0.6 N(0.7, 0.5))(t)."""
    from scipy.stats import norm

    from hubkit.train.ste import GaussianStep, RectangleStep

    many = 400_000
    x, threshold = sample(many), 0.4
    truth = 0.4 * norm.pdf(threshold, -0.5, 0.3) + 0.6 * norm.pdf(threshold, 0.7, 0.5)
    wide = [gradients(f, x, threshold, 1.0)[1] / many for f in (GaussianStep, RectangleStep)]
    narrow = [gradients(f, x, threshold, 0.02)[1] / many for f in (GaussianStep, RectangleStep)]
    assert abs(wide[0] - wide[1]) > 0.05 * truth, "wide kernels differ, or the limit shows nothing"
    assert narrow[0] == pytest.approx(-truth, rel=0.03)
    assert narrow[1] == pytest.approx(-truth, rel=0.03)
    assert narrow[0] == pytest.approx(narrow[1], rel=0.03)


@pytest.mark.parametrize("kernel", ["Gaussian", "Rectangle"])
@pytest.mark.parametrize("to_input", [False, True])
def test_what_is_passed_to_the_encoder(kernel: str, to_input: bool) -> None:
    """The step's estimate for x is minus that for the threshold, or nothing; JumpReLU's adds the slope 1 above the threshold."""
    from hubkit.train import ste

    x, threshold = sample(), 0.3
    step_x, step_t = gradients(getattr(ste, f"{kernel}Step"), x, threshold, 0.1, to_input=to_input)
    jump_x, jump_t = gradients(getattr(ste, f"{kernel}JumpReLU"), x, threshold, 0.1, to_input=to_input)
    above = (x[:, 0] > threshold).double()
    assert float(step_x.sum()) == pytest.approx(-step_t if to_input else 0.0)
    assert float((jump_x - above).sum()) == pytest.approx(-jump_t if to_input else 0.0)


def test_the_values_are_the_step_and_the_jump_whatever_the_kernel() -> None:
    from hubkit.train import ste

    x = torch.tensor([[-1.0, 0.1, 0.2, 0.3]])
    threshold = torch.full((4,), 0.2)
    for kernel in ("Gaussian", "Rectangle"):
        arguments = (x, threshold, 0.05, True)
        assert getattr(ste, f"{kernel}Step").apply(*arguments).tolist() == [[0.0, 0.0, 0.0, 1.0]]
        assert getattr(ste, f"{kernel}JumpReLU").apply(*arguments)[0, 3] == x[0, 3]


def test_the_gaussian_moves_thresholds_that_no_rectangle_reaches() -> None:
    """Every pre-activation lies outside the rectangle: it gives exactly nothing, the Gaussian a little."""
    from hubkit.train.ste import GaussianStep, RectangleStep

    x = torch.tensor([[0.5], [0.6]], dtype=torch.float64)
    assert gradients(RectangleStep, x, 0.4, 0.1)[1] == 0.0
    assert gradients(GaussianStep, x, 0.4, 0.1)[1] < -1.0
