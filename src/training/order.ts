import { type Generator, torchGenerator } from '../tensor/index.ts';

/**
 * Which samples step `step` (from 0) sees: each epoch is a permutation of its own, seeded `seed + epoch`.
 * A pure function of its arguments, so a resumed run needs no saved position.
 */
export function samplesOf(step: number, batch: number, count: number, seed: number): number[] {
  const picked: number[] = [];
  for (let i = 0; i < batch; i++) {
    const at = step * batch + i;
    const epoch = Math.floor(at / count);
    picked.push(permutationOf(seed + epoch, count)[at % count]);
  }
  return picked;
}

/** The random stream of one step, independent of all others. */
export const generatorOf = (seed: number, step: number): Generator =>
  torchGenerator((seed * 1_000_003 + step * 7919) % 2 ** 32);

let cached: { key: string; order: Int32Array } | undefined;

function permutationOf(seed: number, count: number): Int32Array {
  const key = `${seed}/${count}`;
  if (cached?.key !== key) cached = { key, order: torchGenerator(seed).permutation(count) };
  return cached.order;
}
