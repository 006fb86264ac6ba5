/** Pictures of one ball in every form (test/colored-balls.ts): what they show, from where, and as which files. */
import { spawnSync } from 'node:child_process';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { ballField, ballMesh, ballSplats, RADIUS, sideColor } from '../../test/colored-balls.ts';
import { circleOfViews, type Drawable, type NamedView, namedViews } from '../render/index.ts';
import type { EspalierEvent } from './events.ts';
import { type RenderedView, renderAsset, renderViews } from './render-asset.ts';
import { type PictureFormat, renderFile } from './render-file.ts';

const size = 48;
const balls: [string, Drawable][] = [
  ['a mesh', ballMesh()],
  ['Gaussians', ballSplats()],
  ['a radiance field', ballField()],
];
const hasFfmpeg = spawnSync('ffmpeg', ['-version']).status === 0;

const pixel = ({ picture: { data } }: Pick<RenderedView, 'picture'>, x: number, y: number) => [
  ...data.subarray(4 * (y * size + x), 4 * (y * size + x) + 4),
];
const [middle, corner] = [
  [size / 2, size / 2],
  [1, 1],
] as const;

describe.each(balls)('%s', (kind, ball) => {
  test('each side is seen from where its name says', async () => {
    const names = Object.keys(namedViews) as NamedView[];
    const views = await renderAsset(ball, { views: names.map((name) => namedViews[name]), size });
    const sides = {
      front: [0, -1, 0],
      right: [1, 0, 0],
      back: [0, 1, 0],
      left: [-1, 0, 0],
      top: [0, 0, 1],
      bottom: [0, 0, -1],
    };
    for (const [i, name] of names.entries()) {
      const [r, g, b] = pixel(views[i], ...middle);
      const bright = [r, g, b].map((v) => (v > 120 ? 1 : v < 60 ? 0 : v));
      expect(bright, name).toEqual(sideColor(sides[name]));
    }
  });

  test('on a transparent background only the ball is opaque; by default it stands on white', async () => {
    const [clear] = await renderAsset(ball, { size, background: 'transparent' });
    expect(pixel(clear, ...corner)).toEqual([0, 0, 0, 0]);
    expect(pixel(clear, ...middle)[3]).toBeGreaterThan(250);
    const [white] = await renderAsset(ball, { size });
    expect(pixel(white, ...corner)).toEqual([255, 255, 255, 255]);
    expect(white.picture.data.every((v, i) => i % 4 !== 3 || v === 255)).toBe(true);
    const [black] = await renderAsset(ball, { size, background: [0, 0, 0] });
    for (let i = 0; i < black.picture.data.length; i += 4) {
      const alpha = clear.picture.data[i + 3] / 255;
      for (let c = 0; c < 3; c++)
        expect(Math.abs(black.picture.data[i + c] - alpha * clear.picture.data[i + c])).toBeLessThan(0.51); // rounding
    }
  });

  test('the depth in the middle is that of the skin, and white and black are where the ball begins and ends', async () => {
    const distance = 3;
    const [view] = await renderAsset(ball, { size, map: 'depth', distance });
    const at = middle[1] * size + middle[0];
    // Chords and spacing of the samples: half a step of the march is 0.004, a disk lies up to 0.002 off.
    expect(Math.abs((view.surface?.depth[at] ?? 0) - (distance - RADIUS))).toBeLessThan(0.012);
    expect(view.near).toBeLessThan(distance - RADIUS + 1e-3);
    expect(view.near + view.far).toBeCloseTo(2 * distance, 9);
    const gray = pixel(view, ...middle)[0] / 255;
    const z = view.far - gray * (view.far - view.near);
    expect(Math.abs(z - (view.surface?.depth[at] ?? 0))).toBeLessThan((0.51 * (view.far - view.near)) / 255);
    expect(view.surface?.depth[corner[1] * size + corner[0]]).toBe(0);
  });

  test('normals are those of the ball', async () => {
    const [view] = await renderAsset(ball, {
      size: 96,
      map: 'normal',
      distance: 3,
      views: [{ azimuth: 40, elevation: 30 }],
    });
    const { normal, alpha, depth } = view.surface as NonNullable<RenderedView['surface']>;
    const { extrinsics: e, intrinsics: k } = view.camera;
    let [worst, count] = [1, 0];
    for (let at = 0; at < alpha.length; at++) {
      const z = depth[at];
      const ray = [((at % 96) + 0.5) / 96, (Math.floor(at / 96) + 0.5) / 96].map(
        (u, i) => (u - k[2 + 3 * i]) / k[4 * i],
      );
      const seen = [ray[0] * z - e[3], ray[1] * z - e[7], z - e[11]];
      const p = [0, 1, 2].map((c) => e[c] * seen[0] + e[4 + c] * seen[1] + e[8 + c] * seen[2]);
      if (alpha[at] < 0.98 || Math.hypot(...p) > 1.05 * RADIUS || Math.hypot(...ray) > 0.08) continue;
      const cosine = p.reduce((sum, v, c) => sum + v * normal[c * alpha.length + at], 0) / Math.hypot(...p);
      worst = Math.min(worst, cosine);
      count++;
    }
    expect(count).toBeGreaterThan(100);
    expect(worst).toBeGreaterThan(kind === 'a mesh' ? 0.999 : 0.97); // from depth: the dents between disks and cells
  });

  test('a mask is white where the ball is and black elsewhere, opaque', async () => {
    const [view] = await renderAsset(ball, { size, map: 'mask' });
    expect(pixel(view, ...corner)).toEqual([0, 0, 0, 255]);
    const [gray, ...others] = pixel(view, ...middle);
    expect(gray).toBeGreaterThan(250);
    expect(others).toEqual([gray, gray, 255]);
  });

  test('it becomes a picture, a sheet and an animation of the sizes asked for', async () => {
    const views = circleOfViews(6, { azimuth: 0, elevation: 10 });
    const of = async (...[format, options]: [Parameters<typeof renderFile>[1], Parameters<typeof renderFile>[2]]) => {
      const file = await renderFile(ball, format, { size: 32, ...options });
      return { file, read: await sharp(file.bytes, { animated: true }).metadata() };
    };
    const picture = await of('png', {});
    expect([picture.read.format, picture.read.width, picture.read.height]).toEqual(['png', 32, 32]);
    const depth = await of('png', { map: 'depth' });
    expect([depth.read.depth, depth.read.space, depth.read.hasAlpha]).toEqual(['ushort', 'grey16', true]);
    const sheet = await of('png', { views, background: 'transparent' });
    expect([sheet.read.width, sheet.read.height, sheet.read.hasAlpha, sheet.file.views]).toEqual([96, 64, true, 6]);
    const film = await of('webp', { views, fps: 24 });
    expect([film.read.format, film.read.pages, film.read.width, film.read.pageHeight]).toEqual(['webp', 6, 32, 32]);
    expect(film.read.delay).toEqual([42, 41, 42, 42, 41, 42]);
    expect(film.read.loop).toBe(0);
  });

  test.skipIf(!hasFfmpeg)('it becomes a film (skipped where there is no ffmpeg)', async () => {
    const { bytes } = await renderFile(ball, 'mp4', { views: circleOfViews(6, namedViews.front), size: 32 });
    expect(Buffer.from(bytes.subarray(4, 8)).toString()).toBe('ftyp');
    const seen = spawnSync('ffmpeg', ['-i', 'pipe:0', '-f', 'null', '-'], { input: bytes, encoding: 'utf8' });
    expect(seen.stderr).toMatch(/Video: .*32x32.*24 fps/);
    expect(seen.stderr).toMatch(/frame= *6/);
  });
});

test.each(balls.slice(0, 2))('a picture of %s does not depend on its size and place', async (_, ball) => {
  const [k, by] = [1000, [5000, -2000, 700]];
  const moved = (values: Float32Array) => values.map((v, i) => v * k + by[i % 3]);
  const other: Drawable =
    ball.kind === 'mesh'
      ? { kind: 'mesh', primitives: ball.primitives.map((p) => ({ ...p, positions: moved(p.positions) })) }
      : ball.kind === 'splats'
        ? {
            kind: 'splats',
            splats: { ...ball.splats, means: moved(ball.splats.means), scales: ball.splats.scales.map((s) => s * k) },
          }
        : ball;
  const [a] = await renderAsset(ball, { size });
  const [b] = await renderAsset(other, { size });
  const apart = a.picture.data.map((v, i) => Math.abs(v - b.picture.data[i]));
  expect(apart.filter((d) => d > 6).length).toBeLessThan(0.002 * apart.length); // a coordinate of 5000 has 5e-7·10³ left
});

test('an abort is heard between two views; nothing more is drawn', async () => {
  const controller = new AbortController();
  const events: EspalierEvent[] = [];
  const onEvent = (event: EspalierEvent) => {
    events.push(event);
    if (event.kind === 'step' && event.step === 2) controller.abort(new Error('enough'));
  };
  const work = { size: 16, views: circleOfViews(9, namedViews.front), signal: controller.signal, onEvent };
  await expect(renderFile(ballMesh(), 'webp', work)).rejects.toThrow('enough');
  expect(events.at(-1)).toEqual({ kind: 'step', stage: 'render', step: 2, of: 9 });
});

test('views come one by one, and whoever stops early gets the threads back', async () => {
  for await (const { direction } of renderViews(ballSplats(), { size: 16, views: circleOfViews(50, namedViews.top) })) {
    expect(direction).toEqual(namedViews.top);
    break;
  }
});

test.each<[string, string, object, RegExp]>([
  ['a size of nothing', 'png', { size: 0 }, /size must be an integer in 1 … 4096, got 0/],
  ['a map that is none', 'png', { map: 'heat' }, /no map "heat"; there are color, depth, normal, mask/],
  ['a background that is none', 'png', { background: [0, 0, 300] }, /three numbers in 0 … 255/],
  ['a background of a mask', 'png', { map: 'mask', background: [0, 0, 0] }, /leave its background out/],
  ['a format that is none', 'gif', {}, /no format "gif"; there are png, webp, mp4/],
  ['a sheet too large', 'png', { size: 4096, views: circleOfViews(36, namedViews.front) }, /at most 16384 pixels/],
  ['an animation too large', 'webp', { size: 4096, views: circleOfViews(36, namedViews.front) }, /more than .* bytes/],
  ['no pictures per second', 'webp', { fps: 0, views: circleOfViews(3, namedViews.front) }, /1 … 60 pictures a second/],
  ['a film with an odd side', 'mp4', { size: 33 }, /must be even, got 33/],
  ['a film one can look through', 'mp4', { background: 'transparent' }, /knows no transparency/],
])('%s is a clear error', async (_, format, options, message) => {
  await expect(renderFile(ballMesh(), format as PictureFormat, options)).rejects.toThrow(message);
});
