/** Small odd files of each text and binary format, made here; what a good importer does with each. */
import { expect, test } from 'vitest';
import { readMesh } from './read-mesh.ts';
import { ModelError, NoSurfaceError, type ReadModelOptions, type TriangleScene } from './triangle-scene.ts';

const encode = (text: string) => new TextEncoder().encode(text);
const obj = (text: string, options?: ReadModelOptions) => readMesh(encode(text), '.obj', options);
const count = ({ primitives }: TriangleScene) => primitives.reduce((sum, { indices }) => sum + indices.length / 3, 0);

function area({ primitives }: TriangleScene): number {
  let sum = 0;
  for (const { positions: p, indices } of primitives) {
    for (let i = 0; i < indices.length; i += 3) {
      const [a, b, c] = [0, 1, 2].map((k) => p.subarray(indices[i + k] * 3, indices[i + k] * 3 + 3));
      const u = [b[0] - a[0], b[1] - a[1], b[2] - a[2]];
      const v = [c[0] - a[0], c[1] - a[1], c[2] - a[2]];
      sum += Math.hypot(u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]) / 2;
    }
  }
  return sum;
}

const SQUARE = 'v 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\n';

test('OBJ: the four notations of a face, indices from the end, comments, continued lines and Windows line ends', async () => {
  const forms = `${SQUARE}vt 0 0\nvn 0 0 1\nf 1 2 3\nf 1/1 2/1 3/1\nf 1//1 2//1 3//1\nf 1/1/1 2/1/1 3/1/1\nf -4 -3 -2\n`;
  expect(count(await obj(forms))).toBe(5);
  const windows = `# made by hand\r\no a\tb \r\n${SQUARE.replaceAll('\n', '\r\n')}l 1 2\r\np 1\r\nf 1 2 \\\r\n3 4 # end\r\n`;
  expect(count(await obj(windows))).toBe(2);
});

test('OBJ: y up becomes z up, and a negative index counts from where it stands', async () => {
  const scene = await obj('v 0 0 0\nv 1 2 3\nv 0 1 0\nf -3 -2 -1\nv 5 5 5\n');
  expect([...scene.primitives[0].positions]).toEqual([0, 0, 0, 1, -3, 2, 0, 0, 1]);
});

test('OBJ: a concave face keeps its area, whichever way it looks', async () => {
  const m = 'v 0 0 0\nv 4 0 0\nv 4 3 0\nv 2 1 0\nv 0 3 0\n';
  for (const face of ['f 1 2 3 4 5\n', 'f 5 4 3 2 1\n', 'f 3 4 5 1 2\n']) {
    const scene = await obj(m + face);
    expect(count(scene)).toBe(3);
    expect(area(scene)).toBeCloseTo(8, 10);
  }
  const dart = await obj('v 0 0 0\nv 4 0 0\nv 1 1 0\nv 0 4 0\nf 1 2 3 4\nf 2 3 4 1\n');
  expect(area(dart)).toBeCloseTo(8, 10); // 4 twice: the reflex corner is inside, whichever corner comes first
});

test('OBJ: triangles of a face turn as the face does', async () => {
  const scene = await obj('v 0 0 0\nv 2 0 0\nv 2 2 0\nv 1 1 0\nv 0 2 0\nf 1 2 3 4 5\n');
  const { positions: p, indices } = scene.primitives[0];
  for (let i = 0; i < indices.length; i += 3) {
    const [a, b, c] = [0, 1, 2].map((k) => [p[indices[i + k] * 3], p[indices[i + k] * 3 + 2]]); // back in x, y of the file
    expect((b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])).toBeGreaterThan(0);
  }
});

test('OBJ: faces that name missing vertices are left out with a warning, decimal commas are refused', async () => {
  const scene = await obj(`${SQUARE}f 1 2 99\nf 1 2 3\nf 0 1 2\nf 1 2\n`);
  expect(count(scene)).toBe(1);
  expect(scene.warnings.join()).toMatch(/3 faces .* line 5/);
  await expect(obj('v 0,5 0 0\n')).rejects.toThrow(/line 1: expected a number, got "0,5".*comma/);
});

test('OBJ: vertex colours are sRGB, and vertices without one are white', async () => {
  const scene = await obj('v 0 0 0\nv 1 0 0 0.5 0 1\nv 0 1 0\nf 1 2 3\n');
  const colors = [...scene.primitives[0].colors!];
  expect(colors.slice(0, 4)).toEqual([1, 1, 1, 1]);
  expect(colors[4]).toBeCloseTo(0.21404, 4);
});

test('OBJ: vertices without a face, and a file of something else, are told apart', async () => {
  await expect(obj(SQUARE)).rejects.toThrow(NoSurfaceError);
  await expect(obj('<!DOCTYPE html>\n')).rejects.toThrow(/Is it an OBJ file/);
  await expect(obj('')).rejects.toThrow(ModelError);
});

test('MTL: colours, textures and opacity arrive; what is missing or outside the folder is a warning', async () => {
  const asked: string[] = [];
  const files: Record<string, string> = {
    'm.mtl': [
      'newmtl a b\nKd 0.5 0.5 0.5\nmap_Kd -s 1 1 1 -clamp on .\\tex\\wood grain.png',
      'newmtl glass\nd 0.25\nKd 1 0 0',
      'newmtl evil\nmap_Kd ../../etc/passwd',
      'newmtl drive\nmap_Kd C:/secret.png',
      'newmtl far\nmap_Kd http://example.com/x.png',
    ].join('\n'),
    'tex/wood grain.png': 'png',
  };
  const options: ReadModelOptions = {
    loadResource: async (path) => {
      asked.push(path);
      if (files[path] === undefined) throw new Error('no such file');
      return encode(files[path]);
    },
    decodePicture: async () => ({ width: 1, height: 1, data: Uint8Array.of(1, 2, 3, 255) }),
  };
  const faces = ['a b', 'glass', 'evil', 'drive', 'far', 'unknown'].map((name) => `usemtl ${name}\nf 1 2 3\n`).join('');
  const scene = await obj(`mtllib m.mtl\nmtllib not here.mtl\n${SQUARE}vt 0 0\n${faces}`, options);
  expect(asked).toEqual(['m.mtl', 'tex/wood grain.png', 'not here.mtl']);
  const [wood, glass, evil] = scene.primitives.map(({ material }) => material);
  expect(wood).toMatchObject({ name: 'a b', baseColorTexture: { wrapU: 'clamp', wrapV: 'clamp' } });
  expect(wood.baseColorFactor[0]).toBeCloseTo(0.21404, 4);
  expect(glass).toMatchObject({ alphaMode: 'blend', baseColorFactor: [1, 0, 0, 0.25] });
  expect(evil.baseColorTexture).toBeUndefined();
  const warnings = scene.warnings.join('\n');
  expect(warnings).toMatch(/passwd.*leaves the folder/);
  expect(warnings).toMatch(/C:\/secret.*leaves the folder/);
  expect(warnings).toMatch(/example\.com.*only files beside/);
  expect(warnings).toMatch(/"not here\.mtl" cannot be read/);
  expect(warnings).toMatch(/"unknown"/);
});

const FACET = 'facet normal 0 0 1\n outer loop\n  vertex 0 0 0\n  vertex 1 0 0\n  vertex 0 1 0\n endloop\nendfacet\n';

/** Binary STL of `held` equal triangles whose header promises `count`. */
function binaryStl(count: number, held: number, header = ''): Uint8Array {
  const bytes = new Uint8Array(84 + held * 50);
  bytes.set(encode(header));
  const view = new DataView(bytes.buffer);
  view.setUint32(80, count, true);
  for (let t = 0; t < held; t++) {
    for (const [k, value] of [0, 0, t, 1, 0, t, 0, 1, t].entries())
      view.setFloat32(84 + t * 50 + 12 + k * 4, value, true);
  }
  return bytes;
}

test('STL: text and binary are told apart by size; z stays up; equal corners are one vertex', async () => {
  const text = await readMesh(encode(`solid a\n${FACET}${FACET.replaceAll('0 0 0', '1 1 0')}endsolid a\n`), '.stl');
  expect(count(text)).toBe(2);
  expect([...text.primitives[0].positions]).toEqual([0, 0, 0, 1, 0, 0, 0, 1, 0, 1, 1, 0]);
  for (const header of ['', 'solid of facet and endsolid'])
    expect(count(await readMesh(binaryStl(3, 3, header), '.stl'))).toBe(3);
});

test('STL: what is whole of a cut or miscounted file is read with a warning', async () => {
  const cut = await readMesh(encode(`solid a\n${FACET}facet normal 0 0 1\n outer loop\n  vertex 0 `), '.stl');
  expect(count(cut)).toBe(1);
  expect(cut.warnings.join()).toMatch(/without "endsolid"/);
  const wrong = await readMesh(binaryStl(1_000_000, 2), '.stl');
  expect(count(wrong)).toBe(2);
  expect(wrong.warnings.join()).toMatch(/promises 1000000/);
  await expect(readMesh(binaryStl(4e9, 0), '.stl')).rejects.toThrow(/no whole one follows/);
  await expect(readMesh(encode('hello'), '.stl')).rejects.toThrow(/Is it an STL file/);
  await expect(readMesh(encode('solid a\nendsolid a\n'), '.stl')).rejects.toThrow(NoSurfaceError);
});

const PLY_SQUARE = `ply
format ascii 1.0
comment any
element vertex 4
property float x
property float y
property float z
property uchar red
property uchar green
property uchar blue
element face 1
property list uchar int vertex_indices
end_header
0 0 0 255 0 0
1 0 0 255 0 0
1 1 0 128 0 0
0 1 0.5 255 0 0
4 0 1 2 3
`;

test('PLY: quads, sRGB colours, and no turn of the axes', async () => {
  const scene = await readMesh(encode(PLY_SQUARE), '.ply');
  expect(count(scene)).toBe(2);
  expect([...scene.primitives[0].positions.slice(9)]).toEqual([0, 1, 0.5]);
  expect(scene.primitives[0].colors![8]).toBeCloseTo(0.21586, 4);
});

test.each([true, false])(
  'PLY: doubles, extra properties and lists on vertices are passed over (little-endian %s)',
  async (little) => {
    const format = little ? 'binary_little_endian' : 'binary_big_endian';
    const header = encode(
      `ply\r\nformat ${format} 1.0\r\nelement vertex 3\r\nproperty double x\r\nproperty list uchar float w\r\nproperty double y\r\nproperty double z\r\nelement face 1\r\nproperty uchar flags\r\nproperty list ushort uint vertex_index\r\nend_header\r\n`,
    );
    const view = new DataView(new ArrayBuffer(256));
    let at = 0;
    for (const [x, y, z, extra] of [
      [0, 0, 0, 0],
      [1, 0, 0, 2],
      [0, 1, 0.25, 1],
    ]) {
      view.setFloat64(at, x, little);
      view.setUint8(at + 8, extra);
      at += 9 + extra * 4;
      view.setFloat64(at, y, little);
      view.setFloat64(at + 8, z, little);
      at += 16;
    }
    view.setUint16(at + 1, 3, little);
    for (let k = 0; k < 3; k++) view.setUint32(at + 3 + k * 4, k, little);
    const bytes = new Uint8Array([...header, ...new Uint8Array(view.buffer, 0, at + 15)]);
    const scene = await readMesh(bytes, '.ply');
    expect([...scene.primitives[0].positions]).toEqual([0, 0, 0, 1, 0, 0, 0, 1, 0.25]);
    await expect(readMesh(bytes.subarray(0, bytes.length - 1), '.ply')).rejects.toThrow(/cut off/);
  },
);

test('PLY: a promise of two billion vertices or list values is refused before anything is allocated', async () => {
  const bomb = PLY_SQUARE.replace('element vertex 4', 'element vertex 2000000000');
  await expect(readMesh(encode(bomb), '.ply')).rejects.toThrow(/2000000000 rows of "vertex"/);
  await expect(readMesh(encode(PLY_SQUARE.replace(/4 0 1 2 3/, '2000000000 0 1 2 3')), '.ply')).rejects.toThrow(
    /claims 2000000000 values/,
  );
  const empty = PLY_SQUARE.replace('element face', 'element nothing 2000000000\nelement face');
  expect(count(await readMesh(encode(empty), '.ply'))).toBe(2);
});

test('PLY: a type is one of the sixteen names, whatever else every object has', async () => {
  for (const type of ['constructor', 'toString', '__proto__', 'half'])
    await expect(readMesh(encode(PLY_SQUARE.replace('float z', `${type} z`)), '.ply')).rejects.toThrow(
      /cannot read the property/,
    );
});

test('PLY: headers that are cut, clouds and Gaussians are refused in words', async () => {
  await expect(readMesh(encode(PLY_SQUARE.slice(0, 80)), '.ply')).rejects.toThrow(/"end_header"/);
  const cloud = PLY_SQUARE.replace(/element face 1\n.*\n/, '').replace('4 0 1 2 3\n', '');
  await expect(readMesh(encode(cloud), '.ply')).rejects.toThrow(/point cloud of 4 points/);
  const splats = 'ply\nformat ascii 1.0\nelement vertex 0\nproperty float f_dc_0\nproperty float rot_0\nend_header\n';
  await expect(readMesh(encode(splats), '.ply')).rejects.toThrow(/got Gaussians/);
});
