/**
 * Time and memory of each network of the published picture model at its full size, with random weights.
 *
 *   npx tsx bench/full-size-folder.ts <folder>                      # writes the weights, once
 *   npx tsx bench/full-size.ts <folder> [--int8] [task …]           # all tasks when none is named
 *
 * Each task runs in a process of its own, so that its peak memory is its own, and beside it one large Gemm, the yardstick.
 * Rows are kept in bench/results/full-size.json until they are measured again; full-size.md is the table of them.
 * Rates and ratios are by processor time, so that they hold beside other load; on a quiet machine it is the clock's.
 * PyTorch's seconds were measured on another machine of this kind; they are scaled by what ONNX Runtime's Gemm made there
 * (265 GFLOP/s) to what it makes here.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { loadModel, openWeights } from '../src/pipelines/index.ts';
import { meshOfFeatures } from '../src/representations/index.ts';
import { neighborTable, subdivided, type Voxels, voxelsOfObjects } from '../src/sparse/index.ts';
import { openStructureDecoder, openStructureSampler } from '../src/stages/1-structure/index.ts';
import { openLatentSampler } from '../src/stages/2-latent/index.ts';
import { openCubeDecoder, openGaussianDecoder } from '../src/stages/3-decode/index.ts';
import { torchGenerator } from '../src/tensor/index.ts';
import { GEMM_GFLOP, largeGemm } from './large-gemm.ts';
import { peakRssGb } from './measure.ts';

/** What PyTorch takes (see above), two threads, float32; and the Gemm there. */
const PYTORCH_GEMM = 265;
const tasks = {
  'structure-flow': { what: 'stage-1 flow, one forward, 4096 tokens, 1374 prompt tokens', pytorch: 45.7 },
  'latent-flow': { what: 'latent flow, one forward, 11 936 voxels, 1374 prompt tokens', pytorch: 37.4 },
  'structure-decoder': { what: 'stage-1 decoder, 16³ latent to 64³', pytorch: 2.5 },
  'gaussian-decoder': { what: 'Gaussian decoder, 11 936 voxels to 381 952 Gaussians', pytorch: 10.5 },
  'mesh-decoder': { what: 'mesh decoder, 11 936 voxels to 763 904 cubes', pytorch: 24.8 },
  extraction: { what: 'FlexiCubes, 763 904 cubes of a smooth sphere', pytorch: 30.5 },
} as const;
type Task = keyof typeof tasks;

interface Measured {
  /** as the clock ran */
  seconds: number;
  /** of both cores: half of the processor time, what the clock would say on a machine with nothing else to do */
  cpu: number;
  /** floating point operations of the products, 10⁹; 0 where there are none */
  gflop: number;
  /** GFLOP/s, by processor time */
  gemm: number;
  peakRssGb: number;
}
type Row = Measured & { date: string; commit: string; load: number };

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { int8: { type: 'boolean', default: false }, here: { type: 'boolean', default: false } },
});
const [folder, ...names] = positionals;
if (!folder) throw new Error('give the folder of the weights: npx tsx bench/full-size.ts <folder> [--int8] [task …]');
for (const name of names)
  if (!Object.hasOwn(tasks, name))
    throw new Error(`there is no task "${name}"; there are ${Object.keys(tasks).join(', ')}.`);
const precision = values.int8 ? 'int8' : 'fp32';
const rng = torchGenerator(3);

if (values.here) {
  console.log(JSON.stringify(await measure(names[0] as Task)));
  process.exit(); // the sessions' threads would keep it
} else {
  const results = new URL('./results/full-size.json', import.meta.url);
  const rows: Record<string, Row> = existsSync(results) ? JSON.parse(readFileSync(results, 'utf8')).rows : {};
  for (const name of names.length > 0 ? names : Object.keys(tasks)) {
    const load = Number(loadavg()[0].toFixed(2));
    const args = ['--import', 'tsx', fileURLToPath(import.meta.url), folder, name, '--here'];
    if (values.int8) args.push('--int8');
    const out = execFileSync(process.execPath, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
    const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
    const measured: Measured = JSON.parse(out.trim().split('\n').pop() as string);
    rows[`${name} ${precision}`] = { ...measured, date: new Date().toISOString().slice(0, 10), commit, load };
    writeFileSync(results, `${JSON.stringify({ machine: machine(), rows }, undefined, 2)}\n`);
    writeFileSync(new URL('./results/full-size.md', import.meta.url), report(rows));
    console.log(table({ [`${name} ${precision}`]: rows[`${name} ${precision}`] }));
  }
}

function machine(): string {
  return `${cpus().length} × ${cpus()[0].model.trim()}, Node ${process.version}`;
}

function report(rows: Record<string, Row>): string {
  return `# Networks of the published picture model, full size, random weights\n\n${machine()}, two threads.\n\n${table(rows)}\n`;
}

function table(rows: Record<string, Row>): string {
  const lines = Object.entries(rows).map(([key, row]) => {
    const [name, kind] = key.split(' ');
    const { what, pytorch } = tasks[name as Task];
    const rate = row.gflop / row.cpu;
    const scaled = (pytorch * PYTORCH_GEMM) / row.gemm;
    const cells = [
      what,
      kind,
      row.seconds.toFixed(1),
      row.cpu.toFixed(1),
      row.gflop ? rate.toFixed(0) : '–',
      row.gflop ? (rate / row.gemm).toFixed(2) : '–',
      row.gemm.toFixed(0),
      row.peakRssGb.toFixed(1),
      scaled.toFixed(1),
      (row.cpu / scaled).toFixed(2),
      `${row.date} ${row.commit}`,
    ];
    return `| ${cells.join(' | ')} |`;
  });
  return [
    '| work | weights | s | processor s / 2 | GFLOP/s | of the Gemm | Gemm GFLOP/s | peak RSS, GB | PyTorch, scaled, s | ratio | measured |',
    '| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |',
    ...lines,
  ].join('\n');
}

async function measure(task: Task): Promise<Measured> {
  const { work, gflop } = await prepared(task);
  let best = await work();
  const rss = peakRssGb(); // before the Gemm has taken its own memory
  const gemm = await largeGemm();
  await gemm.run({});
  const rate = async () => GEMM_GFLOP / (await taken(() => gemm.run({}))).cpu;
  const rates = [await rate(), await rate(), await rate()];
  if (best.cpu < 30) {
    const again = await work(); // the first run meets untouched memory
    if (again.cpu < best.cpu) best = again;
  }
  rates.push(await rate(), await rate());
  await gemm.dispose();
  return { ...best, gflop, gemm: rates.sort((a, b) => b - a)[1], peakRssGb: rss };
}

/** `work` gives what the task itself took. */
async function prepared(task: Task): Promise<{ work: () => Promise<Taken>; gflop: number }> {
  const voxels = shell();
  const fine = subdivided(subdivided(voxels));
  if (task === 'extraction') {
    const features = sphereFeatures(fine);
    return { work: () => taken(async () => meshOfFeatures(features), 1), gflop: 0 };
  }
  const { networks } = await loadModel(folder);
  const tokens = 1374;
  const cond = rng.normal(tokens * 1024);
  /** The second of two steps: the first also reads the prompt. */
  const secondStep = async (sample: (onStep: () => void) => Promise<unknown>) => {
    const times: Taken[] = [];
    await sample(() => times.push(now()));
    return since(times[0], times[1]);
  };
  const options = { steps: 2, guidance: 0, interval: [0, 1], rescale: 3 } as const;
  switch (task) {
    case 'structure-flow': {
      const { config } = networks.sparse_structure_flow_model;
      const weights = await openWeights(networks.sparse_structure_flow_model, { precision });
      const sampler = await openStructureSampler(config, weights, { batch: 1, tokens });
      const noise = rng.normal(8 * 16 ** 3);
      return {
        work: () => secondStep((onStep) => sampler.sample(noise, cond, options, { onStep })),
        gflop: 24 * crossBlockGflop(4096, 1024, tokens),
      };
    }
    case 'latent-flow': {
      const network = expected(networks.slat_flow_model);
      const sampler = await openLatentSampler(network.config, await openWeights(network, { precision }), {
        objects: 1,
        tokens,
      });
      const noise = rng.normal(8 * voxels.count);
      return {
        work: () => secondStep((onStep) => sampler.sample(voxels, noise, { cond }, options, { onStep })),
        gflop: 24 * crossBlockGflop(coarseCount(voxels), 1024, tokens) + latentEndsGflop(voxels),
      };
    }
    case 'structure-decoder': {
      const { config } = networks.sparse_structure_decoder;
      const weights = await openWeights(networks.sparse_structure_decoder, { precision });
      const decoder = await openStructureDecoder(config, weights, { batch: 1, resolution: 16 });
      const latent = rng.normal(8 * 16 ** 3);
      const conv = (side: number, from: number, to: number) => (2 * 27 * side ** 3 * from * to) / 1e9;
      const blocks = 8 * conv(16, 512, 512) + 4 * conv(32, 128, 128) + 4 * conv(64, 32, 32);
      const between = conv(16, 8, 512) + conv(16, 512, 1024) + conv(32, 128, 256) + conv(64, 32, 1);
      return { work: () => taken(() => decoder.decode(latent)), gflop: blocks + between };
    }
    case 'gaussian-decoder': {
      const network = expected(networks.slat_decoder_gs);
      const decoder = await openGaussianDecoder(network.config, await openWeights(network, { precision }));
      const latent = rng.normal(8 * voxels.count);
      return { work: () => taken(() => decoder.decode(voxels, latent)), gflop: transformerGflop(voxels) };
    }
    case 'mesh-decoder': {
      const network = expected(networks.slat_decoder_mesh);
      const decoder = await openCubeDecoder(network.config, await openWeights(network, { precision }));
      const latent = rng.normal(8 * voxels.count);
      return {
        work: () => taken(() => decoder.decode(voxels, latent)),
        gflop: transformerGflop(voxels) + meshEndGflop(voxels),
      };
    }
    default:
      return task satisfies never;
  }
}

function expected<T>(network: T | undefined): T {
  if (!network) throw new Error(`${folder} lacks a network. Write it with bench/full-size-folder.ts.`);
  return network;
}

interface Taken {
  seconds: number;
  cpu: number;
}

function now(): Taken {
  const { user, system } = process.cpuUsage();
  return { seconds: performance.now() / 1000, cpu: (user + system) / 1e6 };
}

function since(from: Taken, to: Taken, threads = 2): Taken {
  return { seconds: to.seconds - from.seconds, cpu: (to.cpu - from.cpu) / threads };
}

/** @param threads  that the work keeps busy */
async function taken(work: () => Promise<unknown>, threads = 2): Promise<Taken> {
  const start = now();
  await work();
  return since(start, now(), threads);
}

/** Self attention, attention to a prompt whose keys and values are held, feed-forward. */
function crossBlockGflop(tokens: number, width: number, prompt: number): number {
  const weights = 3 + 1 + 1 + 1 + 8; // qkv, out, q, out, feed-forward, in units of width²
  return (2 * tokens * weights * width ** 2 + 4 * tokens * (tokens + prompt) * width) / 1e9;
}

/** Pairs of neighbors in the 3³ kernel. */
function pairsOf(voxels: Voxels): number {
  return neighborTable(voxels).reduce((n, row) => n + (row < voxels.count ? 1 : 0), 0);
}

function coarseVoxels({ coords, count }: Voxels): Voxels {
  const seen = new Set<number>();
  for (let i = 0; i < count; i++)
    seen.add(((coords[4 * i + 1] >> 1) * 32 + (coords[4 * i + 2] >> 1)) * 32 + (coords[4 * i + 3] >> 1));
  const halves = [...seen].sort((a, b) => a - b).flatMap((id) => [id >> 10, (id >> 5) & 31, id & 31]);
  return voxelsOfObjects([Int32Array.from(halves)], 32);
}

function coarseCount(voxels: Voxels): number {
  return coarseVoxels(voxels).count;
}

/** As published: every pair of neighbors is a product. */
function latentEndsGflop(voxels: Voxels): number {
  const [fine, coarse] = [pairsOf(voxels), pairsOf(coarseVoxels(voxels))];
  const input = fine * 2 * 128 * 128 + coarse * (128 + 1024) * 1024;
  const output = fine * (2048 * 128 + 128 * 128 + 256 * 128 + 128 * 128);
  return (2 * (input + output)) / 1e9;
}

/** Attention inside windows counts its products at exact window sizes. */
function transformerGflop({ coords, count }: Voxels): number {
  const width = 768;
  let scores = 0;
  for (const shift of [0, 4]) {
    const windows = new Map<number, number>();
    for (let i = 0; i < count; i++) {
      const [x, y, z] = [1, 2, 3].map((axis) => (coords[4 * i + axis] + shift) >> 3);
      windows.set((x * 16 + y) * 16 + z, (windows.get((x * 16 + y) * 16 + z) ?? 0) + 1);
    }
    for (const n of windows.values()) scores += (6 * 4 * n * n * width) / 1e9;
  }
  return (12 * 2 * count * 12 * width ** 2) / 1e9 + scores;
}

function meshEndGflop(voxels: Voxels): number {
  const once = subdivided(voxels);
  const [mid, fine] = [pairsOf(once), pairsOf(subdivided(once))];
  const convolutions = mid * (768 * 192 + 192 * 192) + fine * (192 * 96 + 96 * 96);
  return (2 * (convolutions + 64 * voxels.count * 96 * 101)) / 1e9;
}

/** Shell of a sphere, 11 936 voxels. */
function shell(): Voxels {
  const coords: number[] = [];
  for (let x = 0; x < 64; x++)
    for (let y = 0; y < 64; y++)
      for (let z = 0; z < 64; z++)
        if (Math.abs(Math.hypot(x - 31.5, y - 31.5, z - 31.5) - 27.2) <= 0.65) coords.push(x, y, z);
  return voxelsOfObjects([Int32Array.from(coords)], 64);
}

/** Features of cubes whose surface is a sphere in the middle of the shell; colors and weights small and random. */
function sphereFeatures(fine: Voxels) {
  const coords = new Int32Array(3 * fine.count);
  const feats = rng.normal(101 * fine.count).map((v) => 0.1 * v);
  for (let i = 0; i < fine.count; i++) {
    coords.set(fine.coords.subarray(4 * i + 1, 4 * i + 4), 3 * i);
    for (let k = 0; k < 8; k++) {
      const at = [0, 1, 2].map((axis) => (coords[3 * i + axis] + ((k >> axis) & 1)) / 256 - 0.5);
      feats[101 * i + k] = Math.hypot(...at) - 27.2 / 64 + 1 / 256;
    }
  }
  return { resolution: 256, coords, feats };
}
