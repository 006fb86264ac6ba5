import { euler, fewerEvaluations, guided, mixed, type PromptMix, schedule } from '../../flow/index.ts';
import { expectRows, sparseGrid, type Voxels } from '../../sparse/index.ts';
import { compile, type Device, floats, input, type Scope, scope } from '../../tensor/index.ts';
import { promptHolder, promptInputs, promptOutputs, type Weights } from '../1-structure/index.ts';
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
  /** some later steps go on along the last two velocities instead of evaluating the network; not when not given */
  fast?: boolean;
}

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

/** Opens a latent flow network for `objects` objects at once, each with prompts of `tokens` tokens. */
export async function openLatentSampler(
  config: LatentFlowConfig,
  weights: Weights,
  { objects, tokens }: { objects: number; tokens: number },
  device: Device | 'auto' = 'cpu',
  at: (root: Scope) => Scope = (root) => root,
): Promise<LatentSampler> {
  const { in_channels: channels, cond_channels: k } = config;
  const grid = sparseGrid(objects);
  const x = input('x', [grid.rows, channels]);
  const read = promptInputs(config.num_blocks, objects, config.model_channels);
  const velocity = latentFlow(config, at(scope()), grid, x, input('t', [objects]), read);
  const program = await compile({ velocity }, { device, ...weights });
  const prompts = promptHolder(
    program,
    (cond) => promptOutputs(latentPrompt(config, at(scope()), cond)),
    { tokens, channels: k },
    { device, ...weights },
  );
  return {
    async sample(voxels, noise, prompt, { steps, guidance, interval, rescale, fast = false }, { signal, onStep } = {}) {
      expectRows('latent sampler', voxels, config.resolution, noise, channels);
      const given = prompt.cond instanceof Float32Array ? [prompt.cond] : prompt.cond;
      const conds = new Map(given.map((one, i) => [`prompt ${i}`, one]));
      const { uncond = new Float32Array(objects * tokens * k), mix = 'stochastic' } = prompt;
      await prompts.hold(guidance > 0 ? new Map(conds).set('empty', uncond) : conds);
      const plan = grid.plan(voxels);
      const evaluate = (held: string) => async (x: Float32Array, t: number) => {
        const feeds = {
          ...plan,
          x: floats(x, [voxels.count, channels]),
          t: floats(new Float32Array(objects).fill(1000 * t), [objects]),
        };
        return (await program.run(feeds, { held })).velocity.data as Float32Array;
      };
      const towards = mixed([...conds.keys()].map(evaluate), mix);
      const velocityOf = guided(towards, evaluate('empty'), { w: guidance, interval: [interval[0], interval[1]] });
      return euler(fast ? fewerEvaluations(velocityOf, steps) : velocityOf, noise, schedule(steps, { rescale }), {
        signal,
        onStep: ({ step }) => onStep?.(step, steps),
      });
    },
    dispose: () => program.dispose(),
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
