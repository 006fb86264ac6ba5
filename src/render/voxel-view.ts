import { contactSheet } from './contact-sheet.ts';
import { type OrbitView, viewFrame } from './orbit-view.ts';
import type { Picture } from './picture.ts';

export interface VoxelViewOptions {
  /** Side of the square picture in pixels. */
  size?: number;
  /** Rays per pixel along each side. */
  supersampling?: number;
  /** `position`: red, green, blue are x, y, z of the voxel in the grid. `grey`: clay, for shape alone. */
  coloring?: 'position' | 'grey';
  /** sRGB. */
  background?: [number, number, number];
}

/**
 * The occupied voxels as shaded solid cubes, seen from an orbit view: each pixel's ray walks the grid cell by cell
 * (Amanatides & Woo 1987), empty bricks of voxels in one step. occupancy [R, R, R], 0 or 1, z fastest, in the cube
 * [-0.5, 0.5]³ → RGB [size, size, 3].
 */
export function voxelView(
  occupancy: Uint8Array,
  resolution: number,
  view: OrbitView,
  options: VoxelViewOptions = {},
): Picture {
  const R = resolution;
  if (occupancy.length !== R ** 3) {
    throw new Error(
      `voxelView: the grid has ${occupancy.length} voxels, expected ${R}³ = ${R ** 3}. ` +
        'Pass one grid of zeros and ones (coordsToOccupancy makes it from coords), and its resolution.',
    );
  }
  const { size = 256, supersampling = 1, coloring = 'position', background = [0, 0, 0] } = options;
  const camera = viewFrame(view);
  const eye = camera.eye.map((c) => (c + 0.5) * R); // in voxels
  const grid = { occupancy, R, bricks: occupiedBricks(occupancy, R), bricksAcross: Math.ceil(R / BRICK) };
  const samples = size * supersampling;
  const sums = new Float32Array(size * size * 3);
  const { forward, right, up, halfSide } = camera;

  for (let row = 0; row < samples; row++)
    for (let column = 0; column < samples; column++) {
      const a = ((column + 0.5) / samples - 0.5) * 2 * halfSide;
      const b = (0.5 - (row + 0.5) / samples) * 2 * halfSide;
      const dx = forward[0] + a * right[0] + b * up[0];
      const dy = forward[1] + a * right[1] + b * up[1];
      const dz = forward[2] + a * right[2] + b * up[2];
      const hit = firstVoxel(grid, eye[0], eye[1], eye[2], dx, dy, dz);
      const pixel = (Math.floor(row / supersampling) * size + Math.floor(column / supersampling)) * 3;
      if (hit < 0) {
        for (let c = 0; c < 3; c++) sums[pixel + c] += background[c];
        continue;
      }
      const face = hit % 6;
      const voxel = Math.floor(hit / 6);
      const shade = FACE_SHADES[face];
      if (coloring === 'grey') {
        for (let c = 0; c < 3; c++) sums[pixel + c] += 215 * shade;
      } else {
        sums[pixel] += positionColor(Math.floor(voxel / (R * R)), R) * shade;
        sums[pixel + 1] += positionColor(Math.floor(voxel / R) % R, R) * shade;
        sums[pixel + 2] += positionColor(voxel % R, R) * shade;
      }
    }
  const data = new Uint8Array(sums.length);
  for (let i = 0; i < data.length; i++) data[i] = Math.round(sums[i] / supersampling ** 2);
  return { width: size, height: size, channels: 3, data };
}

/**
 * Four views a quarter turn apart as a 2 × 2 sheet, the picture by which structures are compared.
 * @param yaw of the first view, in radians
 * @param pitch of all views, in radians
 */
export function fourViews(
  occupancy: Uint8Array,
  resolution: number,
  options: VoxelViewOptions & { yaw?: number; pitch?: number } = {},
): Picture {
  const { yaw = Math.PI / 6, pitch = Math.PI / 7, ...rest } = options;
  const views = [0, 1, 2, 3].map((quarter) =>
    voxelView(occupancy, resolution, { yaw: yaw + (quarter * Math.PI) / 2, pitch }, rest),
  );
  return contactSheet(views, { columns: 2 });
}

/** By the face the ray enters through: −x, +x, −y, +y, −z, +z. Light from above, a little from one side. */
const FACE_SHADES = [0.72, 0.8, 0.62, 0.9, 0.45, 1];

function positionColor(index: number, R: number): number {
  return 40 + (215 * index) / Math.max(1, R - 1); // not quite black, so that the shading shows everywhere
}

const BRICK = 4; // voxels per side; bricks without matter are crossed in one step

interface BrickGrid {
  occupancy: Uint8Array; // [R, R, R]
  R: number;
  bricks: Uint8Array; // [bricksAcross, bricksAcross, bricksAcross], 1 where there is matter
  bricksAcross: number;
}

function occupiedBricks(occupancy: Uint8Array, R: number): Uint8Array {
  const across = Math.ceil(R / BRICK);
  const bricks = new Uint8Array(across ** 3);
  for (let x = 0, i = 0; x < R; x++)
    for (let y = 0; y < R; y++)
      for (let z = 0; z < R; z++, i++) {
        if (occupancy[i]) bricks[((((x / BRICK) | 0) * across + ((y / BRICK) | 0)) * across + z / BRICK) | 0] = 1;
      }
  return bricks;
}

/** The first occupied voxel on a ray, as voxel · 6 + face it is entered through, or −1. Origin in voxels. */
function firstVoxel(grid: BrickGrid, ox: number, oy: number, oz: number, dx: number, dy: number, dz: number): number {
  const { bricksAcross } = grid;
  const [ix, iy, iz] = [1 / (dx || 1e-12), 1 / (dy || 1e-12), 1 / (dz || 1e-12)];
  return walk(grid, true, 0, 0, 0, bricksAcross, ox / BRICK, oy / BRICK, oz / BRICK, ix, iy, iz);
}

/**
 * Walks the cells of a cube with lower corner (x0, y0, z0) and `side` cells along each side: bricks of the grid, and
 * inside each one with matter, its voxels. Origin in cells; ix, iy, iz are one over the direction.
 */
function walk(
  grid: BrickGrid,
  areBricks: boolean,
  x0: number,
  y0: number,
  z0: number,
  side: number,
  ox: number,
  oy: number,
  oz: number,
  ix: number,
  iy: number,
  iz: number,
): number {
  const across = areBricks ? grid.bricksAcross : grid.R;
  const cells = areBricks ? grid.bricks : grid.occupancy;
  const x1 = Math.min(across, x0 + side);
  const y1 = Math.min(across, y0 + side);
  const z1 = Math.min(across, z0 + side);
  const nearX = ((ix > 0 ? x0 : x1) - ox) * ix;
  const nearY = ((iy > 0 ? y0 : y1) - oy) * iy;
  const nearZ = ((iz > 0 ? z0 : z1) - oz) * iz;
  const farX = ((ix > 0 ? x1 : x0) - ox) * ix;
  const farY = ((iy > 0 ? y1 : y0) - oy) * iy;
  const farZ = ((iz > 0 ? z1 : z0) - oz) * iz;
  const enter = Math.max(nearX, nearY, nearZ, 0);
  if (enter >= Math.min(farX, farY, farZ)) return -1;

  let x = Math.min(x1 - 1, Math.max(x0, Math.floor(ox + enter / ix)));
  let y = Math.min(y1 - 1, Math.max(y0, Math.floor(oy + enter / iy)));
  let z = Math.min(z1 - 1, Math.max(z0, Math.floor(oz + enter / iz)));
  const stepX = ix > 0 ? 1 : -1;
  const stepY = iy > 0 ? 1 : -1;
  const stepZ = iz > 0 ? 1 : -1;
  let nextX = (x + (ix > 0 ? 1 : 0) - ox) * ix;
  let nextY = (y + (iy > 0 ? 1 : 0) - oy) * iy;
  let nextZ = (z + (iz > 0 ? 1 : 0) - oz) * iz;
  const acrossX = Math.abs(ix);
  const acrossY = Math.abs(iy);
  const acrossZ = Math.abs(iz);
  const faceX = ix > 0 ? 0 : 1; // moving up enters through the lower face
  const faceY = iy > 0 ? 2 : 3;
  const faceZ = iz > 0 ? 4 : 5;
  let face = enter === nearX ? faceX : enter === nearY ? faceY : faceZ;
  for (;;) {
    const cell = (x * across + y) * across + z;
    if (cells[cell]) {
      if (!areBricks) return cell * 6 + face;
      const [vx, vy, vz] = [x * BRICK, y * BRICK, z * BRICK];
      const hit = walk(grid, false, vx, vy, vz, BRICK, ox * BRICK, oy * BRICK, oz * BRICK, ix, iy, iz);
      if (hit >= 0) return hit;
    }
    if (nextX < nextY && nextX < nextZ) {
      x += stepX;
      if (x < x0 || x >= x1) return -1;
      nextX += acrossX;
      face = faceX;
    } else if (nextY < nextZ) {
      y += stepY;
      if (y < y0 || y >= y1) return -1;
      nextY += acrossY;
      face = faceY;
    } else {
      z += stepZ;
      if (z < z0 || z >= z1) return -1;
      nextZ += acrossZ;
      face = faceZ;
    }
  }
}
