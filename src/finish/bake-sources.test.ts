/** Where the colours of a texture come from: a scene's own textures, views, Gaussians. */
import { expect, test } from 'vitest';
import { cube, sphere } from '../../test/solid-shapes.ts';
import { NEUTRAL_MATERIAL, type RgbaPicture, type ScenePrimitive } from '../formats/index.ts';
import { createTriangleRenderer, orbitCamera, texturedMesh } from '../render/index.ts';
import { bakeTexture } from './bake-texture.ts';
import type { BakeView } from './blend-views.ts';
import { chartTexels } from './chart-texels.ts';
import { finishMesh } from './finish-mesh.ts';
import { observe } from './observe.ts';
import { observedPixels, optimizeTexture } from './optimize-texture.ts';
import { meshOfScene } from './raw-mesh.ts';
import { unwrap } from './unwrap.ts';

/** A cube of 12 triangles, each side with all of a checkerboard of 8 × 8 red and blue fields. */
const checkered = checkeredCube(8);

function checkeredCube(fields: number): ScenePrimitive {
  const { positions: p, indices } = cube(0.8, 1);
  const positions = Float32Array.from([...indices].flatMap((v) => [...p.subarray(3 * v, 3 * v + 3)]));
  const uvs = new Float32Array((positions.length / 3) * 2);
  for (let f = 0; f < indices.length / 3; f++) {
    const corner = (k: number) => [...positions.subarray(9 * f + 3 * k, 9 * f + 3 * k + 3)];
    const axis = [0, 1, 2].find((c) => corner(0)[c] === corner(1)[c] && corner(1)[c] === corner(2)[c])!;
    for (let k = 0; k < 3; k++)
      uvs.set(
        corner(k)
          .filter((_, c) => c !== axis)
          .map((x) => x / 0.8 + 0.5),
        2 * (3 * f + k),
      );
  }
  const side = 64;
  const data = new Uint8Array(side * side * 4).fill(255);
  for (let at = 0; at < side * side; at++) {
    const isRed = (Math.floor(((at % side) * fields) / side) + Math.floor((Math.floor(at / side) * fields) / side)) % 2;
    data.set(isRed ? [230, 20, 20] : [20, 20, 230], 4 * at);
  }
  const texture = { width: side, height: side, data, wrapU: 'clamp', wrapV: 'clamp' } as const;
  const material = { ...NEUTRAL_MATERIAL, baseColorFactor: [1, 1, 1, 1] as const, baseColorTexture: texture };
  return { positions, indices: Uint32Array.from(indices, (_, i) => i), uvs, material: { ...material, unlit: true } };
}

/** The share of the texels in use that have the colour of the checkerboard at their place, away from the fields' borders. */
function rightShare(mesh: { positions: Float32Array; indices: Uint32Array; uvs?: Float32Array }, picture: RgbaPicture) {
  const { faces, weights } = chartTexels(mesh.uvs!, mesh.indices, picture.width);
  let [right, count] = [0, 0];
  for (let at = 0; at < faces.length; at++) {
    if (faces[at] < 0) continue;
    const place = [0, 1, 2].map((c) =>
      [0, 1, 2].reduce(
        (sum, k) => sum + weights[3 * at + k] * mesh.positions[3 * mesh.indices[3 * faces[at] + k] + c],
        0,
      ),
    );
    const axis = place.findIndex((x) => Math.abs(Math.abs(x) - 0.4) < 1e-5);
    const fields = place.filter((_, c) => c !== axis).map((x) => 8 * (x / 0.8 + 0.5));
    if (fields.some((x) => Math.abs(x - Math.round(x)) < 0.2)) continue;
    const isRed = (Math.floor(fields[0]) + Math.floor(fields[1])) % 2 === 1;
    count++;
    if (picture.data[4 * at] > 128 === isRed && picture.data[4 * at + 2] > 128 !== isRed) right++;
  }
  return right / count;
}

const views = (size = 160): BakeView[] => {
  const renderer = createTriangleRenderer({ size, samples: 3 });
  const scene = texturedMesh({ primitives: [checkered], warnings: [] });
  const cameras = [-0.7, 0.1, 0.7].flatMap((pitch) => [0, 1, 2, 3, 4].map((i) => orbitCamera(1.26 * i, pitch, 2, 0.7)));
  return cameras.map((camera) => ({ camera, picture: renderer.render(scene, camera) }));
};

test('a texture finer than the vertices comes back texel by texel', async () => {
  const scene = { primitives: [checkered] };
  const raw = meshOfScene(scene); // 36 vertices know nothing of 384 fields
  const { mesh, check } = await finishMesh(raw, { texture: 256, source: { kind: 'scene', scene } });
  expect(check.findings).toEqual([]);
  expect(rightShare(mesh, mesh.texture!)).toBeGreaterThan(0.99);
  const vertices = await finishMesh(raw, { texture: 256 });
  expect(rightShare(vertices.mesh, vertices.mesh.texture!)).toBeLessThan(0.7);
});

test('factor, vertex colour and texture are multiplied in linear light, and fine patterns become their mean', async () => {
  const { positions } = checkered;
  const colors = new Float32Array((positions.length / 3) * 4).fill(0.5);
  const fine = checkeredCube(64);
  const primitive = { ...fine, colors, material: { ...fine.material, baseColorFactor: [1, 0.5, 1, 1] as const } };
  const { mesh } = await unwrap(cube(0.8, 2), { size: 32 });
  const { texture } = await bakeTexture(mesh, { kind: 'scene', scene: { primitives: [primitive] } }, { size: 32 });
  const { faces } = chartTexels(mesh.uvs, mesh.indices, 32);
  const mean = [0, 1, 2].map((c) => {
    let [sum, n] = [0, 0];
    for (let at = 0; at < faces.length; at++)
      if (faces[at] >= 0) {
        sum += texture.data[4 * at + c];
        n++;
      }
    return sum / n;
  });
  // Half of 230 and half of 20 in sRGB: 0.396 linear, halved by the vertices: 0.198 → 123. Green: 0.0070 / 4 → 6.
  expect(Math.abs(mean[0] - 123)).toBeLessThan(6);
  expect(Math.abs(mean[2] - 123)).toBeLessThan(6);
  expect(Math.abs(mean[1] - 6)).toBeLessThan(2);
});

test('an optimised texture looks more like the views than a blended one, and most of it is right', async () => {
  const { mesh } = await unwrap(cube(0.8, 2), { size: 128 });
  const taken = views();
  const fast = await bakeTexture(mesh, { kind: 'views', views: taken }, { size: 128 });
  const shares: number[] = [];
  const best = await bakeTexture(
    mesh,
    { kind: 'views', views: taken, mode: 'best' },
    { size: 128, optimize: { steps: 60 }, onProgress: (share) => shares.push(share) },
  );
  const [before, after] = best.report.difference!;
  expect(after).toBeLessThan(before);
  expect(rightShare(mesh, best.texture)).toBeGreaterThan(0.97);
  expect(rightShare(mesh, best.texture)).toBeGreaterThanOrEqual(rightShare(mesh, fast.texture) - 0.005);
  expect(shares).toEqual(shares.toSorted((a, b) => a - b));
  expect(best.texture.data.every((value, i) => i % 4 !== 3 || value === 255)).toBe(true);
  const again = await optimizeTexture(mesh, taken, fast.texture, { steps: 60 });
  expect(again.texture.data).toEqual(best.texture.data); // no randomness
});

test('a pixel reads the texture where the surface behind it lies, at the level of its footprint', async () => {
  const { mesh } = await unwrap(cube(0.8, 1), { size: 64 });
  const camera = orbitCamera(0, 0, 2, 0.7); // stands on +y
  const white = { width: 32, height: 32, data: new Uint8Array(32 * 32 * 4).fill(255) };
  const pixels = observedPixels(mesh, { picture: white, camera }, 64);
  expect(pixels.count).toBeGreaterThan(150);
  const { faces } = chartTexels(mesh.uvs, mesh.indices, 64);
  for (let i = 0; i < pixels.count; i++) {
    const at = Math.floor(pixels.uv[2 * i + 1] * 64) * 64 + Math.floor(pixels.uv[2 * i] * 64);
    if (faces[at] < 0) continue; // a texel cut by the chart's border
    for (let k = 0; k < 3; k++) expect(mesh.positions[3 * mesh.indices[3 * faces[at] + k] + 1]).toBeCloseTo(0.4, 5);
  }
  // Twice the texels along each side: one level higher.
  const finer = observedPixels(mesh, { picture: white, camera }, 128);
  for (let i = 0; i < pixels.count; i++)
    if (pixels.level[i] > 0) expect(finer.level[i] - pixels.level[i]).toBeCloseTo(1, 4);
});

test('bad numbers are errors, and an abort is heard in the middle of an optimisation', async () => {
  const { mesh } = await unwrap(cube(0.8, 1), { size: 64 });
  const taken = views(64);
  const { texture } = await bakeTexture(mesh, { kind: 'views', views: taken }, { size: 64 });
  await expect(optimizeTexture(mesh, taken, texture, { steps: 0 })).rejects.toThrow('steps must be a whole number');
  await expect(optimizeTexture(mesh, taken, texture, { tvWeight: -1 })).rejects.toThrow('tvWeight at least 0');
  const controller = new AbortController();
  let reached = 0;
  const onProgress = (share: number) => {
    reached = share;
    if (share > 0.3) controller.abort(new Error('enough'));
  };
  const options = { steps: 5000, signal: controller.signal, onProgress };
  await expect(optimizeTexture(mesh, taken, texture, options)).rejects.toThrow('enough');
  expect(reached).toBeLessThan(0.4);
});

test('Gaussians are seen from all sides, and give their colours to a mesh in their place, wherever it is', async () => {
  const ball = sphere(0.4, 10);
  const count = ball.positions.length / 3;
  const shift = [3, -2, 1];
  const scene = {
    means: ball.positions.map((x, i) => x + shift[i % 3]),
    scales: new Float32Array(3 * count).fill(0.03),
    rotations: Float32Array.from({ length: 4 * count }, (_, i) => (i % 4 === 0 ? 1 : 0)),
    opacities: new Float32Array(count).fill(0.95),
    // Red above, green below: 0.5 + 0.282 · dc.
    colorsDc: Float32Array.from({ length: 3 * count }, (_, i) => {
      const isAbove = ball.positions[3 * Math.floor(i / 3) + 2] > 0;
      return (i % 3 === 0 && isAbove) || (i % 3 === 1 && !isAbove) ? 1.7 : -1.7;
    }),
  };
  const surface = { positions: scene.means, indices: ball.indices };
  const taken = await observe({ kind: 'gaussians', scene }, surface.positions, { views: 14, size: 128 });
  expect(taken).toHaveLength(14);
  const { mesh } = await finishMesh(surface, {
    target: { faces: 400 },
    texture: 64,
    source: { kind: 'views', views: taken, mode: 'fast' },
  });
  const { faces } = chartTexels(mesh.uvs!, mesh.indices, 64);
  for (let at = 0; at < faces.length; at++) {
    if (faces[at] < 0) continue;
    const heights = [0, 1, 2].map((k) => mesh.positions[3 * mesh.indices[3 * faces[at] + k] + 2] - shift[2]);
    const [red, green] = mesh.texture!.data.subarray(4 * at, 4 * at + 2);
    if (Math.min(...heights) > 0.12) expect(red - green).toBeGreaterThan(100);
    if (Math.max(...heights) < -0.12) expect(green - red).toBeGreaterThan(100);
  }
  await expect(observe({ kind: 'gaussians', scene }, surface.positions, { views: 0 })).rejects.toThrow('whole number');
});

test('a radiance field is seen from all sides, as Gaussians are', async () => {
  const resolution = 16;
  const centers: number[] = []; // a solid block in the middle
  for (let x = 4; x < 12; x++)
    for (let y = 4; y < 12; y++)
      for (let z = 4; z < 12; z++) centers.push(...[x, y, z].map((c) => (c + 0.5) / resolution));
  const positions = Float32Array.from(centers);
  const count = positions.length / 3;
  const field = {
    ...{ resolution, rank: 1, dim: 2, positions },
    trivec: new Float32Array(count * 6).fill(1),
    density: new Float32Array(count).fill(1000),
    // Red above, green below.
    colorsDc: positions.map((_, i) => ((i % 3 === 0) === positions[3 * Math.floor(i / 3) + 2] > 0.5 ? 1.7 : -1.7)),
  };
  const block = cube(0.5, 4);
  const views = await observe({ kind: 'radiance-field', field }, block.positions, { views: 8, size: 64 });
  const seen = { above: 0, below: 0 };
  for (const { camera, picture } of views) {
    const e = camera.extrinsics;
    const eyeZ = -(e[2] * e[3] + e[6] * e[7] + e[10] * e[11]);
    const [red, green, , alpha] = picture.data.subarray(4 * (32 * 64 + 32)); // the middle of the picture, where the block is
    expect(alpha).toBeGreaterThan(250);
    if (Math.abs(eyeZ) < 0.5) continue;
    seen[eyeZ > 0 ? 'above' : 'below']++;
    expect((red - green) * Math.sign(eyeZ)).toBeGreaterThan(40);
  }
  expect(seen.above).toBeGreaterThan(0);
  expect(seen.below).toBeGreaterThan(0);
});
