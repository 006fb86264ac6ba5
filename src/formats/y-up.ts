/** From the object frame (z up) to the y-up frame of glTF, OBJ and USD: a turn about x. docs/conventions.md, Files. */

/** (x, y, z) → (x, z, −y), row by row. rows [N, 3] */
export function zUpToYUp(rows: Float32Array): Float32Array<ArrayBuffer> {
  const out = new Float32Array(rows.length);
  for (let i = 0; i < rows.length; i += 3) {
    out[i] = rows[i];
    out[i + 1] = rows[i + 2];
    out[i + 2] = 0 - rows[i + 1];
  }
  return out;
}
