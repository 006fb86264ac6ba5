import type { KeysValues } from '../../nn/index.ts';
import {
  compile,
  type Device,
  type Dim,
  floats,
  input,
  type Program,
  type Tensor,
  type Value,
  type Weights,
} from '../../tensor/index.ts';

/** Inputs of a flow network's graph for what `blocks` blocks read of a prompt: [batch, tokens, width] each. */
export function promptInputs(blocks: number, batch: Dim, width: number): KeysValues[] {
  const each = (block: number, kind: string) => input(`prompt.${block}.${kind}`, [batch, 'prompt', width]);
  return Array.from({ length: blocks }, (_, i) => ({ keys: each(i, 'keys'), values: each(i, 'values') }));
}

/**
 * Prompts read into a flow network's session, where every step finds them: `hold` with their tokens [B, L, K] by name,
 * then `program.run(…, { held: name })`. A prompt that is held already is not read again.
 * @param read    what the network reads of tokens, by the names of its inputs
 * @param prompt  tokens of a prompt, L, and their channels; the batch is known by what `hold` is given. Where a token's place
 *                counts, also of tokens that are all alike, `hasPlaces`
 */
export function promptHolder(
  program: Program,
  read: (cond: Tensor) => Record<string, Tensor>,
  prompt: { tokens: number; channels: number; hasPlaces?: boolean },
  options: Weights & { device: Device | 'auto' },
): { hold(prompts: ReadonlyMap<string, Float32Array>): Promise<void> } {
  const { tokens, channels, hasPlaces = false } = prompt;
  const held = new Map<string, Float32Array>();
  return {
    async hold(prompts) {
      const fresh = [...prompts].filter(([name, cond]) => !isSame(held.get(name), cond));
      if (fresh.length === 0) return;
      // Opened anew for new prompts, and closed: its weights are needed for a moment of a run that takes minutes.
      const dims: Dim[] = ['batch', hasPlaces ? tokens : 'prompt', channels];
      const reader = await compile(read(input('cond', dims)), options);
      try {
        for (const [name, cond] of fresh) {
          const all = floats(cond, [cond.length / (tokens * channels), tokens, channels]);
          const got = await reader.run({ cond: hasPlaces ? all : distinctTokens(cond, tokens, channels) });
          held.set(name, cond.slice());
          await program.hold(name, got);
        }
      } finally {
        await reader.dispose();
      }
    },
  };
}

/** What blocks read of a prompt, by the names of `promptInputs`. */
export const promptOutputs = (read: readonly KeysValues[]): Record<string, Tensor> =>
  Object.fromEntries(
    read.flatMap(({ keys, values }, i) => [
      [`prompt.${i}.keys`, keys],
      [`prompt.${i}.values`, values],
    ]),
  );

/**
 * Tokens that are all alike, as the zeros of a picture's empty prompt, are one token: their scores are equal, so attention
 * gives the mean of equal values. Saves the empty prompt's scores at every step.
 */
function distinctTokens(cond: Float32Array, tokens: number, channels: number): Value {
  const size = tokens * channels;
  const batch = cond.length / size;
  const isAlike = (b: number) => {
    const rows = cond.subarray(b * size, (b + 1) * size);
    return rows.every((v, i) => v === rows[i % channels]);
  };
  if (!Array.from({ length: batch }, (_, b) => b).every(isAlike)) return floats(cond, [batch, tokens, channels]);
  const first = new Float32Array(batch * channels);
  for (let b = 0; b < batch; b++) first.set(cond.subarray(b * size, b * size + channels), b * channels);
  return floats(first, [batch, 1, channels]);
}

const isSame = (a: Float32Array | undefined, b: Float32Array): boolean =>
  a !== undefined && a.length === b.length && a.every((v, i) => v === b[i]);
