/** What the fitting examples fit: a model file, or a small textured shape made here. */
import { readModelFile, toUnitCube } from '../src/dataset/index.ts';
import { NEUTRAL_MATERIAL, type RgbaPicture, type TriangleScene } from '../src/formats/index.ts';
import { vertexNormals } from '../src/representations/index.ts';

/** The model, or `paintedPot`, in the middle; its longest side is 0.9, so that a grid over the unit cube closes around it. */
export async function exampleAsset(path?: string): Promise<TriangleScene> {
  const { scene } = toUnitCube(path ? await readModelFile(path) : paintedPot());
  const primitives = scene.primitives.map((p) => ({ ...p, positions: p.positions.map((v) => 0.9 * v) }));
  return { ...scene, primitives };
}

/** A pot with a belly, a neck and a handle through which one can see, closed, with a painted texture. */
export function paintedPot(): TriangleScene {
  const texture = { ...paint(256), wrapU: 'repeat', wrapV: 'repeat' } as const;
  const material = {
    ...NEUTRAL_MATERIAL,
    name: 'paint',
    baseColorFactor: [1, 1, 1, 1],
    baseColorTexture: texture,
  } as const;
  const body = closedGrid(96, 48, (u, v) => {
    const [turn, height] = [2 * Math.PI * u, Math.PI * v];
    const radius = Math.sin(height) * (0.3 + 0.09 * Math.cos(3 * height) + 0.02 * Math.cos(6 * turn));
    return [radius * Math.cos(turn), radius * Math.sin(turn), -0.5 * Math.cos(height)];
  });
  const handle = closedGrid(48, 20, (u, v) => {
    const [turn, roll] = [2 * Math.PI * u, 2 * Math.PI * v];
    const radius = 0.17 + 0.045 * Math.cos(roll);
    return [0.3 + radius * Math.cos(turn), -0.045 * Math.sin(roll), radius * Math.sin(turn)];
  });
  return { primitives: [body, handle].map((surface) => ({ ...surface, material })), warnings: [] };
}

/** A surface over (u, v) ∈ [0, 1]², u × v rectangles, seen from the side where u runs right and v up. */
function closedGrid(
  columns: number,
  rows: number,
  at: (u: number, v: number) => readonly [number, number, number],
): { positions: Float32Array; normals: Float32Array; uvs: Float32Array; indices: Uint32Array } {
  const positions = new Float32Array(3 * (columns + 1) * (rows + 1));
  const uvs = new Float32Array(2 * (columns + 1) * (rows + 1));
  const indices = new Uint32Array(6 * columns * rows);
  const vertex = (i: number, j: number): number => i * (rows + 1) + j;
  for (let i = 0; i <= columns; i++)
    for (let j = 0; j <= rows; j++) {
      positions.set(at(i / columns, j / rows), 3 * vertex(i, j));
      uvs.set([i / columns, 1 - j / rows], 2 * vertex(i, j));
    }
  for (let i = 0; i < columns; i++)
    for (let j = 0; j < rows; j++) {
      const [a, b, c, d] = [vertex(i, j), vertex(i + 1, j), vertex(i + 1, j + 1), vertex(i, j + 1)];
      indices.set([a, b, c, a, c, d], 6 * (i * rows + j));
    }
  return { positions, uvs, indices, normals: vertexNormals(positions, indices) };
}

/** Bands and diamonds of four colours with soft borders: something to see at every scale. */
function paint(size: number): RgbaPicture {
  const colors = [
    [222, 205, 170],
    [46, 84, 130],
    [176, 62, 44],
    [232, 178, 64],
  ];
  const data = new Uint8Array(4 * size * size).fill(255);
  for (let y = 0; y < size; y++)
    for (let x = 0; x < size; x++) {
      const [u, v] = [(2 * Math.PI * x) / size, (2 * Math.PI * y) / size];
      const band = 1 / (1 + Math.exp(-8 * Math.sin(5 * v)));
      const diamond = 1 / (1 + Math.exp(-6 * (Math.cos(8 * u) + Math.cos(10 * v))));
      const dot = 1 / (1 + Math.exp(-10 * (Math.sin(16 * u) * Math.sin(20 * v) - 0.6)));
      for (let c = 0; c < 3; c++) {
        let value = colors[0][c] * (1 - band) + colors[1][c] * band;
        value += diamond * (colors[2][c] - value);
        data[4 * (y * size + x) + c] = Math.round(value + dot * (colors[3][c] - value));
      }
    }
  return { width: size, height: size, data };
}
