import {
  euler,
  fewerEvaluations,
  guided,
  guidedAtOnce,
  mixed,
  type Prediction,
  type PromptMix,
  schedule,
  type VelocityPair,
  velocityFromX0,
} from '../../flow/index.ts';
import {
  compile,
  type Device,
  type Dim,
  floats,
  input,
  type Program,
  resolveDevice,
  type Scope,
  scope,
  type Tensor,
  type Weights,
} from '../../tensor/index.ts';
import { type StructureDecoderConfig, structureDecoder } from './autoencoder.ts';
import { type StructureFlowConfig, structureFlow, structurePrompt } from './flow.ts';
import { promptHolder, promptInputs, promptOutputs } from './held-prompts.ts';

export interface StructureSamplerOptions {
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

/** The published settings of the picture models. */
export const structureSamplerDefaults: StructureSamplerOptions = {
  steps: 25,
  guidance: 5,
  interval: [0.5, 1],
  rescale: 3,
};

export type { Weights } from '../../tensor/index.ts';

/** A flow network made ready to sample. Owned by whoever opened it; `dispose` frees it. */
export interface StructureSampler {
  /**
   * Latents [B, in, R, R, R] from noise of that shape and prompt tokens [B, T, K], flattened; of several prompts, each so.
   * What the network reads of a prompt is computed once.
   * @param run.uncond  tokens of the empty prompt, like `cond`; zeros when not given, as for pictures
   * @param run.mix     how several prompts lead a sample; 'stochastic' when not given
   */
  sample(
    noise: Float32Array,
    cond: Float32Array | readonly Float32Array[],
    options: StructureSamplerOptions,
    run?: { uncond?: Float32Array; mix?: PromptMix; signal?: AbortSignal; onStep?: (step: number, of: number) => void },
  ): Promise<Float32Array>;
  dispose(): Promise<void>;
}

/**
 * Up to so many rows are evaluated at once: several structures, and both prompts of a guided step. So few wait for the
 * weights to be read; with more, one after the other is as fast, and the empty prompt of a picture costs less by itself
 * (bench/guidance-batch.ts).
 */
const ROWS_AT_ONCE = 512;

/** Input of what the tokens read of the patches they are seen in. */
const ALIGNED = 'prompt.aligned';

/** How many structures a flow network samples at once without loss: the large ones one. */
export function structuresAtOnce({ resolution, patch_size: patch = 2 }: StructureFlowConfig): number {
  return Math.max(1, Math.floor(ROWS_AT_ONCE / (resolution / patch) ** 3));
}

export async function openStructureSampler(
  config: StructureFlowConfig,
  weights: Weights,
  { batch, tokens, prediction = 'velocity' }: { batch: number; tokens: number; prediction?: Prediction },
  device: Device | 'auto' = 'cpu',
  at: (root: Scope) => Scope = (root) => root,
): Promise<StructureSampler> {
  const { resolution: r, in_channels: channels, cond_channels: k, patch_size: patch = 2 } = config;
  const isAtOnce = batch * (r / patch) ** 3 <= ROWS_AT_ONCE;
  const hasPlaces = config.pixel_aligned_grid !== undefined;
  const size: Dim = isAtOnce ? 'batch' : batch;
  const output = structureFlow(config, at(scope()), input('x', [size, channels, r, r, r]), input('t', [size]), {
    blocks: promptInputs(config.num_blocks, size, config.model_channels),
    aligned: hasPlaces ? input(ALIGNED, [size, (r / patch) ** 2, config.model_channels]) : undefined,
  });
  const program = await compile({ output }, { device, ...weights });
  const prompts = promptHolder(
    program,
    (cond) => {
      const { blocks, aligned } = structurePrompt(config, at(scope()), cond);
      return { ...promptOutputs(blocks), ...(aligned && { [ALIGNED]: aligned }) };
    },
    { tokens, channels: k, hasPlaces },
    { device, ...weights },
  );
  const evaluate = (held: string) => async (x: Float32Array, t: number) => {
    const n = x.length / (channels * r ** 3);
    const feeds = { x: floats(x, [n, channels, r, r, r]), t: floats(new Float32Array(n).fill(1000 * t), [n]) };
    const predicted = (await program.run(feeds, { held })).output.data as Float32Array;
    return prediction === 'x0' ? velocityFromX0(x, predicted, t) : predicted;
  };
  const evaluatePair: VelocityPair = async (x, t) => {
    const both = await evaluate('pair')(joined(x, x), t);
    return [both.subarray(0, x.length), both.subarray(x.length)];
  };
  return {
    async sample(
      noise,
      cond,
      { steps, guidance, interval, rescale, fast = false },
      { uncond = new Float32Array(batch * tokens * k), mix = 'stochastic', signal, onStep } = {},
    ) {
      const conds = new Map((cond instanceof Float32Array ? [cond] : cond).map((one, i) => [`prompt ${i}`, one]));
      const [first, ...others] = conds.values();
      const isPair = isAtOnce && others.length === 0;
      const besides = isPair ? new Map([['pair', joined(first, uncond)]]) : new Map([['empty', uncond]]);
      await prompts.hold(guidance > 0 ? new Map([...conds, ...besides]) : conds);
      const towards = mixed([...conds.keys()].map(evaluate), mix);
      const act = { w: guidance, interval } as const;
      const velocityOf = isPair ? guidedAtOnce(towards, evaluatePair, act) : guided(towards, evaluate('empty'), act);
      return euler(fast ? fewerEvaluations(velocityOf, steps) : velocityOf, noise, schedule(steps, { rescale }), {
        signal,
        onStep: ({ step }) => onStep?.(step, steps),
      });
    },
    dispose: () => program.dispose(),
  };
}

function joined(a: Float32Array, b: Float32Array): Float32Array {
  const both = new Float32Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}

/** latents [B, c, r, r, r] → logits [B, R, R, R]. */
export interface StructureDecoderRunner {
  decode(latents: Float32Array): Promise<Float32Array>;
  dispose(): Promise<void>;
}

export async function openStructureDecoder(
  config: StructureDecoderConfig,
  weights: Weights,
  shape: { batch: number; resolution: number },
  device: Device | 'auto' = 'cpu',
  at: (root: Scope) => Scope = (root) => root,
): Promise<StructureDecoderRunner> {
  const { batch, resolution: r } = shape;
  const dims = [batch, config.latent_channels, r, r, r];
  const logits: Tensor = structureDecoder(config, at(scope()), input('latent', dims), {
    winograd: resolveDevice(device) === 'cpu',
  });
  const program: Program = await compile({ logits }, { device, ...weights });
  return {
    decode: async (latents) => (await program.run({ latent: floats(latents, dims) })).logits.data as Float32Array,
    dispose: () => program.dispose(),
  };
}
