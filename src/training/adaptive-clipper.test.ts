import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { readSafetensors, toFloat32 } from '../formats/index.ts';
import { adaptiveClipper, clipFactor, fixedClipper } from './adaptive-clipper.ts';

const { tensors, metadata } = readSafetensors(readFileSync('test/golden/losses.safetensors'));
const golden = (name: string) => [...toFloat32(tensors.get(name)!)];
const { grad_clipper } = JSON.parse(metadata.config);
const options = {
  maxNorm: grad_clipper.max_norm,
  clipPercentile: grad_clipper.clip_percentile,
  bufferSize: grad_clipper.buffer_size,
};

test('limits and clipped norms follow the reference, step by step, over a norm that is not finite', () => {
  const clipper = adaptiveClipper(options);
  const limits = golden('out.clip_max_norm');
  const clipped = golden('out.clip_after_norm');
  golden('in.clip_norms').forEach((norm, i) => {
    if (Number.isFinite(norm)) expect(norm * clipFactor(norm, clipper.limit())).toBeCloseTo(clipped[i], 5); // float32
    clipper.record(norm);
    expect(clipper.limit()).toBeCloseTo(limits[i], 6); // float32
  });
});

test('a clipper restored from JSON goes on as the one that was saved', () => {
  const norms = golden('in.clip_norms');
  for (let cut = 0; cut < norms.length; cut++) {
    const whole = adaptiveClipper(options);
    for (const norm of norms.slice(0, cut)) whole.record(norm);
    const resumed = adaptiveClipper(options);
    resumed.restore(JSON.parse(JSON.stringify(whole.state())));
    for (const norm of norms.slice(cut)) {
      whole.record(norm);
      resumed.record(norm);
      expect(resumed.limit()).toBe(whole.limit());
    }
  }
});

test('without a cap there is no limit until the buffer is full, and JSON keeps that', () => {
  const clipper = adaptiveClipper({ maxNorm: Number.POSITIVE_INFINITY, clipPercentile: 50, bufferSize: 2 });
  clipper.record(3);
  clipper.restore(JSON.parse(JSON.stringify(clipper.state())));
  expect(clipper.limit()).toBe(Number.POSITIVE_INFINITY);
  clipper.record(5);
  expect(clipper.limit()).toBe(4);
});

test('a fixed clipper never moves', () => {
  const clipper = fixedClipper(0.5);
  for (let i = 0; i < 2000; i++) clipper.record(0.01);
  expect(clipper.limit()).toBe(0.5);
});
