import { appendFileSync, mkdtempSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runLog } from './run-log.ts';

const clock = () => 1_700_000_000_000;
const newFolder = () => mkdtempSync(join(tmpdir(), 'run-'));
const linesOf = (folder: string) =>
  readFileSync(join(folder, 'log.jsonl'), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));

test('each step is one line with flattened terms, on disk as soon as it is written', async () => {
  const folder = newFolder();
  const log = runLog(folder, { clock });
  await log.write(1, { loss: { total: 2, parts: { mse: 1.5 } }, lr: 1e-4, bad: Number.NaN });
  expect(linesOf(folder)).toEqual([
    { step: 1, time: 1_700_000_000, 'loss/total': 2, 'loss/parts/mse': 1.5, lr: 1e-4, bad: null },
  ]);
  const [name] = readdirSync(join(folder, 'tb_logs'));
  expect(name).toContain('tfevents');
  expect(statSync(join(folder, 'tb_logs', name)).size).toBeGreaterThan(100);
  log.close();
});

test('a run killed in the middle of a line and resumed has each step once', async () => {
  const folder = newFolder();
  const killed = runLog(folder, { clock });
  for (let step = 1; step <= 7; step++) await killed.write(step, { loss: step });
  appendFileSync(join(folder, 'log.jsonl'), '{"step":8,"ti');
  killed.close();
  const resumed = runLog(folder, { clock, resumeAt: 5 });
  for (let step = 6; step <= 9; step++) await resumed.write(step, { loss: -step });
  resumed.close();
  expect(linesOf(folder).map((line) => [line.step, line.loss])).toEqual(
    [1, 2, 3, 4, 5, -6, -7, -8, -9].map((loss) => [Math.abs(loss), loss]),
  );
  expect(readdirSync(join(folder, 'tb_logs'))).toHaveLength(2);
  expect(readdirSync(folder).sort()).toEqual(['log.jsonl', 'tb_logs']);
});

test('a run killed before its first checkpoint starts its log anew', async () => {
  const folder = newFolder();
  for (let run = 0; run < 2; run++) {
    const log = runLog(folder, { clock });
    await log.write(1, { run });
    log.close();
  }
  expect(linesOf(folder)).toEqual([{ step: 1, time: 1_700_000_000, run: 1 }]);
});

test('a damaged line is named and nothing is lost', () => {
  const folder = newFolder();
  appendFileSync(join(folder, 'log.jsonl'), '{"step":1}\nnonsense\n');
  expect(() => runLog(folder, { clock, resumeAt: 1 })).toThrow('line 2');
  expect(readFileSync(join(folder, 'log.jsonl'), 'utf8')).toBe('{"step":1}\nnonsense\n');
});
