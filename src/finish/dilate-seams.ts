/**
 * Colours around the charts: bilinear lookups at a seam and mip levels read texels that no face covers. Ring by ring, each
 * free texel takes the mean of its neighbors that have a colour, until the texture is full.
 *
 * @param color   [T², 3], written where `filled` is 0
 * @param filled  [T²], 1 where there is a colour; all 1 afterwards, unless nothing was filled at all
 */
export function dilateSeams(color: Float32Array, filled: Uint8Array, size: number): void {
  let ring: number[] = [];
  const isQueued = filled.slice();
  for (let at = 0; at < filled.length; at++) if (filled[at]) enqueueAround(at, ring);
  while (ring.length > 0) {
    const means = new Float32Array(ring.length * 3);
    for (let i = 0; i < ring.length; i++) {
      let count = 0;
      forNeighbors(ring[i], size, (from) => {
        if (!filled[from]) return;
        count++;
        for (let c = 0; c < 3; c++) means[3 * i + c] += color[3 * from + c];
      });
      for (let c = 0; c < 3; c++) means[3 * i + c] /= count;
    }
    const following: number[] = [];
    for (let i = 0; i < ring.length; i++) {
      filled[ring[i]] = 1;
      color.set(means.subarray(3 * i, 3 * i + 3), 3 * ring[i]);
    }
    for (const at of ring) enqueueAround(at, following);
    ring = following;
  }

  function enqueueAround(at: number, queue: number[]): void {
    forNeighbors(at, size, (to) => {
      if (isQueued[to]) return;
      isQueued[to] = 1;
      queue.push(to);
    });
  }
}

function forNeighbors(at: number, size: number, visit: (neighbor: number) => void): void {
  const x = at % size;
  const y = (at - x) / size;
  for (let ny = Math.max(0, y - 1); ny <= Math.min(size - 1, y + 1); ny++)
    for (let nx = Math.max(0, x - 1); nx <= Math.min(size - 1, x + 1); nx++)
      if (nx !== x || ny !== y) visit(ny * size + nx);
}
