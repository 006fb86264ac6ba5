import { add, conv3d, type Initializer, type Scope, silu, type Tensor, uniformInit, zeros } from '../tensor/index.ts';
import { channelLayerNorm } from './norm.ts';
import { suitsWinograd, winogradConvolution } from './winograd.ts';

interface ConvOptions {
  kernel?: number;
  stride?: number;
  /** weight and bias; PyTorch's default U(±1/√fan_in) when not given */
  init?: Initializer;
  /** 3³ convolutions of many channels by Winograd's way, where it is faster: for the CPU, to run and not to train */
  winograd?: boolean;
}

/** 3-D convolution, padded to keep its size at stride 1. x [B, in, X, Y, Z]; declares `weight`, `bias`. */
export function convolution(
  p: Scope,
  x: Tensor,
  out: number,
  { kernel = 3, stride = 1, init, winograd = false }: ConvOptions = {},
): Tensor {
  const cin = x.shape[1] as number;
  const start = init ?? uniformInit(1 / Math.sqrt(cin * kernel ** 3));
  const weight = p.weight('weight', [out, cin, kernel, kernel, kernel], start);
  const bias = p.weight('bias', [out], start);
  if (winograd && kernel === 3 && stride === 1 && suitsWinograd(x)) return winogradConvolution(x, weight, bias);
  return conv3d(x, weight, bias, { stride, padding: stride === 1 ? (kernel - 1) / 2 : 0 });
}

/** Two convolutions around a shortcut, each after norm and SiLU; the second starts at zero. x [B, C, X, Y, Z]. */
export function residualBlock(p: Scope, x: Tensor, out: number, options: Pick<ConvOptions, 'winograd'> = {}): Tensor {
  let h = convolution(p.at('conv1'), silu(channelLayerNorm(p.at('norm1'), x)), out, options);
  h = convolution(p.at('conv2'), silu(channelLayerNorm(p.at('norm2'), h)), out, { ...options, init: zeros });
  return add(h, x.shape[1] === out ? x : convolution(p.at('skip_connection'), x, out, { kernel: 1 }));
}
