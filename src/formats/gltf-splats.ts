/**
 * Gaussians in glTF, by the extension KHR_gaussian_splatting: points with the attributes ROTATION (x, y, z, w), SCALE
 * (linear), OPACITY in [0, 1], SH_DEGREE_l_COEF_n. Compressed variants are named and refused.
 *
 * Axes: y up, (x, y, z) → (x, z, −y). Nodes may move, turn and scale evenly; rotations and harmonics turn alike.
 * Source: KhronosGroup/glTF, extensions/2.0/Khronos/KHR_gaussian_splatting.
 */
import type { Node, Primitive } from '@gltf-transform/core';
import { displayOfLinear } from './display-color.ts';
import { openGltf, sceneNodes, worldMatrices } from './gltf-document.ts';
import { type GltfJson, parseGltf } from './gltf-json.ts';
import { readFloats } from './gltf-primitive.ts';
import { determinant3, type Matrix4 } from './matrix4.ts';
import { rotateHarmonics } from './spherical-harmonics.ts';
import {
  expectSplatCount,
  type ReadSplats,
  SH_C0,
  type ShDegree,
  type Splats,
  shRestCount,
  soundSplats,
} from './splats.ts';
import { ModelError, type ReadModelOptions } from './triangle-scene.ts';
import { turnSplats } from './turn-splats.ts';

export const GAUSSIAN_EXTENSION = 'KHR_gaussian_splatting';

/** Does a primitive of the file hold Gaussians? */
export const hasGltfSplats = (json: GltfJson): boolean => gaussianExtensions(json).length > 0;

function gaussianExtensions(json: GltfJson): Record<string, unknown>[] {
  const primitives = (json.meshes ?? []).flatMap((mesh) => mesh.primitives);
  return primitives.flatMap(({ extensions }) => {
    const extension = extensions?.[GAUSSIAN_EXTENSION];
    return extension ? [extension] : [];
  });
}

/** @throws ModelError when the file holds no Gaussians, or they are compressed */
export async function readGltfSplats(bytes: Uint8Array, options: ReadModelOptions = {}): Promise<ReadSplats> {
  const warnings: string[] = [];
  const file = parseGltf(bytes);
  const found = gaussianExtensions(file.json);
  if (found.length === 0) {
    throw new ModelError(`glTF: expected Gaussians (${GAUSSIAN_EXTENSION}), got none. Is it a mesh?`);
  }
  const compressed = found.flatMap(({ extensions }) => Object.keys(Object(extensions)));
  if (compressed.length > 0) {
    throw new ModelError(
      `glTF: Gaussians packed by ${compressed[0]} are not read. Export them uncompressed, or as .spz.`,
    );
  }
  const isLinear = found.some(({ colorSpace }) => colorSpace === 'lin_rec709_display');
  const document = await openGltf(file, options, warnings, [GAUSSIAN_EXTENSION]);
  const world = worldMatrices(document.getRoot().listNodes());
  const parts: Splats[] = [];
  let total = 0;
  for (const node of sceneNodes(document)) {
    for (const primitive of node.getMesh()?.listPrimitives() ?? []) {
      if (!primitive.getAttribute(`${GAUSSIAN_EXTENSION}:ROTATION`)) continue;
      const part = readPrimitive(primitive, warnings);
      total += part.opacities.length;
      expectSplatCount('glTF', total, 3);
      parts.push(placed(part, node, world.get(node)!));
    }
  }
  if (parts.length === 0) {
    throw new ModelError('glTF: no node of the scene shows the Gaussians of the file. Export it again.');
  }
  const joined = isLinear ? toDisplay(join(parts), warnings) : join(parts);
  const { splats, warnings: said } = soundSplats('glTF', joined, warnings);
  return soundSplats('glTF', turnSplats(splats, 'z-up to y-down'), said); // y-up to z-up is the same turn
}

function readPrimitive(primitive: Primitive, warnings: string[]): Splats {
  const attribute = (name: string, width: number): Float32Array => {
    const accessor = primitive.getAttribute(name);
    const count = primitive.getAttribute('POSITION')?.getCount();
    if (accessor && accessor.getCount() === count && accessor.getElementSize() === width) {
      return readFloats(accessor, width).slice();
    }
    throw new ModelError(
      `glTF: expected the attribute "${name}" with ${width} numbers for each of ${count ?? 'its'} points. Export the model again.`,
    );
  };
  const sh = (l: number, n: number) => `${GAUSSIAN_EXTENSION}:SH_DEGREE_${l}_COEF_${n}`;
  let degree: ShDegree = 0;
  while (degree < 3 && primitive.getAttribute(sh(degree + 1, 0))) degree = (degree + 1) as ShDegree;
  const means = attribute('POSITION', 3);
  const count = means.length / 3;
  const K = shRestCount(degree);
  expectSplatCount('glTF', count, degree);
  const shRest = new Float32Array(count * K * 3);
  for (let l = 1, k = 0; l <= degree; l++) {
    for (let n = 0; n <= 2 * l; n++, k++) {
      const values = attribute(sh(l, n), 3);
      for (let g = 0; g < count; g++) for (let c = 0; c < 3; c++) shRest[(g * K + k) * 3 + c] = values[3 * g + c];
    }
  }
  const xyzw = attribute(`${GAUSSIAN_EXTENSION}:ROTATION`, 4);
  const scales = attribute(`${GAUSSIAN_EXTENSION}:SCALE`, 3);
  const isLogarithm = scales.some((value) => value < 0);
  if (isLogarithm) warnings.push('glTF: negative scales are taken as logarithms, as drafts of the extension had them.');
  return {
    means,
    scales: isLogarithm ? scales.map(Math.exp) : scales,
    rotations: xyzw.map((_, i) => xyzw[i % 4 === 0 ? i + 3 : i - 1]),
    opacities: attribute(`${GAUSSIAN_EXTENSION}:OPACITY`, 1),
    shDegree: degree,
    shDc: attribute(sh(0, 0), 3),
    shRest,
  };
}

/** The Gaussians where their node stands. @throws ModelError when it mirrors or stretches: Gaussians would change shape */
function placed(src: Splats, node: Node, m: Matrix4): Splats {
  const scale = Math.cbrt(determinant3(m));
  const r = [0, 1, 2].flatMap((row) => [0, 1, 2].map((column) => m[4 * column + row] / scale)); // row-major
  const isTurn = [0, 1, 2].every((a) =>
    [0, 1, 2].every((b) => {
      const dot = r[a] * r[b] + r[a + 3] * r[b + 3] + r[a + 6] * r[b + 6];
      return Math.abs(dot - (a === b ? 1 : 0)) < 1e-3;
    }),
  );
  if (!(scale > 0) || !isTurn) {
    throw new ModelError(
      `glTF: the node "${node.getName()}" mirrors its Gaussians or stretches them unevenly, which is not read. Apply its transform and export again.`,
    );
  }
  const q = quaternionOf(r);
  const means = new Float32Array(src.means.length);
  const rotations = new Float32Array(src.rotations.length);
  for (let g = 0; g < src.opacities.length; g++) {
    const [x, y, z] = src.means.subarray(3 * g, 3 * g + 3);
    for (let c = 0; c < 3; c++) means[3 * g + c] = m[c] * x + m[4 + c] * y + m[8 + c] * z + m[12 + c];
    rotations.set(product(q, src.rotations.subarray(4 * g, 4 * g + 4)), 4 * g);
  }
  const isPlain = Math.abs(q[0]) === 1;
  const shRest = isPlain ? src.shRest : rotateHarmonics(src.shRest, src.shDegree, r);
  return { ...src, means, rotations, scales: src.scales.map((value) => value * scale), shRest };
}

/** (w, x, y, z) of a rotation matrix, row-major. */
function quaternionOf(r: readonly number[]): number[] {
  const q = [
    Math.sqrt(Math.max(0, 1 + r[0] + r[4] + r[8])) / 2,
    Math.sqrt(Math.max(0, 1 + r[0] - r[4] - r[8])) / 2,
    Math.sqrt(Math.max(0, 1 - r[0] + r[4] - r[8])) / 2,
    Math.sqrt(Math.max(0, 1 - r[0] - r[4] + r[8])) / 2,
  ];
  // The largest part is taken as positive; sums and differences across the diagonal give the signs of the others.
  const largest = q.indexOf(Math.max(...q));
  const [yz, zx, xy] = [r[7] - r[5], r[2] - r[6], r[3] - r[1]];
  const [yZ, zX, xY] = [r[7] + r[5], r[2] + r[6], r[3] + r[1]];
  const signs = [
    [1, yz, zx, xy],
    [yz, 1, xY, zX],
    [zx, xY, 1, yZ],
    [xy, zX, yZ, 1],
  ][largest];
  return q.map((value, i) => (signs[i] < 0 ? -value : value));
}

/** The turn b, then the turn a. */
function product(a: ArrayLike<number>, b: ArrayLike<number>): number[] {
  return [
    a[0] * b[0] - a[1] * b[1] - a[2] * b[2] - a[3] * b[3],
    a[0] * b[1] + a[1] * b[0] + a[2] * b[3] - a[3] * b[2],
    a[0] * b[2] - a[1] * b[3] + a[2] * b[0] + a[3] * b[1],
    a[0] * b[3] + a[1] * b[2] - a[2] * b[1] + a[3] * b[0],
  ];
}

/** Parts of different degrees get the highest, with zeros. */
function join(parts: readonly Splats[]): Splats {
  if (parts.length === 1) return parts[0];
  const degree = Math.max(...parts.map(({ shDegree }) => shDegree)) as ShDegree;
  const K = shRestCount(degree);
  const count = parts.reduce((sum, { opacities }) => sum + opacities.length, 0);
  const out = {
    means: new Float32Array(count * 3),
    scales: new Float32Array(count * 3),
    rotations: new Float32Array(count * 4),
    opacities: new Float32Array(count),
    shDegree: degree,
    shDc: new Float32Array(count * 3),
    shRest: new Float32Array(count * K * 3),
  };
  let at = 0;
  for (const part of parts) {
    out.means.set(part.means, at * 3);
    out.scales.set(part.scales, at * 3);
    out.rotations.set(part.rotations, at * 4);
    out.opacities.set(part.opacities, at);
    out.shDc.set(part.shDc, at * 3);
    const width = shRestCount(part.shDegree) * 3;
    for (let g = 0; g < part.opacities.length; g++) {
      out.shRest.set(part.shRest.subarray(g * width, (g + 1) * width), (at + g) * K * 3);
    }
    at += part.opacities.length;
  }
  return out;
}

/** Linear colours → display-referred; only the part without direction can be converted. */
function toDisplay(src: Splats, warnings: string[]): Splats {
  if (src.shDegree > 0) warnings.push('glTF: the colours are linear; what changes with the direction is left out.');
  const shDc = src.shDc.map((value) => (displayOfLinear(0.5 + SH_C0 * value) - 0.5) / SH_C0);
  return { ...src, shDegree: 0, shDc, shRest: new Float32Array(0) };
}
