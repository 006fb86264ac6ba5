import {
  euler,
  fewerEvaluations,
  guided,
  mixed,
  type Prediction,
  type PromptMix,
  schedule,
  velocityFromX0,
} from '../../flow/index.ts';
import {
  compile,
  type Device,
  floats,
  input,
  type Program,
  type Scope,
  scope,
  type Tensor,
  type Weights,
} from '../../tensor/index.ts';
import { type StructureDecoderConfig, structureDecoder } from './autoencoder.ts';
import { type StructureFlowConfig, structureFlow, structurePrompt } from './flow.ts';
import { promptHolder, promptInputs } from './held-prompts.ts';

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

export async function openStructureSampler(
  config: StructureFlowConfig,
  weights: Weights,
  { batch, tokens, prediction = 'velocity' }: { batch: number; tokens: number; prediction?: Prediction },
  device: Device | 'auto' = 'cpu',
  at: (root: Scope) => Scope = (root) => root,
): Promise<StructureSampler> {
  const { resolution: r, in_channels: channels, cond_channels: k } = config;
  const dims = [batch, channels, r, r, r];
  const output = structureFlow(
    config,
    at(scope()),
    input('x', dims),
    input('t', [batch]),
    promptInputs(config.num_blocks, batch, config.model_channels),
  );
  const program = await compile({ output }, { device, ...weights });
  const prompts = promptHolder(
    program,
    (cond) => structurePrompt(config, at(scope()), cond),
    { batch, tokens, channels: k },
    { device, ...weights },
  );
  const evaluate = (held: string) => async (x: Float32Array, t: number) => {
    const feeds = { x: floats(x, dims), t: floats(new Float32Array(batch).fill(1000 * t), [batch]) };
    const predicted = (await program.run(feeds, { held })).output.data as Float32Array;
    return prediction === 'x0' ? velocityFromX0(x, predicted, t) : predicted;
  };
  return {
    async sample(
      noise,
      cond,
      { steps, guidance, interval, rescale, fast = false },
      { uncond = new Float32Array(batch * tokens * k), mix = 'stochastic', signal, onStep } = {},
    ) {
      const conds = new Map((cond instanceof Float32Array ? [cond] : cond).map((one, i) => [`prompt ${i}`, one]));
      await prompts.hold(guidance > 0 ? new Map(conds).set('empty', uncond) : conds);
      const velocityOf = guided(mixed([...conds.keys()].map(evaluate), mix), evaluate('empty'), {
        w: guidance,
        interval: [interval[0], interval[1]],
      });
      return euler(fast ? fewerEvaluations(velocityOf, steps) : velocityOf, noise, schedule(steps, { rescale }), {
        signal,
        onStep: ({ step }) => onStep?.(step, steps),
      });
    },
    dispose: () => program.dispose(),
  };
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
  const logits: Tensor = structureDecoder(config, at(scope()), input('latent', dims));
  const program: Program = await compile({ logits }, { device, ...weights });
  return {
    decode: async (latents) => (await program.run({ latent: floats(latents, dims) })).logits.data as Float32Array,
    dispose: () => program.dispose(),
  };
}
