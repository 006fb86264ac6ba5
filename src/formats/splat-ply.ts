/**
 * Splat PLY, the common exchange format of Gaussians: binary little-endian, one element `vertex`, all properties float:
 * x y z nx ny nz f_dc_0…2 f_rest_… opacity scale_0…2 rot_0…3. Opacities are logits, scales natural logarithms, rotations
 * (w, x, y, z); `f_rest` runs through the coefficients of red, then green, then blue. Normals are zeros.
 *
 * Compressed files (packed-splat-ply.ts) are read as well.
 *
 * Axes: y down, (x, y, z) → (x, −z, y); rotations and harmonics turn alike.
 * Source: Kerbl et al. 2023, the training code's files; TRELLIS, `gaussian_model.py`, `save_ply`.
 */
import { isPackedSplatPly, readPackedSplats } from './packed-splat-ply.ts';
import { columnsOf, readPly } from './ply-file.ts';
import { type PlyHeader, parsePlyHeader } from './ply-header.ts';
import {
  expectSplatCount,
  expectSplats,
  type ReadSplats,
  type ShDegree,
  type Splats,
  shRestCount,
  soundSplats,
} from './splats.ts';
import { ModelError } from './triangle-scene.ts';
import { turnSplats } from './turn-splats.ts';

const LARGEST_LOGIT = 20; // sigmoid(20) is 1 in float32: opacity 1 comes back as 1, 0 as 2e-9
const SMALLEST_SCALE = 1e-30; // its logarithm is finite, its Gaussian a point

/** Does a PLY file hold Gaussians? Meshes and clouds have no `rot_0`; what is compressed has chunks. */
export function isSplatPly(header: PlyHeader): boolean {
  if (isPackedSplatPly(header)) return true;
  const names = header.elements.find((element) => element.name === 'vertex')?.properties.map(({ name }) => name) ?? [];
  return names.includes('f_dc_0') && names.includes('rot_0');
}

/** @throws ModelError when the bytes are no splat PLY */
export function readSplatPly(bytes: Uint8Array): ReadSplats {
  const header = parsePlyHeader(bytes);
  const vertex = header.elements.find((element) => element.name === 'vertex');
  if (isPackedSplatPly(header)) return inObjectFrame(readPackedSplats(bytes, header), []);
  if (!vertex || !isSplatPly(header)) {
    throw new ModelError(
      'PLY: expected Gaussians (properties f_dc_0, opacity, scale_0, rot_0 …), got another PLY. Is it a mesh or a point cloud?',
    );
  }
  const warnings: string[] = [];
  const inFile = vertex.properties.filter(({ name }) => /^f_rest_\d+$/.test(name)).length;
  const degree = (inFile >= 45 ? 3 : inFile >= 24 ? 2 : inFile >= 9 ? 1 : 0) as ShDegree;
  const K = shRestCount(degree);
  if (inFile !== 3 * K) {
    warnings.push(`PLY: ${inFile} properties f_rest are no whole degree of harmonics; degree ${degree} is read.`);
  }
  expectSplatCount('PLY', vertex.count, degree);
  const perChannel = Math.floor(inFile / 3);
  const restNames = Array.from({ length: K * 3 }, (_, i) => `f_rest_${(i % 3) * perChannel + Math.floor(i / 3)}`);
  const names = {
    means: ['x', 'y', 'z'],
    scales: ['scale_0', 'scale_1', 'scale_2'],
    rotations: ['rot_0', 'rot_1', 'rot_2', 'rot_3'],
    opacities: ['opacity'],
    shDc: ['f_dc_0', 'f_dc_1', 'f_dc_2'],
    shRest: restNames,
  };
  const table = readPly(bytes, header, { vertex: Object.values(names).flat() }).get('vertex')!;
  const rows = (list: readonly string[]) => {
    const columns = columnsOf(table, list);
    if (columns) return columns;
    const missing = list.filter((name) => !table.columns.has(name)).join(', ');
    throw new ModelError(
      `PLY: expected the vertex properties ${list.join(', ')}; ${missing} are missing. Export it again.`,
    );
  };
  const src: Splats = {
    means: rows(names.means),
    scales: rows(names.scales).map(Math.exp),
    rotations: rows(names.rotations),
    opacities: rows(names.opacities).map((logit) => 1 / (1 + Math.exp(-logit))),
    shDegree: degree,
    shDc: rows(names.shDc),
    shRest: rows(names.shRest),
  };
  return inObjectFrame(src, warnings);
}

function inObjectFrame(src: Splats, warnings: readonly string[]): ReadSplats {
  const { splats, warnings: said } = soundSplats('PLY', src, warnings);
  return soundSplats('PLY', turnSplats(splats, 'z-up to y-up'), said); // y-down to z-up is the same turn
}

/** Opacities 0 and 1, whose logits are infinite, become 2e-9 and 1; scales below 1e-30 become that. */
export function writeSplatPly(splats: Splats): Uint8Array<ArrayBuffer> {
  expectSplats('writeSplatPly', splats);
  const { splats: src } = soundSplats('PLY', turnSplats(splats, 'z-up to y-down'));
  const count = src.opacities.length;
  const K = shRestCount(src.shDegree);
  const properties = [
    ...['x', 'y', 'z', 'nx', 'ny', 'nz', 'f_dc_0', 'f_dc_1', 'f_dc_2'],
    ...Array.from({ length: 3 * K }, (_, i) => `f_rest_${i}`),
    ...['opacity', 'scale_0', 'scale_1', 'scale_2', 'rot_0', 'rot_1', 'rot_2', 'rot_3'],
  ];
  const header = new TextEncoder().encode(
    `ply\nformat binary_little_endian 1.0\nelement vertex ${count}\n${properties.map((name) => `property float ${name}\n`).join('')}end_header\n`,
  );
  const bytes = new Uint8Array(header.length + count * properties.length * 4);
  bytes.set(header);
  const view = new DataView(bytes.buffer);
  let at = header.length;
  const put = (value: number) => {
    view.setFloat32(at, value, true);
    at += 4;
  };
  for (let g = 0; g < count; g++) {
    for (let c = 0; c < 3; c++) put(src.means[3 * g + c]);
    for (let c = 0; c < 3; c++) put(0);
    for (let c = 0; c < 3; c++) put(src.shDc[3 * g + c]);
    for (let c = 0; c < 3; c++) for (let k = 0; k < K; k++) put(src.shRest[(g * K + k) * 3 + c]);
    put(logit(src.opacities[g]));
    for (let c = 0; c < 3; c++) put(Math.log(Math.max(SMALLEST_SCALE, src.scales[3 * g + c])));
    for (let c = 0; c < 4; c++) put(src.rotations[4 * g + c]);
  }
  return bytes;
}

const logit = (p: number): number => Math.min(LARGEST_LOGIT, Math.max(-LARGEST_LOGIT, Math.log(p / (1 - p))));
