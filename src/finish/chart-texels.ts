/** The texels of a texture that a mesh uses: those whose middle lies in a face's triangle of the atlas. */
export interface ChartTexels {
  readonly faces: Int32Array; // [T²], −1 where there is none
  readonly weights: Float32Array; // [T², 3], barycentric, of the face's corners
  /** Texels whose middle lies inside more than one face: charts that overlap. */
  readonly overlaps: number;
  readonly covered: number;
}

/** Inside by more than this share of the face: what lies on a common edge is in one face. */
const EDGE = 1e-6;

/** uvs [V, 2] in [0, 1], v down; indices [F, 3]. Parts of faces outside the texture are left out. */
export function chartTexels(uvs: Float32Array, indices: Uint32Array, size: number): ChartTexels {
  const faces = new Int32Array(size * size).fill(-1);
  const weights = new Float32Array(size * size * 3);
  const isShared = new Uint8Array(size * size);
  const isInner = new Uint8Array(size * size);
  let overlaps = 0;
  let covered = 0;
  for (let f = 0; f < indices.length / 3; f++) {
    const [a, b, c] = [2 * indices[3 * f], 2 * indices[3 * f + 1], 2 * indices[3 * f + 2]];
    const [ax, ay] = [uvs[a] * size, uvs[a + 1] * size];
    const [bx, by] = [uvs[b] * size - ax, uvs[b + 1] * size - ay];
    const [cx, cy] = [uvs[c] * size - ax, uvs[c + 1] * size - ay];
    const twiceArea = bx * cy - by * cx;
    if (!(Math.abs(twiceArea) > 1e-12)) continue;
    const left = Math.max(0, Math.ceil(ax + Math.min(0, bx, cx) - 0.5));
    const right = Math.min(size - 1, Math.floor(ax + Math.max(0, bx, cx) - 0.5));
    const top = Math.max(0, Math.ceil(ay + Math.min(0, by, cy) - 0.5));
    const bottom = Math.min(size - 1, Math.floor(ay + Math.max(0, by, cy) - 0.5));
    for (let y = top; y <= bottom; y++) {
      for (let x = left; x <= right; x++) {
        const [dx, dy] = [x + 0.5 - ax, y + 0.5 - ay];
        const wb = (dx * cy - dy * cx) / twiceArea;
        const wc = (bx * dy - by * dx) / twiceArea;
        const least = Math.min(wb, wc, 1 - wb - wc);
        if (least < -EDGE) continue;
        const at = y * size + x;
        const inner = least > EDGE ? 1 : 0;
        if (inner && isInner[at] && !isShared[at]) {
          isShared[at] = 1;
          overlaps++;
        }
        isInner[at] |= inner;
        if (faces[at] >= 0) continue;
        covered++;
        faces[at] = f;
        weights[3 * at] = 1 - wb - wc;
        weights[3 * at + 1] = wb;
        weights[3 * at + 2] = wc;
      }
    }
  }
  return { faces, weights, overlaps, covered };
}
