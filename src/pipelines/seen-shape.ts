/** Shapes in the frame of the view: made to agree with the outline of their picture, painted with its colors, and set upright by its camera’s pitch. */
import { occupancySurface, type SurfaceMesh } from '../representations/index.ts';
import { pitchHead, preparedColors, preparedMask, type RgbaPicture } from '../stages/0-condition/index.ts';
import {
  agreeWithOutline,
  cameraOfOutline,
  type Outline,
  PITCH_BINS,
  paintAsSeen,
  uprightPitch,
  type ViewCamera,
} from '../stages/1-structure/index.ts';
import { compile, floats, input, scope } from '../tensor/index.ts';
import type { ModelFolder } from './model-folder.ts';
import { openWeights } from './network.ts';
import { using, type WorkOptions, weightsOptions } from './work.ts';

/** What a picture tells of a shape in the frame of its view, besides its tokens. */
export interface Seen {
  /** of one picture; undefined for several, whose views are not told apart */
  readonly outline?: Outline;
  /** of the same picture, which gives the shape its colors */
  readonly picture?: RgbaPicture;
  /** probabilities of the camera's pitch, in bins of 5° from −90° to 90° */
  readonly pitch: Float32Array;
}

/** Pixels per side of an outline: two per voxel, so that thin parts show. */
const OUTLINE_SIZE = 128;
/** Pixels per side of the picture that gives colors: four per voxel, more than vertices can show. */
const PICTURE_SIZE = 256;

const RESOLUTION = 64;

/** The outline of a cut-out picture. */
export const outlineOf = (picture: RgbaPicture): Outline => ({
  size: OUTLINE_SIZE,
  mask: preparedMask(picture, OUTLINE_SIZE),
});

/** A cut-out picture as it gives colors. */
export const colorsOf = (picture: RgbaPicture): RgbaPicture => preparedColors(picture, PICTURE_SIZE);

/** Probabilities of the pitch for the tokens [T, K] of each picture; all alike in a model without a head for it. */
export async function pitchesOf(
  model: ModelFolder,
  tokens: readonly Float32Array[],
  work: WorkOptions = {},
): Promise<Float32Array[]> {
  const head = model.networks.camera_pitch_model;
  if (!head) return tokens.map(() => new Float32Array(PITCH_BINS).fill(1 / PITCH_BINS));
  const width = head.config.cond_channels;
  const dims = [1, tokens[0].length / width, width];
  const pitch = pitchHead(head.config, scope(), input('tokens', dims));
  const opening = compile({ pitch }, { ...(await openWeights(head, weightsOptions(work))), device: work.device });
  return using(opening, async (program) => {
    const each: Float32Array[] = [];
    for (const one of tokens) each.push((await program.run({ tokens: floats(one, dims) })).pitch.data as Float32Array);
    return each;
  });
}

/**
 * The probabilities of a picture's pitch for one that a person took or drew, who looks at things from level to half above, where
 * condition views are spread over the whole sphere: about 20° ± 20°, and any other one time in ten.
 */
export function asPeopleLook(pitch: Float32Array): Float32Array {
  const usual = (bin: number) => Math.exp(-0.5 * (((bin + 0.5) * (180 / PITCH_BINS) - 90 - 20) / 20) ** 2);
  const total = pitch.reduce((sum, _, bin) => sum + usual(bin), 0);
  return pitch.map((p, bin) => p * ((0.9 * usual(bin)) / total + 0.1 / PITCH_BINS));
}

/** From where logits [R, R, R] were seen; undefined where no outline says it, or nothing is occupied. */
export const viewCameraOf = (logits: Float32Array, seen: Seen | undefined): ViewCamera | undefined =>
  seen?.outline?.mask.some(Boolean) && logits.some((v) => v > 0)
    ? cameraOfOutline(logits, RESOLUTION, seen.outline)
    : undefined;

/** Logits [R, R, R] that agree with what was seen, from `camera` or from where they show it themselves. */
export const agreed = (logits: Float32Array, seen: Seen | undefined, camera?: ViewCamera): Float32Array =>
  seen?.outline ? agreeWithOutline(logits, RESOLUTION, seen.outline, camera) : logits;

/** The closed surface of logits [R, R, R], with the colors of the picture where it is known from where that was taken. */
export function surfaceSeen(logits: Float32Array, seen?: Seen, camera?: ViewCamera): SurfaceMesh {
  const surface = occupancySurface(logits, RESOLUTION, { sealGaps: 1 });
  return seen?.picture && camera ? paintAsSeen(surface, seen.picture, camera) : surface;
}

/** Radians by which the camera stood above the object that logits [R, R, R] show. */
export const seenFrom = (logits: Float32Array, seen: Seen): number => uprightPitch(logits, RESOLUTION, seen.pitch);
