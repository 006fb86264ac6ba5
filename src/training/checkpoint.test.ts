import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { writeSafetensors } from '../formats/index.ts';
import { type Checkpoint, latestCheckpoint, loadCheckpoint, saveCheckpoint } from './checkpoint.ts';

const newFolder = () => mkdtempSync(join(tmpdir(), 'checkpoint-'));
const array = (value: number) => ({ shape: [2, 3], data: new Float32Array(6).fill(value) });

function example(step: number): Checkpoint {
  return {
    step,
    models: {
      encoder: { 'out.weight': array(step), 'out.bias': { shape: [], data: Float32Array.of(0.1) } },
      decoder: { 'in.weight': array(-step) },
    },
    ema: { rate: 0.9999, models: { decoder: { 'in.weight': array(step / 2) } } },
    moments: { 'adam.m/decoder.in.weight': array(1e-30), 'adam.v/decoder.in.weight': array(2) },
    misc: { generator: { words: [1, 2 ** 32 - 1], nextNormal: null }, data: { epoch: 3 }, note: 'Ähre "🌾"' },
  };
}

test('what is loaded is what was saved, under the documented file names', () => {
  const folder = newFolder();
  saveCheckpoint(folder, example(1000));
  expect(latestCheckpoint(folder)).toBe(1000);
  expect(loadCheckpoint(folder, 1000)).toEqual(example(1000));
  expect(readdirSync(join(folder, 'ckpts')).sort()).toEqual([
    'decoder_ema0.9999_step0001000.safetensors',
    'decoder_step0001000.safetensors',
    'encoder_step0001000.safetensors',
    'misc_step0001000.safetensors',
  ]);
});

test('only the newest checkpoints stay', () => {
  const folder = newFolder();
  for (const step of [1, 2, 3, 4]) saveCheckpoint(folder, example(step));
  expect(() => loadCheckpoint(folder, 2)).toThrow('complete: 3, 4');
  expect([3, 4].map((step) => loadCheckpoint(folder, step).step)).toEqual([3, 4]);
  expect(readdirSync(join(folder, 'ckpts'))).toHaveLength(8);
  saveCheckpoint(folder, example(5), { keep: 1 });
  expect(readdirSync(join(folder, 'ckpts'))).toHaveLength(4);
});

test('a folder without checkpoints, or with an incomplete one, has no latest', () => {
  const folder = newFolder();
  expect(latestCheckpoint(folder)).toBeUndefined();
  saveCheckpoint(folder, example(1));
  rmSync(join(folder, 'ckpts/misc_step0000001.safetensors'));
  expect(latestCheckpoint(folder)).toBeUndefined();
});

test('damage is refused by name: files cut short or missing, tensors missing, misshapen or not numbers', () => {
  const damaged = (damage: (path: string) => void) => () => {
    const folder = newFolder();
    saveCheckpoint(folder, example(1));
    damage(join(folder, 'ckpts/decoder_step0000001.safetensors'));
    loadCheckpoint(folder, 1);
  };
  const content = (tensors: Parameters<typeof writeSafetensors>[0]) =>
    damaged((path) => writeFileSync(path, writeSafetensors(tensors)));
  expect(damaged((path) => truncateSync(path, readFileSync(path).length - 4))).toThrow(/decoder_step.* is damaged/);
  expect(damaged((path) => truncateSync(path, 5))).toThrow(/decoder_step.* is damaged/);
  expect(damaged((path) => rmSync(path))).toThrow(/decoder_step.* is missing/);
  expect(content({})).toThrow('lacks the tensor "in.weight"');
  expect(content({ 'in.weight': array(1), more: array(1) })).toThrow('holds "more"');
  expect(content({ 'in.weight': { shape: [3, 2], data: new Float32Array(6) } })).toThrow('must be [2, 3], got [3, 2]');
  expect(content({ 'in.weight': array(Number.NaN) })).toThrow('"in.weight" is NaN at element 0');
});

test('weights that are not numbers are not saved, and the good checkpoint stays', () => {
  const folder = newFolder();
  saveCheckpoint(folder, example(1), { keep: 1 });
  const diverged = { ...example(2), models: { decoder: { 'in.weight': array(Number.NaN) } } };
  expect(() => saveCheckpoint(folder, diverged, { keep: 1 })).toThrow('"in.weight" is NaN');
  expect(latestCheckpoint(folder)).toBe(1);
});

test('a saver killed in the middle of a file leaves the checkpoint before it whole', async () => {
  const script = `
    const { saveCheckpoint } = await import(${JSON.stringify(new URL('./checkpoint.ts', import.meta.url).href)});
    const arrays = (step) => ({ w: { shape: [4_000_000], data: new Float32Array(4_000_000).fill(step) } });
    for (let step = 1; ; step++)
      saveCheckpoint(process.argv[1], { step, models: { a: arrays(step), b: arrays(step) },
        ema: { rate: 0.99, models: { a: arrays(step) } }, moments: arrays(step), misc: step });`;
  for (const unfinished of ['a_step', 'b_step', 'misc_step']) {
    const folder = newFolder();
    const args = ['--import', 'tsx', '--input-type=module', '-e', script, folder];
    const saver = spawn(process.execPath, args, { stdio: 'ignore' });
    const ended = new Promise((resolve) => saver.once('exit', (_, signal) => resolve(signal)));
    const seen = () =>
      latestCheckpoint(folder) !== undefined &&
      readdirSync(join(folder, 'ckpts')).some((file) => file.startsWith(unfinished) && file.endsWith('.tmp'));
    while (!seen() && saver.exitCode === null) await sleep(0);
    saver.kill('SIGKILL');
    expect(await ended).toBe('SIGKILL');

    const step = latestCheckpoint(folder)!;
    const { models, ema, moments, misc } = loadCheckpoint(folder, step);
    expect(misc).toBe(step);
    for (const arrays of [models.a, models.b, ema.models.a, moments])
      expect(arrays.w.data.every((value) => value === step)).toBe(true);
    saveCheckpoint(folder, example(step + 1)); // and the run goes on
    expect(readdirSync(join(folder, 'ckpts')).filter((file) => file.endsWith('.tmp'))).toEqual([]);
    rmSync(folder, { recursive: true });
  }
}, 60_000);
