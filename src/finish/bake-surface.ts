/** Colours of a surface at the places of texels: those of its nearest point, from its vertices or its own textures. */
import { type ScenePrimitive, sampleTexture, type TriangleScene } from '../formats/index.ts';
import { nearestPointOn, type SurfacePoint } from './nearest-point.ts';
import { faceNormal, type RawMesh } from './raw-mesh.ts';
import type { TexelPlaces } from './texel-places.ts';
import { turnOfEvents } from './turn-of-events.ts';

export interface BakeProgress {
  readonly signal?: AbortSignal;
  /** The share that is done, now and then. */
  readonly onProgress?: (share: number) => void;
}

/** Texels between two turns of the event loop. */
const BATCH = 30_000;

/** Vertex colours; color [T², 3], linear, is written at the covered texels. */
export async function bakeVertexColors(
  places: TexelPlaces,
  surface: RawMesh,
  color: Float32Array,
  progress: BakeProgress,
): Promise<void> {
  const { colors, indices } = surface;
  if (!colors || indices.length === 0)
    throw new RangeError(
      'bakeTexture: the surface has no faces with vertex colors [V, 3]. Give one that has, or views.',
    );
  await forNearest(places, surface, progress, ({ face, weights }, at) => {
    for (let c = 0; c < 3; c++) {
      let sum = 0;
      for (let k = 0; k < 3; k++) sum += weights[k] * colors[3 * indices[3 * face + k] + c];
      color[3 * at + c] = sum;
    }
  });
}

/** Factor × vertex colour × texture of a scene's nearest point; alpha is left out. */
export async function bakeScene(
  places: TexelPlaces,
  target: RawMesh & { readonly uvs: Float32Array },
  { primitives }: Pick<TriangleScene, 'primitives'>,
  color: Float32Array,
  progress: BakeProgress,
): Promise<void> {
  const surface = shapeOf(primitives);
  if (surface.indices.length === 0)
    throw new RangeError('bakeTexture: the scene to take colours from has no faces. Give one that has, or views.');
  const primitiveOf = new Uint16Array(surface.indices.length / 3);
  const firstFace: number[] = [];
  let next = 0;
  for (const [i, { indices }] of primitives.entries()) {
    firstFace.push(next);
    primitiveOf.fill(i, next, next + indices.length / 3);
    next += indices.length / 3;
  }
  const sourceDensity = primitives.map((primitive) => texelsPerArea(primitive));
  const targetDensity = texelsPerArea({
    ...target,
    size: [places.size, places.size],
  });
  const sample = [1, 1, 1, 1];
  const mean = [1, 1, 1];
  await forNearest(places, surface, progress, ({ face, weights }, at, i) => {
    const number = primitiveOf[face];
    const { indices, uvs, colors, material } = primitives[number];
    const own = face - firstFace[number];
    const texture = uvs && material.baseColorTexture;
    if (texture) {
      let [u, v] = [0, 0];
      for (let k = 0; k < 3; k++) {
        u += weights[k] * uvs[2 * indices[3 * own + k]];
        v += weights[k] * uvs[2 * indices[3 * own + k] + 1];
      }
      // Texels of the source along one of the target: their mean, or fine patterns come out as noise.
      const reach = Math.sqrt(sourceDensity[number][own] / Math.max(targetDensity[places.faces[i]], 1e-30));
      const steps = Math.min(MOST_STEPS, Math.max(1, Math.round(reach) || 1));
      const width = Math.min(reach, MOST_STEPS);
      mean.fill(0);
      for (let k = 0; k < steps * steps; k++) {
        const du = (((k % steps) + 0.5) / steps - 0.5) * width;
        const dv = ((Math.floor(k / steps) + 0.5) / steps - 0.5) * width;
        sampleTexture(
          texture,
          u + (steps > 1 ? du / texture.width : 0),
          v + (steps > 1 ? dv / texture.height : 0),
          sample,
        );
        for (let c = 0; c < 3; c++) mean[c] += sample[c] / (steps * steps);
      }
    } else mean.fill(1);
    for (let c = 0; c < 3; c++) {
      let vertex = 1;
      if (colors) {
        vertex = 0;
        for (let k = 0; k < 3; k++) vertex += weights[k] * colors[4 * indices[3 * own + k] + c];
      }
      color[3 * at + c] = material.baseColorFactor[c] * vertex * mean[c];
    }
  });
}

/** Samples along a side of a texel at most: a source of eight times the density. */
const MOST_STEPS = 8;

function shapeOf(primitives: readonly ScenePrimitive[]): RawMesh {
  const positions = new Float32Array(primitives.reduce((sum, p) => sum + p.positions.length, 0));
  const indices = new Uint32Array(primitives.reduce((sum, p) => sum + p.indices.length, 0));
  let [v, i] = [0, 0];
  for (const p of primitives) {
    positions.set(p.positions, v);
    for (let k = 0; k < p.indices.length; k++) indices[i + k] = v / 3 + p.indices[k];
    v += p.positions.length;
    i += p.indices.length;
  }
  return { positions, indices };
}

interface Textured extends RawMesh {
  readonly uvs?: Float32Array;
  readonly size: readonly [number, number];
}

/** [F]: texels of a face per area of its surface. */
function texelsPerArea(of: Textured | ScenePrimitive): Float32Array {
  const { indices, uvs } = of;
  const texture = 'material' in of ? of.material.baseColorTexture : undefined;
  const [width, height] = 'size' in of ? of.size : [texture?.width ?? 0, texture?.height ?? 0];
  const out = new Float32Array(indices.length / 3);
  if (!uvs) return out;
  for (let f = 0; f < out.length; f++) {
    const [a, b, c] = [2 * indices[3 * f], 2 * indices[3 * f + 1], 2 * indices[3 * f + 2]];
    const texels =
      Math.abs((uvs[b] - uvs[a]) * (uvs[c + 1] - uvs[a + 1]) - (uvs[c] - uvs[a]) * (uvs[b + 1] - uvs[a + 1])) *
      width *
      height;
    const area = Math.hypot(...faceNormal({ positions: of.positions, indices }, f));
    out[f] = area > 0 ? texels / area : 0;
  }
  return out;
}

/** `visit` with the nearest point, the texel, and its row among the places. */
async function forNearest(
  { count, texels, faces, positions, normals }: TexelPlaces,
  surface: RawMesh,
  { signal, onProgress }: BakeProgress,
  visit: (point: SurfacePoint, texel: number, row: number) => void,
): Promise<void> {
  await turnOfEvents(signal);
  const nearest = nearestPointOn(surface);
  const hit: SurfacePoint = { face: -1, weights: [1, 0, 0], distance: 0 };
  const normal: [number, number, number] = [0, 0, 0];
  for (let i = 0; i < count; i++) {
    if (i % BATCH === 0) {
      await turnOfEvents(signal);
      onProgress?.(i / count);
    }
    for (let c = 0; c < 3; c++) normal[c] = normals[3 * faces[i] + c];
    nearest(positions[3 * i], positions[3 * i + 1], positions[3 * i + 2], normal, hit);
    visit(hit, texels[i], i);
  }
}
