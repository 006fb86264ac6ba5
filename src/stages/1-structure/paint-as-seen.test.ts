import { expect, test } from 'vitest';
import { occupancySurface } from '../../representations/index.ts';
import { paintAsSeen } from './paint-as-seen.ts';

const R = 32;
const SIZE = 128;
const camera = { distance: 2, span: 0.6, center: [0, 0] } as const;
type Rgb = readonly [number, number, number];
const [RED, GREEN, BLUE]: Rgb[] = [
  [255, 0, 0],
  [0, 255, 0],
  [0, 0, 255],
];

const surface = (isInside: (x: number, y: number, z: number) => boolean) =>
  occupancySurface(
    Float32Array.from({ length: R ** 3 }, (_, i) =>
      isInside(Math.floor(i / R / R), Math.floor(i / R) % R, i % R) ? 4 : -4,
    ),
    R,
  );
const isIn = (value: number, from: number, to: number) => value >= from && value < to;

/** Straight alpha; transparent where there is no color. u to the right and v down, tangents of what the pixel shows. */
function picture(color: (u: number, v: number) => Rgb | undefined) {
  const data = new Uint8Array(SIZE * SIZE * 4);
  for (let k = 0; k < SIZE * SIZE; k++) {
    const at = (i: number) => ((i + 0.5) / SIZE - 0.5) * camera.span;
    const rgb = color(at(k % SIZE), at(Math.floor(k / SIZE)));
    if (rgb) data.set([...rgb, 255], 4 * k);
  }
  return { width: SIZE, height: SIZE, data };
}

/** The largest channel's name at each vertex that `where` names. */
function colorsAt(
  { positions, colors }: ReturnType<typeof paintAsSeen>,
  where: (x: number, y: number, z: number) => boolean,
): string[] {
  const names: string[] = [];
  for (let v = 0; v < positions.length; v += 3) {
    if (!where(positions[v], positions[v + 1], positions[v + 2])) continue;
    const rgb = [...(colors as Float32Array).subarray(v, v + 3)];
    names.push('rgb'[rgb.indexOf(Math.max(...rgb))]);
  }
  return names;
}
const all = (names: string[], color: string) => {
  expect(names.length).toBeGreaterThan(20);
  expect(new Set(names)).toEqual(new Set([color]));
};

test('the front of a box has its picture, left and right, up and down; sides and back go on from there', () => {
  const box = surface((x, y, z) => isIn(x, 8, 24) && isIn(y, 8, 24) && isIn(z, 8, 24));
  const painted = paintAsSeen(
    box,
    picture((u, v) => (v > 0 ? GREEN : u < 0 ? RED : BLUE)),
    camera,
  );
  const isFront = (y: number) => y < -0.22;
  all(
    colorsAt(painted, (x, y, z) => isFront(y) && x < -0.03 && z > 0.03),
    'r',
  );
  all(
    colorsAt(painted, (x, y, z) => isFront(y) && x > 0.03 && z > 0.03),
    'b',
  );
  all(
    colorsAt(painted, (_, y, z) => isFront(y) && z < -0.03),
    'g',
  );
  all(
    colorsAt(painted, (x, y, z) => x < -0.24 && y > -0.1 && z > 0.05),
    'r',
  );
  all(
    colorsAt(painted, (x, y, z) => x > 0.1 && y > 0.2 && z > 0.1),
    'b',
  );
  expect(painted.positions).toBe(box.positions);
});

test('what stands behind something else does not get its color', () => {
  // A small plate before a wide wall, held by nothing: two parts.
  const scene = surface(
    (x, y, z) => (isIn(x, 12, 20) && isIn(y, 4, 7) && isIn(z, 12, 20)) || (isIn(x, 4, 28) && isIn(y, 20, 26)),
  );
  const isPlate = (u: number, v: number) => Math.max(Math.abs(u), Math.abs(v)) < 0.055;
  const painted = paintAsSeen(
    scene,
    picture((u, v) => (isPlate(u, v) ? RED : BLUE)),
    camera,
  );
  all(
    colorsAt(painted, (x, y, z) => y < -0.35 && Math.abs(x) < 0.08 && Math.abs(z) < 0.08),
    'r',
  );
  all(
    colorsAt(painted, (x, y, z) => isIn(y, 0.1, 0.15) && Math.abs(x) < 0.07 && Math.abs(z) < 0.07),
    'b',
  );
});

test('pixels that are half transparent give no color', () => {
  const box = surface((x, y, z) => isIn(x, 8, 24) && isIn(y, 8, 24) && isIn(z, 8, 24));
  const seen = picture((u) => (Math.abs(u) < 0.05 ? RED : GREEN));
  for (let k = 0; k < SIZE * SIZE; k++) if (seen.data[4 * k + 1] === 255) seen.data[4 * k + 3] = 200;
  all(
    colorsAt(paintAsSeen(box, seen, camera), () => true),
    'r',
  );
});

test('a picture that shows nothing of the mesh leaves it without colors; one that is not square is an error', () => {
  const box = surface((x, y, z) => isIn(x, 8, 24) && isIn(y, 8, 24) && isIn(z, 8, 24));
  const empty = picture(() => undefined);
  expect(paintAsSeen(box, empty, camera)).toBe(box);
  expect(paintAsSeen(box, empty, { ...camera, distance: -3 })).toBe(box); // all of it behind the camera
  expect(() => paintAsSeen(box, { ...empty, height: 64 }, camera)).toThrow(/must be square, RGBA, got 128 × 64/);
});

test('a part that the camera does not see has the mean color, and so has a vertex of no triangle', () => {
  // A small block hidden behind a wall.
  const scene = surface(
    (x, y, z) =>
      (isIn(x, 4, 28) && isIn(y, 6, 10) && isIn(z, 4, 28)) || (isIn(x, 13, 19) && isIn(y, 20, 26) && isIn(z, 13, 19)),
  );
  const positions = Float32Array.from([...scene.positions, 0, 0.4, 0]);
  const normals = Float32Array.from([...scene.normals, 0, 1, 0]);
  const painted = paintAsSeen(
    { ...scene, positions, normals },
    picture(() => [100, 150, 200]),
    camera,
  );
  const colors = painted.colors as Float32Array;
  const expected = [100, 150, 200].map((c) => ((c / 255 + 0.055) / 1.055) ** 2.4);
  const off = colors.reduce((worst, value, i) => Math.max(worst, Math.abs(value - expected[i % 3])), 0);
  expect(off).toBeLessThan(1e-4);
});

test('a camera off the middle finds its pixels', () => {
  const box = surface((x, y, z) => isIn(x, 8, 24) && isIn(y, 8, 24) && isIn(z, 8, 24));
  const center = [0.05, -0.03] as const; // to the right and up of the box's middle
  const { colors, positions } = paintAsSeen(
    box,
    picture((u, v) => (u + center[0] > 0 ? (v + center[1] > 0 ? RED : GREEN) : BLUE)),
    { ...camera, center },
  );
  const named = { positions, colors } as ReturnType<typeof paintAsSeen>;
  const isFront = (y: number) => y < -0.22;
  all(
    colorsAt(named, (x, y, z) => isFront(y) && x > 0.03 && z < -0.03),
    'r',
  );
  all(
    colorsAt(named, (x, y, z) => isFront(y) && x > 0.03 && z > 0.03),
    'g',
  );
  all(
    colorsAt(named, (x, y) => isFront(y) && x < -0.03),
    'b',
  );
});
