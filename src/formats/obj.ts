/**
 * Wavefront OBJ in: faces of any number of corners, all four notations, indices counted from either end, vertex colours
 * (three more numbers after `v`, sRGB), materials from MTL files. Free-form surfaces, lines and points are skipped.
 *
 * Axes: OBJ does not say; like most programs we take y as up: (x, y, z) → (x, −z, y). `vt` has v up, a scene v down.
 */
import { checkedScene } from './checked-scene.ts';
import { linearOfDisplay } from './display-color.ts';
import { readMtl } from './mtl.ts';
import { MAX_CORNERS, triangulatePolygon } from './polygon.ts';
import { checkedResourcePath, shorten } from './resource-path.ts';
import { textLines } from './text-lines.ts';
import {
  ModelError,
  NEUTRAL_MATERIAL,
  type ReadModelOptions,
  type SceneMaterial,
  type ScenePrimitive,
  type TriangleScene,
} from './triangle-scene.ts';
import { usableTriangles } from './usable-triangles.ts';
import { createVertexTable, type VertexTable } from './vertex-table.ts';

/** @throws ModelError when the bytes are no OBJ; NoSurfaceError when it has no face with an area */
export async function readObj(bytes: Uint8Array, options: ReadModelOptions = {}): Promise<TriangleScene> {
  const warnings: string[] = [];
  const file = parseObj(bytes, warnings);
  const materials = await readLibraries(file.libraries, options, warnings);
  const primitives: ScenePrimitive[] = [];
  const unknown: string[] = [];
  for (const [name, group] of file.groups) {
    const material = materials.get(name);
    if (name !== '' && !material) unknown.push(`"${shorten(name)}"`);
    primitives.push(primitiveOf(file, group, material ?? NEUTRAL_MATERIAL, warnings));
  }
  if (unknown.length > 0) {
    const names = shorten(unknown.join(', '));
    warnings.push(`OBJ: no material file describes ${names}. A plain colour is used.`);
  }
  const vertices = file.positions.length / 3;
  return checkedScene('OBJ', primitives, warnings, `the file has ${vertices} vertices and no usable face`);
}

interface ObjFile {
  readonly positions: number[]; // [V, 3], as in the file
  readonly colors: number[]; // [V, 3], linear, or empty; vertices without are white
  readonly uvs: number[]; // [.., 2]
  readonly normals: number[]; // [.., 3]
  readonly libraries: Set<string>;
  readonly groups: Map<string, ObjGroup>; // by name of the material
}

/** The faces of one material; a row of the table is a corner (v, vt, vn), −1 for what is not there. */
interface ObjGroup {
  readonly corners: VertexTable;
  readonly indices: number[];
}

function parseObj(bytes: Uint8Array, warnings: string[]): ObjFile {
  const file: ObjFile = { positions: [], colors: [], uvs: [], normals: [], libraries: new Set(), groups: new Map() };
  let group: ObjGroup | undefined;
  let material = '';
  let dropped = 0;
  let firstDropped = 0;
  let known = 0;
  for (const { line, number } of statements(bytes)) {
    const words = line.split(/\s+/);
    switch (words[0]) {
      case 'v':
        addVertex(file, words, number);
        break;
      case 'vt':
        file.uvs.push(numberOf(words[1], number), words.length > 2 ? numberOf(words[2], number) : 0);
        break;
      case 'vn':
        for (let k = 1; k <= 3; k++) file.normals.push(numberOf(words[k], number));
        break;
      case 'f':
        if (!group) {
          group = file.groups.get(material) ?? { corners: createVertexTable(), indices: [] };
          file.groups.set(material, group);
        }
        if (!addFace(file, group, words) && dropped++ === 0) firstDropped = number;
        break;
      case 'usemtl':
        material = line.slice(6).trim();
        group = file.groups.get(material);
        break;
      case 'mtllib':
        // names may hold spaces
        for (const name of line
          .slice(6)
          .trim()
          .split(/(?<=\.mtl)\s+/i))
          file.libraries.add(name);
        break;
      default:
        continue;
    }
    known++;
  }
  if (known === 0) {
    throw new ModelError('OBJ: expected lines that begin with "v" and "f", found none. Is it an OBJ file?');
  }
  if (dropped > 0) {
    warnings.push(
      `OBJ: ${dropped} faces name vertices that are not there or have fewer than 3 or more than ${MAX_CORNERS} corners; left out, the first in line ${firstDropped}.`,
    );
  }
  return file;
}

/** Lines without comments, those that end in a backslash joined with the next. */
function* statements(bytes: Uint8Array): Generator<{ line: string; number: number }> {
  let number = 0;
  let held = '';
  try {
    for (const raw of textLines(bytes)) {
      number++;
      if (held.length > 1 << 24) throw new RangeError(`line ${number} continues for more than 16 MiB`);
      const at = raw.indexOf('#');
      const line = (at < 0 ? raw : raw.slice(0, at)).trim();
      if (line.endsWith('\\')) {
        held += `${line.slice(0, -1)} `;
        continue;
      }
      const whole = held + line;
      held = '';
      if (whole !== '') yield { line: whole, number };
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new ModelError(`OBJ: ${error.message}. Is it an OBJ file?`);
  }
  if (held !== '') yield { line: held.trim(), number };
}

function numberOf(word: string | undefined, line: number): number {
  const value = Number(word);
  if (word !== undefined && !Number.isNaN(value)) return value;
  if (word !== undefined && /^[-+]?(nan|inf|infinity)/i.test(word)) return Number.NaN; // its triangles are left out later
  const hint = word?.includes(',') ? ' The decimal sign must be a point, not a comma.' : '';
  throw new ModelError(
    `OBJ: line ${line}: expected a number, got ${word === undefined ? 'the end of the line' : `"${shorten(word)}"`}.${hint} Export the model again.`,
  );
}

function addVertex(file: ObjFile, words: string[], line: number): void {
  const before = file.positions.length;
  for (let k = 1; k <= 3; k++) file.positions.push(numberOf(words[k], line));
  if (words.length < 7) {
    if (file.colors.length > 0) file.colors.push(1, 1, 1);
    return;
  }
  while (file.colors.length < before) file.colors.push(1); // the first colour of the file comes late
  for (let k = 4; k <= 6; k++) {
    const value = numberOf(words[k], line);
    file.colors.push(linearOfDisplay(Math.min(1, Math.max(0, Number.isNaN(value) ? 1 : value))));
  }
}

/** False when the face names a vertex that is not there (yet), or has too few or too many corners. */
function addFace(file: ObjFile, group: ObjGroup, words: string[]): boolean {
  const corners: [number, number, number][] = [];
  for (let i = 1; i < words.length; i++) {
    const [v, vt, vn] = words[i].split('/');
    const vertex = rowOf(v, file.positions.length / 3);
    if (vertex < 0) return false;
    corners.push([vertex, rowOf(vt, file.uvs.length / 2), rowOf(vn, file.normals.length / 3)]);
  }
  if (corners.length < 3 || corners.length > MAX_CORNERS) return false;
  const rows = corners.map(([v, vt, vn]) => group.corners.row(v, vt, vn));
  triangulatePolygon(
    corners.map(([v]) => v),
    file.positions,
    (a, b, c) => group.indices.push(rows[a], rows[b], rows[c]),
  );
  return true;
}

/** 1 is the first of `count`, −1 the last; −1 for what is not there. */
function rowOf(word: string | undefined, count: number): number {
  if (!word) return -1;
  const index = Number(word);
  const row = index < 0 ? count + index : index - 1;
  return Number.isInteger(row) && row >= 0 && row < count ? row : -1;
}

function primitiveOf(
  file: ObjFile,
  { corners, indices: listed }: ObjGroup,
  material: SceneMaterial,
  warnings: string[],
): ScenePrimitive {
  const triples = corners.triples(); // [V, 3]
  const count = corners.size;
  const positions = new Float32Array(count * 3);
  const colors = file.colors.length > 0 ? new Float32Array(count * 4) : undefined;
  const uvs = material.baseColorTexture ? new Float32Array(count * 2) : undefined;
  const normals = triples.some((row, i) => i % 3 === 2 && row >= 0) ? new Float32Array(count * 3) : undefined;
  for (let i = 0; i < count; i++) {
    const [v, vt, vn] = [triples[3 * i], triples[3 * i + 1], triples[3 * i + 2]];
    positions[3 * i] = file.positions[3 * v];
    positions[3 * i + 1] = 0 - file.positions[3 * v + 2];
    positions[3 * i + 2] = file.positions[3 * v + 1];
    if (colors) {
      for (let c = 0; c < 3; c++) colors[4 * i + c] = file.colors[3 * v + c];
      colors[4 * i + 3] = 1;
    }
    if (uvs && vt >= 0) {
      uvs[2 * i] = file.uvs[2 * vt];
      uvs[2 * i + 1] = 1 - file.uvs[2 * vt + 1];
    }
    if (normals && vn >= 0) {
      const [x, y, z] = file.normals.slice(3 * vn, 3 * vn + 3);
      const length = Math.hypot(x, y, z);
      if (!(length > 0 && Number.isFinite(length))) continue;
      normals[3 * i] = x / length;
      normals[3 * i + 1] = 0 - z / length;
      normals[3 * i + 2] = y / length;
    }
  }
  const where = material === NEUTRAL_MATERIAL ? 'OBJ' : `OBJ: material "${shorten(material.name)}"`;
  const indices = usableTriangles(Uint32Array.from(listed), positions, warnings, where);
  return { positions, normals, uvs, colors, indices, material };
}

async function readLibraries(
  libraries: ReadonlySet<string>,
  options: ReadModelOptions,
  warnings: string[],
): Promise<Map<string, SceneMaterial>> {
  const materials = new Map<string, SceneMaterial>();
  for (const name of libraries) {
    const path = name.replaceAll('\\', '/').replace(/^(\.\/)+/, '');
    try {
      checkedResourcePath('OBJ: mtllib', path, 'Put the material file beside the model.');
      if (!options.loadResource)
        throw new ModelError(`OBJ: the material file "${shorten(name)}" is not in the bytes of the model.`);
      const read = await readMtl(await options.loadResource(path), options, warnings);
      for (const [key, material] of read) materials.set(key, material);
    } catch (cause) {
      const reason =
        cause instanceof ModelError
          ? cause.message
          : `OBJ: the material file "${shorten(name)}" cannot be read (${(cause as Error).message}).`;
      warnings.push(reason);
    }
  }
  return materials;
}
