import { mkdir, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';

/** Seconds that `work` took. */
export async function seconds(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
}

export const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1];

/** Largest resident memory of this process so far, in GB. */
export const peakRssGb = (): number => process.resourceUsage().maxRSS / 1e6;

/** Repetitions from the command line: `npx tsx bench/….ts 20`. */
export const rounds = (byDefault: number): number => Number(process.argv[2] ?? byDefault);

/**
 * Prints the figures and writes them to bench/results as JSON and Markdown. A machine that was busy before the bench
 * began makes the result provisional: its ratios hold, its single figures do not.
 */
export async function record(
  name: string,
  title: string,
  figures: Readonly<Record<string, number | string>>,
  load = loadBefore,
): Promise<void> {
  const busy = load > 0.5;
  const machine = {
    cpu: cpus()[0].model.trim(),
    cores: availableParallelism(),
    node: process.version,
    loadBefore: round(load),
  };
  const note = busy
    ? 'Provisional: measured beside other load; trust the ratios only.'
    : 'Measured on a quiet machine.';
  const rounded = Object.fromEntries(
    Object.entries(figures).map(([k, v]) => [k, typeof v === 'number' ? round(v) : v]),
  );
  const folder = new URL('./results/', import.meta.url);
  await mkdir(folder, { recursive: true });
  await writeFile(
    new URL(`${name}.json`, folder),
    `${JSON.stringify({ title, provisional: busy, note, machine, figures: rounded }, undefined, 2)}\n`,
  );
  const rows = Object.entries(rounded).map(([k, v]) => `| ${k} | ${v} |`);
  const table = ['| figure | value |', '| --- | --- |', ...rows].join('\n');
  const text = `# ${title}\n\n${note}\n${machine.cores} × ${machine.cpu}, Node ${machine.node}, load ${machine.loadBefore} before.\n\n${table}\n`;
  await writeFile(new URL(`${name}.md`, folder), text);
  console.log(text);
}

const loadBefore = await busyCores(1000);

/** Cores that are at work over a while in which this process sleeps. The load average would still count what has ended. */
async function busyCores(ms: number): Promise<number> {
  const work = () => cpus().reduce((sum, { times: { user, nice, sys, irq } }) => sum + user + nice + sys + irq, 0);
  const before = work();
  await pause(ms);
  return (work() - before) / ms;
}

const round = (v: number): number => Number(v.toPrecision(4));
