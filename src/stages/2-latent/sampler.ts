import { euler, guided, mixed, type PromptMix, schedule } from '../../flow/index.ts';
import { expectRows, sparseGrid, type Voxels } from '../../sparse/index.ts';
import {
  compile,
  type Device,
  floats,
  gather,
  input,
  integers,
  reshape,
  type Scope,
  scope,
} from '../../tensor/index.ts';
import type { Weights } from '../1-structure/index.ts';
import { type LatentEncoderConfig, latentEncoder } from './encoder.ts';
import { type LatentFlowConfig, latentFlow, latentPrompt } from './flow.ts';

export interface LatentSamplerOptions {
  steps: number;
  /** strength of classifier-free guidance, ≥ 0 */
  guidance: number;
  /** [from, to] of t in which guidance acts */
  interval: readonly [number, number];
  /** > 1 spends more steps near noise */
  rescale: number;
}

/** The published settings of the picture models. */
export const latentSamplerDefaults: LatentSamplerOptions = { steps: 25, guidance: 5, interval: [0.5, 1], rescale: 3 };

/** What leads a sample; tokens are [B, T, K], one row for each object. */
export interface LatentPrompt {
  /** tokens of the prompt, or of each of several */
  cond: Float32Array | readonly Float32Array[];
  /** tokens of the empty prompt; zeros when not given, as for pictures */
  uncond?: Float32Array;
  /** how several prompts lead a sample; 'stochastic' when not given */
  mix?: PromptMix;
}

/** A latent flow network made ready to sample at any voxels. Owned by whoever opened it; `dispose` frees it. */
export interface LatentSampler {
  /** Normalized latents [N, out] at `voxels` from noise [N, in]. What the network reads of the prompt is computed once. */
  sample(
    voxels: Voxels,
    noise: Float32Array,
    prompt: LatentPrompt,
    options: LatentSamplerOptions,
    run?: { signal?: AbortSignal; onStep?: (step: number, of: number) => void },
  ): Promise<Float32Array>;
  dispose(): Promise<void>;
}

/** Opens a latent flow network for `objects` objects at once, each with up to `prompts` prompts of `tokens` tokens. */
export async function openLatentSampler(
  config: LatentFlowConfig,
  weights: Weights,
  { objects, tokens, prompts = 1 }: { objects: number; tokens: number; prompts?: number },
  device: Device | 'auto' = 'cpu',
  at: (root: Scope) => Scope = (root) => root,
): Promise<LatentSampler> {
  const { in_channels: channels, cond_channels: k, model_channels: width } = config;
  const condDims = [objects, tokens, k];
  const blocks = Array.from({ length: config.num_blocks }, (_, i) => `prompt.${i}`);
  const read = latentPrompt(config, at(scope()), input('cond', condDims));
  const reader = await compile(Object.fromEntries(blocks.map((name, i) => [name, read[i]])), { device, ...weights });

  // The velocity's session holds keys and values of the prompts and, last, of the empty one, and is told which to take.
  const size = objects * tokens * 2 * width;
  const which = input('which', [1], 'int32');
  const held = blocks.map((name) =>
    reshape(gather(input(name, [prompts + 1, objects, tokens, 2 * width]), which), [objects, tokens, 2 * width]),
  );
  const grid = sparseGrid(objects);
  const x = input('x', [grid.rows, channels]);
  const velocity = latentFlow(config, at(scope()), grid, x, input('t', [objects]), held);
  const empty = Object.fromEntries(blocks.map((name) => [name, new Float32Array((prompts + 1) * size)]));
  const program = await compile({ velocity }, { device, ...weights, state: { ...weights.state, ...empty } }).catch(
    async (error) => {
      await reader.dispose();
      throw error;
    },
  );

  async function hold(conds: readonly Float32Array[], uncond: Float32Array | undefined): Promise<void> {
    const all = Object.fromEntries(blocks.map((name) => [name, new Float32Array((prompts + 1) * size)]));
    const read = async (cond: Float32Array, row: number) => {
      const got = await reader.run({ cond: floats(cond, condDims) });
      for (const name of blocks) all[name].set(got[name].data as Float32Array, row * size);
    };
    for (const [i, cond] of conds.entries()) await read(cond, i);
    if (uncond) await read(uncond, prompts);
    await program.writeState(all);
  }

  return {
    async sample(voxels, noise, prompt, { steps, guidance, interval, rescale }, { signal, onStep } = {}) {
      expectRows('latent sampler', voxels, config.resolution, noise, channels);
      const conds = prompt.cond instanceof Float32Array ? [prompt.cond] : prompt.cond;
      if (conds.length > prompts)
        throw new RangeError(`latent sampler: opened for ${prompts} prompts, got ${conds.length}.`);
      const { uncond = new Float32Array(objects * tokens * k), mix = 'stochastic' } = prompt;
      await hold(conds, guidance > 0 ? uncond : undefined);
      const plan = grid.plan(voxels);
      const evaluate = (row: number) => async (x: Float32Array, t: number) => {
        const feeds = {
          ...plan,
          x: floats(x, [voxels.count, channels]),
          t: floats(new Float32Array(objects).fill(1000 * t), [objects]),
          which: integers(Int32Array.of(row), [1]),
        };
        return (await program.run(feeds)).velocity.data as Float32Array;
      };
      const towards = mixed(
        conds.map((_, row) => evaluate(row)),
        mix,
      );
      const velocityOf = guided(towards, evaluate(prompts), { w: guidance, interval: [interval[0], interval[1]] });
      return euler(velocityOf, noise, schedule(steps, { rescale }), {
        signal,
        onStep: ({ step }) => onStep?.(step, steps),
      });
    },
    async dispose() {
      await reader.dispose();
      await program.dispose();
    },
  };
}

/** Picture features [N, in] at voxels → mean and log variance of their latents, [N, latent_channels] each. */
export interface LatentEncoderRunner {
  encode(voxels: Voxels, feats: Float32Array): Promise<{ mean: Float32Array; logvar: Float32Array }>;
  dispose(): Promise<void>;
}

export async function openLatentEncoder(
  config: LatentEncoderConfig,
  weights: Weights,
  { objects }: { objects: number },
  device: Device | 'auto' = 'cpu',
  at: (root: Scope) => Scope = (root) => root,
): Promise<LatentEncoderRunner> {
  const grid = sparseGrid(objects);
  const feats = input('feats', [grid.rows, config.in_channels]);
  const program = await compile({ ...latentEncoder(config, at(scope()), grid, feats) }, { device, ...weights });
  return {
    async encode(voxels, values) {
      expectRows('latent encoder', voxels, config.resolution, values, config.in_channels);
      const got = await program.run({
        ...grid.plan(voxels),
        feats: floats(values, [voxels.count, config.in_channels]),
      });
      return { mean: got.mean.data as Float32Array, logvar: got.logvar.data as Float32Array };
    },
    dispose: () => program.dispose(),
  };
}
