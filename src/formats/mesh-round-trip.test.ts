/** Every mesh format out and in again, and through somebody else's reader. */
import { unzipSync } from 'fflate';
// @ts-expect-error the package comes without types
import validator from 'gltf-validator';
import { describe, expect, test } from 'vitest';
import {
  type ForeignMesh,
  threeGlb,
  threeMtl,
  threeObj,
  threePly,
  threeStl,
  threeUsdz,
} from '../../test/foreign-readers.ts';
import { writeGlb, writeGlbScene } from './glb.ts';
import { sceneOfMesh } from './mesh-scene.ts';
import { writeObj } from './obj-out.ts';
import { decodePicture } from './picture.ts';
import { writePlyMesh } from './ply-mesh-out.ts';
import { readMesh } from './read-mesh.ts';
import { writeStl } from './stl-out.ts';
import type { ReadModelOptions, SceneMaterial, ScenePrimitive, TriangleScene } from './triangle-scene.ts';
import { writeUsdz } from './usdz.ts';
import type { NamedFile } from './writable-scene.ts';

const MATERIAL: SceneMaterial = {
  name: 'paint',
  baseColorFactor: [1, 1, 1, 1],
  alphaMode: 'opaque',
  alphaCutoff: 0.5,
  doubleSided: false,
  unlit: false,
  metallic: 0.25,
  roughness: 0.375,
};

/** 3 × 2 texels, all different, the last half transparent. */
const texture = {
  width: 3,
  height: 2,
  data: Uint8Array.of(255, 0, 0, 255, 0, 255, 0, 255, 0, 0, 255, 255, 10, 20, 30, 255, 200, 100, 50, 255, 1, 2, 3, 128),
  wrapU: 'repeat',
  wrapV: 'repeat',
} as const;

/** A tetrahedron without symmetry; numbers that are no short decimals. */
const positions = Float32Array.from([0.1, 0.2, -0.3, 1 / 3, 0.05, 0.07, -0.25, 0.4, 0.01, 0.02, -0.11, 0.5]);
const indices = Uint32Array.of(0, 1, 2, 0, 3, 1, 1, 3, 2, 2, 3, 0);
const normals = Float32Array.from([0, 0, -1, 1, 0, 0, 0, 1, 0, 0.6, 0, 0.8]);
const uvs = Float32Array.from([0.25, 0.1, 0.75, 0.9, 1.5, -0.5, 1 / 3, 2 / 3]);
const colors = Float32Array.from([1, 0, 0.25, 1, 0, 1, 1, 1, 0.5, 0.5, 0.5, 1, 0.1, 0.2, 0.7, 1]);

const plain: ScenePrimitive = {
  positions,
  indices,
  normals,
  material: { ...MATERIAL, baseColorFactor: [0.2, 0.4, 0.6, 1] },
};
const colored: ScenePrimitive = { positions, indices, normals, colors, material: MATERIAL };
const textured: ScenePrimitive = {
  positions,
  indices,
  normals,
  uvs,
  material: { ...MATERIAL, name: 'tex', alphaMode: 'mask', doubleSided: true, baseColorTexture: texture },
};
const scene = (...primitives: ScenePrimitive[]): TriangleScene => ({ primitives, warnings: [] });

const beside = (files: readonly NamedFile[]): ReadModelOptions => ({
  loadResource: async (path) => files.find(({ name }) => name === path)!.bytes,
  decodePicture: async (bytes) => {
    const { width, height, data } = await decodePicture(bytes);
    return { width, height, data };
  },
});

/** The corners of all triangles in order, [F · 3, width]: what indexing and welding must not change. */
function corners(rows: ArrayLike<number>, list: ArrayLike<number>, width = 3): number[] {
  return Array.from(list).flatMap((row) => Array.from({ length: width }, (_, c) => rows[row * width + c]));
}
const foreignCorners = (mesh: ForeignMesh) =>
  corners(mesh.positions, mesh.indices ?? Array.from({ length: mesh.positions.length / 3 }, (_, i) => i));
const yUp = (rows: readonly number[]) =>
  rows.map((_, i) => (i % 3 === 0 ? rows[i] : i % 3 === 1 ? rows[i + 1] : 0 - rows[i - 1]));
const near = (got: ArrayLike<number>, want: ArrayLike<number>, tolerance: number) => {
  expect(got.length).toBe(want.length);
  for (let i = 0; i < want.length; i++) {
    if (!(Math.abs(got[i] - want[i]) <= tolerance))
      expect.fail(`value ${i}: ${got[i]}, expected ${want[i]} ± ${tolerance}`);
  }
};
const want = corners(positions, indices);

describe('GLB', () => {
  test.each(['png', 'webp'] as const)(
    'gives back all of a scene, its textures (%s) included, bit for bit',
    async (textureFormat) => {
      const bytes = await writeGlbScene(scene(plain, colored, textured), { textureFormat });
      const back = await readMesh(bytes, '.glb', beside([]));
      expect(back).toEqual(scene(plain, colored, textured));
    },
  );

  test('passes the validator with textures, colours, meshopt off, and materials of both kinds of primitives', async () => {
    const untextured = { ...textured, uvs: undefined };
    for (const parts of [[textured], [plain, colored, textured, untextured]]) {
      const report = await validator.validateBytes(await writeGlbScene(scene(...parts)));
      expect(report.issues.messages.filter(({ severity }: { severity: number }) => severity < 2)).toEqual([]);
    }
  });

  test('a mesh with a texture becomes an opaque material that is seen from outside only', async () => {
    const mesh = { positions, indices, normals, uvs, texture };
    const back = await readMesh(await writeGlb(mesh, { name: 'chair' }), '.glb', beside([]));
    const [{ material, ...geometry }] = back.primitives;
    expect(geometry).toMatchObject({ positions, indices, uvs });
    expect(material).toMatchObject({
      name: 'chair',
      alphaMode: 'opaque',
      doubleSided: false,
      baseColorTexture: { width: 3 },
    });
    await expect(writeGlb({ ...mesh, uvs: undefined })).rejects.toThrow(/needs uvs/);
  });

  test('three reads the corners turned to y up, with colours and sides', async () => {
    const [one, two] = await threeGlb(await writeGlbScene(scene(plain, colored)));
    near(foreignCorners(one), yUp(want), 0);
    near(one.materialColor, [0.2, 0.4, 0.6], 1e-6);
    expect([one.isDoubleSided, one.materialName]).toEqual([false, 'paint']);
    near(
      two.colors!,
      colors.filter((_, i) => i % 4 !== 3),
      0,
    );
  });

  test('packed by meshopt it is smaller, and three and we read the same shape to 14 bits', async () => {
    const n = 40; // a wavy sheet: something to pack
    const grid = sheet(n);
    const plainBytes = await writeGlbScene(scene(grid));
    const bytes = await writeGlbScene(scene(grid), { compression: 'meshopt' });
    expect(bytes.length).toBeLessThan(plainBytes.length / 3);
    const back = await readMesh(bytes, '.glb');
    const [foreign] = await threeGlb(bytes);
    const sorted = (rows: readonly number[]) => [...rows].sort((a, b) => a - b);
    const source = corners(grid.positions, grid.indices);
    near(sorted(corners(back.primitives[0].positions, back.primitives[0].indices)), sorted(source), 1 / 2 ** 14);
    near(sorted(foreignCorners(foreign)), sorted(yUp(source)), 1 / 2 ** 14);
  });
});

describe('OBJ', () => {
  test('gives back positions, normals, coordinates, colours and textures to the last bit of a float', async () => {
    const files = await writeObj(scene(plain, colored, textured), 'my chair');
    expect(files.map(({ name }) => name)).toEqual(['my chair.obj', 'my chair.mtl', 'my chair.png']);
    const back = await readMesh(files[0].bytes, '.obj', beside(files));
    expect(back.warnings).toEqual([]);
    const [one, two, three] = back.primitives;
    for (const part of back.primitives) {
      expect(part.positions).toEqual(positions);
      expect(part.indices).toEqual(indices);
      near(part.normals!, normals, 1e-6);
    }
    near(one.material.baseColorFactor, [0.2, 0.4, 0.6, 1], 1e-5); // six decimals of sRGB
    expect(one.material).toMatchObject({ metallic: 0.25, roughness: 0.375 });
    near(two.colors!, colors, 1e-5);
    near(three.uvs!, uvs, 1e-6); // 1 − v twice
    expect(three.material.baseColorTexture).toEqual(texture);
  });

  test('three reads the same corners, y up, coordinates with v up, and the materials', async () => {
    const files = await writeObj(scene(textured), 'a');
    const [mesh] = await threeObj(new TextDecoder().decode(files[0].bytes));
    near(foreignCorners(mesh), yUp(want), 0);
    near(
      mesh.uvs!,
      corners(
        uvs.map((value, i) => (i % 2 ? 1 - value : value)),
        indices,
        2,
      ),
      1e-6,
    );
    const [material] = await threeMtl(new TextDecoder().decode(files[1].bytes));
    expect(material).toMatchObject({ name: '0-tex', map_kd: 'a.png' });
    const [second] = await threeObj(new TextDecoder().decode((await writeObj(scene(colored), 'b'))[0].bytes));
    near(
      second.colors!,
      corners(
        colors.filter((_, i) => i % 4 !== 3),
        indices,
      ),
      1e-5,
    );
  });

  test('a name that would leave the folder is refused', async () => {
    await expect(writeObj(scene(plain), '../x')).rejects.toThrow(/file name/);
  });
});

describe('STL', () => {
  test('gives back the triangles, and three reads them with normals that look outwards', async () => {
    const bytes = writeStl(scene(plain));
    const back = await readMesh(bytes, '.stl');
    expect(corners(back.primitives[0].positions, back.primitives[0].indices)).toEqual(want);
    const foreign = await threeStl(bytes);
    near(foreignCorners(foreign), want, 0);
    const middle = [0, 1, 2].map((c) => want.reduce((sum, value, i) => sum + (i % 3 === c ? value : 0), 0) / 12);
    for (let t = 0; t < 4; t++) {
      const out = [0, 1, 2].reduce((sum, c) => sum + foreign.normals![t * 9 + c] * (want[t * 9 + c] - middle[c]), 0);
      expect(Math.sign(out)).toBe(Math.sign(winding(t, middle)));
    }
  });
});

describe('PLY', () => {
  test('gives back positions, normals and colours; a texture is sampled at the vertices', async () => {
    const back = await readMesh(writePlyMesh(scene(colored)), '.ply');
    expect(back.primitives[0]).toMatchObject({ positions, indices });
    near(back.primitives[0].normals!, normals, 1e-7);
    near(back.primitives[0].colors!, colors, 0.005); // 8-bit sRGB
    const middles = Float32Array.from([1 / 6, 1 / 4, 1 / 2, 1 / 4, 5 / 6, 1 / 4, 1 / 6, 3 / 4]); // of four texels
    const sampled = await readMesh(writePlyMesh(scene({ ...textured, uvs: middles })), '.ply');
    near(sampled.primitives[0].colors!, [1, 0, 0, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0.003, 0.007, 0.013, 1], 1e-3);
  });

  test('three reads the same, in our own axes', async () => {
    const mesh = await threePly(writePlyMesh(scene(colored)));
    near(foreignCorners(mesh), want, 0);
    near(mesh.normals!, normals, 1e-7);
    near(
      mesh.colors!,
      colors.filter((_, i) => i % 4 !== 3),
      0.005,
    );
  });

  test('a mesh without colours gets none, and several parts become one', async () => {
    const bare = { ...plain, material: MATERIAL };
    const back = await readMesh(writePlyMesh(scene(bare, { ...bare, normals: undefined })), '.ply');
    expect(back.primitives[0].colors).toBeUndefined();
    expect(back.primitives[0].normals).toBeUndefined();
    expect(corners(back.primitives[0].positions, back.primitives[0].indices)).toEqual([...want, ...want]);
  });
});

describe('USDZ', () => {
  test('every file is stored as it is and begins at a multiple of 64 bytes, the text first', async () => {
    const bytes = await writeUsdz(scene(textured, colored, plain));
    const view = new DataView(bytes.buffer);
    const names: string[] = [];
    let at = 0;
    while (view.getUint32(at, true) === 0x04034b50) {
      const [method, size] = [view.getUint16(at + 8, true), view.getUint32(at + 18, true)];
      const [nameBytes, extraBytes] = [view.getUint16(at + 26, true), view.getUint16(at + 28, true)];
      const start = at + 30 + nameBytes + extraBytes;
      expect([method, start % 64]).toEqual([0, 0]);
      names.push(new TextDecoder().decode(bytes.subarray(at + 30, at + 30 + nameBytes)));
      at = start + size;
    }
    expect(names).toEqual(['model.usda', 'textures/0.png']);
    const files = unzipSync(bytes);
    const picture = await decodePicture(files['textures/0.png']);
    expect([picture.width, picture.height, ...picture.data]).toEqual([3, 2, ...texture.data]);
    expect(new TextDecoder().decode(files['model.usda'])).toMatch(/inputs:file = @textures\/0\.png@/);
  });

  test('three reads the corners, y up, with colours and sides', async () => {
    const [one, two] = await threeUsdz(await writeUsdz(scene(plain, colored)));
    near(foreignCorners(one), yUp(want), 1e-7);
    near(one.materialColor, [0.2, 0.4, 0.6], 1e-6);
    near(foreignCorners(two), yUp(want), 1e-7);
  });

  test('three reads texture coordinates with v up', async () => {
    const [mesh] = await threeUsdz(await writeUsdz(scene({ ...textured, material: MATERIAL })));
    const flipped = uvs.map((value, i) => (i % 2 ? 1 - value : value));
    near(mesh.uvs!, corners(flipped, indices, 2), 1e-6);
  });

  test('the same scene gives the same bytes', async () => {
    expect(await writeUsdz(scene(textured))).toEqual(await writeUsdz(scene(textured)));
  });
});

test('every writer refuses a scene that does not fit itself, and says where', async () => {
  const bad: [string, ScenePrimitive][] = [
    ['indices name vertex 9', { ...plain, indices: Uint32Array.of(0, 1, 9) }],
    ['normals have 3 values, expected 12', { ...plain, normals: new Float32Array(3) }],
    ['at least one triangle', { ...plain, indices: new Uint32Array() }],
    ['must be finite', { ...plain, positions: positions.map((v, i) => (i === 4 ? Number.NaN : v)) }],
  ];
  for (const [message, primitive] of bad) {
    for (const write of [
      writeGlbScene,
      writeUsdz,
      async (s: TriangleScene) => writeObj(s, 'a'),
      async (s: TriangleScene) => writeStl(s),
      async (s: TriangleScene) => writePlyMesh(s),
    ])
      await expect(write(scene(primitive))).rejects.toThrow(message);
  }
});

test('a mesh without some of its normals gets them from its triangles', async () => {
  const broken = normals.map((value, i) => (i < 3 ? 0 : value));
  const back = await readMesh(await writeGlbScene(scene({ ...plain, normals: broken })), '.glb');
  const [x, y, z] = back.primitives[0].normals!;
  expect(Math.hypot(x, y, z)).toBeCloseTo(1, 5);
  expect(sceneOfMesh({ positions, indices, normals }).primitives[0].material.alphaMode).toBe('opaque');
});

/** A waved square of n × n vertices. */
function sheet(n: number): ScenePrimitive {
  const rows = new Float32Array(n * n * 3);
  const faces: number[] = [];
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      rows.set([i / n - 0.5, j / n - 0.5, 0.1 * Math.sin(i / 3) * Math.cos(j / 4)], (i * n + j) * 3);
      if (i > 0 && j > 0) {
        const [a, b, c, d] = [(i - 1) * n + j - 1, i * n + j - 1, i * n + j, (i - 1) * n + j];
        faces.push(a, b, c, a, c, d);
      }
    }
  }
  return { positions: rows, indices: Uint32Array.from(faces), material: MATERIAL };
}

/** Volume of triangle t with the middle: above 0 where it turns counter-clockwise seen from outside. */
function winding(t: number, middle: readonly number[]): number {
  const [a, b, c] = [0, 1, 2].map((k) => [0, 1, 2].map((d) => want[t * 9 + k * 3 + d] - middle[d]));
  return a[0] * (b[1] * c[2] - b[2] * c[1]) + a[1] * (b[2] * c[0] - b[0] * c[2]) + a[2] * (b[0] * c[1] - b[1] * c[0]);
}
