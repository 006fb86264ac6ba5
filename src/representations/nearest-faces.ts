/**
 * The face nearest to the eye at each pixel's middle. Vertices come projected: x and y in pixels from the top left, and a
 * nearness that is larger the nearer, and linear over the picture: 1/depth in perspective, −depth in parallel views.
 */
export interface NearestFaces {
  readonly size: number; // pixels per side
  readonly faces: Int32Array; // [size²], −1 where there is none
  readonly nearness: Float32Array; // [size²], −∞ where there is none
}

export function emptyNearestFaces(size: number): NearestFaces {
  return { size, faces: new Int32Array(size * size), nearness: new Float32Array(size * size) };
}

/**
 * Draws into `out`, which is cleared first.
 * @param screen  [V, 3]: x, y, nearness. Faces with a vertex that is not finite (behind the eye) are left out.
 */
export function drawNearestFaces(screen: Float64Array, indices: Uint32Array, out: NearestFaces): void {
  const { size, faces, nearness } = out;
  faces.fill(-1);
  nearness.fill(Number.NEGATIVE_INFINITY);
  for (let f = 0; f < indices.length / 3; f++) {
    const a = 3 * indices[3 * f];
    const b = 3 * indices[3 * f + 1];
    const c = 3 * indices[3 * f + 2];
    const ax = screen[a];
    const ay = screen[a + 1];
    const bx = screen[b] - ax;
    const by = screen[b + 1] - ay;
    const cx = screen[c] - ax;
    const cy = screen[c + 1] - ay;
    const twiceArea = bx * cy - by * cx;
    if (!(Math.abs(twiceArea) > 0) || !Number.isFinite(twiceArea)) continue;
    const left = Math.max(0, Math.ceil(ax + Math.min(0, bx, cx) - 0.5));
    const right = Math.min(size - 1, Math.floor(ax + Math.max(0, bx, cx) - 0.5));
    const top = Math.max(0, Math.ceil(ay + Math.min(0, by, cy) - 0.5));
    const bottom = Math.min(size - 1, Math.floor(ay + Math.max(0, by, cy) - 0.5));
    const near = screen[a + 2];
    const nearB = screen[b + 2] - near;
    const nearC = screen[c + 2] - near;
    // Weights change by a fixed step from pixel to pixel.
    const [bStepX, bStepY] = [cy / twiceArea, -cx / twiceArea];
    const [cStepX, cStepY] = [-by / twiceArea, bx / twiceArea];
    const startX = left + 0.5 - ax;
    for (let y = top; y <= bottom; y++) {
      const dy = y + 0.5 - ay;
      let wb = startX * bStepX + dy * bStepY;
      let wc = startX * cStepX + dy * cStepY;
      for (let at = y * size + left; at <= y * size + right; at++, wb += bStepX, wc += cStepX) {
        if (wb < 0 || wc < 0 || wb + wc > 1) continue;
        const value = near + wb * nearB + wc * nearC;
        if (value > nearness[at]) {
          nearness[at] = value;
          faces[at] = f;
        }
      }
    }
  }
}
