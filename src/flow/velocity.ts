/**
 * What a network puts out: the velocity, as the published ones, or the data x0 that `x` hides. A token that holds more
 * numbers than the network has to spare cannot pass the noise of a velocity through; the data has fewer dimensions.
 * Source: Li & He 2025, "Back to Basics: Let Denoising Generative Models Denoise".
 */
export type Prediction = 'velocity' | 'x0';

/** dx/dt at `x` [n] and flow time `t` in [0, 1] → [n]. The array returned belongs to the caller; `x` must not be changed. */
export type Velocity = (x: Float32Array, t: number) => Promise<Float32Array>;
