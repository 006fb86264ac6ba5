import { expect, test } from 'vitest';
import type { EspalierEvent } from '../../src/index.ts';
import { duration, follow, initialState, type ProgressMode, progress, progressLine } from './progress.ts';

const step = (n: number, of = 25, stage = 'structure') => ({ kind: 'step', stage, step: n, of }) as const;

test('remaining time is the mean time per step since the stage began, times the steps left', () => {
  let state = follow(initialState, step(0), 1000);
  state = follow(state, step(5), 11_000);
  expect(progressLine(state, step(5), 11_000, 200)).toBe('structure  ████░░░░░░░░░░░░░░░░  5/25  0:40 left');
});

test('a resumed stage reckons its remaining time from the step it resumed at', () => {
  let state = follow(initialState, step(900, 1000, 'train'), 0);
  state = follow(state, step(910, 1000, 'train'), 10_000);
  expect(progressLine(state, step(910, 1000, 'train'), 10_000, 200)).toContain('1:30 left');
});

test('the line never exceeds the width of the terminal', () => {
  expect(progressLine(initialState, step(3), 0, 20)).toHaveLength(20);
});

test('durations are read as clock times, and as days from one day on', () => {
  expect([7, 760, 11_100, 187_200].map(duration)).toEqual(['0:07', '12:40', '3:05:00', '2 d 4 h']);
});

function written(mode: ProgressMode, events: readonly EspalierEvent[]): string {
  let out = '';
  let ms = 0;
  const shown = progress({
    mode,
    columns: 80,
    now: () => {
      ms += 1000;
      return ms;
    },
    write: (text) => {
      out += text;
    },
  });
  for (const event of events) shown.onEvent(event);
  shown.end();
  return out;
}

const thousand = Array.from({ length: 1001 }, (_, i) => step(i, 1000));

test('a log file gets one line per tenth of a stage or per minute, not one per step', () => {
  const lines = written('plain', thousand).trimEnd().split('\n');
  expect(lines.length).toBeGreaterThanOrEqual(11);
  expect(lines.length).toBeLessThanOrEqual(30);
  expect(lines.at(-1)).toContain('1000/1000');
  expect(lines.join('')).not.toContain('\r');
});

test('with --json every event is one line that parses back to itself', () => {
  const events: EspalierEvent[] = [step(1), { kind: 'done', stage: 'mesh', seconds: 2, summary: '10 triangles' }];
  const lines = written('json', events).trimEnd().split('\n');
  expect(lines.map((line) => JSON.parse(line))).toEqual(events);
});

test('on a terminal a finished part replaces the progress line and nothing is left drawn at the end', () => {
  const out = written('tty', [
    step(1),
    { kind: 'skipped', stage: 'render', item: 'a.glb', reason: 'no mesh' },
    step(2),
  ]);
  expect(out).toContain('\r\x1b[2Krender     skipped a.glb: no mesh\n');
  expect(out.endsWith('\r\x1b[2K')).toBe(true);
});
