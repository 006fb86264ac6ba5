// The path from noise to data.

export { euler } from './euler.ts';
export { evaluatedSteps, type FewerEvaluations, fastEvaluations, fewerEvaluations } from './fewer-evaluations.ts';
export { type GuidanceOptions, guided, guidedAtOnce, type VelocityPair } from './guidance.ts';
export { heun } from './heun.ts';
export {
  noiseFromVelocity,
  SIGMA_MIN,
  velocityFromX0,
  velocityPerX0,
  velocityTarget,
  x0FromVelocity,
  xAt,
} from './path.ts';
export { type ScheduleOptions, schedule } from './schedule.ts';
export { mixed, type PromptMix } from './several-prompts.ts';
export type { SolverOptions, SolverStep } from './solver.ts';
// Training: which times are practiced.
export { logitNormal, type TimeDistribution, uniform } from './time-distribution.ts';
// Sampling: a velocity, its guidance, the times, the solvers.
export type { Prediction, Velocity } from './velocity.ts';
