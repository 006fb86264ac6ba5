import { describe, expect, test } from 'vitest';
import { logitsToCoords } from './coords.ts';
import { agreeWithOutline, cameraOfOutline, type Outline, type ViewCamera } from './outline.ts';

const R = 32;
const SIZE = 96;
const index = (x: number, y: number, z: number) => (x * R + y) * R + z;
const isIn = (value: number, from: number, to: number) => value >= from && value < to;

/** Logits 2 where the solid is, −4 elsewhere. */
function solid(isInside: (x: number, y: number, z: number) => boolean): Float32Array {
  return Float32Array.from({ length: R ** 3 }, (_, i) => {
    const [x, y, z] = [Math.floor(i / R / R), Math.floor(i / R) % R, i % R];
    return isInside(x, y, z) ? 2 : -4;
  });
}

/** As wide as the cube, with a tower on its right that stands near the camera, and a notch that tells up from down. */
const isHouse = (x: number, y: number, z: number) =>
  (isIn(y, 4, 28) && isIn(z, 7, 15) && !(isIn(x, 4, 8) && z < 10)) ||
  (isIn(x, 22, 28) && isIn(y, 4, 10) && isIn(z, 7, 25));
const isRod = (x: number, y: number, z: number) => x === 8 && y === 20 && isIn(z, 15, 25);
const house = solid(isHouse);
/** The house, and some belief in a rod, at the right depth but not to the voxel. */
const hinted = solid(isHouse).map((v, i) => {
  const [x, y, z] = [Math.floor(i / R / R), Math.floor(i / R) % R, i % R];
  return v < 0 && y === 20 && isIn(x, 6, 11) && isIn(z, 15, 27) ? -0.5 : v;
});
const houseWithRod = solid((x, y, z) => isHouse(x, y, z) || isRod(x, y, z));

/** What a camera sees of a solid, by rays through the middles of the pixels. */
function outlineOf(logits: Float32Array, { distance, span, center }: ViewCamera, size = SIZE): Outline {
  const cell = (value: number) => Math.floor((value + 0.5) * R);
  const mask = Uint8Array.from({ length: size * size }, (_, k) => {
    const right = (((k % size) + 0.5) / size - 0.5) * span + center[0];
    const down = ((Math.floor(k / size) + 0.5) / size - 0.5) * span + center[1];
    for (let depth = distance - 0.5; depth < distance + 0.5; depth += 0.1 / R) {
      const [x, y, z] = [cell(right * depth), cell(depth - distance), cell(-down * depth)];
      if (Math.min(x, y, z) >= 0 && Math.max(x, y, z) < R && logits[index(x, y, z)] > 0) return 1;
    }
    return 0;
  });
  return { size, mask };
}

/** The camera at `distance` whose picture is framed as `preparePicture` frames that of the voxels: coords [N, 3]. */
function framedCamera(coords: ArrayLike<number>, resolution: number, distance: number): ViewCamera {
  let [left, right, top, bottom] = [Infinity, -Infinity, Infinity, -Infinity];
  const middle = (index: number) => (index + 0.5) / resolution - 0.5;
  for (let i = 0; i < coords.length; i += 3) {
    const depth = distance + middle(coords[i + 1]);
    const [u, v, half] = [middle(coords[i]) / depth, -middle(coords[i + 2]) / depth, 0.5 / resolution / depth];
    left = Math.min(left, u - half);
    right = Math.max(right, u + half);
    top = Math.min(top, v - half);
    bottom = Math.max(bottom, v + half);
  }
  return {
    distance,
    span: Math.max(right - left, bottom - top) * 1.2,
    center: [(left + right) / 2, (top + bottom) / 2],
  };
}

const cameraAt = (distance: number, logits = house) => framedCamera(logitsToCoords(logits, R), R, distance);

describe.each([1.3, 2, 8])('a camera at %s, which is not known', (distance) => {
  const outline = outlineOf(house, cameraAt(distance));

  test('a shape that agrees is left all but unchanged', () => {
    const out = agreeWithOutline(house, R, outline);
    const changed = out.filter((v, i) => v !== house[i]).length;
    expect(changed).toBeLessThan((0.002 * logitsToCoords(house, R).length) / 3);
  });

  test('stray voxels beside the outline vanish, and nothing else does', () => {
    const strayed = house.slice();
    const stray = [index(3, 3, 28), index(4, 16, 27), index(28, 30, 2)];
    for (const i of stray) strayed[i] = 3;
    const out = agreeWithOutline(strayed, R, outline);
    for (const i of stray) expect(out[i]).toBeLessThan(0);
    expect(house.every((v, i) => v <= 0 || out[i] === v)).toBe(true);
  });

  test('a thin rod that only the outline shows comes back at its likeliest depth', () => {
    const before = hinted.slice();
    const out = agreeWithOutline(hinted, R, outlineOf(houseWithRod, cameraAt(distance, houseWithRod)));
    const added = [...out.keys()].filter((i) => out[i] > 0 && hinted[i] <= 0);
    const hints = added.filter((i) => hinted[i] === -0.5);
    expect(new Set(hints.map((i) => i % R)).size).toBeGreaterThanOrEqual(7); // of its 10 voxels; the foot counts as covered
    const aside = added.filter((i) => Math.abs((Math.floor(i / R) % R) - 20) > 1);
    expect(aside.length).toBeLessThanOrEqual(9); // three places, three voxels deep each
    expect(hinted).toEqual(before);
  });
});

test('with the camera known, what agrees is left as it is, and a rod comes back where it was', () => {
  const camera = cameraAt(2, houseWithRod);
  const outline = outlineOf(houseWithRod, camera);
  expect(agreeWithOutline(houseWithRod, R, outline, camera)).toEqual(houseWithRod);
  const out = agreeWithOutline(hinted, R, outline, camera);
  const added = [...out.keys()].filter((i) => out[i] > 0 && hinted[i] <= 0);
  const nearness = (i: number) => [Math.floor(i / R / R) - 8, (Math.floor(i / R) % R) - 20].map(Math.abs);
  expect(added.every((i) => Math.max(...nearness(i)) <= 1)).toBe(true);
});

test('what is added side by side stands at one depth, where single voxels would have jumped', () => {
  const camera = cameraAt(2, houseWithRod);
  const torn = hinted.map((v, i) => {
    const [x, y, z] = [Math.floor(i / R / R), Math.floor(i / R) % R, i % R];
    return isIn(x, 6, 11) && z === 20 && (y === 12 || y === 20) ? (y === 12 ? -0.5 : -4) : v;
  });
  const out = agreeWithOutline(torn, R, outlineOf(houseWithRod, camera), camera);
  const depths = [...out.keys()].filter((i) => out[i] > 0 && torn[i] <= 0).map((i) => Math.floor(i / R) % R);
  expect(Math.min(...depths)).toBeGreaterThanOrEqual(19);
  expect(Math.max(...depths)).toBeLessThanOrEqual(21);
});

test('what is added without any hint of its depth is as deep as the shape', () => {
  const camera = cameraAt(2, houseWithRod);
  const out = agreeWithOutline(house, R, outlineOf(houseWithRod, camera), camera);
  const added = [...out.keys()].filter((i) => out[i] > 0 && house[i] <= 0);
  expect(added.length).toBeGreaterThanOrEqual(8);
  const middle = added.map((i) => Math.floor(i / R) % R).sort((a, b) => a - b)[added.length >> 1];
  expect(isIn(middle, 4, 28)).toBe(true); // as deep as the house over which it rises
});

test('a framed camera shows the object in 1/1.2 of its picture, in the middle', () => {
  for (const distance of [1.3, 2, 8]) {
    const { mask } = outlineOf(house, cameraAt(distance), 240);
    const seen = [...mask.keys()].filter((k) => mask[k]);
    const box = (at: number[]) => [Math.min(...at), Math.max(...at) + 1];
    const [[left, right], [top, bottom]] = [box(seen.map((k) => k % 240)), box(seen.map((k) => Math.floor(k / 240)))];
    expect(Math.abs(Math.max(right - left, bottom - top) - 200)).toBeLessThanOrEqual(4); // the box is that of the middles' squares
    expect(Math.abs((left + right) / 2 - 120)).toBeLessThanOrEqual(4);
    expect(Math.abs((top + bottom) / 2 - 120)).toBeLessThanOrEqual(4);
  }
});

test('a few stray voxels do not set the frame', () => {
  const strayed = house.slice();
  for (const i of [index(0, 0, 31), index(31, 0, 0)]) strayed[i] = 3;
  const outline = outlineOf(house, cameraAt(2));
  const [camera, found] = [house, strayed].map((logits) => cameraOfOutline(logits, R, outline));
  const width = ({ span, distance }: ViewCamera) => span * distance; // of what is seen at the depth of the cube's middle
  expect(Math.abs(width(found) / width(camera) - 1)).toBeLessThan(0.04);
  expect(Math.abs(found.center[1] / found.span - camera.center[1] / camera.span)).toBeLessThan(0.03);
});

test('an empty outline and an empty shape say nothing: the logits are given back', () => {
  expect(agreeWithOutline(house, R, { size: 8, mask: new Uint8Array(64) })).toBe(house);
  const empty = new Float32Array(R ** 3).fill(-1);
  expect(agreeWithOutline(empty, R, outlineOf(house, cameraAt(2)))).toBe(empty);
});

test('sizes that do not fit are told', () => {
  const outline = { size: 8, mask: new Uint8Array(64) };
  expect(() => agreeWithOutline(house, 16, outline)).toThrow(
    new RangeError(
      'agreeWithOutline: logits must be [16, 16, 16], 4096 values, got 32768. Pass one grid without batch and channel axes, and its resolution.',
    ),
  );
  expect(() => agreeWithOutline(house, R, { ...outline, size: 9 })).toThrow(
    /outline\.mask must be \[9, 9\], 81 pixels, got 64/,
  );
});
