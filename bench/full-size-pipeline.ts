/**
 * Picture → `.ply` and textured `.glb` with all networks of the published picture model at full size and random weights: seconds
 * of each stage, and the largest memory of the whole process.
 *
 *   npx tsx bench/full-size-folder.ts <folder>                      # writes the weights, once
 *   npm run build && npx tsx bench/full-size-pipeline.ts <folder> [--int8] [--steps 2]
 *
 * Memory does not depend on the number of steps, so few are taken unless told otherwise; the time that the published number
 * of forwards would take follows from the two flows' own.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { record } from './measure.ts';

/** Forwards of each flow in the published settings: 25 steps, guidance in [0.5, 1], rescale 3. */
const PUBLISHED_FORWARDS = 44;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { int8: { type: 'boolean', default: false }, steps: { type: 'string', default: '2' } },
});
const [folder] = positionals;
if (!folder) throw new Error('give the folder of the weights: npx tsx bench/full-size-pipeline.ts <folder> [--int8]');
if (!existsSync('/proc/self/status'))
  throw new Error('the memory of the process is read from /proc, which is not here.');

const out = mkdtempSync(join(tmpdir(), 'espalier-bench-'));
const files = [join(out, 'asset.ply'), join(out, 'asset.glb')];
const precision = values.int8 ? 'int8' : 'fp32';
const args = ['dist/apps/cli/main.js', 'generate', 'examples/chair.png', '--model', folder, '--json'];
args.push('--steps', values.steps, '--latent-steps', values.steps, '--precision', precision);
args.push(...files.flatMap((file) => ['--out', file]));
const program = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });

let peak = 0;
const watch = setInterval(() => {
  if (!existsSync(`/proc/${program.pid}/status`)) return;
  const line = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${program.pid}/status`, 'utf8'));
  if (line) peak = Math.max(peak, (Number(line[1]) * 1024) / 1e9);
}, 200);

const stages: Record<string, number> = {};
const peaks: Record<string, number> = {};
let summary = '';
for await (const line of createInterface({ input: program.stdout })) {
  const event = JSON.parse(line);
  if (event.kind !== 'done') continue;
  if (event.stage === 'generate') summary = event.summary;
  stages[event.stage] = event.seconds;
  peaks[event.stage] = peak;
}
const [code] = program.exitCode === null ? await once(program, 'exit') : [program.exitCode];
clearInterval(watch);
if (code !== 0) throw new Error(`espalier generate ended with exit code ${code}.`);

const flows = stages.structure + stages.latent;
const megabytes = Object.fromEntries(files.map((file) => [`${file.slice(-3)} written, MB`, statSync(file).size / 1e6]));
rmSync(out, { recursive: true });
await record(
  `full-size-pipeline-${precision}`,
  `Picture to .ply and .glb, image-large at full size with random weights, ${precision}, ${values.steps} steps of each flow`,
  {
    [`peak RSS, GB (aim ≤ ${values.int8 ? 3 : 6})`]: peak,
    ...Object.fromEntries(Object.entries(peaks).map(([stage, gb]) => [`peak RSS until after ${stage}, GB`, gb])),
    ...Object.fromEntries(Object.entries(stages).map(([stage, s]) => [`${stage}, s`, s])),
    'all with the published 25 steps, s':
      stages.generate + flows * (PUBLISHED_FORWARDS / forwards(Number(values.steps)) - 1),
    ...megabytes,
    made: summary,
  },
);

/** Forwards of a flow in so many steps of the published settings. */
function forwards(steps: number): number {
  const rescale = 3;
  const time = (i: number) => (rescale * (1 - i / steps)) / (1 + (rescale - 1) * (1 - i / steps));
  return Array.from({ length: steps }, (_, i) => (time(i) >= 0.5 ? 2 : 1)).reduce((a, b) => a + b, 0);
}
