/**
 * OBJ out, with its MTL and its textures (PNG): y up, (x, y, z) → (x, z, −y); `vt` has v up. Vertex colours follow the
 * coordinates of each `v`, as sRGB.
 */
import { displayOfLinear } from './display-color.ts';
import { formatMtl } from './mtl.ts';
import { encodeTexture } from './picture.ts';
import type { RgbaPicture, ScenePrimitive } from './triangle-scene.ts';
import {
  expectWritable,
  floatText,
  type NamedFile,
  texturesOf,
  type WritableScene,
  wholeNormals,
} from './writable-scene.ts';
import { zUpToYUp } from './y-up.ts';

/**
 * @param base  file name without its ending; the files refer to each other by it, so they must be written under these names
 * @returns base.obj, base.mtl, and base.png (base-1.png, … for further textures)
 */
export async function writeObj(scene: WritableScene, base: string): Promise<NamedFile[]> {
  expectWritable('writeObj', scene);
  if (!/^[^\s/\\#][^/\\\n\r#]*$/.test(base)) {
    throw new Error(`writeObj: the name must be a file name without # and slashes, got "${base}".`);
  }
  const textures = new Map<RgbaPicture, string>();
  const pictures: NamedFile[] = [];
  for (const [i, picture] of texturesOf(scene).entries()) {
    const name = `${base}${i === 0 ? '' : `-${i}`}.png`;
    textures.set(picture, name);
    pictures.push({ name, bytes: await encodeTexture(picture, 'png') });
  }
  const encoder = new TextEncoder();
  const parts = [encoder.encode(`# espalier\nmtllib ${base}.mtl\n`)];
  let mtl = '';
  let first: Counts = { v: 1, vt: 1, vn: 1 };
  const hasColors = scene.primitives.some(({ colors }) => colors !== undefined);
  for (const [i, primitive] of scene.primitives.entries()) {
    const material = `${i}-${primitive.material.name.replace(/[^\w.-]+/g, '_')}`.replace(/-$/, '');
    const texture = primitive.uvs && primitive.material.baseColorTexture;
    mtl += formatMtl(material, primitive.material, texture && textures.get(texture));
    parts.push(encoder.encode(`usemtl ${material}\n`));
    first = pushPrimitive(primitive, first, hasColors, (text) => parts.push(encoder.encode(text)));
  }
  return [
    { name: `${base}.obj`, bytes: joined(parts) },
    { name: `${base}.mtl`, bytes: encoder.encode(mtl) },
    ...pictures,
  ];
}

/** The next free number of each kind; OBJ counts from 1 through the whole file. */
interface Counts {
  readonly v: number;
  readonly vt: number;
  readonly vn: number;
}

const BLOCK = 10_000; // lines that become bytes at once: a file of any size never becomes one string

function pushPrimitive(
  primitive: ScenePrimitive,
  first: Counts,
  hasColors: boolean,
  push: (text: string) => void,
): Counts {
  const { colors, uvs, indices } = primitive;
  const normals = wholeNormals(primitive);
  const positions = zUpToYUp(primitive.positions);
  const turned = normals && zUpToYUp(normals);
  const count = positions.length / 3;
  const lines = (n: number, line: (i: number) => string) => {
    for (let start = 0; start < n; start += BLOCK) {
      push(Array.from({ length: Math.min(BLOCK, n - start) }, (_, i) => `${line(start + i)}\n`).join(''));
    }
  };
  const row = (values: Float32Array, i: number, width: number) =>
    Array.from(values.subarray(i * width, i * width + width), floatText).join(' ');
  const color = (i: number) =>
    [0, 1, 2].map((c) => Number((colors ? displayOfLinear(colors[4 * i + c]) : 1).toFixed(6))).join(' ');
  lines(count, (i) => `v ${row(positions, i, 3)}${hasColors ? ` ${color(i)}` : ''}`);
  if (uvs) lines(count, (i) => `vt ${floatText(uvs[2 * i])} ${floatText(1 - uvs[2 * i + 1])}`);
  if (turned) lines(count, (i) => `vn ${row(turned, i, 3)}`);
  const corner = (vertex: number) => {
    const vt = uvs ? `${first.vt + vertex}` : '';
    if (turned) return `${first.v + vertex}/${vt}/${first.vn + vertex}`;
    return uvs ? `${first.v + vertex}/${vt}` : `${first.v + vertex}`;
  };
  lines(
    indices.length / 3,
    (f) => `f ${corner(indices[3 * f])} ${corner(indices[3 * f + 1])} ${corner(indices[3 * f + 2])}`,
  );
  return { v: first.v + count, vt: first.vt + (uvs ? count : 0), vn: first.vn + (turned ? count : 0) };
}

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
