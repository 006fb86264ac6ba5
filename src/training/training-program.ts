import {
  add,
  compile,
  type Device,
  type Draws,
  floats,
  gradients,
  initialize,
  mul,
  type Program,
  type Scope,
  type Tensor,
  type Value,
} from '../tensor/index.ts';
import { stepScalars } from './adamw.ts';
import { averageName, momentNames, type OptimizerOptions, optimizer as optimizerGraph } from './optimizer.ts';

export interface TrainingProgramOptions {
  /** every weight, declared by building the loss */
  weights: Scope;
  /** names of stored buffers, which are not trained */
  buffers?: readonly string[];
  /** the loss of each micro-batch; their mean is minimised */
  losses: readonly Tensor[];
  /** scalars to report, besides `loss` and `gradNorm` */
  terms?: Readonly<Record<string, Tensor>>;
  optimizer?: OptimizerOptions;
  device?: Device | 'auto';
  threads?: number;
}

export type States = Record<string, Float32Array>;

/** A loss, its gradients and its optimiser in one session that keeps all state. Owned by the loop; dispose it. */
export interface TrainingProgram {
  /** One update, number `step` from 1. A gradient that is not finite leaves every state as it was. */
  step(
    feeds: Readonly<Record<string, Value>>,
    at: { step: number; lr: number; maxNorm: number },
  ): Promise<Record<string, number>>;
  read(): Promise<States>;
  dispose(): Promise<void>;
  readonly shapes: ReadonlyMap<string, readonly number[]>;
}

/** Fresh weights, zero moments, averages equal to the weights. */
export function initialStates(
  weights: Scope,
  buffers: readonly string[],
  rng: Draws,
  optimizer: OptimizerOptions = {},
): States {
  const states: States = {};
  for (const [name, p] of weights.parameters) {
    const values = initialize(p.attributes.init, p.shape, rng);
    states[name] = values;
    if (buffers.includes(name)) continue;
    for (const moment of momentNames(name, p.shape.length, optimizer)) states[moment] = new Float32Array(values.length);
    if (optimizer.emaRate !== undefined) states[averageName(name)] = values.slice();
  }
  return states;
}

export async function trainingProgram(options: TrainingProgramOptions, states: States): Promise<TrainingProgram> {
  const { weights, buffers = [], losses, terms = {}, optimizer = {} } = options;
  const trained = new Map([...weights.parameters].filter(([name]) => !buffers.includes(name)));
  const loss = mul(
    losses.reduce((a, b) => add(a, b)),
    1 / losses.length,
  );
  const grads = gradients(loss, [...trained.values()]);
  const { gradNorm, updates } = optimizerGraph(trained, grads, optimizer);
  const outputs = { loss, gradNorm, ...terms };
  const program: Program = await compile(outputs, {
    device: options.device,
    threads: options.threads,
    state: states,
    updates,
    advanceWhenFinite: 'gradNorm',
  });
  const shapes = new Map([...weights.parameters].map(([name, p]) => [name, p.shape as readonly number[]]));
  return {
    shapes,
    async step(feeds, { step, lr, maxNorm }) {
      const scalars = stepScalars(step, lr, maxNorm, optimizer.betas);
      const wire = Object.fromEntries(
        Object.entries(scalars).map(([name, v]) => [name, floats(Float32Array.of(v), [])]),
      );
      const out = await program.run({ ...feeds, ...wire });
      return Object.fromEntries(Object.entries(out).map(([name, v]) => [name, Number(v.data[0])]));
    },
    read: () => program.readState(Object.keys(states)),
    dispose: () => program.dispose(),
  };
}
