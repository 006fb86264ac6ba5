/** .splat out and in again, and through a viewer. */
import { expect, test } from 'vitest';
import { kelloggSplats } from '../../test/foreign-readers.ts';
import { angles, near, someSplats, yDown } from '../../test/some-splats.ts';
import { readSplatFile, writeSplatFile } from './splat-file.ts';
import { SH_C0 } from './splats.ts';
import { ModelError } from './triangle-scene.ts';
import { turnSplats } from './turn-splats.ts';

test('gives back positions and scales exactly, the rest to a byte', () => {
  const src = { ...someSplats(60, 0), shDc: someSplats(60, 0).shDc.map((c) => Math.max(-1.7, Math.min(1.7, c))) };
  const { splats } = readSplatFile(writeSplatFile(src));
  expect(splats.means).toEqual(src.means);
  expect(splats.scales).toEqual(src.scales);
  near(splats.opacities, src.opacities, 0.5 / 255 + 1e-6);
  near(splats.shDc, src.shDc, 0.5 / 255 / SH_C0 + 1e-6);
  near(angles(splats.rotations, src.rotations), new Array(60).fill(0), 0.03);
});

test('a viewer reads the same, y down', async () => {
  const src = someSplats(20, 1);
  const foreign = await kelloggSplats(writeSplatFile(src), 'splat');
  near(
    foreign.flatMap(({ mean }) => [...mean]),
    yDown(src.means),
    1e-7,
  );
  near(
    foreign.flatMap(({ scale }) => [...scale]),
    src.scales,
    1e-7,
  );
  near(
    foreign.map(({ color }) => color[3]),
    src.opacities.map((o) => o * 255),
    0.51,
  );
  const turned = turnSplats(src, 'z-up to y-down').rotations;
  near(
    angles(Float32Array.from(foreign.flatMap(({ rotation }) => [...rotation])), turned),
    new Array(20).fill(0),
    0.03,
  );
});

test('a size that is no number of rows is refused', () => {
  expect(() => readSplatFile(new Uint8Array(33))).toThrow(/multiple of 32 bytes, got 33/);
  expect(() => readSplatFile(new Uint8Array(0))).toThrow(ModelError);
});
