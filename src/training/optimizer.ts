import type { Tensor } from '../tensor/index.ts';
import { type AdamWOptions, momentNames as adamMoments, adamW, averageName, type OptimizerGraph } from './adamw.ts';
import { isHiddenMatrix, type MuonOptions, momentumName, muon } from './muon.ts';

/** How weights follow their gradients; AdamW is the published one. */
export type OptimizerOptions = ({ name?: 'adamw' } & AdamWOptions) | ({ name: 'muon' } & MuonOptions);

/** The successor of every weight, moment and average. */
export function optimizer(
  weights: ReadonlyMap<string, Tensor>,
  grads: readonly Tensor[],
  options: OptimizerOptions = {},
): OptimizerGraph {
  return options.name === 'muon' ? muon(weights, grads, options) : adamW(weights, grads, options);
}

/** Names of the states that the optimiser keeps for a weight, each of its size and zero at first. */
export function momentNames(weight: string, rank: number, { name }: OptimizerOptions = {}): readonly string[] {
  return name === 'muon' && isHiddenMatrix(weight, rank) ? [momentumName(weight)] : adamMoments(weight);
}

export { averageName };
