/**
 * One knot as a textured mesh, as Gaussians and as a radiance field, each drawn by its rasteriser: the pictures of
 * docs/rendering.md.
 *
 *   npx tsx examples/three-ways-to-draw.ts [folder for the pictures] [folder for knot.glb, knot.ply, knot.safetensors]
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  type FieldArrays,
  linearOfDisplay,
  type Model,
  type ScenePrimitive,
  SH_C0,
  type Splats,
  writeModel,
} from '../src/formats/index.ts';
import { renderFile } from '../src/index.ts';

type Vec3 = [number, number, number];

const THICKNESS = 0.082; // of the tube, its radius
const STEEPNESS = 3e5; // density per length under the skin: opaque within a cell, soft over some samples

const [pictures = 'docs/images', assets] = process.argv.slice(2);
const view = { azimuth: 25, elevation: 35 };

const knots: Record<string, Model> = {
  triangles: { kind: 'mesh', primitives: [mesh(720, 72)], warnings: [] },
  gaussians: { kind: 'splats', splats: splats(900, 110), warnings: [] },
  'radiance-field': { kind: 'radiance-field', field: field(128), warnings: [] },
};
const formats = { triangles: 'glb', gaussians: 'ply', 'radiance-field': 'safetensors' } as const;
for (const [name, model] of Object.entries(knots)) {
  const { bytes } = await renderFile(model, 'png', { views: [view], size: 400, background: 'transparent' });
  const path = join(pictures, `render-${name}.png`);
  writeFileSync(path, bytes);
  console.log(`${path}: ${bytes.length} bytes`);
  if (!assets) continue;
  const { files } = await writeModel(model, formats[name as keyof typeof formats], 'knot');
  for (const file of files) writeFileSync(join(assets, file.name), file.bytes);
}

/** The middle of the tube at `turn` in 0 … 1: a trefoil. */
function core(turn: number): Vec3 {
  const a = 2 * Math.PI * turn;
  return [
    0.125 * (Math.sin(a) + 2 * Math.sin(2 * a)),
    0.125 * (Math.cos(a) - 2 * Math.cos(2 * a)),
    -0.16 * Math.sin(3 * a),
  ];
}

/** Two directions across the tube, the first as level as it can be. */
function across(turn: number): [Vec3, Vec3] {
  const [before, after] = [core(turn - 1e-4), core(turn + 1e-4)];
  const along = unit([after[0] - before[0], after[1] - before[1], after[2] - before[2]]);
  const side = unit(cross(along, [0, 0, 1]));
  return [side, cross(side, along)];
}

/** Where the skin is, and where it faces; `roll` in 0 … 1 goes around the tube. */
function skin(turn: number, roll: number): { place: Vec3; normal: Vec3 } {
  const [[u, v], middle, a] = [across(turn), core(turn), 2 * Math.PI * roll];
  const normal = [0, 1, 2].map((c) => Math.cos(a) * u[c] + Math.sin(a) * v[c]) as Vec3;
  return { place: middle.map((m, c) => m + THICKNESS * normal[c]) as Vec3, normal };
}

/** sRGB in 0 … 1: the hue goes around with the knot … */
function dye(turn: number): Vec3 {
  return [0, 1, 2].map((c) => 0.5 + 0.4 * Math.cos(2 * Math.PI * (turn - c / 3 + 0.07))) as Vec3;
}

/** … and a white ribbon winds about it. Linear light. */
function paint(turn: number, roll: number): Vec3 {
  const wave = Math.cos(2 * Math.PI * (18 * turn + 2 * roll));
  const white = 1 / (1 + Math.exp(-12 * (wave - 0.35)));
  return dye(turn).map((d) => (1 - white) * linearOfDisplay(d) + 0.85 * white) as Vec3;
}

/** The lamp and sky that the renderer gives meshes in this view; Gaussians and radiance fields carry their light with them. */
function litColor(turn: number, roll: number, normal: Vec3): Vec3 {
  const a = (view.azimuth * Math.PI) / 180;
  const e = (view.elevation * Math.PI) / 180;
  const [right, up] = [
    [Math.cos(a), Math.sin(a), 0],
    [-Math.sin(a) * Math.sin(e), Math.cos(a) * Math.sin(e), Math.cos(e)],
  ];
  const towards = [Math.sin(a) * Math.cos(e), -Math.cos(a) * Math.cos(e), Math.sin(e)];
  const lamp = unit([0, 1, 2].map((c) => -0.55 * right[c] + 0.75 * up[c] + 0.75 * towards[c]) as Vec3);
  const light = 0.18 + 0.26 * (0.5 + 0.5 * normal[2]) + 0.85 * Math.max(0, dot(normal, lamp));
  return paint(turn, roll).map((c) => displayed(light * c)) as Vec3;
}

function displayed(l: number): number {
  return Math.min(1, l <= 0.0031308 ? 12.92 * l : 1.055 * l ** (1 / 2.4) - 0.055);
}

/** A fine tube, its paint in a texture. */
function mesh(turns: number, rolls: number): ScenePrimitive {
  const count = (turns + 1) * (rolls + 1);
  const [positions, normals] = [new Float32Array(3 * count), new Float32Array(3 * count)];
  const uvs = new Float32Array(2 * count);
  const indices: number[] = [];
  for (let i = 0; i <= turns; i++)
    for (let j = 0; j <= rolls; j++) {
      const v = i * (rolls + 1) + j;
      const { place, normal } = skin(i / turns, j / rolls);
      positions.set(place, 3 * v);
      normals.set(normal, 3 * v);
      uvs.set([i / turns, j / rolls], 2 * v);
      if (i === turns || j === rolls) continue;
      const [a, b] = [v, v + rolls + 1];
      indices.push(a, b, b + 1, a, b + 1, a + 1);
    }
  const [width, height] = [2048, 128];
  const data = new Uint8Array(4 * width * height).fill(255);
  for (let t = 0; t < width * height; t++) {
    const color = paint(((t % width) + 0.5) / width, (Math.floor(t / width) + 0.5) / height);
    data.set(
      color.map((c) => Math.round(255 * displayed(c))),
      4 * t,
    );
  }
  return {
    ...{ positions, normals, uvs, indices: Uint32Array.from(indices) },
    material: {
      name: 'knot',
      baseColorFactor: [1, 1, 1, 1],
      baseColorTexture: { width, height, data, wrapU: 'repeat', wrapV: 'repeat' },
      alphaMode: 'opaque',
      alphaCutoff: 0.5,
      doubleSided: false,
      unlit: false,
    },
  };
}

/** Flat disks on the skin, each row shifted against the one before. */
function splats(turns: number, rolls: number): Splats {
  const count = turns * rolls;
  const out = {
    means: new Float32Array(3 * count),
    scales: new Float32Array(3 * count),
    rotations: new Float32Array(4 * count),
    opacities: new Float32Array(count).fill(0.9),
    shDegree: 0 as const,
    shDc: new Float32Array(3 * count),
    shRest: new Float32Array(),
    antialiased: true,
  };
  for (let g = 0; g < count; g++) {
    const i = Math.floor(g / rolls);
    const [turn, roll] = [i / turns, ((g % rolls) + 0.5 * (i % 2)) / rolls];
    const { place, normal } = skin(turn, roll);
    out.means.set(place, 3 * g);
    out.scales.set([0.0042, 0.0042, 0.0008], 3 * g);
    // The turn that takes z to the normal.
    const length = Math.hypot(1 + normal[2], normal[0], normal[1]) || 1;
    out.rotations.set([(1 + normal[2]) / length, -normal[1] / length, normal[0] / length, 0], 4 * g);
    out.shDc.set(
      litColor(turn, roll, normal).map((c) => (c - 0.5) / SH_C0),
      3 * g,
    );
  }
  return out;
}

/**
 * Cells along the skin. In each, density and color are straight functions of the place: a sum of four products of lines, a
 * constant and one for each axis. Density grows with the depth under the skin.
 */
function field(resolution: number): FieldArrays {
  const samples = Array.from({ length: 1500 }, (_, i) => core(i / 1500));
  const nearest = (p: Vec3): { turn: number; roll: number; normal: Vec3; height: number } => {
    let [best, turn] = [Number.POSITIVE_INFINITY, 0];
    for (const [i, q] of samples.entries()) {
      const d = (p[0] - q[0]) ** 2 + (p[1] - q[1]) ** 2 + (p[2] - q[2]) ** 2;
      if (d < best) [best, turn] = [d, i / samples.length];
    }
    const [middle, [u, v]] = [core(turn), across(turn)];
    const off = p.map((x, c) => x - middle[c]) as Vec3;
    const roll = Math.atan2(dot(off, v), dot(off, u)) / (2 * Math.PI);
    return { turn, roll, normal: unit(off), height: Math.sqrt(best) - THICKNESS };
  };
  const [rank, dim] = [4, 2];
  const rows = { positions: [] as number[], trivec: [] as number[], density: [] as number[], colorsDc: [] as number[] };
  const near = new Set<number>();
  const reach = Math.ceil((THICKNESS + 2 / resolution) * resolution);
  for (const q of samples.filter((_, i) => i % 6 === 0)) {
    const at = q.map((x) => Math.floor((x + 0.5) * resolution));
    for (let x = at[0] - reach; x <= at[0] + reach; x++)
      for (let y = at[1] - reach; y <= at[1] + reach; y++)
        for (let z = at[2] - reach; z <= at[2] + reach; z++) {
          const [dx, dy, dz] = [x, y, z].map((c, i) => (c + 0.5) / resolution - 0.5 - q[i]);
          if (Math.abs(Math.sqrt(dx * dx + dy * dy + dz * dz) - THICKNESS) < 2 / resolution)
            near.add((x * resolution + y) * resolution + z);
        }
  }
  const logits = ({ turn, roll, normal }: ReturnType<typeof nearest>): Vec3 =>
    litColor(turn, roll, normal).map((c) => {
      const inside = Math.min(0.995, Math.max(0.005, c));
      return Math.log(inside / (1 - inside)) / SH_C0;
    }) as Vec3;
  for (const cell of [...near].sort((a, b) => a - b)) {
    const at = [Math.floor(cell / resolution ** 2), Math.floor(cell / resolution) % resolution, cell % resolution];
    const p = at.map((c) => (c + 0.5) / resolution - 0.5) as Vec3;
    const middle = nearest(p);
    if (Math.abs(middle.height) > 1.2 / resolution) continue;
    rows.positions.push(...at.map((c) => (c + 0.5) / resolution));
    const color = logits(middle);
    rows.density.push(-STEEPNESS * middle.height, ...middle.normal.map((n) => (-STEEPNESS * n) / resolution));
    rows.colorsDc.push(...color);
    rows.trivec.push(1, 1, 1, 1, 1, 1);
    for (let axis = 0; axis < 3; axis++) {
      const moved = nearest(p.map((x, c) => x + (c === axis ? 0.25 / resolution : 0)) as Vec3);
      rows.colorsDc.push(...logits(moved).map((l, c) => 4 * (l - color[c])));
      for (let line = 0; line < 3; line++) rows.trivec.push(...(line === axis ? [-0.25, 0.25] : [1, 1]));
    }
  }
  const floats = (name: keyof typeof rows) => Float32Array.from(rows[name]);
  return {
    ...{ resolution, rank, dim, positions: floats('positions') },
    ...{ trivec: floats('trivec'), density: floats('density'), colorsDc: floats('colorsDc') },
  };
}

function dot(a: readonly number[], b: readonly number[]): number {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

function cross(a: Vec3, b: Vec3): Vec3 {
  return [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
}

function unit(a: Vec3): Vec3 {
  const length = Math.hypot(...a) || 1;
  return [a[0] / length, a[1] / length, a[2] / length];
}
