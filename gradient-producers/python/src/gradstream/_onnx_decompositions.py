"""What torch has no ONNX form for, in operators that have one."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

import torch

aten = torch.ops.aten
Gradients = Tuple[Optional[torch.Tensor], Optional[torch.Tensor], Optional[torch.Tensor]]


def decompositions() -> Dict[Any, Callable[..., Any]]:
    """Torch's own down to its core operators, and the backward pass of convolutions and mean pooling."""
    from torch._decomp import core_aten_decompositions

    table: Dict[Any, Callable[..., Any]] = dict(core_aten_decompositions())
    table[aten.convolution_backward.default] = convolution_backward
    table[aten.constant_pad_nd.default] = constant_pad
    table[aten.avg_pool2d_backward.default] = avg_pool2d_backward
    table[aten.native_batch_norm.default] = batch_norm
    return table


def batch_norm(
    x: torch.Tensor,
    weight: Optional[torch.Tensor],
    bias: Optional[torch.Tensor],
    running_mean: Optional[torch.Tensor],
    running_var: Optional[torch.Tensor],
    training: bool,
    momentum: float,
    eps: float,
) -> Any:
    """Batch normalisation that learns, with what it makes of the running statistics.

    The converter takes this operator for that of evaluation mode wherever there are running statistics. Without them, or
    in evaluation mode, it is right.
    """
    if not training or running_mean is None or running_var is None:
        return NotImplemented
    axes = [0, *range(2, x.dim())]
    shape = [1, -1] + [1] * (x.dim() - 2)
    mean = x.mean(axes)
    from_mean = x - mean.view(shape)
    squares = from_mean * from_mean
    inverse = torch.rsqrt(squares.mean(axes) + eps)
    unbiased = squares.sum(axes) / (torch.ones_like(x).sum(axes) - 1)
    running_mean.copy_(running_mean * (1 - momentum) + mean * momentum)
    running_var.copy_(running_var * (1 - momentum) + unbiased * momentum)
    y = from_mean * inverse.view(shape)
    y = y if weight is None else y * weight.view(shape)
    return (y if bias is None else y + bias.view(shape)), mean, inverse


def convolution_backward(
    grad: torch.Tensor,
    x: torch.Tensor,
    weight: torch.Tensor,
    bias_sizes: Optional[Sequence[int]],
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    transposed: bool,
    output_padding: Sequence[int],
    groups: int,
    mask: Sequence[bool],
) -> Gradients:
    """Gradients of a convolution's input, kernel and bias, as convolutions.

    The input's is the transposed convolution of the output's gradient. The kernel's is the convolution of the input with
    the output's gradient as its kernel, where samples are the channels, and stride and dilation change places.
    """
    dims = len(stride)
    zeros = [0] * dims
    of_x = of_weight = of_bias = None
    if mask[0] and not transposed:
        missing = [
            x.shape[2 + d]
            - ((grad.shape[2 + d] - 1) * stride[d] - 2 * padding[d] + dilation[d] * (weight.shape[2 + d] - 1) + 1)
            for d in range(dims)
        ]
        of_x = aten.convolution(grad, weight, None, stride, padding, dilation, True, missing, groups)
    elif mask[0]:
        of_x = aten.convolution(grad, weight, None, stride, padding, dilation, False, zeros, groups)
    if mask[1]:
        wide, narrow = (grad, x) if transposed else (x, grad)
        of_weight = _kernel_gradient(wide, narrow, weight, stride, padding, dilation, groups)
    if mask[2]:
        of_bias = grad.sum([0] + list(range(2, 2 + dims)))
    return of_x, of_weight, of_bias


def _kernel_gradient(
    wide: torch.Tensor,
    narrow: torch.Tensor,
    weight: torch.Tensor,
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    groups: int,
) -> torch.Tensor:
    """``wide`` is N x (g a) x ..., ``narrow`` is N x (g b) x ...; the result is (g b) x a x kernel."""
    dims = len(stride)
    rest: List[int] = list(range(3, 3 + dims))
    samples, channels = wide.shape[0], wide.shape[1]
    # a x (g N) x ...: channels become samples, and each group's samples its channels.
    images = wide.reshape(samples, groups, channels // groups, *wide.shape[2:]).permute(2, 1, 0, *rest)
    images = images.reshape(channels // groups, groups * samples, *wide.shape[2:])
    kernels = narrow.transpose(0, 1)
    found = aten.convolution(images, kernels, None, dilation, padding, stride, False, [0] * dims, groups)
    for d in range(dims):
        found = found.narrow(2 + d, 0, weight.shape[2 + d])
    return found.transpose(0, 1).contiguous()


def avg_pool2d_backward(
    grad: torch.Tensor,
    x: torch.Tensor,
    kernel: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[int],
    ceil_mode: bool,
    count_include_pad: bool,
    divisor_override: Optional[int],
) -> Any:
    """The transposed convolution, channel by channel, with a kernel of equal weights."""
    if ceil_mode or x.dim() != 4 or (any(padding) and not count_include_pad and divisor_override is None):
        return NotImplemented  # windows at the edge have weights of their own
    stride = list(stride) or list(kernel)
    missing = [x.shape[2 + d] - ((grad.shape[2 + d] - 1) * stride[d] - 2 * padding[d] + kernel[d]) for d in range(2)]
    channels = x.shape[1]
    share = 1.0 / (divisor_override or kernel[0] * kernel[1])
    weight = grad.new_full([channels, 1, *kernel], share)
    of_x = aten.convolution(grad, weight, None, stride, padding, [1, 1], True, [0, 0], channels)
    # What no window reached at the end has no gradient; an output padding must be smaller than the stride.
    return constant_pad(of_x, [0, missing[1], 0, missing[0]])


def constant_pad(x: torch.Tensor, pad: Sequence[int], value: float = 0) -> torch.Tensor:
    """Torch's own traces the number of samples as the example's."""
    for place, (before, after) in enumerate(zip(pad[::2], pad[1::2])):
        dim = x.dim() - 1 - place
        if before < 0 or after < 0:
            x = x.narrow(dim, max(0, -before), x.shape[dim] + min(0, before) + min(0, after))
        for width, first in ((before, True), (after, False)):
            if width > 0:
                filled = x.new_full([*x.shape[:dim], width, *x.shape[dim + 1 :]], value)
                x = torch.cat([filled, x] if first else [x, filled], dim)
    return x
