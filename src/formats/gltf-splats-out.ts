/**
 * Gaussians out as GLB with KHR_gaussian_splatting, all attributes as float32. Programs that do not know the extension
 * show points in the Gaussians' colours. Axes: y up, (x, y, z) → (x, z, −y).
 */
import { linearOfDisplay } from './display-color.ts';
import { GAUSSIAN_EXTENSION } from './gltf-splats.ts';
import { expectSplats, SH_C0, type Splats, shRestCount, soundSplats } from './splats.ts';
import { turnSplats } from './turn-splats.ts';

const FLOAT = 5126;
const UNSIGNED_BYTE = 5121;

interface Attribute {
  readonly name: string;
  readonly type: 'SCALAR' | 'VEC3' | 'VEC4';
  readonly data: Float32Array | Uint8Array;
}

export function writeGltfSplats(splats: Splats, { name = 'asset' }: { name?: string } = {}): Uint8Array<ArrayBuffer> {
  expectSplats('writeGltfSplats', splats);
  const { splats: src } = soundSplats('glTF', turnSplats(splats, 'z-up to y-up'));
  const attributes = attributesOf(src);
  const count = src.opacities.length;
  const bufferViews = [];
  const accessors = [];
  let size = 0; // every array is a multiple of four bytes
  for (const { type, data } of attributes) {
    bufferViews.push({ buffer: 0, byteOffset: size, byteLength: data.byteLength, target: 34962 });
    accessors.push({
      bufferView: accessors.length,
      componentType: data instanceof Uint8Array ? UNSIGNED_BYTE : FLOAT,
      ...(data instanceof Uint8Array ? { normalized: true } : {}),
      count,
      type,
      ...(accessors.length === 0 ? box(src.means) : {}),
    });
    size += data.byteLength;
  }
  const json = {
    asset: { version: '2.0', generator: 'espalier' },
    extensionsUsed: [GAUSSIAN_EXTENSION],
    scene: 0,
    scenes: [{ nodes: [0] }],
    nodes: [{ name, mesh: 0 }],
    meshes: [
      {
        name,
        primitives: [
          {
            mode: 0,
            attributes: Object.fromEntries(attributes.map((attribute, i) => [attribute.name, i])),
            extensions: {
              [GAUSSIAN_EXTENSION]: {
                kernel: 'ellipse',
                colorSpace: 'srgb_rec709_display',
                projection: 'perspective',
                sortingMethod: 'cameraDistance',
              },
            },
          },
        ],
      },
    ],
    accessors,
    bufferViews,
    buffers: [{ byteLength: size }],
  };
  return container(
    json,
    attributes.map(({ data }) => data),
    size,
  );
}

function attributesOf(src: Splats): Attribute[] {
  const count = src.opacities.length;
  const K = shRestCount(src.shDegree);
  const named = (name: string) => `${GAUSSIAN_EXTENSION}:${name}`;
  const attributes: Attribute[] = [
    { name: 'POSITION', type: 'VEC3', data: src.means },
    { name: 'COLOR_0', type: 'VEC4', data: pointColors(src) },
    // (w, x, y, z) → (x, y, z, w)
    { name: named('ROTATION'), type: 'VEC4', data: src.rotations.map((_, i, q) => q[i % 4 === 3 ? i - 3 : i + 1]) },
    { name: named('SCALE'), type: 'VEC3', data: src.scales },
    { name: named('OPACITY'), type: 'SCALAR', data: src.opacities },
    { name: named('SH_DEGREE_0_COEF_0'), type: 'VEC3', data: src.shDc },
  ];
  for (let l = 1, k = 0; l <= src.shDegree; l++) {
    for (let n = 0; n <= 2 * l; n++, k++) {
      const data = new Float32Array(count * 3);
      for (let g = 0; g < count; g++) for (let c = 0; c < 3; c++) data[3 * g + c] = src.shRest[(g * K + k) * 3 + c];
      attributes.push({ name: named(`SH_DEGREE_${l}_COEF_${n}`), type: 'VEC3', data });
    }
  }
  return attributes;
}

/** Linear colour and opacity of each Gaussian as a point, [G, 4]. */
function pointColors({ shDc, opacities }: Splats): Uint8Array {
  const out = new Uint8ClampedArray(opacities.length * 4);
  for (let g = 0; g < opacities.length; g++) {
    for (let c = 0; c < 3; c++) {
      const display = Math.min(1, Math.max(0, 0.5 + SH_C0 * shDc[3 * g + c]));
      out[4 * g + c] = 255 * linearOfDisplay(display);
    }
    out[4 * g + 3] = 255 * opacities[g];
  }
  return new Uint8Array(out.buffer);
}

function box(means: Float32Array): { min: number[]; max: number[] } {
  const min = [Infinity, Infinity, Infinity];
  const max = [-Infinity, -Infinity, -Infinity];
  for (let i = 0; i < means.length; i++) {
    min[i % 3] = Math.min(min[i % 3], means[i]);
    max[i % 3] = Math.max(max[i % 3], means[i]);
  }
  return { min, max };
}

function container(json: object, parts: readonly (Float32Array | Uint8Array)[], size: number): Uint8Array<ArrayBuffer> {
  const text = new TextEncoder().encode(JSON.stringify(json));
  const textSize = Math.ceil(text.length / 4) * 4;
  const bytes = new Uint8Array(28 + textSize + size);
  const words = new Uint32Array(bytes.buffer, 0, 5);
  words.set([0x46546c67, 2, bytes.length, textSize, 0x4e4f534a]);
  bytes.fill(32, 20, 20 + textSize);
  bytes.set(text, 20);
  new Uint32Array(bytes.buffer, 20 + textSize, 2).set([size, 0x004e4942]);
  let at = 28 + textSize;
  for (const part of parts) {
    bytes.set(new Uint8Array(part.buffer, part.byteOffset, part.byteLength), at);
    at += part.byteLength;
  }
  return bytes;
}
