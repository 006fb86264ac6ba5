import { add, div, input, matmul, mul, reshape, sqrt, sub, sum, type Tensor } from '../tensor/index.ts';
import {
  type AdamWOptions,
  adamW,
  average,
  averageName,
  clipFactor,
  globalNorm,
  type OptimizerGraph,
  stepInputs,
} from './adamw.ts';

export interface MuonOptions extends AdamWOptions {
  /** decay of the running average of the gradients of matrices */
  momentum?: number;
}

/** The running average of a matrix's gradients. */
export const momentumName = (weight: string) => `muon.m/${weight}`;

/**
 * Whether Muon trains a weight: matrices and kernels between hidden layers. What reads the data, what writes the result,
 * tables, norms and biases are left to AdamW, whose step per number suits them.
 */
export function isHiddenMatrix(name: string, rank: number): boolean {
  return rank >= 2 && name.endsWith('.weight') && !/(^|\.)(input_layer|out_layer|patch_embed)\./.test(name);
}

/**
 * Muon: momentum whose singular values are all brought to about 1, so that a step turns every direction of a matrix alike:
 *   m ← µ·m + (1 − µ)·g;  u = (1 − µ)·g + µ·m;  θ ← θ − lr·λ·θ − lr·0.2·√max(rows, cols)·UVᵀ,  u = U·S·Vᵀ.
 * The factor gives an update the root mean square of an AdamW step, so both share one learning rate. Kernels are
 * matrices [out, in·k³]. Weights that are no hidden matrices are trained by AdamW.
 * Source: Jordan et al. 2024, "Muon: an optimizer for hidden layers in neural networks"; the factor: Liu et al. 2025, "Muon is Scalable for
 * LLM Training", §2.2.
 */
export function muon(
  weights: ReadonlyMap<string, Tensor>,
  grads: readonly Tensor[],
  options: MuonOptions = {},
): OptimizerGraph {
  const { momentum = 0.95, weightDecay = 0, emaRate } = options;
  const gradNorm = globalNorm(grads);
  const clip = clipFactor(gradNorm);
  const { lr } = stepInputs;
  const kept = sub(1, mul(lr, weightDecay));
  const updates: Record<string, Tensor> = {};
  const others = new Map<string, Tensor>();
  const otherGrads: Tensor[] = [];
  for (const [i, [name, theta]] of [...weights].entries()) {
    if (!isHiddenMatrix(name, theta.shape.length)) {
      others.set(name, theta);
      otherGrads.push(grads[i]);
      continue;
    }
    const rows = theta.shape[0] as number;
    const columns = theta.shape.slice(1).reduce<number>((n, d) => n * Number(d), 1);
    const g = mul(grads[i], clip);
    const m = add(mul(input(momentumName(name), theta.shape), momentum), mul(g, 1 - momentum));
    const u = reshape(add(mul(m, momentum), mul(g, 1 - momentum)), [rows, columns]);
    const step = mul(reshape(orthogonalized(u), theta.shape), mul(lr, 0.2 * Math.sqrt(Math.max(rows, columns))));
    const next = sub(weightDecay ? mul(theta, kept) : theta, step);
    updates[name] = next;
    updates[momentumName(name)] = m;
    if (emaRate !== undefined) updates[averageName(name)] = average(name, next, emaRate);
  }
  const rest = adamW(others, otherGrads, options, gradNorm);
  return { gradNorm, updates: { ...updates, ...rest.updates } };
}

/**
 * Coefficients of each step: of all odd quintics the one whose values come nearest to 1 on what the step before has left of
 * [0.01, 1]. Three of these do what five equal steps with the well-known coefficients do, at 0.6 of their cost.
 * Source: Amsel et al. 2025, "The Polar Express: Optimal Matrix Sign Methods and Their Application to the Muon Algorithm", §4.
 */
const QUINTICS = [
  [8.0934, -23.6204, 17.4462],
  [3.6366, -2.7219, 0.5365],
  [2.6613, -1.9772, 0.4526],
] as const;

/**
 * Roughly U·Vᵀ of u [rows, cols] = U·S·Vᵀ: steps of x ← a·x + b·(x·xᵀ)·x + c·(x·xᵀ)²·x, which bring each singular value of at
 * least a hundredth of the norm between 0.73 and 1.27. A zero matrix stays zero.
 */
export function orthogonalized(u: Tensor): Tensor {
  const [rows, columns] = u.shape as readonly number[];
  const isTall = rows > columns; // the square that is multiplied is that of the shorter side
  let x = div(u, add(sqrt(sum(mul(u, u))), 1e-7));
  for (const [a, b, c] of QUINTICS) {
    const square = isTall ? matmul(x, x, { transA: true }) : matmul(x, x, { transB: true });
    const polynomial = add(mul(square, b), mul(matmul(square, square), c));
    x = add(mul(x, a), isTall ? matmul(x, polynomial) : matmul(polynomial, x));
  }
  return x;
}
