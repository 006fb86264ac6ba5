/**
 * What 8-bit weights cost in exactness: each network's output with `precision: 'int8'` against float32, relative RMS, on
 * random weights (fresh ones, zeros made normal, so that every layer contributes) and random inputs. A sampled result sees
 * this error at each step.
 *   npx tsx bench/int8-error.ts [width, 256 by default] [blocks, 4]
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeSafetensors } from '../src/formats/index.ts';
import { type ClassName, checkedNetwork, localFile, networkClasses, openWeights } from '../src/pipelines/index.ts';
import { promptEncoderGraph } from '../src/stages/0-condition/index.ts';
import { structureFlow } from '../src/stages/1-structure/index.ts';
import {
  compile,
  floats,
  initialize,
  input,
  integers,
  type Scope,
  scope,
  type Tensor,
  torchGenerator,
  type Value,
} from '../src/tensor/index.ts';
import { record } from './measure.ts';

const [width, blocks] = [Number(process.argv[2] ?? 256), Number(process.argv[3] ?? 4)];
const heads = width / 64;
const rng = torchGenerator(0);
const normal = (...dims: number[]): Value => floats(rng.normal(dims.reduce((a, d) => a * d, 1)), dims);

interface Case {
  name: ClassName;
  /** as in a component file */
  options: object;
  /** the network as a graph, and what it is fed */
  // biome-ignore lint/suspicious/noExplicitAny: the configuration of whatever network the row is about
  build(config: any, p: Scope): { output: Tensor; feeds: Record<string, Value> };
}

const cases: Case[] = [
  {
    name: 'SparseStructureFlowModel',
    options: {
      resolution: 8,
      in_channels: 8,
      out_channels: 8,
      model_channels: width,
      cond_channels: width,
      num_blocks: blocks,
      num_heads: heads,
      patch_size: 1,
      qk_rms_norm: true,
    },
    build: (config, p) => ({
      output: structureFlow(config, p, input('x', [1, 8, 8, 8, 8]), input('t', [1]), input('cond', [1, 77, width])),
      feeds: { x: normal(1, 8, 8, 8, 8), t: floats(Float32Array.of(500), [1]), cond: normal(1, 77, width) },
    }),
  },
  {
    name: 'DinoVisionTransformer',
    options: { img_size: 112, embed_dim: width, depth: blocks, num_heads: heads, num_register_tokens: 4 },
    build: (config, p) => ({
      output: promptEncoderGraph({ name: 'DinoVisionTransformer', config }, p),
      feeds: { pictures: floats(rng.uniform(112 * 112 * 3), [1, 112, 112, 3]) },
    }),
  },
  {
    name: 'CLIPTextModel',
    options: {
      vocab_size: 1000,
      hidden_size: width,
      num_hidden_layers: blocks,
      num_attention_heads: heads,
      intermediate_size: 4 * width,
    },
    build: (config, p) => ({
      output: promptEncoderGraph({ name: 'CLIPTextModel', config }, p),
      feeds: {
        ids: integers(
          Int32Array.from({ length: 77 }, (_, i) => (i * 37) % 1000),
          [1, 77],
        ),
      },
    }),
  },
  {
    name: 'PatchEncoder',
    options: { image_size: 64, patch_size: 8, model_channels: width, num_blocks: blocks, num_heads: heads },
    build: (config, p) => ({
      output: promptEncoderGraph({ name: 'PatchEncoder', config }, p),
      feeds: { pictures: floats(rng.uniform(64 * 64 * 3), [1, 64, 64, 3]) },
    }),
  },
];

const folder = await mkdtemp(join(tmpdir(), 'espalier-int8-error-'));
const figures: Record<string, number> = { width, blocks };
try {
  for (const { name, options, build } of cases) {
    const parsed = networkClasses[name].read(options, new Set());
    if (!parsed.success) throw parsed.error;
    const { output, feeds } = build(parsed.data, scope());
    const path = join(folder, `${name}.safetensors`);
    await writeFile(path, randomWeights(name, parsed.data as never));
    const network = await checkedNetwork(name, await localFile(path), options, name);
    const run = async (precision: 'fp32' | 'int8') => {
      const program = await compile({ output }, await openWeights(network, { precision, cache: folder }));
      const got = (await program.run(feeds)).output.data as Float32Array;
      await program.dispose();
      return got;
    };
    figures[`${name}, relative RMS error`] = relativeRms(await run('int8'), await run('fp32'));
  }
} finally {
  await rm(folder, { recursive: true });
}
await record('int8-error', 'Error of 8-bit weights (blocks of 128) against float32', figures);

function randomWeights(name: ClassName, config: never): Uint8Array {
  const declared = networkClasses[name].declare(config).parameters;
  return writeSafetensors(
    new Map(
      [...declared].map(([key, { attributes, shape }]) => {
        const init = attributes.init.kind === 'zeros' ? { kind: 'normal' as const, std: 0.02 } : attributes.init;
        return [key, { shape: shape as number[], data: initialize(init, shape, rng) }];
      }),
    ),
  );
}

function relativeRms(a: Float32Array, b: Float32Array): number {
  let [error, size] = [0, 0];
  for (let i = 0; i < b.length; i++) {
    error += (a[i] - b[i]) ** 2;
    size += b[i] ** 2;
  }
  return Math.sqrt(error / size);
}
