import { type CubeFeatures, surfaceOfFeatures } from './cube-features.ts';

/** A mesh as the decoder gives it, before any finishing: triangles counter-clockwise from outside, in the object frame. */
export interface DecodedMesh {
  /** [V, 3] */
  readonly positions: Float32Array;
  /** [F, 3] */
  readonly indices: Uint32Array;
  /** [V, 3] display-referred in 0 … 1; without when the decoder has no colors */
  readonly colors?: Float32Array;
  /** [V, 3] a normal that the network painted, (n + 1)/2; without when the decoder has no colors */
  readonly paintedNormals?: Float32Array;
}

/** The mesh of the decoder's features. It has no vertices when nothing is inside. */
export function meshOfFeatures(features: CubeFeatures): DecodedMesh {
  const { positions, indices, attributes } = surfaceOfFeatures(features);
  if (attributes.length === 0) return { positions, indices };
  const count = positions.length / 3;
  const half = (from: number) => {
    const out = new Float32Array(3 * count);
    for (let v = 0; v < count; v++) for (let c = 0; c < 3; c++) out[3 * v + c] = attributes[6 * v + from + c];
    return out;
  };
  return { positions, indices, colors: half(0), paintedNormals: half(3) };
}
