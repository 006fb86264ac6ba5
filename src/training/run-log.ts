/**
 * What a run tells about itself: one line of JSON per step in `log.jsonl`, and the same numbers for TensorBoard in
 * `tb_logs/`. A run that was killed and resumed has every step once.
 */
import {
  appendFileSync,
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type Clock, eventFile } from './tensorboard.ts';

/** Named numbers, nested as deep as you like: `{ loss: { mse } }` is logged as `loss/mse`. */
export interface LogTerms {
  readonly [name: string]: number | LogTerms;
}

export interface RunLog {
  /** Logs one step; it is in the file when this resolves. JSON has no NaN or Infinity: there they become null. */
  write(step: number, terms: LogTerms): Promise<void>;
  close(): void;
}

export interface RunLogOptions {
  /** Step of the checkpoint the run resumes from: later lines are dropped. Without it the log starts anew. */
  readonly resumeAt?: number;
  readonly clock: Clock;
}

/** Opens the log of a run folder, created if absent; whoever opens it closes it. */
export function runLog(folder: string, { resumeAt, clock }: RunLogOptions): RunLog {
  const boards = join(folder, 'tb_logs');
  mkdirSync(boards, { recursive: true });
  const path = join(folder, 'log.jsonl');
  const lastKept = resumeAt ?? Number.NEGATIVE_INFINITY;
  if (existsSync(path)) keepSteps(path, lastKept);
  const file = openSync(path, 'a');
  // TensorBoard reads event files by name: seconds first, then how many there were, for two starts in one second.
  const name = `events.out.tfevents.${Math.floor(clock() / 1000)}.${String(readdirSync(boards).length).padStart(4, '0')}`;
  const events = eventFile(join(boards, name), clock, resumeAt === undefined ? 0 : resumeAt + 1);
  return {
    async write(step, terms) {
      const flat = flatten(terms);
      for (const reserved of ['step', 'time'])
        if (reserved in flat) throw new Error(`runLog: the name "${reserved}" is the log's own. Rename the term.`);
      appendFileSync(file, `${JSON.stringify({ step, time: clock() / 1000, ...flat })}\n`);
      const finite = Object.entries(flat).filter(([, value]) => Number.isFinite(value));
      if (finite.length > 0) await events.scalars(step, Object.fromEntries(finite));
    },
    close() {
      closeSync(file);
      events.close();
    },
  };
}

/** Rewrites the log without steps after `last`, and without a last line that was cut off. */
function keepSteps(path: string, last: number): void {
  const lines = readFileSync(path, 'utf8').split('\n');
  const unfinished = lines.pop(); // what follows the last newline: empty, or written halfway
  const kept = lines.filter((line, i) => stepOf(line, path, i + 1) <= last);
  if (kept.length === lines.length && unfinished === '') return;
  const temporary = `${path}.tmp`;
  const file = openSync(temporary, 'w');
  writeFileSync(file, kept.map((line) => `${line}\n`).join(''));
  fsyncSync(file);
  closeSync(file);
  renameSync(temporary, path);
}

function stepOf(line: string, path: string, number: number): number {
  let step: unknown;
  try {
    step = JSON.parse(line)?.step;
  } catch {
    step = undefined; // reported below, as any line without a step
  }
  if (typeof step !== 'number')
    throw new Error(
      `runLog: ${path}, line ${number}: expected JSON with a "step", got ${JSON.stringify(line.slice(0, 60))}. Remove the line.`,
    );
  return step;
}

function flatten(terms: LogTerms, prefix = ''): Record<string, number> {
  const flat: Record<string, number> = {};
  for (const [name, value] of Object.entries(terms)) {
    if (typeof value === 'number') flat[prefix + name] = value;
    else Object.assign(flat, flatten(value, `${prefix}${name}/`));
  }
  return flat;
}
