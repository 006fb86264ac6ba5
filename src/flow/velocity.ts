/** dx/dt at `x` [n] and flow time `t` in [0, 1] → [n]. The array returned belongs to the caller; `x` must not be changed. */
export type Velocity = (x: Float32Array, t: number) => Promise<Float32Array>;
