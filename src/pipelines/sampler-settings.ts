import { evaluatedSteps } from '../flow/index.ts';
import type { SamplerOptions } from './pipeline-file.ts';

/** What a caller wants otherwise than the model's `pipeline.json` says. */
export type SamplerOverrides = { readonly [K in keyof SamplerOptions]?: SamplerOptions[K] };

/**
 * A stage's sampler settings: the model's, then each list of overrides in turn, key by key.
 * @param stage  what errors name
 * @throws RangeError naming the setting that means nothing
 */
export function samplerSettings(
  stage: string,
  model: SamplerOptions,
  ...overrides: readonly (SamplerOverrides | undefined)[]
): SamplerOptions {
  const settings = { ...model };
  for (const one of overrides)
    for (const [name, value] of Object.entries(one ?? {}))
      if (value !== undefined) Object.assign(settings, { [name]: value });
  const { steps, guidance, interval, rescale, fast = false } = settings;
  if (!Number.isInteger(steps) || steps < 1 || steps > MOST_STEPS)
    throw new RangeError(
      `${stage}: steps must be a whole number of at least 1 and at most ${MOST_STEPS}, got ${steps}.`,
    );
  if (!Number.isFinite(guidance) || guidance < 0)
    throw new RangeError(`${stage}: guidance must be a number of at least 0, got ${guidance}.`);
  if (!(interval.length === 2 && 0 <= interval[0] && interval[0] <= interval[1] && interval[1] <= 1))
    throw new RangeError(
      `${stage}: interval must be [from, to] with 0 ≤ from ≤ to ≤ 1, got [${interval.join(', ')}]. Guidance 0 turns guidance off.`,
    );
  if (!(rescale > 0 && Number.isFinite(rescale)))
    throw new RangeError(`${stage}: rescale must be a number above 0, got ${rescale}; 1 spaces the steps evenly.`);
  if (typeof fast !== 'boolean') throw new RangeError(`${stage}: fast must be true or false, got ${fast}.`);
  if (fast)
    try {
      evaluatedSteps(steps);
    } catch (error) {
      throw new RangeError(`${stage}: ${(error as Error).message}`, { cause: error });
    }
  return settings;
}

const MOST_STEPS = 10_000;

/**
 * Settings by name, for both stages. 'published-…' are those of the `pipeline.json` of the published models, '…-app'
 * those that their demo apps start with, which leave interval and rescale to the model.
 * Source: reference/pipelines.md §2 and §16.
 */
export const presets = {
  'published-image': both({ steps: 25, guidance: 5, interval: [0.5, 1], rescale: 3 }),
  'published-text': both({ steps: 25, guidance: 7.5, interval: [0.5, 0.95], rescale: 3 }),
  'image-app': { structure: { steps: 12, guidance: 7.5 }, latent: { steps: 12, guidance: 3 } },
  'text-app': both({ steps: 25, guidance: 7.5 }),
} as const satisfies Record<string, { structure: SamplerOverrides; latent: SamplerOverrides }>;

export type PresetName = keyof typeof presets;

function both<const S extends SamplerOverrides>(settings: S): { structure: S; latent: S } {
  return { structure: settings, latent: settings };
}

/** @throws RangeError listing the names that there are */
export function presetNamed(name: string): { structure: SamplerOverrides; latent: SamplerOverrides } {
  if (!Object.hasOwn(presets, name))
    throw new RangeError(`there is no preset "${name}"; there are ${Object.keys(presets).join(', ')}.`);
  return presets[name as PresetName];
}
