/** Decoders leave crumbs beside the object: closed specks of a few faces. They go, the parts of the object stay. */

import { faceComponents } from './mesh-edges.ts';
import { expectMesh, faceNormal, type RawMesh, selectFaces } from './raw-mesh.ts';

export interface KeepMainPartsOptions {
  /** A part smaller than this share of the largest one goes; 0 keeps all, 1 only the largest. */
  minShare?: number;
  /** What is compared. The volume means something only for closed parts; sheets have none. */
  by?: 'area' | 'volume';
}

export const KEEP_MAIN_PARTS_DEFAULTS: Required<KeepMainPartsOptions> = { minShare: 0.005, by: 'area' };

export interface MainPartsReport {
  readonly keptParts: number;
  readonly droppedParts: number;
  readonly droppedFaces: number;
  /** Of the area (volume) of all parts. */
  readonly droppedShare: number;
}

/** Parts are faces that hang together in vertices, so weld first. */
export function keepMainParts(
  mesh: RawMesh,
  options: KeepMainPartsOptions = {},
): { mesh: RawMesh; report: MainPartsReport } {
  expectMesh('keepMainParts', mesh);
  const { minShare, by } = { ...KEEP_MAIN_PARTS_DEFAULTS, ...options };
  if (!(minShare >= 0 && minShare <= 1))
    throw new RangeError(`keepMainParts: minShare must be in [0, 1], got ${minShare}.`);
  const { componentOf, count } = partsOf(mesh);
  const measures = measureParts(mesh, componentOf, count, by);
  const sizes = measures.map((m) => Math.abs(m));
  const largest = sizes.reduce((a, b) => Math.max(a, b), 0);
  const stays = sizes.map((size) => size >= minShare * largest);
  const kept = selectFaces(mesh, (f) => stays[componentOf[f]]);
  const total = sizes.reduce((a, b) => a + b, 0);
  const dropped = sizes.reduce((sum, size, i) => (stays[i] ? sum : sum + size), 0);
  const keptParts = stays.filter(Boolean).length;
  return {
    mesh: kept,
    report: {
      keptParts,
      droppedParts: count - keptParts,
      droppedFaces: (mesh.indices.length - kept.indices.length) / 3,
      droppedShare: total > 0 ? dropped / total : 0,
    },
  };
}

/** The part of each face. */
export function partsOf({ positions, indices }: RawMesh): { componentOf: Int32Array; count: number } {
  const faceAt = new Int32Array(positions.length / 3).fill(-1);
  return faceComponents(indices.length / 3, (unite) => {
    for (let i = 0; i < indices.length; i++) {
      const f = Math.floor(i / 3);
      if (faceAt[indices[i]] < 0) faceAt[indices[i]] = f;
      else unite(f, faceAt[indices[i]]);
    }
  });
}

function measureParts(mesh: RawMesh, componentOf: Int32Array, count: number, by: 'area' | 'volume'): number[] {
  const { positions: p, indices } = mesh;
  const out = new Array<number>(count).fill(0);
  // Volumes are taken from a vertex of the part itself: the sum of an open part then depends on its shape alone.
  const origin = new Int32Array(count).fill(-1);
  for (let f = 0; f < indices.length / 3; f++) {
    const n = faceNormal(mesh, f);
    const part = componentOf[f];
    if (origin[part] < 0) origin[part] = 3 * indices[3 * f];
    const [a, o] = [3 * indices[3 * f], origin[part]];
    out[part] +=
      by === 'area'
        ? Math.hypot(...n) / 2
        : ((p[a] - p[o]) * n[0] + (p[a + 1] - p[o + 1]) * n[1] + (p[a + 2] - p[o + 2]) * n[2]) / 6;
  }
  return out;
}
