/**
 * A run at rest, in the folder `ckpts/` of a run, at step S written with seven digits:
 *
 *   {model}_stepS.safetensors            current weights
 *   {model}_ema{rate}_stepS.safetensors  their moving average, the one to publish
 *   misc_stepS.safetensors               moments of the optimiser; everything else as JSON in the metadata
 *
 * Each file is written under a temporary name, flushed and renamed; `misc` comes last and lists the others with their
 * tensors, so that a checkpoint is complete exactly when its `misc` exists.
 */
import {
  closeSync,
  existsSync,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { readSafetensors, writeSafetensors } from '../formats/index.ts';

export interface StoredArray {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** Arrays by name. */
export type StoredArrays = Record<string, StoredArray>;

export interface Checkpoint {
  /** Optimiser steps taken. */
  readonly step: number;
  /** Current weights, by model. */
  readonly models: Readonly<Record<string, StoredArrays>>;
  readonly ema: { readonly rate: number; readonly models: Readonly<Record<string, StoredArrays>> };
  /** Of the optimiser: `adam.m/<model>.<name>`, `adam.v/<model>.<name>`. */
  readonly moments: StoredArrays;
  /** Generator states, data position, clipper state, …: anything JSON can hold. */
  readonly misc: unknown;
}

export interface SaveOptions {
  /** How many checkpoints stay, this one included. Default 2. */
  readonly keep?: number;
}

/**
 * Saves a checkpoint into a run folder, then removes the oldest. Blocks until all is on disk: weights must not move
 * while they are written.
 * @throws when an array holds NaN or Infinity: such a checkpoint must not push out a good one
 */
export function saveCheckpoint(folder: string, checkpoint: Checkpoint, { keep = 2 }: SaveOptions = {}): void {
  const { step, models, ema, moments, misc } = checkpoint;
  if (!Number.isInteger(keep) || keep < 1)
    throw new RangeError(`saveCheckpoint: keep must be at least 1, got ${keep}.`);
  if (!Number.isSafeInteger(step) || step < 0) throw new RangeError(`saveCheckpoint: step must be whole, got ${step}.`);
  const miscJson = JSON.stringify(misc);
  if (miscJson === undefined) throw new TypeError('saveCheckpoint: misc must be JSON, got a value JSON cannot hold.');

  const files = new Map<string, StoredArrays>();
  for (const [model, arrays] of Object.entries(models)) files.set(weightsFile(model, step), arrays);
  for (const [model, arrays] of Object.entries(ema.models)) files.set(weightsFile(model, step, ema.rate), arrays);
  for (const [file, arrays] of [...files, [miscFile(step), moments] as const])
    for (const [name, { data }] of Object.entries(arrays)) expectFinite('saveCheckpoint', file, name, data);
  const manifest: Manifest = {
    models: mapValues(models, shapesOf),
    ema: { rate: ema.rate, models: mapValues(ema.models, shapesOf) },
    moments: shapesOf(moments),
  };

  const ckpts = join(folder, 'ckpts');
  mkdirSync(ckpts, { recursive: true });
  for (const file of readdirSync(ckpts)) if (file.endsWith(TEMPORARY)) rmSync(join(ckpts, file)); // of a killed save
  rmSync(join(ckpts, miscFile(step)), { force: true }); // saved again: incomplete until the new misc is there
  syncFolder(ckpts);
  for (const [file, arrays] of files) writeDurably(ckpts, file, writeSafetensors(arrays, { step: String(step) }));
  syncFolder(ckpts);
  const metadata = { step: String(step), manifest: JSON.stringify(manifest), misc: miscJson };
  writeDurably(ckpts, miscFile(step), writeSafetensors(moments, metadata));
  syncFolder(ckpts);
  removeOld(ckpts, step, keep);
}

/** Step of the newest complete checkpoint of a run folder, if there is one. */
export function latestCheckpoint(folder: string): number | undefined {
  return completeSteps(join(folder, 'ckpts')).at(-1);
}

/** Loads what `saveCheckpoint` saved; every file, tensor, shape and value is checked. */
export function loadCheckpoint(folder: string, step: number): Checkpoint {
  const ckpts = join(folder, 'ckpts');
  if (!existsSync(join(ckpts, miscFile(step)))) {
    const others = completeSteps(ckpts).join(', ') || 'none';
    throw new Error(`loadCheckpoint: ${ckpts} has no complete checkpoint at step ${step}; complete: ${others}.`);
  }
  const { arrays: moments, metadata } = readArrays(ckpts, miscFile(step));
  const manifest = parseMetadata(ckpts, step, metadata);
  const weights = (shapes: Shapes, file: string) => expectShapes(shapes, readArrays(ckpts, file).arrays, ckpts, file);
  return {
    step,
    models: mapValues(manifest.models, (shapes, model) => weights(shapes, weightsFile(model, step))),
    ema: {
      rate: manifest.ema.rate,
      models: mapValues(manifest.ema.models, (shapes, model) =>
        weights(shapes, weightsFile(model, step, manifest.ema.rate)),
      ),
    },
    moments: expectShapes(manifest.moments, moments, ckpts, miscFile(step)),
    misc: JSON.parse(metadata.misc),
  };
}

type Shapes = Readonly<Record<string, readonly number[]>>;

/** What belongs to a checkpoint: shapes by name, in the metadata of `misc`. */
interface Manifest {
  readonly models: Readonly<Record<string, Shapes>>;
  readonly ema: { readonly rate: number; readonly models: Readonly<Record<string, Shapes>> };
  readonly moments: Shapes;
}

const TEMPORARY = '.safetensors.tmp';

function weightsFile(model: string, step: number, emaRate?: number): string {
  if (!/^[A-Za-z0-9][\w.-]*$/.test(model) || model === 'misc')
    throw new Error(
      `checkpoint: a model cannot be named "${model}", its files are named after it. Use letters and digits.`,
    );
  return `${model}${emaRate === undefined ? '' : `_ema${emaRate}`}_step${digits(step)}.safetensors`;
}

function miscFile(step: number): string {
  return `misc_step${digits(step)}.safetensors`;
}

function digits(step: number): string {
  return String(step).padStart(7, '0');
}

/** Ascending. */
function completeSteps(ckpts: string): number[] {
  if (!existsSync(ckpts)) return [];
  const steps = readdirSync(ckpts).flatMap((file) => /^misc_step(\d{7,})\.safetensors$/.exec(file)?.[1] ?? []);
  return steps.map(Number).sort((a, b) => a - b);
}

/** Removes all that is older than the `keep` newest complete checkpoints up to `step`, each `misc` before its weights. */
function removeOld(ckpts: string, step: number, keep: number): void {
  const oldest = completeSteps(ckpts)
    .filter((each) => each <= step)
    .at(-keep);
  if (oldest === undefined) return;
  const old = readdirSync(ckpts).filter((file) => {
    const match = /_step(\d{7,})\.safetensors$/.exec(file);
    return match !== null && Number(match[1]) < oldest;
  });
  const isMisc = (file: string) => file.startsWith('misc_step');
  for (const file of old.filter(isMisc)) rmSync(join(ckpts, file));
  syncFolder(ckpts);
  for (const file of old.filter((each) => !isMisc(each))) rmSync(join(ckpts, file));
}

/** System calls move at most 2 GiB at once; weights and moments may be larger. */
const CHUNK = 2 ** 30;

function writeDurably(ckpts: string, file: string, bytes: Uint8Array): void {
  const temporary = join(ckpts, file.replace(/\.safetensors$/, TEMPORARY));
  const handle = openSync(temporary, 'w');
  try {
    for (let at = 0; at < bytes.length; ) at += writeSync(handle, bytes, at, Math.min(CHUNK, bytes.length - at));
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
  renameSync(temporary, join(ckpts, file));
}

/** Makes renames and removals last through a loss of power. */
function syncFolder(path: string): void {
  if (process.platform === 'win32') return; // folders cannot be opened there
  const handle = openSync(path, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

function readArrays(ckpts: string, file: string) {
  const path = join(ckpts, file);
  if (!existsSync(path)) throw new Error(`loadCheckpoint: ${path} is missing. Load an earlier step, or put it back.`);
  let content: ReturnType<typeof readSafetensors>;
  try {
    content = readSafetensors(readBytes(path));
  } catch (cause) {
    throw new Error(`loadCheckpoint: ${path} is damaged: ${(cause as Error).message} Load an earlier step.`, { cause });
  }
  const arrays: Record<string, StoredArray> = {};
  for (const [name, { dtype, shape, data }] of content.tensors) {
    if (!(data instanceof Float32Array))
      throw new Error(`loadCheckpoint: ${path}: "${name}" must be F32, got ${dtype}. Load an earlier step.`);
    expectFinite('loadCheckpoint', path, name, data);
    arrays[name] = { shape, data };
  }
  return { arrays, metadata: content.metadata };
}

function readBytes(path: string): Uint8Array {
  const handle = openSync(path, 'r');
  try {
    const bytes = new Uint8Array(fstatSync(handle).size);
    for (let at = 0; at < bytes.length; ) {
      const count = readSync(handle, bytes, at, Math.min(CHUNK, bytes.length - at), null);
      if (count === 0) throw new Error('the file became shorter while it was read.');
      at += count;
    }
    return bytes;
  } finally {
    closeSync(handle);
  }
}

function parseMetadata(ckpts: string, step: number, metadata: Readonly<Record<string, string>>): Manifest {
  const path = join(ckpts, miscFile(step));
  if (metadata.manifest === undefined || metadata.misc === undefined)
    throw new Error(
      `loadCheckpoint: ${path} has no manifest in its metadata. It is not the misc file of a checkpoint.`,
    );
  if (metadata.step !== String(step))
    throw new Error(
      `loadCheckpoint: ${path} is of step ${metadata.step}, expected ${step}. It was renamed; undo that.`,
    );
  return JSON.parse(metadata.manifest);
}

/** `arrays` in the order of `shapes`, when both name the same arrays of the same shapes. */
function expectShapes(shapes: Shapes, arrays: StoredArrays, ckpts: string, file: string): StoredArrays {
  const path = join(ckpts, file);
  for (const name of Object.keys(arrays))
    if (!Object.hasOwn(shapes, name))
      throw new Error(`loadCheckpoint: ${path} holds "${name}", which was not saved there. Load an earlier step.`);
  return mapValues(shapes, (shape, name) => {
    if (!Object.hasOwn(arrays, name))
      throw new Error(`loadCheckpoint: ${path} lacks the tensor "${name}". Load an earlier step.`);
    if (arrays[name].shape.join() !== shape.join())
      throw new Error(`loadCheckpoint: ${path}: "${name}" must be [${shape.join(', ')}], got [${arrays[name].shape.join(', ')}]. Load an earlier step.`); // biome-ignore format: one message
    return arrays[name];
  });
}

function expectFinite(caller: string, file: string, name: string, data: Float32Array): void {
  for (let i = 0; i < data.length; i++)
    if (!Number.isFinite(data[i]))
      throw new Error(
        `${caller}: ${file}: "${name}" is ${data[i]} at element ${i}; the run diverged. Resume from an earlier step.`,
      );
}

function shapesOf(arrays: StoredArrays): Shapes {
  return mapValues(arrays, ({ shape }) => shape);
}

function mapValues<A, B>(record: Readonly<Record<string, A>>, map: (value: A, key: string) => B): Record<string, B> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, map(value, key)]));
}
