/**
 * Picture → `.glb` with the shipped model, loading included: whole processes, one after the other.
 *
 *   npm run build && npx tsx bench/generate.ts
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';

const out = join(mkdtempSync(join(tmpdir(), 'espalier-bench-')), 'chair.glb');
const load = loadavg()[0];
const seconds = Array.from({ length: 5 }, () => {
  const start = performance.now();
  execFileSync(process.execPath, ['dist/apps/cli/main.js', 'generate', 'examples/chair.png', '--out', out], {
    stdio: 'ignore',
  });
  return (performance.now() - start) / 1000;
}).sort((a, b) => a - b);
const result = {
  task: 'picture → .glb, examples/chair.png, models/mini',
  medianSeconds: Number(seconds[2].toFixed(2)),
  spreadSeconds: [seconds[0], seconds[4]].map((s) => Number(s.toFixed(2))),
  machine: { cpu: cpus()[0]?.model, cores: cpus().length },
  node: process.version,
  loadBefore: Number(load.toFixed(2)),
  date: new Date().toISOString(),
  commit: execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim(),
};
writeFileSync('bench/results/generate.json', `${JSON.stringify(result, undefined, 2)}\n`);
console.log(JSON.stringify(result));
