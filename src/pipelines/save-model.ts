import { mkdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Prediction } from '../flow/index.ts';
import { writeSafetensors } from '../formats/index.ts';
import type { Frame } from '../stages/1-structure/index.ts';
import { loadModel } from './model-folder.ts';
import { checkModel } from './network.ts';
import { type ClassName, networkClasses, type Role } from './network-classes.ts';
import type { PipelineFile, SamplerOptions } from './pipeline-file.ts';

/** A network to be saved: weights by official name. */
export interface SavedNetwork {
  component: string;
  name: ClassName;
  config: object;
  weights: Readonly<Record<string, { shape: readonly number[]; data: Float32Array }>>;
}

/** What the `pipeline.json` says besides the components. */
export interface SavedSettings {
  sampler: SamplerOptions;
  frame: Frame;
  prediction: Prediction;
  /** structures drawn for each asset; 1 when not given */
  candidates?: number;
  /** of stage two, when it is among the networks */
  latentSampler?: SamplerOptions;
  latentNormalization?: PipelineFile['latentNormalization'];
}

/**
 * Writes a model folder: large weights of the inner layers in half precision, as the published files have them. The
 * folder appears whole or not at all.
 */
export async function saveModel(
  folder: string,
  { sampler, frame, prediction, candidates = 1, latentSampler, latentNormalization }: SavedSettings,
  networks: Readonly<Partial<Record<Role, SavedNetwork>>>,
): Promise<void> {
  const draft = `${folder}.${process.pid}.tmp`;
  await rm(draft, { recursive: true, force: true });
  try {
    for (const { component, name, config, weights } of Object.values(networks)) {
      const stem = join(draft, component);
      await mkdir(dirname(stem), { recursive: true });
      await writeFile(
        `${stem}.json`,
        `${JSON.stringify({ name, args: { ...config, use_fp16: isOfficial(name) ? true : undefined } }, undefined, 4)}\n`,
      );
      const { torso } = networkClasses[name];
      const stored = Object.fromEntries(
        Object.entries(weights).map(([key, { shape, data }]) => [
          key,
          { shape: [...shape], data, dtype: torso.test(key) ? ('F16' as const) : ('F32' as const) },
        ]),
      );
      await writeFile(`${stem}.safetensors`, writeSafetensors(stored));
    }
    const pipeline = {
      name: 'TrellisImageTo3DPipeline',
      args: {
        frame: frame === 'canonical' ? undefined : frame,
        prediction: prediction === 'velocity' ? undefined : prediction,
        candidates: candidates === 1 ? undefined : candidates,
        models: Object.fromEntries(Object.entries(networks).map(([role, n]) => [role, n.component])),
        sparse_structure_sampler: samplerEntry(sampler),
        slat_sampler: latentSampler && samplerEntry(latentSampler),
        slat_normalization: latentNormalization,
      },
    };
    await writeFile(join(draft, 'pipeline.json'), `${JSON.stringify(pipeline, undefined, 4)}\n`);
    await checkModel(await loadModel(draft)); // what cannot be read back is not kept
    const old = `${folder}.${process.pid}.old`;
    const existed = await stat(folder).then(
      () => true,
      () => false,
    );
    if (existed) await rename(folder, old);
    await mkdir(dirname(folder), { recursive: true });
    await rename(draft, folder);
    await rm(old, { recursive: true, force: true });
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    throw error;
  }
}

/** Networks whose published component files say in which precision they run; ours do not. */
const isOfficial = (name: ClassName): boolean => name !== 'PatchEncoder' && name !== 'PitchHead';

const samplerEntry = ({ steps, guidance, interval, rescale }: SamplerOptions) => ({
  name: 'FlowEulerGuidanceIntervalSampler',
  args: { sigma_min: 1e-5 },
  params: { steps, cfg_strength: guidance, cfg_interval: interval, rescale_t: rescale },
});
