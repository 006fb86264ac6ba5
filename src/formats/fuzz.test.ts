/**
 * Damaged files of every format: each ends in a ModelError or in data that holds together, never in another error, a hang
 * or gigabytes. A failing run prints its seed and the smallest damage; ESPALIER_FUZZ_RUNS asks for more than the usual.
 */
import { readFileSync } from 'node:fs';
import { Document, WebIO } from '@gltf-transform/core';
import { ALL_EXTENSIONS, KHRDracoMeshCompression } from '@gltf-transform/extensions';
// @ts-expect-error the package comes without types
import draco3d from 'draco3dgltf';
import fc from 'fast-check';
import { gunzipSync, gzipSync } from 'fflate';
import { expect, test } from 'vitest';
import { someField } from '../../test/some-field.ts';
import { type FieldArrays, readField, writeField } from './field-file.ts';
import { writeGlbScene } from './glb.ts';
import { writeGltfSplats } from './gltf-splats-out.ts';
import { writeObj } from './obj-out.ts';
import { decodePicture } from './picture.ts';
import { writePlyMesh } from './ply-mesh-out.ts';
import { readMesh } from './read-mesh.ts';
import { readSplats } from './read-splats.ts';
import { writeSplatFile } from './splat-file.ts';
import { writeSplatPly } from './splat-ply.ts';
import { type Splats, shRestCount } from './splats.ts';
import { writeSpz } from './spz.ts';
import { writeStl } from './stl-out.ts';
import { ModelError, type ReadModelOptions, type TriangleScene } from './triangle-scene.ts';

const RUNS = Number(process.env['ESPALIER_FUZZ_RUNS'] ?? 150);
const MOST_BYTES = 1 << 28; // no file here has more than some kilobytes

const texture = { width: 2, height: 2, data: new Uint8Array(16).fill(200), wrapU: 'repeat', wrapV: 'clamp' } as const;
const scene: TriangleScene = {
  primitives: [
    {
      positions: Float32Array.of(0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1),
      normals: Float32Array.of(0, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0, 1),
      uvs: Float32Array.of(0, 0, 1, 0, 0, 1, 1, 1),
      colors: new Float32Array(16).fill(0.5),
      indices: Uint32Array.of(0, 1, 2, 0, 2, 3, 0, 3, 1),
      material: {
        name: 'm',
        baseColorFactor: [1, 0.5, 0.25, 1],
        baseColorTexture: texture,
        alphaMode: 'opaque',
        alphaCutoff: 0.5,
        doubleSided: false,
        unlit: true,
      },
    },
  ],
  warnings: [],
};
const splats: Splats = {
  means: Float32Array.of(0, 0.1, 0.2, -0.3, 0.4, 0.5, 0, 0, 0),
  scales: new Float32Array(9).fill(0.01),
  rotations: Float32Array.of(1, 0, 0, 0, 0.5, 0.5, 0.5, 0.5, 0, 1, 0, 0),
  opacities: Float32Array.of(0.1, 0.5, 0.9),
  shDegree: 1,
  shDc: new Float32Array(9).fill(0.3),
  shRest: new Float32Array(27).fill(0.1),
};

/** Made by another program from `someSplats`; their own tests say how. */
const golden = (name: string): Uint8Array =>
  Uint8Array.from(readFileSync(new URL(`../../test/golden/${name}`, import.meta.url)));

const encode = (text: string) => new TextEncoder().encode(text);
const textStl =
  'solid s\nfacet normal 0 0 1\nouter loop\nvertex 0 0 0\nvertex 1 0 0\nvertex 0 1e0 0\nendloop\nendfacet\nendsolid s\n';
const header = 'element vertex 3\nproperty float x\nproperty float y\nproperty float z\nproperty list uchar int w\n';
const textPly = `ply\nformat ascii 1.0\n${header}element face 1\nproperty list uchar int vertex_indices\nend_header\n0 0 0 0\n1 0 0 1 5\n0 1 0 2 5 6\n3 0 1 2\n`;
const gltfJson = (glb: Uint8Array) => {
  const size = new DataView(glb.buffer).getUint32(12, true);
  const json = JSON.parse(new TextDecoder().decode(glb.subarray(20, 20 + size)));
  json.buffers[0].uri = `data:application/octet-stream;base64,${Buffer.from(glb.subarray(28 + size)).toString('base64')}`;
  return encode(JSON.stringify(json));
};

async function dracoGlb(): Promise<Uint8Array> {
  const io = new WebIO().registerExtensions(ALL_EXTENSIONS);
  const document = await io.readBinary(await writeGlbScene(scene));
  document.createExtension(KHRDracoMeshCompression).setRequired(true);
  return io.registerDependencies({ 'draco3d.encoder': await draco3d.createEncoderModule() }).writeBinary(document);
}

/** Skins, morph targets, sparse accessors and two nodes on one mesh. */
async function riggedGlb(): Promise<Uint8Array> {
  const document = new Document();
  const buffer = document.createBuffer();
  const accessor = (type: 'VEC3' | 'VEC4' | 'MAT4', array: Float32Array<ArrayBuffer> | Uint8Array<ArrayBuffer>) =>
    document.createAccessor().setType(type).setArray(array).setBuffer(buffer);
  const positions = accessor('VEC3', Float32Array.of(0, 0, 0, 1, 0, 0, 0, 1, 0));
  const joint = document.createNode('joint').setTranslation([0, 1, 0]);
  const inverse = accessor('MAT4', Float32Array.of(1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1));
  const target = document
    .createPrimitiveTarget()
    .setAttribute('POSITION', accessor('VEC3', Float32Array.of(0, 0, 0, 0, 0, 1, 0, 0, 0)).setSparse(true));
  const primitive = document
    .createPrimitive()
    .setAttribute('POSITION', positions)
    .setAttribute('JOINTS_0', accessor('VEC4', new Uint8Array(12)))
    .setAttribute('WEIGHTS_0', accessor('VEC4', Float32Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0)))
    .addTarget(target);
  const mesh = document.createMesh().addPrimitive(primitive).setWeights([0.5]);
  const skin = document.createSkin().addJoint(joint).setInverseBindMatrices(inverse);
  const nodes = [document.createNode().setMesh(mesh).setSkin(skin), document.createNode().setMesh(mesh), joint];
  const root = document.createScene();
  for (const node of nodes) root.addChild(node);
  return new WebIO().writeBinary(document);
}

const objFiles = await writeObj(scene, 'a');
const besideObj: ReadModelOptions = {
  loadResource: async (path) => {
    const file = objFiles.find(({ name }) => name === path);
    if (!file) throw new Error('no such file');
    return file.bytes;
  },
  decodePicture,
};
const glb = await writeGlbScene(scene);
const splatGlb = writeGltfSplats(splats);
const self: ReadModelOptions = { decodePicture };
const mesh =
  (extension: string, options = self) =>
  async (bytes: Uint8Array) =>
    checkScene(await readMesh(bytes, extension, options));
const splat = (extension: string) => async (bytes: Uint8Array) =>
  checkSplats((await readSplats(bytes, extension)).splats);

const cases: [string, Uint8Array, (bytes: Uint8Array) => Promise<void>][] = [
  ['GLB', glb, mesh('.glb')],
  ['glTF text', gltfJson(glb), mesh('.gltf')],
  ['rigged GLB', await riggedGlb(), mesh('.glb')],
  ['rigged glTF text', gltfJson(await riggedGlb()), mesh('.gltf')],
  ['meshopt GLB', await writeGlbScene(scene, { compression: 'meshopt' }), mesh('.glb')],
  ['Draco GLB', await dracoGlb(), mesh('.glb')],
  ['OBJ', objFiles[0].bytes, mesh('.obj', besideObj)],
  [
    'MTL',
    objFiles[1].bytes,
    (bytes) =>
      mesh('.obj', {
        ...besideObj,
        loadResource: async (path) => (path === 'a.mtl' ? bytes : besideObj.loadResource!(path)),
      })(objFiles[0].bytes),
  ],
  ['STL', writeStl(scene), mesh('.stl')],
  ['text STL', encode(textStl), mesh('.stl')],
  ['PLY', writePlyMesh(scene), mesh('.ply')],
  ['text PLY', encode(textPly), mesh('.ply')],
  ['splat PLY', writeSplatPly(splats), splat('.ply')],
  ['.splat', writeSplatFile(splats), splat('.splat')],
  ['SPZ', writeSpz(splats), splat('.spz')],
  ['SPZ inside its gzip stream', gunzipSync(writeSpz(splats)), (bytes) => splat('.spz')(gzipSync(bytes))],
  ['SPZ 4', golden('splat-transform.spz'), splat('.spz')],
  ['compressed splat PLY', golden('splat-transform.compressed.ply'), splat('.ply')],
  ['splat GLB', splatGlb, splat('.glb')],
  ['splat glTF text', gltfJson(splatGlb), splat('.gltf')],
  ['radiance field', writeField(someField(4, 3, 2, 2)), async (bytes) => checkField(readField(bytes).field)],
];

const WORDS = [0, 1, 2, 255, 65535, 0x7fffffff, 0x80000000, 0xffffffff, 1_000_000, 0x7fc00000, 0x7f800000, 0x00800000];
const TOKENS = [
  '-1',
  '0',
  '1e400',
  '-1e39',
  'nan',
  'inf',
  '99999999999',
  '2147483647',
  '65536',
  '0.5.5',
  '{}',
  '[]',
  'null',
  '"x"',
  '',
];

type Damage =
  | { kind: 'byte'; at: number; value: number }
  | { kind: 'word'; at: number; value: number }
  | { kind: 'cut'; at: number }
  | { kind: 'repeat'; at: number; length: number; times: number }
  | { kind: 'token'; at: number; value: string }; // the at-th number of the text becomes something else

const place = fc.double({ min: 0, max: 1, noNaN: true }); // of the whole file
const damage: fc.Arbitrary<Damage> = fc.oneof(
  fc.record({ kind: fc.constant('byte' as const), at: place, value: fc.nat(255) }),
  fc.record({ kind: fc.constant('word' as const), at: place, value: fc.constantFrom(...WORDS) }),
  fc.record({ kind: fc.constant('cut' as const), at: place }),
  fc.record({
    kind: fc.constant('repeat' as const),
    at: place,
    length: fc.nat(200),
    times: fc.integer({ min: 1, max: 20 }),
  }),
  fc.record({ kind: fc.constant('token' as const), at: place, value: fc.constantFrom(...TOKENS) }),
);

test.each(cases)('%s: damaged bytes end in a ModelError or in data that holds together', async (_, whole, read) => {
  await read(whole); // undamaged, it is read
  const damages = fc.array(damage, { minLength: 1, maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(damages, async (list) => {
      const bytes = list.reduce(damaged, Uint8Array.from(whole));
      await read(bytes).catch((error: unknown) => {
        if (!(error instanceof ModelError)) throw error;
        expect(error.message.length).toBeGreaterThan(30);
      });
    }),
    { numRuns: RUNS },
  );
});

test.each(cases)('%s: no beginning of the file is read as anything else', async (_, whole, read) => {
  for (let length = 0; length < whole.length; length += Math.ceil(whole.length / 60)) {
    await read(whole.slice(0, length)).catch((error: unknown) => {
      if (!(error instanceof ModelError)) throw error;
    });
  }
});

function damaged(bytes: Uint8Array, change: Damage): Uint8Array {
  const at = Math.floor(change.at * bytes.length);
  switch (change.kind) {
    case 'byte': {
      if (at < bytes.length) bytes[at] = change.value;
      return bytes;
    }
    case 'word': {
      if (at + 4 <= bytes.length) new DataView(bytes.buffer, bytes.byteOffset).setUint32(at, change.value, true);
      return bytes;
    }
    case 'cut':
      return bytes.slice(0, at);
    case 'repeat': {
      const part = bytes.subarray(at, at + change.length);
      return new Uint8Array([
        ...bytes.subarray(0, at),
        ...new Array(change.times).fill([...part]).flat(),
        ...bytes.subarray(at),
      ]);
    }
    case 'token': {
      const text = new TextDecoder('latin1').decode(bytes);
      const numbers = [...text.matchAll(/-?\d[\d.e+-]*/g)];
      const found = numbers[Math.floor(change.at * numbers.length)];
      if (!found) return bytes;
      const edited = text.slice(0, found.index) + change.value + text.slice(found.index + found[0].length);
      return Uint8Array.from(edited, (character) => character.charCodeAt(0));
    }
    default:
      return change satisfies never;
  }
}

function checkScene({ primitives, warnings }: TriangleScene): void {
  expect(primitives.length).toBeGreaterThan(0);
  expect(warnings.length).toBeLessThan(25);
  let size = 0;
  for (const { positions, normals, uvs, colors, indices } of primitives) {
    const count = positions.length / 3;
    expect(indices.length % 3).toBe(0);
    for (const index of indices) {
      if (!(index < count)) throw new Error(`index ${index} of ${count} vertices`);
      for (let c = 0; c < 3; c++) if (!Number.isFinite(positions[3 * index + c])) throw new Error('not finite');
    }
    if (normals) expect(normals.length).toBe(count * 3);
    if (uvs) expect(uvs.length).toBe(count * 2);
    if (colors) expect(colors.length).toBe(count * 4);
    size += positions.byteLength + indices.byteLength;
  }
  expect(size).toBeLessThan(MOST_BYTES);
}

function checkSplats(read: Splats): void {
  const count = read.opacities.length;
  expect(count).toBeGreaterThan(0);
  expect(count * 56).toBeLessThan(MOST_BYTES);
  const widths = { means: 3, scales: 3, rotations: 4, shDc: 3, shRest: 3 * shRestCount(read.shDegree) } as const;
  for (const [name, width] of Object.entries(widths)) {
    const values = read[name as keyof typeof widths];
    expect(values.length, name).toBe(count * width);
    if (!values.every(Number.isFinite)) throw new Error(`${name} are not finite`);
  }
  for (let g = 0; g < count; g++) expect(Math.hypot(...read.rotations.subarray(4 * g, 4 * g + 4))).toBeCloseTo(1, 4);
}

function checkField({ resolution, rank, dim, ...arrays }: FieldArrays): void {
  const count = arrays.positions.length / 3;
  expect(count).toBeGreaterThan(0);
  const widths = { positions: 3, trivec: 3 * rank * dim, density: rank, colorsDc: 3 * rank };
  for (const [name, width] of Object.entries(widths)) {
    const values = arrays[name as keyof typeof arrays];
    expect(values.length, name).toBe(count * width);
    if (!values.every(Number.isFinite)) throw new Error(`${name} are not finite`);
  }
  for (const p of arrays.positions) if (!(p > 0 && p < 1)) throw new Error(`a position ${p} in ${resolution}³`);
}
