export interface LearningRateSchedule {
  learningRate: number;
  /** steps of linear warm-up */
  warmupSteps: number;
  maxSteps: number;
  /** share of the rate left at the end of the cosine; 1 keeps it constant */
  finalLearningRate: number;
}

/** Learning rate of step `step` (from 0): linear warm-up, then a half cosine down to its final share. */
export function learningRateAt(
  step: number,
  { learningRate, warmupSteps, maxSteps, finalLearningRate }: LearningRateSchedule,
): number {
  if (step < warmupSteps) return (learningRate * (step + 1)) / warmupSteps;
  const done = Math.min(1, (step - warmupSteps) / Math.max(1, maxSteps - warmupSteps));
  return learningRate * (finalLearningRate + ((1 - finalLearningRate) / 2) * (1 + Math.cos(Math.PI * done)));
}
