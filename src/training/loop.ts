import type { Value } from '../tensor/index.ts';
import { averageName } from './adamw.ts';
import type { Clipper, ClipperState } from './adaptive-clipper.ts';
import { latestCheckpoint, loadCheckpoint, type StoredArray, saveCheckpoint } from './checkpoint.ts';
import { runLog } from './run-log.ts';
import type { States, TrainingProgram } from './training-program.ts';

export type TrainEvent =
  | { kind: 'step'; stage: 'train' | 'encode'; step: number; of: number; loss: number }
  | { kind: 'resumed'; step: number }
  | { kind: 'saved'; step: number }
  | { kind: 'validated'; step: number; terms: Record<string, number> };

export interface TrainLoop {
  /** run folder: checkpoints, logs, snapshots */
  folder: string;
  /** prefixes of the weights' names: 'encoder', 'decoder', 'denoiser' … */
  models: readonly string[];
  emaRate: number;
  maxSteps: number;
  /** names of stored buffers, which have no moments */
  buffers?: readonly string[];
  /** what a resumed run must agree on with its checkpoint */
  identity: Readonly<Record<string, unknown>>;
  fresh: () => States | Promise<States>;
  open: (states: States) => Promise<TrainingProgram>;
  /** feeds of step `step` (from 0): a pure function of the step, so that a killed run continues as if nothing happened */
  batch: (step: number) => Promise<Record<string, Value>> | Record<string, Value>;
  learningRate: (step: number) => number;
  clipper: Clipper;
  logEvery: number;
  saveEvery: number;
  /** figures and pictures from the averaged weights; called every `validateEvery` steps and at the end */
  validate?: (step: number, averaged: States) => Promise<Record<string, number>>;
  validateEvery: number;
  /** milliseconds since any origin */
  clock: () => number;
  signal?: AbortSignal;
  onEvent?: (event: TrainEvent) => void;
}

/** What the names of averages begin with. */
const AVERAGE = averageName('').slice(0, -1);

/** Skipped updates in a row after which a run is given up. */
const PATIENCE = 20;

/** Trains to `maxSteps`, from the newest checkpoint of the folder when there is one. Returns the averaged weights. */
export async function train(loop: TrainLoop): Promise<States> {
  const { folder, clipper, maxSteps, onEvent, signal } = loop;
  const found = latestCheckpoint(folder);
  let states = await loop.fresh();
  let step = 0;
  if (found !== undefined) {
    const checkpoint = loadCheckpoint(folder, found);
    const misc = checkpoint.misc as { identity: unknown; clipper: ClipperState };
    if (JSON.stringify(misc.identity) !== JSON.stringify(loop.identity))
      throw new Error(
        `train: ${folder} holds a run of another recipe.\n  there: ${JSON.stringify(misc.identity)}\n  here:  ${JSON.stringify(loop.identity)}\nGive --out another folder, or the recipe its old options.`,
      );
    states = statesOf(loop, checkpoint, states);
    clipper.restore(misc.clipper);
    step = found;
    onEvent?.({ kind: 'resumed', step });
  }
  const log = runLog(folder, { resumeAt: step, clock: loop.clock });
  const program = await loop.open(states);
  const save = async () => {
    const now = await program.read();
    saveCheckpoint(folder, checkpointOf(loop, program, now, step));
    onEvent?.({ kind: 'saved', step });
  };
  const validate = async () => {
    if (!loop.validate) return;
    const terms = await loop.validate(step, averagedOf(loop, await program.read()));
    await log.write(step, Object.fromEntries(Object.entries(terms).map(([k, v]) => [`validation/${k}`, v])));
    onEvent?.({ kind: 'validated', step, terms });
  };
  try {
    let skipped = 0;
    let next = Promise.resolve(loop.batch(step));
    while (step < maxSteps) {
      signal?.throwIfAborted();
      const feeds = await next;
      const running = program.step(feeds, { step: step + 1, lr: loop.learningRate(step), maxNorm: clipper.limit() });
      // The next batch is made ready while this step runs in its own thread.
      if (step + 1 < maxSteps) next = Promise.resolve().then(() => loop.batch(step + 1));
      const terms = await running;
      if (step + 1 < maxSteps) await next;
      clipper.record(terms.gradNorm);
      skipped = Number.isFinite(terms.gradNorm) ? 0 : skipped + 1;
      if (skipped === PATIENCE)
        throw new Error(
          `train: ${PATIENCE} updates in a row were skipped, their gradients not finite (step ${step + 1}). Lower the learning rate, or look for a division by zero in the loss.`,
        );
      step += 1;
      if (step % loop.logEvery === 0) await log.write(step, terms);
      onEvent?.({ kind: 'step', stage: 'train', step, of: maxSteps, loss: terms.loss });
      if (step % loop.saveEvery === 0) await save();
      if (step % loop.validateEvery === 0 && step < maxSteps) await validate();
    }
    if (step % loop.saveEvery !== 0 && step !== found) await save();
    await validate();
    return averagedOf(loop, await program.read());
  } finally {
    log.close();
    await program.dispose();
  }
}

type Checkpoint = Parameters<typeof saveCheckpoint>[1];

const shaped = (shapes: ReadonlyMap<string, readonly number[]>, name: string, data: Float32Array) => ({
  shape: [...(shapes.get(name) as readonly number[])],
  data,
});

function checkpointOf(loop: TrainLoop, { shapes }: TrainingProgram, now: States, step: number): Checkpoint {
  const split = (pick: (name: string) => Float32Array) =>
    Object.fromEntries(
      loop.models.map((model) => {
        const own = [...shapes.keys()].filter((name) => name.startsWith(`${model}.`));
        return [
          model,
          Object.fromEntries(own.map((name) => [name.slice(model.length + 1), shaped(shapes, name, pick(name))])),
        ];
      }),
    );
  const moments: Record<string, StoredArray> = {};
  for (const key of Object.keys(now)) {
    const [kind, name] = key.split('/'); // 'adam.m/…'; a weight's own name has no slash
    if (name !== undefined && kind !== AVERAGE) moments[key] = shaped(shapes, name, now[key]);
  }
  return {
    step,
    models: split((name) => now[name]),
    ema: { rate: loop.emaRate, models: split((name) => now[averageName(name)] ?? now[name]) },
    moments,
    misc: { identity: loop.identity, clipper: loop.clipper.state() },
  };
}

function statesOf(loop: TrainLoop, checkpoint: Checkpoint, fresh: States): States {
  const states: States = {};
  const take = (name: string, entry: { data: Float32Array } | undefined) => {
    const expected = fresh[name]?.length;
    if (!entry || entry.data.length !== expected)
      throw new Error(
        `train: the checkpoint of ${loop.folder} does not fit: "${name}" must have ${expected ?? 'no'} values, found ${entry?.data.length ?? 'none'}.`,
      );
    states[name] = entry.data;
  };
  for (const model of loop.models)
    for (const [name, entry] of Object.entries(checkpoint.models[model])) {
      const full = `${model}.${name}`;
      take(full, entry);
      if (averageName(full) in fresh) take(averageName(full), checkpoint.ema.models[model][name]);
    }
  for (const [name, entry] of Object.entries(checkpoint.moments)) take(name, entry);
  for (const name of Object.keys(fresh))
    if (!(name in states))
      throw new Error(`train: the checkpoint of ${loop.folder} lacks "${name}". It belongs to another model.`);
  return states;
}

/** The averaged weights by weight name; buffers as they are. */
function averagedOf(loop: TrainLoop, now: States): States {
  const out: States = {};
  for (const [name, data] of Object.entries(now)) {
    const [kind, weight] = name.split('/');
    if (kind === AVERAGE) out[weight] = data;
    else if (loop.buffers?.includes(name)) out[name] = data;
  }
  return out;
}
