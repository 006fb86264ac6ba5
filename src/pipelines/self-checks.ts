/**
 * Cheap checks of what each stage made, so that silent wrong output fails loudly with the stage's name. The bounds are
 * wide: they tell nonsense from assets, not good assets from bad ones.
 */
import { type Gaussians, type RadianceField, type SurfaceMesh, voxelComponents } from '../representations/index.ts';

/** Fewer voxels than this are dust, more than this noise: nothing that training has shown. */
const VOXELS = { least: 100, most: 100_000 };

/** Share of the voxels that the largest connected part holds at least: a set of ten separate things still passes. */
const MAIN_PART = 0.1;

/** @param stage  what the error names; @param remedy  how to mend it */
export function checkCoords(stage: string, coords: Int32Array, resolution: number, remedy: string): void {
  const n = coords.length / 3;
  if (n < VOXELS.least || n > VOXELS.most)
    throw new Error(
      `${stage}: expected between ${VOXELS.least} and ${VOXELS.most} occupied voxels, got ${n}. ${remedy}`,
    );
  const parts = voxelComponents(coords, resolution);
  if (parts[0] < MAIN_PART * n)
    throw new Error(
      `${stage}: expected a main part with at least ${100 * MAIN_PART} % of the voxels, got ${parts.length} parts, the largest with ${((100 * parts[0]) / n).toFixed(1)} %. ${remedy}`,
    );
}

/** @throws Error when logits are not finite, or what they hold is dust or noise */
export function checkStructure(logits: Float32Array, coords: Int32Array, resolution: number): void {
  if (!logits.every(Number.isFinite))
    throw new Error(
      'structure: the decoded occupancy is not finite. Check the checkpoint with `espalier info --check`, or take another --device.',
    );
  checkCoords('structure', coords, resolution, 'Try another --seed, or a picture with a clearer object.');
}

/**
 * Over all assets a normalized latent has mean 0 and deviation 1 in each channel. One asset differs, but noise that was
 * not taken away, a run-away guidance or a wrong checkpoint leave these bounds.
 */
const LATENT = { mean: 4, least: 0.05, most: 5 };

/** feats [N, C] as the flow made them, before the normalization is undone. */
export function checkLatent(feats: Float32Array, channels: number): void {
  const rows = feats.length / channels;
  const sum = new Float64Array(channels);
  const squares = new Float64Array(channels);
  for (let i = 0; i < feats.length; i++) {
    sum[i % channels] += feats[i];
    squares[i % channels] += feats[i] ** 2;
  }
  for (let c = 0; c < channels; c++) {
    const mean = sum[c] / rows;
    const deviation = Math.sqrt(Math.max(0, squares[c] / rows - mean ** 2));
    if (!Number.isFinite(squares[c]))
      throw new Error(
        'latent: the sampled latent is not finite. Lower --latent-guidance, or check the checkpoint with `espalier info --check`.',
      );
    if (Math.abs(mean) > LATENT.mean || deviation < LATENT.least || deviation > LATENT.most)
      throw new Error(
        `latent: channel ${c} has mean ${mean.toFixed(2)} and deviation ${deviation.toFixed(2)} where 0 and 1 are usual; expected a mean within ±${LATENT.mean} and a deviation between ${LATENT.least} and ${LATENT.most}. Lower --latent-guidance, or check that checkpoint and slat_normalization belong together.`,
      );
  }
}

/** Splats fainter than this are not drawn. */
const FAINTEST = 1 / 255;

export function checkGaussians({ means, opacities, scales }: Gaussians): void {
  const seen = opacities.reduce((n, opacity) => n + (opacity >= FAINTEST ? 1 : 0), 0);
  if (seen < 0.01 * opacities.length)
    throw new Error(
      `gaussians: ${seen} of ${opacities.length} can be seen (opacity of at least 1/255), expected 1 % or more. The latent does not fit the decoder; take both from one model.`,
    );
  const [far, wide] = [means.reduce(largest, 0), scales.reduce(largest, 0)];
  if (far > 1 || wide > 1)
    throw new Error(
      `gaussians: expected centers and deviations within the object's box of side 1, got a center at ${far.toFixed(2)} and a deviation of ${wide.toFixed(2)}. The latent does not fit the decoder; take both from one model.`,
    );
}

const largest = (most: number, v: number) => Math.max(most, Math.abs(v));

/** Some cell must hold something: where all densities are far below 0 the field is air. */
export function checkRadianceField({ density, trivec }: RadianceField): void {
  if (!density.some((v) => v !== 0) || !trivec.some((v) => v !== 0))
    throw new Error('radiance-field: it is the same everywhere, all zeros. The latent does not fit the decoder.');
}

export function checkMesh({ positions, indices }: Pick<SurfaceMesh, 'positions' | 'indices'>): void {
  if (indices.length === 0)
    throw new Error(
      'mesh: the decoder found no surface. Try another --seed; if it goes on, the latent does not fit the decoder.',
    );
  const far = positions.reduce(largest, 0);
  if (!(far <= 1))
    throw new Error(`mesh: expected vertices within the object's box of side 1, got one at ${far.toFixed(2)}.`);
}
