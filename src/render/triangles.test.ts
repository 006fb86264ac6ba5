import { expect, test } from 'vitest';
import type { SceneMaterial, TriangleScene } from '../formats/index.ts';
import { orbitCamera } from './cameras.ts';
import { texturedMesh } from './textured-mesh.ts';
import { createTriangleRenderer, renderTriangles } from './triangles.ts';

const unlit: SceneMaterial = {
  name: 'unlit',
  baseColorFactor: [1, 1, 1, 1],
  alphaMode: 'opaque',
  alphaCutoff: 0.5,
  doubleSided: false,
  unlit: true,
};

/** A square of side 1 in the plane y = depth, seen from +y; u grows to the viewer's right, v down. */
function square(material: SceneMaterial, depth = 0): TriangleScene['primitives'][number] {
  const p = [0.5, depth, 0.5, -0.5, depth, 0.5, -0.5, depth, -0.5, 0.5, depth, -0.5];
  return {
    positions: Float32Array.from(p),
    uvs: Float32Array.from([0, 0, 1, 0, 1, 1, 0, 1]),
    indices: Uint32Array.from([0, 1, 2, 0, 2, 3]),
    material,
  };
}

const front = orbitCamera(0, 0, 2, 2 * Math.atan(0.25)); // the square fills the picture exactly
const draw = (primitives: TriangleScene['primitives'], size = 16) =>
  renderTriangles(texturedMesh({ primitives, warnings: [] }), front, { size });
const pixel = (picture: { width: number; data: Uint8Array }, x: number, y: number) => [
  ...picture.data.subarray((y * picture.width + x) * 4, (y * picture.width + x) * 4 + 4),
];

test('a square that fills the view covers every pixel, from both sides of its winding', () => {
  const turned = { ...square(unlit), indices: Uint32Array.from([2, 1, 0, 3, 2, 0]) };
  for (const primitive of [square(unlit), turned]) {
    expect([...draw([primitive]).data].every((v) => v === 255)).toBe(true);
  }
});

test('what nothing covers is transparent', () => {
  const small = { ...square(unlit), positions: square(unlit).positions.map((p) => p / 2) };
  const picture = draw([small]);
  expect(pixel(picture, 0, 0)).toEqual([0, 0, 0, 0]);
  expect(pixel(picture, 8, 8)).toEqual([255, 255, 255, 255]);
  const covered = picture.data.filter((_, i) => i % 4 === 3).reduce((sum, a) => sum + a / 255, 0);
  expect(covered).toBeCloseTo(64, 0); // a quarter of 16²
});

test('the nearer surface hides the farther one, in any order', () => {
  const red = square({ ...unlit, baseColorFactor: [1, 0, 0, 1] }, 0.2);
  const blue = square({ ...unlit, baseColorFactor: [0, 0, 1, 1] }, -0.2);
  expect(pixel(draw([red, blue]), 8, 8)).toEqual([255, 0, 0, 255]);
  expect(pixel(draw([blue, red]), 8, 8)).toEqual([255, 0, 0, 255]);
});

test('texels come out where they are: first row on top, u to the right', () => {
  const data = Uint8Array.from([255, 0, 0, 255, 0, 255, 0, 255, 0, 0, 255, 255, 255, 255, 255, 255]);
  const baseColorTexture = { width: 2, height: 2, data, wrapU: 'clamp', wrapV: 'clamp' } as const;
  const picture = draw([square({ ...unlit, baseColorTexture })]);
  expect(pixel(picture, 1, 1)).toEqual([255, 0, 0, 255]);
  expect(pixel(picture, 14, 1)).toEqual([0, 255, 0, 255]);
  expect(pixel(picture, 1, 14)).toEqual([0, 0, 255, 255]);
  expect(pixel(picture, 14, 14)).toEqual([255, 255, 255, 255]);
});

test('a texture far finer than the picture shows its average, not single texels', () => {
  const data = Uint8Array.from({ length: 256 * 256 * 4 }, (_, i) => {
    const texel = i >> 2;
    return i % 4 === 3 || (texel + (texel >> 8)) % 2 === 0 ? 255 : 0;
  });
  const baseColorTexture = { width: 256, height: 256, data, wrapU: 'repeat', wrapV: 'repeat' } as const;
  expect(pixel(draw([square({ ...unlit, baseColorTexture })]), 7, 9)[0]).toBe(188); // sRGB of half the light
});

test('cut-outs vanish below the cutoff, translucency becomes part coverage', () => {
  const cut = square({ ...unlit, alphaMode: 'mask', alphaCutoff: 0.5, baseColorFactor: [1, 1, 1, 0.4] });
  expect(pixel(draw([cut]), 8, 8)[3]).toBe(0);
  const glass = square({ ...unlit, alphaMode: 'blend', baseColorFactor: [1, 1, 1, 0.5] });
  expect(Math.abs(pixel(draw([glass]), 8, 8)[3] - 128)).toBeLessThan(20); // nine samples
});

test('triangles that reach behind the camera are drawn as far as they are in front', () => {
  const floor = {
    positions: Float32Array.from([-50, 50, -0.2, 50, 50, -0.2, 0, -50, -0.2]),
    indices: Uint32Array.from([0, 1, 2]),
    material: unlit,
  };
  const picture = draw([floor]);
  expect(pixel(picture, 8, 15)[3]).toBe(255);
  expect(pixel(picture, 8, 2)[3]).toBe(0);
});

/** A ball of radius 0.4 at the origin, of n × 2n quads with its own normals. */
function ball(material: SceneMaterial, n = 48): TriangleScene['primitives'][number] {
  const positions: number[] = [];
  const indices: number[] = [];
  for (let i = 0; i <= n; i++) {
    for (let j = 0; j <= 2 * n; j++) {
      const [theta, phi] = [(Math.PI * i) / n, (Math.PI * j) / n];
      positions.push(
        0.4 * Math.sin(theta) * Math.cos(phi),
        0.4 * Math.sin(theta) * Math.sin(phi),
        0.4 * Math.cos(theta),
      );
      const at = i * (2 * n + 1) + j;
      if (i < n && j < 2 * n) indices.push(at, at + 2 * n + 1, at + 1, at + 1, at + 2 * n + 1, at + 2 * n + 2);
    }
  }
  const normals = Float32Array.from(positions, (value) => value / 0.4);
  return { positions: Float32Array.from(positions), normals, indices: Uint32Array.from(indices), material };
}

/** A level square of the given half side at a height; from above it is seen with +x to the right of the picture's middle. */
function plate(half: number, z: number, material: SceneMaterial): TriangleScene['primitives'][number] {
  const positions = Float32Array.of(-half, -half, z, half, -half, z, half, half, z, -half, half, z);
  return { positions, indices: Uint32Array.of(0, 1, 2, 0, 2, 3), material };
}

const lit: SceneMaterial = { ...unlit, unlit: false, baseColorFactor: [0.3, 0.3, 0.3, 1], metallic: 0, roughness: 1 };
const see = (
  primitives: TriangleScene['primitives'],
  shading: 'plain' | 'full',
  camera = orbitCamera(1, 0.7, 3, 0.6),
  size = 64,
) => renderTriangles(texturedMesh({ primitives, warnings: [] }), camera, { size, shading });
const brightest = (picture: { data: Uint8Array }) =>
  picture.data.reduce((most, v, i) => (i % 4 === 0 ? Math.max(most, v) : most), 0);

test('a ball does not shade itself: full light adds to plain light and takes nothing away', () => {
  const [plain, full] = (['plain', 'full'] as const).map((shading) => see([ball(lit)], shading));
  let darkest = 0;
  for (let i = 0; i < plain.data.length; i++) darkest = Math.min(darkest, full.data[i] - plain.data[i]);
  // Where the lamp's light just grazes, a coarse map cannot tell the last degree of day from night.
  expect(darkest).toBeGreaterThan(-6);
});

test('a plate shades the floor below it from the lamp and from the sky, and not the floor far away', () => {
  const above = orbitCamera(0, Math.PI / 2 - 1e-3, 3, 0.5);
  const floor = plate(0.5, -0.3, lit);
  const open = see([floor], 'full', above);
  const roof = plate(0.12, 0, { ...lit, alphaMode: 'blend', baseColorFactor: [1, 1, 1, 0] });
  const covered = see([floor, plate(0.12, 0, lit)], 'full', above);
  const glass = see([floor, roof], 'full', above);
  expect(glass.data).toEqual(open.data); // what is clear casts no shadow
  const shadow = open.data.map((value, i) => value - covered.data[i]);
  // The lamp stands at (4, 1, 6): the plate's shadow, 0.3 below it, lies 0.2 to the −x side.
  const { width } = open;
  const changed = [...shadow.keys()]
    .filter((i) => i % 4 === 0 && shadow[i] > 25)
    .map((i) => [(i / 4) % width, Math.floor(i / 4 / width)]);
  expect(changed.length).toBeGreaterThan(20);
  const corner = width * 3 * 4 + 4 * 3;
  expect(Math.abs(shadow[corner])).toBeLessThanOrEqual(6); // the sky over the far corner is hardly covered
});

test('a smooth ball has a small bright highlight, a rough one a broad dim one, chalk nearly none', () => {
  const shine = [0.2, 0.5, 1].map((roughness) => see([ball({ ...lit, roughness })], 'full'));
  const plain = see([ball(lit)], 'plain');
  const [smooth, satin, chalk] = shine.map(brightest);
  expect(smooth).toBeGreaterThan(satin + 20);
  expect(satin).toBeGreaterThan(chalk);
  expect(chalk - brightest(plain)).toBeLessThan(12);
});

test('a metal mirrors in its own colour, everything else in the colour of the light', () => {
  const red = [0.2, 0.0125, 0.0125, 1] as const;
  const besideLamp = orbitCamera(Math.atan2(4, 1), Math.atan2(6, Math.hypot(4, 1)), 3, 0.6);
  const at = (metallic: number) => {
    const picture = see([ball({ ...lit, baseColorFactor: red, metallic, roughness: 0.5 })], 'full', besideLamp);
    const [r, g] = pixel(picture, 32, 32); // the middle of the highlight
    return g / r;
  };
  expect(at(0)).toBeGreaterThan(0.5);
  expect(at(1)).toBeLessThan(0.35); // a sixteenth of the light is 0.28 in sRGB
});

test('full light gives the same picture each time, from a renderer that drew another object before, too', () => {
  const camera = orbitCamera(1, 0.7, 3, 0.6);
  const [one, two] = [[ball(lit, 8)], [plate(0.5, 0, lit)]].map((primitives) =>
    texturedMesh({ primitives, warnings: [] }),
  );
  const renderer = createTriangleRenderer({ size: 32, shading: 'full' });
  const first = renderer.render(one, camera);
  renderer.render(two, camera);
  expect(renderer.render(one, camera)).toEqual(first);
});

test('a renderer whose lamp moved draws what a fresh one draws', () => {
  const camera = orbitCamera(1, 0.7, 3, 0.6);
  const mesh = texturedMesh({ primitives: [plate(0.5, -0.3, lit), plate(0.12, 0, lit)], warnings: [] });
  const lamps = [[4, 1, 6] as const, [-3, 2, 4] as const].map((position) => ({
    position,
    lamp: 0.8,
    sky: 0.3,
    ambient: 0.2,
  }));
  const [kept, fresh] = [0, 1].map(() => createTriangleRenderer({ size: 48, shading: 'full' }));
  const first = kept.render(mesh, camera, lamps[0]);
  expect(kept.render(mesh, camera, lamps[1])).toEqual(fresh.render(mesh, camera, lamps[1]));
  expect(kept.render(mesh, camera, lamps[0])).toEqual(first);
});
