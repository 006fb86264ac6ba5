/**
 * Fills what cannot be reached from outside, so that a closed shell one voxel thick becomes one solid. Air flows from
 * the border of the grid through faces (6-connectivity). occupancy [R, R, R], 0 or 1 → [R, R, R].
 * @param sealGaps while the air flows, matter is thickened by this many voxels, so that holes up to twice as wide do
 *   not let it in; air then takes back the thickening. 0 for no sealing.
 */
export function fillInterior(occupancy: Uint8Array, resolution: number, sealGaps = 0): Uint8Array {
  // one layer of air around, `sealGaps` more so that thickened matter cannot block it
  const pad = 1 + sealGaps;
  const n = resolution + 2 * pad;
  const at = (x: number, y: number, z: number) => (x * n + y) * n + z;
  const matter = new Uint8Array(n ** 3);
  for (let x = 0, i = 0; x < resolution; x++)
    for (let y = 0; y < resolution; y++)
      for (let z = 0; z < resolution; z++, i++) matter[at(x + pad, y + pad, z + pad)] = occupancy[i];

  let wall = matter;
  for (let step = 0; step < sealGaps; step++) wall = grow(wall, n);

  let air = new Uint8Array(n ** 3);
  const open = new Int32Array(n ** 3);
  let count = 1; // voxels met; open[0] is the corner 0, which is air
  air[0] = 1;
  for (let next = 0; next < count; next++) {
    const i = open[next];
    const [x, y, z] = [(i / (n * n)) | 0, ((i / n) | 0) % n, i % n];
    for (let face = 0; face < 6; face++) {
      const step = face & 1 ? 1 : -1;
      const axis = face >> 1;
      const along = axis === 0 ? x : axis === 1 ? y : z;
      if (along + step < 0 || along + step >= n) continue;
      const j = i + step * (axis === 0 ? n * n : axis === 1 ? n : 1);
      if (air[j] || wall[j]) continue;
      air[j] = 1;
      open[count++] = j;
    }
  }
  for (let step = 0; step < sealGaps; step++) {
    air = grow(air, n);
    for (let i = 0; i < air.length; i++) if (matter[i]) air[i] = 0;
  }

  const filled = new Uint8Array(resolution ** 3);
  for (let x = 0, i = 0; x < resolution; x++)
    for (let y = 0; y < resolution; y++)
      for (let z = 0; z < resolution; z++, i++) filled[i] = air[at(x + pad, y + pad, z + pad)] ? 0 : 1;
  return filled;
}

/** Each set voxel of [n, n, n] also sets its six neighbors. */
function grow(grid: Uint8Array, n: number): Uint8Array<ArrayBuffer> {
  const grown = new Uint8Array(grid);
  for (let x = 0, i = 0; x < n; x++)
    for (let y = 0; y < n; y++)
      for (let z = 0; z < n; z++, i++) {
        if (!grid[i]) continue;
        if (x > 0) grown[i - n * n] = 1;
        if (x < n - 1) grown[i + n * n] = 1;
        if (y > 0) grown[i - n] = 1;
        if (y < n - 1) grown[i + n] = 1;
        if (z > 0) grown[i - 1] = 1;
        if (z < n - 1) grown[i + 1] = 1;
      }
  return grown;
}
