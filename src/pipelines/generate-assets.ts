import type { PromptMix } from '../flow/index.ts';
import { type Triangles, turnedMesh } from '../representations/index.ts';
import { coordsToOccupancy, logitsToCoords, tilt, type ViewCamera } from '../stages/1-structure/index.ts';
import { type Generator, torchGenerator } from '../tensor/index.ts';
import { type Asset, assetOf } from './asset.ts';
import { shapeCoords } from './base-shape.ts';
import {
  type AssetFormat,
  assetFormats,
  type Decoded,
  decodeLatents,
  decoderRoles,
  expectDecoders,
} from './decode-stage.ts';
import { latentStageOf, sampleLatents } from './latent-stage.ts';
import type { ModelFolder } from './model-folder.ts';
import { type AssetPrompt, type PromptTokens, readPrompt } from './prompt-tokens.ts';
import { type PresetName, presetNamed, type SamplerOverrides, samplerSettings } from './sampler-settings.ts';
import { agreed, seenFrom, surfaceSeen, viewCameraOf } from './seen-shape.ts';
import { checkStructure } from './self-checks.ts';
import { expectCandidates, sampleStructures } from './structure-stage.ts';
import { timed, type WorkOptions } from './work.ts';

/** How assets are made. The sampler settings at the top are those of stage one. */
export interface GenerateOptions extends SamplerOverrides, WorkOptions {
  /** the same seed gives the same assets; the noise is that of PyTorch's CPU generator. 42 when not given */
  seed?: number;
  /** assets to make of the prompt; 1 when not given */
  samples?: number;
  /**
   * structures drawn for each asset, of which one is made: a voxel stays where a fifth of them have something, it or beside it. For small models, whose
   * samples differ much; the model's own number when not given, 1 for the published ones
   */
  candidates?: number;
  /** settings of both stages by name; settings given beside it win */
  preset?: PresetName;
  /** sampler settings of stage two; `fast` at the top is that of both */
  latent?: SamplerOverrides;
  /** how several pictures lead a sample; 'stochastic' when not given */
  multiImage?: PromptMix;
  /** what to decode; by default Gaussians and mesh, as far as the model has their decoders */
  formats?: readonly AssetFormat[];
  /**
   * Degrees by which the picture's camera stands above the object, −90 … 90, for models whose shapes stand as it sees them; told from
   * picture and shape when not given
   */
  pitch?: number;
  /** a mesh, z up, whose shape is kept while the prompt gives it another look: stage one is left out */
  shape?: Triangles;
}

/** Voxels per side of the published structures. */
const RESOLUTION = 64;

/**
 * Assets of a prompt. A model without stage two makes shapes: the closed surface of their voxels.
 * Random draws: the noise of stage one, then that of stage two in the order of the voxels, each for all samples.
 * Source: reference/pipelines.md §4.1 and §8.
 * @throws Error when the prompt cannot be used, the model lacks what is asked for, and when a stage's result fails its
 *   check (with the stage's name)
 */
export async function generateAssets(
  model: ModelFolder,
  prompt: AssetPrompt,
  options: GenerateOptions = {},
): Promise<Asset[]> {
  const plan = planOf(model, options);
  const { device, precision, signal, onEvent, seed = 42, shape, multiImage = 'stochastic' } = options;
  const work = { device, precision, signal, onEvent };
  const pictures = prompt.kind === 'image' ? prompt.pictures.length : 1;
  if (pictures > 1 && multiImage === 'stochastic' && (plan.structure.fast || plan.latent?.fast))
    throw new RangeError(
      `fast: ${pictures} pictures take turns, so no step can go on along the ones before. Take multidiffusion, or leave out fast.`,
    );
  if (multiImage === 'stochastic')
    for (const [stage, sampler] of [
      ['structure', shape ? undefined : plan.structure],
      ['latent', plan.latent],
    ] as const)
      if (sampler && pictures > sampler.steps)
        onEvent?.({
          kind: 'warning',
          stage,
          message: `${pictures} pictures and ${sampler.steps} steps: the last pictures have no say. Take more steps, or multidiffusion.`,
        });
  const given = shape && shapeCoords(shape, RESOLUTION);
  const tokens = await timed('condition', onEvent, () => readPrompt(model, prompt, multiImage, work));
  const rng = torchGenerator(seed);
  const shapes = given
    ? Array.from({ length: plan.samples }, (): Shape => ({ coords: given, logits: signs(given) }))
    : await shapesOf(model, tokens, plan, rng, work);
  const latents =
    plan.latent &&
    (await timed('latent', onEvent, () =>
      sampleLatents(
        model,
        shapes.map(({ coords }) => coords),
        tokens,
        rng,
        { ...(plan.latent as NonNullable<Plan['latent']>), ...work },
      ),
    ));
  const decoded: Decoded[] = latents ? await decodeLatents(model, latents, plan.formats, work) : [];
  const assets: Asset[] = [];
  for (const [i, { coords, logits, pitch, camera }] of shapes.entries()) {
    signal?.throwIfAborted();
    const { mesh, ...others } = decoded[i] ?? {};
    const surface = () => {
      const asSeen = surfaceSeen(logits, tokens.seen, camera);
      return pitch === undefined ? asSeen : turnedMesh(asSeen, tilt(-pitch));
    };
    const whole = mesh ?? (latents ? surface : await timed('mesh', onEvent, async () => surface()));
    assets.push(assetOf({ coords, logits, pitch, slat: latents?.[i], ...others }, whole));
  }
  signal?.throwIfAborted();
  return assets;
}

/** Everything that can be refused, refused before work begins. */
interface Plan {
  samples: number;
  candidates: number;
  /** radians */
  pitch?: number;
  structure: ReturnType<typeof samplerSettings>;
  /** undefined for a model without stage two */
  latent?: ReturnType<typeof samplerSettings>;
  formats: readonly AssetFormat[];
}

function planOf(model: ModelFolder, options: GenerateOptions): Plan {
  const {
    samples = 1,
    candidates = model.candidates,
    preset,
    formats,
    steps,
    guidance,
    interval,
    rescale,
    fast,
    shape,
    pitch: degrees,
  } = options;
  if (degrees !== undefined && !(Math.abs(degrees) <= 90))
    throw new RangeError(`pitch must be −90 … 90 degrees, got ${degrees}.`);
  if (degrees !== undefined && model.frame !== 'view')
    throw new Error(`${model.folder}: its shapes stand upright whatever the camera's pitch. Leave out pitch.`);
  const pitch = degrees === undefined ? undefined : (degrees * Math.PI) / 180;
  if (!Number.isInteger(samples) || samples < 1 || samples > MOST_SAMPLES)
    throw new RangeError(`samples must be a whole number from 1 to ${MOST_SAMPLES}, got ${samples}.`);
  expectCandidates(candidates);
  const named = preset === undefined ? undefined : presetNamed(preset);
  const own = { steps, guidance, interval, rescale, fast };
  const structure = samplerSettings('structure', model.structureSampler, named?.structure, own);
  const hasLatent = model.networks.slat_flow_model !== undefined;
  const wantsLatent =
    shape !== undefined || options.latent !== undefined || formats?.some((format) => format !== 'mesh');
  if (!hasLatent && !wantsLatent) return { samples, candidates, pitch, structure, formats: [] };
  const stage = latentStageOf(model);
  const wanted = formats ?? assetFormats.filter((f) => f !== 'radiance-field' && model.networks[decoderRoles[f]]);
  expectDecoders(model, wanted);
  return {
    samples,
    candidates,
    pitch,
    structure,
    latent: samplerSettings('latent', stage.sampler, named?.latent, { fast }, options.latent),
    formats: wanted,
  };
}

const MOST_SAMPLES = 1000;

/** One of stage one, in the model's frame. */
interface Shape {
  coords: Int32Array;
  logits: Float32Array;
  /** radians by which the camera stood above it, where the frame is that of the view */
  pitch?: number;
  /** that saw it, where it is known */
  camera?: ViewCamera;
}

async function shapesOf(
  model: ModelFolder,
  tokens: PromptTokens,
  { samples, candidates, pitch, structure }: Plan,
  rng: Generator,
  work: WorkOptions,
): Promise<Shape[]> {
  const grids = await timed('structure', work.onEvent, () =>
    sampleStructures(model, tokens, { samples, candidates }, rng, { ...structure, ...work }),
  );
  return grids.map((grid) => {
    const { seen } = tokens;
    const camera = viewCameraOf(grid, seen);
    const logits = agreed(grid, seen, camera);
    const coords = logitsToCoords(logits, RESOLUTION);
    checkStructure(logits, coords, RESOLUTION);
    return { coords, logits, pitch: seen && (pitch ?? seenFrom(logits, seen)), camera };
  });
}

const signs = (coords: Int32Array): Float32Array =>
  Float32Array.from(coordsToOccupancy(coords, RESOLUTION), (occupied) => (occupied ? 1 : -1));
