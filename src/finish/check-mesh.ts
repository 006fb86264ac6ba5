/** What is wrong with a mesh: measured, and judged. Nothing is repaired here. */
import type { RgbaPicture } from '../formats/index.ts';
import { chartTexels } from './chart-texels.ts';
import { partsOf } from './keep-main-parts.ts';
import { boundaryLoops, meshEdges, nextHalfEdge, usesOf } from './mesh-edges.ts';
import { expectMesh, faceNormal, type RawMesh } from './raw-mesh.ts';
import { weld } from './weld.ts';

export interface CheckedMesh {
  readonly positions: Float32Array; // [V, 3]
  readonly indices: Uint32Array; // [F, 3]
  readonly uvs?: Float32Array; // [V, 2]
  readonly texture?: RgbaPicture;
}

export interface MeshCheck {
  readonly vertices: number;
  readonly faces: number;
  readonly shape: ShapeCheck;
  /** Absent without texture coordinates. */
  readonly atlas?: AtlasCheck;
  readonly findings: readonly Finding[];
  /** False when a finding is `unusable`. */
  readonly isUsable: boolean;
}

/** Vertices in one place count as one here: the seams of a texture are no holes. */
export interface ShapeCheck {
  readonly components: number;
  readonly boundaryLoops: number;
  readonly boundaryEdges: number;
  /** Edges of three faces or more. */
  readonly nonManifoldEdges: number;
  /** Faces wound against the larger part of their component. */
  readonly flippedFaces: number;
  /** Faces without area. */
  readonly degenerateFaces: number;
  /** No boundary, and everywhere two faces in opposite directions to an edge. */
  readonly isClosed: boolean;
  readonly area: number;
  /** Enclosed volume, in cubic lengths of the mesh; negative when a closed mesh is inside out. 0 when it is not closed. */
  readonly volume: number;
}

export interface AtlasCheck {
  /** Share of the vertices with texture coordinates outside [0, 1]. */
  readonly outsideShare: number;
  /** Of the texels in use, the share that belongs to more than one face. */
  readonly overlapShare: number;
  /** Share of the texture that faces use. */
  readonly usedShare: number;
  /** Texels per side, at which overlap and use were measured: the texture's width, or 512 without a texture. */
  readonly size: number;
  /** Darkest and brightest 8-bit value of red, green and blue in use; absent without a texture. */
  readonly range?: readonly [number, number];
}

export interface Finding {
  readonly check:
    | 'empty'
    | 'not-finite'
    | 'inside-out'
    | 'open'
    | 'non-manifold'
    | 'flipped'
    | 'degenerate'
    | 'uv-not-finite'
    | 'uv-outside'
    | 'uv-overlap'
    | 'blank-texture';
  /** `unusable`: a viewer shows nothing, or the wrong thing; `flaw`: it works, with a blemish. */
  readonly severity: 'unusable' | 'flaw';
  readonly message: string;
}

/** @throws RangeError only when the tables do not fit together; bad values are findings */
export function checkMesh(mesh: CheckedMesh): MeshCheck {
  const findings: Finding[] = [];
  const say = (check: Finding['check'], severity: Finding['severity'], message: string) =>
    findings.push({ check, severity, message });
  const vertices = mesh.positions.length / 3;
  const faces = mesh.indices.length / 3;
  if (mesh.uvs && mesh.uvs.length !== 2 * vertices)
    throw new RangeError(`checkMesh: uvs must be [V, 2] for ${vertices} vertices, got ${mesh.uvs.length} values.`);
  const broken = mesh.positions.reduce((sum, x) => sum + (Number.isFinite(x) ? 0 : 1), 0);
  if (broken > 0) say('not-finite', 'unusable', `${broken} coordinates of positions are not finite.`);
  const shape = broken > 0 ? NO_SHAPE : checkShape(mesh);
  const count = (n: number, one: string, many = `${one}s`) => `${n} ${n === 1 ? one : many}`;
  if (broken === 0 && !(shape.area > 0)) say('empty', 'unusable', 'There is no face with an area.');
  if (shape.volume < 0)
    say('inside-out', 'unusable', 'The mesh is closed, but its faces look inward. Turn every face.');
  if (shape.boundaryEdges > 0)
    say('open', 'flaw', `${count(shape.boundaryEdges, 'open edge')} in ${count(shape.boundaryLoops, 'loop')}.`);
  if (shape.nonManifoldEdges > 0)
    say('non-manifold', 'flaw', `${count(shape.nonManifoldEdges, 'edge')} of three faces or more.`);
  if (shape.flippedFaces > 0)
    say('flipped', 'flaw', `${count(shape.flippedFaces, 'face')} wound against the neighbors.`);
  if (shape.degenerateFaces > 0) say('degenerate', 'flaw', `${count(shape.degenerateFaces, 'face')} without area.`);
  const atlas = mesh.uvs && checkAtlas(mesh.uvs, mesh, say);
  return {
    vertices,
    faces,
    shape,
    ...(atlas && { atlas }),
    findings,
    isUsable: findings.every(({ severity }) => severity !== 'unusable'),
  };
}

const NO_SHAPE: ShapeCheck = {
  components: 0,
  boundaryLoops: 0,
  boundaryEdges: 0,
  nonManifoldEdges: 0,
  flippedFaces: 0,
  degenerateFaces: 0,
  isClosed: false,
  area: 0,
  volume: 0,
};

function checkShape({ positions, indices }: RawMesh): ShapeCheck {
  expectMesh('checkMesh', { positions, indices });
  const welded = weld({ positions, indices });
  const { mesh } = welded;
  const edges = meshEdges(mesh.indices, mesh.positions.length / 3);
  let boundaryEdges = 0;
  let nonManifoldEdges = 0;
  let disagreeing = 0;
  for (let e = 0; e < edges.count; e++) {
    const uses = usesOf(edges, e);
    if (uses === 1) boundaryEdges++;
    if (uses > 2) nonManifoldEdges++;
    let along = 0;
    for (let i = edges.firstUse[e]; i < edges.firstUse[e + 1]; i++) {
      const h = edges.uses[i];
      along += mesh.indices[h] < mesh.indices[nextHalfEdge(h)] ? 1 : -1;
    }
    if (along !== 0) disagreeing++;
  }
  let degenerateFaces = welded.report.degenerateFaces;
  let area = 0;
  let volume = 0;
  for (let f = 0; f < mesh.indices.length / 3; f++) {
    const n = faceNormal(mesh, f);
    const size = Math.hypot(...n) / 2;
    if (size === 0) degenerateFaces++;
    area += size;
    const a = 3 * mesh.indices[3 * f];
    volume += (mesh.positions[a] * n[0] + mesh.positions[a + 1] * n[1] + mesh.positions[a + 2] * n[2]) / 6;
  }
  const isClosed = disagreeing === 0 && mesh.indices.length > 0;
  return {
    components: partsOf(mesh).count,
    boundaryLoops: boundaryLoops(mesh.indices, edges).length,
    boundaryEdges,
    nonManifoldEdges,
    flippedFaces: flippedFaces(mesh.indices, edges),
    degenerateFaces,
    isClosed,
    area,
    volume: isClosed ? volume : 0,
  };
}

/** Winding is carried from face to face over edges of two; the smaller side of each component is flipped. */
function flippedFaces(indices: Uint32Array, edges: ReturnType<typeof meshEdges>): number {
  const faces = indices.length / 3;
  const turned = new Int8Array(faces).fill(-1);
  let flipped = 0;
  for (let start = 0; start < faces; start++) {
    if (turned[start] >= 0) continue;
    turned[start] = 0;
    const queue = [start];
    let ones = 0;
    for (let at = 0; at < queue.length; at++) {
      const f = queue[at];
      ones += turned[f];
      for (let h = 3 * f; h < 3 * f + 3; h++) {
        const e = edges.edgeOf[h];
        if (usesOf(edges, e) !== 2) continue;
        const first = edges.uses[edges.firstUse[e]];
        const twin = first === h ? edges.uses[edges.firstUse[e] + 1] : first;
        const other = Math.floor(twin / 3);
        if (turned[other] >= 0) continue;
        turned[other] = indices[twin] === indices[h] ? 1 - turned[f] : turned[f];
        queue.push(other);
      }
    }
    flipped += Math.min(ones, queue.length - ones);
  }
  return flipped;
}

function checkAtlas(
  uvs: Float32Array,
  { indices, texture }: CheckedMesh,
  say: (check: Finding['check'], severity: Finding['severity'], message: string) => void,
): AtlasCheck {
  let broken = 0;
  let outside = 0;
  for (let v = 0; v < uvs.length; v += 2) {
    if (!Number.isFinite(uvs[v]) || !Number.isFinite(uvs[v + 1])) broken++;
    else if (Math.min(uvs[v], uvs[v + 1]) < 0 || Math.max(uvs[v], uvs[v + 1]) > 1) outside++;
  }
  const size = texture?.width ?? 512;
  const { faces, covered, overlaps } = chartTexels(uvs, indices, size);
  const overlapShare = covered > 0 ? overlaps / covered : 0;
  const outsideShare = uvs.length > 0 ? outside / (uvs.length / 2) : 0;
  if (broken > 0) say('uv-not-finite', 'unusable', `${broken} vertices have texture coordinates that are not finite.`);
  if (outside > 0) say('uv-outside', 'flaw', `${percent(outsideShare)} of the vertices lie outside the texture.`);
  if (overlapShare > 0.001)
    say('uv-overlap', 'flaw', `${percent(overlapShare)} of the texels in use belong to several faces.`);
  const range = texture && usedRange(texture, faces, size);
  if (range && range[0] === range[1])
    say('blank-texture', 'flaw', `The texture has one value everywhere, ${range[0]}.`);
  return { outsideShare, overlapShare, usedShare: covered / (size * size), size, ...(range && { range }) };
}

function usedRange(
  { width, height, data }: RgbaPicture,
  faces: Int32Array,
  size: number,
): [number, number] | undefined {
  let low = 256;
  let high = -1;
  for (let at = 0; at < faces.length; at++) {
    if (faces[at] < 0) continue;
    const y = Math.min(height - 1, Math.floor((((at - (at % size)) / size + 0.5) * height) / size));
    for (let c = 0; c < 3; c++) {
      const value = data[4 * (y * width + (at % size)) + c];
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
  }
  return high < 0 ? undefined : [low, high];
}

const percent = (share: number): string => `${Number((100 * share).toPrecision(2))} %`;
